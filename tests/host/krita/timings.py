"""Measures what a large layer costs in a real Krita: ``timings.py [native]``.

In milliseconds: what the click itself takes, and for each phase the longest time for which Krita
stood still, the longest that the plug-in did in one go, and the whole phase. Then what
Krita's start spends on importing the plug-in.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

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
            print(f"{name}: {told['told'] or told['error']}")  # noqa: T201
        for line in re.findall(r"import time:.*\bscalediff$", log, re.MULTILINE):
            print(f"{line}  (self, with what it imports, in microseconds)")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "chroot")
