"""Shrink pictures, upscale them back, compare with the original: tables and crops.

``python -m scalediff_engine.bench.quality PICTURE... --output docs``

Writes ``quality.json`` and the crops, and renews the tables between the markers in ``quality.md``;
with ``--ablations`` those of the method's parts. A picture named ``..._painting.png`` or
``..._texture.png`` gets that prompt.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from scalediff_engine.bench.metrics import Measures, SeamScore, measure
from scalediff_engine.bench.rivals import DIRECT, SCALEDIFF, Rival, all_rivals
from scalediff_engine.geometry import Size
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.reader import read
from scalediff_engine.images.resample import Kernel, resize
from scalediff_engine.models import families

SCALES = (2, 4)
CROP_PX = 160
CROP_RIVALS = ("bicubic", "Lanczos", SCALEDIFF)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, prog="quality")
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, default=Path("docs"))
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=int, action="append", help="2 and 4 unless given")
    parser.add_argument("--ablations", action="store_true", help="parts of the method instead")
    options = parser.parse_args(arguments)
    model = families.load(options.model)
    rivals = all_rivals(model, options.seed)
    place = [rival.name for rival in rivals].index(SCALEDIFF)
    rivals = rivals[place:] if options.ablations else rivals[: place + 1]
    prefix = "ablations " if options.ablations else ""
    patch_px = model.facts.native.width // 2
    results: dict[str, list[dict[str, object]]] = {}
    for scale in options.scale or SCALES:
        rows = _compare(options.pictures, scale, rivals, patch_px, options.output / "quality")
        results[f"{prefix}x{scale}"] = rows
        renew_table(options.output / "quality.md", f"{prefix}x{scale}", _table(rows))
    known = options.output / "quality" / "quality.json"
    before = json.loads(known.read_text()) if known.is_file() else {}
    known.write_text(json.dumps(before | results, indent=1))


def _compare(
    paths: Sequence[Path], scale: int, rivals: Sequence[Rival], patch_px: int, crops: Path
) -> list[dict[str, object]]:
    measures: dict[str, list[Measures]] = {rival.name: [] for rival in rivals}
    seconds: dict[str, list[float]] = {rival.name: [] for rival in rivals}
    seams = {rival.name: SeamScore() for rival in rivals}
    crops.mkdir(parents=True, exist_ok=True)
    for path in paths:
        original = cut_to(read(path).pixels, scale)
        target = Size(original.shape[1], original.shape[0])
        small_size = Size(target.width // scale, target.height // scale)
        # as a real small file would be: 8 bits
        small = np.round(np.clip(resize(original, small_size), 0, 1) * 255) / np.float32(255)
        panels: dict[str, Pixels] = {}
        for rival in rivals:
            start = time.perf_counter()
            result = rival.run(small, target, _prompt(path))
            seconds[rival.name].append(time.perf_counter() - start)
            measures[rival.name].append(measure(result, original))
            seams[rival.name].add(result, patch_px)
            if rival.name in CROP_RIVALS:
                panels[rival.name] = result
        if CROP_RIVALS[0] in panels:
            panels |= {"original": original}
            save_crop(crops / f"{path.stem}_x{scale}.webp", small, panels)
        print(path.name, f"x{scale}", _brief(measures), flush=True)  # noqa: T201
    return [
        {
            "name": name,
            **{key: _mean(measures[name], key) for key in asdict(measures[name][0])},
            # against direct attention, which has no patches; nothing can be told without it
            "seam": seams[name].ratio / seams[DIRECT].ratio if DIRECT in seams else None,
            "seconds": float(np.mean(seconds[name])),
            "pictures": len(paths),
        }
        for name in measures
    ]


def cut_to(pixels: Pixels, scale: int) -> Pixels:
    """Cut off what does not divide, so that the original is exactly the target's size."""
    rows, cols = (side // scale * scale for side in pixels.shape[:2])
    return pixels[:rows, :cols, :3]


def _prompt(path: Path) -> str:
    words = path.stem.split("_")
    return f"sharp {next((w for w in ('painting', 'texture') if w in words), 'photo')}"


def _mean(measures: Sequence[Measures], key: str) -> float:
    return float(np.mean([asdict(m)[key] for m in measures]))


def _brief(measures: dict[str, list[Measures]]) -> str:
    return " ".join(f"{name}={rows[-1].psnr_db:.2f}" for name, rows in measures.items())


COLUMNS = {
    "": "{name}",
    "PSNR dB": "{psnr_db:.2f}",
    "SSIM": "{ssim:.3f}",
    "power 1/8-1/4": "{power_mid:.0%}",
    "power 1/4-1/2": "{power_top:.0%}",
    "colour shift /255": "{colour_shift:.2f}",
    "seams": "{seam:.3f}",
    "s": "{seconds:.1f}",
}


def _table(rows: Sequence[dict[str, object]]) -> str:
    columns = {k: v for k, v in COLUMNS.items() if k != "seams" or rows[0]["seam"] is not None}
    lines = [
        " | ".join(columns),
        " | ".join("---" for _ in columns),
        *(" | ".join(columns.values()).format(**row) for row in rows),
    ]
    return "".join(f"| {line} |\n" for line in lines)


def renew_table(page: Path, name: str, table: str) -> None:
    """Replace what stands between the page's markers for ``name``."""
    if not page.is_file():
        print(table)  # noqa: T201
        return
    begin, end = f"<!-- table {name} -->\n", f"<!-- end {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    page.write_text(pattern.sub(begin + table + end, page.read_text()))


def save_crop(path: Path, small: Pixels, panels: dict[str, Pixels]) -> None:
    """Save the liveliest part of the picture, every panel side by side, pixels doubled."""
    original = panels["original"]
    top, left = _liveliest(original)
    scale = original.shape[0] // small.shape[0]
    part = small[top // scale : (top + CROP_PX) // scale, left // scale : (left + CROP_PX) // scale]
    shown = {"source": resize(part, Size(CROP_PX, CROP_PX), kernel=Kernel.NEAREST)}
    shown |= {n: p[top : top + CROP_PX, left : left + CROP_PX] for n, p in panels.items()}
    side = 2 * CROP_PX
    sheet = Image.new("RGB", (side * len(shown), side + 16), "black")
    for index, (name, pixels) in enumerate(shown.items()):
        panel = Image.fromarray(np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8))
        sheet.paste(panel.resize((side, side), Image.Resampling.NEAREST), (index * side, 16))
        ImageDraw.Draw(sheet).text((index * side + 4, 2), name, fill="white")
    sheet.save(path, quality=90, method=6)


def _liveliest(pixels: Pixels) -> tuple[int, int]:
    """Row and column of the crop with the most detail, on a coarse raster."""
    luma = pixels.mean(axis=2)
    detail = np.abs(
        luma
        - resize(
            resize(luma, Size(luma.shape[1] // 4, luma.shape[0] // 4)),
            Size(luma.shape[1], luma.shape[0]),
        )
    )
    step = 32
    places = [
        (top, left)
        for top in range(0, luma.shape[0] - CROP_PX + 1, step)
        for left in range(0, luma.shape[1] - CROP_PX + 1, step)
    ]
    return max(places, key=lambda p: detail[p[0] : p[0] + CROP_PX, p[1] : p[1] + CROP_PX].sum())


if __name__ == "__main__":
    main()
