"""Where results go, how they are called and what they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.batch.naming import DEFAULT_QUALITY, Place
from scalediff_engine.client.batches import Existing
from scalediff_engine.client.naming import FIELDS
from scalediff_engine.images.formats import Format
from scalediff_engine.ui.folder.model import FolderModel
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.widgets import Segmented, label, plain_tip, titled

_PLACES = (Place.BESIDE, Place.SUBFOLDER, Place.FOLDER)
_FORMATS = (None, Format.PNG, Format.TIFF, Format.WEBP, Format.JPEG)
_EXISTING = (Existing.SKIP, Existing.REPLACE, Existing.KEEP)


class DestinationEditor(QWidget):
    """Edits the destination of a model.

    Args:
        model: of the dialog
    """

    def __init__(self, model: FolderModel) -> None:
        super().__init__()
        self._model = model
        self._choosing: QFileDialog | None = None
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
        chosen = self._model.listing.destination
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
        example = self._model.listing.example()
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
        inner = QVBoxLayout(place)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(5)
        for widget in (self._place, self._subfolder, self._folder_row):
            inner.addWidget(widget)
        place.setFocusProxy(self._place)
        name = QWidget()
        inner = QVBoxLayout(name)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(3)
        inner.addWidget(self._name)
        inner.addWidget(self._example)
        name.setFocusProxy(self._name)
        kind = QHBoxLayout()
        top = Qt.AlignmentFlag.AlignTop
        form = titled(translate("Destination", "Format"), self._format)
        self._quality_field = titled(translate("Destination", "File quality"), self._quality)
        kind.addWidget(form, 1, top)
        kind.addWidget(self._quality_field, 0, top)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
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
        self._model.listing.change_destination(replace(self._model.listing.destination, **fields))

    def _on_place(self, index: int) -> None:
        self._change(place=_PLACES[index])
        if _PLACES[index] is Place.FOLDER and not self._model.listing.destination.folder:
            self._ask_folder()

    def _ask_folder(self) -> None:
        """Ask, without stopping anything meanwhile."""
        if self._choosing is not None:
            return
        asking = QFileDialog(self, translate("Destination", "Folder for results"))
        asking.setFileMode(QFileDialog.FileMode.Directory)
        asking.setOption(QFileDialog.Option.ShowDirsOnly)
        folder = self._model.listing.destination.folder
        inputs = self._model.listing.inputs
        asking.setDirectory(folder or (str(inputs[0].parent) if inputs else ""))
        asking.fileSelected.connect(lambda chosen: self._change(folder=chosen))

        def gone(_: int) -> None:
            self._choosing = None

        asking.finished.connect(gone)
        self._choosing = asking
        asking.open()
