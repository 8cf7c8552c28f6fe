"""Error bars of the ablations, their file, and that they run what the program runs."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalediff_engine.base.geometry import Size
from scalediff_engine.bench import ablations as module
from scalediff_engine.bench.ablations import (
    Cell,
    changed,
    difference,
    main,
    plain_settings,
    stage,
    table,
)
from scalediff_engine.bench.baselines import DIRECT, SCALEDIFF, Baseline, enlarged, filters
from scalediff_engine.bench.page import in_8_bits
from scalediff_engine.families import registry as families
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.images.picture import Picture
from scalediff_engine.pipeline.upscale import upscale
from scalediff_engine.planning.plan import plan_upscale
from scalediff_engine.planning.settings import Settings
from scalediff_engine.spec.family import StageDefaults


def cell(name: str, picture: str, seed: int, psnr_db: float) -> Cell:
    return Cell(name, 4, picture, seed, psnr_db, 0.8, 0.4, 0.01, 1.0, 1.0, 2.0)


FIRST = [cell(SCALEDIFF, p, s, 30 + s + 5 * (p == "b")) for p in "ab" for s in range(2)]


def test_differences_are_paired_and_seeds_are_no_new_pictures() -> None:
    # by picture: 0.1 and 0.5; pictures and seeds alone differ by far more
    gains = {("a", 0): 0.0, ("a", 1): 0.2, ("b", 0): 0.5, ("b", 1): 0.5}
    rows = [cell("x", c.picture, c.seed, c.psnr_db + gains[c.picture, c.seed]) for c in FIRST]
    found = difference(rows, FIRST, "psnr_db")
    assert found.mean == pytest.approx(0.3)
    assert found.error == pytest.approx(0.2)  # 0.4 / sqrt(2) / sqrt(2)


def test_one_picture_has_no_error_bar() -> None:
    rows = [cell("x", "a", 0, 29.5)]
    assert difference(rows, FIRST, "psnr_db").said("{:+.2f}", "{:.2f}") == "-0.50 ± -"


def test_the_table_shows_seeds_and_differences() -> None:
    rows = [cell(DIRECT, c.picture, c.seed, c.psnr_db - 1) for c in FIRST]
    lines = table([*FIRST, *rows]).splitlines()
    # seeds 0 and 1 have means of 32.5 and 33.5
    assert lines[2].startswith(f"| {SCALEDIFF} | 33.00 |  | 0.707 |")
    assert lines[3].startswith(f"| {DIRECT} | 32.00 | -1.00 ± 0.00 | 0.707 |")
    assert lines[-1] == "2 pictures, 2 seeds."
    assert len({line.count("|") for line in lines[:4]}) == 1


def test_missing_results_move_no_mean_and_are_told() -> None:
    lines = table(FIRST[:-1]).splitlines()  # picture b lacks seed 1
    # a has 30 and 31, b has 35; only a tells how seeds differ
    assert lines[2].startswith(f"| {SCALEDIFF} | 32.75 |  | 0.707 |")
    assert lines[-1] == "2 pictures, 2 seeds (3 of the 4 combinations)."
    rows = [cell(DIRECT, c.picture, c.seed, c.psnr_db) for c in FIRST[1:]]  # a lacks seed 0
    lines = table([*FIRST[:-1], *rows]).splitlines()
    assert lines[2].startswith(f"| {SCALEDIFF} | 33.00 |  | nan |")  # a's 31 and b's 35
    assert lines[-1] == "2 pictures, 2 seeds (2 of the 4 combinations)."


def test_stages_and_factors_can_be_given() -> None:
    given = [stage("200:12:4"), stage("90:8:1.5")]
    options = Namespace(stage=given, mixing_lowpass=0.25, guidance_lowpass=None)
    facts = changed(EMBEDDED, options)
    assert facts.stage_defaults(1) == (StageDefaults(200, 12, 4.0),)
    assert facts.stage_defaults(3) == (*given, given[1])
    assert (facts.mixing_lowpass, facts.guidance_lowpass) == (0.25, EMBEDDED.guidance_lowpass)


@pytest.mark.slow
def test_it_runs_what_the_program_runs() -> None:
    small = in_8_bits(np.random.default_rng(0).random((40, 48, 3), np.float32))
    target, settings = Size(96, 80), Settings(seed=3)
    model = families.load("embedded", "cpu")
    plan = plan_upscale(Size(48, 40), target, model.facts, settings)
    whole = upscale(Picture(small), plan, settings, model, lambda _: None)
    np.testing.assert_allclose(enlarged(small, target, settings, model), whole.pixels, atol=1e-6)


def test_what_was_measured_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def two_rows(_: object, plain: Settings) -> tuple[Baseline, ...]:
        asked.append(plain.seed)
        bicubic = filters()[0].run
        return Baseline(SCALEDIFF, bicubic), Baseline(DIRECT, bicubic)

    monkeypatch.setattr(module, "ablations", two_rows)
    picture, kept, page = (tmp_path / n for n in ("a_photo.png", "kept.json", "quality.md"))
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    Image.fromarray(noise).save(picture)
    run = [str(picture), "--json", str(kept), "--scale", "4", "--device", "cpu"]
    main([*run, "--seeds", "1"])
    first = json.loads(kept.read_text())["cells"]
    main([*run, "--seeds", "2"])
    both = json.loads(kept.read_text())["cells"]
    assert both[: len(first)] == first
    assert len(both) == 2 * len(first) == 4
    assert asked == [0, 0, 1]
    page.write_text("<!-- table ablations shipped x4 -->\n<!-- end ablations shipped x4 -->\n")
    main(["--tables", str(kept), "--output", str(tmp_path)])
    assert "1 pictures, 2 seeds." in page.read_text()
    with pytest.raises(SystemExit, match="other weights or settings"):
        main([*run, "--stage", "10:1:1"])


def test_paper_leaves_out_what_is_ours() -> None:
    for paper in (False, True):
        options = Namespace(paper=paper, bicubic_start=False)
        settings = plain_settings(options, 3)
        assert (settings.seed, settings.jitter, settings.source_lock) == (3, not paper, not paper)
