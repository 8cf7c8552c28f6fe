"""The options that are folded away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.ui.language import translate
from scalediff_engine.ui.upscale.choices import ATTENTIONS, Choices
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.widgets import titled

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
