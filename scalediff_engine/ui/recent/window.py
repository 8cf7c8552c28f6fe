"""The window of recent results: a list on one side, the chosen one on the other."""

from __future__ import annotations

from pathlib import Path, PurePath

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.client.messages import JobInfo, JobState, UpscaleSettings
from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Colours, Look, set_kind
from scalediff_engine.ui.picture import Raster
from scalediff_engine.ui.recent.model import RecentModel
from scalediff_engine.ui.view.picture_view import PictureView
from scalediff_engine.ui.view.view_bar import ViewBar
from scalediff_engine.ui.widgets import ask, hbox, label, on_keys, plain_tip, show_text, vbox
from scalediff_engine.ui.window_base import DialogWindow, open_at_its_size

_EDITORS = {"krita": "Krita", "gimp": "GIMP"}


class RecentWindow(DialogWindow):
    """Shows a model."""

    def __init__(self, model: RecentModel, look: Look) -> None:
        super().__init__(look, translate("Recent", "Recent results – ScaleDiff"))
        self._model = model
        self._is_over = False
        self.list = RecentList(model, look.colours)
        self.view = PictureView(look.colours)
        self.bar = ViewBar(self.view)
        self._empty = label(kind="quiet")
        self._title = label(kind="heading")
        self._facts = label(kind="quiet")
        self._trouble = label(kind="warning")
        self._trouble.setAccessibleName(translate("Window", "Trouble"))
        self._note = label(kind="good")
        self._hint = label(kind="quiet")
        self.insert = QPushButton(translate("Recent", "&Insert as a layer"))
        self.save = QPushButton(translate("Recent", "&Save as…"))
        self.compare = QPushButton(translate("Recent", "&Compare with the source"))
        self.remove = QPushButton(translate("Recent", "&Delete"))
        self.leave = QPushButton(translate("Recent", "Close"))
        self._lay_out()
        self._connect()
        model.changed.add(self.refresh)
        model.ended.add(self._on_ended)
        self.refresh()
        open_at_its_size(self)
        self.list.setFocus()

    def refresh(self) -> None:
        """Show where things stand."""
        model, job = self._model, self._model.job
        is_empty = model.jobs is not None and not model.jobs
        self._empty.setText(
            translate("Recent", "There are no results of the last 24 hours.")
            if is_empty
            else translate("Recent", "Looking for results…")
        )
        self._empty.setVisible(not model.jobs)
        self.list.setVisible(bool(model.jobs))
        self._title.setText("" if job is None else job_title(job))
        self._facts.setText("" if job is None else job_facts(job))
        self._show_picture()
        self.insert.setVisible(model.has_editor)
        self.insert.setEnabled(model.has_result)
        self.save.setEnabled(model.has_result and not model.is_saving)
        is_compared = model.comparison is not None
        self.compare.setEnabled(model.has_result and not model.is_fetching and not is_compared)
        self.remove.setEnabled(job is not None)
        self.remove.setText(
            translate("Recent", "&Delete")
            if job is None or job.state.is_final
            else translate("Recent", "&Stop")
        )
        show_text(self._trouble, "" if model.problem is None else model.problem.message)
        note = translate("Recent", "Coming…") if model.is_fetching else model.note
        show_text(self._note, translate("Decide", "Saving…") if model.is_saving else note)
        self._show_hint()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give what it would like."""
        width, height = self.fontMetrics().averageCharWidth(), self.fontMetrics().lineSpacing()
        return QSize(max(1060, width * 140), max(680, height * 36))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Tell the editor first, if one waits."""
        self._model.discard()  # it may be over with that, at once or when the editor knows
        event.setAccepted(self._is_over)

    def _lay_out(self) -> None:
        side = QWidget()
        left = vbox(side)
        left.addWidget(self.list, 1)
        left.addWidget(self._empty)
        left.addStretch(0)
        side.setFixedWidth(self.fontMetrics().averageCharWidth() * 52)
        right = QVBoxLayout()
        right.setSpacing(6)
        right.addWidget(self._title)
        right.addWidget(self._facts)
        right.addWidget(self.view, 1)
        right.addWidget(self.bar)
        right.addWidget(self._trouble)
        right.addWidget(self._note)
        right.addWidget(self._hint)
        buttons = QHBoxLayout()
        buttons.addWidget(self.remove)
        buttons.addWidget(self.compare)
        buttons.addStretch(1)
        buttons.addWidget(self.leave)
        buttons.addWidget(self.save)
        buttons.addWidget(self.insert)
        right.addLayout(buttons)
        whole = hbox(self, margin=12, spacing=14)
        whole.addWidget(side)
        whole.addLayout(right, 1)
        main = self.insert if self._model.has_editor else self.save
        set_kind(main, "main")
        main.setDefault(True)

    def _connect(self) -> None:
        model = self._model
        self.bar.drift_wanted.add(self._show_picture)
        self.insert.clicked.connect(model.insert)
        self.save.clicked.connect(self._ask_where)
        self.compare.clicked.connect(model.compare)
        self.remove.clicked.connect(self._ask_removal)
        self.leave.clicked.connect(self.close)
        on_keys(self.save, "Ctrl+S")
        on_keys(self.insert, "Ctrl+Return", "Ctrl+Enter")
        on_keys(self.remove, "Delete")
        self.list.itemActivated.connect(
            lambda _: model.insert() if model.has_editor else model.compare()
        )

    def _show_picture(self) -> None:
        model, job = self._model, self._model.job
        comparison = model.comparison
        has_picture = comparison is not None or (job is not None and job.id in model.previews)
        self.bar.setVisible(has_picture)
        self.bar.set_comparing(comparison is not None and comparison.source is not None)
        if comparison is not None:
            source = comparison.source
            self.view.show_source((source or comparison.result).raster)
            self.view.show_result(comparison.result.raster if source is not None else None)
            if self.bar.wants_drift:
                model.measure_drift()
            is_seen = self.bar.wants_drift and model.drift is not None
            self.view.show_heat(model.drift.heat if is_seen and model.drift else None)
            return
        self.view.show_source(None if job is None else model.previews.get(job.id))

    def _show_hint(self) -> None:
        model = self._model
        if model.has_editor:
            editor = _EDITORS.get(model.host, model.host.title())
            text = translate(
                "Recent", "The result becomes a new layer of the document that is open in {editor}."
            ).format(editor=editor or translate("Recent", "the editor"))
        else:
            text = translate(
                "Recent",
                "To get a result into an editor, open these there: in Krita by Tools > Scripts > "
                "Insert recent result, in GIMP by Filters > ScaleDiff > Insert Recent Result.",
            )
        self._hint.setText(text)

    def _ask_where(self) -> None:
        dialog = QFileDialog(self, translate("Recent", "Save the result"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(
            translate("Recent", "Pictures ({endings})").format(
                endings="*.png *.tif *.tiff *.webp *.jpg *.jpeg"
            )
        )
        dialog.setDefaultSuffix("png")
        dialog.selectFile(self._model.suggested_name())
        dialog.fileSelected.connect(lambda name: self._model.save(Path(name)))
        dialog.open()

    def _ask_removal(self) -> None:
        """Ask before a result goes for good."""
        job = self._model.job
        if job is None:
            return
        text, yes = (
            (
                translate("Recent", "Delete the result of {name}? It cannot be brought back."),
                translate("Recent", "Delete the result"),
            )
            if job.state.is_final
            else (
                translate("Recent", "Stop the upscale of {name}? What is done of it is lost."),
                translate("Recent", "Stop it"),
            )
        )
        ask(
            self,
            text.format(name=job_title(job)),
            [
                (yes, QMessageBox.ButtonRole.DestructiveRole, lambda: self._remove(job.id)),
                (translate("Recent", "Keep it"), QMessageBox.ButtonRole.RejectRole, None),
            ],
            default=1,
        )

    def _remove(self, job_id: str) -> None:
        if self._model.chosen == job_id:
            self._model.remove()

    def _on_ended(self) -> None:
        self._is_over = True
        self.close()


def job_title(job: JobInfo) -> str:
    """What people know it by."""
    return job.title or translate("Recent", "Untitled picture")


def job_facts(job: JobInfo) -> str:
    """How large, and made with what."""
    return translate("Recent", "{size} · {model}").format(
        size=words.size_px(job.width, job.height), model=_made_with(job.settings)
    )


def _made_with(settings: UpscaleSettings) -> str:
    """The method without a model, or a model's name in short: ours, or that of its file."""
    name = settings.model
    if settings.method == "fast":
        return translate("Settings", "Fast")
    if name == "embedded":
        return "ScaleDiff"
    return PurePath(name).stem if name.endswith(".safetensors") else name


def job_age(job: JobInfo, ago_seconds: float, kept_seconds: float) -> str:
    """When it was made and how long it stays; or how far it is."""
    if job.state is not JobState.DONE:
        if job.progress is None:
            return words.state(job.state)
        percent = round(100 * job.progress.fraction)
        return translate("Recent", "{state}, {percent} %").format(
            state=words.state(job.state), percent=percent
        )
    return translate("Recent", "{ago}, kept for {left} more").format(
        ago=time_ago(ago_seconds), left=_rough(kept_seconds)
    )


def time_ago(seconds: float) -> str:
    """How long ago."""
    if seconds < 60:
        return translate("Recent", "Just now")
    return translate("Recent", "{duration} ago").format(duration=_rough(seconds))


def _rough(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    if minutes == 1:
        return translate("Recent", "1 minute")
    if minutes < 90:
        return translate("Recent", "{count} minutes").format(count=minutes)
    return translate("Recent", "{count} hours").format(count=round(minutes / 60))


_ID = Qt.ItemDataRole.UserRole


class RecentList(QListWidget):
    """Shows a model's jobs and chooses one."""

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
            job_title(job),
            job_facts(job),
            job_age(job, model.ago_seconds(job), model.kept_seconds(job)),
        )
        if item.text() != "\n".join(lines):
            item.setText("\n".join(lines))
            item.setToolTip(plain_tip(job_title(job)))
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
