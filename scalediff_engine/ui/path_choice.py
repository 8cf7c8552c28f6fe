"""Files and folders that a user chooses or drops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from scalediff_engine.images.formats import READ_ONLY_EXTENSIONS, Format
from scalediff_engine.ui.language import translate


def ask_pictures(
    parent: QWidget, title: str, chosen: Callable[[list[Path]], object], folder: str = ""
) -> None:
    """Open a dialog for one picture or more; return at once.

    Args:
        parent: window that is blocked meanwhile
        title: of the dialog
        chosen: called with the files
        folder: shown first
    """
    patterns = sorted({f"*{extension}" for form in Format for extension in form.extensions})
    patterns += sorted(f"*{ending}" for ending in READ_ONLY_EXTENSIONS)
    dialog = QFileDialog(parent, title, folder)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    dialog.setNameFilters(
        [
            translate("Files", "Pictures ({patterns})").format(patterns=" ".join(patterns)),
            translate("Files", "All files (*)"),
        ]
    )
    dialog.filesSelected.connect(lambda names: chosen([Path(name) for name in names]))
    _open(dialog)


def ask_folder(
    parent: QWidget, title: str, chosen: Callable[[Path], object], folder: str = ""
) -> None:
    """Open a dialog for a folder; see ``ask_pictures``."""
    dialog = QFileDialog(parent, title, folder)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.fileSelected.connect(lambda name: chosen(Path(name)))
    _open(dialog)


def _open(dialog: QFileDialog) -> None:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()  # blocks the window, so that there is one at a time


def dropped(event: QDropEvent) -> list[Path]:
    """Return the files and folders of a drop that are on this computer."""
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
