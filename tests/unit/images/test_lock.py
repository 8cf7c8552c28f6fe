from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.images.lock import Alignment, drift, source_lock
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.resample import resize


def _picture(height: int, width: int, seed: int = 0) -> Pixels:
    """Smooth shades with some texture, well within 0..1."""
    noise = np.random.default_rng(seed)
    coarse = resize(noise.random((5, 6, 3)).astype(np.float32), Size(width, height))
    fine = noise.normal(0, 0.03, (height, width, 3))
    return np.clip(0.15 + 0.7 * coarse + fine, 0.1, 0.9).astype(np.float32)


def _with_cast(source: Pixels, height: int, width: int) -> Pixels:
    """An enlargement with a colour cast, less contrast and invented detail."""
    large = resize(source, Size(width, height))
    detail = np.random.default_rng(5).normal(0, 0.03, large.shape)
    return (large * 0.9 + np.array([0.08, 0.0, -0.04]) + detail).astype(np.float32)


@pytest.mark.parametrize(("height", "width"), [(160, 192), (101, 77), (41, 200), (333, 51)])
@pytest.mark.parametrize("cutoff", [1.0, 0.5, 0.25])
def test_a_colour_cast_goes_at_any_ratio_of_sizes(height: int, width: int, cutoff: float) -> None:
    source = _picture(40, 48)
    result = _with_cast(source, height, width)
    locked = source_lock(source, result, cutoff=cutoff, clip=False)
    same_mean = locked.mean((0, 1)) - resize(source, Size(width, height)).mean((0, 1))
    assert np.abs(result.mean((0, 1)) - source.mean((0, 1))).max() > 0.02
    assert np.abs(same_mean).max() < 1e-4


def test_the_whole_band_gives_the_source_back_when_shrunk() -> None:
    source = _picture(40, 48)
    result = _with_cast(source, 160, 192)
    locked = source_lock(source, result, cutoff=1.0, clip=False)
    assert np.abs(drift(source, result)).mean() > 0.03
    assert np.abs(drift(source, locked)).mean() < 3e-3
    assert np.abs(drift(source, locked)).max() < 0.02


def test_detail_above_the_sources_band_is_the_results() -> None:
    source = _picture(40, 48)
    result = _with_cast(source, 160, 192)
    locked = source_lock(source, result, clip=False)
    fine = result - resize(resize(result, Size(48, 40)), Size(192, 160))
    kept = locked - resize(resize(locked, Size(48, 40)), Size(192, 160))
    assert np.corrcoef(fine.ravel(), kept.ravel())[0, 1] > 0.95


def test_a_low_cutoff_leaves_middle_frequencies_to_the_result() -> None:
    source = _picture(40, 48)
    result = _with_cast(_picture(40, 48, seed=9), 160, 192)
    middle = [
        np.abs(source_lock(source, result, cutoff=cutoff, clip=False) - result).mean()
        for cutoff in (1.0, 0.5, 0.1)
    ]
    assert middle[0] > middle[1] > middle[2] > 0


def test_a_result_that_is_consistent_already_is_left_alone() -> None:
    result = _picture(160, 192)
    source = resize(result, Size(48, 40))
    np.testing.assert_allclose(source_lock(source, result), result, atol=1e-6)


def test_no_strength_changes_nothing_and_half_is_half_way() -> None:
    source = _picture(40, 48)
    result = _with_cast(source, 90, 100)
    none = source_lock(source, result, strength=0.0, clip=False)
    half = source_lock(source, result, strength=0.5, clip=False)
    full = source_lock(source, result, strength=1.0, clip=False)
    np.testing.assert_array_equal(none, result)
    np.testing.assert_allclose(half, (result + full) / 2, atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(st.floats(0.1, 3.0), st.floats(-1.0, 1.0), st.sampled_from([1.0, 0.6, 0.3]))
def test_the_lock_is_linear(scale: float, offset: float, cutoff: float) -> None:
    source, result = _picture(13, 17), _with_cast(_picture(13, 17), 40, 61)
    plain = source_lock(source, result, cutoff=cutoff, clip=False)
    moved = source_lock(
        (source * scale + offset).astype(np.float32),
        (result * scale + offset).astype(np.float32),
        cutoff=cutoff,
        clip=False,
    )
    np.testing.assert_allclose(moved, plain * scale + offset, atol=2e-5)


def test_highlights_above_1_survive_without_clipping() -> None:
    source = _picture(20, 20) * np.float32(8)
    result = _with_cast(source, 60, 60)
    locked = source_lock(source, result, clip=False)
    assert locked.max() > 4
    assert np.abs(locked.mean((0, 1)) - source.mean((0, 1))).max() < 1e-3


def test_clipping_keeps_the_mean_where_neighbours_have_room() -> None:
    source = np.full((16, 16, 3), (0.96, 0.5, 0.04), np.float32)
    detail = np.random.default_rng(1).normal(0, 0.05, (64, 64, 1))
    result = (resize(source, Size(64, 64)) + detail).astype(np.float32)
    naive = np.clip(source_lock(source, result, clip=False), 0, 1)
    locked = source_lock(source, result)
    assert locked.min() >= 0
    assert locked.max() <= 1
    shift = np.abs(locked.mean((0, 1)) - source[0, 0])
    assert np.abs(naive.mean((0, 1)) - source[0, 0]).max() > 5e-3
    assert shift.max() < 1e-3


def test_black_and_white_stay_black_and_white() -> None:
    source = np.zeros((8, 8, 1), np.float32)
    source[:, 4:] = 1.0
    locked = source_lock(source, resize(source, Size(32, 32)))
    assert locked[:, :8].max() < 0.01
    assert locked[:, 24:].min() > 0.99


def test_a_result_smaller_than_its_source_is_locked_too() -> None:
    source = _picture(40, 48)
    locked = source_lock(source, _with_cast(source, 20, 100), clip=False)
    assert np.abs(locked.mean((0, 1)) - source.mean((0, 1))).max() < 1e-3


def test_arguments_are_not_written_to() -> None:
    source, result = _picture(10, 10), _with_cast(_picture(10, 10), 20, 20)
    before = source.copy(), result.copy()
    source_lock(source, result)
    drift(source, result)
    np.testing.assert_array_equal(source, before[0])
    np.testing.assert_array_equal(result, before[1])


def test_drift_says_where_and_by_how_much() -> None:
    source = np.full((8, 8, 3), 0.5, np.float32)
    result = np.full((32, 32, 3), 0.5, np.float32)
    result[:16, :16, 0] += 0.25
    found = drift(source, result)
    assert found.shape == source.shape
    np.testing.assert_allclose(found[1, 1], (0.25, 0, 0), atol=0.02)
    np.testing.assert_allclose(found[6, 6], 0, atol=1e-6)


@pytest.mark.parametrize("wrong", [{"cutoff": 0.0}, {"cutoff": 1.5}, {"strength": -0.1}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        source_lock(_picture(8, 8), _picture(16, 16), **wrong)  # type: ignore[arg-type]


def test_different_numbers_of_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        source_lock(_picture(8, 8)[..., :1], _picture(16, 16))


def _night_with_a_lamp() -> Pixels:
    source = _picture(24, 24)
    source[10:13, 10:13] = 50.0
    return source


def test_a_highlight_that_the_model_did_not_see_does_not_ring() -> None:
    source = _night_with_a_lamp()
    result = resize(np.clip(source, 0, 1), Size(96, 96))
    ringing = source_lock(source, result, clip=False)
    locked = source_lock(source, result, clip=False, seen_range=(0.0, 1.0))
    assert ringing.min() < -3
    assert locked.min() > -0.2
    assert locked.max() < 51
    np.testing.assert_allclose(locked.mean((0, 1)), source.mean((0, 1)), rtol=0.02)
    assert (locked[45:47, 45:47] > 40).all()


def test_a_source_that_the_model_saw_whole_is_locked_as_ever() -> None:
    source = _picture(20, 24)
    result = _with_cast(source, 50, 70)
    np.testing.assert_array_equal(
        source_lock(source, result, clip=False, seen_range=(0.0, 1.0)),
        source_lock(source, result, clip=False),
    )


@pytest.mark.parametrize("scale", [2.0, 3.37])
@pytest.mark.parametrize("clip", [True, False])
def test_parts_are_locked_as_they_are_within_the_wholes(scale: float, clip: bool) -> None:
    noise = np.random.default_rng(1)
    source = noise.random((60, 72, 2), np.float32)
    size = Size(round(72 * scale), round(60 * scale))
    result = noise.random((size.height, size.width, 2), np.float32)
    across, down = size.width / 72, size.height / 60
    seen = None if clip else (0.1, 0.9)
    whole = source_lock(source, result, clip=clip, seen_range=seen)
    for part in (Box(31, 17, 153, 119), Box(0, 0, 90, 80), Box(60, 40, *size)):
        shown = Box(
            int(part.left / across),
            int(part.top / down),
            min(72, int(part.right / across) + 1),
            min(60, int(part.bottom / down) + 1),
        )
        found = source_lock(
            source[shown.top : shown.bottom, shown.left : shown.right],
            result[part.top : part.bottom, part.left : part.right],
            clip=clip,
            seen_range=seen,
            places=Alignment(shown, part, (across, down)),
        )
        expected = whole[part.top : part.bottom, part.left : part.right]
        reach = round(9 * scale)  # at a border that is not the wholes' something is missing
        top, left = (0 if side == 0 else reach for side in (part.top, part.left))
        bottom = None if part.bottom == size.height else -reach
        right = None if part.right == size.width else -reach
        inner = (slice(top, bottom), slice(left, right))
        np.testing.assert_allclose(found[inner], expected[inner], atol=4e-3)
