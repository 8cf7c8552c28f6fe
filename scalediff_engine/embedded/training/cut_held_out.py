"""Cuts the pictures that are never trained on, as `held_out.json` lists them.

The list has two sets. "choosing": tiles of 384 px, to choose weights and settings with.
"reporting": crops of up to 512 px, for final figures only, never for a choice. Input: the packages
named in the list, unpacked in x/. Output: OUT/choosing/*.png and OUT/reporting/*.png.

    python cut_held_out.py held_out.json OUT
"""

import argparse
import hashlib
import json
from pathlib import Path

from PIL import Image

try:
    import pillow_jxl  # noqa: F401
except ImportError:
    pass

Image.MAX_IMAGE_PIXELS = None


def cut(entry):
    """The crop of one entry.

    Raises:
        ValueError: the picture is not the one that was listed.
    """
    path = Path(entry["src"])
    if hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
        raise ValueError(f"{path} is another picture than the one listed: use the version listed.")
    picture = Image.open(path).convert("RGBA")
    ground = Image.new("RGBA", picture.size, "white")
    picture = Image.alpha_composite(ground, picture).convert("RGB")
    if picture.size != tuple(entry["size"]):
        picture = picture.resize(entry["size"], Image.Resampling.LANCZOS)
    return picture.crop(entry["box"])


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("list")
    ap.add_argument("out", type=Path)
    a = ap.parse_args()
    for entry in json.loads(Path(a.list).read_text()):
        target = a.out / entry["set"] / entry["name"]
        target.parent.mkdir(parents=True, exist_ok=True)
        cut(entry).save(target)


if __name__ == "__main__":
    main()
