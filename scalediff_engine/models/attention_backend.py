"""The order in which PyTorch tries its attention kernels, for layers that keep plain attention."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

# cuDNN's kernel for Hopper and its successors: half as fast again as the one PyTorch would take.
_CUDNN_FIRST = [
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
]
_HOPPER = (9, 0)


def best_attention(device: torch.device) -> AbstractContextManager[object]:
    """Prefer the fastest kernel that a device has while the context is open."""
    if not _likes_cudnn(device):
        return nullcontext()
    return sdpa_kernel(_CUDNN_FIRST, set_priority=True)


@lru_cache(maxsize=8)
def _likes_cudnn(device: torch.device) -> bool:
    return (
        device.type == "cuda"
        and torch.version.hip is None
        and torch.cuda.get_device_capability(device) >= _HOPPER
    )
