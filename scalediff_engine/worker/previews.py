"""Previews of a running job as files, with numbers that never fall."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from scalediff_engine.client.files import whole_file
from scalediff_engine.jobs import spool

_QUALITY = 90
# Nobody sees more, and each is sent to whoever watches.
_SHORTEST_S = 0.25
# Stands after the number of a preview that is a guess.
_GUESS = " guess"

_log = logging.getLogger(__name__)


class Previews:
    """Writes the newest preview of a job.

    Args:
        folder: of the job; its last preview says, in its comment, which number it had
        clock: seconds, monotonic

    Attributes:
        number: of the newest one; 0 = there is none yet
        is_guess: whether the newest one is the fast networks', and nothing of the model's
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = folder / spool.PREVIEW
        self._clock = clock
        self._newest_s = float("-inf")
        self.number, self.is_guess = _newest_of(self._file)

    def offer(
        self, pixels: NDArray[np.uint8] | None, *, last: bool, is_guess: bool = False
    ) -> None:
        """Take a preview if there is one and the one before has been seen.

        Args:
            pixels: (h, w, 3) sRGB
            last: of its stage; taken in any case
            is_guess: whether it is the fast networks'
        """
        now_s = self._clock()
        if pixels is None or (now_s - self._newest_s < _SHORTEST_S and not last):
            return
        self._newest_s = now_s
        number = self.number + 1
        try:
            self._write(pixels, f"{number}{_GUESS}" if is_guess else str(number))
        except OSError as error:  # a full disk: the job goes on
            _log.warning("A preview could not be written: %s.", error.strerror)
            return
        self.number, self.is_guess = number, is_guess

    def _write(self, pixels: NDArray[np.uint8], comment: str) -> None:
        """Not flushed to the disk, as there will soon be another."""
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY, comment=comment)
        with whole_file(self._file, private=True) as opened:
            opened.write(stream.getvalue())


def _newest_of(file: Path) -> tuple[int, bool]:
    """Which number the preview in a file has, and whether it is a guess."""
    try:
        with Image.open(file) as image:
            comment = bytes(image.info.get("comment", b"0")).decode("ascii")
        return int(comment.removesuffix(_GUESS)), comment.endswith(_GUESS)
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        return 0, False
