"""Files that are no model of a family that runs here, each by a name that only it has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from scalediff_engine.base.errors import ModelError
from scalediff_engine.spec.checkpoint import Header, TensorEntry
from scalediff_engine.spec.family import Families

# (part of a tensor's name, what such a file is); the first that is found counts
_OTHER_MODELS = (
    ("joint_blocks.", "a Stable Diffusion 3 model"),
    ("individual_token_refiner.", "a HunyuanVideo model"),
    ("mlp_t5.", "a HunyuanDiT model"),
    ("text_embedding_padding", "a HunyuanDiT model"),
    ("distilled_guidance_layer.", "a Chroma model"),
    ("patchify_proj.", "an LTX-Video model"),
    ("cap_embedder.", "a Lumina or Z-Image model"),
    ("double_layers.", "an AuraFlow model"),
    ("double_stream_blocks.", "a HiDream model"),
    ("txt_norm.", "a Qwen-Image model"),
    ("head.modulation", "a Wan video model"),
    ("net.blocks.block1.", "a Cosmos model"),
    ("adaln_single.", "a PixArt or Sana model"),
    ("cross_attn.q_linear.", "a PixArt or Sana model"),
    ("clip_txt_mapper.", "a Stable Cascade model"),
    (".channelwise.", "a Stable Cascade model"),
    ("motion_modules.", "an AnimateDiff model"),
    ("temporal_transformer_blocks.", "a Stable Video Diffusion model"),
    (".time_stack.", "a Stable Video Diffusion model"),
    ("encoder_hid_proj.", "a Kolors model"),
    ("edm_mean", "a Playground 2.5 model"),
    ("edm_vpred.", "a model with the noise levels of EDM, such as CosXL"),
    ("pos_embed.proj.", "a diffusion transformer such as Stable Diffusion 3 or PixArt"),
)
_ADDITIONS = (
    ("control_model.", "a ControlNet"),
    ("controlnet_", "a ControlNet"),
    ("input_hint_block.", "a ControlNet"),
    ("zero_convs.", "a ControlNet"),
    ("ip_adapter.", "an IP-Adapter"),
    ("image_proj.", "an IP-Adapter"),
    ("emb_params", "an embedding (textual inversion)"),
)
_SINGLE_PARTS = (
    ("first_stage_model.", "an autoencoder (VAE) alone"),
    ("decoder.conv_in.", "an autoencoder (VAE) alone"),
    ("cond_stage_model.", "a text encoder alone"),
    ("conditioner.", "a text encoder alone"),
    ("text_model.", "a text encoder alone"),
    ("resblocks.", "a text encoder alone"),
    ("encoder.block.0.", "a text encoder alone"),
    ("rdb1.", "a single-pass upscaler"),
    ("RDB1.", "a single-pass upscaler"),
)
_LORA = re.compile(r"lora_(up|down|A|B)\b|lora\.(up|down)\b")
_LYCORIS = re.compile(r"\b(hada_w[12]|lokr_w[12])")
_SCALED = ("scaled_fp8", ".scale_weight", ".weight_scale")
_PACKED = (".absmax", ".quant_map", ".qweight", ".qzeros", ".proj_down", ".wscales", ".comfy_quant")


def is_lora(names: Iterable[str]) -> bool:
    """Whether tensors with these names change a model's layers instead of being them."""
    return any(_LORA.search(name) for name in names)


def is_lycoris(names: Iterable[str]) -> bool:
    """Whether these are LoHa or LoKr, the LyCORIS kinds that diffusers does not read."""
    return any(_LYCORIS.search(name) for name in names)


def supported_models(families: Families) -> str:
    """The sentence on which models run."""
    *others, last = (family.title for family in families if not family.comes_with_program)
    return f"ScaleDiff runs {', '.join(others)} and {last}."


def refuse_unsupported(header: Header, families: Families) -> None:
    """Raise ``ModelError`` if the file is known to hold something else than a model that runs here.

    That is an addition to a model, another architecture, or a quantised file.
    """
    path, names = header.path, header.tensors
    if is_lora(names) or is_lycoris(names):
        raise ModelError(
            f"{path} is a LoRA: it changes a model and is none. "
            "Give it as a LoRA, together with a checkpoint that it was made for."
        )
    claimed = {mark for family in families for mark in family.claims}
    others = (
        *(relative for family in families for relative in family.relatives),
        *(other for other in _OTHER_MODELS if other[0] not in claimed),
    )
    for marks in (_ADDITIONS, others):
        what = _first(marks, names)
        if what is not None:
            raise ModelError(f"{path} is {what}. {supported_models(families)}")
    if any(name.endswith(_SCALED + _PACKED) for name in names):
        raise ModelError(
            f"{path} is quantised in a way that ScaleDiff cannot run. "
            "Use the file of the same model in float16 or bfloat16."
        )


def refuse_channels(
    path: Path, channels: object, expected: int, relatives: Mapping[int, str]
) -> None:
    """Raise ``ModelError`` if a network takes a picture, a mask or a depth map beside the latent.

    Args:
        path: of the model
        channels: that it takes
        expected: of a latent
        relatives: what a model with so many channels is
    """
    if channels != expected:
        what = "a model with another input"
        if isinstance(channels, int):
            what = relatives.get(channels, what)
        raise ModelError(
            f"{path} is {what}: it takes {channels} channels instead of {expected}. "
            "Use the text-to-image model that it was made from."
        )


def unknown_file(header: Header, families: Families) -> ModelError:
    """The error for a file in which no network of a known family was found."""
    supported = supported_models(families)
    widths = text_widths(header.tensors)
    if len(widths) == 1:
        return unknown_network(header.path, widths.pop(), families)
    part = _first(_SINGLE_PARTS, header.tensors)
    if part is not None:
        return ModelError(f"{header.path} is {part}. Use a whole checkpoint. {supported}")
    if not header.tensors:
        return ModelError(f"{header.path} holds no tensors. Download it again.")
    example = next(iter(header.tensors))[:60]
    return ModelError(
        f"{header.path} belongs to no family that is known here: it holds "
        f"{len(header.tensors)} tensors such as {example!r}. {supported}"
    )


def unknown_network(path: Path, text_width: object, families: Families) -> ModelError:
    """The error for a network of a known kind and an unknown size."""
    text = f"text of width {text_width}" if isinstance(text_width, int) else "no text"
    return ModelError(
        f"{path} has a network of a kind that is not known: it reads {text}. "
        f"{supported_models(families)}"
    )


def text_widths(tensors: Mapping[str, TensorEntry]) -> set[int]:
    """Widths of the text that cross-attention reads."""
    return {
        tensor.shape[-1]
        for name, tensor in tensors.items()
        if name.endswith("attn2.to_k.weight") and tensor.shape
    }


def _first(marks: Iterable[tuple[str, str]], names: Iterable[str]) -> str | None:
    everything = "\n".join(names)
    return next((what for mark, what in marks if mark in everything), None)
