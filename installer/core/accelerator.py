"""Which accelerator this machine has, from files alone: no process, no driver call."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from .errors import GB, InstallError

_LIBRARY_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/lib/wsl/lib",
)
_BACKEND = re.compile(r"cpu|xpu|cu\d{2,3}|rocm\d+(\.\d+)+")


class Accelerator(Enum):
    """What the build computes on; the value is what the stamp holds."""

    CPU = "cpu"
    CUDA = "cuda"
    ROCM = "rocm"
    XPU = "xpu"
    METAL = "metal"


@dataclass(frozen=True)
class TorchBuild:
    """A build of PyTorch.

    Attributes:
        accelerator: what it computes on
        backend: uv's name for where it comes from; empty for the ordinary index
        why: what on this machine decided it, for people
    """

    accelerator: Accelerator
    backend: str
    why: str

    @property
    def needed_bytes(self) -> int:
        """Free disk space for the environment and its temporary files while it is made."""
        small = self.accelerator in {Accelerator.CPU, Accelerator.METAL}
        return 3 * GB if small else 12 * GB

    def serves(self, wanted: Accelerator) -> bool:
        """Say whether this build is good enough where ``wanted`` would be chosen."""
        return serves(self.accelerator.value, wanted.value)


def serves(built: str, wanted: str) -> bool:
    """Say whether a build for one accelerator does where another is wanted.

    Every build also computes on the CPU, so a graphics card that was unplugged costs no download.
    """
    return wanted in {built, Accelerator.CPU.value}


@dataclass(frozen=True)
class Machine:
    """What the choice looks at; tests pass their own.

    Attributes:
        platform: as ``sys.platform``
        processor: as ``os.uname().machine``
        environ: the environment variables
        exists: says whether a path exists
        finds: says whether a program is on PATH
    """

    platform: str
    processor: str
    environ: Mapping[str, str]
    exists: Callable[[str], bool]
    finds: Callable[[str], bool]


def this_machine(environ: Mapping[str, str]) -> Machine:
    """Describe the machine that this runs on."""
    if sys.platform == "win32":
        processor = environ.get("PROCESSOR_ARCHITECTURE", "")
    else:
        processor = os.uname().machine
    return Machine(
        platform=sys.platform,
        processor=processor,
        environ=environ,
        exists=os.path.exists,
        finds=lambda program: shutil.which(program) is not None,
    )


def choose(machine: Machine) -> TorchBuild:
    """Choose the build for a machine; SCALEDIFF_TORCH (``cpu``, ``cu126``, ...) overrules it.

    Raises:
        InstallError: SCALEDIFF_TORCH is no known word, or PyTorch has no builds for the machine.
    """
    asked = machine.environ.get("SCALEDIFF_TORCH", "auto")
    if asked != "auto":
        return _asked_for(asked)
    if machine.platform == "darwin":
        if machine.processor != "arm64":
            raise InstallError(
                "PyTorch has no builds for Intel Macs (or for an Intel Python on Apple silicon)."
            )
        return TorchBuild(Accelerator.METAL, "", "Apple silicon")
    if _has_nvidia(machine):
        return TorchBuild(Accelerator.CUDA, "auto", "an NVIDIA driver")
    if _has_rocm(machine):
        return TorchBuild(Accelerator.ROCM, "auto", "an AMD card with ROCm")
    if _has_level_zero(machine):
        return TorchBuild(Accelerator.XPU, "xpu", "an Intel card with Level Zero")
    # the ordinary index has the CPU build for Windows, and CUDA's gigabytes for Linux
    backend = "" if machine.platform == "win32" else "cpu"
    return TorchBuild(Accelerator.CPU, backend, "no accelerator found")


def _asked_for(backend: str) -> TorchBuild:
    if not _BACKEND.fullmatch(backend):
        raise InstallError(
            f"SCALEDIFF_TORCH is {backend!r}; it can be auto, cpu, xpu, a CUDA build such as "
            "cu126 or an AMD build such as rocm6.4."
        )
    kinds = {"cp": Accelerator.CPU, "xp": Accelerator.XPU, "cu": Accelerator.CUDA}
    return TorchBuild(
        kinds.get(backend[:2], Accelerator.ROCM), backend, f"SCALEDIFF_TORCH={backend}"
    )


def _has_library(machine: Machine, name: str) -> bool:
    return any(machine.exists(f"{folder}/{name}") for folder in _LIBRARY_FOLDERS)


def _has_nvidia(machine: Machine) -> bool:
    if machine.platform == "win32":
        root = machine.environ.get("SystemRoot", r"C:\Windows")
        return machine.exists(rf"{root}\System32\nvcuda.dll") or machine.finds("nvidia-smi")
    return (
        machine.exists("/proc/driver/nvidia/version")
        or machine.exists("/dev/nvidiactl")
        or _has_library(machine, "libcuda.so.1")
        or machine.finds("nvidia-smi")
    )


def _has_rocm(machine: Machine) -> bool:
    # every recent AMD graphics unit shows /dev/kfd; only with ROCm's tools can uv name its build
    return machine.exists("/dev/kfd") and (
        machine.finds("rocm_agent_enumerator")
        or machine.exists("/opt/rocm/bin/rocm_agent_enumerator")
    )


def _has_level_zero(machine: Machine) -> bool:
    # integrated Intel graphics have no Level Zero driver unless the user installed one
    return machine.exists("/dev/dri") and _has_library(machine, "libze_intel_gpu.so.1")
