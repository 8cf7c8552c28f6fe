"""The theme of the dialogs: colours as values, their contrast, and how Qt's widgets get them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget


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
    """The appearance settings of the desktop.

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


_Group = QPalette.ColorGroup
_Role = QPalette.ColorRole
_EDGED = (
    "QAbstractItemView",
    "QAbstractSpinBox",
    "QCheckBox",
    "QComboBox",
    "QLineEdit",
    "QPlainTextEdit",
    "QProgressBar",
    "QPushButton",
    "QRadioButton",
    "QSlider",
    "QTextEdit",
    "QToolButton",
)
THEME_VARIABLE = "SCALEDIFF_THEME"
# Fusion draws an outline this much darker than the window's colour, and asks for no other.
_FUSION_DARKER = 140


class Look:
    """The look that was put on; widgets that paint by themselves ask it for colours.

    Args:
        scheme: which one
    """

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self.colours = COLOURS[scheme]

    def put_on(self, app: QApplication) -> None:
        """Let the whole program look like this."""
        app.setStyle("Fusion")
        app.setPalette(palette(self.colours))
        edged = palette(self.colours)
        edged.setColor(_Role.Window, QColor(self.colours.edge).lighter(_FUSION_DARKER))
        for kind in _EDGED:
            # its stub says bytes, and it takes none
            app.setPalette(edged, kind)  # pyright: ignore[reportArgumentType]
        app.setStyleSheet(_sheet(self.colours))


def dress(app: QApplication, told: str | None, host: str | None = None) -> Look:
    """Let a program look as it was told, or else as the variable, the host or the desktop has it.

    Args:
        app: of Qt
        told, host: names of themes; none = not said
    """
    look = Look(find_scheme(app, told or os.environ.get(THEME_VARIABLE) or host))
    look.put_on(app)
    return look


def find_scheme(app: QApplication, told: str | None) -> Scheme:
    """Give the look that was asked for, or else the desktop's; see ``choose_scheme``."""
    return choose_scheme(told, desktop(app))


def desktop(app: QApplication) -> Desktop:
    """Ask the desktop what it looks like; before Qt 6.10 it does not say a word on contrast."""
    hints = app.styleHints()
    known = {Qt.ColorScheme.Dark: True, Qt.ColorScheme.Light: False}
    accessibility = getattr(hints, "accessibility", None)
    wants_contrast = (
        accessibility is not None
        and accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast
    )
    return Desktop(known.get(hints.colorScheme()), wants_contrast)


def set_kind(widget: QWidget, kind: str) -> None:
    """Name what a label is, such as ``quiet``; see the sheet below."""
    if widget.property("kind") != kind:
        widget.setProperty("kind", kind)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def palette(colours: Colours) -> QPalette:
    """Give Qt's palette."""
    found = QPalette()
    roles = {
        _Role.Window: colours.window,
        _Role.WindowText: colours.text,
        _Role.Base: colours.field,
        _Role.AlternateBase: colours.panel,
        _Role.Text: colours.text,
        _Role.PlaceholderText: colours.quiet,
        _Role.Button: colours.button,
        _Role.ButtonText: colours.text,
        _Role.BrightText: colours.warning,
        _Role.ToolTipBase: colours.panel,
        _Role.ToolTipText: colours.text,
        _Role.Highlight: colours.accent,
        _Role.HighlightedText: colours.on_accent,
        _Role.Link: colours.focus,
        _Role.LinkVisited: colours.focus,
        _Role.Accent: colours.accent,
        _Role.Light: colours.line,
        _Role.Mid: colours.line,
        _Role.Dark: colours.canvas,
        _Role.Shadow: colours.canvas,
    }
    for role, colour in roles.items():
        found.setColor(role, QColor(colour))
    for role in (_Role.WindowText, _Role.Text, _Role.ButtonText, _Role.HighlightedText):
        found.setColor(_Group.Disabled, role, QColor(colours.disabled))
    found.setColor(_Group.Disabled, _Role.Highlight, QColor(colours.line))
    return found


def _sheet(colours: Colours) -> str:
    """Give what a palette cannot say."""
    around_card = colours.line if colours.panel == colours.window else colours.panel
    return f"""
        QLabel[kind="quiet"] {{ color: {colours.quiet}; }}
        QLabel[kind="heading"] {{ font-weight: 600; }}
        QLabel[kind="figure"] {{ font-weight: 600; }}
        QLabel[kind="stale"] {{ font-weight: 600; color: {colours.quiet}; }}
        QLabel[kind="warning"] {{ color: {colours.warning}; }}
        QLabel[kind="good"] {{ color: {colours.good}; }}
        QAbstractSpinBox {{ min-height: 1.6em; }}
        QPushButton {{
            color: {colours.text}; background: {colours.button};
            border: 1px solid {colours.edge}; border-radius: 3px; padding: 4px 12px; }}
        QPushButton:hover {{ border-color: {colours.focus}; }}
        QPushButton:pressed {{ background: {colours.field}; }}
        QPushButton:disabled {{ color: {colours.disabled}; background: {colours.window};
            border-color: {colours.line}; }}
        QPushButton[kind="main"] {{
            color: {colours.on_accent}; background: {colours.accent}; font-weight: 600;
            border-color: {colours.accent}; }}
        QPushButton[kind="main"]:hover {{ border-color: {colours.focus}; }}
        QPushButton[kind="main"]:pressed {{ background: {colours.button};
            color: {colours.text}; }}
        QPushButton[kind="main"]:disabled {{ color: {colours.disabled};
            background: {colours.window}; border-color: {colours.line}; }}
        QToolButton[kind="choice"] {{
            color: {colours.text}; background: {colours.button};
            border: 1px solid {colours.edge}; border-radius: 3px; padding: 2px 6px; }}
        QToolButton[kind="choice"]:disabled {{ color: {colours.disabled}; }}
        QToolButton[kind="choice"]:hover {{ border-color: {colours.focus}; }}
        QToolButton[kind="choice"]:checked {{ color: {colours.on_accent};
            background: {colours.accent}; border-color: {colours.accent}; }}
        QFrame[kind="card"] {{ background: {colours.panel}; border-radius: 6px;
            border: 1px solid {around_card}; }}
        QToolTip {{ color: {colours.text}; background: {colours.panel};
                    border: 1px solid {colours.line}; padding: 3px; }}
    """
