"""Small pictures of files: made in threads, newest wish first, and only so many of them kept."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter, QPixmap

from scalediff_engine.ui.observers import Listeners
from scalediff_engine.ui.workers import Ticket, Workers

MOST_KEPT = 400
# What was scrolled past is not looked at any more.
MOST_WAITING = 48
MOST_AT_ONCE = 2
# A whole picture is decoded for its small one, unless it is a JPEG; this keeps memory in bounds.
MOST_PIXELS = 40_000_000


@dataclass(frozen=True)
class Thumbnail:
    """A small picture.

    Attributes:
        image: no larger than was asked for
        width, height: of the file, as it is seen
    """

    image: QImage
    width: int
    height: int


def make_thumbnail(file: Path, side_px: int) -> Thumbnail | None:
    """Make a small picture of a file; none = it cannot be read, or is too large to be looked at.

    Args:
        file: a picture
        side_px: that its longer side has at most
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file) as opened:
                width, height = opened.size
                opened.draft("RGB", (side_px, side_px))
                if opened.width * opened.height > MOST_PIXELS:
                    return None
                if opened.mode.startswith(("I", "F")):  # Pillow cuts 16 bits off at 255
                    shown = _in_8_bits(opened)
                else:
                    shown = opened.convert("RGBA" if opened.has_transparency_data else "RGB")
                is_turned = opened.getexif().get(0x0112) in (5, 6, 7, 8)
                shown.info["exif"] = opened.info.get("exif", b"")
                small = ImageOps.exif_transpose(shown)
                small.thumbnail((side_px, side_px), Image.Resampling.BOX, reducing_gap=2.0)
        small = small.convert("RGBA")
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError):
        return None
    data = small.tobytes()
    image = QImage(
        data, small.width, small.height, 4 * small.width, QImage.Format.Format_RGBA8888
    ).copy()
    return Thumbnail(image, *((height, width) if is_turned else (width, height)))


class Thumbnails:
    """Small pictures by their files' paths; for the UI thread.

    Args:
        workers: threads
        side_px: of the longer side, in the screen's own pixels
        ratio: of the screen's pixels to Qt's

    Attributes:
        arrived: told the path of a picture that is there now
    """

    def __init__(self, workers: Workers, side_px: int, ratio: float = 1.0) -> None:
        self._workers = workers
        self._side_px = side_px
        self._ratio = ratio
        self._blank = self._square()
        self._kept: OrderedDict[str, QPixmap] = OrderedDict()
        self._sizes: dict[str, tuple[int, int]] = {}
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._running: dict[str, Ticket] = {}
        self.arrived: Listeners[str] = Listeners()

    @property
    def kept(self) -> int:
        """How many are there."""
        return len(self._kept)

    def get(self, path: str) -> QPixmap:
        """Give a small picture, or have it made and give an empty one meanwhile."""
        if path in self._kept:
            self._kept.move_to_end(path)
            return self._kept[path]
        if path not in self._running:
            self._waiting[path] = None
            self._waiting.move_to_end(path)
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popitem(last=False)
            self._begin()
        return self._blank

    def size(self, path: str) -> tuple[int, int] | None:
        """Give the size of a file that was looked at."""
        return self._sizes.get(path)

    def close(self) -> None:
        """Make none any more."""
        self._waiting.clear()
        for ticket in self._running.values():
            ticket.cancel()

    def _begin(self) -> None:
        while self._waiting and len(self._running) < MOST_AT_ONCE:
            path, _ = self._waiting.popitem(last=True)

            def work(_: Ticket, path: str = path) -> Thumbnail | None:
                return make_thumbnail(Path(path), self._side_px)

            def done(found: Thumbnail | None, path: str = path) -> None:
                self._on_made(path, found)

            def failed(_: Exception, path: str = path) -> None:
                self._on_made(path, None)

            self._running[path] = self._workers.run(work, done, failed)

    def _on_made(self, path: str, found: Thumbnail | None) -> None:
        self._running.pop(path, None)
        pixmap = self._blank
        if found is not None:
            pixmap = self._square(found.image)
            self._sizes[path] = (found.width, found.height)
        self._kept[path] = pixmap
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        self._begin()
        self.arrived.tell(path)

    def _square(self, image: QImage | None = None) -> QPixmap:
        """Put a picture in the middle of a square, so that the names stand below each other."""
        square = QPixmap(self._side_px, self._side_px)
        square.fill(Qt.GlobalColor.transparent)
        if image is not None:
            painter = QPainter(square)
            left, top = self._side_px - image.width(), self._side_px - image.height()
            painter.drawImage(left // 2, top // 2, image)
            painter.end()
        square.setDevicePixelRatio(self._ratio)
        return square


def _in_8_bits(opened: Image.Image) -> Image.Image:
    values = np.asarray(opened, np.float32)
    top = float(values.max(initial=1.0)) or 1.0
    return Image.fromarray((values * (255.0 / max(top, 1.0))).clip(0, 255).astype(np.uint8))
