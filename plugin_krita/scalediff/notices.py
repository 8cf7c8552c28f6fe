"""What the user sees and hears of the plug-in, besides its docker."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from .api import Document
from .client.errors import EngineNotInstalled
from .client.messages import Problem
from .plugin_common.words import Words
from .qt import QApplication, QDesktopServices, QLabel, QMessageBox, QPalette, Qt, QUrl

if TYPE_CHECKING:
    from .order import Answer

_NOTE_MS = 4000
_LOW_PRIORITY = 2
_MIDDLE = 128


class Notices:
    """Messages over Krita's window that never stop it: each is there until it is clicked away.

    Args:
        app: Krita
        words: the user's language
        retry: tries again what failed because there was no engine
    """

    def __init__(self, app: Any, words: Words, retry: Callable[[], None]) -> None:  # noqa: ANN401
        self._app = app
        self._words = words
        self._retry = retry
        self._shown: list[QMessageBox] = []

    def refuse(self, sentence: str) -> None:
        """Say why something cannot be done."""
        self._open(self._box(QMessageBox.Icon.Information, sentence))

    def trouble(self, problem: Problem) -> None:
        """Say what went wrong; if nothing is installed, how to do that."""
        if problem.code != EngineNotInstalled.code:
            self._open(self._box(QMessageBox.Icon.Warning, problem.message))
            return
        words = self._words
        box = self._box(
            QMessageBox.Icon.Information,
            words("ScaleDiff works with a program of its own, which is not installed yet."),
        )
        box.setInformativeText(
            words(
                "Install it once; the instructions take a few minutes. Then try again: it is "
                "found and started by itself.\n\n{problem}",
                problem=problem.message,
            )
        )
        role = QMessageBox.ButtonRole
        instructions = box.addButton(words("Show the Instructions"), role.HelpRole)
        again = box.addButton(words("Try Again"), role.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Close)
        # a help button leaves the dialog open in some desktops, which is fine
        instructions.clicked.connect(lambda: show_manual(words.language))
        again.clicked.connect(self._retry)
        self._open(box)

    def ask(
        self, sentence: str, answers: Mapping[Answer, str], answered: Callable[[Answer], None]
    ) -> Callable[[], object]:
        """Ask something without waiting; return what takes the question back.

        Closing the question is the last of the answers.
        """
        box = self._box(QMessageBox.Icon.Question, sentence)
        buttons = {
            box.addButton(text, QMessageBox.ButtonRole.ActionRole): answer
            for answer, text in answers.items()
        }
        *_, (last, nothing) = buttons.items()
        box.setEscapeButton(last)
        box.finished.connect(lambda _: answered(buttons.get(box.clickedButton(), nothing)))
        self._open(box)
        return box.close

    def note(self, sentence: str) -> None:
        """Say something over the picture for some seconds."""
        window = self._app.activeWindow()
        view = None if window is None else window.activeView()
        if view is not None:
            view.showFloatingMessage(
                _as_text(sentence), self._app.icon("dialog-information"), _NOTE_MS, _LOW_PRIORITY
            )

    def show(self, document: Document) -> None:
        """Show a new document."""
        window = self._app.activeWindow()
        if window is not None:
            window.addView(document)

    def theme(self) -> str:
        """Give ``dark`` or ``light``, as Krita is."""
        colour = QApplication.palette().color(QPalette.ColorRole.Window)
        return "dark" if colour.lightness() < _MIDDLE else "light"

    def _box(self, icon: QMessageBox.Icon, sentence: str) -> QMessageBox:
        window = self._app.activeWindow()
        box = QMessageBox(None if window is None else window.qwindow())
        box.setWindowTitle("ScaleDiff")
        box.setIcon(icon)
        box.setText(sentence)
        return box

    def _open(self, box: QMessageBox) -> None:
        for label in box.findChildren(QLabel):  # names may look like HTML
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._shown.append(box)
        box.finished.connect(lambda _: self._shown.remove(box))
        box.setModal(False)
        box.show()


def _as_text(sentence: str) -> str:
    """Return what Krita's floating message shows as the sentence is written.

    It takes whatever looks like HTML for that, and has no setting against it.
    """
    if "<" not in sentence and "&" not in sentence:
        return sentence
    return "<qt>" + html.escape(sentence).replace("\n", "<br>") + "</qt>"


def show_manual(language: str) -> None:
    """Open the page that says how to install and use it; in English where there is no other."""
    folder = Path(__file__).parent
    translated = folder / f"Manual.{language}.html"
    page = translated if language and translated.is_file() else folder / "Manual.html"
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(page)))
