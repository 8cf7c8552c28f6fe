"""What of each stage is computed for a window, and which windows there are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.base.errors import NotEnoughMemory, UsageError
from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.client.messages import Window
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.families.sdxl.spec import SDXL
from scalediff_engine.method.stages import stage_sizes
from scalediff_engine.planning.plan import plan_upscale, stage_loads
from scalediff_engine.planning.planner import Resources
from scalediff_engine.planning.settings import Attention, Settings
from scalediff_engine.planning.window import (
    MAX_SIDE,
    enclosing,
    parts_for,
    sample_boxes,
    window_box,
)
from scalediff_engine.spec.family import FamilyFacts

TARGET = Size(4096, 3000)


def test_a_part_is_enclosed_by_whole_pixels_of_another_size() -> None:
    assert enclosing(Box(3, 5, 10, 8), Size(30, 30), Size(10, 10)) == Box(1, 1, 4, 3)
    assert enclosing(Box(1, 1, 3, 4), Size(10, 10), Size(30, 30)) == Box(3, 3, 9, 12)


def test_a_window_inside_the_result_is_a_box() -> None:
    assert window_box(Window(3, 5, 100, 50), TARGET) == Box(3, 5, 103, 55)
    assert window_box(Window(4095, 2999, 1, 1), TARGET).size == Size(1, 1)


@pytest.mark.parametrize(
    ("window", "says"),
    [
        (Window(0, 0, 0, 10), "at least one pixel"),
        (Window(0, 0, 10, -3), "at least one pixel"),
        (Window(-1, 0, 10, 10), "not inside the result, which is 4096x3000"),
        (Window(0, 2991, 10, 10), "not inside the result"),
        (Window(4090, 0, 7, 10), "not inside the result"),
        (Window(0, 0, MAX_SIDE + 1, 10), f"at most {MAX_SIDE} pixels"),
    ],
)
def test_other_windows_are_refused_in_one_sentence(window: Window, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        window_box(window, TARGET)
    assert str(caught.value).count(".") == 1


@given(
    source=st.tuples(st.integers(40, 900), st.integers(40, 900)),
    scale=st.floats(1, 8),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
)
def test_each_part_has_in_it_what_the_next_is_enlarged_from(
    source: tuple[int, int], scale: float, place: tuple[float, float, float, float]
) -> None:
    size = Size(*source)
    target = size.scaled(scale)
    sizes = stage_sizes(size, target, native=EMBEDDED.native, multiple=EMBEDDED.multiple)
    width, height = (
        max(1, round(side * share)) for side, share in zip(target, place[2:], strict=True)
    )
    left, top = round((target.width - width) * place[0]), round((target.height - height) * place[1])
    window = Box(left, top, left + width, top + height)
    parts = parts_for(window, sizes, EMBEDDED)
    boxes = [
        part or Box.of(canvas)
        for part, canvas in zip(
            (parts.start, *parts.stages), (sizes.start, *sizes.canvases), strict=True
        )
    ]
    canvases = (sizes.start, *sizes.canvases)
    last = boxes[-1]
    assert window.with_box(last) == last
    for box, canvas in zip(boxes, canvases, strict=True):
        assert box == box.within(canvas)
        assert all(side % EMBEDDED.multiple == 0 for side in box)
        # no smaller than what the model knows, where the canvas is not
        assert box.size.width >= min(EMBEDDED.native.width, canvas.width)
        assert box.size.height >= min(EMBEDDED.native.height, canvas.height)
    for k in range(1, len(boxes)):
        ratio = canvases[k - 1].width / canvases[k].width
        down = canvases[k - 1].height / canvases[k].height
        before, after, canvas = boxes[k - 1], boxes[k], canvases[k - 1]
        assert before.left <= max(0, after.left * ratio - 1)
        assert before.top <= max(0, after.top * down - 1)
        assert before.right >= min(canvas.width, after.right * ratio + 1)
        assert before.bottom >= min(canvas.height, after.bottom * down + 1)


def test_a_window_with_its_margin_that_is_the_whole_is_planned_as_the_whole() -> None:
    whole = plan_upscale(Size(256, 256), Size(512, 512), EMBEDDED, Settings())
    plan = plan_upscale(
        Size(256, 256), Size(512, 512), EMBEDDED, Settings(), None, Box(60, 60, 460, 460)
    )
    assert [stage.part for stage in plan.stages] == [None]
    assert plan.cost == whole.cost


def test_a_window_costs_a_small_part_of_the_whole() -> None:
    source, target = Size(1024, 1024), Size(4096, 4096)
    whole = plan_upscale(source, target, EMBEDDED, Settings())
    plan = plan_upscale(source, target, EMBEDDED, Settings(), None, Box(9, 9, 521, 521))
    assert plan.cost.gflop < whole.cost.gflop / 10
    assert plan.cost.peak_bytes < whole.cost.peak_bytes / 10
    assert all(
        load.canvas == stage.part.size
        for load, stage in zip(stage_loads(plan, EMBEDDED, Settings()), plan.stages, strict=True)
        if stage.part is not None
    )


def test_views_of_the_baseline_lie_where_they_do_in_the_whole() -> None:
    settings = Settings(attention=Attention.MULTIDIFFUSION)
    plan = plan_upscale(
        Size(1024, 1024), Size(4096, 4096), EMBEDDED, settings, None, Box(1000, 1000, 1200, 1200)
    )
    last = plan.stages[-1].part
    assert last is not None
    assert all(side % (EMBEDDED.native.width // 2) == 0 for side in last)


def test_a_window_that_does_not_fit_says_what_it_needs() -> None:
    plan = plan_upscale(
        Size(1024, 1024), Size(4096, 4096), EMBEDDED, Settings(), None, Box(0, 0, 512, 512)
    )
    machine = Resources(2**28, "this machine", lambda cost: 1.0)
    with pytest.raises(NotEnoughMemory, match=r"A window of 512x512 needs .* GiB"):
        machine.require_room(plan)


@pytest.mark.parametrize(
    "facts",
    [
        EMBEDDED,
        SDXL,
        replace(EMBEDDED, multiple=32),
        replace(EMBEDDED, multiple=Size(16, 64)),
    ],
)
def test_pieces_of_the_sample_lie_in_those_of_the_stage_before(facts: FamilyFacts) -> None:
    small, large = Size(1024, 800), Size(2048, 1600)
    for old, new in zip(
        sample_boxes(small, facts),
        sample_boxes(large, facts),
        strict=True,
    ):
        assert old.size == new.size
        assert new == new.within(large)
        assert old.left <= new.left / 2
        assert old.right >= new.right / 2
        assert old.top <= new.top / 2
        assert old.bottom >= new.bottom / 2
