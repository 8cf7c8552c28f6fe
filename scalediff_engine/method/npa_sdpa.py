"""Attention of patches of different sizes with PyTorch's own attention: equal ones together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

_WITHOUT_PREPARATION = [
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
]


def attend_in_pieces(query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int]) -> Tensor:
    """Let each patch attend to its own window.

    Args:
        query: (sum of lengths, heads, D), patch after patch
        key, value: (patches, window, heads, D)
        lengths: queries of each patch; equal ones should follow each other

    Returns:
        (sum of lengths, heads, D).
    """
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
    return attended[0] if len(attended) == 1 else torch.cat(attended)
