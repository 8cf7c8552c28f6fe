"""``scalediff dialog``: its options, and what they mean for the window."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalediff_engine.cli.interrupt import Action, Interrupts
from scalediff_engine.errors import InputMissing, UsageError

if TYPE_CHECKING:
    from scalediff_engine.ui.opening import Opening

_BY_STDIN = "-"
_LONGEST_LINE = 65536
_THEMES = ("dark", "light")


def dialog(
    picture: Annotated[
        str | None, typer.Argument(metavar="PICTURE", help="What is to be upscaled.")
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Of an editor; - = the engine says it on standard input."),
    ] = None,
    home: Annotated[
        str | None, typer.Option(metavar="DIR", help="The engine's folder; else the user's own.")
    ] = None,
    theme: Annotated[
        str | None, typer.Option(metavar="NAME", help="dark or light; else as the desktop has it.")
    ] = None,
) -> Action:
    """Open a window: see the cost, watch the picture sharpen, compare, and keep it or not.

    A picture's result is saved beside it as NAME_x4.png; nothing is overwritten.

    Exit codes: 0 closed, 2 wrong usage, 3 no such picture, 130 interrupted.
    """

    def act(_: Interrupts) -> int:
        return run_dialog(picture, session, home, theme)

    return act


def run_dialog(
    picture: str | None, session: str | None, home: str | None, theme: str | None
) -> int:
    """Show the window; gives the exit code.

    Raises:
        UsageError: the options make no sense, or there is no PySide6.
        InputMissing: there is no such picture.
    """
    if theme is not None and theme not in _THEMES:
        raise UsageError(f"--theme {theme}: one of {', '.join(_THEMES)}.")
    try:
        from scalediff_engine.ui.binding import trouble
    except ImportError as error:
        raise UsageError(
            f"The windows need PySide6 ({error}). `pip install 'scalediff[ui]'` brings it."
        ) from error
    unusable = trouble()
    if unusable is not None:
        raise UsageError(unusable)
    from scalediff_engine.ui.app import Options, run

    opening = _opening(picture, session)
    options = Options(
        home=None if home is None else Path(home).absolute(),
        theme=theme,
        stdin=sys.stdin.fileno() if session == _BY_STDIN else None,
    )
    return run(opening, options)


def _opening(picture: str | None, session: str | None) -> Opening:
    from scalediff_engine.ui.opening import FileOpening, NotTold, SessionOpening, read_told

    if (picture is None) == (session is None):
        raise UsageError("Say which picture: a file, or --session. See --help.")
    if picture is not None:
        file = Path(picture)
        if not file.is_file():
            raise InputMissing(f"There is no file {picture}.")
        return FileOpening(file.absolute())
    if session != _BY_STDIN:
        assert session is not None
        return SessionOpening(session)
    try:
        # unbuffered: what comes after the line is the end, which the window waits for
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as told:
            return read_told(told.readline(_LONGEST_LINE))
    except NotTold as error:
        raise UsageError(str(error)) from error
