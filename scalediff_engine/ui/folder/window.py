"""The window: the table on one side, what is to be done with the pictures on the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QMessageBox, QStackedWidget, QVBoxLayout, QWidget

from scalediff_engine.client.batches import BatchState, FileState
from scalediff_engine.ui.event_loop import TrayNotifier
from scalediff_engine.ui.folder.batch_model import BatchModel
from scalediff_engine.ui.folder.batch_panel import BatchPanel
from scalediff_engine.ui.folder.file_bar import DetailBar, FileBar, UnfinishedBanner
from scalediff_engine.ui.folder.model import FolderModel, Phase
from scalediff_engine.ui.folder.settings_panel import FolderSettings
from scalediff_engine.ui.folder.table import THUMBNAIL_SIDE, FileTable, FileView
from scalediff_engine.ui.folder.thumbnails import Thumbnails
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Look
from scalediff_engine.ui.path_choice import dropped
from scalediff_engine.ui.widgets import ask, hbox, label, show_text, vbox
from scalediff_engine.ui.window_base import DialogWindow, MenuButton, Way
from scalediff_engine.ui.workers import Workers

# Many things change within a moment; they are shown together.
_REFRESH_MS = 40


def open_in_its_program(path: Path) -> bool:
    """Open a file or a folder as the desktop does."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


class FolderWindow(DialogWindow):
    """Shows a folder dialog's model."""

    def __init__(
        self,
        dialog: FolderModel,
        look: Look,
        notifier: TrayNotifier,
        workers: Workers,
        open_path: Callable[[Path], object] = open_in_its_program,
    ) -> None:
        super().__init__(look, "ScaleDiff")
        self._dialog = dialog
        self._notifier = notifier
        self._followed: BatchModel | None = None
        self.is_away = False
        self._is_over = False
        self.setAcceptDrops(True)
        ratio = self.devicePixelRatioF()
        self.thumbnails = Thumbnails(workers, round(THUMBNAIL_SIDE * ratio), ratio)
        self.table = FileTable(dialog, look.colours, self.thumbnails.get, self.thumbnails.size)
        self.view = FileView(dialog, self.table, open_path, look.colours)
        self.bar = FileBar(dialog)
        self.details = DetailBar(dialog, self.table, self.view)
        self.banner = UnfinishedBanner(dialog)
        self.settings = FolderSettings(dialog, look.colours)
        self.batch_panel = BatchPanel(dialog)
        self._title = label(kind="heading")
        self._trouble = label(kind="warning")
        self._trouble.setAccessibleName(translate("Window", "Trouble"))
        self._panels = QStackedWidget()
        self._panels.addWidget(self.settings)
        self._panels.addWidget(self.batch_panel)
        self._lay_out()
        self._refreshing = QTimer(self)
        self._refreshing.setSingleShot(True)
        self._refreshing.setInterval(_REFRESH_MS)
        self._refreshing.timeout.connect(self.refresh)
        self._painting = QTimer(self)
        self._painting.setSingleShot(True)
        self._painting.setInterval(_REFRESH_MS)
        self._painting.timeout.connect(self.view.viewport().update)
        dialog.changed.add(self._refresh_soon)
        dialog.rows_changed.add(self._refresh_soon)
        dialog.ended.add(self._on_ended)
        self.thumbnails.arrived.add(lambda _: self._painting.start())
        self.batch_panel.sent_away.add(self.work_in_background)
        self.refresh()
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def offer(self, ways: Sequence[Way]) -> None:
        """Offer other windows, beside the title."""
        self._head.addWidget(MenuButton(ways), 0, Qt.AlignmentFlag.AlignTop)

    def refresh(self) -> None:
        """Show where the dialog stands."""
        dialog = self._dialog
        self._show_title()
        is_choosing = dialog.phase is Phase.CHOOSING
        panel: QWidget = self.settings if is_choosing else self.batch_panel
        if self._panels.currentWidget() is not panel:
            self._panels.setCurrentWidget(panel)
            self.view.setFocus(Qt.FocusReason.OtherFocusReason)
        if is_choosing:
            self.settings.refresh()
        else:
            self.batch_panel.refresh()
        self.bar.refresh()
        self.details.refresh()
        self.banner.refresh()
        self.view.hint = self._hint()
        problem = dialog.problem
        show_text(self._trouble, "" if problem is None else problem.message)
        if dialog.batch is not self._followed:
            self._followed = dialog.batch
            if dialog.batch is not None:
                dialog.batch.ended.add(self._on_batch_ended)

    def work_in_background(self) -> None:
        """Go out of sight until the batch is finished."""
        if self.is_away:
            return
        self.is_away = True
        self.hide()
        if not self._notifier.begin(self.come_back):
            self.showMinimized()

    def come_back(self) -> None:
        """Be seen again."""
        if self.is_away:
            self.is_away = False
            self._notifier.end()
            self.showNormal()
            self.raise_()
            self.activateWindow()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give what it would like."""
        width, height = self.fontMetrics().averageCharWidth(), self.fontMetrics().lineSpacing()
        return QSize(max(1240, width * 164), max(780, height * 46))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Say what becomes of a batch that runs; otherwise end."""
        if self._is_over:
            event.accept()
            return
        event.ignore()
        batch = self._dialog.batch
        if batch is not None and batch.state is BatchState.RUNNING:
            self._ask()
        else:
            self._dialog.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Go one step back with Esc."""
        if event.key() == Qt.Key.Key_Escape and self._dialog.phase is Phase.HANDING_OVER:
            self._dialog.give_up()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Take the focus away from what is typed."""
        self.view.setFocus(Qt.FocusReason.MouseFocusReason)
        super().mousePressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Take files and folders, while they can be taken."""
        if self._dialog.phase is Phase.CHOOSING and dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Look for pictures in what was dropped."""
        paths = dropped(event)
        if paths:
            event.acceptProposedAction()
            self._dialog.add(paths)

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(8)
        for widget in (self.banner, self.bar, self.view, self.details):
            left.addWidget(widget, 1 if widget is self.view else 0)
        side = QWidget()
        right = vbox(side, spacing=8)
        self._head = QHBoxLayout()
        self._head.addWidget(self._title, 1)
        right.addLayout(self._head)
        right.addWidget(self._trouble)
        right.addWidget(self._panels, 1)
        usual = self.fontMetrics().averageCharWidth() * 56
        side.setFixedWidth(max(usual, self._panels.minimumSizeHint().width()))
        whole = hbox(self, margin=12, spacing=14)
        whole.addLayout(left, 1)
        whole.addWidget(side)

    def _refresh_soon(self) -> None:
        if not self._refreshing.isActive():
            self._refreshing.start()

    def _show_title(self) -> None:
        dialog = self._dialog
        title = dialog.input.title if dialog.batch is None else dialog.batch.info.title
        name = title or translate("Folder", "Pictures")
        self.setWindowTitle(translate("Window", "{name} – ScaleDiff").format(name=name))
        more = len(dialog.input.inputs) - 1
        if dialog.batch is None and more > 0:
            name = translate("Folder", "{name} and {count} more").format(name=name, count=more)
        self._title.setText(name)

    def _hint(self) -> str:
        dialog = self._dialog
        if dialog.phase is not Phase.CHOOSING:
            return ""
        if dialog.input.is_scanning:
            return translate("Folder", "Searching…")
        if dialog.rows.entries:
            return translate("Folder", "No picture of this kind")
        return translate(
            "Folder", "No pictures here. Drop pictures or folders onto this window, or add them."
        )

    def _on_batch_ended(self) -> None:
        """Say it, to whoever works elsewhere."""
        batch = self._dialog.batch
        if batch is None or self._is_over or (self.isActiveWindow() and not self.is_away):
            return
        if not self.is_away:
            self._notifier.begin(self._to_the_front)
        failed = batch.count(FileState.FAILED)
        text = translate("Folder", "{done} of {total} files are done.").format(
            done=batch.count(FileState.DONE), total=batch.total
        )
        if failed:
            text += " " + translate("Folder", "Failed: {count}.").format(count=failed)
        title = translate("Folder", "“{title}” is finished").format(title=batch.info.title)
        self._notifier.say(title, text)
        self.come_back()

    def _to_the_front(self) -> None:
        self._notifier.end()
        self.raise_()
        self.activateWindow()

    def _ask(self) -> None:
        """Ask, without stopping anything meanwhile."""
        batch = self._dialog.batch
        if batch is None:
            return
        left = batch.total - batch.finished
        role = QMessageBox.ButtonRole
        ask(
            self,
            translate(
                "Folder", "The engine goes on without this window: {count} files are left."
            ).format(count=left),
            [
                (
                    translate("Folder", "Close, and tell me at the end"),
                    role.AcceptRole,
                    self.work_in_background,
                ),
                (translate("Folder", "Close"), role.DestructiveRole, self._dialog.end),
                (
                    translate("Folder", "Pause and close"),
                    role.DestructiveRole,
                    self._dialog.pause_and_end,
                ),
                (translate("Window", "Back"), role.RejectRole, None),
            ],
            default=0,
            details=translate(
                "Folder", "Open the dialog again to see how far it is, to pause it or to stop it."
            ),
        )

    def _on_ended(self) -> None:
        self._is_over = True
        self.thumbnails.close()
        self._notifier.end()
        self.close()
