"""What is chosen before an upscale, with its cost below."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from scalediff_engine.ui import words
from scalediff_engine.ui.colours import Colours
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.panels.cost_card import CostCard
from scalediff_engine.ui.panels.more_options import MoreOptions
from scalediff_engine.ui.panels.pickers import MethodPicker, ModelPicker, SeedEditor
from scalediff_engine.ui.panels.size_editor import SizeEditor
from scalediff_engine.ui.upscale.choices import PRESETS
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.widgets import Fold, Segmented, WordSlider, on_keys, scrolling, titled


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
        self._prompt = _PromptField()
        self._preset = Segmented(
            translate("Settings", "Quality"),
            [words.preset(name) for name in PRESETS],
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
        self._cost = CostCard(model)
        self._start = QPushButton(translate("Settings", "&Upscale"))
        self._leave = QPushButton(translate("Settings", "Cancel"))
        self._compare = QPushButton(translate("Settings", "Back to the &results"))
        self._more = MoreOptions(model)
        self._lay_out(colours)
        self._connect()
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is chosen."""
        choices = self._model.choices
        self._preset.show_index(PRESETS.index(choices.preset))
        self._creativity.show_value(self._model.creativity)
        self._structure.show_value(choices.structure)
        self._prompt.show_text(choices.prompt)
        self._start.setEnabled(self._model.can_start)

    def offer_results(self, is_offered: bool) -> None:
        """Offer the way back to the results, if there are any."""
        self._compare.setVisible(is_offered)

    def _lay_out(self, colours: Colours) -> None:
        form = QWidget()
        column = QVBoxLayout(form)
        column.setContentsMargins(6, 2, 6, 2)
        column.setSpacing(14)
        column.addWidget(titled(translate("Settings", "Size"), SizeEditor(self._model)))
        method = MethodPicker(self._model)
        column.addWidget(titled(translate("Settings", "Method"), method))
        seed = SeedEditor(self._model, colours)
        of_diffusion = (
            titled(translate("Settings", "Model"), ModelPicker(self._model)),
            titled(translate("Settings", "Prompt"), self._prompt),
            self._creativity,
            self._structure,
            titled(translate("Settings", "Quality"), self._preset),
            titled(translate("Settings", "Seed"), seed),
        )
        for widget in of_diffusion:
            column.addWidget(widget)
        method.hide_with_fast(of_diffusion)
        column.addWidget(Fold(translate("Settings", "More options"), self._more))
        column.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(10)
        whole.addWidget(scrolling(form), 1)
        whole.addWidget(self._cost)
        whole.addWidget(self._compare)
        buttons = QHBoxLayout()
        buttons.addWidget(self._leave)
        buttons.addWidget(self._start, 1)
        whole.addLayout(buttons)
        set_kind(self._start, "main")
        self._start.setDefault(True)
        on_keys(self._start, "Ctrl+Return", "Ctrl+Enter")
        self._start.setToolTip(translate("Settings", "Start the upscale (Ctrl+Return)"))
        self._compare.hide()

    def _connect(self) -> None:
        model = self._model
        self._prompt.textChanged.connect(
            lambda: model.change(replace(model.choices, prompt=self._prompt.toPlainText()))
        )
        self._preset.chosen.add(
            lambda index: model.change(replace(model.choices, preset=PRESETS[index]))
        )
        self._creativity.moved.add(
            lambda value: model.change(replace(model.choices, creativity=value))
        )
        self._structure.moved.add(
            lambda value: model.change(replace(model.choices, structure=value))
        )
        self._start.clicked.connect(self.started.tell)
        self._leave.clicked.connect(self.left.tell)
        self._compare.clicked.connect(self.compared.tell)


class _PromptField(QPlainTextEdit):
    """A few lines; Tab goes on to the next field."""

    def __init__(self) -> None:
        super().__init__()
        self.setTabChangesFocus(True)
        self.setPlaceholderText(
            translate("Settings", "What the picture shows, if that helps. Empty is fine.")
        )
        self.setAccessibleName(translate("Settings", "Prompt"))
        self.setFixedHeight(round(3 * self.fontMetrics().lineSpacing() + 12))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)

    def show_text(self, text: str) -> None:
        """Show a text, unless it is there already."""
        if self.toPlainText() != text:
            self.blockSignals(True)
            self.setPlainText(text)
            self.blockSignals(False)
