from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.plugin_common.placement import (
    Canvas,
    Placement,
    Rect,
    SourcePlace,
    default_canvas,
    factor_text,
    follow,
    place,
)

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


def test_a_document_is_scaled_by_a_factor_for_each_side() -> None:
    placed = place(SOURCE, 200, 200, DOCUMENT, Canvas.SCALE)
    assert placed == Placement(Rect(20, 80, 200, 200), Rect(0, 0, 600, 800), (600, 800))


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


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Rect(0, 0, 300, 200), Canvas.SCALE),
        (Rect(-5, 0, 400, 250), Canvas.SCALE),
        (Rect(0, 0, 300, 199), Canvas.KEEP),
        (Rect(1, 0, 300, 200), Canvas.KEEP),
        (SOURCE, Canvas.KEEP),
    ],
)
def test_the_image_is_scaled_by_default_only_where_all_of_the_canvas_was_taken(
    source: Rect, expected: Canvas
) -> None:
    assert default_canvas(source, DOCUMENT) == expected


THEN = SourcePlace(DOCUMENT, Rect(10, 20, 100, 50), (3, 4))
PART = Rect(20, 30, 40, 20)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (THEN, PART),
        # moved
        (SourcePlace(DOCUMENT, Rect(0, 25, 100, 50), (-7, 9)), Rect(10, 35, 40, 20)),
        # a group: its position stays
        (SourcePlace(DOCUMENT, Rect(0, 25, 100, 50), (3, 4)), Rect(10, 35, 40, 20)),
        # the canvas grew to the left
        (SourcePlace((400, 200), Rect(110, 20, 100, 50), (103, 4)), Rect(120, 30, 40, 20)),
        # painted on, painted on and moved
        (SourcePlace(DOCUMENT, Rect(0, 0, 200, 90), (3, 4)), PART),
        (SourcePlace(DOCUMENT, Rect(0, 0, 200, 90), (8, 4)), Rect(25, 30, 40, 20)),
        # scaled with the image, scaled alone, erased in part
        (SourcePlace((600, 400), Rect(20, 40, 200, 100), (3, 4)), None),
        (SourcePlace(DOCUMENT, Rect(40, 60, 200, 100), (3, 4)), None),
        (SourcePlace(DOCUMENT, Rect(10, 20, 60, 50), (3, 4)), None),
    ],
)
def test_a_part_is_followed_as_long_as_its_place_is_known(
    now: SourcePlace, expected: Rect | None
) -> None:
    assert follow(PART, THEN, now) == expected


def test_a_whole_layer_that_was_painted_on_is_another_one() -> None:
    moved = SourcePlace(DOCUMENT, Rect(0, 25, 100, 50), (-7, 9))
    painted = SourcePlace(DOCUMENT, Rect(0, 0, 200, 90), (3, 4))
    assert follow(SOURCE, THEN, moved, is_whole=True) == Rect(0, 25, 100, 50)
    assert follow(SOURCE, THEN, painted, is_whole=True) is None


def test_the_visible_image_is_where_it_was_on_a_canvas_of_the_same_size() -> None:
    then = SourcePlace(DOCUMENT)
    assert follow(PART, then, SourcePlace(DOCUMENT)) == PART
    assert follow(PART, then, SourcePlace((301, 200))) is None
