"""In which floating-point type a model computes on a device."""

from __future__ import annotations

import torch


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
