"""How ``Colours`` come to Qt's widgets."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from scalediff_engine.ui.colours import COLOURS, Colours, Scheme, choose_scheme

_Group = QPalette.ColorGroup
_Role = QPalette.ColorRole


class Look:
    """The look that was put on; widgets that paint by themselves ask it for colours.

    Args:
        scheme: dark or light
    """

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self.colours = COLOURS[scheme]

    def put_on(self, app: QApplication) -> None:
        """Let the whole program look like this."""
        app.setStyle("Fusion")
        app.setPalette(palette(self.colours))
        app.setStyleSheet(_sheet(self.colours))


def find_scheme(app: QApplication, told: str | None, host: str) -> Scheme:
    """Ask the desktop, where neither the host says nor is known what it looks like."""
    known = {Qt.ColorScheme.Dark: True, Qt.ColorScheme.Light: False}
    return choose_scheme(told, host, known.get(app.styleHints().colorScheme()))


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
    return f"""
        QLabel[kind="quiet"] {{ color: {colours.quiet}; }}
        QLabel[kind="heading"] {{ font-weight: 600; }}
        QLabel[kind="figure"] {{ font-weight: 600; }}
        QLabel[kind="stale"] {{ font-weight: 600; color: {colours.quiet}; }}
        QLabel[kind="warning"] {{ color: {colours.warning}; }}
        QLabel[kind="good"] {{ color: {colours.good}; }}
        QPushButton[kind="main"] {{
            color: {colours.on_accent}; background: {colours.accent}; font-weight: 600;
            border: 1px solid {colours.accent}; border-radius: 3px; padding: 4px 12px; }}
        QPushButton[kind="main"]:hover {{ border-color: {colours.focus}; }}
        QPushButton[kind="main"]:pressed {{ background: {colours.button};
            color: {colours.text}; }}
        QPushButton[kind="main"]:disabled {{ color: {colours.disabled};
            background: {colours.window}; border-color: {colours.line}; }}
        QToolButton[kind="choice"] {{
            color: {colours.text}; background: {colours.button};
            border: 1px solid {colours.line}; border-radius: 3px; padding: 2px 6px; }}
        QToolButton[kind="choice"]:hover {{ border-color: {colours.focus}; }}
        QToolButton[kind="choice"]:checked {{ color: {colours.on_accent};
            background: {colours.accent}; border-color: {colours.accent}; }}
        QFrame[kind="card"] {{ background: {colours.panel}; border-radius: 6px; }}
        QToolTip {{ color: {colours.text}; background: {colours.panel};
                    border: 1px solid {colours.line}; padding: 3px; }}
    """
