"""The seed: its number, a lock, and a dice."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QToolButton, QWidget

from scalediff_engine.ui import icons
from scalediff_engine.ui.colours import Colours
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.upscale.choices import MAX_SEED
from scalediff_engine.ui.upscale.model import UpscaleModel


class SeedEditor(QWidget):
    """Edits the seed of a model.

    Args:
        model: of the dialog
        colours: of the look
    """

    def __init__(self, model: UpscaleModel, colours: Colours) -> None:
        super().__init__()
        self._model = model
        self._closed = icons.lock(colours.text, is_closed=True)
        self._open = icons.lock(colours.text, is_closed=False)
        self._number = QSpinBox()
        self._number.setRange(0, MAX_SEED)
        self._number.setKeyboardTracking(False)
        self._number.setAccessibleName(translate("Seed", "Seed"))
        self._lock = QToolButton()
        self._lock.setCheckable(True)
        self._lock.setAccessibleName(translate("Seed", "Keep the seed for the next try"))
        self._dice = QToolButton()
        self._dice.setIcon(icons.dice(colours.text))
        self._dice.setToolTip(translate("Seed", "Another seed"))
        self._dice.setAccessibleName(translate("Seed", "Another seed"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._number, 1)
        row.addWidget(self._lock)
        row.addWidget(self._dice)
        self.setFocusProxy(self._number)
        self._number.valueChanged.connect(
            lambda value: model.change(replace(model.choices, seed=value))
        )
        self._lock.toggled.connect(
            lambda is_on: model.change(replace(model.choices, seed_is_locked=is_on))
        )
        self._dice.clicked.connect(model.throw_dice)
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is chosen."""
        choices = self._model.choices
        self._number.blockSignals(True)
        self._number.setValue(min(MAX_SEED, choices.seed))
        self._number.blockSignals(False)
        self._lock.setChecked(choices.seed_is_locked)
        self._lock.setIcon(self._closed if choices.seed_is_locked else self._open)
        self._lock.setToolTip(
            translate("Seed", "The next try has the same seed")
            if choices.seed_is_locked
            else translate("Seed", "The next try has another seed")
        )
