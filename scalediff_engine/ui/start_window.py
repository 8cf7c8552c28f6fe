"""Asks what is to be upscaled: drop it, or choose it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton

from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Look, set_kind
from scalediff_engine.ui.observers import Listeners, Observers
from scalediff_engine.ui.path_choice import ask_folder, ask_pictures, dropped
from scalediff_engine.ui.widgets import card, label, on_keys, vbox
from scalediff_engine.ui.window_base import DialogWindow, MenuButton, Way, open_at_its_size


class StartWindow(DialogWindow):
    """Asks for pictures and folders.

    Attributes:
        chosen: told what is to be upscaled
        ended: told when nothing is
    """

    def __init__(self, look: Look) -> None:
        super().__init__(look, "ScaleDiff")
        self.chosen: Listeners[list[Path]] = Listeners()
        self.ended = Observers()
        self._is_over = False
        self.setAcceptDrops(True)
        self.files = QPushButton(translate("Start", "Choose &pictures…"))
        self.folder = QPushButton(translate("Start", "Choose a &folder…"))
        self._lay_out()
        self.files.clicked.connect(
            lambda: ask_pictures(self, translate("Start", "Choose pictures"), self.chosen.tell)
        )
        self.folder.clicked.connect(
            lambda: ask_folder(
                self,
                translate("Start", "Choose a folder"),
                lambda folder: self.chosen.tell([folder]),
            )
        )
        open_at_its_size(self)
        self.files.setFocus()

    def offer(self, ways: Sequence[Way]) -> None:
        """Offer other windows, beside the title."""
        self._head.addWidget(MenuButton(ways), 0, Qt.AlignmentFlag.AlignTop)

    def leave(self) -> None:
        """Go out of sight, for another window to come."""
        self._is_over = True
        self.close()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give what it would like."""
        width = self.fontMetrics().averageCharWidth()
        height = self.fontMetrics().lineSpacing()
        return QSize(max(520, width * 72), max(300, height * 18))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Nothing is to be upscaled."""
        event.accept()
        if not self._is_over:
            self._is_over = True
            self.ended.tell()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Take files and folders."""
        if dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Upscale what was dropped."""
        paths = dropped(event)
        if paths:
            event.acceptProposedAction()
            self.chosen.tell(paths)

    def _lay_out(self) -> None:
        self._head = QHBoxLayout()
        self._head.addWidget(label(translate("Start", "What is to be upscaled?"), "heading"), 1)
        frame, inner = card()
        what = label(translate("Start", "Drop a picture here, or several, or a folder."), "figure")
        then = label(
            translate(
                "Start",
                "One picture opens with its cost, a preview and a comparison; more than one, or "
                "a folder, opens as a list. Nothing is changed or overwritten.",
            ),
            "quiet",
        )
        for text in (what, then):
            text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inner.setContentsMargins(24, 12, 24, 12)
        inner.setSpacing(10)
        inner.addStretch(1)
        inner.addWidget(what)
        inner.addWidget(then)
        inner.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.files, 1)
        row.addWidget(self.folder, 1)
        set_kind(self.files, "main")
        self.files.setDefault(True)
        on_keys(self.files, "Ctrl+O")
        whole = vbox(self, margin=12, spacing=10)
        whole.addLayout(self._head)
        whole.addWidget(frame, 1)
        whole.addLayout(row)
