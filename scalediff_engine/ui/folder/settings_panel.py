"""What is set for all files of a folder."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.ui import words
from scalediff_engine.ui.colours import Colours
from scalediff_engine.ui.folder.destination_editor import DestinationEditor
from scalediff_engine.ui.folder.model import FolderModel
from scalediff_engine.ui.folder.rows import Filter
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.panels.cost_card import device_words
from scalediff_engine.ui.panels.more_options import MoreOptions
from scalediff_engine.ui.panels.pickers import MethodPicker, ModelPicker, SeedEditor
from scalediff_engine.ui.upscale.choices import PRESETS
from scalediff_engine.ui.upscale.extent import MAX_SCALE, MIN_SCALE, Extent
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.widgets import (
    Fold,
    Segmented,
    WordSlider,
    card,
    label,
    on_keys,
    scrolling,
    titled,
)

_SCALES = (2.0, 3.0, 4.0, 6.0, 8.0)


class ScaleEditor(QWidget):
    """Edits the scale of a model: pictures of many sizes have nothing else in common.

    Args:
        model: of the settings
    """

    def __init__(self, model: UpscaleModel) -> None:
        super().__init__()
        self._model = model
        self._scales = Segmented(translate("Size", "Scale"), [f"{s:g}×" for s in _SCALES])
        self._scales.chosen.add(lambda index: self._change(_SCALES[index]))
        self._scale = QDoubleSpinBox()
        self._scale.setRange(MIN_SCALE, MAX_SCALE)
        self._scale.setDecimals(2)
        self._scale.setSingleStep(0.5)
        self._scale.setSuffix(" ×")
        self._scale.setAccessibleName(translate("Size", "Scale"))
        self._scale.setKeyboardTracking(False)
        self._scale.valueChanged.connect(self._change)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._scales, 1)
        row.addWidget(self._scale)
        self.setFocusProxy(self._scales)
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is chosen."""
        scale = self._model.choices.extent.scale
        self._scales.show_index(_SCALES.index(scale) if scale in _SCALES else -1)
        if not (self._scale.hasFocus() and self._scale.lineEdit().isModified()):
            self._scale.blockSignals(True)
            self._scale.setValue(scale)
            self._scale.blockSignals(False)

    def _change(self, scale: float) -> None:
        choices = self._model.choices
        self._model.change(replace(choices, extent=Extent(scale=scale, ppi=choices.extent.ppi)))


class FolderSettings(QWidget):
    """Edits a model; ``refresh`` is for the window to call, now and then.

    Args:
        model: of the dialog
        colours: of the look
    """

    def __init__(self, model: FolderModel, colours: Colours) -> None:
        super().__init__()
        self._model = model
        upscale = model.upscale
        self._prompt = QLineEdit()
        self._prompt.setAccessibleName(translate("Settings", "Prompt"))
        self._prompt.setPlaceholderText(
            translate("Folder", "What all pictures show, if that helps")
        )
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
        self._more = MoreOptions(upscale)
        self._cost = EstimateCard(model)
        self.start = QPushButton()
        self._lay_out(colours)
        self._connect()
        upscale.changed.add(self._show_choices)
        self._show_choices()
        self.refresh()

    @property
    def trouble(self) -> str:
        """What is said to be wrong."""
        return self._cost.trouble

    def refresh(self) -> None:
        """Show what it will come to."""
        model = self._model
        self._cost.refresh()
        self.start.setEnabled(model.can_start)
        count = model.listing.startable
        self.start.setText(
            translate("Folder", "&Upscale ({count})").format(count=count)
            if count
            else translate("Folder", "&Upscale")
        )

    def _show_choices(self) -> None:
        choices = self._model.upscale.choices
        self._preset.show_index(PRESETS.index(choices.preset))
        self._creativity.show_value(self._model.upscale.creativity)
        self._structure.show_value(choices.structure)
        if self._prompt.text() != choices.prompt:
            self._prompt.setText(choices.prompt)

    def _lay_out(self, colours: Colours) -> None:
        upscale = self._model.upscale
        form = QWidget()
        column = QVBoxLayout(form)
        column.setContentsMargins(6, 2, 6, 2)
        column.setSpacing(14)
        column.addWidget(titled(translate("Size", "Scale"), ScaleEditor(upscale)))
        column.addWidget(DestinationEditor(self._model))
        method = MethodPicker(upscale)
        column.addWidget(titled(translate("Settings", "Method"), method))
        of_diffusion = (
            titled(translate("Settings", "Model"), ModelPicker(upscale)),
            titled(translate("Settings", "Prompt"), self._prompt),
            self._creativity,
            self._structure,
            titled(translate("Settings", "Quality"), self._preset),
            titled(translate("Settings", "Seed"), SeedEditor(upscale, colours)),
        )
        for widget in of_diffusion:
            column.addWidget(widget)
        method.hide_with_fast(of_diffusion)
        column.addWidget(Fold(translate("Settings", "More options"), self._more))
        column.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(10)
        area = scrolling(form)
        bar = area.verticalScrollBar().sizeHint().width()
        area.setMinimumWidth(form.minimumSizeHint().width() + bar)
        whole.addWidget(area, 1)
        whole.addWidget(self._cost)
        whole.addWidget(self.start)
        set_kind(self.start, "main")
        self.start.setDefault(True)
        on_keys(self.start, "Ctrl+Return", "Ctrl+Enter")
        self.start.setToolTip(translate("Settings", "Start the upscale (Ctrl+Return)"))

    def _connect(self) -> None:
        upscale = self._model.upscale
        self._prompt.textEdited.connect(
            lambda text: upscale.change(replace(upscale.choices, prompt=text))
        )
        self._preset.chosen.add(
            lambda index: upscale.change(replace(upscale.choices, preset=PRESETS[index]))
        )
        self._creativity.moved.add(
            lambda value: upscale.change(replace(upscale.choices, creativity=value))
        )
        self._structure.moved.add(
            lambda value: upscale.change(replace(upscale.choices, structure=value))
        )
        self.start.clicked.connect(self._model.start)


class EstimateCard(QWidget):
    """What all pictures together will take.

    Args:
        model: of the dialog
    """

    def __init__(self, model: FolderModel) -> None:
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
        titles = (
            translate("Cost", "Time"),
            translate("Cost", "Memory"),
            translate("Cost", "On"),
        )
        for row, title in enumerate(titles):
            figure = label(kind="figure")
            figure.setAccessibleName(title)
            grid.addWidget(label(title, "quiet", wraps=False), row, 0)
            grid.addWidget(figure, row, 1)
            self._figures.append(figure)
        column.addLayout(grid)
        self._warning = label(kind="warning")
        self._warning.setAccessibleName(translate("Cost", "Warning"))
        column.addWidget(self._warning)

    @property
    def trouble(self) -> str:
        """What is said to be wrong."""
        return self._warning.text()

    @property
    def time(self) -> str:
        """How long it is said to take."""
        return self._figures[0].text()

    def refresh(self) -> None:
        """Show the estimate as it is known."""
        found = self._model.listing.estimate
        texts = ["…", "…", "…"]
        if found.problem is not None:
            texts = ["–"] * 3
        elif found.seconds is not None:
            texts[0] = translate("Cost", "about {duration}").format(
                duration=words.duration(found.seconds)
            )
            if found.device:
                texts[1] = translate("Folder", "up to {needed} of {available}").format(
                    needed=words.memory(found.peak_bytes),
                    available=words.memory(found.available_bytes),
                )
                texts[2] = device_words(found.device)
            elif found.is_complete:
                texts = [translate("Folder", "nothing to do"), "–", "–"]
        is_current = found.is_complete and not self._model.listing.is_scanning
        for figure, text in zip(self._figures, texts, strict=True):
            figure.setText(text)
            set_kind(figure, "figure" if is_current else "stale")
        warning = self._warning_now()
        self._warning.setText(warning)
        self._warning.setVisible(bool(warning))

    def _warning_now(self) -> str:
        model = self._model
        if model.listing.names_problem:
            return model.listing.names_problem
        if model.listing.estimate.problem is not None:
            return model.listing.estimate.problem.message
        if model.listing.clash:
            return model.listing.clash
        counts = model.listing.found.rows.counts()
        if counts[Filter.ERRORS]:
            return translate(
                "Folder",
                "{count} of {total} pictures cannot be done like this and will be left out; see "
                "“Errors” above the list.",
            ).format(count=counts[Filter.ERRORS], total=counts[Filter.ALL])
        return ""
