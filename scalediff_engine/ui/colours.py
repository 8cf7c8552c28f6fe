"""The colours of the dialogs, as values; which pair must be how far apart is tested."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Scheme(Enum):
    """Dark or light."""

    DARK = "dark"
    LIGHT = "light"


@dataclass(frozen=True)
class Colours:
    """One look, each colour as ``#rrggbb``.

    Attributes:
        window: behind everything
        canvas: behind the picture
        panel: raised from the window: the card with the cost
        field: of what is typed into
        button: of what is pressed
        text: on all of these
        quiet: text that is there for who looks for it
        disabled: text of what cannot be used
        line: between things
        accent: of what is chosen, and of the main button
        on_accent: text on it
        focus: ring around what has the keyboard
        warning: text of what will not work
        good: text of what has worked
    """

    window: str
    canvas: str
    panel: str
    field: str
    button: str
    text: str
    quiet: str
    disabled: str
    line: str
    accent: str
    on_accent: str
    focus: str
    warning: str
    good: str


DARK = Colours(
    window="#2b2d30",
    canvas="#1b1c1e",
    panel="#34373b",
    field="#222427",
    button="#3f4347",
    text="#e6e7e9",
    quiet="#b3b7bd",
    disabled="#7d8288",
    line="#4c5056",
    accent="#2f6fb5",
    on_accent="#ffffff",
    focus="#7db8f5",
    warning="#ffb454",
    good="#8fd19e",
)
LIGHT = Colours(
    window="#f0f0f1",
    canvas="#c9cacc",
    panel="#ffffff",
    field="#ffffff",
    button="#e3e4e6",
    text="#1d1f21",
    quiet="#54585e",
    disabled="#8d9196",
    line="#bfc2c7",
    accent="#1f62ab",
    on_accent="#ffffff",
    focus="#1459a8",
    warning="#8a4300",
    good="#1b6a33",
)
COLOURS = {Scheme.DARK: DARK, Scheme.LIGHT: LIGHT}

# Editors whose own look is dark unless somebody has changed it.
_DARK_HOSTS = ("krita", "gimp")


def choose_scheme(told: str | None, host: str, system_is_dark: bool | None) -> Scheme:
    """Give the look that suits where the dialog was opened from.

    Args:
        told: what the host says of itself: ``dark`` or ``light``
        host: its name; empty = none
        system_is_dark: what the desktop says; None = it says nothing
    """
    for scheme in Scheme:
        if told == scheme.value:
            return scheme
    if host in _DARK_HOSTS or system_is_dark is None:
        return Scheme.DARK
    return Scheme.DARK if system_is_dark else Scheme.LIGHT


def contrast(first: str, second: str) -> float:
    """Give the contrast of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    shares = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
