"""What is to become of a result: taken, tried again, thrown away."""

from __future__ import annotations

import json

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.ui import words
from scalediff_engine.ui.compare.results import Drift, Try
from scalediff_engine.ui.dialog import DialogModel, Phase
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.origin import Canvas
from scalediff_engine.ui.widgets import card, label, on_keys, titled


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
        self._tries.setSpacing(2)
        self._tries.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._recipe = QPushButton(translate("Decide", "Copy the &recipe"))
        self._recipe.setToolTip(
            translate("Decide", "How this result was made, as text, to make it again")
        )
        takes_file = not dialog.closes_when_accepted
        self._accept = QPushButton(
            translate("Decide", "&Save") if takes_file else translate("Decide", "&Accept")
        )
        self._handing_over = (
            translate("Decide", "Saving…")
            if takes_file
            else translate("Decide", "Handing the result over…")
        )
        on_keys(self._accept, "Ctrl+Return", "Ctrl+Enter")
        self._canvas = QComboBox()
        self._canvas.setAccessibleName(translate("Decide", "Document"))
        self._document = titled(translate("Decide", "What becomes of the document"), self._canvas)
        self._document.hide()
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
        for widget in (
            self._recipe,
            self._again,
            self._discard,
            self._document,
            self._accept,
        ):
            column.addWidget(widget)
        set_kind(self._accept, "main")
        self._accept.clicked.connect(dialog.accept)
        self._again.clicked.connect(dialog.choose_again)
        self._discard.clicked.connect(dialog.discard)
        self._recipe.clicked.connect(self._copy_recipe)
        self._canvas.activated.connect(self._on_canvas)
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
        note = self._dialog.note
        if self._dialog.phase is Phase.HANDING_OVER:
            note = self._handing_over
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self._show_tries()
        self._show_canvas()
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

    def _show_canvas(self) -> None:
        """Offer what the editor offers, which it has said once and for all."""
        loaded, chosen = self._dialog.loaded, self._dialog.canvas
        if loaded is None or loaded.canvas is None or chosen is None:
            return
        if self._canvas.count() == 0:
            for canvas in loaded.canvas.offered:
                self._canvas.addItem(canvas_words(canvas), canvas.value)
            self._document.show()
        self._canvas.setCurrentIndex(loaded.canvas.offered.index(chosen))

    def _on_canvas(self, index: int) -> None:
        self._dialog.choose_canvas(Canvas(self._canvas.itemData(index)))

    def _on_row(self, row: int) -> None:
        if row >= 0:
            self._dialog.look_at(row + 1)

    def _copy_recipe(self) -> None:
        current = self._dialog.tries.current
        if current is not None and current.job.recipe is not None:
            QGuiApplication.clipboard().setText(current.job.recipe)


def canvas_words(canvas: Canvas) -> str:
    """Say what becomes of a document."""
    return {
        Canvas.KEEP: translate("Decide", "Keep the canvas as it is"),
        Canvas.GROW: translate("Decide", "Grow the canvas to the new layer"),
        Canvas.SCALE: translate("Decide", "Scale the whole image"),
        Canvas.NEW: translate("Decide", "Open as a new document"),
    }[canvas]


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
    if choices.is_fast:
        return f"{one.number}.  {words.times(scale)} · {translate('Settings', 'Fast')}"
    parts = [
        words.times(scale),
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
