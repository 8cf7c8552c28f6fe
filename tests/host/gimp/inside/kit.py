"""What scenarios inside of GIMP share. Python as GIMP has it: no numpy."""

from __future__ import annotations

import json
import random
import struct
import sys
import time
import traceback
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Babl, Gegl, Gimp, Gio

LETTERS = {"u8": "B", "u16": "H", "u32": "I", "half": "e", "float": "f", "double": "d"}
TOPS = {"u8": 2**8 - 1, "u16": 2**16 - 1, "u32": 2**32 - 1}
FAST = json.dumps({"steps": 1})
# French, Russian and Chinese: every layer's name ends like this.
LETTERS_OF_ALL = " été Слой 图层"
PROMPT = "forêt, лес, 森林"


class Stage:
    """Runs scenarios and writes down what became of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    def tell(self, name: str, **facts: object) -> None:
        with (self.folder / "outcomes.jsonl").open("a") as file:
            file.write(json.dumps({"name": name, **facts}) + "\n")

    def play(self, scenarios: list) -> None:
        for scenario in scenarios:
            began, error = time.monotonic(), ""
            try:
                scenario(self)
            except BaseException:
                error = traceback.format_exc()
            seconds = round(time.monotonic() - began, 2)
            self.tell(scenario.__name__, error=error, seconds=seconds)
            for image in Gimp.get_images():
                image.delete()


def stage() -> Stage:
    return Stage(Path(sys.argv[1]))


def chosen(module_globals: dict) -> list:
    """The scenarios of a script: all, or those that are named."""
    wanted = sys.argv[2:]
    found = [
        each
        for name, each in module_globals.items()
        if callable(each)
        and getattr(each, "__annotations__", {}).get("return") in (None, "None")
        and "stage" in getattr(getattr(each, "__code__", None), "co_varnames", ())[:1]
        and not name.startswith("_")
    ]
    return [each for each in found if not wanted or each.__name__ in wanted]


def new_image(width=48, height=40, base="RGB", precision="U8_NON_LINEAR", profile=None):
    image = Gimp.Image.new_with_precision(
        width, height, getattr(Gimp.ImageBaseType, base), getattr(Gimp.Precision, precision)
    )
    if profile is not None:
        assert image.set_color_profile(profile)
    return image


def titled(name) -> str:
    """The name of a layer as GIMP and the engine know it."""
    return name + LETTERS_OF_ALL


def new_layer(image, name, width=48, height=40, alpha=True, at=(0, 0), parent=None, seed=1):
    grey = image.get_base_type() == Gimp.ImageBaseType.GRAY
    kind = ("GRAY" if grey else "RGB") + ("A" if alpha else "") + "_IMAGE"
    layer = Gimp.Layer.new(
        image,
        titled(name),
        width,
        height,
        getattr(Gimp.ImageType, kind),
        100,
        Gimp.LayerMode.NORMAL,
    )
    assert image.insert_layer(layer, parent, 0)
    assert layer.set_offsets(*at)
    fill(layer, seed)
    return layer


def fill(layer, seed):
    """A soft picture with some grain; floats go beyond 0 to 1."""
    name = encoding(layer)
    model, kind = name.split(" ")
    channels = len(model.replace("'", "").replace("~", ""))
    has_alpha = model.endswith("A")
    dice = random.Random(seed)
    width, height = layer.get_width(), layer.get_height()
    values = []
    for y in range(height):
        for x in range(width):
            for channel in range(channels):
                value = 0.15 + 0.6 * (x / width if channel % 2 else y / height)
                value += 0.2 * dice.random()
                if has_alpha and channel == channels - 1:
                    value = min(1.0, 0.4 + 0.8 * dice.random())
                elif kind not in TOPS:
                    value = value * 1.4 - 0.1
                values.append(round(value * TOPS[kind]) if kind in TOPS else value)
    put(layer, struct.pack(f"<{len(values)}{LETTERS[kind]}", *values))


def encoding(drawable) -> str:
    return Babl.format_get_encoding(drawable.get_format())


def own_format(drawable) -> str:
    return Babl.get_name(drawable.get_format())


def put(layer, data: bytes) -> None:
    buffer = layer.get_buffer()
    buffer.set(rectangle(layer), own_format(layer), data)
    buffer.flush()
    layer.update(0, 0, layer.get_width(), layer.get_height())


def rectangle(drawable, x=0, y=0, width=None, height=None):
    return Gegl.Rectangle.new(x, y, width or drawable.get_width(), height or drawable.get_height())


def pixels(drawable, name=None, *area) -> bytes:
    """Pixels as they are, or in another format."""
    where = rectangle(drawable, *area)
    return bytes(
        drawable.get_buffer().get(where, 1.0, name or own_format(drawable), Gegl.AbyssPolicy.NONE)
    )


def call(name, image, layers, **values):
    """Run a procedure without a dialog; gives its status, its error, its image and its layer."""
    pdb = Gimp.get_pdb()
    procedure = pdb.lookup_procedure(name)
    config = procedure.create_config()
    if image is not None:
        config.set_property("image", image)
    config.set_property("run-mode", values.pop("run_mode", Gimp.RunMode.NONINTERACTIVE))
    config.set_core_object_array("drawables", layers)
    known = {argument.name for argument in procedure.get_arguments()}
    if "settings" in known and "settings" not in values:
        values["settings"] = FAST
    for key, value in values.items():
        config.set_property(key.replace("_", "-"), value)
    answer = procedure.run(config)
    status, error = answer.index(0).value_nick, pdb.get_last_error()
    if answer.length() < 3:
        return status, error, None, None
    return status, error, answer.index(1), answer.index(2)


def upscaled(image, layers, **values):
    """Upscale twice as large; gives the image and the layer."""
    values.setdefault("scale", 2.0)
    values.setdefault("prompt", PROMPT)
    status, error, made, layer = call("scalediff-upscale", image, layers, **values)
    assert status == "success", error
    return made, layer


def reloaded(image, folder: Path):
    """The image after it was saved as XCF and loaded again."""
    file = Gio.File.new_for_path(str(folder / f"kept{LETTERS_OF_ALL}.xcf"))
    assert Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file, None)
    return Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)


def offsets(layer):
    _, x, y = layer.get_offsets()
    return x, y


def size(item):
    return item.get_width(), item.get_height()


def short(layer) -> str:
    """The name of a layer without the letters that all have."""
    return layer.get_name().replace(LETTERS_OF_ALL, "")


def names(image):
    return [short(layer) for layer in image.get_layers()]


def fingerprint(image):
    """All that must not change when nothing is inserted."""
    found = [size(image), image.get_base_type(), image.get_precision(), names(image)]
    for layer in image.get_layers():
        found.append((layer.get_id(), offsets(layer), size(layer), pixels(layer)))
        found.append((layer.get_visible(), layer.get_mode(), layer.get_opacity()))
        mask = layer.get_mask()
        found.append(None if mask is None else pixels(mask))
    found.append(pixels(image.get_selection()))
    return found
