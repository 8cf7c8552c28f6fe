"""GIMP as far as the plug-in inserts layers, and any of its calls can be made to refuse.

Who imports this can import the plug-in's modules after it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from installer.plugins import build

# What a call gives when it refuses: GIMP has False for deeds and None for things.
THINGS = {"Layer.new", "Image.new_with_precision", "create_mask", "get_buffer"}


class Calls:
    """Notes every call, and lets the ones that are named refuse.

    Attributes:
        made: names, in order
        refuse: numbers of calls that refuse, from 0
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self, *refuse: int) -> None:
        self.made: list[str] = []
        self.refuse = set(refuse)

    def __call__(self, name: str, act: Callable[[], Any] = lambda: True) -> Any:
        number = len(self.made)
        self.made.append(name)
        if number in self.refuse:
            return None if name in THINGS else False
        return act()


CALLS = Calls()
# Images that were made.
MADE: list[Image] = []
# What the status bar began with.
PROGRESS: list[str] = []


class Buffer:
    def __init__(self) -> None:
        self.data = b""

    def set(self, _area: Any, _name: str, data: bytes) -> None:
        assert type(data) is bytes
        self.data = data

    def flush(self) -> None: ...


class Mask:
    def __init__(self) -> None:
        self.buffer = Buffer()

    def get_buffer(self) -> Any:
        return CALLS("get_buffer", lambda: self.buffer)

    def update(self, *_: int) -> Any:
        return CALLS("update")


class Effect:
    """Of a layer (fx)."""

    def __init__(self, *, visible: bool) -> None:
        self.visible = visible

    def get_visible(self) -> bool:
        return self.visible


class Layer:
    def __init__(self, image: Image, name: str, width: int, height: int) -> None:
        self.image, self.name, self.width, self.height = image, name, width, height
        self.valid, self.at, self.parasites = True, (0, 0), []
        self.buffer, self.mask, self.mode, self.opacity = Buffer(), None, "normal", 100.0
        self.visible, self.filters = True, []
        self.blending = {"blend_space": "auto", "composite_space": "auto", "composite_mode": "auto"}

    @staticmethod
    def new(image: Image, name: str, width: int, height: int, *more: Any) -> Any:
        made = Layer(image, name, width, height)
        made.opacity, made.mode = more[1], more[2]
        return CALLS("Layer.new", lambda: made)

    def get_buffer(self) -> Any:
        return CALLS("get_buffer", lambda: self.buffer)

    def update(self, *_: int) -> Any:
        return CALLS("update")

    def set_offsets(self, x: int, y: int) -> Any:
        self.at = (x, y)
        return CALLS("set_offsets")

    def create_mask(self, _kind: Any) -> Any:
        return CALLS("create_mask", Mask)

    def add_mask(self, mask: Any) -> Any:
        self.mask = mask
        return CALLS("add_mask")

    def set_edit_mask(self, _on: bool) -> Any:
        return CALLS("set_edit_mask")

    def attach_parasite(self, parasite: Any) -> Any:
        return CALLS("attach_parasite", lambda: self.parasites.append(parasite) or True)

    def get_parasite(self, name: str) -> Any:
        return next((each for each in self.parasites if each[0] == name), None)

    def is_valid(self) -> bool:
        return self.valid

    def delete(self) -> None:
        assert self not in self.image.layers, "deleted although it is inserted"
        self.valid = False

    def get_image(self) -> Image:
        return self.image

    def get_parent(self) -> None:
        return None

    def get_id(self) -> int:
        return id(self)

    def get_width(self) -> int:
        return self.width

    def get_height(self) -> int:
        return self.height

    def get_offsets(self) -> tuple[bool, int, int]:
        return True, *self.at

    def get_filters(self) -> list[Any]:
        return self.filters

    def get_visible(self) -> bool:
        return self.visible

    def set_visible(self, on: bool) -> Any:
        def show() -> bool:
            self.visible = on
            return True

        return CALLS("set_visible", show)

    def get_blend_space(self) -> str:
        return self.blending["blend_space"]

    def get_composite_space(self) -> str:
        return self.blending["composite_space"]

    def get_composite_mode(self) -> str:
        return self.blending["composite_mode"]

    def set_blend_space(self, value: str) -> Any:
        self.blending["blend_space"] = value
        return CALLS("set_blend_space")

    def set_composite_space(self, value: str) -> Any:
        self.blending["composite_space"] = value
        return CALLS("set_composite_space")

    def set_composite_mode(self, value: str) -> Any:
        self.blending["composite_mode"] = value
        return CALLS("set_composite_mode")

    def get_opacity(self) -> float:
        return self.opacity

    def get_mode(self) -> str:
        return self.mode


class Image:
    def __init__(self, width: int = 40, height: int = 30, kind: str = "rgb") -> None:
        self.width, self.height, self.kind = width, height, kind
        self.layers: list[Layer] = []
        self.depth, self.groups, self.undo, self.valid = 0, 0, True, True

    @staticmethod
    def new_with_precision(width: int, height: int, kind: str, _precision: str) -> Any:
        def make() -> Image:
            MADE.append(Image(width, height, kind))
            return MADE[-1]

        return CALLS("Image.new_with_precision", make)

    def get_width(self) -> int:
        return self.width

    def get_height(self) -> int:
        return self.height

    def get_base_type(self) -> str:
        return self.kind

    def get_precision(self) -> str:
        return "u8"

    def get_color_profile(self) -> object:
        return object()

    def set_color_profile(self, _profile: object) -> Any:
        return CALLS("set_color_profile")

    def get_resolution(self) -> tuple[bool, float, float]:
        return True, 72.0, 72.0

    def set_resolution(self, *_: float) -> Any:
        return CALLS("set_resolution")

    def is_valid(self) -> bool:
        return self.valid

    def delete(self) -> None:
        self.valid = False

    def undo_group_start(self) -> Any:
        def start() -> bool:
            self.depth += 1
            self.groups += 1
            return True

        return CALLS("undo_group_start", start)

    def undo_group_end(self) -> None:
        self.depth -= 1

    def undo_disable(self) -> None:
        self.undo = False

    def undo_enable(self) -> None:
        self.undo = True

    def convert_rgb(self) -> Any:
        def convert() -> bool:
            self.kind = "rgb"
            return True

        return CALLS("convert_rgb", convert)

    def insert_layer(self, layer: Layer, _parent: Any, position: int) -> Any:
        def insert() -> bool:
            self.layers.insert(position, layer)
            return True

        return CALLS("insert_layer", insert)

    def remove_layer(self, layer: Layer) -> Any:
        def remove() -> bool:
            self.layers.remove(layer)
            return True

        return CALLS("remove_layer", remove)

    def get_item_position(self, layer: Layer) -> int:
        return self.layers.index(layer)

    def scale(self, width: int, height: int) -> Any:
        def scale() -> bool:
            self.width, self.height = width, height
            return True

        return CALLS("scale", scale)

    def resize(self, width: int, height: int, *_: int) -> Any:
        def resize() -> bool:
            self.width, self.height = width, height
            return True

        return CALLS("resize", resize)


def parasite(name: str, flags: int, data: bytes) -> tuple[str, int, bytes]:
    """As the bindings do it: an element is a C char, which is signed."""
    for byte in data:
        if byte > 127:
            raise OverflowError(f"{byte} not in range -128 to 127")
    return name, flags, data


class _Names:
    """An enumeration: whatever is asked for is its own name."""

    def __getattr__(self, name: str) -> str:
        return name.lower()


def _gimp() -> ModuleType:
    gimp = ModuleType("gi.repository.Gimp")
    things: dict[str, Any] = {
        "Layer": Layer,
        "Image": Image,
        "LayerMask": type("LayerMask", (), {}),
        "ImageBaseType": _Names(),
        "ImageType": _Names(),
        "LayerMode": _Names(),
        "AddMaskType": _Names(),
        "InterpolationType": _Names(),
        "ColorRenderingIntent": _Names(),
        "Precision": _Names(),
        "PARASITE_PERSISTENT": 1,
        "PARASITE_UNDOABLE": 2,
        "Parasite": SimpleNamespace(new=parasite),
        "ColorProfile": SimpleNamespace(new_from_icc_profile=lambda icc: icc),
        "get_pdb": lambda: SimpleNamespace(get_last_error=lambda: "No room for it."),
        "PlugIn": type("PlugIn", (), {}),
        "PDBStatusType": _Names(),
        "PDBErrorHandler": _Names(),
        "RunMode": _Names(),
        "progress_init": PROGRESS.append,
        "progress_pulse": lambda: None,
        "progress_end": lambda: None,
        "context_push": lambda: None,
        "context_pop": lambda: None,
        "context_set_interpolation": lambda _: None,
    }
    for name, thing in things.items():
        setattr(gimp, name, thing)
    return gimp


def install() -> None:
    """Be what the plug-in imports."""
    if "gi" in sys.modules:
        return
    gi, repository = ModuleType("gi"), ModuleType("gi.repository")
    gegl = ModuleType("gi.repository.Gegl")
    found: dict[str, Any] = {
        "SamplerType": _Names(),
        "AbyssPolicy": _Names(),
        "Rectangle": SimpleNamespace(new=lambda *all: all),
    }
    for name, thing in found.items():
        setattr(gegl, name, thing)
    vars(gi)["require_version"] = lambda *_: None
    glib, gobject = ModuleType("gi.repository.GLib"), ModuleType("gi.repository.GObject")
    vars(glib).update(Error=Exception, get_language_names=lambda: ["en"])
    vars(gobject)["ParamFlags"] = _Names()
    parts = {"Gimp": _gimp(), "Gegl": gegl, "Babl": ModuleType("Babl")}
    parts |= {"GLib": glib, "GObject": gobject}
    for name, part in parts.items():
        setattr(repository, name, part)
    vars(gi)["repository"] = repository
    sys.modules |= {"gi": gi, "gi.repository": repository}


build()
sys.path.append(str(Path(__file__).parents[3] / "plugin_gimp" / "scalediff"))
install()
