"""Zoom and pan as arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.ui.view.state import MAX_ZOOM, Viewport

LARGE = Viewport(4096, 3072, 1000, 800)


def test_at_first_all_of_it_is_seen() -> None:
    assert LARGE.is_fitted
    assert LARGE.scale == pytest.approx(1000 / 4096)
    assert LARGE.left == 0
    assert LARGE.top == pytest.approx(25, abs=1)


def test_a_small_picture_is_shown_with_whole_pixels() -> None:
    assert Viewport(300, 200, 1000, 800).scale == 3
    assert Viewport(2, 2, 1000, 800).scale == 8


@pytest.mark.parametrize("zoom", [0.3, 1.0, 2.0, 7.5])
def test_zooming_keeps_what_is_under_the_pointer(zoom: float) -> None:
    before = LARGE.zoomed(0.5, 500, 400)
    place = before.to_picture(430, 390)
    after = before.zoomed(zoom, 430, 390)
    # edges lie on whole pixels of the screen
    assert after.to_picture(430, 390) == pytest.approx(place, abs=1.01 / min(zoom, 0.5))


def test_panning_moves_by_what_the_pointer_moves() -> None:
    before = LARGE.zoomed(2, 500, 400)
    after = before.panned(30, -20)
    assert after.left - before.left == 30
    assert after.top - before.top == -20


def test_the_picture_cannot_be_lost() -> None:
    view = LARGE.zoomed(1, 500, 400).panned(1e6, 1e6)
    assert (view.left, view.top) == (0, 0)
    view = view.panned(-1e6, -1e6)
    assert (view.left, view.top) == (1000 - 4096, 800 - 3072)


def test_steps_stop_at_whole_sizes() -> None:
    view, seen = LARGE, list[float]()
    for _ in range(12):
        view = view.stepped(1, 500, 400)
        seen.append(view.scale)
    assert {0.5, 1.0, 2.0, 4.0} <= set(seen)
    for _ in range(40):
        view = view.stepped(-1, 500, 400)
    assert view.is_fitted


def test_another_picture_of_the_same_motif_is_seen_at_the_same_place() -> None:
    before = LARGE.zoomed(1, 200, 300)
    after = before.showing(8192, 6144)
    assert after.zoom == 0.5
    assert after.left == pytest.approx(before.left, abs=1)


@given(
    st.integers(1, 9000),
    st.integers(1, 9000),
    st.lists(
        st.tuples(st.sampled_from(["pan", "step", "size"]), st.floats(-900, 900), st.floats(-9, 9))
    ),
)
def test_whatever_is_done_the_picture_stays_in_view(
    width: int, height: int, deeds: list[tuple[str, float, float]]
) -> None:
    view = Viewport(width, height, 1000, 800)
    for deed, first, second in deeds:
        if deed == "pan":
            view = view.panned(first, 10 * second)
        elif deed == "step":
            view = view.stepped(second, first % 1000, 400)
        else:
            view = view.resized(int(abs(first)) + 1, 700)
        assert 0 < view.scale <= MAX_ZOOM
        right, bottom = view.left + width * view.scale, view.top + height * view.scale
        assert view.left < view.view_width
        assert view.top < view.view_height
        assert right > 0
        assert bottom > 0
