"""The layers of Stable Diffusion's U-Nets by diffusers' names and by those they were published by.

Published: ``input_blocks.4.1`` and the like count all layers on the way; diffusers counts blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffusers import UNet2DConditionModel
from torch import Tensor

_OUTSIDE = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "time_embedding.cond_proj": "time_embed.cond_proj",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_IN_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def published_unet_modules(unet: UNet2DConditionModel) -> dict[str, str]:
    """Give the published name of each of a U-Net's modules that has one, by diffusers' name."""
    places = {**_OUTSIDE, **_down(unet), **_up(unet)}
    return {
        name: published
        for name, _ in unet.named_modules()
        if (published := _published(name, places)) is not None
    }


def to_diffusers(weights: Mapping[str, Tensor], unet: UNet2DConditionModel) -> dict[str, Tensor]:
    """Rename published weights as diffusers has them.

    Args:
        weights: by published names, without a beginning for the whole of the U-Net
        unet: of the same shape; its own weights do not matter

    Returns:
        Those of the U-Net's weights that are there.
    """
    published = published_unet_modules(unet)
    renamed: dict[str, Tensor] = {}
    for name in unet.state_dict():
        module, _, leaf = name.rpartition(".")
        there = f"{published.get(module, module)}.{leaf}"
        if there in weights:
            renamed[name] = weights[there]
    return renamed


def _published(name: str, places: dict[str, str]) -> str | None:
    for start, published in places.items():
        if name == start:
            return published
        if name.startswith(start + "."):
            inside = name.removeprefix(start + ".")
            if ".resnets." in start:
                inside = _IN_RESNET.get(inside, inside)
            return f"{published}.{inside}"
    return None


def _down(unet: Any) -> dict[str, str]:  # noqa: ANN401 - torch types no module by its children
    places: dict[str, str] = {}
    count = 1  # the convolution at the entrance is number 0
    for i, block in enumerate(unet.down_blocks):
        attentions = len(getattr(block, "attentions", ()))
        for j in range(len(block.resnets)):
            places[f"down_blocks.{i}.resnets.{j}"] = f"input_blocks.{count}.0"
            if j < attentions:
                places[f"down_blocks.{i}.attentions.{j}"] = f"input_blocks.{count}.1"
            count += 1
        if block.downsamplers is not None:
            places[f"down_blocks.{i}.downsamplers.0.conv"] = f"input_blocks.{count}.0.op"
            count += 1
    return places


def _up(unet: Any) -> dict[str, str]:  # noqa: ANN401
    places: dict[str, str] = {}
    count = 0
    for i, block in enumerate(unet.up_blocks):
        attentions = len(getattr(block, "attentions", ()))
        for j in range(len(block.resnets)):
            places[f"up_blocks.{i}.resnets.{j}"] = f"output_blocks.{count}.0"
            if j < attentions:
                places[f"up_blocks.{i}.attentions.{j}"] = f"output_blocks.{count}.1"
            count += 1
        if block.upsamplers is not None:
            last = 2 if attentions else 1
            places[f"up_blocks.{i}.upsamplers.0.conv"] = f"output_blocks.{count - 1}.{last}.conv"
    return places
