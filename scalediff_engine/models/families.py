"""All families, registered explicitly; loading imports torch, asking does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalediff_engine.errors import ModelMissing
from scalediff_engine.models.embedded import EMBEDDED
from scalediff_engine.models.facts import FamilyFacts

if TYPE_CHECKING:
    from scalediff_engine.models.model import Model

FAMILIES: tuple[FamilyFacts, ...] = (EMBEDDED,)


def facts(name: str) -> FamilyFacts:
    """Give the facts of the family ``name``.

    Raises:
        ModelMissing: no such family; says which ones are there.
    """
    for family in FAMILIES:
        if family.name == name:
            return family
    known = ", ".join(family.name for family in FAMILIES)
    raise ModelMissing(f"There is no model '{name}' here. These are: {known}.")


def load(name: str, device: str = "auto") -> Model:
    """Load the model of the family ``name`` onto a device.

    Args:
        name: of a family
        device: auto | cpu | cuda | cuda:N | mps | xpu; auto takes the fastest that is there

    Raises:
        ModelMissing: no such family, or its files are gone.
        UsageError: no such device on this machine.
    """
    found = facts(name)
    from scalediff_engine.models.device import pick_device
    from scalediff_engine.models.embedded_model import load_embedded

    return load_embedded(found, pick_device(device))
