"""Files and folders that a user chooses or drops."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from scalediff_engine.images.formats import READ_ONLY_EXTENSIONS, Format
from scalediff_engine.ui.language import translate


def asking_pictures(parent: QWidget, title: str) -> QFileDialog:
    """Give what asks for pictures, one or more; to be opened."""
    patterns = sorted({f"*{extension}" for form in Format for extension in form.extensions})
    patterns += sorted(f"*{ending}" for ending in READ_ONLY_EXTENSIONS)
    asking = QFileDialog(parent, title)
    asking.setFileMode(QFileDialog.FileMode.ExistingFiles)
    asking.setNameFilters(
        [
            translate("Files", "Pictures ({patterns})").format(patterns=" ".join(patterns)),
            translate("Files", "All files (*)"),
        ]
    )
    return asking


def asking_folder(parent: QWidget, title: str) -> QFileDialog:
    """Give what asks for a folder; to be opened."""
    asking = QFileDialog(parent, title)
    asking.setFileMode(QFileDialog.FileMode.Directory)
    asking.setOption(QFileDialog.Option.ShowDirsOnly)
    return asking


def dropped(event: QDropEvent) -> list[Path]:
    """Give what of a drop is on this computer."""
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
