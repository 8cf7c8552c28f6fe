"""The list of results, each with its picture."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from scalediff_engine.client.messages import JobInfo
from scalediff_engine.ui.colours import Colours
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.raster import Raster
from scalediff_engine.ui.recent import words
from scalediff_engine.ui.recent.model import RecentModel
from scalediff_engine.ui.widgets import plain_tip

_ID = Qt.ItemDataRole.UserRole


class RecentList(QListWidget):
    """Shows a model's jobs and chooses one.

    Args:
        model: of the window
        colours: of the look
    """

    def __init__(self, model: RecentModel, colours: Colours) -> None:
        super().__init__()
        self._model = model
        self._colours = colours
        self._side = self.fontMetrics().height() * 4
        self._icons: dict[str, tuple[Raster | None, QIcon]] = {}
        self._is_filling = False
        self.setAccessibleName(translate("Recent", "Recent results"))
        self.setIconSize(QSize(self._side, self._side))
        self.setSpacing(2)
        self.setWordWrap(True)
        self.setUniformItemSizes(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.currentItemChanged.connect(self._on_current)
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what there is, line by line, so that nothing jumps."""
        jobs = self._model.jobs or ()
        self._is_filling = True
        for row, job in enumerate(jobs):
            if row >= self.count():
                self.addItem(QListWidgetItem())
            item = self.item(row)
            self._fill(item, job)
            if job.id == self._model.chosen:
                self.setCurrentItem(item)
        while self.count() > len(jobs):
            self.takeItem(self.count() - 1)
        self._is_filling = False

    def _fill(self, item: QListWidgetItem, job: JobInfo) -> None:
        model = self._model
        lines = (
            words.title(job),
            words.facts(job),
            words.when(job, model.ago_seconds(job), model.kept_seconds(job)),
        )
        if item.text() != "\n".join(lines):
            item.setText("\n".join(lines))
            item.setToolTip(plain_tip(words.title(job)))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, ", ".join(lines))
        if item.data(_ID) != job.id or self._icons.get(job.id, (None,))[0] is not (
            model.previews.get(job.id)
        ):
            item.setData(_ID, job.id)
            item.setIcon(self._icon(job.id))
        elif job.id not in self._icons:
            item.setIcon(self._icon(job.id))

    def _icon(self, job_id: str) -> QIcon:
        preview = self._model.previews.get(job_id)
        known = self._icons.get(job_id)
        if known is not None and known[0] is preview:
            return known[1]
        ratio = self.devicePixelRatioF()
        side = round(self._side * ratio)
        pixmap = QPixmap(side, side)
        pixmap.fill(QColor(self._colours.canvas))
        if preview is not None:
            image = preview.images[0].scaled(
                side,
                side,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            painter = QPainter(pixmap)
            painter.drawImage((side - image.width()) // 2, (side - image.height()) // 2, image)
            painter.end()
        pixmap.setDevicePixelRatio(ratio)
        icon = QIcon(pixmap)
        # as it is, chosen or not
        icon.addPixmap(pixmap, QIcon.Mode.Selected)
        self._icons[job_id] = (preview, icon)
        return icon

    def _on_current(self, item: QListWidgetItem | None) -> None:
        if item is not None and not self._is_filling:
            self._model.choose(str(item.data(_ID)))
