"""How much of a device PyTorch may take, and how it is given back, with scripted devices."""

from __future__ import annotations

import sys

import pytest
import torch

from scalediff_engine.models.device import cap_memory, empty_cache

MIB = 2**20
GIB = 2**30
TOTAL = 8 * GIB


@pytest.fixture
def caps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Bytes that were set as the most; of 8 GiB, 5 are free and 1 is PyTorch's already."""
    caps: list[float] = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (5 * GIB, TOTAL))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: GIB)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)

    def cap(share: float, device: int) -> None:
        assert isinstance(device, int)  # the real one takes no "cuda" without a number
        caps.append(share * TOTAL)

    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", cap)
    return caps


@pytest.mark.parametrize(
    ("platform", "limit", "cap"),
    [
        ("linux", None, None),
        ("linux", 4 * GIB, 4 * GIB - 512 * MIB),
        ("linux", 7 * GIB, 7 * GIB - 512 * MIB),
        ("linux", 100 * GIB, TOTAL),
        ("linux", 1, 0),
        ("win32", None, 6 * GIB - 512 * MIB),
        ("win32", 4 * GIB, 4 * GIB - 512 * MIB),
        ("win32", 7 * GIB, 6 * GIB - 512 * MIB),
    ],
)
def test_allocations_fail_beyond_the_limit_and_on_windows_beyond_what_is_free(
    monkeypatch: pytest.MonkeyPatch,
    caps: list[float],
    platform: str,
    limit: int | None,
    cap: int | None,
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    cap_memory(torch.device("cuda"), limit)
    assert caps == ([] if cap is None else [cap])


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
@pytest.mark.parametrize("device", ["cpu", "mps", "xpu"])
def test_other_devices_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, caps: list[float], platform: str, device: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    cap_memory(torch.device(device), GIB)
    assert caps == []


@pytest.mark.parametrize(
    ("device", "emptied"),
    [
        ("cpu", []),
        ("mps", ["mps"]),
        ("cuda", ["accelerator"]),
        ("xpu", ["accelerator"]),
    ],
)
def test_each_device_is_emptied_in_its_own_way(
    monkeypatch: pytest.MonkeyPatch, device: str, emptied: list[str]
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: calls.append("mps"))
    monkeypatch.setattr(torch.accelerator, "empty_cache", lambda: calls.append("accelerator"))
    empty_cache(torch.device(device))
    assert calls == emptied
