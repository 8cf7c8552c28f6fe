"""Brings the translations up to date with the source.

Run it with a Python that has PySide6-Essentials. New texts come into the .ts files as unfinished;
translate them there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

UI = Path(__file__).parents[2] / "scalediff_engine" / "ui"


def main() -> None:
    """Do it for all languages."""
    tools = Path(sys.executable).parent
    sources = [str(file.relative_to(UI)) for file in sorted(UI.rglob("*.py"))]
    for texts in sorted((UI / "translations").glob("*.ts")):
        options = ["-no-obsolete", "-locations", "none", "-ts", str(texts.relative_to(UI))]
        subprocess.run([tools / "pyside6-lupdate", *sources, *options], cwd=UI, check=True)


if __name__ == "__main__":
    main()
