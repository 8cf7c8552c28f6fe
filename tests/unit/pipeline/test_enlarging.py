"""Begin a stage with what the fast network makes of the picture before it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.method.stages import StageSizes, stage_sizes
from scalediff_engine.pipeline.canvas import resize_canvas, to_canvas
from scalediff_engine.pipeline.upsampling import Enlarging
from scalediff_engine.upscalers.enlarge import enlarge_to


def picture(width: int, height: int) -> Tensor:
    """(1, 3, height, width) of soft shapes, -1..1."""
    rows, cols = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    waves = [torch.sin(rows / 5 + k) * torch.cos(cols / 7 - k) for k in range(3)]
    return torch.stack(waves)[None] * 0.8


def sizes_of(source: Size, target: Size) -> StageSizes:
    return stage_sizes(source, target, native=Size(256, 256), multiple=16)


def made_by_network(x: Tensor, size: Size) -> Tensor:
    pixels = (x[0].permute(1, 2, 0).numpy() + 1) / 2
    return torch.from_numpy(enlarge_to(pixels, size)).permute(2, 0, 1)[None] * 2 - 1


def test_twice_the_source_is_what_the_network_makes_of_it() -> None:
    source = picture(96, 80)
    sizes = sizes_of(Size(96, 80), Size(192, 160))
    found = Enlarging(sizes, with_network=True).of_source(source, sizes.canvas)
    assert found.shape[-2:] == (sizes.canvas.height, sizes.canvas.width)
    inner = slice(0, 100)  # the padding beyond the target is none of the source's
    expected = made_by_network(source, Size(192, 160))
    assert torch.allclose(found[..., inner, inner], expected[..., inner, inner], atol=1e-5)


@pytest.mark.parametrize("target", [Size(192, 160), Size(171, 150)])
def test_a_part_of_the_source_is_the_same_as_in_the_whole(target: Size) -> None:
    source = picture(96, 84)
    sizes = sizes_of(Size(96, 84), target)
    enlarging = Enlarging(sizes, with_network=True)
    whole = enlarging.of_source(source, sizes.canvas)
    assert not torch.allclose(whole, to_canvas(source, sizes, sizes.canvas), atol=1e-2)
    edge = Box.of(sizes.canvas)
    for part in (Box(32, 16, 96, 80), Box(0, 0, 64, 48), Box(96, 96, edge.right, edge.bottom)):
        found = enlarging.of_source(source, sizes.canvas, part)
        expected = whole[..., part.top : part.bottom, part.left : part.right]
        inner = (..., slice(0, -2), slice(0, -2))  # the whole's last rows are repeated ones
        assert torch.allclose(found[inner], expected[inner], atol=2e-4), part


def test_the_picture_of_a_stage_and_a_part_of_it() -> None:
    x, before, canvas = picture(96, 80), Size(96, 80), Size(192, 160)
    enlarging = Enlarging(sizes_of(before, canvas), with_network=True)
    whole = enlarging.of_stage(x, before, canvas)
    assert torch.allclose(whole, made_by_network(x, canvas), atol=1e-5)
    part = Box(40, 48, 136, 112)
    found = enlarging.of_part(x, Box.of(before), before, canvas, part)
    assert torch.allclose(found, whole[..., 48:112, 40:136], atol=1e-4)
    # what is known ends near the part: what the network sees beyond is missing, and no more
    at = Box(10, 14, 78, 66)
    near = enlarging.of_part(x[..., 14:66, 10:78], at, before, canvas, part)
    assert 0 < float((near - found).abs().max()) < 0.1


def test_other_sizes_and_values_out_of_range() -> None:
    x, before, canvas = picture(64, 64) * 1.5, Size(64, 64), Size(112, 112)
    enlarging = Enlarging(sizes_of(before, canvas), with_network=True)
    found = enlarging.of_stage(x, before, canvas)
    assert found.shape == (1, 3, 112, 112)
    assert torch.allclose(found, resize_canvas(x.clamp(-1, 1), canvas), atol=0.2)


def test_what_hardly_grows_and_other_models_are_enlarged_bicubic() -> None:
    x, before = picture(64, 64), Size(64, 64)
    little = Size(80, 80)
    found = Enlarging(sizes_of(before, little), with_network=True).of_stage(x, before, little)
    assert torch.equal(found, resize_canvas(x, little))
    twice = Size(128, 128)
    sizes = sizes_of(before, twice)
    plain = Enlarging(sizes, with_network=False)
    assert torch.equal(plain.of_stage(x, before, twice), resize_canvas(x, twice))
    assert torch.equal(plain.of_source(x, sizes.canvas), to_canvas(x, sizes, sizes.canvas))


def test_a_flat_picture_stays_flat() -> None:
    x = torch.full((1, 3, 40, 40), 0.31)
    sizes = sizes_of(Size(40, 40), Size(80, 80))
    found = Enlarging(sizes, with_network=True).of_source(x, sizes.canvas)
    assert np.abs(found.numpy() - 0.31).max() < 1e-3
