"""Measures what a layer of 4096x4096 costs out of a real GIMP and in again: ``timings.py``.

The pixels go to a real engine and come back as they are: the upscale itself is not measured.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[3])]

from gimp_host import INSIDE, Gimp, engine  # noqa: E402


def main() -> None:
    """Measure once, and say it."""
    with tempfile.TemporaryDirectory() as made, engine(Path(made) / "engine" / "home") as running:
        print(Gimp(Path(made) / "user", running.home).run(INSIDE / "timings.py"))  # noqa: T201


if __name__ == "__main__":
    main()
