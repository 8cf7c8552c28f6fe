"""The row of buttons below the picture: sizes, ways to compare, the drift map."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QToolButton

from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.view.picture_view import PictureView
from scalediff_engine.ui.view.state import Mode
from scalediff_engine.ui.widgets import FlowRow, Segmented, on_keys

_MODES = (Mode.SPLIT, Mode.BLINK, Mode.SIDE_BY_SIDE)


class ViewBar(FlowRow):
    """Drives a view; each button has a key, which its tip tells.

    Args:
        view: that it drives

    Attributes:
        drift_wanted: told when the drift map is wanted, or not any more
        guess_wanted: told when the fast guess is wanted, or not any more
    """

    def __init__(self, view: PictureView) -> None:
        super().__init__()
        self.drift_wanted, self.guess_wanted = Observers(), Observers()
        self._view = view
        fit = _button(translate("View", "Fit"), translate("View", "All of the picture"), "0")
        full = _button(
            words.zoom(1.0), translate("View", "One pixel for each of the result's"), "1"
        )
        double = _button(
            words.zoom(2.0), translate("View", "Four pixels for each of the result's"), "2"
        )
        fit.clicked.connect(view.fit)
        full.clicked.connect(lambda: view.zoom_to(1.0))
        double.clicked.connect(lambda: view.zoom_to(2.0))
        for button in (fit, full, double):
            self.first.addWidget(button)
        self._zoom = QLabel()
        set_kind(self._zoom, "quiet")
        self._zoom.setMinimumWidth(self._zoom.fontMetrics().horizontalAdvance("00000 %"))
        self.first.addWidget(self._zoom)
        self._modes = Segmented(
            translate("View", "Compare"),
            [
                translate("View", "Split"),
                translate("View", "Blink"),
                translate("View", "Side by side"),
            ],
            is_even=False,
        )
        for index, (key, tip) in enumerate(
            (
                ("S", translate("View", "Source on the left of a line, result on its right")),
                ("B", translate("View", "Source and result in turn")),
                ("D", translate("View", "Source and result beside each other")),
            )
        ):
            _name(self._modes.button(index), tip, key)
        self._modes.chosen.add(lambda index: view.set_mode(_MODES[index]))
        self._modes.show_index(0)
        self.second.addWidget(self._modes)
        self._smooth = _button(
            translate("View", "Smooth source"),
            translate("View", "Show the enlarged source smooth, not as squares"),
            "P",
        )
        self._smooth.setCheckable(True)
        self._smooth.setChecked(True)
        self._smooth.toggled.connect(view.set_source_smooth)
        self.second.addWidget(self._smooth)
        self._drift = _button(
            translate("View", "Drift map"),
            translate("View", "Where the result, scaled back, is not the source any more"),
            "M",
        )
        self._drift.setCheckable(True)
        self._drift.toggled.connect(lambda _: self.drift_wanted.tell())
        self.second.addWidget(self._drift)
        self._guess = _button(
            translate("View", "Fast guess"),
            translate(
                "View",
                "Show where the picture is enlarged what a small, fast network makes of it: a "
                "guess, not the result",
            ),
            "G",
        )
        self._guess.setCheckable(True)
        self._guess.setChecked(True)
        self._guess.toggled.connect(lambda _: self.guess_wanted.tell())
        self.second.addWidget(self._guess)
        view.zoomed.add(self._show_zoom)
        self._guess.hide()
        self.set_comparing(False)

    @property
    def wants_guess(self) -> bool:
        """Whether the fast guess is to be seen."""
        return self._guess.isChecked()

    @property
    def wants_drift(self) -> bool:
        """Whether the drift map is to be seen."""
        return self._drift.isChecked()

    def set_comparing(self, is_comparing: bool) -> None:
        """Offer what needs two pictures, or hide it."""
        for widget in (self._modes, self._smooth, self._drift):
            widget.setVisible(is_comparing)
        self.arrange()

    def offer_guess(self, is_offered: bool) -> None:
        """Let the fast guess be chosen, or hide that."""
        self._guess.setVisible(is_offered)
        self.arrange()

    def _show_zoom(self, zoom: float) -> None:
        self._zoom.setText(words.zoom(zoom))


def _button(label: str, tip: str, key: str) -> QToolButton:
    button = QToolButton()
    button.setText(label)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    set_kind(button, "choice")
    _name(button, tip, key)
    return button


def _name(button: QToolButton, tip: str, key: str) -> None:
    on_keys(button, key)
    button.setToolTip(f"{tip} ({key})")
    button.setAccessibleDescription(tip)
