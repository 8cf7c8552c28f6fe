"""How far a result has drifted, against Pillow's box filter and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from scalediff_engine.ui.compare.results import FULL_HEAT, measure, shrunk_rows
from scalediff_engine.ui.picture import NotWanted


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    pixels[..., 3] = 255
    return pixels


def weights(large: int, small: int) -> np.ndarray:
    """How much each of the large pixels counts in each of the small ones."""
    found = np.zeros((small, large))
    for row in range(small):
        low, high = row * large / small, (row + 1) * large / small
        for column in range(large):
            found[row, column] = max(0.0, min(high, column + 1) - max(low, column))
    return found / (large / small)


@pytest.mark.parametrize(
    ("large", "small"),
    [((64, 96), (16, 24)), ((50, 70), (17, 23)), ((33, 33), (32, 31)), ((8, 8), (8, 8))],
)
def test_areas_are_averaged(large: tuple[int, int], small: tuple[int, int]) -> None:
    picture = noise(*large)
    down, across = weights(large[0], small[0]), weights(large[1], small[1])
    expected = np.einsum("ih,hwc,jw->ijc", down, picture.astype(float), across)
    assert np.allclose(shrunk_rows(picture, small, 0, small[0]), expected, atol=1e-3)


def test_whole_ratios_are_pillow_s_box() -> None:
    picture = noise(64, 96)
    whole = shrunk_rows(picture, (16, 24), 0, 16)
    plane = Image.fromarray(picture[..., 0].astype(np.float32))
    expected = np.asarray(plane.resize((24, 16), Image.Resampling.BOX))
    assert np.allclose(whole[..., 0], expected, atol=1e-3)


def test_areas_are_averaged_exactly_where_they_cut_pixels() -> None:
    row = np.array([[0, 30, 60]], np.uint8)[..., None].repeat(4, 2)
    whole = shrunk_rows(row, (1, 2), 0, 1)
    # 1.5 pixels each: (0 + 30/2) / 1.5 and (30/2 + 60) / 1.5
    assert whole[0, :, 0] == pytest.approx([10, 50])


def test_bands_are_the_whole() -> None:
    picture = noise(50, 70)
    whole = shrunk_rows(picture, (17, 23), 0, 17)
    bands = np.concatenate([shrunk_rows(picture, (17, 23), i, i + 1) for i in range(17)])
    assert np.allclose(whole, bands, atol=1e-3)


def test_a_result_that_keeps_to_its_source_has_no_drift() -> None:
    source = noise(20, 30)
    found = measure(source, source.repeat(4, 0).repeat(4, 1))
    assert found.mean == 0
    assert found.most == 0
    assert not found.heat.arrays[0].any()


def test_a_shift_is_found_where_it_is() -> None:
    source = np.full((20, 30, 4), 100, np.uint8)
    result = source.repeat(4, 0).repeat(4, 1)
    result[40:48, 80:88, 1] += 40  # two by two pixels of the source
    found = measure(source, result)
    hot = np.argwhere(found.heat.arrays[0][..., 3])
    assert hot.min(0).tolist() == [10, 20]
    assert hot.max(0).tolist() == [11, 21]
    assert found.mean == pytest.approx(40 * 4 / 600)
    blue, green, red, alpha = found.heat.arrays[0][10, 20]
    assert (blue, green) == (0, 0)
    assert red == alpha > 200
    assert found.most > FULL_HEAT


def test_what_is_given_up_ends() -> None:
    with pytest.raises(NotWanted):
        measure(noise(20, 30), noise(80, 120), lambda: False)
