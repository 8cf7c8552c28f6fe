"""The same U-Net in fewer passes over memory: what lies between its matrix products.

diffusers' blocks stay as they are; those whose element-wise work costs a GPU more time than it
must get another ``forward``. Nothing here changes what is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor, nn
from torch.nn.functional import conv2d, silu

from scalediff_engine.models.group_norm import add_biased, group_norm


def repeated_blocks(unet: Any) -> list[nn.Module]:  # noqa: ANN401
    """Give a U-Net's transformer layers, in the order in which they run."""
    parts: Any = (*unet.down_blocks, unet.mid_block, *unet.up_blocks)
    return [m for part in parts for m in part.modules() if isinstance(m, BasicTransformerBlock)]


def make_fast(unet: UNet2DConditionModel) -> None:
    """Give a U-Net on a GPU, channels last, the quicker forms of its blocks."""
    for module in unet.modules():
        if isinstance(module, ResnetBlock2D) and is_plain_resnet(module):
            _run_instead(module, partial(resnet_forward, module))
        elif isinstance(module, Transformer2DModel):
            _run_instead(module.norm, partial(group_norm, norm=module.norm))
            # where diffusers leaves channels last
            module.__dict__["_get_output_for_continuous_inputs"] = partial(_spatial_output, module)
    norm = unet.conv_norm_out
    if isinstance(norm, nn.GroupNorm):
        _run_instead(norm, partial(group_norm, norm=norm))


def _run_instead(module: nn.Module, forward: Callable[..., Tensor]) -> None:
    module.forward = forward


def is_plain_resnet(block: Any) -> bool:  # noqa: ANN401 - its types promise more than it keeps
    """Whether a block is of the kind that all Stable Diffusion models are made of."""
    return (
        block.time_embedding_norm == "default"
        and block.upsample is None
        and block.downsample is None
        and isinstance(block.nonlinearity, nn.SiLU)
        and isinstance(block.norm1, nn.GroupNorm)
        and isinstance(block.norm2, nn.GroupNorm)
        and not getattr(block, "skip_time_act", False)
    )


def resnet_forward(block: Any, x: Tensor, temb: Tensor | None = None) -> Tensor:  # noqa: ANN401
    """Run diffusers' residual block.

    Args:
        block: a ``ResnetBlock2D`` that ``is_plain_resnet``
        x: (B, C, H, W), channels last
        temb: (B, E), or None in autoencoders
    """
    # biases join what is added anyway: on its own each would be a pass over the picture
    h = _without_bias(block.conv1, group_norm(x, block.norm1, activate=True))
    add = None if temb is None else block.time_emb_proj(silu(temb))
    add = _sum(add, block.conv1.bias)
    if add is not None:
        add = add.expand(len(h), -1)
    h = _without_bias(block.conv2, group_norm(h, block.norm2, add=add, activate=True))
    bias = block.conv2.bias
    if block.conv_shortcut is not None:
        x = _without_bias(block.conv_shortcut, x)
        bias = _sum(bias, block.conv_shortcut.bias)
    h = add_biased(h, x, bias)
    if block.output_scale_factor != 1:
        h /= block.output_scale_factor
    return h


def _without_bias(conv: nn.Conv2d, x: Tensor) -> Tensor:
    return conv2d(x, conv.weight, None, conv.stride, conv.padding, conv.dilation, conv.groups)


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _spatial_output(
    transformer: Any,  # noqa: ANN401
    hidden_states: Tensor,
    residual: Tensor,
    batch_size: int,
    height: int,
    width: int,
    inner_dim: int,
) -> Tensor:
    """(B, H*W, inner) tokens to (B, C, H, W), still channels last, plus the residual."""
    linear = transformer.use_linear_projection
    tokens = transformer.proj_out(hidden_states) if linear else hidden_states
    spatial = tokens.reshape(batch_size, height, width, inner_dim).permute(0, 3, 1, 2)
    spatial = spatial if linear else transformer.proj_out(spatial)
    return torch.add(spatial, residual)
