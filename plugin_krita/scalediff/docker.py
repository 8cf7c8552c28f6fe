"""The docker: how the engine is, what is under way, and a way to end it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from krita import DockWidget

from .extension import ScaleDiffExtension
from .qt import QHBoxLayout, QLabel, QProgressBar, Qt, QTimer, QToolButton, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from .order import Order
    from .plugin_common.words import Words

_ASK_MS = 2000
_REFRESH_MS = 200
_WHOLE = 1000
_MARGIN = 6


def _label(text: str = "") -> QLabel:
    """Make a label that shows a name as it is written, also one that looks like HTML."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


class OrderRow(QWidget):
    """An order: its name, what it is about, how far it is, and a button that ends it."""

    def __init__(self, order: Order, words: Words) -> None:
        super().__init__()
        self.order = order
        self._words = words
        title, self._said = _label(order.title), _label()
        self._said.setWordWrap(True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._cancel = QToolButton()
        self._cancel.setText(words("Cancel"))
        self._cancel.setToolTip(words("Give this upscale up; the document stays as it is"))
        self._cancel.clicked.connect(self._give_up)
        line = QHBoxLayout()
        line.addWidget(self._bar, 1)
        line.addWidget(self._cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        for widget in (title, self._said):
            column.addWidget(widget)
        column.addLayout(line)
        self.refresh()

    def refresh(self) -> None:
        """Show how it is now."""
        from . import sentences

        progress = self.order.progress
        self._said.setText(sentences.of_order(self.order, self._words))
        self._bar.setRange(0, 0 if progress is None else _WHOLE)
        if progress is not None:
            self._bar.setValue(round(progress.fraction * _WHOLE))

    def _give_up(self) -> None:
        self._cancel.setEnabled(False)
        self.order.cancel()


class ScaleDiffDocker(DockWidget):
    """The docker; it asks the engine only while it can be seen, and never starts one.

    Args:
        plugin: whose orders it shows
    """

    def __init__(self, plugin: ScaleDiffExtension) -> None:
        super().__init__()
        self._plugin = plugin
        self.setWindowTitle("ScaleDiff")
        self._rows: list[OrderRow] = []
        self._engine = _label()
        self._engine.setWordWrap(True)
        self._engine_bar = QProgressBar()
        self._engine_bar.setRange(0, _WHOLE)
        self._engine_bar.setVisible(False)
        self._column = QVBoxLayout()
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        column.addWidget(self._engine)
        column.addWidget(self._engine_bar)
        column.addLayout(self._column)
        column.addStretch(1)
        self.setWidget(body)
        self._ask_timer = self._timer(_ASK_MS, self._ask)
        self._refresh_timer = self._timer(_REFRESH_MS, self._refresh)

    def canvasChanged(self, canvas: Any) -> None:  # noqa: ANN401
        """Do nothing: Krita wants to be able to say that another image is shown."""

    def showEvent(self, event: Any) -> None:  # noqa: ANN401
        """Begin to ask."""
        super().showEvent(event)
        self._ask()
        self._ask_timer.start()
        self._refresh_timer.start()

    def hideEvent(self, event: Any) -> None:  # noqa: ANN401
        """Ask no more."""
        self._ask_timer.stop()
        self._refresh_timer.stop()
        super().hideEvent(event)

    def _timer(self, every_ms: int, act: Any) -> QTimer:  # noqa: ANN401
        timer = QTimer(self)
        timer.setInterval(every_ms)
        timer.timeout.connect(act)
        return timer

    def _ask(self) -> None:
        self._plugin.status.ask()

    def _refresh(self) -> None:
        from . import sentences

        status, orders = self._plugin.status.status, self._plugin.orders
        if status is not None:
            said = sentences.of_engine(status, self._plugin.words)
            if self._engine.text() != said:
                self._engine.setText(said)
            progress = None if status.job is None else status.job.progress
            shown = any(order.progress is not None for order in orders)
            self._show_job(None if shown or progress is None else progress.fraction)
        if [row.order for row in self._rows] != orders:
            self._arrange(orders)
        for row in self._rows:
            row.refresh()

    def _show_job(self, fraction: Optional[float]) -> None:
        self._engine_bar.setVisible(fraction is not None)
        if fraction is not None:
            self._engine_bar.setValue(round(fraction * _WHOLE))

    def _arrange(self, orders: list[Order]) -> None:
        kept = {id(row.order): row for row in self._rows}
        for row in self._rows:
            self._column.removeWidget(row)
            if row.order not in orders:
                row.deleteLater()
        words = self._plugin.words
        self._rows = [kept.get(id(order)) or OrderRow(order, words) for order in orders]
        for row in self._rows:
            self._column.addWidget(row)
