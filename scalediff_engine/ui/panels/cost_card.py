"""What an upscale will come to, always in view."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.widgets.form import card, label


class CostCard(QWidget):
    """Shows the cost of a model's choices.

    Args:
        model: of the dialog
    """

    def __init__(self, model: UpscaleModel) -> None:
        super().__init__()
        self._model = model
        frame, column = card()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(frame)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setColumnStretch(1, 1)
        self._figures: list[QLabel] = []
        for row, title in enumerate(
            (
                translate("Cost", "Result"),
                translate("Cost", "Time"),
                translate("Cost", "Memory"),
                translate("Cost", "On"),
            )
        ):
            name, figure = label(title, "quiet", wraps=False), label(kind="figure")
            figure.setAccessibleName(title)
            grid.addWidget(name, row, 0)
            grid.addWidget(figure, row, 1)
            self._figures.append(figure)
        column.addLayout(grid)
        self._warning = label(kind="warning")
        self._warning.setAccessibleName(translate("Cost", "Warning"))
        self._notes = label(kind="quiet")
        column.addWidget(self._warning)
        column.addWidget(self._notes)
        model.changed.add(self.refresh)
        self.refresh()

    @property
    def warning(self) -> str:
        """What is said to be wrong."""
        return self._warning.text()

    def refresh(self) -> None:
        """Show the cost as it is known; figures that are not current any more are dimmed."""
        cost, result = self._model.cost, self._model.result
        plan = cost.plan
        texts = [words.size_px(result.width, result.height), "…", "…", "…"]
        if plan is not None:
            texts[1] = translate("Cost", "about {duration}").format(
                duration=words.duration(plan.seconds)
            )
            texts[2] = translate("Cost", "{needed} of {available}").format(
                needed=words.memory(plan.peak_bytes), available=words.memory(plan.available_bytes)
            )
            texts[3] = plan.device
        elif cost.problem is not None:
            texts[1:] = ["–"] * 3
        for index, (figure, text) in enumerate(zip(self._figures, texts, strict=True)):
            figure.setText(text)
            set_kind(figure, "figure" if cost.is_current or index == 0 else "stale")
        problem = cost.problem if cost.is_current else None
        self._warning.setText("" if problem is None else problem.message)
        self._warning.setVisible(problem is not None)
        notes = [] if plan is None or problem is not None else plan.notes
        self._notes.setText("\n".join(notes))
        self._notes.setVisible(bool(notes))
