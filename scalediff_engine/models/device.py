"""Which device a model runs on, in which precision, with which attention kernels."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from scalediff_engine.base.errors import UsageError

# What the driver takes of a device for a process before anything is allocated.
_CONTEXT_BYTES = 512 * 2**20


def pick_device(wanted: str) -> torch.device:
    """Turn the user's word into a device that is really there.

    Args:
        wanted: auto | cpu | cuda | cuda:N | mps | xpu

    Raises:
        UsageError: the word names no device, or one that this machine lacks.
    """
    present = _present()
    if wanted == "auto":
        return _largest(present[0])
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise UsageError(_sentence(wanted, present)) from error
    count = torch.accelerator.device_count() if device.type != "cpu" else 1
    if device.type not in present or (device.index or 0) >= count:
        raise UsageError(_sentence(wanted, present))
    return device


def _largest(kind: str) -> torch.device:
    """Of several cards the one with the most memory, the first of equals."""
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if count < 2:
        return torch.device(kind)
    sizes = [torch.cuda.get_device_properties(index).total_memory for index in range(count)]
    return torch.device(kind, sizes.index(max(sizes)))


def _present() -> list[str]:
    """Device types of this machine, the fastest first."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return [accelerator.type, "cpu"] if accelerator is not None else ["cpu"]


def _sentence(wanted: str, present: list[str]) -> str:
    return f"There is no device '{wanted}' here. This machine has: {', '.join(present)}."


def cap_memory(device: torch.device, limit_bytes: int | None) -> None:
    """Have allocations fail that would take more of a CUDA device than this.

    On Windows they fail also beyond what is free, without a limit too: there the driver goes on in
    main memory, many times slower, where a smaller plan would have fitted.

    Args:
        device: of the model; others than CUDA's are left alone
        limit_bytes: the driver's context included; None = no limit
    """
    if device.type != "cuda":
        return
    spills = sys.platform == "win32"
    if limit_bytes is None and not spills:
        return
    free, total = torch.cuda.mem_get_info(device)
    limits = [] if limit_bytes is None else [limit_bytes]
    if spills:
        limits.append(free + torch.cuda.memory_reserved(device))
    allocations = max(0, min(limits) - _CONTEXT_BYTES)
    # unlike all others, this function takes no "cuda" without a number
    number = str(device).partition(":")[2]
    index = int(number) if number else torch.cuda.current_device()
    torch.cuda.set_per_process_memory_fraction(min(1.0, allocations / total), index)


def empty_cache(device: torch.device) -> None:
    """Give what PyTorch keeps for later, but nothing refers to, back to the device."""
    if device.type == "mps":  # torch.accelerator.empty_cache raises there, with PyTorch 2.9 to 2.12
        torch.mps.empty_cache()
    elif device.type != "cpu":
        torch.accelerator.empty_cache()


def forget_peak(device: torch.device) -> None:
    """Begin to measure: from now on ``peak_bytes`` counts."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: torch.device) -> int | None:
    """Give the most bytes that were allocated at once; None where that cannot be told."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None


def pick_dtype(device: torch.device) -> torch.dtype:
    """Give the type that is fastest on this device without spoiling the picture.

    bfloat16 where the hardware has it, float16 on other accelerators, float32 on a CPU.
    """
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if _has_bfloat16(device) else torch.float16


def pick_vae_dtype(dtype: torch.dtype, *, safe_in_float16: bool) -> torch.dtype:
    """Give the autoencoder's type: the denoiser's, except a float16 that it would overflow.

    Args:
        dtype: the denoiser's
        safe_in_float16: this autoencoder's activations stay below float16's limit
    """
    if dtype is torch.float16 and not safe_in_float16:
        return torch.float32
    return dtype


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        # older cards compute it, emulated and slowly
        return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "xpu"


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
