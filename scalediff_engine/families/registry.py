"""All families, registered explicitly; loading imports torch, asking does not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.families.few_steps import DISTILLATIONS, few_steps, hearing_guidance
from scalediff_engine.families.flux.spec import FLUX_DEV, FLUX_SCHNELL
from scalediff_engine.families.sd.spec import (
    SD15,
    SD15_HYPER,
    SD15_LCM,
    SD21,
    SD21_BASE,
    SD21_TURBO,
)
from scalediff_engine.families.sdxl.spec import (
    SDXL,
    SDXL_DMD2,
    SDXL_HYPER,
    SDXL_LCM,
    SDXL_LIGHTNING,
    SDXL_TURBO,
    SDXL_TURBO_MERGE,
)
from scalediff_engine.spec.checkpoint import Checkpoint, Layout
from scalediff_engine.spec.component_sizes import lacks_parts
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.store.folder import title
from scalediff_engine.store.inspect import inspect, inspect_lora
from scalediff_engine.store.known import KNOWN_MODELS
from scalediff_engine.store.locate import locate
from scalediff_engine.store.words import told_first_turbo

if TYPE_CHECKING:
    from scalediff_engine.models.model import Model

FAMILIES: tuple[FamilyFacts, ...] = (
    EMBEDDED,
    SDXL,
    SDXL_TURBO,
    SDXL_TURBO_MERGE,
    SDXL_LIGHTNING,
    SDXL_LCM,
    SDXL_DMD2,
    SDXL_HYPER,
    FLUX_DEV,
    FLUX_SCHNELL,
    SD21,
    SD21_BASE,
    SD21_TURBO,
    SD15,
    SD15_LCM,
    SD15_HYPER,
)

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
    if named is EMBEDDED:
        _refuse_loras(loras)
        return EMBEDDED
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
        return inspect(locate(name_or_path))
    except ModelMissing as error:
        named = registered(name_or_path)
        if name_or_path.lower() in KNOWN_MODELS or not _BARE_WORD.fullmatch(name_or_path):
            raise
        if named is not None:
            raise ModelMissing(
                f"{named.title} has many files and no one place: give the path of its "
                ".safetensors file or folder, or its name on the Hugging Face hub."
            ) from error
        known = ", ".join(family.name for family in FAMILIES)
        raise ModelMissing(
            f"There is no model '{name_or_path}' here. These are: {known}. The path of a "
            ".safetensors file or a folder works too, or a name on the Hugging Face hub."
        ) from error


def facts_of(checkpoint: Checkpoint, loras: Loras = ()) -> FamilyFacts:
    """Give the facts of a model that was found.

    Raises:
        ModelError: a LoRA cannot be used.
    """
    variant = checkpoint.variant
    for path, _ in loras:
        variant = inspect_lora(path).variant or variant
    base = _base(checkpoint)
    if variant not in DISTILLATIONS:
        return base
    distilled = registered(f"{checkpoint.family}-{variant}") or few_steps(base, variant)
    if distilled is SDXL_TURBO and not _is_first_turbo(checkpoint):
        distilled = SDXL_TURBO_MERGE
    hears = checkpoint.guidance_embedded and checkpoint.family != "flux"
    return hearing_guidance(distilled) if hears else distilled


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
    if name_or_path == EMBEDDED.name:
        return _load_embedded(device, loras)
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
    from scalediff_engine.models.components import load_parts
    from scalediff_engine.models.device import pick_device
    from scalediff_engine.models.precision import pick_dtype

    place = pick_device(device)
    dtype = pick_dtype(place)
    parts = load_parts(checkpoint, dtype, loras, text_encoders_from, device=place)
    if checkpoint.family == "flux":
        from scalediff_engine.families.flux.model import FluxModel

        return FluxModel(found, parts, place, dtype)
    from scalediff_engine.families.unet.model import UNetModel

    return UNetModel(found, parts, place, dtype)


def registered(name: str) -> FamilyFacts | None:
    """Give the family that is called ``name``, whether or not a model of it is there."""
    return next((family for family in FAMILIES if family.name == name), None)


def _load_embedded(device: str, loras: Loras) -> Model:
    from scalediff_engine.families.embedded.model import load_embedded
    from scalediff_engine.models.device import pick_device

    _refuse_loras(loras)
    return load_embedded(EMBEDDED, pick_device(device))


def _rest_of(checkpoint: Checkpoint) -> Path | None:
    """A full model of the family in the cache, for one that holds only some of its parts."""
    if not lacks_parts(checkpoint):
        return None
    try:
        return locate(checkpoint.family)
    except ModelError:  # what is missing is told by name when it is loaded
        return None


def _refuse_loras(loras: Loras) -> None:
    if loras:
        raise ModelError("The embedded model takes no LoRA; there are none for it.")


def _is_first_turbo(checkpoint: Checkpoint) -> bool:
    path = checkpoint.path
    return told_first_turbo(title(path) if checkpoint.layout is Layout.FOLDER else path.stem)


def _base(checkpoint: Checkpoint) -> FamilyFacts:
    match checkpoint.family:
        case "sd15":
            return SD15
        case "sd21":  # the form for 768 pixels predicts v, the one for 512 the noise
            return SD21 if checkpoint.prediction == "v_prediction" else SD21_BASE
        case "sdxl":
            return SDXL
        case "flux":
            return FLUX_SCHNELL if checkpoint.variant == "schnell" else FLUX_DEV
