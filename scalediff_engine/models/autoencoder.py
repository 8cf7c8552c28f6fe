"""diffusers' autoencoders as the families use them: scaled latents, any size, safe precision."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from scalediff_engine.base.errors import ModelError
from scalediff_engine.base.geometry import Grid
from scalediff_engine.method.npa import neighborhood_patch_attention
from scalediff_engine.models.group_norm import group_norm
from scalediff_engine.models.row_strip_layers import (
    Convolution,
    Downsample,
    GlobalLayer,
    Layer,
    Residual,
    Upsample,
    run_layers,
)

# Working memory for a pixel of the picture in 16 bits, beyond which nothing gets faster.
_USEFUL_BYTES = 700
# Keys and values that the one attention layer gathers at a time.
_WINDOW_BYTES = 256 * 2**20


class Autoencoder(ABC):
    """An autoencoder on its device.

    A class of diffusers runs as a subclass with both directions for unscaled latents.

    Args:
        vae: in main memory
        device: where it will run
        dtype: precision to run in; a result that is not finite is computed again in float32
        window: latents at the native size, for layers that attend; None = no limit

    Attributes:
        working_bytes: to use beside input and output; None = as much as is fastest. The footprint
            of the family says what each amount costs (``spec.footprint.AutoencoderFootprint``).

    Both directions raise ``ModelError`` where even float32 gives no finite result.
    """

    def __init__(
        self,
        vae: Any,  # noqa: ANN401 - diffusers' classes share no type with both directions
        device: torch.device,
        dtype: torch.dtype,
        window: Grid | None = None,
    ) -> None:
        self._vae: Any = _cast(vae, dtype).to(device, memory_format=torch.channels_last)
        self._device = device
        self._dtype = dtype
        self._window = window
        self._scale = float(vae.config["scaling_factor"])
        self._shift = float(vae.config.get("shift_factor") or 0.0)
        self.working_bytes: int | None = None

    def encode(self, pixels: Tensor) -> Tensor:
        """(1, 3, H, W) in -1..1 to (1, C, H/f, W/f) float32, scaled; the posterior's mode."""
        return (self._run(self._encode, pixels) - self._shift) * self._scale

    def decode(self, z: Tensor) -> Tensor:
        """(1, C, rows, cols) scaled latents to (1, 3, rows*f, cols*f) float32, about -1..1."""
        return self._run(self._decode, z.float() / self._scale + self._shift)

    @abstractmethod
    def _encode(self, pixels: Tensor) -> Tensor:
        """(1, 3, H, W) in -1..1 to (1, C, H/f, W/f), unscaled; no randomness."""

    @abstractmethod
    def _decode(self, z: Tensor) -> Tensor:
        """(1, C, rows, cols) unscaled latents to (1, 3, rows*f, cols*f), about -1..1."""

    def _run(self, direction: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        out = self._run_once(direction, x)
        if _is_finite(out):
            return out
        if not _is_finite(x):
            raise ModelError(
                "The model's result holds values that are not finite numbers, so there is no "
                "picture in it; its weights may be damaged or meant for another kind of model."
            )
        if self._dtype != torch.float32:
            # activations beyond the 16-bit range; what overflowed once will do so again
            del out
            self._dtype = torch.float32
            _cast(self._vae, torch.float32)
            out = self._run_once(direction, x)
            if _is_finite(out):
                return out
        raise ModelError(
            "The model's autoencoder gives values that are not finite numbers, in 32-bit "
            "arithmetic too; its weights may be damaged, and a fresh copy of them would help."
        )

    def _run_once(self, direction: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        x = x.to(self._device, self._dtype).contiguous(memory_format=torch.channels_last)
        return direction(x).float()


class KLAutoencoder(Autoencoder):
    """``AutoencoderKL``, over strips of rows where the working memory is limited.

    Its one attention layer sees windows of the native size, like the denoiser's: at the native
    size it is the unmodified autoencoder, and beyond it neither memory nor time explodes.
    """

    def _encode(self, pixels: Tensor) -> Tensor:
        moments = self._run_layers(self._encoder_layers(), pixels, pixels[0, 0].numel())
        return moments.chunk(2, dim=1)[0]

    def _decode(self, z: Tensor) -> Tensor:
        factor = 2 ** (len(self._vae.config["block_out_channels"]) - 1)
        return self._run_layers(self._decoder_layers(), z, z[0, 0].numel() * factor**2)

    def _run_layers(self, layers: Sequence[Layer | GlobalLayer], x: Tensor, pixels: int) -> Tensor:
        useful = _USEFUL_BYTES * pixels * x.element_size() // 2
        working = useful if self.working_bytes is None else min(useful, self.working_bytes)
        return run_layers(layers, x, working)

    def _encoder_layers(self) -> list[Layer | GlobalLayer]:
        encoder: Any = self._vae.encoder
        layers: list[Layer | GlobalLayer] = [Convolution(encoder.conv_in)]
        for block in encoder.down_blocks:
            layers += [_residual(resnet) for resnet in block.resnets]
            layers += [Downsample(down.conv) for down in block.downsamplers or ()]
        layers += self._middle_layers(encoder.mid_block)
        layers.append(Convolution(encoder.conv_out, encoder.conv_norm_out))
        if self._vae.quant_conv is not None:
            layers.append(GlobalLayer(self._vae.quant_conv))
        return layers

    def _decoder_layers(self) -> list[Layer | GlobalLayer]:
        decoder: Any = self._vae.decoder
        layers: list[Layer | GlobalLayer] = [Convolution(decoder.conv_in)]
        if self._vae.post_quant_conv is not None:
            layers.insert(0, GlobalLayer(self._vae.post_quant_conv))
        layers += self._middle_layers(decoder.mid_block)
        for block in decoder.up_blocks:
            layers += [_residual(resnet) for resnet in block.resnets]
            layers += [Upsample(up.conv) for up in block.upsamplers or ()]
        return [*layers, Convolution(decoder.conv_out, decoder.conv_norm_out)]

    def _middle_layers(self, block: Any) -> list[Layer | GlobalLayer]:  # noqa: ANN401
        layers: list[Layer | GlobalLayer] = [_residual(block.resnets[0])]
        for attention, resnet in zip(block.attentions, block.resnets[1:], strict=True):
            if attention is not None:
                layers.append(GlobalLayer(lambda x, a=attention: self._attend(a, x)))
            layers.append(_residual(resnet))
        return layers

    def _attend(self, attention: Any, x: Tensor) -> Tensor:  # noqa: ANN401
        """Single-headed self-attention over pixels, (1, C, H, W) to the same."""
        grid = Grid(x.shape[2], x.shape[3])
        h = group_norm(x, attention.group_norm).permute(0, 2, 3, 1).flatten(1, 2)
        query, key, value = (
            project(h).unflatten(-1, (attention.heads, -1)).transpose(1, 2)
            for project in (attention.to_q, attention.to_k, attention.to_v)
        )
        out = neighborhood_patch_attention(
            query,
            key,
            value,
            grid=grid,
            window=grid if self._window is None or grid.is_native(self._window) else self._window,
            window_bytes=_WINDOW_BYTES,
        )
        out = attention.to_out[0](out.transpose(1, 2).flatten(2))
        out = out.unflatten(1, grid).permute(0, 3, 1, 2)
        return (out + x) / attention.rescale_output_factor


def _residual(resnet: Any) -> Residual:  # noqa: ANN401
    shortcut: nn.Conv2d | None = resnet.conv_shortcut
    return Residual(resnet.norm1, resnet.conv1, resnet.norm2, resnet.conv2, shortcut)


def _is_finite(x: Tensor) -> bool:
    # what is not finite stays so in a sum, which takes no memory
    return bool(torch.isfinite(x.sum(dtype=torch.float32)))


def _cast(vae: Any, dtype: torch.dtype) -> Any:  # noqa: ANN401
    # diffusers' own ``to`` warns of layers to be kept in float32, of which there are none here
    nn.Module.to(vae, dtype)
    return vae
