"""Processes that the engine starts: the command that starts this program again, and the dialog."""

from __future__ import annotations

import json
import os
import re
import shutil
import site
import sys
from collections.abc import Mapping
from pathlib import Path

import scalediff_engine
from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.process import Child, Program
from scalediff_engine.client.errors import ClientError
from scalediff_engine.client.files import make_private
from scalediff_engine.client.places import Places, read_command, write_command

# How a program of ours begins the sentence that it ends with, and longer than any such.
_SPOKEN = "scalediff: "
_COMPLAINT_BYTES = 2000

# What says where windows open and in which language; nothing that makes a program load code.
_DISPLAY = re.compile(
    r"DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|DBUS_SESSION_BUS_ADDRESS|DESKTOP_SESSION"
    r"|XDG_(RUNTIME_DIR|SESSION_TYPE|SESSION_ID|SESSION_DESKTOP|CURRENT_DESKTOP|ACTIVATION_TOKEN)"
    r"|LANG|LANGUAGE|LC_[A-Z]+|XMODIFIERS|QT_IM_MODULES?|GTK_IM_MODULE|XCURSOR_(SIZE|THEME)"
    r"|QT_(SCALE_FACTOR|SCREEN_SCALE_FACTORS|SCALE_FACTOR_ROUNDING_POLICY)"
    r"|QT_(AUTO_SCREEN_SCALE_FACTOR|ENABLE_HIGHDPI_SCALING|FONT_DPI)"
    r"|QT_QPA_PLATFORM(THEME)?"
)


def dialog_argv() -> list[str]:
    """How the dialog is started; what it must know comes in by its standard input."""
    return [sys.executable, "-P", "-m", "scalediff_engine", "dialog", "--session", "-"]


def dialog_environment(engine: Mapping[str, str], caller: Mapping[str, str]) -> dict[str, str]:
    """Give the engine's variables, with the caller's display in place of the engine's.

    Raises:
        UsageError: a value has a null character in it.
    """
    shown = {name: value for name, value in caller.items() if _DISPLAY.fullmatch(name)}
    odd = [name for name, value in shown.items() if "\0" in value]
    if odd:
        raise UsageError(f"The variable {odd[0]} has a null character in it.")
    if not shown:
        return dict(engine)
    # half of the one display and half of the other would be neither
    own = {name: value for name, value in engine.items() if not _DISPLAY.fullmatch(name)}
    return own | shown


async def start_dialog(
    program: Program, environment: Mapping[str, str], told: Mapping[str, str | int]
) -> Child:
    """Start a dialog and tell it, by one line on its standard input, what it is for.

    Args:
        program: the dialog
        environment: its variables
        told: ``session``, ``port``, ``token`` and more, which other users cannot see there; when
            its standard input ends, so does the session

    Raises:
        OSError: there is no such program.
    """
    dialog = await Child.start(program, environment=environment, logs_output=True)
    dialog.send(json.dumps(dict(told)).encode() + b"\n")
    return dialog


def complaint_of(dialog: Child) -> str | None:
    """Return the sentence that a dialog ended with, as programs of ours write it; None = none."""
    try:
        with dialog.log.open("rb") as file:
            file.seek(max(dialog.log_start, file.seek(0, os.SEEK_END) - _COMPLAINT_BYTES))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return None
    last = next((line for line in reversed(lines) if line.strip()), "")
    _, found, sentence = last.partition(_SPOKEN)
    return sentence.strip() if found and last.startswith(_SPOKEN) else None


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
