from __future__ import annotations

import pytest

from installer.core.accelerator import Accelerator, Machine, choose
from installer.core.errors import InstallError


def machine(
    *there: str,
    platform: str = "linux",
    processor: str = "x86_64",
    programs: tuple[str, ...] = (),
    **environ: str,
) -> Machine:
    return Machine(
        platform=platform,
        processor=processor,
        environ=environ,
        exists=lambda path: path in there,
        finds=lambda program: program in programs,
    )


def test_linux_without_an_accelerator_gets_the_cpu_build_and_not_the_gigabytes_of_cuda() -> None:
    build = choose(machine())

    assert (build.accelerator, build.backend) == (Accelerator.CPU, "cpu")


def test_windows_without_an_accelerator_gets_the_ordinary_build() -> None:
    build = choose(machine(platform="win32"))

    assert (build.accelerator, build.backend) == (Accelerator.CPU, "")


@pytest.mark.parametrize(
    "sign",
    ["/proc/driver/nvidia/version", "/dev/nvidiactl", "/usr/lib/wsl/lib/libcuda.so.1"],
)
def test_any_sign_of_an_nvidia_driver_chooses_cuda(sign: str) -> None:
    assert choose(machine(sign)).accelerator is Accelerator.CUDA


def test_nvidia_smi_alone_chooses_cuda() -> None:
    assert choose(machine(programs=("nvidia-smi",))).accelerator is Accelerator.CUDA


def test_windows_shows_its_nvidia_driver_as_a_system_library() -> None:
    build = choose(machine(r"D:\Win\System32\nvcuda.dll", platform="win32", SystemRoot=r"D:\Win"))

    assert (build.accelerator, build.backend) == (Accelerator.CUDA, "auto")


def test_apple_silicon_gets_the_ordinary_build() -> None:
    build = choose(machine(platform="darwin", processor="arm64"))

    assert (build.accelerator, build.backend) == (Accelerator.METAL, "")


def test_an_intel_mac_is_told_that_there_is_no_build() -> None:
    with pytest.raises(InstallError, match="no builds for Intel Macs"):
        choose(machine(platform="darwin", processor="x86_64"))


def test_an_amd_card_counts_only_with_rocm() -> None:
    assert choose(machine("/dev/kfd")).accelerator is Accelerator.CPU
    with_rocm = machine("/dev/kfd", programs=("rocm_agent_enumerator",))
    assert choose(with_rocm).accelerator is Accelerator.ROCM


def test_an_intel_card_counts_only_with_its_compute_driver() -> None:
    assert choose(machine("/dev/dri")).accelerator is Accelerator.CPU
    with_driver = machine("/dev/dri", "/usr/lib/x86_64-linux-gnu/libze_intel_gpu.so.1")
    assert choose(with_driver).accelerator is Accelerator.XPU


@pytest.mark.parametrize(
    ("word", "accelerator"),
    [
        ("cpu", Accelerator.CPU),
        ("xpu", Accelerator.XPU),
        ("cu126", Accelerator.CUDA),
        ("rocm6.4", Accelerator.ROCM),
    ],
)
def test_the_user_overrules_what_the_machine_shows(word: str, accelerator: Accelerator) -> None:
    build = choose(machine("/dev/nvidiactl", SCALEDIFF_TORCH=word))

    assert (build.accelerator, build.backend) == (accelerator, word)


def test_a_word_that_names_no_build_is_refused_with_those_that_do() -> None:
    with pytest.raises(InstallError, match=r"'gpu'; it can be auto, cpu, xpu"):
        choose(machine(SCALEDIFF_TORCH="gpu"))
