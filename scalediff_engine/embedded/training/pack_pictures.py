"""Packs whole settled pictures into archives for training.

Tiles hold a place at one scale; a whole picture holds all of its places at all smaller scales, so
`train.py` cuts crops of any size from it. Pictures are reduced to a size at which they are sharp
and stored as WebP. Cut-outs (portraits) are put over a painted landscape. Pictures whose licence is
open, held-out ones, and those with letters are left out, by the rules of `cut_more_tiles.py`.

Input: curated.json over the packages unpacked in x/, and corpus_licences.json. Output:
pictures_1.tar, ... (pNNNN_<label>.webp), shuffled, and corpus_pictures.json (source, licence,
hash).

    python pack_pictures.py curated.json corpus_licences.json --text corpus_text.tar
"""

import argparse
import hashlib
import io
import json
import random
import tarfile
from multiprocessing import Pool
from pathlib import Path

from cut_more_tiles import usable
from PIL import Image

try:
    import pillow_jxl  # noqa: F401  (gnome-backgrounds ships JPEG XL)
except ImportError:
    pass

Image.MAX_IMAGE_PIXELS = None
LONGEST = {"photo": 2304, "painting": 2304, "texture": 1280}  # pixels
LEAST = 320  # shorter side, pixels
CUT_OUT = 0.08  # share of transparent pixels
landscapes = []


def over_landscape(picture, rng):
    """A cut-out over a random part of a painted landscape."""
    seen = picture.getchannel("A").point(lambda v: 255 if v > 20 else 0).getbbox()
    picture = picture.crop(seen)
    ground = Image.open(rng.choice(landscapes)).convert("RGB")
    scale = max(a / b for a, b in zip(picture.size, ground.size)) * rng.uniform(1, 1.6)
    size = tuple(int(side * scale) + 1 for side in ground.size)
    ground = ground.resize(size, Image.Resampling.LANCZOS)
    x, y = (rng.randint(0, b - a) for a, b in zip(picture.size, ground.size))
    ground = ground.crop((x, y, x + picture.width, y + picture.height)).convert("RGBA")
    return Image.alpha_composite(ground, picture).convert("RGB")


def packed(job):
    """(path, label, size, WebP) of one picture; None where it is too small."""
    path, label, is_cut_out, quality = job
    picture = Image.open(path)
    if is_cut_out:
        picture = over_landscape(picture.convert("RGBA"), random.Random(path))
    picture = picture.convert("RGB")
    scale = min(1.0, LONGEST[label] / max(picture.size))
    if scale < 1:
        size = tuple(round(side * scale) for side in picture.size)
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    if min(picture.size) < LEAST:
        return None
    kept = io.BytesIO()
    picture.save(kept, "WEBP", quality=quality, method=4)
    return path, label, picture.size, kept.getvalue()


def lettering(archive):
    """The drawn tiles of lettering, as they are."""
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            label = member.name.split("_")[1].split(".")[0]
            yield member.name, label, (384, 384), tar.extractfile(member).read()


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("curated")
    ap.add_argument("licences")
    ap.add_argument("--text", help="archive of draw_text_tiles.py")
    ap.add_argument("--quality", type=int, default=96)
    ap.add_argument("--archive-bytes", type=int, default=14_500_000)
    a = ap.parse_args()
    curated = json.loads(Path(a.curated).read_text())
    licences = json.loads(Path(a.licences).read_text())["pictures"]
    jobs = [(*job, False, a.quality) for job in usable(curated, licences)]
    landscapes.extend(job[0] for job in jobs if "/story/" in job[0])
    opaque = {path: dict(m, alpha=0) for path, m in curated.items() if m["alpha"] > CUT_OUT}
    jobs += [(*job, True, a.quality) for job in usable(opaque, licences) if "/portraits/" in job[0]]
    with Pool() as pool:
        pictures = [p for p in pool.imap(packed, jobs, chunksize=4) if p]
    if a.text:
        pictures += lettering(a.text)
    random.Random(17).shuffle(pictures)
    sources, archive, number, filled = [], None, 0, a.archive_bytes
    for i, (path, label, size, data) in enumerate(pictures):
        if filled + len(data) + 1024 > a.archive_bytes:
            if archive:
                archive.close()
            number, filled = number + 1, 0
            archive = tarfile.open(f"pictures_{number}.tar", "w")
        info = tarfile.TarInfo(f"p{i:04d}_{label}.webp")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
        filled += (len(data) + 511) // 512 * 512 + 512
        said = licences.get(path.removeprefix("x/"), ["drawn"])[0]
        sources.append(
            dict(
                name=info.name,
                archive=number,
                src=path,
                size=size,
                licence=said,
                sha256=hashlib.sha256(data).hexdigest(),
            )
        )
    archive.close()
    with open("corpus_pictures.json", "w") as file:
        json.dump(sources, file, indent=0)
    total = sum(w * h for _, _, (w, h), _ in pictures) / 1e6
    print(len(pictures), "pictures", round(total), "Mpx", number, "archives")


if __name__ == "__main__":
    main()
