"""The models dialog."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.ui import icons, words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Look
from scalediff_engine.ui.models import sentences
from scalediff_engine.ui.models.details import Details
from scalediff_engine.ui.models.list import ModelsList
from scalediff_engine.ui.models.model import ModelsModel
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.widgets import FocusRing, label, message_box, open_at_its_size


class ModelsWindow(QWidget):
    """Shows a model.

    Args:
        model: of the dialog
        look: dark or light

    Attributes:
        ended: told when it is closed
    """

    def __init__(self, model: ModelsModel, look: Look) -> None:
        super().__init__()
        self._model = model
        self._question: QMessageBox | None = None
        self.ended = Observers()
        self.setWindowTitle(translate("ModelsDialog", "Models – ScaleDiff"))
        self.setWindowIcon(icons.sparkle(look.colours.focus))
        self.list = ModelsList(model)
        self.details = Details(model)
        self._room = label(kind="quiet")
        self._trouble = label(kind="warning")
        self._trouble.setAccessibleName(translate("Window", "Trouble"))
        self._note = label(kind="good")
        self.add = QPushButton(translate("ModelsDialog", "&Add a folder…"))
        self.leave = QPushButton(translate("ModelsDialog", "Close"))
        self._lay_out()
        self.add.clicked.connect(self._ask_folder)
        self.leave.clicked.connect(self.close)
        self.details.remove.clicked.connect(self._ask_removal)
        self._ring = FocusRing(self, look.colours.focus)
        model.changed.add(self.refresh)
        self.refresh()
        open_at_its_size(self)
        self.list.setFocus()

    @property
    def trouble(self) -> str:
        """What is said to have gone wrong."""
        return self._trouble.text()

    @property
    def note(self) -> str:
        """What is said to have gone well."""
        return self._note.text()

    def refresh(self) -> None:
        """Show where things stand."""
        model = self._model
        self._trouble.setText("" if model.problem is None else model.problem.message)
        self._trouble.setVisible(model.problem is not None)
        self._note.setText(model.note)
        self._note.setVisible(bool(model.note))
        self.add.setEnabled(not model.is_busy)
        listed = model.listed
        if listed is None:
            self._room.setText(translate("ModelsDialog", "Looking for models…"))
        else:
            self._room.setText(
                translate(
                    "ModelsDialog", "Downloads go to {folder}; {size} are free there."
                ).format(folder=f"\u2066{listed.cache}\u2069", size=words.memory(listed.free_bytes))
            )

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give what it would like."""
        width, height = self.fontMetrics().averageCharWidth(), self.fontMetrics().lineSpacing()
        return QSize(max(1000, width * 130), max(620, height * 34))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Say so; downloads go on."""
        event.accept()
        self._model.close()
        self.ended.tell()

    def focusNextPrevChild(self, is_next: bool) -> bool:  # noqa: N802 - Qt's name
        """Let the ring know that Tab was pressed."""
        self._ring.tabbing()
        return super().focusNextPrevChild(is_next)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Esc closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
            return
        super().keyPressEvent(event)

    def _lay_out(self) -> None:
        halves = QHBoxLayout()
        halves.setSpacing(14)
        self.list.setMinimumWidth(self.fontMetrics().averageCharWidth() * 66)
        halves.addWidget(self.list, 3)
        halves.addWidget(self.details, 2)
        row = QHBoxLayout()
        row.addWidget(self.add)
        row.addWidget(self._room, 1)
        row.addWidget(self.leave)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 12, 12, 12)
        whole.setSpacing(10)
        whole.addLayout(halves, 1)
        whole.addWidget(self._trouble)
        whole.addWidget(self._note)
        whole.addLayout(row)

    def _ask_folder(self) -> None:
        dialog = QFileDialog(self, translate("ModelsDialog", "Add a folder with models"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self._model.add_folder)
        dialog.open()

    def _ask_removal(self) -> None:
        entry = self._model.entry
        if entry is None or self._question is not None:
            return
        question = message_box(self)
        question.setText(
            translate("ModelsDialog", "Remove {title} from this computer?").format(
                title=sentences.title(entry)
            )
        )
        question.setInformativeText(
            translate(
                "ModelsDialog",
                "{size} will be freed. Other programs that use the Hugging Face cache lose it "
                "too; it can be downloaded again.",
            ).format(size=words.memory(self._model.frees_bytes))
        )
        remove = question.addButton(
            translate("ModelsDialog", "Remove it"), QMessageBox.ButtonRole.DestructiveRole
        )
        keep = question.addButton(
            translate("ModelsDialog", "Keep it"), QMessageBox.ButtonRole.RejectRole
        )
        question.setDefaultButton(keep)
        question.setEscapeButton(keep)

        def answered(_: int) -> None:
            self._question = None
            if question.clickedButton() is remove and self._model.chosen == entry.key:
                self._model.remove()

        question.finished.connect(answered)
        self._question = question
        question.open()
