from __future__ import annotations

import numpy as np
import pytest

from scalediff_engine.base.errors import Cancelled
from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.images.alpha import resize_alpha
from scalediff_engine.images.picture import Pixels
from scalediff_engine.upscalers import enlarge as module
from scalediff_engine.upscalers.enlarge import enlarge_alpha
from scalediff_engine.upscalers.network import Network


def disc(side: int = 48, softness: float = 0.0) -> Pixels:
    """A round cut-out: hard, or with an edge so many pixels wide."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) - (side - 1) / 2
    inside = 0.33 * side - np.hypot(x, y)
    if not softness:
        return (inside > 0).astype(np.float32)
    return (np.rint(255 / (1 + np.exp(-inside / softness))) / 255).astype(np.float32)


def never(scale: int) -> Network:
    raise AssertionError(f"the network of {scale}x was asked for")


@pytest.mark.parametrize("factor", [2, 3.5, 4, 8])
def test_a_hard_edge_stays_far_harder_than_interpolation_leaves_it(factor: float) -> None:
    size = Size(48, 48).scaled(factor)
    edges = [
        float(((plane > 0.02) & (plane < 0.98)).mean())
        for plane in (enlarge_alpha(disc(), size), resize_alpha(disc(), size))
    ]
    assert edges[0] < 0.75 * edges[1]


def test_a_hard_edge_stays_where_it_is() -> None:
    enlarged = enlarge_alpha(disc(), Size(192, 192))
    assert enlarged.mean() == pytest.approx(disc().mean(), rel=0.01)


def test_a_soft_edge_stays_soft() -> None:
    soft = disc(softness=4.0)
    size = Size(192, 192)
    np.testing.assert_allclose(enlarge_alpha(soft, size), resize_alpha(soft, size), atol=0.015)


@pytest.mark.parametrize("size", [Size(96, 96), Size(100, 131), Size(384, 384)])
def test_opaque_transparent_and_half_transparent_regions_stay_exactly_so(size: Size) -> None:
    alpha = np.zeros((48, 48), np.float32)
    alpha[:, 16:32], alpha[:, 32:] = np.float32(0.5), 1.0
    enlarged = enlarge_alpha(alpha, size)
    third = size.width // 3
    assert enlarged[:, : third - size.width // 48 - 1].max() == 0.0
    assert set(
        enlarged[:, third + size.width // 48 + 1 : 2 * third - size.width // 48 - 1].flat
    ) == {0.5}
    assert enlarged[:, 2 * third + size.width // 48 + 2 :].min() == 1.0


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_constant_alpha_runs_through_no_network(value: float) -> None:
    alpha = np.full((20, 30), value, np.float32)
    enlarged = enlarge_alpha(alpha, Size(120, 80), network=never)
    assert set(enlarged.flat) == {np.float32(value)}


def test_flat_parts_run_through_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[Box] = []
    network_tile = module.network_tile

    def counted(network: Network, pixels: Pixels, goal: Size, tile: Box) -> Pixels:
        computed.append(tile)
        return network_tile(network, pixels, goal, tile)

    monkeypatch.setattr(module, "network_tile", counted)
    alpha = np.zeros((600, 600), np.float32)
    alpha[300:310, 40:52] = 1.0
    enlarge_alpha(alpha, Size(1200, 1200))
    assert 0 < sum(tile.size.area for tile in computed) < 50 * 50


def test_a_wide_feather_runs_through_no_network() -> None:
    feather = np.linspace(0, 1, 200, dtype=np.float32)[None].repeat(40, axis=0)
    enlarged = enlarge_alpha(feather, Size(400, 80), network=never)
    np.testing.assert_allclose(enlarged, resize_alpha(feather, Size(400, 80)), atol=1e-6)


@pytest.mark.parametrize("factor", [2, 3.3, 8])
def test_a_window_has_the_values_of_the_whole(factor: float) -> None:
    size = Size(48, 48).scaled(factor)
    window = Box(size.width // 5, size.height // 4, size.width // 2, size.height - 3)
    whole = enlarge_alpha(disc(), size)
    part = enlarge_alpha(disc(), size, window=window)
    np.testing.assert_allclose(
        part, whole[window.top : window.bottom, window.left : window.right], atol=1e-4
    )


def test_tiles_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = enlarge_alpha(disc(), Size(192, 192))
    monkeypatch.setattr(module, "TILE_PX", 50)
    np.testing.assert_allclose(enlarge_alpha(disc(), Size(192, 192)), whole, atol=1e-4)


@pytest.mark.parametrize("size", [Size(24, 24), Size(48, 48), Size(96, 24)])
def test_a_side_that_shrinks_is_resampled(size: Size) -> None:
    np.testing.assert_array_equal(enlarge_alpha(disc(), size), resize_alpha(disc(), size))


def test_it_can_be_cancelled_after_a_tile() -> None:
    def cancel(done: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        enlarge_alpha(disc(), Size(96, 96), on_fraction=cancel)
