"""A few choices side by side, one of them taken."""

from __future__ import annotations

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.observers import Listeners


class Segmented(QWidget):
    """Buttons of which one is down; the arrow keys move within them.

    Args:
        name: what is chosen here, for those who cannot see it
        labels: of the choices
        is_even: whether they share the whole width

    Attributes:
        chosen: told which one somebody took
    """

    def __init__(self, name: str, labels: list[str], *, is_even: bool = True) -> None:
        super().__init__()
        self.chosen = Listeners[int]()
        self.setAccessibleName(name)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        wide = QSizePolicy.Policy.Expanding if is_even else QSizePolicy.Policy.Preferred
        for index, label in enumerate(labels):
            button = QToolButton()
            button.setText(label)
            button.setCheckable(True)
            set_kind(button, "choice")
            button.setAccessibleName(f"{name}: {label}")
            button.setSizePolicy(wide, QSizePolicy.Policy.Fixed)
            self._group.addButton(button, index)
            row.addWidget(button)
        self.setFocusProxy(self._group.button(0))
        self._group.idClicked.connect(self.chosen.tell)
        self._group.idToggled.connect(self._on_toggled)

    @property
    def index(self) -> int:
        """Which one is taken; -1 = none."""
        return self._group.checkedId()

    def show_index(self, index: int) -> None:
        """Show which one is taken; tells nobody."""
        self._group.blockSignals(True)
        if index < 0:  # none: an exclusive group lets nobody take the last one away
            self._group.setExclusive(False)
            for button in self._group.buttons():
                button.setChecked(False)
            self._group.setExclusive(True)
        else:
            self.button(index).setChecked(True)
        self._group.blockSignals(False)

    def button(self, index: int) -> QToolButton:
        """Give one of the buttons, to put a shortcut on it."""
        found = self._group.button(index)
        assert isinstance(found, QToolButton)
        return found

    def _on_toggled(self, index: int, is_down: bool) -> None:
        """Choose with the arrow keys, which only toggle."""
        if is_down and self.button(index).hasFocus():
            self.chosen.tell(index)
