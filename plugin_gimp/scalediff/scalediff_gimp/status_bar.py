"""GIMP's progress: a text, a bar and Cancel."""

from __future__ import annotations

from typing import Optional

from gi.repository import Gimp


class StatusBar:
    """Shows progress in GIMP, or nowhere if GIMP has no windows.

    Args:
        text: to begin with
    """

    def __init__(self, text: str) -> None:
        self._shown = text
        self._fraction: Optional[float] = None
        Gimp.progress_init(text)
        Gimp.progress_pulse()

    def say(self, text: str) -> None:
        """Show a text."""
        if text != self._shown:
            self._shown = text
            Gimp.progress_set_text(text)
            if "%" not in text:
                self._fraction = None

    def advance(self, fraction: Optional[float]) -> None:
        """Show how much is done, 0 to 1; none = as before, or that something happens."""
        if fraction is not None:
            self._fraction = fraction
            Gimp.progress_update(min(1.0, max(0.0, fraction)))
        elif self._fraction is None:
            Gimp.progress_pulse()

    def close(self) -> None:
        """Take it away, and Cancel with it: what comes now is not to be cut in half."""
        Gimp.progress_end()
