"""Which models jobs can name: the families, what is in the cache, and what is elsewhere."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from scalediff_engine.base.errors import ModelError, ScaleDiffError
from scalediff_engine.base.files import free_bytes
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import (
    ModelFolder,
    ModelInfo,
    ModelList,
    ModelPlace,
    Problem,
    RefusedModel,
    UpscaleSettings,
)
from scalediff_engine.families import registry as families
from scalediff_engine.families.registry import facts_of, find
from scalediff_engine.server.planner import plan
from scalediff_engine.spec.checkpoint import Checkpoint, Layout
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.store.catalog import entry_named, licence_of
from scalediff_engine.store.hub_cache import (
    cache_folder,
    disk_bytes,
    remove_download,
    repository_folder,
)
from scalediff_engine.store.inspect import title
from scalediff_engine.store.locate import cached_models
from scalediff_engine.store.scan import Place, added_folders, places_of_programs, scan

_log = logging.getLogger(__name__)
# What "memory here" is said for: a picture as large as most that are made.
_TYPICAL = Size(512, 512)
_TYPICAL_SCALE = 4.0


def list_models(
    added: Path | None = None, environment: Mapping[str, str] = os.environ
) -> ModelList:
    """Give a line for each family, and one for each further model that is here; never raises.

    Reads headers of files, so it may take a second.

    Args:
        added: the list of folders that the user has added, see ``store.scan``
        environment: tells where the cache and the folders of other programs are
    """
    cache = cache_folder(environment)
    found: list[ModelInfo] = []
    named: set[Path] = set()
    for family in families.FAMILIES:
        if family.comes_with_program:
            found += [_shipped_info(form, family.licence) for form in family.forms]
            continue
        for form in family.forms:
            checkpoint = _found(form.name)
            if checkpoint is not None:
                named.add(checkpoint.path)
            found.append(_form_info(form, checkpoint, cache))
    for checkpoint in _cached(environment):
        if checkpoint.path not in named:
            named.add(checkpoint.path)
            found.extend(_cached_info(checkpoint, cache))
    folders, refused = _elsewhere(found, named, added, environment)
    return ModelList(
        [_with_memory(info) for info in found], folders, refused, str(cache), _free_bytes(cache)
    )


def remove_model(name: str, environment: Mapping[str, str] = os.environ) -> int:
    """Delete a model that was downloaded, or what has arrived of one; gives the bytes freed.

    Args:
        name: as in ``ModelInfo``
        environment: tells where the cache is

    Raises:
        ModelError: it is not in the cache: it comes with the program, or belongs to another one.
        OutputError: something of it could not be deleted.
    """
    checkpoint = None if families.comes_with_program(name) else _found(name)
    entry = entry_named(name, families.FAMILIES)
    hub_id = None
    if checkpoint is not None:
        hub_id = _hub_id(checkpoint)
    elif entry is not None:
        hub_id = entry.hub_id
    if hub_id is None:
        raise ModelError(
            f"{name} was not downloaded into {cache_folder(environment)}, so it is not deleted "
            "from here."
        )
    return remove_download(cache_folder(environment), hub_id)


def _hub_id(checkpoint: Checkpoint) -> str | None:
    """The name on the hub of what lies in the cache; None = it lies elsewhere."""
    folder = checkpoint.path if checkpoint.layout is Layout.FOLDER else checkpoint.path.parent
    return title(folder) if folder.parent.name == "snapshots" else None


def _found(name: str) -> Checkpoint | None:
    try:
        return find(name)
    except (ScaleDiffError, OSError, ValueError):
        return None


def _cached(environment: Mapping[str, str]) -> tuple[Checkpoint, ...]:
    try:
        return cached_models(families.FAMILIES, environment)
    except (ScaleDiffError, OSError, ValueError):
        _log.exception("The cache of models cannot be read")
        return ()


def _shipped_info(form: FamilyFacts, licence: str) -> ModelInfo:
    info = _info(form.name, form.title, form)
    return replace(info, installed=True, place=ModelPlace.INSTALLED, licence=licence)


def _form_info(form: FamilyFacts, checkpoint: Checkpoint | None, cache: Path) -> ModelInfo:
    info = _info(form.name, form.title, form)
    entry = entry_named(form.name, families.FAMILIES)
    if checkpoint is not None:
        return _in_cache(info, checkpoint, cache)
    if entry is None:
        return info
    return replace(
        info,
        place=ModelPlace.DOWNLOADABLE,
        size_bytes=entry.about_bytes,
        licence=entry.licence,
        licence_url=entry.page,
        hub_id=entry.hub_id,
        arrived_bytes=disk_bytes(repository_folder(cache, entry.hub_id)),
    )


def _cached_info(checkpoint: Checkpoint, cache: Path) -> list[ModelInfo]:
    """Its line, or none for one that is broken or whose name is no text."""
    try:
        is_folder = checkpoint.layout is Layout.FOLDER
        word = title(checkpoint.path) if is_folder else str(checkpoint.path)
        word.encode()
        facts = facts_of(checkpoint)
    except (ScaleDiffError, OSError, ValueError):
        return []
    name = word if is_folder else checkpoint.path.stem
    return [_in_cache(_info(word, name, facts), checkpoint, cache)]


def _in_cache(info: ModelInfo, checkpoint: Checkpoint, cache: Path) -> ModelInfo:
    hub_id = _hub_id(checkpoint)
    entry = entry_named(info.name, families.FAMILIES)
    licence = ""
    if hub_id is not None:
        licence = licence_of(hub_id, families.FAMILIES) or (entry.licence if entry else "")
    return replace(
        info,
        installed=True,
        place=ModelPlace.INSTALLED,
        path=str(checkpoint.path),
        size_bytes=checkpoint.weight_bytes,
        source="Hugging Face",
        licence=licence,
        licence_url="" if hub_id is None else f"https://huggingface.co/{hub_id}",
        hub_id=hub_id,
        frees_bytes=0 if hub_id is None else disk_bytes(repository_folder(cache, hub_id)),
    )


def _elsewhere(
    found: list[ModelInfo],
    named: set[Path],
    added: Path | None,
    environment: Mapping[str, str],
) -> tuple[list[ModelFolder], list[RefusedModel]]:
    """Add what other programs and added folders have to ``found``; give the folders."""
    own = () if added is None else added_folders(added)
    places = [*(Place(path, "") for path in own), *places_of_programs(environment)]
    folders: list[ModelFolder] = []
    refused: list[RefusedModel] = []
    for place in places:
        problem: Problem | None = None
        count = 0
        try:
            seen = scan(place.path, families.FAMILIES)
        except ScaleDiffError as error:
            problem = Problem(error.code, str(error))
        else:
            count = len(seen.models)
            for checkpoint in seen.models:
                if checkpoint.path not in named:
                    named.add(checkpoint.path)
                    found.extend(_found_elsewhere(checkpoint, place))
            refused += [
                RefusedModel(str(one.path), Problem(one.error.code, str(one.error)))
                for one in seen.refused
                if _is_text(str(one.path))
            ]
        is_added = place.path in own
        folders.append(ModelFolder(str(place.path), place.source, is_added, count, problem))
    distinct = {one.path: one for one in refused}
    return folders, list(distinct.values())


def _found_elsewhere(checkpoint: Checkpoint, place: Place) -> list[ModelInfo]:
    try:
        facts = facts_of(checkpoint)
    except (ScaleDiffError, OSError, ValueError):
        return []
    is_folder = checkpoint.layout is Layout.FOLDER
    name = checkpoint.path.name if is_folder else checkpoint.path.stem
    return [
        replace(
            _info(str(checkpoint.path), name, facts),
            installed=True,
            place=ModelPlace.ELSEWHERE,
            path=str(checkpoint.path),
            size_bytes=checkpoint.weight_bytes,
            source=place.source,
        )
    ]


def _with_memory(info: ModelInfo) -> ModelInfo:
    """Say what a typical picture would take here."""
    if info.place is ModelPlace.ABSENT:
        return info
    try:
        settings = UpscaleSettings(scale=_TYPICAL_SCALE, model=info.name)
        planned = plan(_TYPICAL, settings, None)
    except (ScaleDiffError, OSError, ValueError):
        return info
    return replace(info, memory_bytes=planned.peak_bytes, memory_problem=planned.problem)


def _info(name: str, people: str, facts: FamilyFacts) -> ModelInfo:
    (stage, *_) = facts.stage_defaults(1)
    return ModelInfo(
        name=name,
        title=people,
        family=facts.name,
        native_width=facts.native.width,
        native_height=facts.native.height,
        installed=False,
        size_bytes=0,
        default_creativity=facts.default_creativity,
        steps=stage.steps,
        guidance=stage.guidance,
        place=ModelPlace.ABSENT,
    )


def _free_bytes(cache: Path) -> int:
    try:
        return free_bytes(cache)
    except OSError:
        return 0


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
