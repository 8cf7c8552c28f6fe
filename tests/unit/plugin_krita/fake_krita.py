"""A Krita that keeps layers in memory: as much of it as the plug-in asks for."""

# ruff: noqa: N802 - the names are Krita's

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

from plugin_krita.scalediff.spaces import Space

SRGB = Space("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")
_NUMBERS = itertools.count(1)


@dataclass
class Edges:
    left: int
    top: int
    wide: int
    high: int

    def x(self) -> int:
        return self.left

    def y(self) -> int:
        return self.top

    def width(self) -> int:
        return self.wide

    def height(self) -> int:
        return self.high


class Id:
    def __init__(self) -> None:
        self.number = next(_NUMBERS)

    def toString(self) -> str:
        return f"{{{self.number:08x}}}"


@dataclass(eq=False)
class FakeNode:
    called: str
    kind: str = "paintlayer"
    space: Space = SRGB
    rect: tuple[int, int, int, int] = (0, 0, 0, 0)
    samples: bytes = b""
    is_visible: bool = True
    is_locked: bool = False
    is_animated: bool = False
    is_pass_through: bool = False
    parent: FakeNode | None = None
    children: list[FakeNode] = field(default_factory=list)
    strips: list[int] = field(default_factory=list)
    at: tuple[int, int] = (0, 0)
    seen: tuple[int, int, int, int] | None = None
    mode: str = "normal"
    strength: int = 255
    inherits: bool = False
    id: Id = field(default_factory=Id)

    def name(self) -> str:
        return self.called

    def setName(self, name: str) -> None:
        self.called = name

    def move(self, x: int, y: int) -> None:
        left, top, wide, high = self.rect
        self.rect = (left + x, top + y, wide, high)
        self.at = (self.at[0] + x, self.at[1] + y)

    def position(self) -> Edges:
        return Edges(*self.at, 0, 0)

    def blendingMode(self) -> str:
        return self.mode

    def setBlendingMode(self, mode: str) -> None:
        self.mode = mode

    def opacity(self) -> int:
        return self.strength

    def setOpacity(self, opacity: int) -> None:
        self.strength = opacity

    def inheritAlpha(self) -> bool:
        return self.inherits

    def setInheritAlpha(self, inherits: bool) -> None:
        self.inherits = inherits

    def setVisible(self, visible: bool) -> None:
        self.is_visible = visible

    def type(self) -> str:
        return self.kind

    def uniqueId(self) -> Id:
        return self.id

    def bounds(self) -> Edges:
        return Edges(*self.rect)

    def visible(self) -> bool:
        return self.is_visible

    def locked(self) -> bool:
        return self.is_locked

    def animated(self) -> bool:
        return self.is_animated

    def passThroughMode(self) -> bool:
        return self.is_pass_through

    def colorModel(self) -> str:
        return self.space.model

    def colorDepth(self) -> str:
        return self.space.depth

    def colorProfile(self) -> str:
        return self.space.profile

    def setColorSpace(self, model: str, depth: str, profile: str) -> bool:
        self.space = Space(model, depth, profile or "default.icc")
        self.samples = bytes(self.rect[2] * self.rect[3] * self.space.pixel_bytes)
        return True

    def parentNode(self) -> FakeNode | None:
        return self.parent

    def childNodes(self) -> list[FakeNode]:
        return list(self.children)

    def remove(self) -> bool:
        assert self.parent is not None
        self.parent.children.remove(self)
        self.parent = None
        return True

    def clone(self) -> FakeNode:
        return replace(self, children=[], parent=None)

    def addChildNode(self, child: FakeNode, above: FakeNode | None) -> bool:
        at = len(self.children) if above is None else self.children.index(above) + 1
        self.children.insert(at, child)
        child.parent = self
        return True

    def pixelData(self, x: int, y: int, w: int, h: int) -> bytes:
        return self._read(x, y, w, h) if self.kind == "paintlayer" else b""

    def projectionPixelData(self, x: int, y: int, w: int, h: int) -> bytes:
        if self.seen is None:
            return self._read(x, y, w, h)
        left, top, wide, high = self.seen
        pixel, nothing = b"\7" * self.space.pixel_bytes, bytes(self.space.pixel_bytes)
        return b"".join(
            pixel if left <= x + i < left + wide and top <= y + j < top + high else nothing
            for j in range(h)
            for i in range(w)
        )

    def setPixelData(self, value: bytes, x: int, y: int, w: int, h: int) -> None:
        assert len(value) == w * h * self.space.pixel_bytes
        self.strips.append(h)
        left, top, wide, high = self.rect
        if self.samples and (x, y, w) == (left, top + high, wide):
            self.samples += bytes(value)
            self.rect = (left, top, wide, high + h)
        else:
            self.samples, self.rect = bytes(value), (x, y, w, h)

    def _read(self, x: int, y: int, w: int, h: int) -> bytes:
        left, top, wide, high = self.rect
        if self.samples and (x, w) == (left, wide) and top <= y and y + h <= top + high:
            row = wide * self.space.pixel_bytes
            return self.samples[(y - top) * row : (y - top + h) * row]
        return bytes([x % 256, y % 256, 3, *[255] * 17][: self.space.pixel_bytes]) * (w * h)


@dataclass
class FakeSelection:
    rect: tuple[int, int, int, int]
    mask: bytes = b""

    def x(self) -> int:
        return self.rect[0]

    def y(self) -> int:
        return self.rect[1]

    def width(self) -> int:
        return self.rect[2]

    def height(self) -> int:
        return self.rect[3]

    def pixelData(self, x: int, y: int, w: int, h: int) -> bytes:
        return self.mask or b"\xff" * (w * h)


@dataclass(eq=False)
class FakeDocument:
    wide: int = 40
    high: int = 30
    space: Space = SRGB
    called: str = "Drawing"
    file: str = ""
    chosen: FakeSelection | None = None
    active: FakeNode | None = None
    annotations: dict[str, bytes] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    root: FakeNode = field(default_factory=lambda: FakeNode("root", "grouplayer"))
    app: FakeApp | None = None

    def add(self, *nodes: FakeNode) -> FakeNode:
        for node in nodes:
            self.root.addChildNode(node, None)
            self.active = node
        return nodes[-1]

    def layers(self) -> list[str]:
        return [node.called for node in self.root.children]

    def name(self) -> str:
        return self.called

    def fileName(self) -> str:
        return self.file

    def width(self) -> int:
        return self.wide

    def height(self) -> int:
        return self.high

    def resolution(self) -> int:
        return 72

    def currentTime(self) -> int:
        return 12

    def colorModel(self) -> str:
        return self.space.model

    def colorDepth(self) -> str:
        return self.space.depth

    def colorProfile(self) -> str:
        return self.space.profile

    def rootNode(self) -> FakeNode:
        return self.root

    def activeNode(self) -> FakeNode | None:
        return self.active

    def selection(self) -> FakeSelection | None:
        return self.chosen

    def pixelData(self, x: int, y: int, w: int, h: int) -> bytes:
        return b"\7" * (w * h * self.space.pixel_bytes)

    def createNode(self, name: str, kind: str) -> FakeNode:
        return FakeNode(name, kind, self.space)

    def resizeImage(self, x: int, y: int, w: int, h: int) -> None:
        self.done.append(f"resize {x} {y} {w} {h}")
        self.wide, self.high = w, h
        for node in self.root.children:
            node.move(-x, -y)

    def scaleImage(self, w: int, h: int, x: int, y: int, strategy: str) -> None:
        self.done.append(f"scale {w} {h}")
        self.wide, self.high = w, h
        for node in self.root.children:
            node.rect = (0, 0, w, h)
            node.samples = b"\7" * (w * h * node.space.pixel_bytes)

    def annotation(self, kind: str) -> bytes:
        return self.annotations.get(kind, b"")

    def setAnnotation(self, kind: str, description: str, value: bytes) -> None:
        self.annotations[kind] = value

    def exportImage(self, file: str, options: object) -> bool:
        return False

    def setBatchmode(self, value: bool) -> None: ...

    def refreshProjection(self) -> None: ...

    def waitForDone(self) -> None: ...

    def close(self) -> None:
        assert self.app is not None
        self.app.open.remove(self)


class FakeApp:
    """Krita.

    Attributes:
        open: documents; the last one is active
        settings: that were written
    """

    def __init__(self, *documents: FakeDocument) -> None:
        self.open = list(documents)
        self.settings: dict[str, str] = {}
        self.known_profiles = ["sRGB-elle-V2-srgbtrc.icc", "ClayRGB-elle-V2-g22.icc"]
        for document in documents:
            document.app = self

    def activeDocument(self) -> FakeDocument | None:
        return self.open[-1] if self.open else None

    def documents(self) -> list[FakeDocument]:
        return list(self.open)

    def profiles(self, model: str, depth: str) -> list[str]:
        return list(self.known_profiles)

    def addProfile(self, file: str) -> bool:
        self.known_profiles.append("added.icc")
        return True

    def readSetting(self, group: str, name: str, default: str) -> str:
        return self.settings.get(name, default)

    def writeSetting(self, group: str, name: str, value: str) -> None:
        self.settings[name] = value

    def createDocument(
        self, w: int, h: int, name: str, model: str, depth: str, profile: str, dpi: float
    ) -> FakeDocument:
        made = FakeDocument(w, h, Space(model, depth, profile or "default.icc"), name, app=self)
        made.add(FakeNode("Background", space=made.space))
        self.open.insert(0, made)
        return made
