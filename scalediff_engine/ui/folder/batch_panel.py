"""How far a batch is, and how it is stopped."""

from __future__ import annotations

from PySide6.QtWidgets import QProgressBar, QPushButton, QWidget

from scalediff_engine.client.batches import BatchState, FileState
from scalediff_engine.ui import words
from scalediff_engine.ui.folder.batch_model import BatchModel
from scalediff_engine.ui.folder.model import FolderModel, Phase
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.smoothed_eta import Rounded
from scalediff_engine.ui.widgets import card, label, on_keys, vbox

_WHOLE = 1000


class BatchPanel(QWidget):
    """Shows the batch of a model; ``refresh`` is for the window to call, now and then.

    Attributes:
        sent_away: told when it is to go on without the window
    """

    def __init__(self, model: FolderModel) -> None:
        super().__init__()
        self.sent_away = Observers()
        self._model = model
        self._batch: BatchModel | None = None
        self._rounded = Rounded()
        self._state = label(kind="heading")
        self._bar = QProgressBar()
        self._bar.setRange(0, _WHOLE)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(translate("Progress", "Progress"))
        self._left = label(kind="figure")
        self._counts = label()
        self._current = label(kind="quiet")
        self._trouble = label(kind="warning")
        self._stays = label(kind="quiet")
        self.pause = QPushButton(translate("Progress", "&Pause"))
        self.retry = QPushButton()
        self.away = QPushButton(translate("Progress", "Keep working in the &background"))
        self.stop = QPushButton(translate("Batch", "&Stop"))
        self.stop.setToolTip(translate("Batch", "Results that are done stay"))
        self.again = QPushButton()
        self._lay_out()
        self.pause.clicked.connect(self._on_pause)
        self.retry.clicked.connect(lambda: self._batch and self._batch.retry())
        self.away.clicked.connect(self.sent_away.tell)
        self.stop.clicked.connect(self._on_stop)
        self.again.clicked.connect(model.choose_again)

    @property
    def time_left(self) -> str:
        """How long it is said to take still."""
        return self._left.text()

    @property
    def trouble(self) -> str:
        """What is said to be wrong."""
        return self._trouble.text()

    def refresh(self) -> None:
        """Show where it stands."""
        model = self._model
        if model.batch is not self._batch:
            self._batch, self._rounded = model.batch, Rounded()
        if model.phase is Phase.HANDING_OVER:
            self._show_handing_over()
        elif self._batch is not None:
            self._show(self._batch)

    def _lay_out(self) -> None:
        frame, inner = card()
        for widget in (
            self._state,
            self._bar,
            self._left,
            self._counts,
            self._current,
            self._trouble,
        ):
            inner.addWidget(widget)
        column = vbox(self, spacing=8)
        column.addWidget(frame)
        for button in (self.retry, self.pause, self.away):
            column.addWidget(button)
        column.addWidget(self._stays)
        column.addStretch(1)
        column.addWidget(self.again)
        column.addWidget(self.stop)
        on_keys(self.pause, "Ctrl+P")
        self.pause.setToolTip(translate("Batch", "After this step (Ctrl+P)"))

    def _show_handing_over(self) -> None:
        self._state.setText(translate("Batch", "Handing the list over"))
        self._bar.setRange(0, 0)
        self._counts.setText(
            translate("Batch", "{finished} of {total} files").format(
                finished=self._model.handed_over, total=self._model.input.startable
            )
        )
        for hidden in (self.retry, self.pause, self.away, self.again, self._stays):
            hidden.setVisible(False)
        for empty in (self._left, self._current, self._trouble):
            empty.setText("")
            empty.setVisible(False)
        self.stop.setVisible(True)

    def _show(self, batch: BatchModel) -> None:
        state = batch.state
        self._state.setText(_state_name(state))
        self._bar.setRange(0, _WHOLE)
        is_done = state is BatchState.DONE
        self._bar.setValue(_WHOLE if is_done else round(_WHOLE * batch.info.fraction))
        self._left.setText(self._time_left(batch))
        self._counts.setText(self._counts_of(batch))
        self._current.setText(self._current_of(batch))
        self._trouble.setText(self._trouble_of(batch))
        for line in (self._left, self._current, self._trouble):
            line.setVisible(bool(line.text()))
        again = batch.count(FileState.FAILED) + batch.count(FileState.CANCELLED)
        self.retry.setVisible(batch.is_over and again > 0)
        self.retry.setText(translate("Batch", "&Try again ({count})").format(count=again))
        is_paused = state in (BatchState.PAUSED, BatchState.OPEN)
        self.pause.setVisible(not batch.is_over)
        self.pause.setText(
            translate("Progress", "&Resume") if is_paused else translate("Progress", "&Pause")
        )
        set_kind(self.pause, "main" if is_paused else "plain")
        self.away.setVisible(state is BatchState.RUNNING)
        self._stays.setText(_what_stays(is_paused=is_paused))
        self._stays.setVisible(not batch.is_over)
        self.stop.setVisible(not batch.is_over)
        self.again.setVisible(True)
        self.again.setText(
            translate("Batch", "&New batch")
            if batch.is_over
            else translate("Batch", "&Other pictures")
        )

    def _time_left(self, batch: BatchModel) -> str:
        if batch.state is not BatchState.RUNNING:
            return ""
        seconds = batch.seconds_left
        return words.time_left(None if seconds is None else self._rounded(seconds))

    def _counts_of(self, batch: BatchModel) -> str:
        lines = [
            translate("Batch", "{finished} of {total} files").format(
                finished=batch.finished, total=batch.total
            )
        ]
        for state, text in (
            (FileState.DONE, translate("Batch", "{count} done")),
            (FileState.SKIPPED, translate("Batch", "{count} skipped")),
            (FileState.FAILED, translate("Batch", "{count} failed")),
            (FileState.CANCELLED, translate("Batch", "{count} cancelled")),
        ):
            if batch.count(state):
                # a number stays with its word
                lines.append(text.format(count=batch.count(state)).replace(" ", "\u00a0"))
        text = " · ".join(lines)
        if self._model.left_out:
            text += "\n" + translate("Batch", "Left out from the start: {count}").format(
                count=self._model.left_out
            )
        return text

    def _current_of(self, batch: BatchModel) -> str:
        index = batch.info.current
        if index is None or index >= len(batch.rows.entries) or batch.is_over:
            return ""
        name, progress = batch.rows.entries[index].name, batch.info.progress
        if progress is None:
            return name
        return translate("Batch", "{name}: {phase}, stage {stage} of {stages}").format(
            name=name,
            phase=words.phase(progress.phase),
            stage=progress.stage,
            stages=progress.stages,
        )

    def _trouble_of(self, batch: BatchModel) -> str:
        problem = batch.problem or batch.pause_problem
        if problem is not None:
            return problem.message
        if batch.is_lost:
            return translate(
                "Progress",
                "The engine does not answer at the moment. The work is kept and goes on as soon "
                "as it is back.",
            )
        return ""

    def _on_pause(self) -> None:
        batch = self._batch
        if batch is None:
            return
        if batch.state is BatchState.RUNNING:
            batch.pause()
        else:
            batch.resume()

    def _on_stop(self) -> None:
        if self._model.phase is Phase.HANDING_OVER:
            self._model.give_up()
        elif self._batch is not None:
            self._batch.cancel()


def _what_stays(*, is_paused: bool) -> str:
    if is_paused:
        return translate(
            "Batch",
            "The list is kept, also when this window is closed and after a restart. It goes on "
            "from where it stands when you resume it.",
        )
    return translate(
        "Batch",
        "The engine does the work. It goes on when this window is closed, and after a restart; "
        "open the dialog again to see how far it is.",
    )


def _state_name(state: BatchState) -> str:
    """Give where a batch stands."""
    return {
        BatchState.OPEN: translate("Batch", "Being handed over"),
        BatchState.RUNNING: translate("Batch", "Running"),
        BatchState.PAUSED: translate("Batch", "Paused"),
        BatchState.CANCELLED: translate("Batch", "Cancelled"),
        BatchState.DONE: translate("Batch", "Finished"),
    }[state]
