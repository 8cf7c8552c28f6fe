"""Which models jobs can name: the families, and what is in the cache of Hugging Face."""

from __future__ import annotations

import logging
import os

from scalediff_engine.errors import ScaleDiffError
from scalediff_engine.models.embedded import EMBEDDED
from scalediff_engine.models.facts import FamilyFacts
from scalediff_engine.models.families import FAMILIES, facts_of, find
from scalediff_engine.store.checkpoint import Checkpoint, Layout
from scalediff_engine.store.folder import title
from scalediff_engine.store.locate import cached_models
from scalediff_engine.wire.messages import ModelInfo, ModelList

_log = logging.getLogger(__name__)


def list_models() -> ModelList:
    """Give a line for each family, and one for each further model in the cache; never raises.

    Reads headers of files, so it may take a second.
    """
    found: list[ModelInfo] = []
    named: set[str] = set()
    for family in FAMILIES:
        checkpoint = None if family is EMBEDDED else _found(family.name)
        size_bytes = 0
        if checkpoint is not None:
            named.add(str(checkpoint.path))
            size_bytes = checkpoint.weight_bytes
        installed = family is EMBEDDED or checkpoint is not None
        found.append(_info(family.name, family.title, family, installed, size_bytes))
    for checkpoint in _cached():
        if str(checkpoint.path) not in named:
            found.extend(_cached_info(checkpoint))
    return ModelList(found)


def _found(name: str) -> Checkpoint | None:
    try:
        return find(name)
    except (ScaleDiffError, OSError, ValueError):
        return None


def _cached() -> tuple[Checkpoint, ...]:
    try:
        return cached_models(os.environ)
    except (ScaleDiffError, OSError, ValueError):
        _log.exception("The cache of models cannot be read")
        return ()


def _cached_info(checkpoint: Checkpoint) -> list[ModelInfo]:
    """Its line, or none for one that is broken or whose name is no text."""
    try:
        is_folder = checkpoint.layout is Layout.FOLDER
        word = title(checkpoint.path) if is_folder else str(checkpoint.path)
        word.encode()
        facts = facts_of(checkpoint)
    except (ScaleDiffError, OSError, ValueError):
        return []
    name = word if is_folder else checkpoint.path.stem
    return [_info(word, name, facts, installed=True, size_bytes=checkpoint.weight_bytes)]


def _info(
    name: str, people: str, facts: FamilyFacts, installed: bool, size_bytes: int
) -> ModelInfo:
    (stage, *_) = facts.stage_defaults(1)
    return ModelInfo(
        name=name,
        title=people,
        family=facts.name,
        native_width=facts.native.width,
        native_height=facts.native.height,
        installed=installed,
        size_bytes=size_bytes,
        default_creativity=facts.default_creativity,
        steps=stage.steps,
        guidance=stage.guidance,
    )
