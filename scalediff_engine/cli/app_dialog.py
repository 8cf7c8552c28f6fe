"""``scalediff dialog``: its options, and what they mean for the window."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalediff_engine.base.errors import InputMissing, UsageError
from scalediff_engine.cli.interrupt import Action, Interrupts
from scalediff_engine.cli.options import THEMES, Home

if TYPE_CHECKING:
    from scalediff_engine.ui.origin import Opening

_BY_STDIN = "-"
_LONGEST_LINE = 65536


def dialog(
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PICTURE|FOLDER...",
            help="What is to be upscaled; several open a list.",
        ),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Of an editor; - = the engine says it on standard input."),
    ] = None,
    recent: Annotated[
        bool, typer.Option("--recent", help="The results of the last 24 hours.")
    ] = False,
    models: Annotated[
        bool, typer.Option("--models", help="Which models there are; download, add, remove.")
    ] = False,
    welcome: Annotated[
        bool, typer.Option("--welcome", help="The pages of the first start once more.")
    ] = False,
    home: Home = None,
    theme: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="dark, light or contrast. Default: as the desktop has it.",
            autocompletion=lambda: list(THEMES),
        ),
    ] = None,
) -> Action:
    """Open a window: see the cost, watch the picture sharpen, compare, and keep it or not.

    A picture's result is saved beside it as NAME_x4.png; nothing is overwritten. A folder, or
    several pictures, open a list: choose where results go, start, pause, go on tomorrow. With
    neither, the window asks.

    Exit codes: 0 closed, 2 wrong usage, 3 no such picture, 130 interrupted.
    """

    def act(_: Interrupts) -> int:
        chosen = {"recent": recent, "models": models, "welcome": welcome}
        rooms = [name for name, is_wanted in chosen.items() if is_wanted]
        return run_dialog(pictures or [], session, home, theme, rooms)

    return act


def run_dialog(
    pictures: list[str],
    session: str | None,
    home: str | None,
    theme: str | None,
    rooms: Sequence[str] = (),
) -> int:
    """Show the window; gives the exit code.

    Raises:
        UsageError: the options make no sense, or there is no PySide6.
        InputMissing: there is no such picture or folder.
    """
    if theme is not None and theme not in THEMES:
        raise UsageError(f"--theme {theme}: one of {', '.join(THEMES)}.")
    try:
        from scalediff_engine.ui.binding import trouble
    except ImportError as error:
        raise UsageError(
            f"The windows need PySide6 ({error}). `python3 installer/run.py dialog` brings it in a "
            "clone, `pip install 'scalediff[ui]'` elsewhere."
        ) from error
    unusable = trouble()
    if unusable is not None:
        raise UsageError(unusable)
    from scalediff_engine.client.places import Places, default_home
    from scalediff_engine.server.dialog import remember_command
    from scalediff_engine.ui.app import run
    from scalediff_engine.ui.context import Options

    opening = _opening(pictures, session, rooms)
    folder = None if home is None else Path(home).absolute()
    with suppress(OSError):  # the window says what it lacks when it needs the engine
        remember_command(Places(folder or default_home()))
    options = Options(
        home=folder,
        theme=theme,
        stdin=sys.stdin.fileno() if session == _BY_STDIN else None,
        welcomes=True,
    )
    return run(opening, options)


def _opening(pictures: list[str], session: str | None, rooms: Sequence[str]) -> Opening:
    from scalediff_engine.ui.origin import (
        NotTold,
        Room,
        RoomOpening,
        SessionOpening,
        StartOpening,
        read_told,
    )

    if rooms:
        if len(rooms) > 1 or pictures or session is not None:
            raise UsageError(f"--{rooms[0]} opens a window of its own and goes with nothing else.")
        return RoomOpening(Room(rooms[0]))
    if pictures and session is not None:
        raise UsageError("--session has a picture of its own and goes with no other.")
    if pictures:
        return _files_opening([Path(name) for name in pictures])
    if session is None:
        return StartOpening()
    if session != _BY_STDIN:
        return SessionOpening(session)
    try:
        # unbuffered: what comes after the line is the end, which the window waits for
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as told:
            return read_told(told.readline(_LONGEST_LINE))
    except NotTold as error:
        raise UsageError(str(error)) from error


def _files_opening(paths: list[Path]) -> Opening:
    from scalediff_engine.ui.origin import opening_of

    for path in paths:
        if not path.exists():
            raise InputMissing(f"There is no file or folder {path}.")
    return opening_of(paths)
