"""What scenarios have in their hands, inside of Krita."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from pathlib import Path

from krita import InfoObject, Krita, Selection
from PyQt5.QtWidgets import QMessageBox, QPushButton
from scalediff.client.client import Client
from scalediff.client.messages import JobState
from scalediff.client.places import Places
from scalediff.client.start import find
from scalediff.layers import id_of

# A source of this size is native to the embedded model; one step of the fast preset.
QUICK = {
    "scale": 2.0, "preset": "fast", "steps": 1, "seed": 7, "prompt": "озеро, 湖, fenêtre",
}  # fmt: skip
# In other scripts than ASCII, as in most languages the first layer is.
LAYER, DRAWING = "Фон 背景 fond", "Étude Этюд 草图"
SRGB = "sRGB-elle-V2-srgbtrc.icc"
_CHANNELS = {"RGBA": 4, "GRAYA": 2, "CMYKA": 5, "LABA": 4}
_BYTES = {"U8": 1, "U16": 2, "F16": 2, "F32": 4}


class Stage:
    """A Krita with an engine beside it.

    Args:
        folder: that scenarios, the engine and the test outside all see
    """

    def __init__(self, folder: Path) -> None:
        self.app = Krita.instance()
        self.folder = folder
        self.home = folder / "home"
        self._opened = []

    # the engine and its user

    def client(self) -> Client:
        return Client(lambda: find(Places(self.home)))

    def user(self, does: str, canvas: str = "", settings: dict | None = None) -> None:
        """Say what the user does in the next dialogs."""
        said = {"does": does, "settings": QUICK if settings is None else settings}
        if canvas:
            said["canvas"] = canvas
        (self.folder / "notes.json").unlink(missing_ok=True)
        (self.folder / "user.json").write_text(json.dumps(said))

    def notes(self) -> dict | None:
        """What the dialog was told."""
        file = self.folder / "notes.json"
        return json.loads(file.read_text()) if file.is_file() else None

    def outside(self, word: str):
        """Have the test outside do something with the engine; see ``Beside.do``."""
        self._ask_outside(word)
        yield from self.until(self._was_done_outside, 30)

    def halts_at_upload(self) -> threading.Event:
        """Have the engine halt when the next upload begins; gives what says that it has."""
        upload, has_halted = Client.upload, threading.Event()

        def halted(client, *arguments):
            Client.upload = upload
            self._ask_outside("halt")
            while not self._was_done_outside():
                time.sleep(0.01)
            has_halted.set()
            return upload(client, *arguments)

        Client.upload = halted
        return has_halted

    def sees_uploads(self, sent: list[str]) -> None:
        """Have the hash of the next upload's samples put into a list."""
        upload = Client.upload

        def seen(client, header, samples, icc):
            Client.upload = upload
            sent.append(hashlib.sha256(samples).hexdigest())
            return upload(client, header, samples, icc)

        Client.upload = seen

    def _ask_outside(self, word: str) -> None:
        draft = self.folder / "request.part"
        draft.write_text(word)
        draft.replace(self.folder / "request")

    def _was_done_outside(self) -> bool:
        return not (self.folder / "request").exists()

    def result(self):
        """The engine's newest result, and its job."""
        client = self.client()
        job = next(job for job in client.jobs().jobs if job.state is JobState.DONE)
        return client.result(job.id), client.job(job.id)

    # documents

    def document(self, width=96, height=64, model="RGBA", depth="U8", profile="", name=DRAWING):
        """A new document in a window of its own, with one opaque layer of some picture."""
        document = self.app.createDocument(width, height, name, model, depth, profile, 72.0)
        document.setBatchmode(True)
        self.app.activeWindow().addView(document)
        self._opened.append(document)
        layer = document.topLevelNodes()[0]
        layer.setName(LAYER)
        layer.setPixelData(picture(width, height, model, depth), 0, 0, width, height)
        document.refreshProjection()
        yield from self.until(lambda: self.app.activeDocument() == document, 10)
        yield from self.until(lambda: document.activeNode() is not None, 10)
        yield from self.settle(document)
        document.setModified(False)
        return document, layer

    def add(self, document, node, above=None):
        document.rootNode().addChildNode(node, above)
        yield from self.settle(document)

    def activate(self, document, node):
        """Click a layer."""
        yield from self.settle(document)
        document.setActiveNode(node)
        yield from self.until(
            lambda: (
                document.activeNode() is not None and id_of(document.activeNode()) == id_of(node)
            )
        )

    def settle(self, document):
        """Wait until Krita has nothing to do for it."""
        for _ in range(6):
            yield
        document.refreshProjection()
        document.waitForDone()
        for _ in range(6):
            yield

    def select(self, document, x, y, w, h, feather=0):
        selection = Selection()
        selection.select(x, y, w, h, 255)
        if feather:
            selection.feather(feather)
        document.setSelection(selection)
        return selection

    def close(self, document):
        document.setModified(False)
        document.close()
        self._opened = [one for one in self._opened if one is not document]

    def cleared(self):
        """Leave nothing behind."""
        self.dismiss()
        self.plugin.office.cancel_all()
        yield from self.until(lambda: not self.plugin.orders, 20)
        self.dismiss()
        # Krita 5.1 crashes by itself when its list of layers is brought up to date, which it is
        # a moment later, and the last document has gone meanwhile
        yield from self.pause(0.3)
        for document in list(self.app.documents()):
            document.setBatchmode(True)
            document.setModified(False)
            document.close()
        self._opened = []
        yield from self.until(lambda: not self.app.documents(), 5)

    def pause(self, seconds):
        end = time.monotonic() + seconds
        yield from self.until(lambda: time.monotonic() > end, seconds + 5)

    def reopened(self, document):
        """The document after a save, as a second one."""
        file = self.folder / f"Étude Этюд 草图 {time.monotonic_ns()}.kra"
        document.waitForDone()
        assert document.saveAs(str(file))
        document.waitForDone()
        opened = self.app.openDocument(str(file))
        opened.setBatchmode(True)
        self._opened.append(opened)
        return opened

    # acting and waiting

    def act(self, name: str) -> None:
        """Do as the menu does."""
        action = self.app.action(name)
        assert action is not None, name
        action.trigger()

    @property
    def plugin(self):
        import scalediff

        return scalediff._plugin

    def until(self, holds, seconds=60.0):
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"it did not come to hold within {seconds} s"
            yield

    def done(self, seconds=60.0):
        """Wait until no order is under way."""
        yield from self.until(lambda: not self.plugin.orders, seconds)

    def upscaled(self, name="scalediff_upscale"):
        """Do an action and wait for what comes of it."""
        self.act(name)
        assert self.plugin.orders, self.said()
        yield from self.done()
        assert not self.said(), self.said()

    def heard_notes(self) -> list[str]:
        """Give a list of what is said in passing from now on."""
        screen, told = self.plugin.office._setting.screen, []
        say = type(screen).note

        def note(sentence):
            told.append(sentence)
            say(screen, sentence)

        screen.note = note
        return told

    def boxes(self) -> list:
        window = self.app.activeWindow().qwindow()
        return [box for box in window.findChildren(QMessageBox) if box.isVisible()]

    def said(self) -> list[str]:
        return [box.text() for box in self.boxes()]

    def dismiss(self) -> list[str]:
        """Close all messages; gives what they said."""
        said = self.said()
        for box in self.boxes():
            box.close()
        return said

    def buttons(self) -> list:
        return [button for box in self.boxes() for button in box.findChildren(QPushButton)]


def names(document) -> list[str]:
    """Layers from below; Krita keeps the selection among them, as a mask."""
    nodes = document.topLevelNodes()
    return [node.name() for node in nodes if node.type() != "selectionmask"]


def rect(node) -> tuple[int, int, int, int]:
    edges = node.bounds()
    return edges.x(), edges.y(), edges.width(), edges.height()


def pixels(node, x, y, w, h) -> bytes:
    return bytes(node.pixelData(x, y, w, h))


def fingerprint(document) -> str:
    """Everything of a document that must not change, as one word."""
    document.waitForDone()
    found = hashlib.sha256()
    told = [document.width(), document.height(), document.modified(), document.annotationTypes()]
    stack = list(document.topLevelNodes())
    while stack:
        node = stack.pop()
        told += [id_of(node), node.name(), node.type(), rect(node), node.visible()]
        found.update(pixels(node, *rect(node)))
        stack += node.childNodes()
    found.update(bytes(document.pixelData(0, 0, document.width(), document.height())))
    found.update(repr(told).encode())
    return found.hexdigest()


def picture(width: int, height: int, model: str, depth: str) -> bytes:
    """Opaque samples: slopes in each channel, with some texture."""
    import struct

    channels = _CHANNELS[model]
    kind = {"U8": "B", "U16": "H", "F16": "e", "F32": "f"}[depth]
    values = []
    for y in range(height):
        for x in range(width):
            for c in range(channels - 1):
                slope = (x * (c + 1) / width + y * (3 - c) / height) / 4
                values.append(min(1.0, slope + 0.12 * ((x * 7 + y * 13 + c * 5) % 11) / 11))
            values.append(1.0)
    if depth == "U8":
        return bytes(round(value * 255) for value in values)
    if depth == "U16":
        values = [round(value * 65535) for value in values]
    return struct.pack(f"<{len(values)}{kind}", *values)


def info(**values):
    found = InfoObject()
    for name, value in values.items():
        found.setProperty(name, value)
    return found


def environ_home(home: Path):
    """Let the plug-in look for the engine elsewhere; gives what puts it back."""
    before = os.environ["SCALEDIFF_HOME"]
    os.environ["SCALEDIFF_HOME"] = str(home)

    def back() -> None:
        os.environ["SCALEDIFF_HOME"] = before

    return back
