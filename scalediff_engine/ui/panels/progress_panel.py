"""How far an upscale is."""

from __future__ import annotations

from PySide6.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from scalediff_engine.client.messages import JobState, Problem
from scalediff_engine.ui import words
from scalediff_engine.ui.dialog import DialogModel, Phase
from scalediff_engine.ui.job_follower import ProgressModel
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.smoothed_eta import Rounded
from scalediff_engine.ui.widgets import card, label, on_keys

_WHOLE = 1000
_PAUSABLE = (JobState.QUEUED, JobState.RUNNING)
_RESUMABLE = (JobState.PAUSED, JobState.PAUSING)


class ProgressPanel(QWidget):
    """Shows the job of a dialog, and lets it be stopped.

    Args:
        dialog: its model

    Attributes:
        cancelled: told when the job is not wanted any more
        sent_away: told when it is to go on without the window
    """

    def __init__(self, dialog: DialogModel) -> None:
        super().__init__()
        self.cancelled, self.sent_away = Observers(), Observers()
        self._dialog = dialog
        self._followed: ProgressModel | None = None
        self._rounded = Rounded()
        self._phase = label(kind="heading")
        self._step = label(kind="quiet")
        self._bar = QProgressBar()
        self._bar.setRange(0, _WHOLE)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(translate("Progress", "Progress"))
        self._left = label(kind="figure")
        self._trouble = label(kind="warning")
        self._pause = QPushButton(translate("Progress", "&Pause"))
        self._retry = QPushButton(translate("Progress", "&Try again"))
        self._away = QPushButton(translate("Progress", "Keep working in the &background"))
        self._away.setToolTip(
            translate("Progress", "Close the window; a message tells when the result is there")
        )
        self._cancel = QPushButton(translate("Progress", "Cancel"))
        on_keys(self._cancel, "Esc")
        frame, inner = card()
        for widget in (self._phase, self._bar, self._left, self._step, self._trouble):
            inner.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(frame)
        for button in (self._retry, self._pause, self._away):
            column.addWidget(button)
        column.addStretch(1)
        column.addWidget(self._cancel)
        self._pause.clicked.connect(self._on_pause)
        self._retry.clicked.connect(self._on_retry)
        self._away.clicked.connect(self.sent_away.tell)
        self._cancel.clicked.connect(self.cancelled.tell)
        dialog.changed.add(self.refresh)

    def refresh(self) -> None:
        """Show where it stands."""
        progress = self._dialog.progress
        if progress is not self._followed:
            self._followed, self._rounded = progress, Rounded()
            if progress is not None:
                progress.changed.add(self.refresh)
        if self._dialog.phase not in (Phase.STARTING, Phase.RUNNING, Phase.FETCHING):
            return
        if progress is None:
            self._show_waiting(translate("Progress", "Handing the picture over"))
        elif self._dialog.phase is Phase.FETCHING:
            self._show_fetching(self._dialog.problem)
        else:
            self._show(progress)

    def _show_waiting(self, text: str) -> None:
        self._phase.setText(text)
        self._bar.setRange(0, 0)
        for widget in (self._left, self._step, self._trouble):
            widget.setText("")
        for button in (self._pause, self._retry, self._away):
            button.setVisible(False)

    def _show_fetching(self, problem: Problem | None) -> None:
        self._show_waiting(
            translate("Progress", "Fetching the result")
            if problem is None
            else translate("Progress", "The result did not come")
        )
        self._bar.setRange(0, _WHOLE)
        self._bar.setValue(_WHOLE)
        self._trouble.setText("" if problem is None else problem.message)
        self._trouble.setVisible(problem is not None)
        self._retry.setVisible(problem is not None)

    def _show(self, progress: ProgressModel) -> None:
        state, found = progress.state, progress.progress
        is_running = state is JobState.RUNNING and found is not None
        self._phase.setText(
            words.phase(found.phase) if is_running and found else words.state(state)
        )
        self._bar.setRange(0, 0 if state is JobState.QUEUED and found is None else _WHOLE)
        self._bar.setValue(round(_WHOLE * progress.fraction))
        self._step.setText(
            ""
            if found is None
            else translate("Progress", "Stage {stage} of {stages}, step {step} of {steps}").format(
                stage=found.stage, stages=found.stages, step=found.step, steps=found.steps
            )
        )
        self._left.setText(self._time_left(progress))
        self._trouble.setText(self._trouble_of(progress))
        self._trouble.setVisible(bool(self._trouble.text()))
        self._pause.setVisible(state in _PAUSABLE + _RESUMABLE)
        self._pause.setText(
            translate("Progress", "&Resume")
            if state in _RESUMABLE
            else translate("Progress", "&Pause")
        )
        self._retry.setVisible(state is JobState.FAILED)
        self._away.setVisible(not state.is_final)

    def _time_left(self, progress: ProgressModel) -> str:
        if progress.state is JobState.PAUSED or progress.state.is_final:
            return ""
        seconds = progress.seconds_left
        return words.time_left(None if seconds is None else self._rounded(seconds))

    def _trouble_of(self, progress: ProgressModel) -> str:
        if progress.problem is not None:
            return progress.problem.message
        if progress.is_lost:
            return translate(
                "Progress",
                "The engine does not answer at the moment. The work is kept and goes on as soon "
                "as it is back.",
            )
        return ""

    def _on_retry(self) -> None:
        if self._dialog.phase is Phase.FETCHING:
            self._dialog.fetch_again()
        elif self._followed is not None:
            self._followed.retry()

    def _on_pause(self) -> None:
        progress = self._followed
        if progress is None:
            return
        if progress.state in _RESUMABLE:
            progress.resume()
        else:
            progress.pause()
