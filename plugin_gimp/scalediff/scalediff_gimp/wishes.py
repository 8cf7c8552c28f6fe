"""What is asked for: by arguments, by what was chosen last, or in the dialog."""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .client import codec
from .client.files import whole_file
from .client.messages import UpscaleSettings
from .plugin_common.placement import Canvas

# The method without diffusion.
FAST = "fast"
# What an argument of GIMP says where the model's own value is wanted.
MODELS_OWN = -1.0
# What arguments say; whatever else there is goes into the argument "settings".
_BY_ARGUMENT = ("scale", "model", "prompt", "negative", "preset", "creativity", "structure", "seed")
_VERSION = 1


@dataclass(frozen=True)
class Wishes:
    """What is wanted.

    Attributes:
        settings: of the upscale
        canvas: what becomes of the image
        default: what would have become of it, had the user not chosen
    """

    settings: UpscaleSettings
    canvas: Canvas = Canvas.KEEP
    default: Canvas = Canvas.KEEP


def from_arguments(arguments: dict[str, Any]) -> UpscaleSettings:
    """Read settings from arguments; what ``settings`` says goes before the others.

    Args:
        arguments: by their names with underscores

    Raises:
        ValueError: ``settings`` is not what it should be; the text says how.
    """
    # GIMP gives an empty text as None now and then
    values = {name: arguments[name] for name in _BY_ARGUMENT if arguments.get(name) is not None}
    if values.get("creativity", 0.0) < 0:
        values["creativity"] = None
    more = str(arguments.get("settings") or "").strip()
    if more:
        found = _object(more)
        known = {field.name for field in dataclasses.fields(UpscaleSettings)}
        unknown = sorted(set(found) - known)
        if unknown:
            raise ValueError(f"'settings' knows no '{unknown[0]}'.")
        if "width" in found or "height" in found:
            values["scale"] = None
        values.update(found)
    return codec.from_object(UpscaleSettings, values)


def to_arguments(settings: UpscaleSettings) -> dict[str, Any]:
    """Give the arguments that ask for these settings."""
    plain = codec.to_object(settings)
    defaults = codec.to_object(UpscaleSettings())
    arguments = {name: plain[name] for name in _BY_ARGUMENT}
    if arguments["creativity"] is None:
        arguments["creativity"] = MODELS_OWN
    if arguments["scale"] is None:
        arguments["scale"] = 4.0
    more = {
        name: value
        for name, value in plain.items()
        if name not in _BY_ARGUMENT and value != defaults[name]
    }
    arguments["settings"] = json.dumps(more, sort_keys=True) if more else ""
    return arguments


def in_place(settings: UpscaleSettings) -> UpscaleSettings:
    """Return the settings of a job whose result is shrunk again.

    Locked to its source it would be the source. The fast method has no such setting.
    """
    return dataclasses.replace(settings, source_lock=settings.method == FAST)


def canvas_for(last: Optional[Wishes], default: Canvas) -> Canvas:
    """Return what becomes of the image unless the user chooses something else.

    What was chosen for the whole canvas does not hold for a part of it, nor the other way round.

    Args:
        last: what was used last; none = nothing was
        default: of what was taken now, see ``placement.default_canvas``
    """
    if last is None:
        return default
    is_apart = last.canvas in (Canvas.NEW, Canvas.IN_PLACE)
    return last.canvas if is_apart or last.default == default else default


def remember(wishes: Wishes, file: Path) -> None:
    """Write down what was wanted, for "Repeat"; a file that cannot be written is done without."""
    told = {
        "scalediff": _VERSION,
        "settings": codec.to_object(wishes.settings),
        "canvas": wishes.canvas.value,
        "default": wishes.default.value,
    }
    with suppress(OSError, UnicodeError), whole_file(file) as opened:
        opened.write(json.dumps(told).encode())


def remembered(file: Path) -> Optional[Wishes]:
    """Give what was wanted last; none if nothing was, or it cannot be read."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if found["scalediff"] != _VERSION:
            return None
        settings = codec.from_object(UpscaleSettings, found["settings"])
        default = Canvas(found.get("default", Canvas.KEEP.value))
        return Wishes(settings, Canvas(found["canvas"]), default)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"'settings' is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise ValueError("'settings' is no JSON object.")
    return found
