"""The windows beside the upscale, for the documentation."""

from __future__ import annotations

from collections.abc import Callable

import room_screenshots
from PySide6.QtWidgets import QWidget
from screenshot_material import Material
from screenshot_stage import Page, Stage, ways

from scalediff_engine.ui.start_window import StartWindow

_VARIANTS = ("dark", "german")
# Of all that is shot there, what the documentation shows, and its name.
_SHOWN = {
    "models-2-downloadable": "models",
    "recent-alone-2": "recent",
    "welcome-2": "welcome",
}


def pages(material: Material) -> tuple[Page, ...]:
    """Give the pages."""
    return (
        Page("models", _models, _VARIANTS),
        Page("recent", lambda stage: _recent(stage, material), _VARIANTS),
        Page("welcome", _welcome, _VARIANTS),
        Page("start", _start, _VARIANTS),
    )


def _models(stage: Stage) -> None:
    room_screenshots.shoot_models(_chosen(stage), stage.look)


def _recent(stage: Stage, material: Material) -> None:
    room_screenshots.shoot_recent(_chosen(stage), stage.look, material.result)


def _welcome(stage: Stage) -> None:
    room_screenshots.shoot_welcome(_chosen(stage), stage.look)


def _start(stage: Stage) -> None:
    window = StartWindow(stage.look)
    window.offer(ways())
    window.show()
    stage.shoot(window, "start")
    window.leave()


def _chosen(stage: Stage) -> Callable[[QWidget, str], None]:
    def shoot(window: QWidget, name: str) -> None:
        window.resize(window.sizeHint().expandedTo(window.minimumSizeHint()))
        if name in _SHOWN:
            stage.shoot(window, _SHOWN[name])

    return shoot
