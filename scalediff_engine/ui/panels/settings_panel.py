"""What is chosen before an upscale: the usual settings, further options, and the cost below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.client.messages import PlanInfo, Problem
from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Colours, set_kind
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.panels.pickers import MethodPicker, ModelPicker, SeedEditor, SizeEditor
from scalediff_engine.ui.upscale.choices import ATTENTIONS, PRESETS, Choices
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.widgets import (
    Collapsible,
    LabeledSlider,
    Segmented,
    card,
    label,
    on_keys,
    scrolling,
    titled,
)


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
        self._creativity = LabeledSlider(
            translate("Settings", "Creativity"),
            translate("Settings", "Faithful"),
            translate("Settings", "Inventive"),
            translate("Settings", "How much the model may add that the source does not show"),
        )
        self._structure = LabeledSlider(
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
        column.addWidget(Collapsible(translate("Settings", "More options"), MoreOptions(model)))
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


_NO_ROOM = "not-enough-memory"
_PROCESSOR = "the CPU"


class CostCard(QWidget):
    """Shows the cost of a model's choices.

    Args:
        model: of the dialog
    """

    def __init__(self, model: UpscaleModel) -> None:
        super().__init__()
        self._model = model
        frame, column = card()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(frame)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setColumnStretch(1, 1)
        self._figures: list[QLabel] = []
        for row, title in enumerate(
            (
                translate("Cost", "Result"),
                translate("Cost", "Time"),
                translate("Cost", "Memory"),
                translate("Cost", "On"),
            )
        ):
            name, figure = label(title, "quiet", wraps=False), label(kind="figure")
            figure.setAccessibleName(title)
            grid.addWidget(name, row, 0)
            grid.addWidget(figure, row, 1)
            self._figures.append(figure)
        column.addLayout(grid)
        self._warning = label(kind="warning")
        self._warning.setAccessibleName(translate("Cost", "Warning"))
        self._notes = label(kind="quiet")
        self._fit = QPushButton(translate("Cost", "Make it &fit"))
        self._fit.clicked.connect(model.make_it_fit)
        column.addWidget(self._warning)
        column.addWidget(self._fit)
        column.addWidget(self._notes)
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the cost as it is known; figures that are not current any more are dimmed."""
        cost, result = self._model.cost, self._model.result
        plan = cost.plan
        texts = [words.size_px(result.width, result.height), "…", "…", "…"]
        if plan is not None:
            texts[1] = translate("Cost", "about {duration}").format(
                duration=words.duration(plan.seconds)
            )
            texts[2] = translate("Cost", "{needed} of {available}").format(
                needed=words.memory(plan.peak_bytes), available=words.memory(plan.available_bytes)
            )
            texts[3] = device_words(plan.device)
        elif cost.problem is not None:
            texts[1:] = ["–"] * 3
        for index, (figure, text) in enumerate(zip(self._figures, texts, strict=True)):
            figure.setText(text)
            set_kind(figure, "figure" if cost.is_current or index == 0 else "stale")
        problem = cost.problem if cost.is_current else None
        self._warning.setText("" if problem is None else problem_words(problem, plan))
        self._warning.setVisible(problem is not None)
        fitting = self._model.fitting
        if fitting is not None:
            self._fit.setText(
                translate("Cost", "Make it &fit: {size}").format(size=words.size_px(*fitting))
            )
        self._fit.setVisible(fitting is not None)
        notes = [] if plan is None or problem is not None else plan.notes
        self._notes.setText("\n".join(notes))
        self._notes.setVisible(bool(notes))


def device_words(name: str) -> str:
    """Give a device as people call it; all but the processor have names of their own."""
    return translate("Cost", "the processor") if name == _PROCESSOR else name


def problem_words(problem: Problem, plan: PlanInfo | None) -> str:
    """Say why it will not do, in the user's language where the figures are known."""
    if plan is None or plan.fits_scale is None or problem.code != _NO_ROOM:
        return problem.message
    return translate("Cost", "This needs {needed} of memory, and there are {available}.").format(
        needed=_unbroken(plan.peak_bytes), available=_unbroken(plan.available_bytes)
    )


def _unbroken(count: int) -> str:
    """Give bytes within which no line ends."""
    return words.memory(count).replace(" ", "\u00a0")


_MAX_STEPS = 200
_MAX_GUIDANCE = 30.0
_MAX_GIB = 1024.0


class MoreOptions(QWidget):
    """Edits what is rarely changed.

    Args:
        model: of the dialog
    """

    def __init__(self, model: UpscaleModel) -> None:
        super().__init__()
        self._model = model
        own = translate("More", "the model's own")
        self._negative = QLineEdit()
        self._negative.setPlaceholderText(translate("More", "What it must not show"))
        self._steps = QSpinBox()
        self._steps.setRange(0, _MAX_STEPS)
        self._steps.setSpecialValueText(own)
        self._guidance = QDoubleSpinBox()
        self._guidance.setRange(0.0, _MAX_GUIDANCE)
        self._guidance.setDecimals(1)
        self._guidance.setSingleStep(0.5)
        self._guidance.setSpecialValueText(own)
        self._memory = QDoubleSpinBox()
        self._memory.setRange(0.0, _MAX_GIB)
        self._memory.setDecimals(1)
        self._memory.setSuffix(" GiB")
        self._memory.setSpecialValueText(translate("More", "what is free"))
        self._attention = QComboBox()
        self._attention.addItems(
            [
                translate("More", "In neighbouring patches (ScaleDiff)"),
                translate("More", "All at once (slow, for comparison)"),
                translate("More", "Overlapping tiles (MultiDiffusion)"),
            ]
        )
        self._checks = {
            "source_lock": QCheckBox(translate("More", "Keep the source's colours")),
            "structure_guidance": QCheckBox(translate("More", "Structure guidance")),
            "latent_frequency_mixing": QCheckBox(translate("More", "Latent frequency mixing")),
            "jitter": QCheckBox(translate("More", "Move the patches at each step")),
        }
        self._strip = QCheckBox(translate("More", "Write no metadata"))
        self._strip.setToolTip(
            translate(
                "More",
                "No EXIF, XMP, resolution or recipe in the result; its colour profile stays",
            )
        )
        self._lay_out()
        self._connect()
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is chosen."""
        choices = self._model.choices
        for widget in self._of_diffusion:
            widget.setVisible(not choices.is_fast)
        if self._negative.text() != choices.negative:
            self._negative.setText(choices.negative)
        for field, value in (
            (self._guidance, choices.guidance or 0.0),
            (self._memory, choices.max_memory_gib or 0.0),
        ):
            field.blockSignals(True)
            field.setValue(value)
            field.blockSignals(False)
        self._steps.blockSignals(True)
        self._steps.setValue(choices.steps or 0)
        self._steps.blockSignals(False)
        self._strip.blockSignals(True)
        self._strip.setChecked(choices.strip)
        self._strip.blockSignals(False)
        self._attention.setCurrentIndex(ATTENTIONS.index(choices.attention))
        for name, box in self._checks.items():
            box.blockSignals(True)
            box.setChecked(bool(getattr(choices, name)))
            box.blockSignals(False)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(9)
        self._of_diffusion: list[QWidget] = list(self._checks.values())
        for title, field in (
            (translate("More", "Not in the picture"), self._negative),
            (translate("More", "Steps of a stage"), self._steps),
            (translate("More", "Guidance by the prompt"), self._guidance),
            (translate("More", "Memory it may take"), self._memory),
            (translate("More", "Attention"), self._attention),
        ):
            field.setAccessibleName(title)
            named = titled(title, field)
            column.addWidget(named)
            if field is not self._memory:
                self._of_diffusion.append(named)
        for box in (*self._checks.values(), self._strip):
            column.addWidget(box)

    def _connect(self) -> None:
        change = self._change
        self._negative.textEdited.connect(
            lambda text: change(lambda choices: replace(choices, negative=text))
        )
        self._steps.valueChanged.connect(
            lambda value: change(lambda choices: replace(choices, steps=value or None))
        )
        self._guidance.valueChanged.connect(
            lambda value: change(lambda choices: replace(choices, guidance=value or None))
        )
        self._memory.valueChanged.connect(
            lambda value: change(lambda choices: replace(choices, max_memory_gib=value or None))
        )
        self._attention.activated.connect(
            lambda index: change(lambda choices: replace(choices, attention=ATTENTIONS[index]))
        )
        self._strip.toggled.connect(lambda on: change(lambda choices: replace(choices, strip=on)))
        for box in self._checks.values():
            box.toggled.connect(lambda _: change(self._checked))

    def _checked(self, choices: Choices) -> Choices:
        return replace(
            choices,
            source_lock=self._checks["source_lock"].isChecked(),
            structure_guidance=self._checks["structure_guidance"].isChecked(),
            latent_frequency_mixing=self._checks["latent_frequency_mixing"].isChecked(),
            jitter=self._checks["jitter"].isChecked(),
        )

    def _change(self, change: Callable[[Choices], Choices]) -> None:
        self._model.change(change(self._model.choices))
