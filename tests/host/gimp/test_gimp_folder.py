"""The script of the documentation that upscales a folder, as the documentation says to run it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gimp_host import ROOT, Engine, Gimp
from PIL import Image

SCRIPT = ROOT / "docs" / "gimp_folder.py"


def test_a_folder_is_upscaled(gimp: Gimp, running: Engine, folder: Path) -> None:
    holiday = folder / "engine" / "holiday"
    holiday.mkdir()
    ramp = np.add.outer(np.arange(40), np.arange(48)).astype(np.uint8)
    Image.fromarray(np.stack([ramp, 255 - ramp, ramp // 2], 2)).save(holiday / "one.png")
    Image.fromarray(ramp).save(holiday / "two.jpg")
    (holiday / "broken.png").write_bytes(b"no picture")
    (holiday / "notes.txt").write_text("not a picture")
    there = Gimp(gimp.home, gimp.engine_home, {"FOLDER": str(holiday), "SCALE": "2"})
    process = there.start(SCRIPT)
    said, _ = process.communicate(timeout=100)
    assert process.returncode == 1, said  # one of them is broken
    assert "broken.png: " in said
    made = holiday / "upscaled"
    assert sorted(file.name for file in made.iterdir()) == ["one_x2.png", "two_x2.png"]
    with Image.open(made / "one_x2.png") as one, Image.open(made / "two_x2.png") as two:
        assert (one.size, one.mode) == ((96, 80), "RGB")
        assert (two.size, two.mode) == ((96, 80), "L")
        shrunk = np.asarray(one.resize((48, 40), Image.Resampling.BOX)).astype(int)
        assert one.info.get("icc_profile")
    want = np.stack([ramp, 255 - ramp, ramp // 2], 2).astype(int)
    assert np.abs(shrunk - want).mean() < 3
