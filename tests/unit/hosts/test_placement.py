from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.hosts.placement import Canvas, Placement, Rect, factor_text, place

SOURCE = Rect(10, 20, 100, 50)
DOCUMENT = (300, 200)


@pytest.mark.parametrize(
    ("canvas", "expected"),
    [
        (Canvas.KEEP, Placement(Rect(10, 20, 400, 200), Rect(0, 0, 300, 200))),
        (Canvas.GROW, Placement(Rect(10, 20, 400, 200), Rect(0, 0, 410, 220))),
        (
            Canvas.SCALE,
            Placement(Rect(40, 80, 400, 200), Rect(0, 0, 1200, 800), (1200, 800)),
        ),
        (Canvas.NEW, Placement(Rect(0, 0, 400, 200), Rect(0, 0, 400, 200))),
        (Canvas.IN_PLACE, Placement(SOURCE, Rect(0, 0, 300, 200))),
    ],
)
def test_where_a_result_goes(canvas: Canvas, expected: Placement) -> None:
    assert place(SOURCE, 400, 200, DOCUMENT, canvas) == expected


def test_a_canvas_grows_to_the_left_too() -> None:
    placed = place(Rect(-10, -5, 20, 20), 80, 80, (30, 30), Canvas.GROW)
    assert placed.canvas == Rect(-10, -5, 80, 80)


@given(
    st.tuples(st.integers(-500, 500), st.integers(-500, 500)),
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
    st.integers(1, 8),
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
)
def test_a_scaled_image_keeps_a_layer_over_its_source(
    at: tuple[int, int], size: tuple[int, int], by: int, document: tuple[int, int]
) -> None:
    source = Rect(*at, *size)
    placed = place(source, size[0] * by, size[1] * by, document, Canvas.SCALE)
    assert placed.layer == Rect(at[0] * by, at[1] * by, size[0] * by, size[1] * by)
    assert placed.scaled == (document[0] * by, document[1] * by)


@pytest.mark.parametrize(
    ("width", "height", "said"), [(400, 200, "4x"), (250, 125, "2.5x"), (133, 67, "1.34x")]
)
def test_how_much_larger(width: int, height: int, said: str) -> None:
    assert factor_text(SOURCE, width, height) == said
