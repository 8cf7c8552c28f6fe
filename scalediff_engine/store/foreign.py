"""Files that are no model of a family that runs here, each by a name that only it has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from scalediff_engine.base.errors import ModelError
from scalediff_engine.store.header import Header

RUNS = "ScaleDiff runs Stable Diffusion 1.5 and 2.1, SDXL and FLUX.1."
_WHOLE = "Use a whole checkpoint of Stable Diffusion 1.5, 2.1, SDXL or FLUX.1."

# (part of a tensor's name, what such a file is); the first that is found counts
_OTHER_MODELS = (
    ("joint_blocks.", "a Stable Diffusion 3 model"),
    ("individual_token_refiner.", "a HunyuanVideo model"),
    ("mlp_t5.", "a HunyuanDiT model"),
    ("text_embedding_padding", "a HunyuanDiT model"),
    ("distilled_guidance_layer.", "a Chroma model"),
    ("double_stream_modulation_img.", "a FLUX.2 model"),
    ("single_stream_modulation.", "a FLUX.2 model"),
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
_CHANNELS = {
    5: "a Stable Diffusion 2 depth model",
    7: "the Stable Diffusion x4 upscaler",
    8: "an InstructPix2Pix model, which edits pictures by instruction",
    9: "an inpainting model",
    384: "a FLUX.1 Fill model, which is for inpainting",
    128: "a FLUX.1 Depth or Canny model",
}


def is_lora(names: Iterable[str]) -> bool:
    """Whether tensors with these names change a model's layers instead of being them."""
    return any(_LORA.search(name) for name in names)


def is_lycoris(names: Iterable[str]) -> bool:
    """Whether these are LoHa or LoKr, the LyCORIS kinds that diffusers does not read."""
    return any(_LYCORIS.search(name) for name in names)


def refuse_foreign(header: Header) -> None:
    """Pass if the file may hold a model of a family that runs here.

    Raises:
        ModelError: it is an addition to a model, another architecture, or quantised.
    """
    path, names = header.path, header.tensors
    if is_lora(names) or is_lycoris(names):
        raise ModelError(
            f"{path} is a LoRA: it changes a model and is none. "
            "Give it as a LoRA, together with a checkpoint that it was made for."
        )
    for marks, advice in ((_ADDITIONS, _WHOLE), (_OTHER_MODELS, RUNS)):
        what = _first(marks, names)
        if what is not None:
            raise ModelError(f"{path} is {what}. {advice}")
    if any(name.endswith(_SCALED + _PACKED) for name in names):
        raise ModelError(
            f"{path} is quantised in a way that ScaleDiff cannot run. "
            "Use the file of the same model in float16 or bfloat16."
        )


def refuse_channels(path: Path, channels: int, expected: int) -> None:
    """Pass if a network takes as many channels as a latent (of FLUX: packed) has.

    Raises:
        ModelError: it takes a picture, a mask or a depth map as well.
    """
    if channels != expected:
        what = _CHANNELS.get(channels, "a model with another input")
        raise ModelError(
            f"{path} is {what}: it takes {channels} channels instead of {expected}. "
            "Use the text-to-image model that it was made from."
        )


def unknown(header: Header) -> ModelError:
    """The error for a file in which no network of a known family was found."""
    part = _first(_SINGLE_PARTS, header.tensors)
    if part is not None:
        return ModelError(f"{header.path} is {part}. {_WHOLE}")
    if not header.tensors:
        return ModelError(f"{header.path} holds no tensors. Download it again.")
    example = next(iter(header.tensors))[:60]
    return ModelError(
        f"{header.path} belongs to no family that is known here: it holds "
        f"{len(header.tensors)} tensors such as {example!r}. {RUNS}"
    )


def _first(marks: tuple[tuple[str, str], ...], names: Iterable[str]) -> str | None:
    everything = "\n".join(names)
    return next((what for mark, what in marks if mark in everything), None)
