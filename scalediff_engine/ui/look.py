"""How ``Colours`` come to Qt's widgets."""

from __future__ import annotations

import os

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from scalediff_engine.ui.colours import COLOURS, Colours, Desktop, Scheme, choose_scheme

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
