"""By which method: diffusion, or the fast networks, for which most other settings mean nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtWidgets import QVBoxLayout, QWidget

from scalediff_engine.ui.language import translate
from scalediff_engine.ui.upscale.choices import METHODS
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.widgets.form import label
from scalediff_engine.ui.widgets.segmented import Segmented


class MethodPicker(QWidget):
    """Edits the method of a model, and hides what the fast one has no use for.

    Args:
        model: of the dialog
    """

    def __init__(self, model: UpscaleModel) -> None:
        super().__init__()
        self._model = model
        self._of_diffusion: tuple[QWidget, ...] = ()
        name = translate("Settings", "Method")
        tips = (
            translate("Settings", "A diffusion model draws new detail, step by step"),
            translate("Settings", "A small network enlarges in one pass and adds nothing"),
        )
        self._methods = Segmented(name, ["ScaleDiff", translate("Settings", "Fast")])
        for index, tip in enumerate(tips):
            self._methods.button(index).setToolTip(tip)
            self._methods.button(index).setAccessibleDescription(tip)
        self._why = label(
            translate(
                "Settings",
                "Quick, on the processor, and sharper than plain enlarging; nothing is invented. "
                "There is no model, prompt, creativity, quality or seed to choose: the network "
                "hears of the picture alone.",
            ),
            "quiet",
        )
        self._why.setAccessibleName(translate("Settings", "What the fast method does"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addWidget(self._methods)
        column.addWidget(self._why)
        self.setFocusProxy(self._methods)
        self._methods.chosen.add(self._choose)
        model.changed.add(self.refresh)
        self.refresh()

    def hide_with_fast(self, widgets: Iterable[QWidget]) -> None:
        """Show these with diffusion alone."""
        self._of_diffusion = tuple(widgets)
        self.refresh()

    def refresh(self) -> None:
        """Show what is chosen."""
        is_fast = self._model.choices.is_fast
        self._methods.show_index(METHODS.index(self._model.choices.method))
        self._why.setVisible(is_fast)
        for widget in self._of_diffusion:
            widget.setVisible(not is_fast)

    def _choose(self, index: int) -> None:
        self._model.change(replace(self._model.choices, method=METHODS[index]))
