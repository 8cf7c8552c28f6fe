"""What the comparisons share: small pictures, tables of the pages, crops side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from scalediff_engine.base.geometry import Size
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.resample import Kernel, resize

if TYPE_CHECKING:
    from scalediff_engine.bench.speed import Speed


CROP_PX = 160


def cut_to(pixels: Pixels, scale: int) -> Pixels:
    """Cut off what does not divide, so that the original is exactly the target's size."""
    rows, cols = (side // scale * scale for side in pixels.shape[:2])
    return pixels[:rows, :cols, :3]


def small_of(original: Pixels, scale: int) -> Pixels:
    """The clean small picture of the main tables: bicubic, and 8 bits as in a real file."""
    return in_8_bits(resize(original, Size(original.shape[1] // scale, original.shape[0] // scale)))


def in_8_bits(pixels: Pixels) -> Pixels:
    """As a file holds them."""
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.float32) / np.float32(255)


def prompt_of(path: Path) -> str:
    """What the file's name says of the content."""
    words = path.stem.split("_")
    return f"sharp {next((w for w in ('painting', 'texture') if w in words), 'photo')}"


def renew_table(page: Path, name: str, table: str) -> None:
    """Replace what stands between the page's markers for ``name``.

    Raises:
        SystemExit: the page has no such markers; the table is printed instead.
    """
    begin, end = f"<!-- table {name} -->\n", f"<!-- end {name} -->"
    text = page.read_text() if page.is_file() else ""
    if begin not in text or end not in text:
        print(table)  # noqa: T201
        raise SystemExit(f"{page} has no place for the table '{name}' (printed above).")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    page.write_text(pattern.sub(lambda _: begin + table + end, text))


def save_crop(
    path: Path,
    small: Pixels,
    panels: dict[str, Pixels],
    corner: tuple[int, int] | None = None,
    crop_px: int = CROP_PX,
) -> None:
    """Save a part of the picture, every panel side by side, pixels doubled.

    Args:
        path: a .webp file
        small: the source
        panels: results of one size; must have "original"
        corner: row and column of the part; None = the liveliest
        crop_px: side of the part
    """
    original = panels["original"]
    top, left = corner or _liveliest(original, crop_px)
    scale = original.shape[0] // small.shape[0]
    part = small[top // scale : (top + crop_px) // scale, left // scale : (left + crop_px) // scale]
    shown = {"source": resize(part, Size(crop_px, crop_px), kernel=Kernel.NEAREST)}
    shown |= {n: p[top : top + crop_px, left : left + crop_px] for n, p in panels.items()}
    side = 2 * crop_px
    sheet = Image.new("RGB", (side * len(shown), side + 16), "black")
    for index, (name, pixels) in enumerate(shown.items()):
        panel = Image.fromarray(np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8))
        sheet.paste(panel.resize((side, side), Image.Resampling.NEAREST), (index * side, 16))
        ImageDraw.Draw(sheet).text((index * side + 4, 2), name, fill="white")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, quality=90, method=6)


def _liveliest(pixels: Pixels, crop_px: int) -> tuple[int, int]:
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
        for top in range(0, luma.shape[0] - crop_px + 1, step)
        for left in range(0, luma.shape[1] - crop_px + 1, step)
    ]
    return max(places, key=lambda p: detail[p[0] : p[0] + crop_px, p[1] : p[1] + crop_px].sum())


_STEPS = (
    "attention",
    "size",
    "evaluations",
    "s a step",
    "peak GiB",
    "TFLOP",
    "of peak",
    "warm-up s",
)
_PARTS = ("what", "size", "s", "peak GiB")
_WHOLES = ("what", "size", "limit GiB", "steps", "s", "of them each stage", "peak GiB", "planned")


def as_json(speed: Speed) -> str:
    """Give everything that was measured."""
    return json.dumps({"facts": speed.facts, "rows": speed.rows}, indent=1) + "\n"


def as_tables(speed: Speed) -> str:
    """Give tables for people and for the documentation."""
    facts = speed.facts
    lines = [
        f"{facts['model']} with {facts['weights']} weights on {facts['device']}, "
        f"PyTorch {facts['torch']}; a matrix product gives {facts['peak_tflops']:.3g} TFLOP/s.",
        "",
    ]
    steps = [row for row in speed.rows if row["what"] == "step"]
    wholes = [row for row in speed.rows if row["what"].startswith("upscale")]
    parts = [row for row in speed.rows if row not in steps and row not in wholes]
    lines += _table(_STEPS, map(_step_cells, steps))
    lines += _table(_PARTS, map(_part_cells, parts))
    lines += _table(_WHOLES, map(_whole_cells, wholes))
    return "\n".join(lines)


def row_line(row: Mapping[str, Any]) -> str:
    """Give one measurement as a line, told as soon as it is made."""
    words = [f"{key} {_cell(value)}" for key, value in row.items() if value is not None]
    return ", ".join(words)


def _step_cells(row: Mapping[str, Any]) -> list[str]:
    kind = f"{row['attention']}, compiled" if row["compiled"] else str(row["attention"])
    share = row.get("share_of_peak")
    return [
        kind,
        str(row["side"]),
        str(row["batch"]),
        _cell(row["seconds"], 3),
        _cell(row["peak_gib"]),
        "" if row.get("tflop") is None else f"{row['tflop']:.3g}",
        "" if share is None else f"{share:.0%}",
        _cell(row.get("warm_up_seconds"), 1),
    ]


def _part_cells(row: Mapping[str, Any]) -> list[str]:
    return [row["what"], str(row["side"]), _cell(row["seconds"]), _cell(row.get("peak_gib"))]


def _whole_cells(row: Mapping[str, Any]) -> list[str]:
    return [
        row["what"],
        str(row["side"]),
        _cell(row["limit_gib"], 0),
        " + ".join(map(str, row["steps"])),
        _cell(row["seconds"], 1),
        " + ".join(_cell(seconds, 1) for seconds in row["stage_seconds"]),
        _cell(row.get("peak_gib")),
        _cell(row.get("predicted_gib")),
    ]


def _table(head: tuple[str, ...], rows: Iterable[list[str]]) -> list[str]:
    cells = list(rows)
    if not cells:
        return []
    lines = [head, ["---"] * len(head), *cells]
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def _cell(value: object, digits: int = 2) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.{digits}f}"
    if isinstance(value, list):
        return " + ".join(_cell(part, digits) for part in value)  # pyright: ignore[reportUnknownVariableType]
    return str(value)
