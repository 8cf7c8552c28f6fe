"""How a screenshot is taken: in which look, language and size."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QBuffer, QEventLoop, QIODevice, QLocale, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from scalediff_engine.ui import language
from scalediff_engine.ui.event_loop import TrayNotifier
from scalediff_engine.ui.look import Look, Scheme
from scalediff_engine.ui.window_base import Way

_QUALITY = 78


@dataclass(frozen=True)
class Variant:
    """One way to see a page.

    Attributes:
        name: part of the file's
        scheme: of colours
        locale: language and direction
        scale: device pixels for each of the window's; Qt takes it once a process
        points: size of the letters, as a factor
    """

    name: str
    scheme: Scheme = Scheme.DARK
    locale: str = "en_GB"
    scale: int = 1
    points: float = 1.0


VARIANTS = (
    Variant("dark"),
    Variant("light", Scheme.LIGHT),
    Variant("german", Scheme.LIGHT, "de_DE"),
    Variant("contrast", Scheme.CONTRAST_DARK),
    Variant("right-to-left", Scheme.DARK, "ar_EG"),
    Variant("200-percent", Scheme.DARK, "en_GB", scale=2),
    Variant("large-letters", Scheme.LIGHT, "de_DE", points=1.5),
)


class Stage:
    """Where a page is put up and photographed.

    Args:
        app: of Qt
        variant: how it is to be seen
        folder: for the pictures
    """

    def __init__(self, app: QApplication, variant: Variant, folder: Path) -> None:
        self.app = app
        self.variant = variant
        self.look = Look(variant.scheme)
        self._folder = folder

    def shoot(self, window: QWidget, page: str) -> None:
        """Take a picture of a window as it stands."""
        QTest.qWait(60)
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        window.grab().save(buffer, "PNG")
        with Image.open(io.BytesIO(bytes(buffer.data().data()))) as image:
            file = self._folder / f"{page}-{self.variant.name}.webp"
            image.convert("RGB").save(file, quality=_QUALITY, method=6)


def spin(duration_ms: int) -> None:
    """Let the window and the threads work; ``QTest.qWait`` keeps the threads waiting."""
    loop = QEventLoop()
    QTimer.singleShot(duration_ms, loop.quit)
    loop.exec()


def ways() -> tuple[Way, ...]:
    """Give a menu of other windows; nobody opens it here."""
    return (Way("", "", lambda: None),)


class SilentNotifier(TrayNotifier):
    """Says nothing."""

    def __init__(self) -> None: ...

    def begin(self, on_click: Callable[[], None]) -> bool:
        """Be there, for all anybody knows."""
        return True

    def say(self, title: str, text: str) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Be gone."""


@dataclass(frozen=True)
class Page:
    """Something to be photographed.

    Attributes:
        name: of the dialog
        show: puts it up and shoots its states
        variants: in which; empty = all
    """

    name: str
    show: Callable[[Stage], None]
    variants: tuple[str, ...] = ()


@contextmanager
def staged(app: QApplication, variant: Variant, folder: Path) -> Iterator[Stage]:
    """Let the program look and speak as a variant has it, for as long as the block."""
    locale = QLocale(variant.locale)
    QLocale.setDefault(locale)
    translators = language.install(app, locale)
    before = app.font()
    font = app.font()
    font.setPointSizeF(font.pointSizeF() * variant.points)
    app.setFont(font)
    stage = Stage(app, variant, folder)
    stage.look.put_on(app)
    try:
        yield stage
    finally:
        for translator in translators:
            app.removeTranslator(translator)
        app.setFont(before)
        app.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
