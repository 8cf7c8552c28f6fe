"""Whether this PySide6 works with this Python."""

from __future__ import annotations

import sys

import PySide6

# Each call that gives nothing takes a reference of ``None`` away, as if nothing could come of it;
# that is so from Python 3.12 on, and before it the process ends after some thousand calls.
# Measured with 6.12.0; 6.11.3 does not do it.
_FIRST_WRONG = (6, 12)
_FIRST_IMMORTAL = (3, 12)


def trouble_with(binding: str, python: tuple[int, int]) -> str | None:
    """Say why a version of PySide6 cannot be used with a version of Python; none = it can."""
    major, minor = (int(part) for part in binding.split(".")[:2])
    if python >= _FIRST_IMMORTAL or (major, minor) < _FIRST_WRONG:
        return None
    return (
        f"PySide6 {binding} miscounts references and ends a Python {python[0]}.{python[1]} at "
        "random. `pip install 'PySide6-Essentials<6.12'`, or a Python 3.12 or newer, helps."
    )


def trouble() -> str | None:
    """Say why the PySide6 that is installed cannot be used; none = it can."""
    return trouble_with(PySide6.__version__, sys.version_info[:2])
