"""``scalediff dialog`` where PySide6 is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
WITHOUT = (
    "import sys; sys.modules['PySide6'] = None; "
    "from scalediff_engine.cli.main import run; sys.argv[0] = 'scalediff'; run()"
)


def test_what_is_missing_is_one_sentence_with_what_brings_it(tmp_path: Path) -> None:
    (tmp_path / "x.png").touch()
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, "dialog", str(tmp_path / "x.png")],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "The windows need PySide6" in line
    assert "`python3 installer/run.py dialog` brings it in a clone" in line
    assert "`pip install 'scalediff[ui]'`" in line
