"""Draws tiles of lettering, which photographs and paintings hardly have.

Words are made up of syllables; the fonts are free ones of Debian packages (`FONTS`), and none of
those that the bench of lettering draws with. Input: a folder over the unpacked font packages
(Cantarell as single weights is in bullseye's package alone; newer ones have a variable font).
Output: corpus_text.tar (tNNNNN_<label>.webp, lossless).

    python draw_text_tiles.py FOLDER
"""

import io
import random
import sys
import tarfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

TILE, TILES = 384, 128
FONTS = (  # packages, versions and licences: CORPUS.md
    "Lato-Regular Lato-Bold Lato-Light Lato-Italic Roboto-Regular Roboto-Medium Roboto-Italic"
    " OpenSans-Regular OpenSans-Semibold OpenSans-Italic ComicNeue-Regular ComicNeue-Bold"
    " ComicNeue-Italic EBGaramond12-Regular EBGaramond12-Italic LinLibertine_R LinLibertine_RB"
    " LinLibertine_RI LinBiolinum_R Cantarell-Regular Quicksand-Regular Quicksand-Bold Inconsolata"
).split()
STARTS = "b c d f g h j k l m n p r s t v w z bl br ch cl cr dr fl gr pl pr sh st th tr qu".split()
ENDS = ["", "n", "r", "s", "t", "l", "m", "ck", "nd", "st", "x", "y", "ng"]
MARKS = ["", "", "", "", ",", ".", "!", "?", ":", ";"]


def word(rng):
    """A made-up word, sometimes a number or in capitals."""
    if rng.random() < 0.1:
        return str(rng.randint(1, 99999))
    syllables = (rng.choice(STARTS) + rng.choice("aeiouaeio") for _ in range(rng.randint(1, 3)))
    made = "".join(syllables) + rng.choice(ENDS)
    case = rng.random()
    made = made.upper() if case < 0.12 else made.capitalize() if case < 0.35 else made
    return made + rng.choice(MARKS)


def colours(rng):
    """Paper and ink: mostly dark on light, or the other way round; some in colour."""
    tint = 40 if rng.random() < 0.5 else 6
    light = tuple(255 - rng.randint(0, tint) for _ in range(3))
    dark = tuple(rng.randint(0, tint * 2) for _ in range(3))
    return (light, dark) if rng.random() < 0.75 else (dark, light)


def tile(rng, fonts):
    """Lines of one page, cut anywhere; a fifth of the pages are turned a little."""
    paper, ink = colours(rng)
    side = TILE + 160
    page = Image.new("RGB", (side, side), paper)
    draw, y = ImageDraw.Draw(page), -rng.randint(0, 20)
    em = rng.choice((12, 14, 16, 18, 20, 22, 24, 28, 32, 40))
    font = rng.choice(fonts)
    while y < side:
        if rng.random() < 0.35:
            font = rng.choice(fonts)
        size = max(11, round(em * rng.uniform(0.8, 1.25)))
        face = ImageFont.truetype(str(font), size)
        line = " ".join(word(rng) for _ in range(40))
        draw.text((-rng.randint(0, 3 * size), y), line, ink, face)
        if rng.random() < 0.08:
            draw.line((0, y + size * 1.2, side, y + size * 1.2), ink, rng.randint(1, 3))
        y += round(size * rng.uniform(1.15, 1.9))
    if rng.random() < 0.2:
        page = page.rotate(rng.uniform(-12, 12), Image.BICUBIC)
    left, top = (side - TILE) // 2, (side - TILE) // 2
    return page.crop((left, top, left + TILE, top + TILE))


def main(folder):
    """Draw all tiles; the seed is fixed."""
    found = {p.stem: p for p in sorted(Path(folder).rglob("*")) if p.suffix in (".ttf", ".otf")}
    fonts, rng = [found[name] for name in FONTS], random.Random(11)
    with tarfile.open("corpus_text.tar", "w") as tar:
        for i in range(TILES):
            kept = io.BytesIO()
            tile(rng, fonts).save(kept, "WEBP", lossless=True, method=6)
            about = tarfile.TarInfo(f"t{i:05d}_{'painting' if i % 3 == 2 else 'photo'}.webp")
            about.size = kept.tell()
            tar.addfile(about, io.BytesIO(kept.getvalue()))


if __name__ == "__main__":
    main(sys.argv[1])
