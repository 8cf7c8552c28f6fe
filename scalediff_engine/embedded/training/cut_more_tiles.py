"""Cuts additional tiles from the large photographs of packages that the corpus already uses.

Input: curated.json (path -> label, held) over the packages unpacked in x/.
Output: corpus_more.tar (mNNNNN_photo.webp) and corpus_more_tiles.json (the source of every tile).
"""

import io
import json
import os
import random
import sys
import tarfile

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

Image.MAX_IMAGE_PIXELS = None
TILE, PER_PICTURE, BUDGET = 384, 34, 30.0e6
PACKAGES = ("budgie-backgrounds", "mate-backgrounds", "lomiri-wallpapers", "plasma-workspace")


def detail(tile):
    """Mean |luma - gaussian(luma)|, the measure of the first corpus."""
    luma = tile.astype(np.float32).mean(2)
    return float(np.abs(luma - gaussian_filter(luma, 1.0)).mean())


def cut(path):
    """All tiles of one picture on a coarse set of scales, the detailed ones first."""
    rng = random.Random("more" + path)
    picture = Image.open(path).convert("RGB")
    found = []
    for side in (2400, 1700, 1200, 850):
        scale = side / max(picture.size)
        if scale > 1:
            continue
        size = round(picture.width * scale), round(picture.height * scale)
        if min(size) < TILE:
            continue
        array = np.asarray(picture.resize(size, Image.LANCZOS))
        columns, rows = size[0] // TILE, size[1] // TILE
        left = rng.randint(0, size[0] - columns * TILE)
        top = rng.randint(0, size[1] - rows * TILE)
        for row in range(rows):
            for column in range(columns):
                y, x = top + row * TILE, left + column * TILE
                tile = array[y : y + TILE, x : x + TILE]
                found.append((detail(tile), scale, tile))
    good = [f for f in found if f[0] > 2.0]
    good.sort(key=lambda f: -(min(f[0], 9) + rng.uniform(0, 5)))
    return good[:PER_PICTURE]


def main():
    curated = json.load(open(sys.argv[1]))

    def wallpaper(path):
        return path.split("/wallpapers/")[1].split("/")[0] if "/wallpapers/" in path else None

    held = {wallpaper(p) for p in curated if curated[p]["held"]} - {None}
    paths = [
        p
        for p, m in curated.items()
        if m["label"] == "photo"
        and not m["held"]
        and wallpaper(p) not in held
        and any(k in p for k in PACKAGES)
        and os.path.exists(p)
    ]
    tiles = []
    for path in sorted(paths):
        for d, scale, tile in cut(path):
            buffer = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(tile)).save(buffer, "WEBP", quality=92, method=3)
            tiles.append((path, scale, d, buffer.getvalue()))
        print(path, len(tiles), sum(len(t[3]) for t in tiles) / 1e6, flush=True)
    random.Random(7).shuffle(tiles)
    total, sources = 0, []
    with tarfile.open("corpus_more.tar", "w") as archive:
        for i, (path, scale, d, data) in enumerate(tiles):
            total += len(data) + 600
            if total > BUDGET:
                break
            info = tarfile.TarInfo(f"m{i:05d}_photo.webp")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
            sources.append(
                dict(name=info.name, src=path, scale=round(scale, 3), detail=round(d, 2))
            )
    json.dump(sources, open("corpus_more_tiles.json", "w"))
    print(len(sources), "tiles", total / 1e6, "MB")


if __name__ == "__main__":
    main()
