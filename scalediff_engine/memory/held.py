"""Memory that a process holds and will give back when a job begins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import psutil

from scalediff_engine.memory.device import Device


@dataclass(frozen=True)
class Held:
    """What a planner may count as free although it is not.

    Attributes:
        host_bytes: of main memory
        device_bytes: of a device's own memory
    """

    host_bytes: int = 0
    device_bytes: int = 0

    def given_back(self, device: Device) -> Device:
        """Give the device as it will be."""
        if not device.is_separate:
            return replace(device, free_bytes=device.free_bytes + self.host_bytes)
        return replace(
            device,
            free_bytes=device.free_bytes + self.device_bytes,
            host_bytes=device.host_bytes + self.host_bytes,
        )


NOTHING_HELD = Held()


def held_by(pid: int) -> Held:
    """Ask what another process holds; where that cannot be told, 0."""
    try:
        host_bytes = int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return NOTHING_HELD
    return Held(host_bytes, _on_nvidia_cards(pid))


def _on_nvidia_cards(pid: int) -> int:
    """The most that a process holds of one card; a worker has one model, on one of them."""
    try:
        import pynvml

        nvml: Any = pynvml
        nvml.nvmlInit()
        try:
            cards = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
            return max(
                (
                    process.usedGpuMemory or 0
                    for card in cards
                    for process in nvml.nvmlDeviceGetComputeRunningProcesses(card)
                    if process.pid == pid
                ),
                default=0,
            )
        finally:
            nvml.nvmlShutdown()
    except Exception:  # noqa: BLE001 - no driver, no card, no permission: there is nothing to tell
        return 0
