"""Group normalisation in two moves: sums over pixels, then one scale and shift a channel.

Apart, the moves let statistics of a whole picture be gathered strip by strip, and on a GPU each is
one pass over memory in the layout that convolutions like (channels last), with the activation and
the sum of a time embedding on the way. PyTorch's own kernel takes several passes and changes the
layout. Triton is used where it is there; plain PyTorch does the same elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import group_norm as torch_group_norm
from torch.nn.functional import silu

from scalediff_engine.method.kernel import triton_works
from scalediff_engine.models.norms import seen, settled

try:
    from scalediff_engine.models import group_norm_triton
except ImportError:  # no Triton: not on macOS, not with every build for Windows
    _triton: Any = None
else:  # Python's types have no word for a kernel: a function that is indexed with its grid
    _triton: Any = group_norm_triton

_BLOCK_ROWS = 32
_BLOCK_CHANNELS = 64
_ROWS_A_PROGRAM = 1024


class Affine(NamedTuple):
    """What a normalisation comes to: ``x * scale + shift``, (B, C) float32 each."""

    scale: Tensor
    shift: Tensor


@dataclass(frozen=True)
class Sums:
    """Sums over pixels.

    Attributes:
        totals: (2, B, C) float64, where the device has it: of the values and of their squares
        pixels: how many were summed
    """

    totals: Tensor
    pixels: int

    def __add__(self, other: Sums) -> Sums:
        """Put two parts of a picture together."""
        return Sums(self.totals + other.totals, self.pixels + other.pixels)


def pixel_sums(x: Tensor, add: Tensor | None = None) -> Sums:
    """Sum a picture's values and their squares, channel by channel.

    Args:
        x: (B, C, H, W)
        add: (B, C) to add to ``x`` first
    """
    batch, channels, rows, cols = x.shape
    if _has_kernels(x):
        totals = _triton_sums(x, add)
    else:
        shifted = x.float() if add is None else x.float() + add.float()[:, :, None, None]
        wide = _wide_dtype(x.device)
        totals = torch.stack(
            [shifted.sum((2, 3), dtype=wide), shifted.square().sum((2, 3), dtype=wide)]
        )
    return Sums(totals.view(2, batch, channels), rows * cols)


def affine_of(norm: nn.GroupNorm, sums: Sums, add: Tensor | None = None) -> Affine:
    """Fold statistics, weights and an addend into one scale and shift a channel.

    Args:
        norm: of C channels
        sums: of the values with ``add`` added
        add: (B, C); the result is for values without it
    """
    totals = sums.totals
    batch, channels = totals.shape[1:]
    size = channels // norm.num_groups
    mean, mean_square = totals.view(2, batch, norm.num_groups, size).sum(-1) / (sums.pixels * size)
    variance = (mean_square - mean.square()).clamp_min(0)
    mean, variance = settled(mean, variance)
    spread = torch.rsqrt(variance + norm.eps)
    mean, spread = (t.repeat_interleave(size, dim=1).float() for t in (mean, spread))
    # torch's types leave out that a norm may have neither
    weight, bias = cast("tuple[Tensor | None, Tensor | None]", (norm.weight, norm.bias))
    scale = spread if weight is None else spread * weight.float()
    shift = -mean * scale
    if bias is not None:
        shift = shift + bias.float()
    if add is not None:
        shift = shift + add.float() * scale
    return Affine(scale, shift)


def apply_affine(x: Tensor, affine: Affine, *, activate: bool) -> Tensor:
    """Scale and shift (B, C, H, W) by channel, in float32; then SiLU if ``activate``."""
    if _has_kernels(x):
        return _triton_affine(x, affine, activate)
    scale, shift = (t[:, :, None, None] for t in affine)
    y = torch.addcmul(shift, x.float(), scale)
    return (silu(y) if activate else y).to(x.dtype)


def group_norm(
    x: Tensor, norm: nn.GroupNorm, *, add: Tensor | None = None, activate: bool = False
) -> Tensor:
    """Normalise (B, C, H, W), with ``add`` (B, C) added before and SiLU after if wanted."""
    if not _has_kernels(x):  # PyTorch's own is the better one where it has to be PyTorch
        shifted = x if add is None else x + add[:, :, None, None]
        y = torch_group_norm(shifted, norm.num_groups, norm.weight, norm.bias, norm.eps)
        return silu(y) if activate else y
    return apply_affine(x, affine_of(norm, pixel_sums(seen(x), add), add), activate=activate)


def add_biased(x: Tensor, y: Tensor, bias: Tensor | None) -> Tensor:
    """Add two pictures, (B, C, H, W) each, and a (C,) bias; ``x`` may be overwritten."""
    if bias is None:
        return x.add_(y)
    if not (_has_kernels(x) and _has_kernels(y)):
        return x.add_(y).add_(bias[:, None, None])
    pixels = x.numel() // x.shape[1]
    grid = (
        _ceil(pixels, _BLOCK_ROWS),
        _ceil(x.shape[1], _BLOCK_CHANNELS),
    )
    _triton.add_kernel[grid](
        x,
        y,
        bias.contiguous(),
        pixels,
        x.shape[1],
        BLOCK_ROWS=_BLOCK_ROWS,
        BLOCK_CHANNELS=_BLOCK_CHANNELS,
    )
    return x


def _has_kernels(x: Tensor) -> bool:
    return (
        _triton is not None
        and triton_works(x.device)
        and x.is_contiguous(memory_format=torch.channels_last)
    )


def _wide_dtype(device: torch.device) -> torch.dtype:
    # MPS has no float64, nor have some of Intel's cards
    return torch.float64 if device.type in {"cpu", "cuda"} else torch.float32


def _triton_sums(x: Tensor, add: Tensor | None) -> Tensor:
    batch, channels, rows, cols = x.shape
    pixels = rows * cols
    programs = _ceil(pixels, _ROWS_A_PROGRAM)
    parts = x.new_empty((2, programs, batch, channels), dtype=torch.float32)
    _triton.sums_kernel[(programs, _ceil(channels, _BLOCK_CHANNELS), batch)](
        x,
        x if add is None else add.contiguous(),
        parts,
        pixels,
        channels,
        batch,
        HAS_ADD=add is not None,
        ROWS=_ROWS_A_PROGRAM,
        BLOCK_ROWS=_BLOCK_ROWS,
        BLOCK_CHANNELS=_BLOCK_CHANNELS,
    )
    return parts.sum(1, dtype=torch.float64)


def _triton_affine(x: Tensor, affine: Affine, activate: bool) -> Tensor:
    batch, channels, rows, cols = x.shape
    pixels = rows * cols
    out = torch.empty_like(x)
    grid = (
        _ceil(pixels, _BLOCK_ROWS),
        _ceil(channels, _BLOCK_CHANNELS),
        batch,
    )
    _triton.affine_kernel[grid](
        x,
        affine.scale.contiguous(),
        affine.shift.contiguous(),
        out,
        pixels,
        channels,
        ACTIVATE=activate,
        BLOCK_ROWS=_BLOCK_ROWS,
        BLOCK_CHANNELS=_BLOCK_CHANNELS,
    )
    return out


def _ceil(length: int, block: int) -> int:
    return -(-length // block)
