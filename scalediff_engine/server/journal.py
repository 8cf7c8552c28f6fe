"""The engine's log: a file that stays small and never holds the token."""

from __future__ import annotations

import faulthandler
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from scalediff_engine.client.files import open_private

LEVELS = ("debug", "info", "warning", "error")
_MAX_BYTES = 1 << 20
_KEPT = 3
# Loggers of what a program without the token can cause; it must not push all else out of the log.
_FROM_OUTSIDE = (
    "uvicorn.error",
    "scalediff_engine.server.http_protocol",
    "scalediff_engine.server.security",
)
_PER_MINUTE = 60
_MINUTE = 60.0


class Discreet(logging.Formatter):
    """Writes records, and something else where a secret would stand.

    Args:
        secret: what nobody may read, tracebacks included
    """

    def __init__(self, secret: str) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secret = secret

    def format(self, record: logging.LogRecord) -> str:
        """Give the record as a line, or as several with its traceback."""
        return super().format(record).replace(self._secret, "(token)")


class _PrivateLog(RotatingFileHandler):
    """A log that nobody but its owner can read, nor any file that follows it."""

    def _open(self) -> TextIOWrapper:
        open_private(Path(self.baseFilename)).close()
        return super()._open()


class OutsideLimit(logging.Filter):
    """Leaves out most of what strangers cause, when there is much of it; tracebacks stay.

    Args:
        clock: seconds that only grow
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._began_at = clock()
        self._counts = Counter[str]()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is written; the last one of a minute says that more are not."""
        if record.name not in _FROM_OUTSIDE or record.exc_info:
            return True
        if self._clock() - self._began_at >= _MINUTE:
            self._began_at = self._clock()
            self._counts.clear()
        self._counts[record.name] += 1
        count = self._counts[record.name]
        if count == _PER_MINUTE:
            record.msg = f"{record.msg} (more such lines are left out for a minute)"
        return count <= _PER_MINUTE


def open_journal(file: Path, level: str, secret: str) -> logging.Handler:
    """Send everything that is logged to a file; gives what ``close_journal`` takes."""
    handler = _PrivateLog(
        file, maxBytes=_MAX_BYTES, backupCount=_KEPT, encoding="utf-8", errors="backslashreplace"
    )
    handler.setFormatter(Discreet(secret))
    handler.addFilter(OutsideLimit())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    with suppress(OSError, ValueError, AttributeError):  # there may be no such stream
        faulthandler.enable(sys.stderr)
    return handler


def close_journal(handler: logging.Handler) -> None:
    """Log to the file no more."""
    logging.getLogger().removeHandler(handler)
    handler.close()
