from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.method.stages import stage_sizes
from scalediff_engine.pipeline.canvas import reflect_bottom_right, source_canvas, to_canvas

NATIVE = Size(256, 256)


def test_a_whole_factor_without_padding_is_a_plain_bicubic_resize() -> None:
    source = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    sizes = stage_sizes(Size(48, 32), Size(96, 64), native=Size(32, 32), multiple=16)
    plain = torch.nn.functional.interpolate(source, size=(64, 96), mode="bicubic")
    assert torch.equal(to_canvas(source, sizes, sizes.canvas), plain)


def test_the_source_on_its_own_canvas_is_untouched() -> None:
    source = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    sizes = stage_sizes(Size(256, 256), Size(512, 512), native=NATIVE, multiple=16)
    assert torch.equal(to_canvas(source, sizes, sizes.start), source)


def test_positions_are_those_of_the_exact_ratio_on_every_canvas() -> None:
    # a ramp tells at each pixel which source position it shows
    width, height = 257, 431
    ramp = torch.arange(width).float().expand(1, 3, height, width)
    sizes = stage_sizes(Size(width, height), Size(771, 1293), native=NATIVE, multiple=16)
    turned_sizes = stage_sizes(Size(height, width), Size(1293, 771), native=NATIVE, multiple=16)
    for canvas in (sizes.start, *sizes.canvases):
        ratio = canvas.width / sizes.canvas.width * 3
        shown = to_canvas(ramp, sizes, canvas)[0, 0, 0]
        columns = torch.arange(canvas.width)
        expected = (columns + 0.5) / ratio - 0.5
        turned = to_canvas(ramp.transpose(-1, -2), turned_sizes, Size(canvas.height, canvas.width))
        assert torch.allclose(turned[0, 0, :, 0], shown, atol=1e-3)
        inner = slice(4, int(250 * ratio))
        assert (
            shown[inner] - expected[inner]
        ).abs().max() < 0.06  # this cubic bends a ramp by as much


def test_the_canvas_at_the_sources_own_resolution_is_the_source_where_nothing_is_padded() -> None:
    source = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    sizes = stage_sizes(Size(30, 20), Size(240, 160), native=NATIVE, multiple=16)
    assert torch.equal(to_canvas(source, sizes, source_canvas(source, sizes)), source)


def test_the_canvas_at_the_sources_own_resolution_has_the_padding_too() -> None:
    sizes = stage_sizes(Size(65, 107), Size(195, 321), native=NATIVE, multiple=16)
    source = torch.rand(1, 3, 107, 65)
    assert source_canvas(source, sizes) == Size(69, 112)  # 65 * 208 / 195, 107 * 336 / 321


def test_beyond_the_picture_the_canvas_mirrors_it() -> None:
    source = torch.arange(5).float().expand(1, 1, 4, 5)
    padded = reflect_bottom_right(source, 0, 3)
    assert padded[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 3, 2, 1]
    assert reflect_bottom_right(source, 0, 9)[0, 0, 0].tolist() == [
        *[0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3, 4, 3]
    ]


def test_a_single_pixel_is_repeated() -> None:
    source = torch.full((1, 3, 1, 1), 0.25)
    assert torch.equal(reflect_bottom_right(source, 3, 2), torch.full((1, 3, 4, 3), 0.25))


side = st.integers(1, 90)


@settings(deadline=None, max_examples=60)
@given(side, side, st.floats(1, 6), st.floats(1, 6))
def test_any_size_fills_every_canvas(width: int, height: int, across: float, down: float) -> None:
    source = torch.rand(1, 3, height, width)
    target = Size(round(width * across), round(height * down))
    sizes = stage_sizes(Size(width, height), target, native=Size(32, 32), multiple=16)
    for canvas in (sizes.start, *sizes.canvases):
        out = to_canvas(source, sizes, canvas)
        assert out.shape == (1, 3, canvas.height, canvas.width)
        assert out.isfinite().all()


@pytest.mark.parametrize("size", [(1, 1), (3000, 40), (2, 500)])
def test_strips_and_single_pixels_fill_every_canvas(size: tuple[int, int]) -> None:
    width, height = size
    sizes = stage_sizes(Size(*size), Size(width * 2, height * 2), native=NATIVE, multiple=16)
    for canvas in (sizes.start, *sizes.canvases):
        out = to_canvas(torch.rand(1, 3, height, width), sizes, canvas)
        assert out.shape == (1, 3, canvas.height, canvas.width)


def test_a_part_of_a_canvas_is_what_it_is_on_the_whole() -> None:
    source = torch.rand(1, 3, 37, 53)
    sizes = stage_sizes(Size(53, 37), Size(181, 127), native=Size(64, 64), multiple=16)
    for canvas in (*sizes.canvases, sizes.start):
        whole = to_canvas(source, sizes, canvas)
        for part in (Box(0, 0, 16, 32), Box(16, 16, canvas.width, canvas.height)):
            found = to_canvas(source, sizes, canvas, part)
            expected = whole[..., part.top : part.bottom, part.left : part.right]
            assert torch.allclose(found, expected, atol=2e-4)
