"""Models without weights: true names and shapes, and sparse files that cost no disk."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]

ORIGINAL = "model.diffusion_model."
_BYTES = {"F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1}


def write_model(
    path: Path, shapes: Shapes, *, dtype: str = "F16", metadata: Mapping[str, str] | None = None
) -> Path:
    """Write a ``.safetensors`` file of zeros, as long as it should be."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + math.prod(shape) * _BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    return write_raw(path, header, end)


def write_raw(path: Path, header: object, data_bytes: int = 0) -> Path:
    """Write any JSON as the header, and so many zero bytes after it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + data_bytes)
    return path


def unet(context: int, *, channels: int = 4, prefix: str = ORIGINAL) -> dict[str, tuple[int, ...]]:
    """Some layers of a U-Net under the names of its authors."""
    names: dict[str, tuple[int, ...]] = {
        "time_embed.0.weight": (1280, 320),
        "input_blocks.0.0.weight": (320, channels, 3, 3),
        "input_blocks.4.1.transformer_blocks.0.attn1.to_k.weight": (640, 640),
        "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (640, context),
        "middle_block.1.transformer_blocks.0.attn2.to_k.weight": (1280, context),
        "output_blocks.5.1.transformer_blocks.0.attn2.to_k.weight": (640, context),
    }
    if context == 2048:
        names["label_emb.0.0.weight"] = (1280, 2816)
        names["middle_block.1.transformer_blocks.9.attn2.to_k.weight"] = (1280, context)
    return {prefix + name: shape for name, shape in names.items()}


def diffusers_unet(context: int) -> dict[str, tuple[int, ...]]:
    """Some layers of a bare U-Net under the names of diffusers."""
    return {
        "conv_in.weight": (320, 4, 3, 3),
        "time_embedding.linear_1.weight": (1280, 320),
        "down_blocks.0.resnets.0.conv1.weight": (320, 320, 3, 3),
        "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight": (640, context),
        "mid_block.attentions.0.transformer_blocks.9.attn2.to_k.weight": (1280, context),
    }


def flux(
    *, guided: bool, prefix: str = "", channels: int = 64, blocks: tuple[int, int] = (19, 38)
) -> dict[str, tuple[int, ...]]:
    """Some layers of FLUX.1 under the names of its authors."""
    names: dict[str, tuple[int, ...]] = {
        "img_in.weight": (3072, channels),
        "double_blocks.0.img_attn.qkv.weight": (9216, 3072),
        "single_blocks.0.linear2.weight": (3072, 15360),
    }
    for kind, count in zip(("double_blocks", "single_blocks"), blocks, strict=True):
        names |= {f"{kind}.{i}.a_norm.scale": (128,) for i in range(count)}
    if guided:
        names["guidance_in.in_layer.weight"] = (3072, 256)
    return {prefix + name: shape for name, shape in names.items()}


def diffusers_flux(*, guided: bool) -> dict[str, tuple[int, ...]]:
    """Some layers of FLUX.1 under the names of diffusers."""
    names: dict[str, tuple[int, ...]] = {
        "x_embedder.weight": (3072, 64),
        "transformer_blocks.0.attn.to_q.weight": (3072, 3072),
        "single_transformer_blocks.0.attn.to_q.weight": (3072, 3072),
        "time_text_embed.timestep_embedder.linear_1.weight": (3072, 256),
    }
    for kind, count in (("transformer_blocks", 19), ("single_transformer_blocks", 38)):
        names |= {f"{kind}.{i}.attn.norm_q.weight": (128,) for i in range(count)}
    if guided:
        names["time_text_embed.guidance_embedder.linear_1.weight"] = (3072, 256)
    return names


SDXL_PARTS: dict[str, tuple[int, ...]] = {
    "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
    "conditioner.embedders.0.transformer.text_model.final_layer_norm.bias": (768,),
    "conditioner.embedders.1.model.text_projection": (1280, 1280),
}

_STEMS = {"text_encoder": "model", "text_encoder_2": "model"}


def write_folder(
    path: Path,
    class_name: str = "StableDiffusionXLPipeline",
    *,
    network: Mapping[str, Any] | None = None,
    scheduler: Mapping[str, Any] | None = None,
    vae: Mapping[str, Any] | None = None,
    weights: tuple[str, ...] = ("unet", "vae", "text_encoder", "text_encoder_2"),
    infix: str = "",
) -> Path:
    """Write a folder in the layout of diffusers whose ``weights`` are 100 zeros each."""
    is_flux = class_name.startswith("Flux")
    main = "transformer" if is_flux else "unet"
    parts = (main, "vae", "text_encoder", "text_encoder_2")
    write_json(
        path / "model_index.json",
        {"_class_name": class_name, **{part: ["some_library", "SomeClass"] for part in parts}},
    )
    default = {"in_channels": 64 if is_flux else 4, "cross_attention_dim": 2048}
    write_json(path / main / "config.json", default | dict(network or {}))
    write_json(path / "scheduler" / "scheduler_config.json", scheduler or {})
    write_json(path / "vae" / "config.json", vae or {})
    for part in weights:
        stem = _STEMS.get(part, "diffusion_pytorch_model")
        write_model(path / part / f"{stem}{infix}.safetensors", {"weight": (100,)})
    return path


def write_json(path: Path, value: object) -> Path:
    """Write ``value`` as JSON and make the folders on the way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path
