"""``scalediff bench speed``: measures, and shows or writes what came out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.files import require_writable, write_whole
from scalediff_engine.cli import streams
from scalediff_engine.cli.streams import one_line

if TYPE_CHECKING:
    from scalediff_engine.bench.speed import Request, Row

_MULTIPLE = 64


def run_bench_speed(request: Request, output: str | None, *, as_json: bool) -> int:
    """Measure; rows go out as they are made, tables at the end.

    Args:
        request: what to measure
        output: a file for the JSON; an existing one is replaced, as a measurement is made anew
        as_json: standard output is one JSON object a line

    Raises:
        ScaleDiffError: the model or the device is not there, or the file cannot be written.
    """
    from scalediff_engine.bench import page
    from scalediff_engine.bench.speed import measure_speed

    def tell(row: Row) -> None:
        if as_json:
            streams.to_stdout(json.dumps({"event": "measured"} | row))
        else:
            streams.to_stderr(one_line(page.row_line(row)))

    if output is not None:  # before minutes are spent
        require_writable(Path(output), overwrite=True)
    speed = measure_speed(request, tell)
    if as_json:
        streams.to_stdout(json.dumps({"event": "facts"} | speed.facts))
    else:
        streams.to_stdout(page.as_tables(speed))
    if output is not None:
        write_whole(Path(output), page.as_json(speed).encode(), overwrite=True)
    return 0


def sides(text: str) -> tuple[int, ...]:
    """Read the sides of pictures: "2048,4096".

    Raises:
        UsageError: one is no number of pixels that pictures have here.
    """
    numbers = tuple(_number(word, 64, 16384) for word in text.split(",") if word.strip())
    uneven = [number for number in numbers if number % _MULTIPLE]
    if uneven:
        raise UsageError(f"{uneven[0]} is no multiple of {_MULTIPLE}, which all models can take.")
    return numbers


def kinds(text: str) -> tuple[str, ...]:
    """Read kinds of attention: "direct,npa".

    Raises:
        UsageError: there is no such kind.
    """
    from scalediff_engine.bench.speed import KINDS

    words = tuple(word.strip() for word in text.split(",") if word.strip())
    unknown = [word for word in words if word not in KINDS]
    if unknown:
        raise UsageError(f"There is no attention '{unknown[0]}'; there are {', '.join(KINDS)}.")
    return words


def limits(text: str) -> tuple[float, ...]:
    """Read limits of memory in GiB: "6,8".

    Raises:
        UsageError: one is no such number.
    """
    return tuple(float(_number(word, 1, 1024)) for word in text.split(",") if word.strip())


def _number(word: str, low: int, high: int) -> int:
    number = int(word) if word.strip().isdecimal() else -1
    if not low <= number <= high:
        raise UsageError(f"'{word.strip()}' is no whole number from {low} to {high}.")
    return number
