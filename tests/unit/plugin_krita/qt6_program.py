"""Load the plug-in as Krita 6 does, with Qt 6: ``qt6_program.py FOLDER``.

Without PyQt6, PySide6 stands in for it. The krita module has only what is used here, and its enums
are scoped, as they are under PyQt6.
"""

# ruff: noqa: ANN001, ANN201, ANN202, ANN204, E402, N802 - the names are Krita's

import enum
import importlib
import importlib.util
import os
import sys
from types import ModuleType, SimpleNamespace

os.environ["QT_QPA_PLATFORM"] = "offscreen"
if importlib.util.find_spec("PyQt6") is None:
    for part in ("QtCore", "QtGui", "QtWidgets"):
        sys.modules[f"PyQt6.{part}"] = importlib.import_module(f"PySide6.{part}")
    sys.modules["PyQt6"] = ModuleType("PyQt6")
sys.modules["PyQt5"] = None

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtGui import QAction, QIcon, QTextDocument
from PyQt6.QtWidgets import QApplication, QDockWidget, QLabel, QMessageBox

NAME = "<b>Эскиз</b> 草图"


class Extension(QObject):
    pass


class Dock(enum.Enum):
    DockRight = 3


class Krita(QObject):
    def __init__(self):
        super().__init__()
        self.extensions, self.factories, self.messages = [], [], []

    def addExtension(self, extension):
        self.extensions.append(extension)

    def addDockWidgetFactory(self, factory):
        self.factories.append(factory)

    def activeWindow(self):
        view = SimpleNamespace(showFloatingMessage=lambda *told: self.messages.append(told))
        return SimpleNamespace(activeView=lambda: view, qwindow=lambda: None)

    def icon(self, name):
        return QIcon()


def main() -> None:
    app, krita = QApplication([]), Krita()
    module = ModuleType("krita")
    module.Extension, module.DockWidget, module.InfoObject = Extension, QDockWidget, dict
    module.DockWidgetFactory = lambda *told: told
    module.DockWidgetFactoryBase = SimpleNamespace(DockPosition=Dock)
    module.Krita = SimpleNamespace(instance=lambda: krita)
    sys.modules["krita"] = module
    sys.path.insert(0, sys.argv[1])
    importlib.import_module("scalediff")
    (plugin,), ((name, position, make),) = krita.extensions, krita.factories
    assert (name, position) == ("scalediff_docker", Dock.DockRight)

    actions = []

    def create(name, text, menu):
        actions.append(QAction(text))
        return actions[-1]

    plugin.setup()
    plugin.createActions(SimpleNamespace(createAction=create))
    assert len(actions) == 6

    show_the_docker(make(), plugin)
    show_messages(krita, plugin)
    app.processEvents()


def show_the_docker(docker, plugin) -> None:
    from scalediff.engine_status import EngineStatus
    from scalediff.plugin_common.errand import Phase

    order = SimpleNamespace(title=NAME, phase=Phase.SENDING, progress=None, question=None)
    order.cancel = lambda: None
    plugin._office = SimpleNamespace(orders=[order])
    plugin._status = SimpleNamespace(status=EngineStatus(problem=NAME), ask=lambda: None)
    docker.show()
    docker._refresh()
    assert_plain(docker.findChildren(QLabel), 3)
    docker.hide()


def show_messages(krita, plugin) -> None:
    from scalediff.client.errors import EngineNotInstalled
    from scalediff.client.messages import Problem
    from scalediff.notices import Notices

    notices = Notices(krita, plugin.words, lambda: None)
    for sentence in ("Plain.", f"{NAME}\nR&D &lt;"):
        notices.note(sentence)
        # Krita shows whatever looks like HTML as that
        document, shown = QTextDocument(), krita.messages[-1][0]
        document.setHtml(shown) if shown.startswith("<qt>") else document.setPlainText(shown)
        assert document.toPlainText() == sentence
    assert krita.messages[0][0] == "Plain."
    assert krita.messages[1][0].startswith("<qt>")
    assert notices.theme() in ("dark", "light")
    notices.refuse(NAME)
    notices.trouble(Problem("x", NAME))
    notices.trouble(Problem(EngineNotInstalled.code, NAME))
    boxes = list(notices._shown)
    assert len(boxes) == 3
    for box in boxes:
        labels = [one for one in box.findChildren(QLabel) if one.text()]
        assert_plain(labels, 1)
        assert any(NAME in label.text() for label in labels)
        box.done(0)
    assert notices._shown == []
    answered = []
    for button in (0, 1, None):
        notices.ask(NAME, {"here": NAME, "new": "New", "no": "No"}, answered.append)
        (box,) = notices._shown
        assert_plain([one for one in box.findChildren(QLabel) if one.text()], 1)
        if button is None:
            box.close()
        else:
            box.buttons()[button].click()
    take_back = notices.ask(NAME, {"here": "Here", "no": "No"}, answered.append)
    take_back()
    assert (answered, notices._shown) == (["here", "new", "no", "no"], [])
    assert QMessageBox.Icon.Warning in {box.icon() for box in boxes}


def assert_plain(labels, least) -> None:
    """A name that looks like HTML is shown as it is written."""
    assert len(labels) >= least
    for label in labels:
        assert label.textFormat() == Qt.TextFormat.PlainText, label.text()


if __name__ == "__main__":
    main()
