"""Whether the first start was shown; a small file in the engine's folder."""

from __future__ import annotations

import logging
from pathlib import Path

from scalediff_engine.client.files import make_private

_log = logging.getLogger(__name__)


def file_in(home: Path) -> Path:
    """Say where it is kept."""
    return home / "dialog" / "welcomed"


def was_seen(file: Path) -> bool:
    """Tell whether it was shown."""
    return file.exists()


def remember(file: Path) -> None:
    """Know from now on that it was; where nothing can be written it is shown once more."""
    try:
        make_private(file.parent)
        file.touch()
    except OSError as error:
        _log.warning("That the first start was shown cannot be kept: %s", error)
