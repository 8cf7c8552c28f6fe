"""What this machine has: devices, memory, cores, memory held by a process. Imports no torch."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from scalediff_engine.memory.gpu_throughput import gflop_per_second_of
from scalediff_engine.spec.footprint import GIB

# Sustained float32 convolution throughput of one desktop core. Only the first plan on a machine
# depends on it: afterwards `speed.py` knows what this machine really did.
GFLOP_PER_SECOND_AND_CORE = 30.0


def available_memory_bytes() -> int:
    """Bytes of main memory that can be used without swapping."""
    return psutil.virtual_memory().available


def physical_cores() -> int:
    """Cores without hyper-threads, at least 1."""
    return psutil.cpu_count(logical=False) or psutil.cpu_count() or 1


def guessed_gflop_per_second() -> float:
    """A cautious guess of this machine's CPU throughput, in GFLOP/s."""
    return GFLOP_PER_SECOND_AND_CORE * physical_cores()


# Below this, NVIDIA's hardware has no bfloat16 and the autoencoder runs in float32.
_BFLOAT16_CAPABILITY = (8, 0)
# Below this, Triton makes no code for NVIDIA's hardware.
_TRITON_CAPABILITY = (7, 0)
_HALF, _FULL = 2, 4
# Of cards that only their own libraries can ask: what the smaller ones have.
_UNKNOWN_BYTES = 8 * GIB


@dataclass(frozen=True)
class Device:
    """What planning knows of a device.

    Attributes:
        name: for people
        free_bytes: of its memory
        host_bytes: free bytes of main memory beside it; 0 = it is the same memory
        gflop_per_second: a guess for as long as nothing was measured
        element_bytes: of a number in the denoiser
        vae_element_bytes: of a number in the autoencoder
        compiles: there is a compiler for it
    """

    name: str
    free_bytes: int
    host_bytes: int
    gflop_per_second: float
    element_bytes: int = _HALF
    vae_element_bytes: int = _HALF
    compiles: bool = False

    @property
    def is_separate(self) -> bool:
        """Whether it has a memory of its own."""
        return self.host_bytes > 0


def find_device(wanted: str) -> Device:
    """Tell what the device has that ``models.device.pick_device`` will take.

    Args:
        wanted: auto | cpu | cuda | cuda:N | mps | xpu; a word that means nothing is refused when
            the model is loaded
    """
    number_cards_by_slot()
    kind, _, index = wanted.partition(":")
    build = _torch_build()
    card: Device | None = None
    if kind in {"auto", "cuda"} and build == "cuda":
        first = None if kind == "auto" else 0
        card = _nvidia_card(int(index) if index.isdecimal() else first)
    elif kind in {"auto", "cuda"} and build == "hip":
        card = _amd_card() or (_unknown_card() if _hides_amd_cards() else None)
    elif kind in {"auto", "mps"} and sys.platform == "darwin" and os.uname().machine == "arm64":
        # float16, in which autoencoders overflow
        guess = 8 * guessed_gflop_per_second()
        card = Device("the GPU", available_memory_bytes(), 0, guess, _HALF, _FULL)
    elif kind in {"auto", "xpu"} and build == "xpu":
        card = _unknown_card()
    if card is not None:
        return card
    guess = guessed_gflop_per_second()
    return Device("the CPU", available_memory_bytes(), 0, guess, _FULL, _FULL)


def number_cards_by_slot() -> None:
    """Have CUDA number cards as the driver's library does; call before CUDA starts.

    By itself CUDA calls the fastest card 0, and the library the one in the first slot: planning
    would ask about another card than the one that computes.
    """
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")


def _nvidia_card(index: int | None) -> Device | None:
    """Ask the driver, as PyTorch numbers the cards; None = the one with the most memory."""
    try:
        import pynvml

        nvml: Any = pynvml
        nvml.nvmlInit()
        try:
            count = nvml.nvmlDeviceGetCount()
            indices = _all_visible(count) if index is None else [_visible(index)]
            handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in indices]
            memories = [(nvml.nvmlDeviceGetMemoryInfo(handle), handle) for handle in handles]
            memory, handle = max(memories, key=lambda found: found[0].total)
            name = nvml.nvmlDeviceGetName(handle)
            capability = tuple(nvml.nvmlDeviceGetCudaComputeCapability(handle))
        finally:
            nvml.nvmlShutdown()
    except Exception:  # noqa: BLE001 - no driver, no card, no permission: there is nothing to tell
        return None
    vae_element = _HALF if capability >= _BFLOAT16_CAPABILITY else _FULL
    return Device(
        str(name),
        int(memory.free),
        available_memory_bytes(),
        gflop_per_second_of(str(name)),
        _HALF,
        vae_element,
        compiles=capability >= _TRITON_CAPABILITY
        and importlib.util.find_spec("triton") is not None,
    )


def _visible(index: int) -> int:
    """The driver's number of the card that PyTorch calls ``index``.

    Raises:
        LookupError: the cards are hidden from it.
    """
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return index
    if listed.strip() in {"", "-1"}:
        raise LookupError("no card is visible")
    numbers = [int(word) for word in listed.split(",") if word.strip().isdecimal()]
    return numbers[index] if index < len(numbers) else index


def _all_visible(count: int) -> list[int]:
    """The driver's numbers of all cards that PyTorch sees, in its order.

    Raises:
        LookupError: the cards are hidden from it.
    """
    listed = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    hidden = [word for word in listed.split(",") if word.strip().isdecimal()]
    return [_visible(index) for index in range(len(hidden) or count)]


def _amd_card(folder: Path = Path("/sys/class/drm")) -> Device | None:
    """Ask Linux for the AMD card with the most memory."""
    found: list[tuple[int, int]] = []
    for total_file in folder.glob("card*/device/mem_info_vram_total"):
        with suppress(OSError, ValueError):
            total = int(total_file.read_text())
            used = int(total_file.with_name("mem_info_vram_used").read_text())
            found.append((total, total - used))
    if not found:
        return None
    total, free = max(found)
    guess = gflop_per_second_of("") * total / (16 * GIB)
    return Device("the GPU", free, available_memory_bytes(), guess)


def _hides_amd_cards() -> bool:
    """Whether this is a system on which cards work and do not show their memory."""
    return sys.platform == "win32" or any(Path(p).exists() for p in ("/dev/dxg", "/dev/kfd"))


def _unknown_card() -> Device:
    """A card of which only that much is known that it is there."""
    guess = gflop_per_second_of("")
    return Device("the GPU", _UNKNOWN_BYTES, available_memory_bytes(), guess)


@cache
def _torch_build() -> str:
    """Tell what the installed PyTorch computes on: cuda, hip, xpu, or "" for none of them."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return ""
    try:
        text = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return ""
    for kind in ("cuda", "hip", "xpu"):
        if re.search(rf"^{kind}\b[^=]*=\s*['\"]", text, re.MULTILINE):
            return kind
    return ""


@dataclass(frozen=True)
class ReclaimableMemory:
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


NOTHING_HELD = ReclaimableMemory()


def held_by(pid: int) -> ReclaimableMemory:
    """Ask what another process holds; where that cannot be told, 0."""
    try:
        host_bytes = int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return NOTHING_HELD
    return ReclaimableMemory(host_bytes, _on_nvidia_cards(pid))


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
