"""What is chosen before an upscale, with its cost below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Colours, set_kind
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.panels.cost_card import CostCard
from scalediff_engine.ui.panels.more_options import MoreOptions
from scalediff_engine.ui.panels.pickers import MethodPicker, ModelPicker, SeedEditor, SizeEditor
from scalediff_engine.ui.upscale.choices import PRESETS
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.widgets import Fold, Segmented, WordSlider, on_keys, scrolling, titled


class SettingsForm(QWidget):
    """Edits the settings of a model that all dialogs have.

    Args:
        model: of the upscale
        colours: of the look
        prompt_hint: shown while the prompt is empty
        above: further widgets, above these
    """

    def __init__(
        self, model: UpscaleModel, colours: Colours, prompt_hint: str, above: Sequence[QWidget]
    ) -> None:
        super().__init__()
        self._model = model
        self._prompt = _PromptField(prompt_hint)
        self._preset = Segmented(
            translate("Settings", "Quality"), [words.preset(name) for name in PRESETS]
        )
        self._creativity = WordSlider(
            translate("Settings", "Creativity"),
            translate("Settings", "Faithful"),
            translate("Settings", "Inventive"),
            translate("Settings", "How much the model may add that the source does not show"),
        )
        self._structure = WordSlider(
            translate("Settings", "Structure"),
            translate("Settings", "Loose"),
            translate("Settings", "Firm"),
            translate("Settings", "How firmly shapes of the source are kept"),
        )
        method = MethodPicker(model)
        of_diffusion = (
            titled(translate("Settings", "Model"), ModelPicker(model)),
            titled(translate("Settings", "Prompt"), self._prompt),
            self._creativity,
            self._structure,
            titled(translate("Settings", "Quality"), self._preset),
            titled(translate("Settings", "Seed"), SeedEditor(model, colours)),
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 2, 6, 2)
        column.setSpacing(14)
        for widget in (*above, titled(translate("Settings", "Method"), method), *of_diffusion):
            column.addWidget(widget)
        method.hide_with_fast(of_diffusion)  # shows them: they must have their parent
        column.addWidget(Fold(translate("Settings", "More options"), MoreOptions(model)))
        column.addStretch(1)
        self._prompt.textChanged.connect(lambda: self._change(prompt=self._prompt.toPlainText()))
        self._preset.chosen.add(lambda index: self._change(preset=PRESETS[index]))
        self._creativity.moved.add(lambda value: self._change(creativity=value))
        self._structure.moved.add(lambda value: self._change(structure=value))
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the choices of the model."""
        choices = self._model.choices
        self._preset.show_index(PRESETS.index(choices.preset))
        self._creativity.show_value(self._model.creativity)
        self._structure.show_value(choices.structure)
        self._prompt.show_text(choices.prompt)

    def _change(self, **fields: Any) -> None:  # noqa: ANN401 - a field's own type
        self._model.change(replace(self._model.choices, **fields))


def start_button(text: str) -> QPushButton:
    """Return the button that starts an upscale."""
    start = QPushButton(text)
    set_kind(start, "main")
    start.setDefault(True)
    on_keys(start, "Ctrl+Return", "Ctrl+Enter")
    start.setToolTip(translate("Settings", "Start the upscale (Ctrl+Return)"))
    return start


class SettingsPanel(QWidget):
    """Edits a model.

    Args:
        model: of the dialog
        colours: of the look

    Attributes:
        started: told when the upscale is wanted
        left: told when it is not
        compared: told when the results are to be seen again
    """

    def __init__(self, model: UpscaleModel, colours: Colours) -> None:
        super().__init__()
        self.started, self.left, self.compared = Observers(), Observers(), Observers()
        self._model = model
        form = SettingsForm(
            model,
            colours,
            translate("Settings", "What the picture shows, if that helps. Empty is fine."),
            [titled(translate("Settings", "Size"), SizeEditor(model))],
        )
        self._start = start_button(translate("Settings", "&Upscale"))
        leave = QPushButton(translate("Settings", "Cancel"))
        self._compare = QPushButton(translate("Settings", "Back to the &results"))
        self._compare.hide()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(10)
        whole.addWidget(scrolling(form), 1)
        whole.addWidget(CostCard(model))
        whole.addWidget(self._compare)
        buttons = QHBoxLayout()
        buttons.addWidget(leave)
        buttons.addWidget(self._start, 1)
        whole.addLayout(buttons)
        self._start.clicked.connect(self.started.tell)
        leave.clicked.connect(self.left.tell)
        self._compare.clicked.connect(self.compared.tell)
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show whether the upscale can start."""
        self._start.setEnabled(self._model.can_start)

    def offer_results(self, is_offered: bool) -> None:
        """Offer the way back to the results, if there are any."""
        self._compare.setVisible(is_offered)


class _PromptField(QPlainTextEdit):
    """A few lines; Tab goes on to the next field."""

    def __init__(self, hint: str) -> None:
        super().__init__()
        self.setTabChangesFocus(True)
        self.setPlaceholderText(hint)
        self.setAccessibleName(translate("Settings", "Prompt"))
        self.setFixedHeight(round(3 * self.fontMetrics().lineSpacing() + 12))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)

    def show_text(self, text: str) -> None:
        """Show a text, unless it is there already."""
        if self.toPlainText() != text:
            self.blockSignals(True)
            self.setPlainText(text)
            self.blockSignals(False)
