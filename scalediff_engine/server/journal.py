"""The engine's log: a file that stays small and never holds the token."""

from __future__ import annotations

import faulthandler
import logging
import sys
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from scalediff_engine.client.places import open_private

LEVELS = ("debug", "info", "warning", "error")
_MAX_BYTES = 1 << 20
_KEPT = 3


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


def open_journal(file: Path, level: str, secret: str) -> logging.Handler:
    """Send everything that is logged to a file; gives what ``close_journal`` takes."""
    handler = _PrivateLog(
        file, maxBytes=_MAX_BYTES, backupCount=_KEPT, encoding="utf-8", errors="backslashreplace"
    )
    handler.setFormatter(Discreet(secret))
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
