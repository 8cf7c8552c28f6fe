"""What is set for all files of a folder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from scalediff_engine.batch.naming import DEFAULT_QUALITY, Place
from scalediff_engine.client.batches import Existing
from scalediff_engine.client.naming import FIELDS
from scalediff_engine.images.formats import Format
from scalediff_engine.ui import words
from scalediff_engine.ui.folder.model import FolderModel
from scalediff_engine.ui.folder.rows import Filter
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Colours, set_kind
from scalediff_engine.ui.panels.settings_panel import SettingsForm, device_words, start_button
from scalediff_engine.ui.path_choice import ask_folder
from scalediff_engine.ui.upscale.choices import MAX_SCALE, MIN_SCALE, Extent
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.widgets import (
    Segmented,
    card,
    hbox,
    label,
    plain_tip,
    scrolling,
    show_text,
    titled,
    vbox,
)

_SCALES = (2.0, 3.0, 4.0, 6.0, 8.0)


class ScaleEditor(QWidget):
    """Edits the scale of a model: pictures of many sizes have nothing else in common."""

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
        row = hbox(self)
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
    """Edits the settings of all files; the window calls ``refresh``."""

    def __init__(self, model: FolderModel, colours: Colours) -> None:
        super().__init__()
        self._model = model
        form = SettingsForm(
            model.upscale,
            colours,
            translate("Folder", "What all pictures show, if that helps"),
            [
                titled(translate("Size", "Scale"), ScaleEditor(model.upscale)),
                DestinationEditor(model),
            ],
        )
        self.cost = EstimateCard(model)
        self.start = start_button(translate("Folder", "&Upscale"))
        self.start.clicked.connect(model.start)
        whole = vbox(self, spacing=10)
        whole.addWidget(scrolling(form), 1)
        whole.addWidget(self.cost)
        whole.addWidget(self.start)
        self.refresh()

    def refresh(self) -> None:
        """Show the cost, and how many files would be upscaled."""
        self.cost.refresh()
        self.start.setEnabled(self._model.can_start)
        count = self._model.input.startable
        self.start.setText(
            translate("Folder", "&Upscale ({count})").format(count=count)
            if count
            else translate("Folder", "&Upscale")
        )


class EstimateCard(QWidget):
    """What all pictures together will take."""

    def __init__(self, model: FolderModel) -> None:
        super().__init__()
        self._model = model
        frame, column = card()
        whole = vbox(self)
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
        self.warning = label(kind="warning")
        self.warning.setAccessibleName(translate("Cost", "Warning"))
        column.addWidget(self.warning)

    @property
    def time(self) -> str:
        """How long it is said to take."""
        return self._figures[0].text()

    def refresh(self) -> None:
        """Show the estimate as it is known."""
        found = self._model.input.estimator.estimate
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
        is_current = found.is_complete and not self._model.input.is_scanning
        for figure, text in zip(self._figures, texts, strict=True):
            figure.setText(text)
            set_kind(figure, "figure" if is_current else "stale")
        show_text(self.warning, self._warning_now())

    def _warning_now(self) -> str:
        model = self._model
        if model.input.names_problem:
            return model.input.names_problem
        if model.input.estimator.estimate.problem is not None:
            return model.input.estimator.estimate.problem.message
        if model.input.clash:
            return model.input.clash
        counts = model.input.rows.counts()
        if counts[Filter.ERRORS]:
            return translate(
                "Folder",
                "{count} of {total} pictures cannot be done like this and will be left out; see "
                "“Errors” above the list.",
            ).format(count=counts[Filter.ERRORS], total=counts[Filter.ALL])
        return ""


_PLACES = (Place.BESIDE, Place.SUBFOLDER, Place.FOLDER)
_FORMATS = (None, Format.PNG, Format.TIFF, Format.WEBP, Format.JPEG)
_EXISTING = (Existing.SKIP, Existing.REPLACE, Existing.KEEP)


class DestinationEditor(QWidget):
    """Edits the destination of a model."""

    def __init__(self, model: FolderModel) -> None:
        super().__init__()
        self._model = model
        self._place = Segmented(
            translate("Destination", "Results go"),
            [
                translate("Destination", "Beside"),
                translate("Destination", "Subfolder"),
                translate("Destination", "One folder"),
            ],
        )
        for index, tip in enumerate(
            (
                translate("Destination", "Into the folder that each picture is in"),
                translate("Destination", "Into a folder within the one that each picture is in"),
                translate("Destination", "Into one folder, with the folders of the pictures in it"),
            )
        ):
            self._place.button(index).setToolTip(tip)
        self._subfolder = QLineEdit()
        self._subfolder.setAccessibleName(translate("Destination", "Name of the subfolder"))
        self._folder = QLineEdit()
        self._folder.setReadOnly(True)
        self._folder.setPlaceholderText(translate("Destination", "No folder chosen yet"))
        self._folder.setAccessibleName(translate("Destination", "Folder for results"))
        self._choose = QPushButton(translate("Destination", "C&hoose…"))
        self._name = QLineEdit()
        self._name.setAccessibleName(translate("Destination", "Name of results"))
        self._name.setToolTip(
            translate("Destination", "Fields: {fields}").format(
                fields=", ".join(f"{{{field}}}" for field in FIELDS)
            )
        )
        self._example = label(kind="quiet")
        self._format, self._existing = QComboBox(), QComboBox()
        self._quality = QSpinBox()
        self._fill()
        self._lay_out()
        self._connect()
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is chosen."""
        chosen = self._model.input.destination
        self._place.show_index(_PLACES.index(chosen.place))
        self._subfolder.setVisible(chosen.place is Place.SUBFOLDER)
        self._folder_row.setVisible(chosen.place is Place.FOLDER)
        for field, text in (
            (self._subfolder, chosen.subfolder),
            (self._folder, chosen.folder),
            (self._name, chosen.pattern),
        ):
            if field.text() != text:
                field.setText(text)
        self._folder.setToolTip(plain_tip(chosen.folder))
        example = self._model.input.example()
        self._example.setText(
            translate("Destination", "For example {name}").format(name=example) if example else ""
        )
        self._format.setCurrentIndex(_FORMATS.index(chosen.format))
        self._quality_field.setVisible(chosen.format is None or chosen.format.has_quality)
        self._quality.blockSignals(True)
        self._quality.setValue(chosen.quality or 0)
        self._quality.blockSignals(False)
        self._existing.setCurrentIndex(_EXISTING.index(chosen.existing))

    def _fill(self) -> None:
        self._format.addItems(
            [translate("Destination", "As the source"), "PNG", "TIFF", "WebP", "JPEG"]
        )
        self._format.setAccessibleName(translate("Destination", "Format"))
        self._existing.addItems(
            [
                translate("Destination", "Skip the picture"),
                translate("Destination", "Replace the result"),
                translate("Destination", "Count as failed"),
            ]
        )
        self._existing.setAccessibleName(translate("Destination", "If a result is there already"))
        self._quality.setRange(0, 100)
        self._quality.setSpecialValueText(translate("Destination", "usual"))
        self._quality.setAccessibleName(translate("Destination", "File quality"))
        self._quality.setToolTip(
            translate("Destination", "Of JPEG and WebP, 1 to 100; {usual} is a good one").format(
                usual=DEFAULT_QUALITY
            )
        )
        for box in (self._format, self._existing):
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )

    def _lay_out(self) -> None:
        self._folder_row = QWidget()
        row = QHBoxLayout(self._folder_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._folder, 1)
        row.addWidget(self._choose)
        place = QWidget()
        inner = vbox(place, spacing=5)
        for widget in (self._place, self._subfolder, self._folder_row):
            inner.addWidget(widget)
        place.setFocusProxy(self._place)
        name = QWidget()
        inner = vbox(name, spacing=3)
        inner.addWidget(self._name)
        inner.addWidget(self._example)
        name.setFocusProxy(self._name)
        kind = QHBoxLayout()
        top = Qt.AlignmentFlag.AlignTop
        form = titled(translate("Destination", "Format"), self._format)
        self._quality_field = titled(translate("Destination", "File quality"), self._quality)
        kind.addWidget(form, 1, top)
        kind.addWidget(self._quality_field, 0, top)
        column = vbox(self, spacing=14)
        column.addWidget(titled(translate("Destination", "Results go"), place))
        column.addWidget(titled(translate("Destination", "Name of results"), name))
        column.addLayout(kind)
        column.addWidget(
            titled(translate("Destination", "If a result is there already"), self._existing)
        )
        self.setFocusProxy(self._place)

    def _connect(self) -> None:
        change = self._change
        self._place.chosen.add(self._on_place)
        self._subfolder.textEdited.connect(lambda text: change(subfolder=text))
        self._name.textEdited.connect(lambda text: change(pattern=text))
        self._format.activated.connect(lambda index: change(format=_FORMATS[index]))
        self._quality.valueChanged.connect(lambda value: change(quality=value or None))
        self._existing.activated.connect(lambda index: change(existing=_EXISTING[index]))
        self._choose.clicked.connect(self._ask_folder)

    def _change(self, **fields: Any) -> None:  # noqa: ANN401 - a field's own type
        self._model.input.change_destination(replace(self._model.input.destination, **fields))

    def _on_place(self, index: int) -> None:
        self._change(place=_PLACES[index])
        if _PLACES[index] is Place.FOLDER and not self._model.input.destination.folder:
            self._ask_folder()

    def _ask_folder(self) -> None:
        inputs = self._model.input.inputs
        ask_folder(
            self.window(),
            translate("Destination", "Folder for results"),
            lambda folder: self._change(folder=str(folder)),
            self._model.input.destination.folder or (str(inputs[0].parent) if inputs else ""),
        )
