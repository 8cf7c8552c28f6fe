"""All families; loading a model imports torch, asking for its facts does not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.families.embedded import spec as embedded
from scalediff_engine.families.flux import spec as flux
from scalediff_engine.families.lumina import spec as lumina
from scalediff_engine.families.sd15 import spec as sd15
from scalediff_engine.families.sd21 import spec as sd21
from scalediff_engine.families.sdxl import spec as sdxl
from scalediff_engine.spec.checkpoint import Checkpoint
from scalediff_engine.spec.family import (
    Families,
    FamilyFacts,
    FamilySpec,
    family_named,
    lacks_parts,
)
from scalediff_engine.store.catalog import aliases
from scalediff_engine.store.inspect import inspect, inspect_lora
from scalediff_engine.store.locate import locate

if TYPE_CHECKING:
    from scalediff_engine.models.model import Model

FAMILIES: Families = (embedded.SPEC, sdxl.SPEC, flux.SPEC, lumina.SPEC, sd21.SPEC, sd15.SPEC)

_BARE_WORD = re.compile(r"[\w-]*")

# LoRA files, each with a strength.
Loras = Sequence[tuple[Path, float]]


def facts(name_or_path: str, loras: Loras = ()) -> FamilyFacts:
    """Give the facts of a model without loading it.

    A family can be planned with before its weights are there; what is there decides, since a
    family's word may mean a form of it.

    Args:
        name_or_path: a family's name, or what ``store.locate`` finds a model by
        loras: files to be fused into it; one that distils makes the model a distilled one

    Raises:
        ModelMissing: no such family and no such model.
        ModelError: it is there and cannot be used.
    """
    named = registered(name_or_path)
    if named is not None and comes_with_program(name_or_path):
        _refuse_loras(named, loras)
        return named
    try:
        checkpoint = find(name_or_path)
    except ModelMissing:
        if named is None or loras:
            raise
        return named
    return facts_of(checkpoint, loras)


def find(name_or_path: str) -> Checkpoint:
    """Find a model and tell what it is.

    Args:
        name_or_path: see ``facts``

    Raises:
        ModelMissing: it is not there; says what is known here, or how to get it.
        ModelError: it is there and cannot be used.
    """
    try:
        return inspect(locate(name_or_path, FAMILIES), FAMILIES)
    except ModelMissing as error:
        named = registered(name_or_path)
        if name_or_path.lower() in aliases(FAMILIES) or not _BARE_WORD.fullmatch(name_or_path):
            raise
        if named is not None:
            raise ModelMissing(
                f"{named.title} has many files and no one place: give the path of its "
                ".safetensors file or folder, or its Hugging Face repo id."
            ) from error
        known = ", ".join(form.name for form in all_forms())
        raise ModelMissing(
            f"Unknown model '{name_or_path}'. Known names: {known}. The path of a .safetensors "
            "file or a folder works too, or a Hugging Face repo id."
        ) from error


def facts_of(checkpoint: Checkpoint, loras: Loras = ()) -> FamilyFacts:
    """Give the facts of a model that was found.

    Raises:
        ModelError: a LoRA cannot be used.
    """
    variant = checkpoint.variant
    for path, _ in loras:
        variant = inspect_lora(path, FAMILIES).variant or variant
    return family_of(checkpoint).facts_of(checkpoint, variant)


def load(
    name_or_path: str,
    device: str = "auto",
    loras: Loras = (),
    text_encoders_from: Path | None = None,
) -> Model:
    """Load a model onto a device.

    Args:
        name_or_path: a family's name, or what ``store.locate`` finds a model by
        device: auto | cpu | cuda | cuda:N | mps | xpu; auto takes the fastest that is there
        loras: files to fuse into it, each with a strength
        text_encoders_from: a folder or file with the parts that the model lacks; None = a full
            model of its family in the cache, where there is one

    Raises:
        ModelMissing: no such family and no such model, or a part of it is missing.
        ModelError: it is there and cannot be used.
        UsageError: no such device on this machine.
    """
    if comes_with_program(name_or_path):
        return _load_shipped(name_or_path, device, loras)
    checkpoint = find(name_or_path)
    rest = text_encoders_from or _rest_of(checkpoint)
    return load_checkpoint(checkpoint, facts_of(checkpoint, loras), device, loras, rest)


def load_checkpoint(
    checkpoint: Checkpoint,
    found: FamilyFacts,
    device: str = "auto",
    loras: Loras = (),
    text_encoders_from: Path | None = None,
) -> Model:
    """Load a model that was found.

    Args:
        checkpoint: where it is
        found: what ``facts_of`` says of it
        device, loras: see ``load``
        text_encoders_from: where parts are that the checkpoint lacks

    Raises:
        ModelMissing: a part of it is missing.
        ModelError: it cannot be used.
        UsageError: no such device on this machine.
    """
    from scalediff_engine.models.component_loading import load_components
    from scalediff_engine.models.device import pick_device, pick_dtype

    place = pick_device(device)
    dtype = pick_dtype(place)
    parts = load_components(
        checkpoint, dtype, loras, text_encoders_from, families=FAMILIES, device=place
    )
    return family_of(checkpoint).load().model(found, parts, place, dtype)


def all_forms() -> tuple[FamilyFacts, ...]:
    """Give the facts of every form of every family."""
    return tuple(form for family in FAMILIES for form in family.forms)


def family_of(checkpoint: Checkpoint) -> FamilySpec:
    """Give the family of a checkpoint."""
    return family_named(checkpoint.family, FAMILIES)


def comes_with_program(name: str) -> bool:
    """Whether ``name`` is that of a model whose weights ship."""
    return _shipped(name) is not None


def registered(name: str) -> FamilyFacts | None:
    """Give the form that is called ``name``, whether or not a model of it is there."""
    return next((form for form in all_forms() if form.name == name), None)


def _shipped(name: str) -> FamilySpec | None:
    shipped = (family for family in FAMILIES if family.comes_with_program)
    return next((family for family in shipped if family.name == name), None)


def _load_shipped(name: str, device: str, loras: Loras) -> Model:
    from scalediff_engine.models.device import pick_device

    family = _shipped(name)
    assert family is not None  # callers ask ``comes_with_program`` first
    _refuse_loras(family.forms[0], loras)
    return family.load()(family.forms[0], pick_device(device))


def _rest_of(checkpoint: Checkpoint) -> Path | None:
    """A full model of the family in the cache, for one that holds only some of its parts."""
    if not lacks_parts(checkpoint, family_of(checkpoint)):
        return None
    try:
        return locate(checkpoint.family, FAMILIES)
    except ModelError:  # what is missing is told by name when it is loaded
        return None


def _refuse_loras(facts: FamilyFacts, loras: Loras) -> None:
    if loras:
        raise ModelError(f"The model {facts.name} takes no LoRA; there are none for it.")
