"""GIMP says no by a False or a None that is easily passed over: here it is an error."""

from __future__ import annotations

from typing import Callable, Optional, TypeVar

from gi.repository import Gimp

T = TypeVar("T")
_TAKE_BACK = "Edit > Undo takes back what was changed before."


class Complaint(Exception):
    """Why something cannot be done.

    Args:
        text: a sentence for people, as in ``plugin_common.words``
        values: for what is in braces in it
    """

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text.format(**values) if values else text)
        self._text = text
        self._values = values

    def said(self, say: Callable[..., str]) -> str:
        """Give the sentence in the user's language."""
        return say(self._text, **self._values)


class Refused(Complaint):
    """GIMP itself did not do something.

    Args:
        deed: what could not be done
        reason: GIMP's own; empty = it gives none
    """

    def __init__(self, deed: str, reason: str) -> None:
        super().__init__(_joined(deed, reason))
        self._deed = deed
        self._reason = reason

    def said(self, say: Callable[..., str]) -> str:
        """Give the sentence in the user's language; the reason is as GIMP says it."""
        return _joined(say(self._deed), self._reason)


class Halfway(Complaint):
    """Something failed after the image had changed; one undo takes that back.

    Args:
        reason: what failed
    """

    def __init__(self, reason: Complaint) -> None:
        super().__init__(f"{reason} {_TAKE_BACK}")
        self._reason_of_it = reason

    def said(self, say: Callable[..., str]) -> str:
        """Give the sentences in the user's language."""
        return f"{self._reason_of_it.said(say)} {say(_TAKE_BACK)}"


class GivenUp(Exception):
    """The user wants nothing."""


def must(found: Optional[T], deed: str) -> T:
    """Give what a call to GIMP gave.

    Args:
        found: None or False if GIMP refused
        deed: what was to be done, as in "The layer could not be inserted"

    Raises:
        Refused: it did.
    """
    if found is None or found is False:
        reason = (Gimp.get_pdb().get_last_error() or "").strip().rstrip(".")
        # "success" is what GIMP says of the call before, where this one never reached it
        raise Refused(deed, "" if reason.lower() == "success" else reason)
    return found


def _joined(deed: str, reason: str) -> str:
    return f"{deed}: {reason}." if reason else f"{deed}."
