"""Makes pictures of the whole path in a real Krita: ``screenshots.py PICTURE FOLDER [native]``."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[3])]

from outside import DRIVER, Beside, results_in, run_krita  # noqa: E402
from PIL import Image  # noqa: E402


def main(picture: Path, folder: Path, version: str) -> None:
    """Run the path once and keep its pictures."""
    with tempfile.TemporaryDirectory() as made:
        inside = Path(made)
        shutil.copyfile(picture, inside / "Озеро 湖.png")
        said = {"does": "person", "canvas": "scale", "shots": str(inside)}
        (inside / "user.json").write_text(json.dumps(said))
        beside = Beside(inside, f"person:{inside / 'user.json'}")
        beside.start()
        os.environ["HOSTS_SCREEN"] = "1280x800x24"
        try:
            status, log = run_krita(version, beside, DRIVER, made, "scenes.pictures")
        finally:
            beside.end()
        wrong = [told["error"] for told in results_in(inside).values() if told["error"]]
        if status or wrong:
            sys.exit("\n".join([*wrong, log]))
        folder.mkdir(parents=True, exist_ok=True)
        for shot in inside.glob("krita-*.png"):
            with Image.open(shot) as opened:
                few = opened.convert("RGB").quantize(160, method=Image.Quantize.MEDIANCUT)
                few.save(folder / shot.name, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "chroot")
