"""Standard output and error: whole lines, flushed, whatever is at the other end."""

from __future__ import annotations

import os
import sys
import unicodedata
from contextlib import suppress
from pathlib import Path

from scalediff_engine.base.errors import OutputError

# how Python carries the bytes of a file name that is not UTF-8; they go out as they came in
_UNDECODABLE = ("\udc80", "\udcff")
# of emoji and of scripts that join their letters
_JOINERS = ("\u200c", "\u200d")


class StdoutClosed(Exception):
    """Whoever read our standard output has gone (a broken pipe)."""


def prepare() -> None:
    """Make both streams safe for any file name, and there at all."""
    # A process started without them (a service, pythonw) has None here.
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            # a file name that is not UTF-8 leaves byte for byte as it came
            reconfigure(errors="surrogateescape" if os.name == "posix" else "backslashreplace")


def to_stdout(line: str, end: str = "\n") -> None:
    """Write one line.

    Raises:
        StdoutClosed: nobody reads it any more.
        OutputError: it goes to a file, and that cannot be written.
    """
    try:
        sys.stdout.write(line + end)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise StdoutClosed from error
    except OSError as error:
        raise OutputError(f"Standard output cannot be written: {error.strerror}.") from error


def path_to_stdout(path: Path, end: str = "\n") -> None:
    """Write a path on a line: exact for a program, with control characters escaped for a terminal.

    Raises:
        StdoutClosed, OutputError: see ``to_stdout``.
    """
    to_stdout(one_line(str(path)) if sys.stdout.isatty() else str(path), end)


def to_stderr(text: str, end: str = "\n") -> None:
    """Write to standard error; that nobody listens there is no reason to stop."""
    with suppress(OSError):
        sys.stderr.write(text + end)
        sys.stderr.flush()


def abandon_stdout() -> None:
    """Point standard output at nothing, so that the interpreter's last flush cannot fail."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


def plural(count: int, noun: str) -> str:
    """Give ``1 file`` or ``3 files``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def one_line(text: str) -> str:
    r"""Give ``text`` with line breaks and control characters as ``\n``, ``\x1b``, ``\u202e``.

    File names may hold them, and a terminal would obey.
    """
    return "".join(c if _is_harmless(c) else c.encode("unicode_escape").decode() for c in text)


def _is_harmless(character: str) -> bool:
    return (
        character.isprintable()
        or unicodedata.category(character) == "Zs"
        or character in _JOINERS
        or _UNDECODABLE[0] <= character <= _UNDECODABLE[1]
    )
