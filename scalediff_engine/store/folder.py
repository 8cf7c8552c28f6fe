"""What a folder in the layout of diffusers is, told from its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalediff_engine.base.errors import ModelError
from scalediff_engine.spec.checkpoint import (
    Checkpoint,
    Family,
    FolderContents,
    Layout,
    Part,
    Recognition,
)
from scalediff_engine.spec.family import Families, FamilySpec
from scalediff_engine.store.header import pickle_refusal
from scalediff_engine.store.name_hints import NameHints, name_alone_note
from scalediff_engine.store.unsupported import supported_models, unknown_network
from scalediff_engine.store.weights import (
    checked_bytes,
    file_variant,
    has_pickle,
    read_json,
    weight_files,
)


def inspect_folder(path: Path, families: Families) -> Checkpoint:
    """Tell what the folder at ``path`` is.

    Raises:
        ModelError: it is incomplete, damaged, or no model of a known family.
    """
    index, candidates = _candidates(path, families)
    named = NameHints(families).variant(title(path))
    contents: FolderContents | None = None
    for family in candidates:
        contents = _contents(path, index, family, named, supported_models(families))
        found = family.recognize_folder(contents)
        if found is not None:
            return _checkpoint(contents, index, family, found)
    assert contents is not None  # there is a candidate
    raise unknown_network(path, contents.network.get("cross_attention_dim"), families)


def parts_without_weights(path: Path, families: Families) -> tuple[Part, ...]:
    """The networks that a folder's ``model_index.json`` names and whose weights are not there.

    Raises:
        ModelError: the folder's settings cannot be read.
    """
    index, (family, *_) = _candidates(path, families)
    _network_settings(path, family)
    wanted = _wanted(index, family)
    infix = file_variant(path, wanted)
    return tuple(part for part in wanted if not weight_files(path, part, infix))


def family_of_folder(path: Path, families: Families) -> Family | None:
    """The family of a folder's pipeline, whatever parts of it are there; None = it is not told.

    Raises:
        ModelError: the folder's settings cannot be read.
    """
    index = read_json(path / "model_index.json")
    pipeline = str(index.get("_class_name"))
    for family in families:
        if family.pipeline_start and pipeline.startswith(family.pipeline_start):
            return family.name
    for family in (family for family in families if pipeline in family.pipelines):
        try:
            contents = _contents(path, index, family, None, supported_models(families))
            if family.recognize_folder(contents) is not None:
                return family.name
        except ModelError:  # no settings of the network, which is not wanted either
            continue
    return None


def title(path: Path) -> str:
    """The name that a folder's author gave it: its own, or in the cache ``org/name``."""
    if path.parent.name == "snapshots":
        return path.parent.parent.name.removeprefix("models--").replace("--", "/")
    return path.name


def _candidates(path: Path, families: Families) -> tuple[dict[str, Any], list[FamilySpec]]:
    """The folder's index, and the families that its pipeline runs."""
    index = read_json(path / "model_index.json")
    if not index:
        raise _no_index(path)
    pipeline = str(index.get("_class_name"))
    candidates = [family for family in families if pipeline in family.pipelines]
    if not candidates:
        raise ModelError(f"{path} is a model for {pipeline}. {supported_models(families)}")
    return index, candidates


def _contents(
    path: Path, index: dict[str, Any], family: FamilySpec, named: str | None, supported: str
) -> FolderContents:
    return FolderContents(
        path,
        pipeline=str(index.get("_class_name")),
        network=_network_settings(path, family),
        scheduler=read_json(path / "scheduler" / "scheduler_config.json"),
        vae=read_json(path / "vae" / "config.json"),
        named=named,
        supported=supported,
    )


def _network_settings(path: Path, family: FamilySpec) -> dict[str, Any]:
    assert family.denoiser is not None  # it has a pipeline
    settings = read_json(path / family.denoiser / "config.json")
    if not settings:
        raise ModelError(f"{path} has no {family.denoiser}/config.json. Download it again.")
    return settings


def _checkpoint(
    contents: FolderContents, index: dict[str, Any], family: FamilySpec, found: Recognition
) -> Checkpoint:
    path = contents.path
    wanted = _wanted(index, family)
    infix = file_variant(path, wanted)
    files = {part: weight_files(path, part, infix) for part in wanted}
    held: frozenset[Part] = frozenset(part for part in wanted if files[part])
    assert family.denoiser is not None  # it has a pipeline
    if family.denoiser not in held:
        raise _without_weights(path, family.denoiser)
    by_name_alone = contents.named == found.variant and not found.variant_is_certain
    return Checkpoint(
        path=path,
        layout=Layout.FOLDER,
        family=family.name,
        variant=found.variant,
        prediction=found.prediction,
        parts=held,
        weight_bytes=sum(checked_bytes(found) for found in files.values()),
        vae_safe_in_float16=family.vae_safe_in_float16 or contents.vae.get("force_upcast") is False,
        zero_terminal_snr=found.zero_terminal_snr,
        guidance_embedded=found.guidance_embedded,
        file_variant=infix,
        notes=(name_alone_note(title(path), found.variant, "model"),) if by_name_alone else (),
    )


def _wanted(index: dict[str, Any], family: FamilySpec) -> tuple[Part, ...]:
    """The networks that the index names; ``[null, null]`` stands for one that is left out."""

    def named(part: Part) -> bool:
        entry: Any = index.get(part)
        return isinstance(entry, list) and bool(entry) and entry[0] is not None

    return tuple(part for part in family.parts if part == family.denoiser or named(part))


def _no_index(path: Path) -> ModelError:
    files = sorted(file.name for file in path.glob("*.safetensors"))
    if files:
        others = f" (or one of {len(files) - 1} others)" if len(files) > 1 else ""
        advice = f"Give the file itself: {path / files[0]}{others}."
    elif any(path.glob("*.ckpt")) or any(path.glob("*.bin")):
        return pickle_refusal(path)
    else:
        advice = "A model's folder has one, with folders such as unet and vae beside it."
    return ModelError(f"{path} has no model_index.json. {advice}")


def _without_weights(path: Path, main: Part) -> ModelError:
    if has_pickle(path, main):
        return pickle_refusal(path / main)
    return ModelError(
        f"{path} holds no weights for its {main}. The download did not finish; start it again, "
        "and it goes on where it stopped."
    )
