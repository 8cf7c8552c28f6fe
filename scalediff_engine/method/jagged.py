"""Attention of patches of different sizes, in one call where the device can do that."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, groupby

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

_WITHOUT_PREPARATION = [
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
]
# Devices whose cuDNN turned out not to take patches of different sizes.
_refused: set[torch.device] = set()


def jagged_attention(
    query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int], longest: int
) -> Tensor:
    """Let each patch attend to its own window.

    Args:
        query: (sum of lengths, heads, D), patch after patch
        key, value: (patches, window, heads, D)
        lengths: queries of each patch; equal ones should follow each other
        longest: an upper bound of ``lengths`` that stays the same from call to call

    Returns:
        (sum of lengths, heads, D).
    """
    if _takes_jagged(query) and query.device not in _refused:
        try:
            return _by_cudnn(query, key, value, tuple(lengths), longest)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            _refused.add(query.device)
    return _piece_by_piece(query, key, value, lengths)


def _takes_jagged(query: Tensor) -> bool:
    return (
        query.device.type == "cuda"
        and torch.version.cuda is not None
        and query.dtype in (torch.bfloat16, torch.float16)
        and query.shape[-1] % 8 == 0
        and query.shape[-1] <= 128
        and torch.cuda.get_device_capability(query.device) >= (8, 0)
    )


def _by_cudnn(
    query: Tensor, key: Tensor, value: Tensor, lengths: tuple[int, ...], longest: int
) -> Tensor:
    # PyTorch reaches this kernel through nested tensors only when no other backend is allowed,
    # and the wrapping costs the host more time than the call.
    window = key.shape[1]
    begins = _begins(lengths, query.device)
    begins_keys = _begins((window,) * len(key), query.device)
    return torch.ops.aten._cudnn_attention_forward(
        query,
        key.flatten(0, 1),
        value.flatten(0, 1),
        None,
        begins,
        begins_keys,
        longest,
        window,
        False,
    )[0]


@lru_cache(maxsize=32)
def _begins(lengths: tuple[int, ...], device: torch.device) -> Tensor:
    """(patches + 1,) where each patch begins, as the kernel wants it."""
    begins = torch.tensor([0, *accumulate(lengths)], dtype=torch.int32).pin_memory()
    return begins.to(device, non_blocking=True)


def _piece_by_piece(query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int]) -> Tensor:
    """Patches of equal size together."""
    attended: list[Tensor] = []
    most = max(lengths, key=lengths.count)
    patch = token = 0
    for length, run in groupby(lengths):
        count = len(list(run))
        q, k, v = (
            t.transpose(1, 2)
            for t in (
                query[token : token + count * length].unflatten(0, (count, length)),
                key[patch : patch + count],
                value[patch : patch + count],
            )
        )
        if length != most and q.device.type == "cuda":
            # cuDNN prepares for every new shape (some 60 ms on an H100), and a moving tiling
            # has new ragged shapes at every step
            with sdpa_kernel(_WITHOUT_PREPARATION):
                out = scaled_dot_product_attention(q, k, v)
        else:
            out = scaled_dot_product_attention(q, k, v)
        attended.append(out.transpose(1, 2).flatten(0, 1))
        patch, token = patch + count, token + count * length
    return torch.cat(attended)
