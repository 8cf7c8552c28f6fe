"""The picture on the screen: exact pixels, both in step, quick."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from scalediff_engine.ui.look import DARK
from scalediff_engine.ui.picture import Raster, build, pixels_of
from scalediff_engine.ui.view.picture_view import PictureView
from scalediff_engine.ui.view.state import Mode, Side, parts


def noise(width: int, height: int, seed: int = 0) -> Raster:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    pixels[..., 3] = 255
    return build(pixels, has_alpha=False)


@pytest.fixture
def view(app: QApplication) -> PictureView:
    found = PictureView(DARK)
    found.resize(300, 200)
    found.show()
    return found


def seen(view: PictureView) -> np.ndarray:
    """What is on the screen: (h, w, 3)."""
    image = view.grab().toImage()
    return pixels_of(image.convertToFormat(image.Format.Format_RGB32))[..., :3]


SOURCE, RESULT = noise(250, 150), noise(1000, 600, 1)


def compared(view: PictureView, mode: Mode = Mode.SPLIT) -> PictureView:
    view.show_source(SOURCE)
    view.show_result(RESULT)
    view.set_mode(mode)
    return view


@pytest.mark.parametrize("zoom", [1, 2, 3, 8])
def test_pixels_of_the_result_are_exact(view: PictureView, zoom: int) -> None:
    compared(view).set_split(0)
    view.zoom_to(zoom)
    place = view.viewport
    rows = (np.arange(40, 200) - int(place.top)) // zoom
    columns = (np.arange(20, 290) - int(place.left)) // zoom
    expected = RESULT.arrays[0][rows][:, columns, :3]
    assert (seen(view)[40:200, 20:290] == expected).all()


@pytest.mark.parametrize("zoom", [1, 2])
def test_pixels_of_the_source_are_squares_in_the_same_place(view: PictureView, zoom: int) -> None:
    compared(view).set_split(1)
    view.set_source_smooth(False)
    view.zoom_to(zoom)
    place = view.viewport
    rows = (np.arange(40, 200) - int(place.top)) // (4 * zoom)
    columns = (np.arange(10, 280) - int(place.left)) // (4 * zoom)
    expected = SOURCE.arrays[0][rows][:, columns, :3]
    assert (seen(view)[40:200, 10:280] == expected).all()


def test_the_line_parts_source_and_result(view: PictureView) -> None:
    compared(view).zoom_to(1)
    view.set_source_smooth(False)
    view.set_split(0.5)
    whole = seen(view)
    view.set_split(0)
    result = seen(view)
    view.set_split(1)
    source = seen(view)
    assert (whole[40:180, 10:130] == source[40:180, 10:130]).all()
    assert (whole[40:180, 170:290] == result[40:180, 170:290]).all()


def test_side_by_side_shows_the_same_place_twice(view: PictureView) -> None:
    # the same picture on both sides must look the same
    view.show_source(RESULT)
    view.show_result(noise(1000, 600, 1))
    view.set_mode(Mode.SIDE_BY_SIDE)
    view.zoom_to(1)
    view.pan(-37, 21)
    whole = seen(view)
    assert (whole[40:200, 4:140] == whole[40:200, 154:290]).all()


def test_a_blink_shows_one_after_the_other(view: PictureView) -> None:
    width = view.viewport
    first = parts(Mode.BLINK, width, 0.5, Side.RESULT, has_result=True)
    assert [part.side for part in first] == [Side.RESULT]
    compared(view, Mode.BLINK)
    before = seen(view)
    QTest.qWait(900)
    assert (seen(view) != before).any()


def test_space_shows_the_source_while_it_is_held(view: PictureView) -> None:
    compared(view).set_split(0)
    view.zoom_to(1)
    before = seen(view)
    QTest.keyPress(view, Qt.Key.Key_Space)
    held = seen(view)
    QTest.keyRelease(view, Qt.Key.Key_Space)
    assert (held != before).any()
    assert (seen(view) == before).all()


def test_keys_move_zoom_and_split(view: PictureView) -> None:
    compared(view).zoom_to(1)
    before = view.viewport
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.viewport.x > before.x
    QTest.keyClick(view, Qt.Key.Key_Plus)
    assert view.viewport.scale > 1
    split = view.split
    QTest.keyClick(view, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert view.split < split


def test_the_mouse_moves_the_picture_and_the_line(view: PictureView) -> None:
    compared(view).zoom_to(1)
    before = view.viewport
    button = Qt.MouseButton.LeftButton
    QTest.mousePress(view, button, Qt.KeyboardModifier.NoModifier, QPoint(50, 50))
    QTest.mouseMove(view, QPoint(80, 60))
    QTest.mouseRelease(view, button, Qt.KeyboardModifier.NoModifier, QPoint(80, 60))
    assert view.viewport.left - before.left == 30
    assert view.viewport.top - before.top == 10
    QTest.mousePress(view, button, Qt.KeyboardModifier.NoModifier, QPoint(150, 50))
    QTest.mouseMove(view, QPoint(210, 50))
    QTest.mouseRelease(view, button, Qt.KeyboardModifier.NoModifier, QPoint(210, 50))
    assert view.split == pytest.approx(0.7)


def test_the_wheel_zooms_at_the_pointer(view: PictureView) -> None:
    compared(view).zoom_to(1)
    place = view.viewport.to_picture(200, 50)
    wheel = QWheelEvent(
        QPointF(200, 50), QPointF(200, 50), QPoint(), QPoint(0, 120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, wheel)
    assert view.viewport.scale > 1
    assert view.viewport.to_picture(200, 50) == pytest.approx(place, abs=1)


def test_what_is_seen_stays_when_the_result_comes(view: PictureView) -> None:
    view.show_source(SOURCE)
    view.zoom_to(4)
    view.pan(-100, -60)
    before = view.viewport
    view.show_result(RESULT)
    after = view.viewport
    assert after.scale == 1
    assert (after.left, after.top) == pytest.approx((before.left, before.top), abs=1)


def test_heat_lies_over_the_result_alone(view: PictureView) -> None:
    compared(view).zoom_to(1)
    before = seen(view)
    hot = np.zeros((150, 250, 4), np.uint8)
    hot[..., 2:] = 255
    view.show_heat(build(hot, has_alpha=True))
    after = seen(view)
    assert (after[40:180, 10:130] == before[40:180, 10:130]).all()
    assert (after[40:90, 170:290] == [0, 0, 255]).all()


def test_transparent_pixels_show_squares(view: PictureView) -> None:
    view.show_source(build(np.zeros((100, 100, 4), np.uint8), has_alpha=True))
    middle = seen(view)[60:140, 110:190]
    assert len(np.unique(middle.reshape(-1, 3), axis=0)) == 2


def test_nothing_to_show_is_no_trouble(view: PictureView) -> None:
    view.fit()
    view.zoom_to(2)
    seen(view)


@pytest.mark.parametrize("mode", [Mode.SPLIT, Mode.SIDE_BY_SIDE])
@pytest.mark.parametrize("zoom", [0.0, 0.6, 1.0, 2.0])
def test_a_large_picture_pans_at_60_frames_a_second(
    app: QApplication, large: tuple[Raster, Raster], mode: Mode, zoom: float
) -> None:
    view = PictureView(DARK)
    view.resize(1400, 900)
    view.show()
    QTest.qWait(20)  # it paints only once it is on the screen
    source, result = large
    view.show_source(source)
    view.show_result(result)
    view.set_mode(mode)
    if zoom:
        view.zoom_to(zoom)
    taken: list[float] = []
    paint, painted = view.paintEvent, list[int]()
    view.paintEvent = lambda event: (painted.append(1), paint(event))  # type: ignore[method-assign]
    for frame in range(40):
        began = time.perf_counter()
        view.pan(-7 if frame < 20 else 7, 3)
        view.repaint()
        taken.append(time.perf_counter() - began)
    view.hide()
    assert len(painted) >= len(taken)
    assert sorted(taken)[len(taken) // 2] < 1 / 60


@pytest.fixture(scope="module")
def large() -> tuple[Raster, Raster]:
    return noise(1024, 1024), noise(4096, 4096)
