"""What is to become of a result: taken, tried again, thrown away."""

from __future__ import annotations

import json

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.ui import words
from scalediff_engine.ui.compare.drift import Drift
from scalediff_engine.ui.compare.tries import Try
from scalediff_engine.ui.dialog import DialogModel, Phase
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.widgets.form import card, label, on_keys, titled


class DecidePanel(QWidget):
    """Shows the tries of a dialog, and takes the decision.

    Args:
        dialog: its model
    """

    def __init__(self, dialog: DialogModel) -> None:
        super().__init__()
        self._dialog = dialog
        self._title = label(kind="heading")
        self._drift = label(kind="quiet")
        self._note = label(kind="good")
        self._tries = QListWidget()
        self._tries.setAccessibleName(translate("Decide", "Tries"))
        self._tries.setWordWrap(True)
        self._tries.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._recipe = QPushButton(translate("Decide", "Copy the &recipe"))
        self._recipe.setToolTip(
            translate("Decide", "How this result was made, as text, to make it again")
        )
        takes_file = not dialog.closes_when_accepted
        self._accept = QPushButton(
            translate("Decide", "&Save") if takes_file else translate("Decide", "&Accept")
        )
        on_keys(self._accept, "Ctrl+Return", "Ctrl+Enter")
        self._again = QPushButton(translate("Decide", "&Try again with changes"))
        self._discard = QPushButton(
            translate("Decide", "Close") if takes_file else translate("Decide", "Discard")
        )
        frame, inner = card()
        for widget in (self._title, self._drift, self._note):
            inner.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(frame)
        column.addWidget(titled(translate("Decide", "Tries"), self._tries), 1)
        for button in (self._recipe, self._again, self._discard, self._accept):
            column.addWidget(button)
        set_kind(self._accept, "main")
        self._accept.clicked.connect(dialog.accept)
        self._again.clicked.connect(dialog.choose_again)
        self._discard.clicked.connect(dialog.discard)
        self._recipe.clicked.connect(self._copy_recipe)
        self._tries.currentRowChanged.connect(self._on_row)
        dialog.changed.add(self.refresh)

    def refresh(self) -> None:
        """Show what there is."""
        current = self._dialog.tries.current
        if current is None:
            return
        self._title.setText(
            translate("Decide", "Result: {size}").format(
                size=words.size_px(current.job.width, current.job.height)
            )
        )
        self._drift.setText(drift_words(current.drift))
        self._drift.setVisible(current.drift is not None)
        self._note.setText(self._dialog.note)
        self._note.setVisible(bool(self._dialog.note))
        self._show_tries()
        is_here = current.picture is not None and self._dialog.phase is Phase.COMPARING
        self._accept.setEnabled(is_here)
        self._recipe.setEnabled(current.job.recipe is not None)

    def _show_tries(self) -> None:
        tries = self._dialog.tries
        self._tries.blockSignals(True)
        for one in tries.all[self._tries.count() :]:
            item = QListWidgetItem(try_words(one))
            item.setToolTip(recipe_words(one))
            self._tries.addItem(item)
        self._tries.setCurrentRow(tries.chosen - 1)
        self._tries.blockSignals(False)

    def _on_row(self, row: int) -> None:
        if row >= 0:
            self._dialog.look_at(row + 1)

    def _copy_recipe(self) -> None:
        current = self._dialog.tries.current
        if current is not None and current.job.recipe is not None:
            QGuiApplication.clipboard().setText(current.job.recipe)


def drift_words(drift: Drift | None) -> str:
    """Say how far a result has drifted."""
    if drift is None:
        return ""
    return translate(
        "Decide",
        "Scaled back, it is {mean} of 255 levels from the source on average, and hardly "
        "anywhere more than {most}.",
    ).format(mean=words.number(drift.mean, 2), most=words.number(drift.most, 1))


def try_words(one: Try) -> str:
    """Tell one try from the others."""
    choices = one.choices
    scale = one.job.width / one.job.source_width
    parts = [
        f"{words.number(scale, 2)}×",
        choices.model,
        translate("Decide", "creativity {value}").format(
            value="–" if choices.creativity is None else round(100 * choices.creativity)
        ),
        translate("Decide", "seed {value}").format(value=choices.seed),
    ]
    return f"{one.number}.  " + " · ".join(parts)


def recipe_words(one: Try) -> str:
    """Give the recipe in lines."""
    try:
        found = json.loads(one.job.recipe or "{}")
    except ValueError:
        return one.job.recipe or ""
    if not isinstance(found, dict):
        return ""
    return "\n".join(f"{key}: {value}" for key, value in found.items())
