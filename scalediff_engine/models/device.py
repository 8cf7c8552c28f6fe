"""Which device a model runs on."""

from __future__ import annotations

import torch

from scalediff_engine.errors import UsageError


def pick_device(wanted: str) -> torch.device:
    """Turn the user's word into a device that is really there.

    Args:
        wanted: auto | cpu | cuda | cuda:N | mps | xpu

    Raises:
        UsageError: the word names no device, or one that this machine lacks.
    """
    present = _present()
    if wanted == "auto":
        return torch.device(present[0])
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise UsageError(_sentence(wanted, present)) from error
    count = torch.accelerator.device_count() if device.type != "cpu" else 1
    if device.type not in present or (device.index or 0) >= count:
        raise UsageError(_sentence(wanted, present))
    return device


def _present() -> list[str]:
    """Device types of this machine, the fastest first."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return [accelerator.type, "cpu"] if accelerator is not None else ["cpu"]


def _sentence(wanted: str, present: list[str]) -> str:
    return f"There is no device '{wanted}' here. This machine has: {', '.join(present)}."
