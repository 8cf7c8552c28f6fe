"""Tell what a model or a LoRA is, folder or file, before anything of it is loaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.spec.checkpoint import (
    Checkpoint,
    Family,
    FileContents,
    FolderContents,
    Header,
    Layout,
    LoraContents,
    LoraFile,
    Part,
    Recognition,
    TensorEntry,
)
from scalediff_engine.spec.family import Families, FamilySpec
from scalediff_engine.store.header import (
    checked_bytes,
    file_variant,
    has_pickle,
    pickle_refusal,
    read_header,
    read_json,
    weight_files,
)
from scalediff_engine.store.name_hints import (
    NameHints,
    fp16_autoencoder_from_text,
    name_alone_note,
)
from scalediff_engine.store.unsupported import (
    is_lora,
    is_lycoris,
    refuse_unsupported,
    supported_models,
    unknown_file,
    unknown_network,
)

__all__ = ["inspect", "inspect_lora"]


def inspect(path: Path, families: Families) -> Checkpoint:
    """Tell what the model at ``path``, a folder of diffusers or a single file, is.

    Headers and settings are read, weights are not; it takes some milliseconds.

    Raises:
        ModelMissing: there is nothing at ``path``.
        ModelError: it is damaged, incomplete, a pickle, or of a family that is not known here.
    """
    if path.is_dir():
        return inspect_folder(path, families)
    if not path.exists() and not path.is_symlink():
        raise ModelMissing(f"{path} does not exist.")
    return inspect_file(path, families)


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
            return _folder_checkpoint(contents, index, family, found)
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


def _folder_checkpoint(
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
        f"{path} holds no weights for its {main}. The download did not finish; start it again; "
        "it resumes where it stopped."
    )


def inspect_file(path: Path, families: Families) -> Checkpoint:
    """Tell what the file at ``path`` is.

    Raises:
        ModelMissing: there is no such file.
        ModelError: it is damaged, or no model of a known family.
    """
    header = read_header(path)
    refuse_unsupported(header, families)
    texts = _texts(header)
    hints = NameHints(families)
    contents = FileContents(header, texts, hints.variant(*texts), supported_models(families))
    for family in families:
        found = family.recognize_file(contents)
        if found is not None:
            return _file_checkpoint(contents, family, found, hints)
    raise unknown_file(header, families)


def _file_checkpoint(
    contents: FileContents, family: FamilySpec, found: Recognition, hints: NameHints
) -> Checkpoint:
    header, texts = contents.header, contents.texts
    part_bytes = _part_bytes(header, family, found.prefix)
    *said, name = texts
    by_name_alone = (
        not found.variant_is_certain
        and hints.variant(name) == found.variant
        and hints.variant(*said) != found.variant
    )
    return Checkpoint(
        path=header.path,
        layout=Layout.FILE,
        family=family.name,
        variant=found.variant,
        prediction=found.prediction,
        parts=frozenset(part_bytes),
        weight_bytes=sum(part_bytes.values()),
        vae_safe_in_float16=family.vae_safe_in_float16 or fp16_autoencoder_from_text(*texts),
        zero_terminal_snr=found.zero_terminal_snr,
        guidance_embedded=found.guidance_embedded,
        naming=found.naming,
        prefix=found.prefix,
        notes=(name_alone_note(header.path.name, found.variant, "model"),) if by_name_alone else (),
    )


def _part_bytes(header: Header, family: FamilySpec, prefix: str) -> dict[Part, int]:
    """Bytes of each network that the file holds."""
    assert family.denoiser is not None  # families without one recognise no file
    held: dict[Part, int] = {family.denoiser: header.size_bytes(prefix)}
    for part, prefixes in family.prefixes.items():
        count = header.size_bytes(*prefixes)
        if count:
            held[part] = count
    return held


def _texts(header: Header) -> tuple[str, ...]:
    """What the author wrote, and the file's name, the more reliable first."""
    said = (
        header.metadata.get(f"modelspec.{key}", "")
        for key in ("prediction_type", "architecture", "title")
    )
    return (*said, header.path.stem)


# the factor that reads the layer's input: (rank, inputs[, 1, 1])
_DOWN = re.compile(r"(lora_down|lora_A(\.\w+)?|lora\.down)\.weight$")
# kohya writes "_" where diffusers writes "."; old diffusers files say "processor.to_k_lora.down"
_CROSS = re.compile(r"attn2[._](processor\.)?to_[kv][._]")
_OTHER = re.compile(r"joint_blocks|lora_te3_|caption_projection|individual_token_refiner|txt_mlp")


def inspect_lora(path: Path, families: Families) -> LoraFile:
    """Tell which models the LoRA at ``path`` fits.

    Raises:
        ModelMissing: there is no such file.
        ModelError: it is damaged, no LoRA, or for a family that is not known here.
    """
    header = read_header(path)
    if is_lycoris(header.tensors):
        raise ModelError(
            f"{path} is a LoHa or LoKr (LyCORIS), which ScaleDiff cannot apply. A plain LoRA works."
        )
    down = {name: tensor for name, tensor in header.tensors.items() if _DOWN.search(name)}
    if not is_lora(header.tensors) or not down:
        raise ModelError(f"{path} is no LoRA: none of its tensors is a pair of small factors.")
    family = _family(header, down, families)
    if family is None:
        raise ModelError(
            f"{path} is a LoRA, but what it was made for cannot be told. "
            f"{supported_models(families)}"
        )
    hints = NameHints(families)
    said = (header.metadata.get(key, "") for key in ("modelspec.title", "ss_output_name"))
    variant = hints.lora_variant(*said)
    notes: tuple[str, ...] = ()
    if variant is None and (variant := hints.lora_variant(path.stem)):
        notes = (name_alone_note(path.name, variant, "LoRA"),)
    ranks = (tensor.shape[0] for tensor in down.values() if tensor.shape)
    return LoraFile(path, family, variant, max(ranks, default=0), notes)


def _family(header: Header, down: dict[str, TensorEntry], families: Families) -> Family | None:
    if any(_OTHER.search(name) for name in header.tensors):
        return None
    widths = frozenset(
        tensor.shape[1]
        for name, tensor in down.items()
        if _CROSS.search(name) and len(tensor.shape) > 1
    )
    contents = LoraContents(down, widths)
    for family in families:
        if family.recognizes_lora(contents):
            return family.name
    if widths:
        return None
    # a LoRA of self-attention or of text encoders alone
    said = " ".join(
        header.metadata.get(key, "") for key in ("modelspec.architecture", "ss_base_model_version")
    ).lower()
    return next((f.name for f in families for word in f.lora_words if word in said), None)
