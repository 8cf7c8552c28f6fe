"""What ``scalediff bench speed`` measured, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scalediff_engine.bench.speed import Speed

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
