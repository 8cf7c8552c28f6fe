"""Names for models, where on the Hugging Face hub they are, and under which licence."""

from __future__ import annotations

from scalediff_engine.spec.family import CatalogEntry, Families

# What repositories hold besides, tens of gigabytes: the same weights in other formats.
_LEFT_OUT = ("*.bin", "*.onnx*", "*.msgpack", "*.ckpt")

# Beside those of families: models that people ask for, and that do not run.
_GATED = ("stabilityai/stable-diffusion-3",)


def aliases(families: Families) -> dict[str, tuple[str, ...]]:
    """Words for models, to the names on the hub of what they mean."""
    return {word: ids for family in families for word, ids in family.catalog.aliases.items()}


def download_advice(hub_id: str, families: Families) -> str:
    """The sentences that say how to get ``hub_id``."""
    catalogs = [family.catalog for family in families]
    duplicates = [
        catalog.duplicates[hub_id] for catalog in catalogs if hub_id in catalog.duplicates
    ]
    excluded = " ".join(f'--exclude "{pattern}"' for pattern in (*_LEFT_OUT, *duplicates))
    command = f"`hf download {hub_id} {excluded}`"
    gated = (*_GATED, *(start for catalog in catalogs for start in catalog.gated))
    if hub_id.startswith(gated):
        return (
            f"Accept its licence on https://huggingface.co/{hub_id} first, run `hf auth login` "
            f"once, and then {command} gets it."
        )
    return f"{command} gets it."


def entry_named(name: str, families: Families) -> CatalogEntry | None:
    """Give what can be downloaded for a form of a family."""
    return next((entry for entry in _entries(families) if entry.name == name), None)


def licence_of(hub_id: str, families: Families) -> str:
    """Give the licence of a model of the hub; empty where it is not known here."""
    own = (entry.licence for entry in _entries(families) if entry.hub_id == hub_id)
    others = (
        licence
        for family in families
        for start, licence in family.catalog.licences.items()
        if hub_id.startswith(start)
    )
    return next(own, None) or next(others, "")


def _entries(families: Families) -> list[CatalogEntry]:
    return [entry for family in families for entry in family.catalog.entries]
