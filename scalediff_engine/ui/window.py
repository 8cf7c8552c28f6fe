"""The window: the picture on one side, what is to be done with it on the other."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QMessageBox, QStackedWidget, QVBoxLayout, QWidget

from scalediff_engine.ui import icons, words
from scalediff_engine.ui.dialog import DialogModel, Phase
from scalediff_engine.ui.event_loop import TrayNotifier
from scalediff_engine.ui.fast_preview import FastPreviewLayer
from scalediff_engine.ui.job_follower import ProgressModel
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Look
from scalediff_engine.ui.loupe.tool import LoupeBar, LoupeTool
from scalediff_engine.ui.panels.decide_panel import DecidePanel
from scalediff_engine.ui.panels.progress_panel import ProgressPanel
from scalediff_engine.ui.panels.settings_panel import SettingsPanel
from scalediff_engine.ui.view.picture_view import PictureView
from scalediff_engine.ui.view.view_bar import ViewBar
from scalediff_engine.ui.widgets import label, message_box
from scalediff_engine.ui.window_base import FocusRing, MenuButton, Way

_RUNNING = (Phase.STARTING, Phase.RUNNING, Phase.FETCHING)
_COMPARING = (Phase.COMPARING, Phase.HANDING_OVER)


class UpscaleWindow(QWidget):
    """Shows a dialog's model.

    Args:
        dialog: its model
        look: dark or light
        notifier: says that the result is there when the window is not
    """

    def __init__(self, dialog: DialogModel, look: Look, notifier: TrayNotifier) -> None:
        super().__init__()
        self._dialog = dialog
        self._look = look
        self._notifier = notifier
        self._settings: SettingsPanel | None = None
        self._loupe_bar: LoupeBar | None = None
        self._loupe_tool: LoupeTool | None = None
        self._guess: FastPreviewLayer | None = None
        self._followed: ProgressModel | None = None
        self._question: QMessageBox | None = None
        self._was_away = False
        self._is_over = False
        self.setWindowTitle("ScaleDiff")
        self.setWindowIcon(icons.sparkle(look.colours.focus))
        self.view = PictureView(look.colours)
        self.bar = ViewBar(self.view)
        self._title = label(kind="heading")
        self._subtitle = label(kind="quiet")
        self._trouble = label(kind="warning")
        self._trouble.setAccessibleName(translate("Window", "Trouble"))
        self.progress_panel = ProgressPanel(dialog)
        self.decide_panel = DecidePanel(dialog)
        self._panels = QStackedWidget()
        self._panels.addWidget(QWidget())
        self._panels.addWidget(self.progress_panel)
        self._panels.addWidget(self.decide_panel)
        self._lay_out()
        self._ring = FocusRing(self, look.colours.focus)
        self.progress_panel.cancelled.add(dialog.cancel)
        self.progress_panel.sent_away.add(dialog.work_in_background)
        self.bar.drift_wanted.add(self._refresh_drift)
        dialog.changed.add(self.refresh)
        dialog.ended.add(self._on_ended)
        self.refresh()

    @property
    def settings_panel(self) -> SettingsPanel | None:
        """What is chosen; none while the picture comes."""
        return self._settings

    @property
    def trouble(self) -> str:
        """What is said to have gone wrong."""
        return self._trouble.text()

    def offer(self, ways: Sequence[Way]) -> None:
        """Offer other windows, beside the title."""
        self._head.addWidget(MenuButton(ways), 0, Qt.AlignmentFlag.AlignTop)

    def refresh(self) -> None:
        """Show where the dialog stands."""
        dialog = self._dialog
        self._show_titles()
        if dialog.upscale is not None and self._settings is None:
            self._settings = SettingsPanel(dialog.upscale, self._look.colours)
            self._settings.started.add(dialog.start)
            self._settings.left.add(self.close)
            self._settings.compared.add(dialog.compare)
            self._panels.insertWidget(0, self._settings)
            least = self._settings.minimumSizeHint().width()
            self._side.setFixedWidth(max(self._side.width(), least))
        if dialog.loupe is not None and self._loupe_bar is None:
            self._loupe_bar = LoupeBar(dialog.loupe)
            self._loupe_tool = LoupeTool(dialog.loupe, self.view)
            self._loupe_bar.closer.add(self._loupe_tool.show_closer)
            self._below.addWidget(self._loupe_bar)
        if dialog.guess is not None and self._guess is None:
            self._guess = FastPreviewLayer(dialog.guess, self.view, self.bar)
        self._show_panel()
        self._show_pictures()
        problem = None if dialog.phase in _RUNNING and dialog.progress else dialog.problem
        self._trouble.setText("" if problem is None else problem.message)
        self._trouble.setVisible(problem is not None)
        self._show_presence()
        if dialog.phase is Phase.ENDED:  # what the engine must still hear, nobody has to wait for
            self.hide()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give what it would like."""
        return QSize(1180, 760)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Ask what becomes of a job that runs; otherwise nothing is wanted any more."""
        if self._is_over:
            event.accept()
            return
        event.ignore()
        if self._dialog.phase in _RUNNING and self._dialog.progress is not None:
            self._ask()
        else:
            self._dialog.discard()

    def focusNextPrevChild(self, is_next: bool) -> bool:  # noqa: N802 - Qt's name
        """Let the ring know that Tab was pressed."""
        self._ring.tabbing()
        return super().focusNextPrevChild(is_next)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Esc goes one step back."""
        if event.key() == Qt.Key.Key_Escape:
            loupe = self._dialog.loupe
            if loupe is not None and loupe.is_on:
                loupe.toggle(False)
            elif self._dialog.phase is Phase.COMPARING:
                self._dialog.choose_again()
            elif self._dialog.phase not in _RUNNING:
                self.close()
            return
        super().keyPressEvent(event)

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.view, 1)
        self._below = QHBoxLayout()
        self._below.addWidget(self.bar, 1)
        left.addLayout(self._below)
        self._side = side = QWidget()
        right = QVBoxLayout(side)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(8)
        self._head = QHBoxLayout()
        self._head.addWidget(self._title, 1)
        right.addLayout(self._head)
        right.addWidget(self._subtitle)
        right.addWidget(self._trouble)
        right.addWidget(self._panels, 1)
        side.setFixedWidth(self.fontMetrics().averageCharWidth() * 56)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(12, 12, 12, 12)
        whole.setSpacing(14)
        whole.addLayout(left, 1)
        whole.addWidget(side)

    def _show_titles(self) -> None:
        loaded = self._dialog.loaded
        if loaded is None:
            is_stuck = self._dialog.problem is not None
            self._title.setText(
                translate("Window", "The picture did not come")
                if is_stuck
                else translate("Window", "The picture is coming…")
            )
            return
        name = loaded.title or translate("Window", "Untitled picture")
        self.setWindowTitle(translate("Window", "{name} – ScaleDiff").format(name=name))
        self._title.setText(name)
        picture = loaded.picture
        size = words.size_px(picture.width, picture.height)
        if self._dialog.phase in _RUNNING and self._dialog.upscale is not None:
            size = translate("Window", "{source}, to {result}").format(
                source=size, result=words.size_px(*self._dialog.upscale.result)
            )
        self._subtitle.setText(size)

    def _show_panel(self) -> None:
        dialog, before = self._dialog, self._panels.currentWidget()
        if dialog.phase in _RUNNING:
            self._panels.setCurrentWidget(self.progress_panel)
        elif dialog.phase in _COMPARING:
            self._panels.setCurrentWidget(self.decide_panel)
        elif self._settings is not None and dialog.phase is Phase.CHOOSING:
            self._panels.setCurrentWidget(self._settings)
            self._settings.offer_results(dialog.tries.current is not None)
        now = self._panels.currentWidget()
        if now is not before:
            self.view.setFocus(Qt.FocusReason.OtherFocusReason)
        self.bar.set_comparing(dialog.phase in _COMPARING)
        if self._loupe_bar is not None:
            self._loupe_bar.setVisible(dialog.phase is Phase.CHOOSING)
        self.bar.offer_guess(dialog.phase is Phase.CHOOSING)

    def _show_pictures(self) -> None:
        dialog = self._dialog
        if dialog.loaded is not None:
            self.view.show_source(dialog.loaded.picture.raster)
        if dialog.progress is not self._followed:
            self._followed = dialog.progress
            if self._followed is not None:
                self._followed.changed.add(self._show_preview)
        if dialog.phase in _COMPARING:
            shown = dialog.shown
            self.view.show_result(None if shown is None else shown.raster)
            self._refresh_drift()
        elif dialog.phase is Phase.CHOOSING:
            self.view.show_result(None)

    def _show_preview(self) -> None:
        dialog = self._dialog
        if dialog.phase not in _RUNNING or dialog.progress is None or dialog.upscale is None:
            return
        if dialog.progress.preview is not None:
            progress = dialog.progress
            self.view.show_preview(
                progress.preview, *dialog.upscale.result, is_guess=progress.is_guess
            )

    def _refresh_drift(self) -> None:
        current = self._dialog.tries.current
        if current is None or self._dialog.phase not in _COMPARING:
            return
        if self.bar.wants_drift:
            self._dialog.measure_drift()
        drift = current.drift if self.bar.wants_drift else None
        self.view.show_heat(None if drift is None else drift.heat)

    def _show_presence(self) -> None:
        """Go out of sight, and say so when the result is there."""
        dialog = self._dialog
        if dialog.in_background and not self._was_away:
            self._was_away = True
            self.hide()
            if not self._notifier.begin(dialog.come_back):
                self.showMinimized()
        elif not dialog.in_background and self._was_away:
            self._was_away = False
            self._notifier.end()
            self.showNormal()
            self.raise_()
            self.activateWindow()
        if dialog.in_background and (dialog.phase in _COMPARING or dialog.problem is not None):
            self._tell_and_return()

    def _tell_and_return(self) -> None:
        dialog = self._dialog
        name = dialog.loaded.title if dialog.loaded is not None else ""
        if dialog.problem is not None:
            self._notifier.say(translate("Window", "The upscale stopped"), dialog.problem.message)
        else:
            self._notifier.say(
                translate("Window", "The result is there"),
                translate("Window", "{name} is upscaled.").format(name=name),
            )
        dialog.come_back()

    def _ask(self) -> None:
        """Ask, without stopping anything meanwhile."""
        if self._question is not None:
            return
        question = message_box(self)
        question.setText(translate("Window", "The upscale is still running."))
        keep = question.addButton(
            translate("Window", "Keep working in the background"),
            QMessageBox.ButtonRole.AcceptRole,
        )
        stop = question.addButton(
            translate("Window", "Stop and discard"), QMessageBox.ButtonRole.DestructiveRole
        )
        question.addButton(translate("Window", "Back"), QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(keep)

        def answered(_: int) -> None:
            self._question = None
            clicked = question.clickedButton()
            if clicked is keep:
                self._dialog.work_in_background()
            elif clicked is stop:
                self._dialog.discard()

        question.finished.connect(answered)
        self._question = question
        question.open()

    def _on_ended(self) -> None:
        self._is_over = True
        self._notifier.end()
        self.close()
