"""Statistics of group normalisation, taken down in one evaluation and used in another.

Group normalisation makes each pixel of a picture depend on all others, through a mean and a
variance of every group of channels. A part of a picture that is computed alone has others than the
whole: a piece of sky would be normalised as if its faint grain were the picture. So the figures
come from elsewhere. Whatever normalises does so through PyTorch's function or through
``group_norm.affine_of``; both are heard here, and models know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import group_norm
from torch.overrides import TorchFunctionMode

# (mean, variance) of what is normalised to those that are used instead, (B, groups) each
Settle = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

_settle: Settle | None = None
_rim = 0.0

# Beside its border a small picture is not what it would be within the whole: so much of its sides
# is left out of the statistics that are taken down.
RIM = 1 / 8


class Norms:
    """Means and variances of one evaluation of a model, for each of its prompts.

    Args:
        own_share: of the picture, how much is what they are used on; the rest is as they are
    """

    def __init__(self, own_share: float = 0.0) -> None:
        self._own_share = own_share
        self._rows: dict[int, list[tuple[Tensor, Tensor]]] = {}

    @contextmanager
    def taken_down(self, prompts: Sequence[int]) -> Generator[None]:
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
    def used(self, prompts: Sequence[int]) -> Generator[None]:
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
    """Hears of PyTorch's own group normalisation."""

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if func is group_norm:
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
