"""The docker, the importer, the shortcuts."""

from __future__ import annotations

from pathlib import Path

from scalediff import recipes

from stage import LAYER, fingerprint

from .parts import scenario


@scenario
def the_docker_tells_and_cancels_and_starts_nothing(stage):
    from PyQt5.QtWidgets import QLabel, QToolButton

    (docker,) = [one for one in stage.app.dockers() if one.objectName() == "scalediff_docker"]
    document, layer = yield from stage.document()
    docker.setVisible(True)
    docker.raise_()
    yield
    shown = lambda: [one.text() for one in docker.findChildren(QLabel) if one.isVisible()]  # noqa: E731
    yield from stage.until(lambda: any("engine is ready" in text for text in shown()), 10)
    before = fingerprint(document)
    stage.user("wait")
    stage.act("scalediff_upscale")
    yield from stage.until(lambda: any("Waiting for the dialog" in text for text in shown()), 10)
    assert LAYER in shown()
    (button,) = [one for one in docker.findChildren(QToolButton) if one.text() == "Cancel"]
    button.click()
    yield from stage.done()
    yield from stage.until(lambda: not any("Waiting" in text for text in shown()), 5)
    assert fingerprint(document) == before
    docker.setVisible(False)


@scenario
def the_importer_takes_the_zip(stage):
    import hashlib

    from plugin_importer.plugin_importer import PluginImporter

    into = stage.folder / "resources"
    into.mkdir()
    (imported,) = PluginImporter(
        str(stage.folder / "scalediff-krita.zip"), str(into), lambda plugin: False
    ).import_all()
    assert imported["name"] == "scalediff"
    yield
    assert (into / "actions/scalediff.action").is_file()
    assert (into / "pykrita/scalediff.desktop").is_file()
    installed = Path(recipes.__file__).parent

    def files(folder):
        return {
            str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in folder.rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        }

    assert files(into / "pykrita/scalediff") == files(installed)


@scenario
def each_action_has_its_shortcut(stage):
    yield
    found = {
        name: stage.app.action(name).shortcut().toString()
        for name in ("upscale", "upscale_image", "in_place", "repeat", "recent", "rerun")
        for name in [f"scalediff_{name}"]
    }
    assert len(set(found.values())) == len(found), found
    assert all(text.startswith("Ctrl+Alt+Shift+") for text in found.values()), found
    others = {
        action.shortcut().toString()
        for action in stage.app.actions()
        if action.objectName() not in found
    }
    assert not others & set(found.values())
