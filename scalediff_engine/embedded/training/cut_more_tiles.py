"""Cuts additional tiles, at scales of their own, from pictures that the corpus already uses.

Input: curated.json (path -> label, held) over the packages unpacked in x/, and
corpus_licences.json of settle_licences.py: pictures whose licence is open are left out.
Output: corpus_more.tar (mNNNNN_<label>.webp) and corpus_more_tiles.json (the source of every tile).

    python cut_more_tiles.py curated.json corpus_licences.json
"""

import hashlib
import io
import json
import os
import pickle
import random
import sys
import tarfile
from multiprocessing import Pool

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

try:
    import pillow_jxl  # noqa: F401  (gnome-backgrounds ships JPEG XL)
except ImportError:
    pass

Image.MAX_IMAGE_PIXELS = None
TILE, FIRST = 384, 2000  # the numbers below belong to two earlier cuts
SIDES = {  # longest side after reduction, pixels
    "photo": (2800, 2000, 1450, 1000, 720),
    "painting": (2900, 2050, 1400, 950),
    "texture": (2000, 1400, 1000, 700, 512),
}
SMALL_SCALES = (1.0, 0.8, 0.6, 0.45)  # of pictures below 2000 pixels
PER_PICTURE = {"photo": 22, "painting": 12, "texture": 8}
LEAST_DETAIL = {"photo": 2.0, "painting": 1.7, "texture": 2.2}
BUDGET = {"photo": 22.0e6, "painting": 13.0e6, "texture": 6.5e6}  # bytes
REFUSED = ("GFDL", "-NC", "-ND", "sampling")
LETTERS = ("/symbolic-soup-", "/keys-")  # pictures of signs and letters
CACHE = "cut"


def detail(tile):
    """Mean |luma - gaussian(luma)|, the measure of the first corpus."""
    luma = tile.astype(np.float32).mean(2)
    return float(np.abs(luma - gaussian_filter(luma, 1.0)).mean())


def flat_share(tile):
    """Share of 8x8 blocks without any texture: high in vector art."""
    blocks = tile.astype(np.float32).mean(2).reshape(48, 8, 48, 8)
    return float((blocks.std((1, 3)) < 0.7).mean())


def cut(job):
    """The best tiles of one picture, detailed ones first: (path, label, scale, detail, WebP)."""
    path, label = job
    cache = os.path.join(CACHE, hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest())
    if os.path.exists(cache):
        with open(cache, "rb") as file:
            return pickle.load(file)
    rng = random.Random("more2" + path)

    def order(found):
        found.sort(key=lambda f: -(min(f[0], 9) + rng.uniform(0, 5)))

    picture, found = Image.open(path).convert("RGB"), []
    longest = max(picture.size)
    scales = SMALL_SCALES if longest < 2000 else [side / longest for side in SIDES[label]]
    for scale in scales:
        w, h = round(picture.width * scale), round(picture.height * scale)
        if scale > 1 or min(w, h) < TILE:
            continue
        array = np.asarray(picture.resize((w, h), Image.LANCZOS) if scale < 1 else picture)
        left, top = rng.randint(0, w % TILE), rng.randint(0, h % TILE)
        here = []
        for y in range(top, h - TILE + 1, TILE):
            for x in range(left, w - TILE + 1, TILE):
                tile = np.ascontiguousarray(array[y : y + TILE, x : x + TILE])
                measure = detail(tile)
                if measure > LEAST_DETAIL[label] and flat_share(tile) < 0.35:
                    here.append((measure, scale, tile))
        order(here)
        found += here[: max(3, PER_PICTURE[label] // 2)]
    order(found)
    tiles = []
    for measure, scale, tile in found[: PER_PICTURE[label]]:
        buffer = io.BytesIO()
        Image.fromarray(tile).save(buffer, "WEBP", quality=92, method=3)
        tiles.append((path, label, scale, measure, buffer.getvalue()))
    with open(cache + ".part", "wb") as file:
        pickle.dump(tiles, file)
    os.replace(cache + ".part", cache)
    return tiles


def wallpaper(path):
    """Name of the wallpaper that a file is one size or one version of, or None."""
    return path.split("/wallpapers/")[1].split("/")[0] if "/wallpapers/" in path else None


def usable(curated, licences):
    """(path, label) of the pictures that may be cut: not held out, licence settled, no letters."""
    held = {wallpaper(p) for p, m in curated.items() if m["held"]} - {None}

    def settled(path):
        licence, ground = licences[path.removeprefix("x/")][:2]
        return ground != "open" and not any(word in licence for word in REFUSED)

    return [
        (path, m["label"])
        for path, m in curated.items()
        if not m["held"]
        and wallpaper(path) not in held
        and m["alpha"] <= 0.08
        and m["w"] * m["h"] >= TILE * TILE
        and settled(path)
        and not any(word in path for word in LETTERS)
        and os.path.exists(path)
    ]


def chosen(groups):
    """Tiles by turns, one of every picture, until the label's budget is spent."""
    kept = []
    for label, pictures in groups.items():
        random.Random(11).shuffle(pictures)
        spent = 0
        for turn in range(PER_PICTURE[label]):
            for tiles in pictures:
                if turn < len(tiles) and spent < BUDGET[label]:
                    kept.append(tiles[turn])
                    spent += len(tiles[turn][4]) + 1024
        print(label, len(pictures), "pictures", spent / 1e6, "MB")
    random.Random(7).shuffle(kept)
    return kept


def main():
    with open(sys.argv[1]) as file:
        curated = json.load(file)
    with open(sys.argv[2]) as file:
        licences = json.load(file)["pictures"]
    os.makedirs(CACHE, exist_ok=True)
    groups = {}
    with Pool() as pool:
        for tiles in pool.imap(cut, usable(curated, licences)):
            if tiles:
                m = curated[tiles[0][0]]
                small = m["w"] * m["h"] < 2.5e6
                groups.setdefault(m["label"], []).append(tiles[:4] if small else tiles)
    sources = []
    archive = tarfile.open("corpus_more.tar", "w")
    for i, (path, label, scale, measure, data) in enumerate(chosen(groups)):
        info = tarfile.TarInfo(f"m{i + FIRST:05d}_{label}.webp")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
        sources.append(
            dict(
                name=info.name,
                src=path,
                scale=round(scale, 3),
                detail=round(measure, 2),
                licence=licences[path.removeprefix("x/")][0],
            )
        )
    archive.close()
    with open("corpus_more_tiles.json", "w") as file:
        json.dump(sources, file)
    print(len(sources), "tiles")


if __name__ == "__main__":
    main()
