"""What a folder in the layout of diffusers is, told from its settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalediff_engine.base.errors import ModelError
from scalediff_engine.spec.checkpoint import (
    Checkpoint,
    Family,
    Layout,
    Part,
    Prediction,
    Variant,
)
from scalediff_engine.store.foreign import RUNS, refuse_channels
from scalediff_engine.store.header import pickle_refusal
from scalediff_engine.store.single_file import CONTEXT_FAMILIES, family_of_context
from scalediff_engine.store.weights import (
    PARTS,
    checked_bytes,
    file_variant,
    has_pickle,
    read_json,
    weight_files,
)
from scalediff_engine.store.words import told_by_name, told_variant

_SD = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")
_LCM = ("LatentConsistencyModelPipeline", "LatentConsistencyModelImg2ImgPipeline")
_SDXL = ("StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline")
_FLUX = ("FluxPipeline", "FluxImg2ImgPipeline")


@dataclass(frozen=True)
class _Settings:
    """The settings of a folder's parts."""

    path: Path
    class_name: str
    index: dict[str, Any]
    network: dict[str, Any]
    scheduler: dict[str, Any]
    vae: dict[str, Any]

    @property
    def main(self) -> Part:
        """What the main network is called."""
        return "transformer" if self.class_name in _FLUX else "unet"


def inspect_folder(path: Path) -> Checkpoint:
    """Tell what the folder at ``path`` is.

    Raises:
        ModelError: it is incomplete, damaged, or no model of a known family.
    """
    settings = _settings(path)
    _refuse_edm(settings)
    family = _family(settings)
    wanted = _wanted(settings)
    infix = file_variant(path, wanted)
    files = {part: weight_files(path, part, infix) for part in wanted}
    held: frozenset[Part] = frozenset(part for part in wanted if files[part])
    if settings.main not in held:
        raise _without_weights(path, settings.main)
    prediction = _prediction(settings, family)
    zero_terminal_snr = settings.scheduler.get("rescale_betas_zero_snr") is True
    plain = prediction == "epsilon" and not zero_terminal_snr
    variant = _variant(settings, plain=plain)
    return Checkpoint(
        path=path,
        layout=Layout.FOLDER,
        family=family,
        variant=variant,
        prediction=prediction,
        parts=held,
        weight_bytes=sum(checked_bytes(found) for found in files.values()),
        vae_safe_in_float16=family in ("sd15", "sd21") or settings.vae.get("force_upcast") is False,
        zero_terminal_snr=zero_terminal_snr,
        guidance_embedded=_guidance_embedded(settings),
        file_variant=infix,
        notes=_notes(settings, variant, plain=plain),
    )


def parts_without_weights(path: Path) -> tuple[Part, ...]:
    """The networks that a folder's ``model_index.json`` names and whose weights are not there.

    Raises:
        ModelError: the folder's settings cannot be read.
    """
    wanted = _wanted(_settings(path))
    infix = file_variant(path, wanted)
    return tuple(part for part in wanted if not weight_files(path, part, infix))


def told_family(path: Path) -> Family | None:
    """The family of a folder's pipeline, whatever parts of it are there; None = it is not told.

    Raises:
        ModelError: the folder's settings cannot be read.
    """
    class_name = str(read_json(path / "model_index.json").get("_class_name", ""))
    if class_name.startswith("Flux"):
        return "flux"
    if class_name.startswith("StableDiffusionXL"):
        return "sdxl"
    context = read_json(path / "unet" / "config.json").get("cross_attention_dim")
    if class_name not in _SD + _LCM or not isinstance(context, int):
        return None
    return CONTEXT_FAMILIES.get(context)


def title(path: Path) -> str:
    """The name that a folder's author gave it: its own, or in the cache ``org/name``."""
    if path.parent.name == "snapshots":
        return path.parent.parent.name.removeprefix("models--").replace("--", "/")
    return path.name


def _settings(path: Path) -> _Settings:
    index = read_json(path / "model_index.json")
    if not index:
        raise _no_index(path)
    class_name = str(index.get("_class_name"))
    if class_name not in _SD + _LCM + _SDXL + _FLUX:
        raise ModelError(f"{path} is a model for {class_name}. {RUNS}")
    main = "transformer" if class_name in _FLUX else "unet"
    network = read_json(path / main / "config.json")
    if not network:
        raise ModelError(f"{path} has no {main}/config.json. Download it again.")
    scheduler = read_json(path / "scheduler" / "scheduler_config.json")
    vae = read_json(path / "vae" / "config.json")
    return _Settings(path, class_name, index, network, scheduler, vae)


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


def _family(settings: _Settings) -> Family:
    if settings.class_name in _FLUX:
        return "flux"
    channels = settings.network.get("in_channels")
    refuse_channels(settings.path, channels if isinstance(channels, int) else 4, 4)
    context = settings.network.get("cross_attention_dim")
    if settings.class_name in _SDXL and context != 1280:
        return "sdxl"
    return family_of_context(settings.path, context if isinstance(context, int) else None)


def _refuse_edm(settings: _Settings) -> None:
    """Pass if the noise levels are those of Stable Diffusion.

    Raises:
        ModelError: they are those of EDM (Karras et al. 2022, arXiv 2206.00364), as Playground
            2.5's and CosXL's are, or its latents have a mean and a deviation of their own.
    """
    scheduler = str(settings.scheduler.get("_class_name"))
    if scheduler.startswith("EDM"):
        raise ModelError(
            f"{settings.path} is a model with the noise levels of EDM ({scheduler}), such as "
            f"Playground 2.5 or CosXL. {RUNS}"
        )
    if any(settings.vae.get(key) is not None for key in ("latents_mean", "latents_std")):
        raise ModelError(
            f"{settings.path} has an autoencoder with a mean and a deviation of its own for "
            f"latents, such as Playground 2.5's. {RUNS}"
        )


def _wanted(settings: _Settings) -> tuple[Part, ...]:
    """The networks that the index names; ``[null, null]`` stands for one that is left out."""

    def named(part: Part) -> bool:
        entry: Any = settings.index.get(part)
        return isinstance(entry, list) and bool(entry) and entry[0] is not None

    return tuple(part for part in PARTS if part == settings.main or named(part))


def _without_weights(path: Path, main: Part) -> ModelError:
    if has_pickle(path, main):
        return pickle_refusal(path / main)
    return ModelError(
        f"{path} holds no weights for its {main}. The download did not finish; start it again, "
        "and it goes on where it stopped."
    )


def _prediction(settings: _Settings, family: Family) -> Prediction:
    """What the scheduler's settings say; diffusers takes noise where they say nothing.

    Raises:
        ModelError: another prediction, such as the clean picture.
    """
    if family == "flux":
        return "flow"
    match settings.scheduler.get("prediction_type", "epsilon"):
        case "epsilon":
            return "epsilon"
        case "v_prediction":
            return "v_prediction"
        case other:
            raise ModelError(f"{settings.path} predicts {other!r}, which is not known here. {RUNS}")


def _guidance_embedded(settings: _Settings) -> bool:
    if settings.class_name in _FLUX:
        return settings.network.get("guidance_embeds") is True
    return settings.network.get("time_cond_proj_dim") is not None


def _variant(settings: _Settings, *, plain: bool) -> Variant:
    """How it was trained further; ``plain`` = it predicts noise on the usual schedule."""
    told = told_variant(title(settings.path))
    guided = _guidance_embedded(settings)
    if settings.class_name in _FLUX:
        return told or "dev" if guided else "schnell"
    if guided:
        return "lcm"
    return told or _set(settings, plain=plain)


def _set(settings: _Settings, *, plain: bool) -> Variant:
    """What the settings say of a U-Net's training, whatever its name."""
    scheduler = str(settings.scheduler.get("_class_name"))
    if _guidance_embedded(settings) or settings.class_name in _LCM or scheduler == "LCMScheduler":
        return "lcm"
    # Stability's Turbo models say it so; with v-prediction the same setting means no distillation
    trailing = settings.scheduler.get("timestep_spacing") == "trailing"
    return "turbo" if plain and trailing and scheduler.startswith("Euler") else "base"


def _notes(settings: _Settings, variant: Variant, *, plain: bool) -> tuple[str, ...]:
    name = title(settings.path)
    if told_variant(name) != variant or _set(settings, plain=plain) == variant:
        return ()
    return (told_by_name(name, variant, "model"),)
