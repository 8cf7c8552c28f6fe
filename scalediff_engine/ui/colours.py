"""The colours of the dialogs, as values; which pair must be how far apart is tested."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Scheme(Enum):
    """Dark or light, and either with as much contrast as there is."""

    DARK = "dark"
    LIGHT = "light"
    CONTRAST_DARK = "contrast-dark"
    CONTRAST_LIGHT = "contrast-light"


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
        edge: around what can be used: fields, buttons, boxes to tick
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
    edge: str
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
    edge="#8d929a",
    accent="#3779bf",
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
    edge="#767a80",
    accent="#1f62ab",
    on_accent="#ffffff",
    focus="#1459a8",
    warning="#8a4300",
    good="#1b6a33",
)
CONTRAST_DARK = Colours(
    window="#000000",
    canvas="#000000",
    panel="#000000",
    field="#000000",
    button="#000000",
    text="#ffffff",
    quiet="#ffffff",
    disabled="#9c9c9c",
    line="#b4b4b4",
    edge="#b4b4b4",
    accent="#1aebff",
    on_accent="#000000",
    focus="#ffee32",
    warning="#ffd23f",
    good="#5cff5c",
)
CONTRAST_LIGHT = Colours(
    window="#ffffff",
    canvas="#ffffff",
    panel="#ffffff",
    field="#ffffff",
    button="#ffffff",
    text="#000000",
    quiet="#000000",
    disabled="#6b6b6b",
    line="#000000",
    edge="#000000",
    accent="#0a2f8f",
    on_accent="#ffffff",
    focus="#8a00b8",
    warning="#8a0000",
    good="#004d12",
)
COLOURS = {
    Scheme.DARK: DARK,
    Scheme.LIGHT: LIGHT,
    Scheme.CONTRAST_DARK: CONTRAST_DARK,
    Scheme.CONTRAST_LIGHT: CONTRAST_LIGHT,
}
# What a host or a user may ask for; whatever else they say is as if they had said nothing.
THEMES = ("dark", "light", "contrast")


@dataclass(frozen=True)
class Desktop:
    """What the system says of its own look.

    Attributes:
        is_dark: None = it says nothing
        wants_contrast: as much as there is
    """

    is_dark: bool | None = None
    wants_contrast: bool = False


def choose_scheme(told: str | None, desktop: Desktop) -> Scheme:
    """Give the look that suits where the dialog was opened from.

    Args:
        told: one of ``THEMES``: what the host looks like, or what the user wants; None = the
            desktop's
        desktop: what it says
    """
    is_dark = desktop.is_dark is not False
    if told in ("dark", "light"):
        is_dark = told == "dark"
    if desktop.wants_contrast or told == "contrast":
        return Scheme.CONTRAST_DARK if is_dark else Scheme.CONTRAST_LIGHT
    return Scheme.DARK if is_dark else Scheme.LIGHT


def contrast(first: str, second: str) -> float:
    """Give the contrast of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    shares = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
