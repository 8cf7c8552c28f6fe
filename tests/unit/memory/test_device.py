"""What planning learns of the machine, from stand-ins for its drivers."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import pytest

from scalediff_engine.memory import device_info
from scalediff_engine.memory.device_info import Device, find_device
from scalediff_engine.spec.footprint import GIB

HOST_BYTES = 30 * GIB


@dataclass
class Card:
    name: str = "NVIDIA GeForce RTX 3060"
    free: int = 11 * GIB
    capability: tuple[int, int] = (8, 6)


@dataclass
class FakeDriver:
    """``pynvml`` as far as it is asked; does what the script says."""

    cards: list[Card]
    starts: bool = True
    tells_memory: bool = True
    calls: list[str] = field(default_factory=list)

    def nvmlInit(self) -> None:  # noqa: N802
        self.calls.append("init")
        if not self.starts:
            raise RuntimeError("Driver Not Loaded")

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.calls.append("shutdown")

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Card:  # noqa: N802
        if index >= len(self.cards):
            raise RuntimeError("Invalid Argument")
        return self.cards[index]

    def nvmlDeviceGetMemoryInfo(self, card: Card) -> SimpleNamespace:  # noqa: N802
        if not self.tells_memory:
            raise RuntimeError("Insufficient Permissions")
        return SimpleNamespace(total=2 * card.free, used=card.free, free=card.free)

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.cards)

    def nvmlDeviceGetName(self, card: Card) -> str:  # noqa: N802
        return card.name

    def nvmlDeviceGetCudaComputeCapability(self, card: Card) -> tuple[int, int]:  # noqa: N802
        return card.capability


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_info, "available_memory_bytes", lambda: HOST_BYTES)
    monkeypatch.setattr(device_info, "guessed_gflop_per_second", lambda: 100.0)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "")  # so that it comes back after the test
    monkeypatch.delenv("CUDA_DEVICE_ORDER")


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    """A CUDA build of PyTorch, and a driver with two cards."""
    fake = FakeDriver([Card(), Card("Tesla T4", 10 * GIB, (7, 5))])
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    build(monkeypatch, "cuda")
    return fake


def build(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(device_info, "_torch_build", lambda: kind)


def assert_is_the_processor(found: Device) -> None:
    assert found.name == "the CPU"
    assert (found.free_bytes, found.host_bytes, found.is_separate) == (HOST_BYTES, 0, False)
    assert (found.element_bytes, found.vae_element_bytes, found.compiles) == (4, 4, False)
    assert found.gflop_per_second == 100.0


@pytest.mark.parametrize("wanted", ["auto", "cuda", "cuda:0", "cuda:"])
def test_the_first_nvidia_card_is_what_its_driver_says(driver: FakeDriver, wanted: str) -> None:
    found = find_device(wanted)
    assert (found.name, found.free_bytes) == ("NVIDIA GeForce RTX 3060", 11 * GIB)
    assert (found.host_bytes, found.is_separate) == (HOST_BYTES, True)
    assert (found.element_bytes, found.vae_element_bytes) == (2, 2)
    assert driver.calls == ["init", "shutdown"]


def test_without_a_number_the_card_with_the_most_memory_is_taken(
    driver: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.cards.append(Card("NVIDIA GeForce RTX 3090", 23 * GIB))
    assert find_device("auto").name == "NVIDIA GeForce RTX 3090"
    assert find_device("cuda").name == "NVIDIA GeForce RTX 3060"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    assert find_device("auto").name == "NVIDIA GeForce RTX 3060"


def test_a_card_without_bfloat16_runs_the_autoencoder_in_float32(driver: FakeDriver) -> None:
    found = find_device("cuda:1")
    assert (found.name, found.free_bytes) == ("Tesla T4", 10 * GIB)
    assert (found.element_bytes, found.vae_element_bytes) == (2, 4)
    for capability, element in (((8, 0), 2), ((7, 9), 4), ((10, 0), 2), ((9, 0), 2)):
        driver.cards[1].capability = capability
        assert find_device("cuda:1").vae_element_bytes == element


def test_a_faster_card_is_planned_with_as_one(driver: FakeDriver) -> None:
    slow = find_device("auto").gflop_per_second
    driver.cards[0].name = "NVIDIA GeForce RTX 4090"
    assert find_device("auto").gflop_per_second > 2 * slow


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.usefixtures("driver")
def test_it_compiles_where_triton_is_installed(
    monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    def find_spec(name: str) -> ModuleSpec | None:
        assert name == "triton"
        return ModuleSpec(name, None) if there else None

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    assert find_device("auto").compiles is there


@pytest.mark.parametrize(
    ("capability", "compiles"),
    [((5, 2), False), ((6, 1), False), ((7, 0), True), ((7, 5), True), ((12, 0), True)],
)
def test_cards_that_triton_has_left_behind_do_not_compile(
    monkeypatch: pytest.MonkeyPatch,
    driver: FakeDriver,
    capability: tuple[int, int],
    *,
    compiles: bool,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: ModuleSpec(name, None))
    driver.cards[0].capability = capability
    assert find_device("auto").compiles is compiles


@pytest.mark.usefixtures("driver")
def test_cuda_counts_cards_by_slot_as_their_driver_does(monkeypatch: pytest.MonkeyPatch) -> None:
    find_device("auto")
    assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")  # who says so means it
    find_device("auto")
    assert os.environ["CUDA_DEVICE_ORDER"] == "FASTEST_FIRST"


@pytest.mark.parametrize(
    ("visible", "wanted", "name"),
    [
        ("1,0", "cuda", "Tesla T4"),
        ("1,0", "cuda:1", "NVIDIA GeForce RTX 3060"),
        ("1", "cuda", "Tesla T4"),
        (" 1 , 0 ", "cuda:0", "Tesla T4"),
        ("0,1", "cuda:1", "Tesla T4"),
        ("garbage", "cuda:1", "Tesla T4"),
        ("GPU-6f1c,GPU-77aa", "cuda:0", "NVIDIA GeForce RTX 3060"),
        (",,", "cuda:1", "Tesla T4"),
        ("", "auto", "the CPU"),
        ("-1", "cuda:1", "the CPU"),
    ],
)
@pytest.mark.usefixtures("driver")
def test_cards_are_counted_as_pytorch_counts_them(
    monkeypatch: pytest.MonkeyPatch, visible: str, wanted: str, name: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert find_device(wanted).name == name


def test_without_a_driver_there_is_the_processor(driver: FakeDriver) -> None:
    driver.starts = False
    assert_is_the_processor(find_device("auto"))
    assert driver.calls == ["init"]


def test_a_driver_that_does_not_tell_is_closed_again(driver: FakeDriver) -> None:
    driver.tells_memory = False
    assert_is_the_processor(find_device("auto"))
    assert driver.calls == ["init", "shutdown"]


@pytest.mark.usefixtures("driver")
def test_a_card_that_is_not_there_is_not_made_up() -> None:
    assert_is_the_processor(find_device("cuda:7"))


def test_without_its_library_there_is_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    build(monkeypatch, "cuda")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert_is_the_processor(find_device("auto"))


@pytest.mark.parametrize("wanted", ["cpu", "mps", "nonsense", ""])
def test_whoever_asks_for_another_device_gets_no_card(driver: FakeDriver, wanted: str) -> None:
    assert_is_the_processor(find_device(wanted))
    assert driver.calls == []


def test_a_build_of_pytorch_without_cuda_asks_no_driver(
    monkeypatch: pytest.MonkeyPatch, driver: FakeDriver
) -> None:
    build(monkeypatch, "")
    for wanted in ("auto", "cpu", "cuda"):
        assert_is_the_processor(find_device(wanted))
    assert driver.calls == []


def test_macs_with_their_own_chips_have_one_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    build(monkeypatch, "")
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="arm64"))
    for wanted in ("auto", "mps"):
        found = find_device(wanted)
        assert (found.name, found.free_bytes) == ("the GPU", HOST_BYTES)
        assert not found.is_separate
        assert (found.element_bytes, found.gflop_per_second > 100) == (2, True)
        assert found.vae_element_bytes == 4
    assert_is_the_processor(find_device("cpu"))
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="x86_64"))
    assert_is_the_processor(find_device("auto"))


@pytest.mark.parametrize("wanted", ["auto", "xpu"])
def test_intels_cards_have_a_memory_of_their_own(
    monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    build(monkeypatch, "xpu")
    found = find_device(wanted)
    assert (found.name, found.host_bytes) == ("the GPU", HOST_BYTES)
    assert 4 * GIB <= found.free_bytes <= 16 * GIB
    assert_is_the_processor(find_device("cpu"))


def amd_card(folder: Path, number: int, total: object, used: object) -> None:
    """A card as Linux shows it; its outputs have entries of their own beside it."""
    place = folder / f"card{number}" / "device"
    place.mkdir(parents=True)
    (folder / f"card{number}-HDMI-A-1").mkdir()
    (place / "mem_info_vram_total").write_text(f"{total}\n")
    (place / "mem_info_vram_used").write_text(f"{used}\n")


def test_of_amds_cards_the_largest_counts(tmp_path: Path) -> None:
    amd_card(tmp_path, 0, GIB // 2, 0)  # part of a processor
    amd_card(tmp_path, 1, 16 * GIB, 3 * GIB)
    amd_card(tmp_path, 2, "nonsense", 0)
    found = device_info._amd_card(tmp_path)  # pyright: ignore[reportPrivateUsage]
    assert found is not None
    assert (found.free_bytes, found.host_bytes) == (13 * GIB, HOST_BYTES)
    assert (found.element_bytes, found.vae_element_bytes) == (2, 2)


def test_a_larger_amd_card_is_taken_for_a_faster_one(tmp_path: Path) -> None:
    paces: list[float] = []
    for number, gib in enumerate((8, 16, 24)):
        amd_card(tmp_path, number, gib * GIB, 0)
        found = device_info._amd_card(tmp_path)  # pyright: ignore[reportPrivateUsage]
        assert found is not None
        paces.append(found.gflop_per_second)
    assert paces == sorted(set(paces))


def test_without_an_amd_card_there_is_the_processor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert device_info._amd_card(tmp_path) is None  # pyright: ignore[reportPrivateUsage]
    build(monkeypatch, "hip")
    monkeypatch.setattr(device_info, "_amd_card", lambda: None)
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert_is_the_processor(find_device("auto"))


@pytest.mark.parametrize("sign", ["win32", "/dev/dxg", "/dev/kfd"])
def test_where_amds_cards_do_not_show_their_memory_there_is_a_small_one(
    monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    build(monkeypatch, "hip")
    monkeypatch.setattr(device_info, "_amd_card", lambda: None)
    monkeypatch.setattr(sys, "platform", "win32" if sign == "win32" else "linux")
    monkeypatch.setattr(Path, "exists", lambda path: path.as_posix() == sign)
    for wanted in ("auto", "cuda"):
        found = find_device(wanted)
        assert (found.name, found.host_bytes) == ("the GPU", HOST_BYTES)
        assert 4 * GIB <= found.free_bytes <= 16 * GIB
    assert_is_the_processor(find_device("cpu"))


def test_a_rocm_build_takes_the_amd_card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    amd_card(tmp_path, 0, 16 * GIB, GIB)
    found = device_info._amd_card(tmp_path)  # pyright: ignore[reportPrivateUsage]
    build(monkeypatch, "hip")
    monkeypatch.setattr(device_info, "_amd_card", lambda: found)
    assert find_device("auto") == find_device("cuda:0") == found
    assert_is_the_processor(find_device("cpu"))


NOT_CUDA = "cuda: Optional[str] = None\n"


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        (NOT_CUDA + "hip: Optional[str] = None\nxpu: Optional[str] = None\n", ""),
        ("debug = False\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", "cuda"),
        ("cuda = '11.8'\nhip = None\n", "cuda"),
        (NOT_CUDA + "hip: Optional[str] = '6.4.43482'\n", "hip"),
        (NOT_CUDA + "hip: Optional[str] = None\nxpu: Optional[str] = '20250101'\n", "xpu"),
        ("__all__ = ['cuda', 'hip']\ncuda = None\n", ""),
        ("git_version = 'cuda'\n", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_build_of_pytorch_is_read_and_not_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str | None, kind: str
) -> None:
    package = tmp_path / "torch"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('torch was imported')")
    if version is not None:
        text = f"from typing import Optional\n__version__ = '2.9.0'\n{version}"
        (package / "version.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    read = device_info._torch_build.__wrapped__  # pyright: ignore[reportPrivateUsage]
    assert read() == kind


def test_no_pytorch_is_no_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)  # pyright: ignore[reportUnknownLambdaType]
    assert device_info._torch_build.__wrapped__() == ""  # pyright: ignore[reportPrivateUsage]
