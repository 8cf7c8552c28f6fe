"""Cuts tiles of soft and smooth places, which the other cuts pass over for their lack of detail.

Without them a model believes that everything has detail: blurred backgrounds get grain and flat
paint gets strokes. Pictures, scales and rules are those of `cut_more_tiles.py`; what is cut has
less detail than any tile there, but is not empty. Input as there. Output: corpus_smooth.tar
(sNNNNN_<label>.webp) and corpus_smooth_tiles.json.

    python cut_smooth_tiles.py curated.json corpus_licences.json
"""

import io
import json
import random
import sys
import tarfile
from multiprocessing import Pool

import numpy as np
from cut_more_tiles import LEAST_DETAIL, SIDES, SMALL_SCALES, TILE, detail, usable
from PIL import Image

DETAIL = 0.5  # at least, and less than `LEAST_DETAIL`
CONTRAST = 10  # standard deviation of the luma, at least
PER_PICTURE = {"photo": 4, "painting": 3, "texture": 1}
TILES = 420


def cut(job):
    """Smooth tiles of one picture, drawn by lot: (path, label, scale, detail, WebP)."""
    path, label = job
    rng = random.Random("smooth" + path)
    picture, found = Image.open(path).convert("RGB"), []
    longest = max(picture.size)
    scales = SMALL_SCALES if longest < 2000 else [side / longest for side in SIDES[label]]
    for scale in scales[:3]:
        w, h = round(picture.width * scale), round(picture.height * scale)
        if scale > 1 or min(w, h) < TILE:
            continue
        array = np.asarray(picture.resize((w, h), Image.LANCZOS) if scale < 1 else picture)
        left, top = rng.randint(0, w % TILE), rng.randint(0, h % TILE)
        for y in range(top, h - TILE + 1, TILE):
            for x in range(left, w - TILE + 1, TILE):
                tile = np.ascontiguousarray(array[y : y + TILE, x : x + TILE])
                measure = detail(tile)
                enough = tile.astype(np.float32).mean(2).std() > CONTRAST
                if enough and DETAIL < measure < LEAST_DETAIL[label]:
                    found.append((measure, scale, tile))
    tiles = []
    for measure, scale, tile in rng.sample(found, min(len(found), PER_PICTURE[label])):
        buffer = io.BytesIO()
        Image.fromarray(tile).save(buffer, "WEBP", quality=92, method=4)
        tiles.append((path, label, scale, measure, buffer.getvalue()))
    return tiles


def main():
    with open(sys.argv[1]) as file:
        curated = json.load(file)
    with open(sys.argv[2]) as file:
        licences = json.load(file)["pictures"]
    with Pool() as pool:
        cuts = [tile for tiles in pool.imap(cut, usable(curated, licences)) for tile in tiles]
    random.Random(13).shuffle(cuts)
    sources = []
    with tarfile.open("corpus_smooth.tar", "w") as archive:
        for i, (path, label, scale, measure, data) in enumerate(cuts[:TILES]):
            info = tarfile.TarInfo(f"s{i:05d}_{label}.webp")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
            source = dict(name=info.name, src=path, scale=round(scale, 3), detail=round(measure, 2))
            sources.append(dict(source, licence=licences[path.removeprefix("x/")][0]))
    with open("corpus_smooth_tiles.json", "w") as file:
        json.dump(sources, file)
    print(len(sources), "of", len(cuts), "tiles")


if __name__ == "__main__":
    main()
