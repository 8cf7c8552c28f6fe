"""The loupe's buttons: take it, look, and see the looks that there were."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.loupe.model import Look, LoupeModel
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.widgets import on_keys


class LoupeBar(QWidget):
    """Drives a loupe.

    Args:
        model: of the loupe

    Attributes:
        closer: told when the look is to be seen pixel for pixel
    """

    def __init__(self, model: LoupeModel) -> None:
        super().__init__()
        self.closer = Observers()
        self._model = model
        self._shown: tuple[Look, ...] = ()
        self._numbers: list[QToolButton] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._state = QLabel()
        set_kind(self._state, "quiet")
        row.addWidget(self._state, 1)
        self._looks = QHBoxLayout()
        self._looks.setSpacing(2)
        row.addLayout(self._looks)
        self._look = QPushButton(translate("Loupe", "&Look"))
        self._look.setToolTip(
            translate("Loupe", "Compute this part of the result, as the whole would have it")
        )
        self._cancel = QPushButton(translate("Loupe", "Stop"))
        self._closer = QToolButton()
        self._closer.setText(translate("Loupe", "Closer"))
        self._closer.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_kind(self._closer, "choice")
        tip = translate("Loupe", "See this part of the result pixel for pixel")
        on_keys(self._closer, "Z")
        self._closer.setToolTip(f"{tip} (Z)")
        self._closer.setAccessibleDescription(tip)
        self._toggle = QToolButton()
        self._toggle.setText(translate("Loupe", "Loupe"))
        self._toggle.setCheckable(True)
        self._toggle.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_kind(self._toggle, "choice")
        tip = translate(
            "Loupe",
            "See a part of the result before the whole: drag a frame, or move it with the arrow "
            "keys and size it with plus and minus; Return looks",
        )
        on_keys(self._toggle, "L")
        self._toggle.setToolTip(f"{tip} (L)")
        self._toggle.setAccessibleDescription(tip)
        for widget in (self._closer, self._look, self._cancel, self._toggle):
            row.addWidget(widget)
        self._closer.clicked.connect(self.closer.tell)
        self._toggle.clicked.connect(model.toggle)
        self._look.clicked.connect(model.start)
        self._cancel.clicked.connect(model.cancel)
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show how the loupe stands."""
        model = self._model
        is_running = model.running is not None
        self._toggle.setChecked(model.is_on)
        self._show_looks()
        self._state.setText(self._words())
        self._state.setToolTip(self._state.text())
        self._state.setWordWrap(model.problem is not None)
        self._state.setVisible(model.is_on)
        self._closer.setVisible(model.is_on and model.current is not None)
        self._look.setVisible(model.is_on and not is_running)
        self._look.setEnabled(model.can_start and model.is_due)
        has_look = model.current is not None and model.is_stale
        word = translate("Loupe", "&Look again") if has_look else translate("Loupe", "&Look")
        self._look.setText(word)
        self._cancel.setVisible(is_running)

    def _words(self) -> str:
        model = self._model
        if model.problem is not None:
            return model.problem.message
        progress = model.progress
        if progress is not None:
            left = progress.seconds_left
            return words.time_left(None if left is None else round(left))
        window = model.window
        if window is None or not model.is_due:
            return ""
        size = words.size_px(window.width, window.height)
        if model.seconds is None:
            return size
        return translate("Loupe", "{size}, about {duration}").format(
            size=size, duration=words.duration(model.seconds)
        )

    def _show_looks(self) -> None:
        """One small button for each look, if there are several."""
        model = self._model
        if model.looks is not self._shown:
            self._shown = model.looks
            for button in self._numbers:
                self._looks.removeWidget(button)
                button.hide()
                button.deleteLater()
            self._numbers = [self._number(look) for look in model.looks]
            for button in self._numbers:
                self._looks.addWidget(button)
        for look, button in zip(model.looks, self._numbers, strict=True):
            button.setChecked(look.number == model.chosen)
            button.setVisible(model.is_on and len(model.looks) > 1)

    def _number(self, look: Look) -> QToolButton:
        button = QToolButton()
        button.setText(str(look.number))
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_kind(button, "choice")
        tip = recipe_words(look)
        button.setToolTip(tip)
        button.setAccessibleName(translate("Loupe", "Look {number}").format(number=look.number))
        button.setAccessibleDescription(tip)
        button.clicked.connect(lambda: self._model.look_at(look.number))
        return button


def recipe_words(look: Look) -> str:
    """Say what a look was made with, a line for each thing."""
    choices = look.choices
    creativity = choices.creativity
    lines = [
        words.size_px(look.window.width, look.window.height),
        translate("Loupe", "Model: {name}").format(name=choices.model),
        translate("Loupe", "Quality: {name}").format(name=words.preset(choices.preset)),
    ]
    if creativity is not None:
        value = words.number(creativity, 2)
        lines.append(translate("Loupe", "Creativity: {value}").format(value=value))
    value = words.number(choices.structure, 2)
    lines.append(translate("Loupe", "Structure: {value}").format(value=value))
    lines.append(translate("Loupe", "Seed: {value}").format(value=choices.seed))
    if choices.prompt:
        lines.append(translate("Loupe", "Prompt: {text}").format(text=choices.prompt))
    return "\n".join(lines)
