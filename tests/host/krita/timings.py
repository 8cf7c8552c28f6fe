"""Measures what a large layer costs in a real Krita: ``timings.py [native]``.

In milliseconds: what Krita takes to tell a profile for the first time, what the click itself takes,
and for each phase the longest time for which Krita stood still (gap), the longest that the plug-in
did in one go (own) and what of that the processor worked (work), and the whole phase (all). Then
what Krita's start spends on importing the plug-in.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[3])]

from outside import DRIVER, HERE, Beside, results_in, run_krita  # noqa: E402


def main(version: str) -> None:
    """Measure once, and say it."""
    with tempfile.TemporaryDirectory() as made:
        worker = [sys.executable, str(HERE / "enlarging_worker.py")]
        beside = Beside(Path(made), worker=worker)
        beside.start()
        try:
            _, log = run_krita(
                version, beside, DRIVER, made, "scenes.timings", PYTHONPROFILEIMPORTTIME="1"
            )
        finally:
            beside.end()
        for name, told in results_in(Path(made)).items():
            print(name, *table(told), sep="\n  ")  # noqa: T201
        for line in re.findall(r"import time:.*\bscalediff$", log, re.MULTILINE):
            print(f"{line}  (self, with what it imports, in microseconds)")  # noqa: T201


def table(told: dict[str, Any]) -> list[str]:
    """Give a line for each phase."""
    if told["error"]:
        return [told["error"]]
    return [f"{phase:<11} {took}" for phase, took in told["told"].items()]


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "chroot")
