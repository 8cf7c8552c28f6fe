"""The first start: three short pages over whatever else is open."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QRadioButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.client.messages import ModelInfo
from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Look, set_kind
from scalediff_engine.ui.models.model import memory_sentence, model_title
from scalediff_engine.ui.welcome.model import Page, WelcomeModel
from scalediff_engine.ui.widgets import card, label, scrolling, show_text, vbox
from scalediff_engine.ui.window_base import DialogWindow, open_at_its_size

_LEFT_TO_RIGHT, _END = "\u2066", "\u2069"


class WelcomeWindow(DialogWindow):
    """Shows a model.

    Attributes:
        ended: told when it is over
    """

    def __init__(self, model: WelcomeModel, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(look, translate("Welcome", "Welcome – ScaleDiff"), parent)
        self._model = model
        self._is_over = False
        self.ended = model.ended
        self._listed: tuple[ModelInfo, ...] | None = None
        self._radios: dict[str, QRadioButton] = {}
        self._group = QButtonGroup(self)
        self._count = label(kind="quiet")
        self._device, self._device_facts = label(kind="figure"), label()
        self._choices = QVBoxLayout()
        self._choice_note = label(kind="quiet")
        self._trouble = label(kind="warning")
        self._pages = QStackedWidget()
        self.skip = QPushButton(translate("Welcome", "&Skip"))
        self.back = QPushButton(translate("Welcome", "&Back"))
        self.next = QPushButton()
        set_kind(self.next, "main")
        self._lay_out()
        self.skip.clicked.connect(model.leave)
        self.back.clicked.connect(model.go_back)
        self.next.clicked.connect(model.go_on)
        model.changed.add(self.refresh)
        model.ended.add(self._on_ended)
        self.refresh()
        open_at_its_size(self)
        self.next.setFocus()

    def refresh(self) -> None:
        """Show where things stand."""
        model = self._model
        self._pages.setCurrentIndex(int(model.page))
        self._count.setText(
            translate("Welcome", "{page} of {pages}").format(page=model.page + 1, pages=len(Page))
        )
        self.back.setVisible(model.page is not Page.DEVICE)
        self.next.setText(
            translate("Welcome", "&Done")
            if model.page is Page.PLUGINS
            else translate("Welcome", "&Next")
        )
        self.skip.setVisible(model.page is not Page.PLUGINS)
        show_text(self._trouble, "" if model.problem is None else model.problem.message)
        self._show_device()
        self._show_choices()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give what it would like."""
        width = self.fontMetrics().averageCharWidth()
        height = self.fontMetrics().lineSpacing()
        return QSize(max(560, width * 82), max(400, height * 24))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Skip it."""
        event.accept()
        if not self._is_over:
            self._model.leave()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Go on with Return."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._model.go_on()
        else:
            super().keyPressEvent(event)

    def _lay_out(self) -> None:
        self._pages.addWidget(self._device_page())
        self._pages.addWidget(self._model_page())
        self._pages.addWidget(self._plugin_page())
        row = QHBoxLayout()
        row.addWidget(self.skip)
        row.addWidget(self._count, 1)
        row.addWidget(self.back)
        row.addWidget(self.next)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 12)
        whole.setSpacing(12)
        whole.addWidget(self._pages, 1)
        whole.addWidget(self._trouble)
        whole.addLayout(row)

    def _device_page(self) -> QWidget:
        page, column = _page(translate("Welcome", "What computes here"))
        frame, inside = card()
        inside.addWidget(self._device)
        inside.addWidget(self._device_facts)
        column.addWidget(frame)
        column.addWidget(
            label(
                translate(
                    "Welcome",
                    "Pictures stay on this computer. Before each upscale you see how long it will "
                    "take here and how much memory it needs.",
                ),
                "quiet",
            )
        )
        column.addStretch(1)
        return page

    def _model_page(self) -> QWidget:
        page, column = _page(translate("Welcome", "Which model"))
        inside = QWidget()
        inside.setLayout(self._choices)
        self._choices.setContentsMargins(2, 0, 2, 0)
        self._choices.setSpacing(2)
        column.addWidget(scrolling(inside), 1)
        column.addWidget(self._choice_note)
        return page

    def _plugin_page(self) -> QWidget:
        page, column = _page(translate("Welcome", "Where plug-ins go"))
        column.addWidget(
            label(
                translate(
                    "Welcome",
                    "ScaleDiff works inside Krita and GIMP by a plug-in, which is copied into one "
                    "of these folders; start the editor again afterwards.",
                )
            )
        )
        for place in self._model.places:
            frame, inside = card()
            name = place.name
            if not place.is_found:
                name = translate("Welcome", "{editor} – not found here; the usual folder").format(
                    editor=place.name
                )
            inside.addWidget(label(name, "figure"))
            path = label(f"{_LEFT_TO_RIGHT}{place.plugins}{_END}", "quiet")
            path.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByKeyboard
                | Qt.TextInteractionFlag.TextSelectableByMouse
            )
            path.setAccessibleName(
                translate("Welcome", "Plug-in folder of {editor}").format(editor=place.name)
            )
            inside.addWidget(path)
            column.addWidget(frame)
        column.addStretch(1)
        return page

    def _show_device(self) -> None:
        model = self._model
        if model.device is None:
            self._device.setText(translate("Welcome", "Looking…"))
            return
        name, free = model.device.name, words.memory(model.device.free_bytes)
        if not model.has_card:
            name = translate("Welcome", "The processor")
        self._device.setText(
            translate("Welcome", "{device}, {memory} free").format(device=name, memory=free)
        )
        lines = [
            translate("Welcome", "A graphics card was found; it does the work.")
            if model.has_card
            else translate(
                "Welcome",
                "No graphics card was found that can be used. The model that comes with the "
                "program works all the same, in minutes; large models take much longer.",
            )
        ]
        if model.choices:
            names = ", ".join(info.title for info in model.fitting)
            lines.append(
                translate("Welcome", "Of the large models, these fit: {names}.").format(names=names)
                if names
                else translate("Welcome", "None of the large models fits into this memory.")
            )
        self._device_facts.setText("\n".join(lines))

    def _show_choices(self) -> None:
        model = self._model
        if self._listed != model.choices:
            self._listed = model.choices
            self._fill_choices()
        for name, radio in self._radios.items():
            radio.setChecked(name == model.chosen)
        self._choice_note.setText(
            translate(
                "Welcome",
                "The download begins after the last page and goes on in the background; until it "
                "is there, the model of the program works.",
            )
            if model.will_download
            else translate("Welcome", "You can change this at any time, for each picture.")
        )

    def _fill_choices(self) -> None:
        while (item := self._choices.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self._radios.clear()
        for info in self._model.choices:
            radio = QRadioButton(model_title(info))
            radio.clicked.connect(lambda _=False, name=info.name: self._model.choose(name))
            self._group.addButton(radio)
            self._radios[info.name] = radio
            facts = label(self._facts_of(info), "quiet")
            facts.setIndent(radio.fontMetrics().height() + 8)
            radio.setAccessibleDescription(facts.text())
            self._choices.addWidget(radio)
            self._choices.addWidget(facts)
            self._choices.addSpacing(6)
        self._choices.addStretch(1)

    def _facts_of(self, info: ModelInfo) -> str:
        if info.name == "embedded":
            return translate(
                "Welcome", "Ready. Small and quick; edges and textures, nothing invented."
            )
        parts = [words.memory(info.size_bytes)] if info.size_bytes else []
        if not info.installed:
            size = words.memory(info.size_bytes)
            parts = [translate("Welcome", "Download of about {size}").format(size=size)]
        if info.licence:
            parts.append(info.licence)
        return ". ".join([" · ".join(parts), memory_sentence(info)]).strip(". ") + "."

    def _on_ended(self) -> None:
        self._is_over = True
        self.close()


def _page(title: str) -> tuple[QWidget, QVBoxLayout]:
    page = QWidget()
    column = vbox(page, spacing=10)
    column.addWidget(label(title, "heading"))
    return page, column
