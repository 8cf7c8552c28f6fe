"""What one ``.safetensors`` file is, told from its tensors' names and shapes and its words."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from pathlib import Path

from scalediff_engine.base.errors import ModelError
from scalediff_engine.spec.checkpoint import (
    Checkpoint,
    Family,
    Layout,
    Naming,
    Part,
    Prediction,
    Variant,
)
from scalediff_engine.store.foreign import RUNS, refuse_channels, refuse_foreign, unknown
from scalediff_engine.store.header import Header, read_floats, read_header
from scalediff_engine.store.words import (
    told_by_name,
    told_fp16_autoencoder,
    told_prediction,
    told_stable_diffusion_2,
    told_variant,
    told_zero_terminal_snr,
)

# Width of the text that cross-attention reads: CLIP L; OpenCLIP H; CLIP L and OpenCLIP bigG
CONTEXT_FAMILIES: dict[int, Family] = {768: "sd15", 1024: "sd21", 2048: "sdxl"}
_LATENT_CHANNELS = 4
_FLUX_CHANNELS = 64  # 16 latent channels, 2x2 latents to a token
_FLUX_BLOCKS = (19, 38)  # with two streams, and with one
_DIFFUSERS_BLOCKS = ("transformer_blocks", "single_transformer_blocks")
_PREFIXES = ("model.diffusion_model.", "")
_OTHER_PARTS: dict[Part, tuple[str, ...]] = {
    "vae": ("first_stage_model.", "vae."),
    "text_encoder": ("cond_stage_model.", "conditioner.embedders.0.", "text_encoders.clip_l."),
    "text_encoder_2": ("conditioner.embedders.1.", "text_encoders.t5xxl."),
}
# 2.1's two kinds have the same shapes. Trained on v, this norm's biases spread above 0.09;
# ComfyUI tells them apart by it too (comfy/supported_models.py).
_SPREAD_NAMES = {
    Naming.ORIGINAL: "output_blocks.11.1.transformer_blocks.0.norm1.bias",
    Naming.DIFFUSERS: "up_blocks.3.attentions.2.transformer_blocks.0.norm1.bias",
}
_V_SPREAD = 0.09
_SPREAD_BYTES = 2**16


@dataclass(frozen=True)
class _Network:
    """The main network: what it is called here and whose names it has."""

    part: Part
    naming: Naming
    prefix: str


# (a tensor that only this one has, the network, whose names)
_SIGNATURES: tuple[tuple[str, Part, Naming], ...] = (
    ("double_blocks.0.img_attn.qkv.weight", "transformer", Naming.ORIGINAL),
    ("single_transformer_blocks.0.attn.to_q.weight", "transformer", Naming.DIFFUSERS),
    ("input_blocks.0.0.weight", "unet", Naming.ORIGINAL),
    ("down_blocks.0.resnets.0.conv1.weight", "unet", Naming.DIFFUSERS),
)
_FIRST_LAYER: dict[tuple[Part, Naming], str] = {
    ("transformer", Naming.ORIGINAL): "img_in.weight",
    ("transformer", Naming.DIFFUSERS): "x_embedder.weight",
    ("unet", Naming.ORIGINAL): "input_blocks.0.0.weight",
    ("unet", Naming.DIFFUSERS): "conv_in.weight",
}


def inspect_file(path: Path) -> Checkpoint:
    """Tell what the file at ``path`` is.

    Raises:
        ModelMissing: there is no such file.
        ModelError: it is damaged, or no model of a known family.
    """
    header = read_header(path)
    refuse_foreign(header)
    network = _network(header)
    if network is None:
        raise unknown(header)
    family = _family(header, network)
    texts = _texts(header)
    variant, guided = _variant(header, network, texts)
    part_bytes = _part_bytes(header, network)
    return Checkpoint(
        path=path,
        layout=Layout.FILE,
        family=family,
        variant=variant,
        prediction=_prediction(header, network, family, texts),
        parts=frozenset(part_bytes),
        weight_bytes=sum(part_bytes.values()),
        vae_safe_in_float16=family in ("sd15", "sd21") or told_fp16_autoencoder(*texts),
        zero_terminal_snr="ztsnr" in header.tensors or told_zero_terminal_snr(*texts),
        guidance_embedded=guided,
        naming=network.naming,
        prefix=network.prefix,
        notes=() if guided and family != "flux" else _notes(path, variant, texts),
    )


def _network(header: Header) -> _Network | None:
    """The main network of the file, if it is one that is known here."""
    for mark, part, naming in _SIGNATURES:
        for prefix in _PREFIXES:
            if (
                prefix + mark in header.tensors
                and prefix + _FIRST_LAYER[part, naming] in header.tensors
            ):
                return _Network(part, naming, prefix)
    return None


def _part_bytes(header: Header, network: _Network) -> dict[Part, int]:
    """Bytes of each network that the file holds."""
    held: dict[Part, int] = {network.part: header.size_bytes(network.prefix)}
    for part, prefixes in _OTHER_PARTS.items():
        count = header.size_bytes(*prefixes)
        if count:
            held[part] = count
    return held


def _family(header: Header, network: _Network) -> Family:
    first = header.tensors[network.prefix + _FIRST_LAYER[network.part, network.naming]].shape
    channels = first[1] if len(first) > 1 else 0
    if network.part == "transformer":
        refuse_channels(header.path, channels, _FLUX_CHANNELS)
        _refuse_other_size(header, network)
        return "flux"
    refuse_channels(header.path, channels, _LATENT_CHANNELS)
    family = family_of_context(header.path, _context(header, network))
    if family != "sdxl" and any(".label_emb." in f".{name}" for name in header.tensors):
        raise ModelError(f"{header.path} is a Stable unCLIP model, which wants a picture. {RUNS}")
    if family == "sdxl" and not _is_whole_sdxl(header):
        raise ModelError(
            f"{header.path} is an SDXL with layers left out, such as SSD-1B or Vega. "
            "Use it as a folder in the layout of diffusers, which says which layers it has."
        )
    return family


def _refuse_other_size(header: Header, network: _Network) -> None:
    """Pass if a FLUX has as many blocks as FLUX.1.

    Raises:
        ModelError: it was made smaller or larger.
    """
    own = network.naming is Naming.ORIGINAL
    kinds = ("double_blocks", "single_blocks") if own else _DIFFUSERS_BLOCKS
    counts = tuple(_blocks(header, f"{network.prefix}{kind}.") for kind in kinds)
    if counts != _FLUX_BLOCKS:
        raise ModelError(
            f"{header.path} is a FLUX of another size, such as Flux.1 Lite, which is not "
            f"supported as a single file: it has {counts[0]} and {counts[1]} blocks, and FLUX.1 "
            f"has {_FLUX_BLOCKS[0]} and {_FLUX_BLOCKS[1]}."
        )


def _blocks(header: Header, prefix: str) -> int:
    """How many blocks there are; where some in between are missing, they count as well."""
    numbers = (
        name[len(prefix) :].partition(".")[0] for name in header.tensors if name.startswith(prefix)
    )
    return max((int(number) + 1 for number in numbers if number.isdecimal()), default=0)


def family_of_context(path: Path, context: int | None) -> Family:
    """The family of a U-Net whose cross-attention reads ``context`` numbers a token.

    Raises:
        ModelError: none has such a context.
    """
    if context == 1280:
        raise ModelError(
            f"{path} is the SDXL refiner, which works after SDXL and not alone. "
            "Use the SDXL base model or a checkpoint made from it."
        )
    family = CONTEXT_FAMILIES.get(context or 0)
    if family is None:
        said = "no text" if context is None else f"text of width {context}"
        raise ModelError(f"{path} has a U-Net of a kind that is not known: it reads {said}. {RUNS}")
    return family


def _context(header: Header, network: _Network) -> int | None:
    widths = {
        tensor.shape[-1]
        for name, tensor in header.tensors.items()
        if name.startswith(network.prefix) and name.endswith("attn2.to_k.weight") and tensor.shape
    }
    return widths.pop() if len(widths) == 1 else None


def _is_whole_sdxl(header: Header) -> bool:
    """Whether the middle has all its ten transformer blocks, which the small offshoots lack."""
    return any(
        name.endswith(
            (
                "middle_block.1.transformer_blocks.9.attn2.to_k.weight",
                "mid_block.attentions.0.transformer_blocks.9.attn2.to_k.weight",
            )
        )
        for name in header.tensors
    )


def _texts(header: Header) -> tuple[str, ...]:
    """What the author wrote, and the file's name, the more reliable first."""
    said = (
        header.metadata.get(f"modelspec.{key}", "")
        for key in ("prediction_type", "architecture", "title")
    )
    return (*said, header.path.stem)


def _variant(header: Header, network: _Network, texts: tuple[str, ...]) -> tuple[Variant, bool]:
    """How it was trained further, and whether it takes the guidance scale as an input."""
    told = told_variant(*texts)
    names = header.tensors
    prefix = network.prefix
    if network.part == "transformer":
        guided = any(
            f"{prefix}{mark}.weight" in names
            for mark in ("guidance_in.in_layer", "time_text_embed.guidance_embedder.linear_1")
        )
        return (told or "dev" if guided else "schnell"), guided
    guided = any(
        f"{prefix}{mark}.cond_proj.weight" in names for mark in ("time_embed", "time_embedding")
    )
    return ("lcm" if guided else told or "base"), guided


def _notes(path: Path, variant: Variant, texts: tuple[str, ...]) -> tuple[str, ...]:
    *said, name = texts
    if told_variant(name) != variant or told_variant(*said) == variant:
        return ()
    return (told_by_name(path.name, variant, "model"),)


def _prediction(
    header: Header, network: _Network, family: Family, texts: tuple[str, ...]
) -> Prediction:
    if family == "flux":
        return "flow"
    if "v_pred" in header.tensors:
        return "v_prediction"
    told = told_prediction(*texts)
    if told is None and family == "sd21":
        told = told_stable_diffusion_2(*texts) or _measured(header, network)
    return told or "epsilon"


def _measured(header: Header, network: _Network) -> Prediction | None:
    """What 2.1's weights themselves give away; None where that one tensor is not there."""
    name = network.prefix + _SPREAD_NAMES[network.naming]
    entry = header.tensors.get(name)
    if entry is None or entry.size_bytes > _SPREAD_BYTES:
        return None
    values = [value for value in read_floats(header, name) if math.isfinite(value)]
    if not values:
        return None
    return "v_prediction" if statistics.pstdev(values) > _V_SPREAD else "epsilon"
