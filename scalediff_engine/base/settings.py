"""Small JSON files in which choices and measurements outlive the program.

Not `QSettings`: its files can be read by other users, it reads none of the files written so far and
reports no error, and most of these files are read without Qt.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Container
from pathlib import Path
from typing import Any, cast

from scalediff_engine.client.files import make_private, whole_file

_log = logging.getLogger(__name__)


def load_json(file: Path) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return what is in a JSON file; None if it is missing or damaged."""
    try:
        return json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        _log.info("%s cannot be read: %s", file, error)
        return None


def save_json(file: Path, value: object) -> None:
    """Write a JSON file that appears whole and is its owner's alone, and make its folder.

    Raises:
        OSError: it cannot be written; the old file stays.
    """
    make_private(file.parent)
    with whole_file(file, private=True) as opened:
        opened.write(json.dumps(value, indent=1).encode())


def save_if_possible(file: Path, value: object) -> None:
    """Write a JSON file as ``save_json`` does; a failure is logged and nothing else."""
    try:
        save_json(file, value)
    except OSError as error:
        _log.warning("%s cannot be written: %s", file, error)


def fields_of(found: object) -> dict[str, Any]:
    """Return a JSON object's fields; none if it is something else."""
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def text(fields: dict[str, Any], name: str, default: str = "") -> str:
    """Return a text that is not empty, or else the default."""
    value = fields.get(name)
    return value if isinstance(value, str) and value else default


def word(fields: dict[str, Any], name: str, known: Container[str], default: str) -> str:
    """Return one of the known words, or else the default."""
    value = fields.get(name)
    return value if isinstance(value, str) and value in known else default


def number(fields: dict[str, Any], name: str, low: float, high: float) -> float | None:
    """Return a number within bounds, or else None."""
    value = fields.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    # NaN is not within
    return value if low <= value <= high else None
