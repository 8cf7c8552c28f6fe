"""Small widgets that know nothing of upscales."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import (
    QFocusEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QButtonGroup,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.observers import Listeners


def label(text: str = "", kind: str = "", *, wraps: bool = True) -> QLabel:
    """Give a label of some kind; see ``look``. Names in it are text, and no markup."""
    found = QLabel()
    found.setTextFormat(Qt.TextFormat.PlainText)
    found.setText(text)
    found.setWordWrap(wraps)
    if kind:
        set_kind(found, kind)
    return found


def message_box(parent: QWidget) -> QMessageBox:
    """Return a message box. Names in it are text, and no markup."""
    found = QMessageBox(parent)
    found.setWindowTitle("ScaleDiff")
    found.setTextFormat(Qt.TextFormat.PlainText)
    return found


Choice = tuple[str, QMessageBox.ButtonRole, Callable[[], object] | None]


def ask(
    parent: QWidget, text: str, choices: Sequence[Choice], *, default: int, details: str = ""
) -> None:
    """Open a question, unless one is open; return at once.

    Args:
        parent: window that is blocked meanwhile
        text: of the question
        choices: text, role and action of each button
        default: index of the button that Return presses
        details: smaller text below
    """
    if any(other.isVisible() for other in parent.findChildren(QMessageBox)):
        return
    question = message_box(parent)
    question.setText(text)
    question.setInformativeText(details)
    actions = [(question.addButton(title, role), action) for title, role, action in choices]
    question.setDefaultButton(actions[default][0])

    def on_finished(_: int) -> None:
        clicked = question.clickedButton()
        for button, action in actions:
            if button is clicked and action is not None:
                action()

    question.finished.connect(on_finished)
    question.open()


def show_text(shown: QLabel, text: str) -> None:
    """Show a text; an empty one hides its label."""
    shown.setText(text)
    shown.setVisible(bool(text))


def plain_tip(text: str) -> str:
    """Return a tooltip that shows a text as it is, and no markup."""
    return f"<p>{html.escape(text)}</p>" if "<" in text else text


def titled(title: str, field: QWidget) -> QWidget:
    """Give a field with its name above it, where any language has room."""
    whole = QWidget()
    column = QVBoxLayout(whole)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(3)
    name = QLabel(title)
    name.setBuddy(field)
    column.addWidget(name)
    column.addWidget(field)
    return whole


def vbox(parent: QWidget, *, margin: int = 0, spacing: int = -1) -> QVBoxLayout:
    """Return a layout from top to bottom; a negative spacing is the style's own."""
    layout = QVBoxLayout(parent)
    layout.setContentsMargins(margin, margin, margin, margin)
    layout.setSpacing(spacing)
    return layout


def hbox(parent: QWidget, *, margin: int = 0, spacing: int = -1) -> QHBoxLayout:
    """Return a layout from left to right; see ``vbox``."""
    layout = QHBoxLayout(parent)
    layout.setContentsMargins(margin, margin, margin, margin)
    layout.setSpacing(spacing)
    return layout


def card() -> tuple[QFrame, QVBoxLayout]:
    """Give a raised field, and what fills it."""
    frame = QFrame()
    frame.setProperty("kind", "card")
    column = QVBoxLayout(frame)
    column.setContentsMargins(12, 10, 12, 10)
    column.setSpacing(4)
    return frame, column


def on_keys(button: QAbstractButton, *keys: str) -> None:
    """Press a button by keys, besides the letter in its text, where it can be pressed.

    At once, where a button's own shortcut shows it pressed for a while first.
    """
    for key in keys:
        shortcut = QShortcut(QKeySequence(key), button)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(button.click)


class _HighArea(QScrollArea):
    """Scrolls up and down, and is always wide enough for its content."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give what it can do with: room for the bar too."""
        least, content = super().minimumSizeHint(), self.widget()
        if content is None:
            return least
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(content.minimumSizeHint().width() + bar, least.height())


class _WheelGuard(QObject):
    """Lets the wheel change an input only after a click into it; otherwise the panel scrolls.

    Args:
        parent: owner
        content: with all of the inputs
    """

    def __init__(self, parent: QObject, content: QWidget) -> None:
        super().__init__(parent)
        self._clicked: QObject | None = None
        for kind in (QSlider, QAbstractSpinBox, QComboBox):
            for field in content.findChildren(kind):
                if field.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                    field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                field.installEventFilter(self)
                for line in field.findChildren(QLineEdit):
                    line.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Pass the wheel on to the panel, unless a click gave the input the focus."""
        is_line = isinstance(watched, QLineEdit)
        match event.type():
            case QEvent.Type.MouseButtonPress:
                self._clicked = watched.parent() if is_line else watched
            case QEvent.Type.FocusIn if isinstance(event, QFocusEvent):
                if event.reason() not in _RETURNS:  # a click comes after it
                    self._clicked = None
            case QEvent.Type.Wheel if not is_line:  # a line passes it on to its input
                has_focus = isinstance(watched, QWidget) and watched.hasFocus()
                if not has_focus or watched is not self._clicked:
                    event.ignore()
                    return True
            case _:
                pass
        return False


# The focus comes back to where it was: from the list of a combo box, another window or a menu.
_RETURNS = (
    Qt.FocusReason.PopupFocusReason,
    Qt.FocusReason.ActiveWindowFocusReason,
    Qt.FocusReason.MenuBarFocusReason,
)


def scrolling(content: QWidget) -> QScrollArea:
    """Return an area that scrolls a complete panel; the wheel scrolls over its inputs, too."""
    area = _HighArea()
    area.setWidget(content)
    _WheelGuard(area, content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


class Collapsible(QWidget):
    """A line with an arrow, and below it what it opens.

    Args:
        title: of the line
        content: what is folded away
    """

    def __init__(self, title: str, content: QWidget) -> None:
        super().__init__()
        self._content = content
        self._line = QToolButton()
        self._line.setText(title)
        self._line.setCheckable(True)
        self._line.setAutoRaise(True)
        self._line.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._line)
        column.addWidget(content)
        self._line.toggled.connect(self.unfold)
        self.setFocusProxy(self._line)
        self.unfold(False)

    @property
    def is_open(self) -> bool:
        """Whether its content is to be seen."""
        return self._line.isChecked()

    def unfold(self, is_open: bool) -> None:
        """Open or close it."""
        self._line.setChecked(is_open)
        self._content.setVisible(is_open)
        closed = (
            Qt.ArrowType.LeftArrow
            if self.layoutDirection() == Qt.LayoutDirection.RightToLeft
            else Qt.ArrowType.RightArrow
        )
        self._line.setArrowType(Qt.ArrowType.DownArrow if is_open else closed)


class Segmented(QWidget):
    """Buttons of which one is down; the arrow keys move within them.

    Args:
        name: what is chosen here, for those who cannot see it
        labels: of the choices
        is_even: whether they share the whole width

    Attributes:
        chosen: told which one somebody took
    """

    def __init__(self, name: str, labels: list[str], *, is_even: bool = True) -> None:
        super().__init__()
        self.chosen = Listeners[int]()
        self.setAccessibleName(name)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        wide = QSizePolicy.Policy.Expanding if is_even else QSizePolicy.Policy.Preferred
        for index, label in enumerate(labels):
            button = QToolButton()
            button.setText(label)
            button.setCheckable(True)
            set_kind(button, "choice")
            button.setAccessibleName(f"{name}: {label}")
            button.setSizePolicy(wide, QSizePolicy.Policy.Fixed)
            self._group.addButton(button, index)
            row.addWidget(button)
        self.setFocusProxy(self._group.button(0))
        self._group.idClicked.connect(self.chosen.tell)
        self._group.idToggled.connect(self._on_toggled)

    @property
    def index(self) -> int:
        """Which one is taken; -1 = none."""
        return self._group.checkedId()

    def show_index(self, index: int) -> None:
        """Show which one is taken; tells nobody."""
        self._group.blockSignals(True)
        if index < 0:  # none: an exclusive group lets nobody take the last one away
            self._group.setExclusive(False)
            for button in self._group.buttons():
                button.setChecked(False)
            self._group.setExclusive(True)
        else:
            self.button(index).setChecked(True)
        self._group.blockSignals(False)

    def button(self, index: int) -> QToolButton:
        """Give one of the buttons, to put a shortcut on it."""
        found = self._group.button(index)
        assert isinstance(found, QToolButton)
        return found

    def _on_toggled(self, index: int, is_down: bool) -> None:
        """Choose with the arrow keys, which only toggle."""
        if is_down and self.button(index).hasFocus():
            self.chosen.tell(index)


class LabeledSlider(QWidget):
    """A value from 0 to 1, with a name above it and words at its ends.

    Args:
        name: of the value
        low, high: what the ends mean
        tip: what it does

    Attributes:
        moved: told where somebody moved it
    """

    def __init__(self, name: str, low: str, high: str, tip: str) -> None:
        super().__init__()
        self.moved = Listeners[float]()
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, 100)
        self._slider.setPageStep(10)
        self._slider.setAccessibleName(name)
        self._slider.setAccessibleDescription(f"{low} – {high}. {tip}")
        self.setToolTip(tip)
        self._name = QLabel(name)
        self._name.setBuddy(self._slider)
        self._value = QLabel()
        low_label, high_label = QLabel(low), QLabel(high)
        for label in (low_label, high_label, self._value):
            set_kind(label, "quiet")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(1)
        # by the layout, which turns with the language; a label goes by its own text
        leading, trailing = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        grid.addWidget(self._name, 0, 0, leading)
        grid.addWidget(self._value, 0, 1, trailing)
        grid.addWidget(self._slider, 1, 0, 1, 2)
        grid.addWidget(low_label, 2, 0, leading)
        grid.addWidget(high_label, 2, 1, trailing)
        self._slider.valueChanged.connect(self._on_moved)
        self.setFocusProxy(self._slider)
        self._show(0)

    @property
    def value(self) -> float:
        """Where it stands."""
        return self._slider.value() / 100

    def show_value(self, value: float) -> None:
        """Show a value; tells nobody."""
        if self._slider.isSliderDown():
            return
        self._slider.blockSignals(True)
        self._slider.setValue(round(100 * value))
        self._slider.blockSignals(False)
        self._show(self._slider.value())

    def _on_moved(self, value: int) -> None:
        self._show(value)
        self.moved.tell(value / 100)

    def _show(self, value: int) -> None:
        self._value.setText(f"{value}")


_SPACING = 8


class FlowRow(QWidget):
    """Puts one group at the beginning of a row and the other at its end, or below the first.

    Attributes:
        first, second: what the groups' widgets are added to
    """

    def __init__(self) -> None:
        super().__init__()
        self._groups = QWidget(), QWidget()
        self.first, self.second = (QHBoxLayout(group) for group in self._groups)
        for row in (self.first, self.second):
            row.setContentsMargins(0, 0, 0, 0)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(_SPACING)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(0, 1)
        self._is_stacked = False
        self._grid.addWidget(self._groups[0], 0, 0, Qt.AlignmentFlag.AlignLeading)
        self._grid.addWidget(self._groups[1], 0, 1, Qt.AlignmentFlag.AlignTrailing)

    @property
    def is_stacked(self) -> bool:
        """Whether there are two rows."""
        return self._is_stacked

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give what it can do with: the wider group alone in its row."""
        wide = max(group.minimumSizeHint().width() for group in self._groups)
        return QSize(wide, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Take one row or two."""
        super().resizeEvent(event)
        self.arrange()

    def arrange(self) -> None:
        """Look again how many rows it takes: another group is to be seen, or other words."""
        wanted = sum(group.sizeHint().width() for group in self._groups) + _SPACING
        is_stacked = wanted > self.width()
        if is_stacked is self._is_stacked:
            return
        self._is_stacked = is_stacked
        self._grid.removeWidget(self._groups[1])
        if is_stacked:
            self._grid.addWidget(self._groups[1], 1, 0, Qt.AlignmentFlag.AlignLeading)
        else:
            self._grid.addWidget(self._groups[1], 0, 1, Qt.AlignmentFlag.AlignTrailing)
        self.updateGeometry()
