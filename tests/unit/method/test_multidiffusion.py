from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from scalediff_engine.base.geometry import Grid
from scalediff_engine.method.guidance import average_views, view_starts


def test_views_stand_every_half_view_and_the_last_ends_with_the_grid() -> None:
    assert view_starts(128, 64) == (0, 32, 64)
    assert view_starts(100, 64) == (0, 32, 36)
    assert view_starts(64, 64) == (0,)
    assert view_starts(20, 64) == (0,)


@given(st.integers(1, 200), st.integers(1, 30))
def test_views_cover_the_axis_without_leaving_it(length: int, half: int) -> None:
    view = 2 * half
    covered = {
        i for start in view_starts(length, view) for i in range(start, min(length, start + view))
    }
    assert covered == set(range(length))
    assert all(start + view <= length or length < view for start in view_starts(length, view))


def test_a_pointwise_prediction_is_unchanged_by_averaging() -> None:
    z = torch.randn(1, 3, 20, 27, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(average_views(z, Grid(8, 8), lambda part: 2 * part + 1), 2 * z + 1)


def test_overlaps_are_averaged() -> None:
    calls = iter([1.0, 3.0])

    def constant(part: Tensor) -> Tensor:
        return torch.full_like(part, next(calls))

    out = average_views(torch.zeros(1, 1, 4, 6), Grid(4, 4), constant)
    assert out[0, 0, 0].tolist() == [1, 1, 2, 2, 3, 3]
