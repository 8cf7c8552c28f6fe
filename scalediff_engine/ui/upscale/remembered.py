"""What was chosen last, for each family of models; kept in a file of the user's own."""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from scalediff_engine.client.places import make_private
from scalediff_engine.ui.upscale.choices import (
    ATTENTIONS,
    DIFFUSION,
    MAX_SEED,
    METHODS,
    PRESETS,
    Choices,
)
from scalediff_engine.ui.upscale.extent import (
    MAX_PPI,
    MAX_SCALE,
    MIN_PPI,
    MIN_SCALE,
    Extent,
    Unit,
)

_log = logging.getLogger(__name__)
_VERSION = 1


@dataclass(frozen=True)
class FamilyMemory:
    """What one family was last used with; what a picture shows is not kept."""

    preset: str = "balanced"
    creativity: float | None = None
    structure: float = 1.0
    steps: int | None = None
    guidance: float | None = None
    attention: str = "npa"


@dataclass(frozen=True)
class Memory:
    """All that is remembered.

    Attributes:
        model: used last
        method: used last
        extent: asked for last, if it was a scale; a size belongs to its picture
        seed, seed_is_locked: as they were left
        families: by their names
        strip: whether results were to have no metadata
    """

    model: str = "embedded"
    extent: Extent = field(default_factory=Extent)
    seed: int = 0
    seed_is_locked: bool = True
    families: dict[str, FamilyMemory] = field(default_factory=dict[str, FamilyMemory])
    method: str = DIFFUSION
    strip: bool = False

    def begin(self) -> Choices:
        """Give what a dialog begins with, before it knows the models."""
        return Choices(
            extent=self.extent,
            method=self.method,
            model=self.model,
            seed=self.seed,
            seed_is_locked=self.seed_is_locked,
            strip=self.strip,
        )

    def apply(self, choices: Choices, family: str) -> Choices:
        """Give ``choices`` with what this family was last used with."""
        last = self.families.get(family, FamilyMemory())
        return replace(
            choices,
            preset=last.preset,
            creativity=last.creativity,
            structure=last.structure,
            steps=last.steps,
            guidance=last.guidance,
            attention=last.attention,
        )

    def keep(self, choices: Choices, family: str) -> Memory:
        """Give a memory that knows these too."""
        last = FamilyMemory(
            preset=choices.preset,
            creativity=choices.creativity,
            structure=choices.structure,
            steps=choices.steps,
            guidance=choices.guidance,
            attention=choices.attention,
        )
        is_scale = choices.extent.unit is Unit.SCALE
        return Memory(
            model=choices.model,
            extent=Extent(scale=choices.extent.scale, ppi=choices.extent.ppi)
            if is_scale
            else replace(self.extent, ppi=choices.extent.ppi),
            seed=choices.seed,
            seed_is_locked=choices.seed_is_locked,
            families={**self.families, family: last},
            method=choices.method,
            strip=choices.strip,
        )


def file_in(home: Path) -> Path:
    """Say where it is kept."""
    return home / "dialog" / "settings.json"


def load(file: Path) -> Memory:
    """Read what is remembered; whatever makes no sense is as if it had never been."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return Memory()
    whole = _fields(found)
    families = _fields(whole.get("families"))
    return Memory(
        model=_text(whole, "model", "embedded"),
        extent=Extent(
            scale=_number(whole, "scale", MIN_SCALE, MAX_SCALE) or 4.0,
            ppi=_number(whole, "ppi", MIN_PPI, MAX_PPI) or 300.0,
        ),
        seed=int(_number(whole, "seed", 0, MAX_SEED) or 0),
        seed_is_locked=whole.get("seed_is_locked") is not False,
        families={name: _family(_fields(value)) for name, value in families.items()},
        method=_word(whole, "method", METHODS, DIFFUSION),
        strip=whole.get("strip") is True,
    )


def save(memory: Memory, file: Path) -> None:
    """Write it; the file appears whole. A full disk costs the memory and nothing else."""
    whole: dict[str, object] = {
        "version": _VERSION,
        "method": memory.method,
        "model": memory.model,
        "scale": memory.extent.scale,
        "ppi": memory.extent.ppi,
        "seed": memory.seed,
        "seed_is_locked": memory.seed_is_locked,
        "strip": memory.strip,
        "families": {name: vars(family) for name, family in memory.families.items()},
    }
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        make_private(file.parent)
        draft.write_text(json.dumps(whole, indent=1), encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        _log.warning("The settings cannot be kept: %s", error)
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _family(found: dict[str, Any]) -> FamilyMemory:
    steps = _number(found, "steps", 1, 1000)
    structure = _number(found, "structure", 0, 1)
    return FamilyMemory(
        preset=_word(found, "preset", PRESETS, "balanced"),
        creativity=_number(found, "creativity", 0, 1),
        structure=1.0 if structure is None else structure,
        steps=None if steps is None else int(steps),
        guidance=_number(found, "guidance", 0, 30),
        attention=_word(found, "attention", ATTENTIONS, "npa"),
    )


def _fields(found: object) -> dict[str, Any]:
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _text(fields: dict[str, Any], name: str, default: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) and value else default


def _word(fields: dict[str, Any], name: str, known: tuple[str, ...], default: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) and value in known else default


def _number(fields: dict[str, Any], name: str, low: float, high: float) -> float | None:
    value = fields.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    # NaN is not within
    return value if low <= value <= high else None
