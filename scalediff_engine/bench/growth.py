"""How time and memory grow with the picture: the whole program, start to exit, measured.

``python -m scalediff_engine.bench.growth PICTURE`` cuts squares out of a picture, upscales each
by 4 in a process of its own and prints a table.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

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
    peak_bytes: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, prog="growth")
    parser.add_argument("picture", type=Path, help="at least as large as the largest square")
    parser.add_argument("--source-px", type=int, action="append", help="128, 256, 512 unless given")
    options = parser.parse_args(arguments)
    print("| result | seconds | s per megapixel | peak GiB |\n|---|---|---|---|")  # noqa: T201
    for side in options.source_px or SOURCES_PX:
        run = measure(read(options.picture), side)
        megapixels = run.result_px**2 / 1e6
        print(  # noqa: T201
            f"| {run.result_px}x{run.result_px} | {run.seconds:.1f} | "
            f"{run.seconds / megapixels:.1f} | {run.peak_bytes / 2**30:.2f} |",
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
            [*command, str(source), "-o", str(result), "--scale", str(SCALE)]
        )
        peak = PeakMemory(process.pid)
        status = process.wait()
        seconds = time.perf_counter() - start
        if status != 0 or not result.is_file():
            raise RuntimeError(f"the upscale of {side}x{side} ended with {status}")
        return Run(side * SCALE, seconds, peak.stop())


class PeakMemory:
    """Watches the resident memory of a process and its children from a thread."""

    def __init__(self, pid: int, interval_s: float = 0.02) -> None:
        self._process = psutil.Process(pid)
        self._interval_s = interval_s
        self._peak_bytes = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Stop watching and give the peak in bytes."""
        self._stopping.set()
        self._thread.join()
        return self._peak_bytes

    def _watch(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                family = [self._process, *self._process.children(recursive=True)]
                now_bytes = sum(member.memory_info().rss for member in family)
            except psutil.NoSuchProcess:
                continue
            self._peak_bytes = max(self._peak_bytes, now_bytes)


if __name__ == "__main__":
    main()
