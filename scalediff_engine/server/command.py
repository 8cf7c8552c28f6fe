"""How this program is started once more, wherever it was started from."""

from __future__ import annotations

import os
import shutil
import site
import sys
from pathlib import Path

import scalediff_engine
from scalediff_engine.client.errors import ClientError
from scalediff_engine.client.files import make_private
from scalediff_engine.client.places import Places, read_command, write_command


def own_command() -> list[str]:
    """Give the command ``scalediff`` as this Python runs it, whatever folder it is called in."""
    root = _clone()
    if root is None:
        return [sys.executable, "-P", "-m", "scalediff_engine"]
    code = (
        f"import sys; sys.path.append({root!r}); from scalediff_engine.cli.main import run; run()"
    )
    return [sys.executable, "-P", "-c", code]


def let_children_find_us() -> None:
    """Have ``python -m scalediff_engine`` work in the processes that this one starts."""
    root = _clone()
    if root is not None:
        os.environ["PYTHONPATH"] = root


def remember_command(places: Places) -> None:
    """Say in the home folder how to start an engine, unless that is known already.

    Raises:
        OSError: the folder cannot be written.
    """
    try:
        known = read_command(places)
    except ClientError:
        return  # it is not ours to change
    if known is None or shutil.which(known[0]) is None:
        make_private(places.home)
        write_command(places, own_command())


def _clone() -> str | None:
    """Give the clone that this program runs from, which Python does not know; none: installed."""
    root = Path(scalediff_engine.__file__).resolve().parents[1]
    known = {Path(folder).resolve() for folder in site.getsitepackages()}
    return None if root in known else str(root)
