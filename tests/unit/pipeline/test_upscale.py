"""From picture to picture: colour spaces, depths, alpha - on a tiny random model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import torch
from tiny_model import TINY

from scalediff_engine.base.geometry import Size
from scalediff_engine.families.embedded.model import EmbeddedModel, load_embedded
from scalediff_engine.images.lock import drift
from scalediff_engine.images.picture import Depth, Metadata, Picture, Pixels
from scalediff_engine.pipeline.upscale import upscale
from scalediff_engine.planning.plan import plan_upscale
from scalediff_engine.planning.progress import Phase, Progress
from scalediff_engine.planning.settings import Settings
from scalediff_engine.upscalers.enlarge import enlarge_alpha

ONE_STEP = Settings(steps=1)


@pytest.fixture(scope="module")
def model(tiny_folder: Path) -> EmbeddedModel:
    return load_embedded(TINY, torch.device("cpu"), tiny_folder)


def smooth(channels: int, width: int = 48, height: int = 40) -> Pixels:
    """Soft colours in 0.2..0.8."""
    rows, cols = np.mgrid[:height, :width]
    waves = [np.sin(rows / (7 + c)) * np.cos(cols / (9 - c)) for c in range(channels)]
    return (0.5 + 0.3 * np.stack(waves, axis=-1)).astype(np.float32)


def run(
    model: EmbeddedModel, picture: Picture, scale: float = 2, settings: Settings = ONE_STEP
) -> Picture:
    target = picture.size.scaled(scale)
    plan = plan_upscale(picture.size, target, model.facts, settings)
    return upscale(picture, plan, settings, model, lambda _: None)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("depth", list(Depth))
def test_colour_model_and_depth_come_back_and_the_source_is_locked(
    model: EmbeddedModel, channels: int, depth: Depth
) -> None:
    picture = Picture(smooth(channels), depth=depth, metadata=Metadata(dpi=(300, 300)))
    result = run(model, picture)
    assert result.size == Size(96, 80)
    assert (result.model, result.depth, result.metadata) == (
        picture.model,
        depth,
        picture.metadata,
    )
    assert result.pixels.dtype == np.float32
    # a random model paints noise; shrunk, the result is the source all the same
    assert np.abs(drift(picture.pixels, result.pixels)).mean() < 2 / 255
    assert abs(result.pixels.mean() - picture.pixels.mean()) < 1 / 255


def test_without_the_lock_the_colours_are_the_models(model: EmbeddedModel) -> None:
    picture = Picture(smooth(3))
    free = run(model, picture, settings=replace(ONE_STEP, source_lock=False))
    assert np.abs(drift(picture.pixels, free.pixels)).mean() > 4 / 255
    assert free.pixels.min() >= 0
    assert free.pixels.max() <= 1


def test_highlights_beyond_one_survive_in_float_and_not_in_integers(model: EmbeddedModel) -> None:
    pixels = smooth(3)
    pixels[10:25, 10:25] = 4.0
    bright = run(model, Picture(pixels, depth=Depth.F32)).pixels
    assert bright[35, 35, 0] > 3.5
    assert bright.min() > -0.5  # and ring no deeper than any edge of a random model
    assert run(model, Picture(pixels, depth=Depth.U16)).pixels.max() <= 1


def test_alpha_grows_by_itself_and_colours_under_it_do_not_bleed(model: EmbeddedModel) -> None:
    pixels = smooth(3)
    alpha = np.zeros((40, 48), np.float32)
    alpha[8:32, 8:40] = 1
    hidden = pixels.copy()
    hidden[alpha == 0] = (1, 0, 1)  # magenta where nobody sees it
    result, clean = (run(model, Picture(p, alpha=alpha)) for p in (hidden, pixels))
    assert result.alpha is not None
    assert (result.alpha[:12] == 0).all()
    assert (result.alpha[24:56, 24:72] == 1).all()
    np.testing.assert_array_equal(result.alpha, enlarge_alpha(alpha, result.size))
    assert np.array_equal(result.pixels, clean.pixels)


def test_a_wide_gamut_profile_is_kept_and_its_numbers_stay(model: EmbeddedModel) -> None:
    profile = imagecodecs.cms_profile("adobergb")
    picture = Picture(smooth(3), icc=profile)
    result = run(model, picture)
    assert result.icc == profile
    assert np.abs(drift(picture.pixels, result.pixels)).mean() < 2 / 255


def test_the_last_report_is_that_it_is_finishing(model: EmbeddedModel) -> None:
    seen: list[Progress] = []
    picture = Picture(smooth(3))
    plan = plan_upscale(picture.size, picture.size.scaled(2), model.facts, ONE_STEP)
    upscale(picture, plan, ONE_STEP, model, seen.append)
    assert seen[-1].phase is Phase.FINISH
    assert seen[-1].fraction == 1


def test_the_same_picture_twice_gives_the_same_floats(model: EmbeddedModel) -> None:
    picture = Picture(smooth(3))
    assert np.array_equal(run(model, picture).pixels, run(model, picture).pixels)
