"""The tree in the module's docstring is what scripts and the wire rely on."""

from __future__ import annotations

import re

from scalediff_engine.base import errors
from scalediff_engine.base.errors import ScaleDiffError

ROW = re.compile(r"[│├└─\s]*(\w+)\s+(\d+|exit)\s+([\w-]+)$")


def documented() -> dict[str, tuple[int, str]]:
    rows = (ROW.match(line) for line in (errors.__doc__ or "").splitlines())
    return {row[1]: (int(row[2]), row[3]) for row in rows if row is not None and row[2] != "exit"}


def defined() -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    waiting = list(ScaleDiffError.__subclasses__())
    while waiting:
        error = waiting.pop()
        if error.__module__ == errors.__name__:
            found[error.__name__] = (error.exit_code, error.code)
        waiting.extend(error.__subclasses__())
    return found


def test_the_tree_shows_every_error_with_its_exit_and_code() -> None:
    assert documented() == defined()
    assert len(defined()) >= 12


def test_codes_are_unique() -> None:
    codes = [code for _, code in defined().values()]
    assert len(codes) == len(set(codes))


def test_the_message_is_the_sentence() -> None:
    assert str(errors.InputMissing("There is no file x.png.")) == "There is no file x.png."
