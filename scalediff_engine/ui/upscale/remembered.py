"""What was chosen last, for each family of models; kept in a file of the user's own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scalediff_engine.base.settings import (
    fields_of,
    load_json,
    number,
    save_if_possible,
    text,
    word,
)
from scalediff_engine.ui.upscale.choices import (
    ATTENTIONS,
    DIFFUSION,
    MAX_PPI,
    MAX_SCALE,
    MAX_SEED,
    METHODS,
    MIN_PPI,
    MIN_SCALE,
    PRESETS,
    Choices,
    Extent,
    Unit,
)

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
    whole = fields_of(load_json(file))
    families = fields_of(whole.get("families"))
    return Memory(
        model=text(whole, "model", "embedded"),
        extent=Extent(
            scale=number(whole, "scale", MIN_SCALE, MAX_SCALE) or 4.0,
            ppi=number(whole, "ppi", MIN_PPI, MAX_PPI) or 300.0,
        ),
        seed=int(number(whole, "seed", 0, MAX_SEED) or 0),
        seed_is_locked=whole.get("seed_is_locked") is not False,
        families={name: _family(fields_of(value)) for name, value in families.items()},
        method=word(whole, "method", METHODS, DIFFUSION),
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
    save_if_possible(file, whole)


def _family(found: dict[str, Any]) -> FamilyMemory:
    steps = number(found, "steps", 1, 1000)
    structure = number(found, "structure", 0, 1)
    return FamilyMemory(
        preset=word(found, "preset", PRESETS, "balanced"),
        creativity=number(found, "creativity", 0, 1),
        structure=1.0 if structure is None else structure,
        steps=None if steps is None else int(steps),
        guidance=number(found, "guidance", 0, 30),
        attention=word(found, "attention", ATTENTIONS, "npa"),
    )
