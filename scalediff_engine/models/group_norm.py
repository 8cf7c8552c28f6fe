"""Group normalisation in two moves: sums over pixels, then one scale and shift a channel.

Apart, the moves let statistics of a whole picture be gathered strip by strip, and on a GPU each is
one pass over memory in the layout that convolutions like (channels last), with the activation and
the sum of a time embedding on the way. PyTorch's own kernel takes several passes and changes the
layout. Triton is used where it is there; plain PyTorch does the same elsewhere.

Statistics can be recorded in one evaluation and replayed in another (``NormStatistics``): a part of
a picture that is computed alone has others than the whole, and a piece of sky would be normalised
as if its faint grain were the picture. PyTorch's own ``group_norm`` is covered too; models know
nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import group_norm as torch_group_norm
from torch.nn.functional import silu
from torch.overrides import TorchFunctionMode

from scalediff_engine.method.kernel import triton_works

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


# (mean, variance) of what is normalised to those that are used instead, (B, groups) each
Settle = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

_settle: Settle | None = None
_rim = 0.0

# Beside its border a small picture is not what it would be within the whole: so much of its sides
# is left out of the statistics that are taken down.
RIM = 1 / 8


class NormStatistics:
    """Means and variances of one evaluation of a model, for each of its prompts.

    Args:
        own_share: of the picture, how much is what they are used on; the rest is as they are
    """

    def __init__(self, own_share: float = 0.0) -> None:
        self._own_share = own_share
        self._rows: dict[int, list[tuple[Tensor, Tensor]]] = {}

    @contextmanager
    def record(self, prompts: Sequence[int]) -> Generator[None]:
        """Keep the statistics of the evaluation within.

        Its batch has as many pictures for each of the prompts, one prompt after the other. They
        are normalised together, as one picture would be.
        """
        for prompt in prompts:  # a second attempt begins anew
            self._rows[prompt] = []

        def keep(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
            pictures = len(mean) // len(prompts)
            square = (variance + mean.square()).unflatten(0, (-1, pictures)).mean(1)
            mean = mean.unflatten(0, (-1, pictures)).mean(1)  # (prompts, groups)
            variance = (square - mean.square()).clamp_min(0)
            for prompt, *row in zip(prompts, mean, variance, strict=True):
                self._rows[prompt].append((row[0], row[1]))
            return mean.repeat_interleave(pictures, 0), variance.repeat_interleave(pictures, 0)

        with _settled_by(keep, RIM):
            yield

    @contextmanager
    def replay(self, prompts: Sequence[int]) -> Generator[None]:
        """Normalise with them and its own, by their shares, in the evaluation within."""
        layers = iter(list(zip(*(self._rows[prompt] for prompt in prompts), strict=True)))

        def replace(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
            rows, share = next(layers), self._own_share
            other_mean, other_variance = (
                torch.stack([row[k] for row in rows]).to(mean) for k in range(2)
            )
            both = torch.lerp(other_mean, mean, share)
            square = torch.lerp(
                other_variance + other_mean.square(), variance + mean.square(), share
            )
            return both, (square - both.square()).clamp_min(0)

        with _settled_by(replace):
            yield


def seen(x: Tensor) -> Tensor:
    """Give what of (B, C, H, W) the statistics are taken of."""
    if not _rim:
        return x
    rows, cols = (round(side * _rim) for side in x.shape[-2:])
    return x[..., rows : x.shape[-2] - rows, cols : x.shape[-1] - cols]


def settled(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Give the statistics to normalise with; (B, groups) each."""
    return (mean, variance) if _settle is None else _settle(mean, variance)


@contextmanager
def _settled_by(settle: Settle, rim: float = 0.0) -> Generator[None]:
    global _settle, _rim
    before, _settle, _rim = (_settle, _rim), settle, rim
    try:
        with _GroupNorms():
            yield
    finally:
        _settle, _rim = before


class _GroupNorms(TorchFunctionMode):
    """Redirects PyTorch's own group normalisation."""

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if func is torch_group_norm:
            return _group_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _group_norm(
    x: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """See ``torch.nn.functional.group_norm``."""
    groups = seen(x).float().unflatten(1, (num_groups, -1)).flatten(2)  # (B, groups, values)
    own = groups.mean(-1), groups.var(-1, correction=0)
    mean, variance = settled(*own)
    scale = torch.rsqrt(variance + eps)
    channels = x.shape[1] // num_groups
    scale, mean = (t.repeat_interleave(channels, dim=1) for t in (scale, mean))  # (B, C)
    shift = -mean * scale
    if weight is not None:
        scale, shift = scale * weight.float(), shift * weight.float()
    if bias is not None:
        shift = shift + bias.float()
    shape = (*scale.shape, *(1 for _ in x.shape[2:]))
    return torch.addcmul(shift.view(shape), x.float(), scale.view(shape)).to(x.dtype)
