"""The whole path, left as pictures of the screen; not a test, see ``screenshots.py``."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QPoint
from PyQt5.QtWidgets import QApplication, QMenu

SCENARIOS = {}


def scenario(function):
    """Have a function run, by its name."""
    SCENARIOS[function.__name__] = function
    return function


def shoot(stage, name):
    yield from stage.pause(0.8)
    screen = QApplication.primaryScreen()
    screen.grabWindow(0).save(str(stage.folder / f"krita-{name}.png"))


@scenario
def the_whole_path(stage):
    window = stage.app.activeWindow()
    window.qwindow().showNormal()
    window.qwindow().setGeometry(QApplication.primaryScreen().geometry())
    yield from stage.pause(1)
    window.qwindow().setGeometry(QApplication.primaryScreen().geometry())
    document = stage.app.openDocument(str(stage.folder / "Озеро 湖.png"))
    document.setBatchmode(True)
    view = window.addView(document)
    yield from stage.until(lambda: document.activeNode() is not None)
    (docker,) = [one for one in stage.app.dockers() if one.objectName() == "scalediff_docker"]
    docker.setVisible(True)
    docker.raise_()
    layer = document.topLevelNodes()[0]
    layer.setName("Озеро 湖")
    stage.select(document, 60, 50, 140, 110, feather=5)
    stage.act("zoom_to_fit")
    del view
    yield from stage.pause(2.5)
    menus = {one.title().replace("&", ""): one for one in window.qwindow().findChildren(QMenu)}
    tools, scripts = menus["Tools"], menus["Scripts"]
    bar = window.qwindow().menuBar()
    tools.popup(bar.mapToGlobal(bar.actionGeometry(tools.menuAction()).bottomLeft()))
    yield from stage.pause(0.5)
    place = tools.mapToGlobal(tools.actionGeometry(scripts.menuAction()).topRight())
    scripts.popup(place + QPoint(-2, 0))
    yield from shoot(stage, "menu")
    scripts.close()
    tools.close()
    yield from stage.pause(0.3)
    stage.act("scalediff_upscale")
    yield from stage.done(170)
    assert not stage.said(), stage.said()
    yield from stage.settle(document)
    document.setSelection(None)
    stage.act("zoom_to_fit")
    yield from shoot(stage, "result")
    from scenes.giving_up import remember_slow

    remember_slow(stage)
    stage.act("scalediff_repeat")
    (order,) = stage.plugin.orders
    yield from stage.until(lambda: order.progress is not None and order.progress.fraction > 0.02)
    yield from stage.pause(1.5)
    yield from shoot(stage, "docker")
    order.cancel()
    yield from stage.done()


@scenario
def first_use(stage):
    from stage import environ_home

    document, _ = yield from stage.document()
    back = environ_home(stage.folder / "nobody")
    stage.act("scalediff_upscale")
    yield from stage.done()
    yield from shoot(stage, "first-use")
    back()
    assert Path(stage.folder).is_dir()
