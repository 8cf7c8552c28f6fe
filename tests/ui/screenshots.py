"""Makes the pictures of the dialogs that the documentation shows.

Run it as ``python tests/ui/screenshots.py PICTURE [FOLDER] [--only WORD]``. PICTURE is upscaled by
a real engine first, which takes a minute; FOLDER is ``docs/images`` unless told otherwise. A
dialog's pages are registered in ``PAGES``.
"""

# ruff: noqa: E402 - the platform is chosen before Qt is imported

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "folder"), str(ROOT)]

import screenshots_folder
import screenshots_rooms
import screenshots_upscale
from PySide6.QtWidgets import QApplication
from screenshot_material import material
from screenshot_stage import VARIANTS, staged

# What gives the pages of a dialog.
PAGES = (screenshots_upscale.pages, screenshots_rooms.pages, screenshots_folder.pages)


def main() -> None:
    """Make them all: each scale of the screen in a process of its own."""
    words = _words()
    if words.scale:
        _shoot(words)
        return
    with tempfile.TemporaryDirectory() as folder:
        kept = words.keep or Path(folder)
        for scale in sorted({variant.scale for variant in VARIANTS}):
            subprocess.run(
                [
                    sys.executable,
                    __file__,
                    *sys.argv[1:],
                    "--keep",
                    str(kept),
                    "--scale",
                    str(scale),
                ],
                env={**os.environ, "QT_SCALE_FACTOR": str(scale)},
                check=True,
            )


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "images")
    parser.add_argument("--only", default="", help="variants with this in their name")
    parser.add_argument("--keep", type=Path, help="where what the engine says is kept")
    parser.add_argument("--scale", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def _shoot(words: argparse.Namespace) -> None:
    app = QApplication(["screenshots"])
    words.folder.mkdir(parents=True, exist_ok=True)
    found = material(words.picture, words.keep)
    for variant in VARIANTS:
        if variant.scale != words.scale or words.only not in variant.name:
            continue
        for pages in PAGES:
            for page in pages(found):
                if not page.variants or variant.name in page.variants:
                    with staged(app, variant, words.folder) as stage:
                        page.show(stage)


if __name__ == "__main__":
    main()
