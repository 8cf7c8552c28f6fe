"""``scalediff info``: what a picture file holds, in words or as JSON."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Any, cast

from scalediff_engine.cli import streams
from scalediff_engine.cli.streams import one_line
from scalediff_engine.images.picture import ColourModel, Depth
from scalediff_engine.images.recipe import Description, describe

_DEPTHS = {
    Depth.U8: "8 bit",
    Depth.U16: "16 bit",
    Depth.F16: "16 bit float",
    Depth.F32: "32 bit float",
}
_MODELS = {ColourModel.GREY: "grey", ColourModel.RGB: "RGB", ColourModel.CMYK: "CMYK"}


def show_info(file: Path, *, json: bool) -> int:
    """Write the description of ``file``.

    Raises:
        InputError: it is no picture that can be read.
    """
    found = describe(file)
    if json:
        streams.to_stdout(json_format.dumps(info_object(file, found)))
    else:
        rows = info_rows(file, found)
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            streams.to_stdout(one_line(f"{name:<{width}}  {value}"))
    return 0


def info_object(file: Path, found: Description) -> dict[str, Any]:
    """Give the description as an object with stable fields."""
    return {
        "file": str(file),
        "format": found.format_name,
        "size": list(found.size),
        "depth": found.depth.value,
        "model": found.model.name.lower(),
        "alpha": found.has_alpha,
        "profile": found.profile_name,
        "dpi": None if found.dpi is None else list(found.dpi),
        "recipe": found.recipe,
        "notes": list(found.notes),
    }


def info_rows(file: Path, found: Description) -> list[tuple[str, str]]:
    """Give the description as names and values for people."""
    rows = [
        ("File", str(file)),
        ("Format", found.format_name),
        ("Size", f"{found.size} ({found.size.area / 1e6:.1f} megapixels)"),
        ("Depth", _DEPTHS[found.depth]),
        ("Colours", _MODELS[found.model] + (" with transparency" if found.has_alpha else "")),
        ("Profile", found.profile_name or "none (sRGB is assumed)"),
        ("Resolution", _resolution(found.dpi)),
    ]
    rows += [("Note", note) for note in found.notes]
    return rows + (_recipe_rows(found.recipe) if found.recipe else [])


def _resolution(dpi: tuple[float, float] | None) -> str:
    if dpi is None:
        return "not said"
    across, down = (round(value, 1) for value in dpi)  # PNG counts pixels a metre
    return f"{across:g} dpi" if across == down else f"{across:g} x {down:g} dpi"


def _recipe_rows(recipe: dict[str, Any]) -> list[tuple[str, str]]:
    """Give what a recipe says; one from another version may say more, or less, or nonsense."""
    made_by = " ".join(str(recipe[key]) for key in ("program", "version") if key in recipe)
    rows = [
        ("Made by", made_by or "unknown"),
        ("Model", str(recipe.get("model", "unknown"))),
        ("From", f"{recipe.get('source', '?') or 'noise'} to {recipe.get('target', '?')}"),
    ]
    for lora in _list(recipe.get("loras")):
        if isinstance(lora, dict):
            fused = cast("dict[str, Any]", lora)
            rows.append(("LoRA", f"{fused.get('file', '?')}, weight {fused.get('weight', '?')}"))
    stages = recipe.get("stages")
    for number, stage in enumerate(_list(stages), 1):
        if isinstance(stage, dict):
            found = cast("dict[str, Any]", stage)
            rows.append((f"Stage {number}", ", ".join(f"{k} {v}" for k, v in found.items())))
    settings = recipe.get("settings")
    if isinstance(settings, dict):
        chosen = cast("dict[str, Any]", settings)
        rows += [
            (key.replace("_", " ").capitalize(), _setting(value)) for key, value in chosen.items()
        ]
    return rows


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _setting(value: object) -> str:
    if value is None or value == "":
        return "the model's own"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
