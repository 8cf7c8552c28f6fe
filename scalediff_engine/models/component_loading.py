"""Load a pretrained model's components from a folder or a file, without a network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.models.component_sources import (
    ComponentSource,
    FileSource,
    FolderSource,
    read_json,
)
from scalediff_engine.models.components import Components, FamilyLoader
from scalediff_engine.models.lora import Lora, describe_changes, fuse
from scalediff_engine.models.text_encoders import (
    CachedEncoding,
    TextEncoder,
)
from scalediff_engine.spec.checkpoint import TITLES, Checkpoint, Layout, LoraFile, Part
from scalediff_engine.spec.family import Families, FamilySpec, family_named
from scalediff_engine.store.inspect import family_of_folder, inspect, inspect_lora

_CPU = torch.device("cpu")


def load_components(
    checkpoint: Checkpoint,
    dtype: torch.dtype,
    loras: Sequence[tuple[Path, float]] = (),
    text_encoders_from: Path | None = None,
    *,
    families: Families,
    device: torch.device = _CPU,
    config: Path | None = None,
) -> Components:
    """Load a model's parts into main memory; nothing is looked up on a network.

    Args:
        checkpoint: a folder or a file
        dtype: of the denoiser and the text encoders
        loras: files to fuse into the weights, each with a strength
        text_encoders_from: another folder or file of the same family, for parts that the
            checkpoint lacks: the text encoders, and the autoencoder
        families: all that are known, of which the checkpoint is one
        device: where text is encoded and its embeddings are wanted, and all will run
        config: a folder with the configuration of each part, for a file; None = the family's

    Raises:
        ModelMissing: a part is nowhere; says which one and what would help.
        ModelError: a part, or a LoRA, cannot be read or is for another family.
        NotEnoughMemory: main memory is too small.
    """
    family = family_named(checkpoint.family, families)
    loader: FamilyLoader = family.load()
    assert family.denoiser is not None  # it has checkpoints
    sources = _sources(checkpoint, family, families, text_encoders_from, config)
    found = [_inspected(path, checkpoint, families) for path, _ in loras]
    added = [Lora.read(path, strength) for path, strength in loras]
    homes = {part: _home(part, sources, family) for part in family.parts}
    denoiser = homes[family.denoiser].denoiser(dtype)
    notes = [*checkpoint.notes, *(note for lora in found for note in lora.notes)]
    notes += _describe_changes(denoiser, homes, family, added)
    for lora in added:
        fuse(denoiser, family.denoiser, lora, loader)
    if homes["vae"] is sources[0]:
        vae = homes["vae"].vae()
    else:
        usual = config or family.settings(checkpoint.variant).folder
        vae = _fitting_vae(homes["vae"], checkpoint.path, family.name, usual)
    if device.type == "cpu":  # elsewhere they are copied anyway
        align(denoiser)
        align(vae)
    encoders: dict[Part, TextEncoder] = {
        part: _text_encoder(homes[part], part, dtype, added, loader)
        for part in family.text_encoders
    }
    files = list(dict.fromkeys(f for home in homes.values() for f in home.weight_files()))
    # the settings of a family decide as much as its weights do
    extras = [str(sorted(sources[0].scheduler().items()))]
    return Components(
        denoiser=denoiser,
        vae=vae,
        scheduler=_schedule(sources[0].scheduler(), checkpoint),
        encode_text=CachedEncoding(
            loader.encoding(checkpoint, encoders, sources[0].zeros_for_empty()), device
        ),
        weights_hash=fingerprint(
            [*files, *(lora.path for lora in added)],
            [*extras, *(f"{lora.strength:g}" for lora in added)],
        ),
        vae_safe_in_float16=checkpoint.vae_safe_in_float16 and homes["vae"] is sources[0],
        autoencoder=loader.autoencoder,
        notes=tuple(notes),
    )


def _sources(
    checkpoint: Checkpoint,
    family: FamilySpec,
    families: Families,
    text_encoders_from: Path | None,
    config: Path | None,
) -> list[ComponentSource]:
    """The checkpoint, and after it where else its parts may come from."""
    sources = [_source(checkpoint, family, config)]
    if text_encoders_from is None:
        return sources
    if text_encoders_from.is_dir():  # text encoders alone are enough, so it is no checkpoint
        name = family_of_folder(text_encoders_from, families)
        other_family = family if name is None else family_named(name, families)
        other = FolderSource(text_encoders_from, other_family)
    else:
        found = inspect(text_encoders_from, families)
        other = _source(found, family_named(found.family, families), config)
    if other.family is not family:
        raise ModelError(
            f"{text_encoders_from} is of the family {other.family.name}, and the text "
            f"encoders of {checkpoint.path} have to be {family.name}'s."
        )
    return [*sources, other]


def _fitting_vae(home: ComponentSource, path: Path, family: str, config: Path) -> nn.Module:
    """Load the autoencoder of another model for the one at ``path``.

    Raises:
        ModelError: its latents are not those of the family whose ``config`` is given.
    """
    vae: Any = home.vae()
    expected = read_json("vae", config / "vae" / "config.json")
    for key in ("latent_channels", "scaling_factor", "latents_mean"):
        own = vae.config.get(key)
        if own != expected.get(key):
            raise ModelError(
                f"The autoencoder in {home.path} does not go with {path}: its {key} is {own} and "
                f"that of {family} is {expected.get(key)}."
            )
    return vae


def _source(checkpoint: Checkpoint, family: FamilySpec, config: Path | None) -> ComponentSource:
    if checkpoint.layout is Layout.FOLDER:
        return FolderSource(checkpoint.path, family)
    shipped = family.settings(checkpoint.variant)
    return FileSource(checkpoint, family, config or shipped.folder, shipped.tokenizers)


def _home(part: Part, sources: list[ComponentSource], family: FamilySpec) -> ComponentSource:
    """Where a part is loaded from."""
    for source in sources:
        if source.has(part):
            return source
    places = " and ".join(str(source.path) for source in sources)
    have = "have" if len(sources) > 1 else "has"
    raise ModelMissing(
        f"{places} {have} no {TITLES[part]}; "
        f"give the folder or the file of a full {family.title} model for it."
    )


def _inspected(path: Path, checkpoint: Checkpoint, families: Families) -> LoraFile:
    found = inspect_lora(path, families)
    if found.family != checkpoint.family:
        raise ModelError(
            f"The LoRA {path} is for {found.family} and the model {checkpoint.path} is "
            f"{checkpoint.family}; they do not go together."
        )
    return found


def _describe_changes(
    denoiser: nn.Module,
    homes: Mapping[str, ComponentSource],
    family: FamilySpec,
    loras: Sequence[Lora],
) -> list[str]:
    """What each LoRA changes; text encoders are not loaded for it.

    Raises:
        ModelError: one changes nothing.
    """
    assert family.denoiser is not None  # see ``load_components``
    models: dict[str, nn.Module] = {family.denoiser: denoiser}
    if any(lora.for_text for lora in loras):
        models |= {part: homes[part].outline(part) for part in family.text_encoders}
    return [describe_changes(lora, family.denoiser, models, family.load()) for lora in loras]


def _text_encoder(
    home: ComponentSource,
    part: Part,
    dtype: torch.dtype,
    loras: Sequence[Lora],
    family: FamilyLoader,
) -> TextEncoder:
    def load() -> nn.Module:
        model = home.text_encoder(part, dtype)
        for lora in loras:
            fuse(model, part, lora, family)
        align(model)
        return model

    return TextEncoder(_once(lambda: home.tokenizer(part)), load)


def _once(read: Callable[[], Any]) -> Callable[[], Any]:
    """Tokenizers are small and slow to read: they stay."""
    kept: list[Any] = []

    def get() -> Any:  # noqa: ANN401
        if not kept:
            kept.append(read())
        return kept[0]

    return get


def _schedule(config: Mapping[str, Any], checkpoint: Checkpoint) -> Mapping[str, Any]:
    """What the scheduler's file says, and what the weights say against it."""
    if checkpoint.prediction == "flow":
        return config
    return {
        **config,
        "prediction_type": checkpoint.prediction,
        "rescale_betas_zero_snr": checkpoint.zero_terminal_snr,
    }


ALIGNMENT_BYTES = 64


@torch.no_grad()
def align(model: nn.Module) -> None:
    """Copy weights that are views of a file and begin anywhere to where allocations begin.

    A matrix product on a CPU rounds differently for another alignment, so the same weights out of
    a folder and out of a single file would give two pictures that differ in their last bits.

    Args:
        model: in main memory; its weights are replaced
    """
    for weight in model.parameters():
        if weight.data_ptr() % ALIGNMENT_BYTES:
            weight.data = weight.data.clone()


_ENDS_BYTES = 2**20
_SAMPLES = 64
_SAMPLE_BYTES = 2**14


def fingerprint(files: Sequence[Path], extras: Iterable[str] = ()) -> str:
    """Give a SHA-256 of files' sizes, both of their ends and samples all the way through.

    All of it would take half a minute for the largest models; training changes every weight, so
    samples tell two models apart as well.

    Args:
        files: in a fixed order; their names do not matter
        extras: what else decides the picture

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        digest.update(f"{size};".encode())
        with path.open("rb") as file:
            for start, length in _places(size):
                file.seek(start)
                digest.update(file.read(length))
    for extra in extras:
        digest.update(f"{extra};".encode())
    return digest.hexdigest()


def _places(size: int) -> list[tuple[int, int]]:
    """Where to read: everything of a small file, both ends and samples of a large one."""
    if size <= 4 * _ENDS_BYTES:
        return [(0, size)]
    step = size // _SAMPLES
    samples = [(i * step, _SAMPLE_BYTES) for i in range(1, _SAMPLES)]
    return [(0, _ENDS_BYTES), *samples, (size - _ENDS_BYTES, _ENDS_BYTES)]
