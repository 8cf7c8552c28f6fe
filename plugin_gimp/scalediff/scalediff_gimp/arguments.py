"""What the procedures can be told by scripts, and what GIMP's procedure browser says of it."""

from __future__ import annotations

from typing import Any, Callable

from gi.repository import Gimp, GObject

from .plugin_common.placement import Canvas
from .wishes import MODELS_OWN

_CANVASES = (
    (Canvas.KEEP, "Keep the canvas", "The layer may be larger than the canvas"),
    (Canvas.GROW, "Grow the canvas", "As large as the layer needs"),
    (Canvas.SCALE, "Scale the image", "The whole image is scaled, the layer lies in its place"),
    (Canvas.NEW, "New image", "An image of its own, which is given back"),
)
_PRESETS = (
    ("fast", "Fast", "Fewer steps"),
    ("balanced", "Balanced", "The usual steps"),
    ("best", "Best", "More steps"),
)
_SOURCES = (
    ("layers", "Layers", "The layers that are given, each as far as it is selected"),
    ("visible", "Visible image", "What is seen, as far as it is selected"),
)
# Larger than any seed that is shown; GIMP's whole numbers end there.
_MAX_SEED = 2**31 - 1
_WRITABLE = GObject.ParamFlags.READWRITE

Say = Callable[..., str]


def add_settings(procedure: Gimp.Procedure, say: Say, scale: float) -> None:
    """Add what an upscale can be told."""
    procedure.add_double_argument(
        "scale", say("_Scale"), say("How much larger, 1 to 32"), 1.0, 32.0, scale, _WRITABLE
    )
    _text(
        procedure,
        "model",
        say("_Model"),
        say("The name of a model such as 'embedded', a path, or a name of the Hugging Face hub"),
        "embedded",
    )
    _text(procedure, "prompt", say("_Prompt"), say("What the picture shows, if that helps"))
    _text(procedure, "negative", say("_Negative prompt"), say("What it must not show"))
    _choice(
        say, procedure, "preset", say("P_reset"), say("How much time may be spent"), _PRESETS, 1
    )
    procedure.add_double_argument(
        "creativity",
        say("Creati_vity"),
        say("0 only enlarges, 1 invents freely; -1 is the model's own value"),
        MODELS_OWN,
        1.0,
        MODELS_OWN,
        _WRITABLE,
    )
    procedure.add_double_argument(
        "structure",
        say("S_tructure"),
        say("How firmly shapes are held, 0 to 1"),
        0.0,
        1.0,
        1.0,
        _WRITABLE,
    )
    procedure.add_int_argument(
        "seed",
        say("See_d"),
        say("The same picture, settings and seed give the same result"),
        0,
        _MAX_SEED,
        0,
        _WRITABLE,
    )
    _text(
        procedure,
        "settings",
        say("_Other settings"),
        say(
            'Any of the engine\'s other settings as a JSON object, as in {"steps": 8}; they go '
            "before the other arguments. docs/wire.md, UpscaleSettings, has them all"
        ),
    )


def add_placing(procedure: Gimp.Procedure, say: Say, *, with_source: bool) -> None:
    """Add what becomes of the image, and what is taken from it."""
    words = [(canvas.value, label, more) for canvas, label, more in _CANVASES]
    _choice(say, procedure, "canvas", say("C_anvas"), say("What becomes of the image"), words, 0)
    if with_source:
        _choice(say, procedure, "source", say("So_urce"), say("What is upscaled"), _SOURCES, 0)


def add_conversion(procedure: Gimp.Procedure, say: Say) -> None:
    """Add the consent to convert indexed images."""
    procedure.add_boolean_argument(
        "convert-indexed",
        say("Convert _indexed images"),
        say("An indexed image may be converted to RGB; otherwise it is refused"),
        False,
        _WRITABLE,
    )


def add_answers(procedure: Gimp.Procedure, say: Say) -> None:
    """Add what a script gets back."""
    procedure.add_image_return_value(
        "result-image", say("Image"), say("That holds the result"), True, _WRITABLE
    )
    procedure.add_layer_return_value(
        "result-layer", say("Layer"), say("The result; of several, the topmost"), True, _WRITABLE
    )


def values_of(config: Gimp.ProcedureConfig, names: tuple[str, ...]) -> dict[str, Any]:
    """Give arguments by their names, with underscores in place of hyphens."""
    return {name: config.get_property(name.replace("_", "-")) for name in names}


def _text(procedure: Gimp.Procedure, name: str, label: str, more: str, default: str = "") -> None:
    procedure.add_string_argument(name, label, more, default, _WRITABLE)


def _choice(
    say: Say, procedure: Gimp.Procedure, name: str, label: str, more: str, words: Any, default: int
) -> None:
    choice = Gimp.Choice.new()
    for number, (value, title, hint) in enumerate(words):
        choice.add(value, number, say(title), say(hint))
    procedure.add_choice_argument(name, label, more, choice, words[default][0], _WRITABLE)
