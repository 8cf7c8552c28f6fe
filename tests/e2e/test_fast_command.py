"""``--method fast`` as a program."""

from __future__ import annotations

import io
import json
import subprocess

import imagecodecs
import numpy as np
from PIL import Image
from program import Program, picture


def test_depth_and_transparency_stay_at_a_factor_of_three(scalediff: Program) -> None:
    rows, cols = np.mgrid[0:20, 0:28]
    deep = np.stack([rows * 3000, cols * 2000, rows * cols * 100, (cols > 13) * 65535], axis=2)
    picture(scalediff.folder / "in" / "flat.png", 28, 20)
    data = imagecodecs.png_encode(deep.astype(np.uint16))
    (scalediff.folder / "in" / "deep.png").write_bytes(data)
    outcome = scalediff("upscale", "in", "--method", "fast", "--scale", "3", "--json")
    assert outcome.code == 0, outcome.err
    assert [(plan["model"], plan["device"]) for plan in outcome.of("plan")] == [("fast", "cpu")] * 2
    results = {
        name: imagecodecs.png_decode((scalediff.folder / "in" / f"{name}_x3.png").read_bytes())
        for name in ("flat", "deep")
    }
    assert (results["flat"].shape, results["flat"].dtype) == ((60, 84, 3), np.uint8)
    assert (results["deep"].shape, results["deep"].dtype) == ((60, 84, 4), np.uint16)
    alpha = results["deep"][..., 3]
    assert alpha[:, :36].max() == 0
    assert alpha[:, 48:].min() == 65535
    info = scalediff("info", "in/deep_x3.png", "--json")
    assert json.loads(info.out)["recipe"]["method"] == "fast"


def test_a_dry_run_plans_and_an_option_without_effect_is_noted(scalediff: Program) -> None:
    picture(scalediff.folder / "a.png")
    plan = scalediff("upscale", "a.png", "--method", "fast", "--dry-run")
    assert (plan.code, plan.err) == (0, "")
    assert plan.out.splitlines()[1].split()[:3] == ["a.png", "32x32", "128x128"]
    useless = scalediff("upscale", "a.png", "--method", "fast", "--steps", "3", "--dry-run")
    assert useless.code == 0
    assert useless.err == "a.png: --steps has no effect with --method fast.\n"
    assert scalediff.files() == {"a.png"}


def test_a_picture_goes_through_a_pipe(scalediff: Program) -> None:
    source = picture(scalediff.folder / "a.png").read_bytes()
    done = subprocess.run(
        scalediff.command("upscale", "-", "-o", "-", "--method", "fast", "-s", "2"),
        cwd=scalediff.folder,
        env=scalediff.environment(),
        input=source,
        capture_output=True,
        timeout=200,
        check=True,
    )
    with Image.open(io.BytesIO(done.stdout)) as result:
        assert (result.format, result.size) == ("PNG", (64, 64))
    assert done.stderr.startswith(b"1/1 -: 32x32 to 64x64")
    assert scalediff.files() == {"a.png"}
