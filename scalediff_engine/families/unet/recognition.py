"""How checkpoints and LoRAs of Stable Diffusion's U-Nets are recognised.

The families share their tensors' names; what tells them apart is the width of the text that
cross-attention reads.
"""

from __future__ import annotations

from typing import NamedTuple

from scalediff_engine.base.errors import ModelError
from scalediff_engine.spec.checkpoint import (
    FileContents,
    FolderContents,
    Header,
    Naming,
    Prediction,
    Recognition,
    Variant,
)
from scalediff_engine.store.name_hints import prediction_from_text, zero_terminal_snr_from_text
from scalediff_engine.store.unsupported import refuse_channels, text_widths

PIPELINES = frozenset({"StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"})
LCM_PIPELINES = frozenset(
    {"LatentConsistencyModelPipeline", "LatentConsistencyModelImg2ImgPipeline"}
)
VAE_PREFIXES = ("first_stage_model.", "vae.")

_LATENT_CHANNELS = 4
_RELATIVES = {
    5: "a Stable Diffusion 2 depth model",
    7: "the Stable Diffusion x4 upscaler",
    8: "an InstructPix2Pix model, which edits pictures by instruction",
    9: "an inpainting model",
}
_PREFIXES = ("model.diffusion_model.", "")
# (a tensor that only U-Nets have, their first layer, whose names)
_SIGNATURES = (
    ("input_blocks.0.0.weight", "input_blocks.0.0.weight", Naming.ORIGINAL),
    ("down_blocks.0.resnets.0.conv1.weight", "conv_in.weight", Naming.DIFFUSERS),
)


class Network(NamedTuple):
    """A U-Net in a file: whose names it has, and what stands before each of them."""

    naming: Naming
    prefix: str


def unet_in_file(contents: FileContents, text_width: int) -> Network | None:
    """Find a U-Net that reads text of this width; None = there is none.

    Raises:
        ModelError: it takes a picture or a mask as well.
    """
    header = contents.header
    for mark, first, naming in _SIGNATURES:
        for prefix in _PREFIXES:
            if prefix + mark in header.tensors and prefix + first in header.tensors:
                shape = header.tensors[prefix + first].shape
                channels = shape[1] if len(shape) > 1 else 0
                refuse_channels(header.path, channels, _LATENT_CHANNELS, _RELATIVES)
                own = {name: t for name, t in header.tensors.items() if name.startswith(prefix)}
                return Network(naming, prefix) if text_widths(own) == {text_width} else None
    return None


def refuse_unclip(contents: FileContents) -> None:
    """Raise ``ModelError`` for a U-Net with a class embedding, which only unCLIP has here."""
    if any(".label_emb." in f".{name}" for name in contents.header.tensors):
        raise ModelError(
            f"{contents.header.path} is a Stable unCLIP model, which wants a picture. "
            f"{contents.supported}"
        )


def described_file(
    contents: FileContents, network: Network, prediction: Prediction | None = None
) -> Recognition:
    """Say how a U-Net in a file was trained.

    Args:
        contents: the file
        network: what ``unet_in_file`` found
        prediction: what the network gives, where neither a tensor nor the words say
    """
    header, texts = contents.header, contents.texts
    guided = any(
        f"{network.prefix}{mark}.cond_proj.weight" in header.tensors
        for mark in ("time_embed", "time_embedding")
    )
    told = "v_prediction" if "v_pred" in header.tensors else prediction_from_text(*texts)
    return Recognition(
        variant="lcm" if guided else contents.named or "base",
        prediction=told or prediction or "epsilon",
        variant_is_certain=guided,
        guidance_embedded=guided,
        zero_terminal_snr="ztsnr" in header.tensors or zero_terminal_snr_from_text(*texts),
        naming=network.naming,
        prefix=network.prefix,
    )


def unet_in_folder(contents: FolderContents, text_width: int) -> Recognition | None:
    """Say how a folder's U-Net was trained; None = it reads text of another width.

    Raises:
        ModelError: it is a relative that does not run.
    """
    _refuse_edm(contents)
    channels = contents.network.get("in_channels")
    if isinstance(channels, int):
        refuse_channels(contents.path, channels, _LATENT_CHANNELS, _RELATIVES)
    if contents.network.get("cross_attention_dim") != text_width:
        return None
    return described_folder(contents)


def described_folder(contents: FolderContents) -> Recognition:
    """Say how a folder's U-Net was trained, whatever its text's width.

    Raises:
        ModelError: it predicts something else than noise or v.
    """
    guided = contents.network.get("time_cond_proj_dim") is not None
    prediction = _prediction(contents)
    zero_terminal_snr = contents.scheduler.get("rescale_betas_zero_snr") is True
    plain = prediction == "epsilon" and not zero_terminal_snr
    by_settings = _variant_of_settings(contents, guided=guided, plain=plain)
    variant = "lcm" if guided else contents.named or by_settings
    return Recognition(
        variant=variant,
        prediction=prediction,
        variant_is_certain=variant == by_settings,
        guidance_embedded=guided,
        zero_terminal_snr=zero_terminal_snr,
    )


def _refuse_edm(contents: FolderContents) -> None:
    """Raise ``ModelError`` if the noise levels or the latents are not Stable Diffusion's.

    Those of EDM (Karras et al. 2022, arXiv 2206.00364) are Playground 2.5's and CosXL's.
    """
    scheduler = str(contents.scheduler.get("_class_name"))
    if scheduler.startswith("EDM"):
        raise ModelError(
            f"{contents.path} is a model with the noise levels of EDM ({scheduler}), such as "
            f"Playground 2.5 or CosXL. {contents.supported}"
        )
    if any(contents.vae.get(key) is not None for key in ("latents_mean", "latents_std")):
        raise ModelError(
            f"{contents.path} has an autoencoder with a mean and a deviation of its own for "
            f"latents, such as Playground 2.5's. {contents.supported}"
        )


def _prediction(contents: FolderContents) -> Prediction:
    """What the scheduler's settings say; diffusers takes noise where they say nothing."""
    match contents.scheduler.get("prediction_type", "epsilon"):
        case "epsilon":
            return "epsilon"
        case "v_prediction":
            return "v_prediction"
        case other:
            raise ModelError(
                f"{contents.path} predicts {other!r}, which is not known here. {contents.supported}"
            )


def _variant_of_settings(contents: FolderContents, *, guided: bool, plain: bool) -> Variant:
    """What the settings say of the training; ``plain`` = of noise, on the usual schedule."""
    scheduler = str(contents.scheduler.get("_class_name"))
    if guided or contents.pipeline in LCM_PIPELINES or scheduler == "LCMScheduler":
        return "lcm"
    # Stability's Turbo models say it so; with v-prediction the same setting means no distillation
    trailing = contents.scheduler.get("timestep_spacing") == "trailing"
    return "turbo" if plain and trailing and scheduler.startswith("Euler") else "base"


def has_layer(header: Header, *endings: str) -> bool:
    """Whether a tensor's name ends with one of ``endings``."""
    return any(name.endswith(endings) for name in header.tensors)
