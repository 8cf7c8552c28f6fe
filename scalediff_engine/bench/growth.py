"""How time and memory grow with the picture: the whole program, start to exit, measured.

``python -m scalediff_engine.bench.growth PICTURE`` cuts squares out of a picture, upscales each
by 4 in a process of its own and prints a table. Not on Windows, which does not tell what a process
used.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scalediff_engine.images.picture import Picture
from scalediff_engine.images.reader import read
from scalediff_engine.images.writer import write

SCALE = 4
SOURCES_PX = (128, 256, 512)


@dataclass(frozen=True)
class Run:
    """One upscale, measured from outside."""

    result_px: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, prog="growth")
    parser.add_argument("picture", type=Path, help="at least as large as the largest square")
    parser.add_argument("--source-px", type=int, action="append", help="128, 256, 512 unless given")
    options = parser.parse_args(arguments)
    print("| result | s | CPU s | s per megapixel | peak GiB |\n|---|---|---|---|---|")  # noqa: T201
    for side in options.source_px or SOURCES_PX:
        run = measure(read(options.picture), side)
        megapixels = run.result_px**2 / 1e6
        print(  # noqa: T201
            f"| {run.result_px}x{run.result_px} | {run.seconds:.1f} | "
            f"{run.cpu_seconds:.0f} | {run.seconds / megapixels:.1f} | "
            f"{run.peak_bytes / 2**30:.2f} |",
            flush=True,
        )


def measure(picture: Picture, side: int) -> Run:
    """Upscale the middle ``side`` x ``side`` pixels by 4 with the command line."""
    top, left = ((full - side) // 2 for full in picture.pixels.shape[:2])
    middle = Picture(picture.pixels[top : top + side, left : left + side])
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "source.png"), Path(folder, "result.png")
        write(middle, source)
        command = [sys.executable, "-m", "scalediff_engine", "upscale", "--quiet"]
        start = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*command, str(source), "-o", str(result), "--scale", str(SCALE)],
            stdout=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0 or not result.is_file():
            raise RuntimeError(f"the upscale of {side}x{side} ended with {process.returncode}")
        peak_bytes = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return Run(side * SCALE, seconds, used.ru_utime + used.ru_stime, peak_bytes)


if __name__ == "__main__":
    main()
