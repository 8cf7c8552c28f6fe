"""What an upscale will come to, always in view."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from scalediff_engine.client.messages import PlanInfo, Problem
from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.widgets import card, label

_NO_ROOM = "not-enough-memory"
_PROCESSOR = "the CPU"


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
        self._fit = QPushButton(translate("Cost", "Make it &fit"))
        self._fit.clicked.connect(model.make_it_fit)
        column.addWidget(self._warning)
        column.addWidget(self._fit)
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
            texts[3] = device_words(plan.device)
        elif cost.problem is not None:
            texts[1:] = ["–"] * 3
        for index, (figure, text) in enumerate(zip(self._figures, texts, strict=True)):
            figure.setText(text)
            set_kind(figure, "figure" if cost.is_current or index == 0 else "stale")
        problem = cost.problem if cost.is_current else None
        self._warning.setText("" if problem is None else problem_words(problem, plan))
        self._warning.setVisible(problem is not None)
        fitting = self._model.fitting
        if fitting is not None:
            self._fit.setText(
                translate("Cost", "Make it &fit: {size}").format(size=words.size_px(*fitting))
            )
        self._fit.setVisible(fitting is not None)
        notes = [] if plan is None or problem is not None else plan.notes
        self._notes.setText("\n".join(notes))
        self._notes.setVisible(bool(notes))


def device_words(name: str) -> str:
    """Give a device as people call it; all but the processor have names of their own."""
    return translate("Cost", "the processor") if name == _PROCESSOR else name


def problem_words(problem: Problem, plan: PlanInfo | None) -> str:
    """Say why it will not do, in the user's language where the figures are known."""
    if plan is None or plan.fits_scale is None or problem.code != _NO_ROOM:
        return problem.message
    return translate("Cost", "This needs {needed} of memory, and there are {available}.").format(
        needed=_unbroken(plan.peak_bytes), available=_unbroken(plan.available_bytes)
    )


def _unbroken(count: int) -> str:
    """Give bytes within which no line ends."""
    return words.memory(count).replace(" ", "\u00a0")
