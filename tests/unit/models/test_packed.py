"""Fixing main memory for a GPU, with a scripted CUDA runtime."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from scalediff_engine.models import packed_weights
from scalediff_engine.models.packed_weights import PackedWeights


@dataclass
class FakeRuntime:
    """CUDA's, which refuses to fix more than ``limit`` bytes and keeps the error for later."""

    limit: int
    fixed: list[int] = field(default_factory=list[int])
    asked: int = 0
    last_error: int = 0

    def cudaHostRegister(self, address: int, size: int, flags: int) -> int:  # noqa: N802
        assert flags == 0
        self.asked += 1
        if size > self.limit:
            self.last_error = 2  # out of memory
            return self.last_error
        self.fixed.append(address)
        return 0

    def cudaHostUnregister(self, address: int) -> None:  # noqa: N802
        self.fixed.remove(address)

    def launch(self, *_: object, device: str) -> None:
        """Any kernel: the first one after a failure raises it."""
        assert device == "cuda"
        error, self.last_error = self.last_error, 0
        if error:
            raise RuntimeError("CUDA error: out of memory")


def with_runtime(monkeypatch: pytest.MonkeyPatch, limit: int) -> FakeRuntime:
    runtime = FakeRuntime(limit)
    monkeypatch.setattr(torch.cuda, "cudart", lambda: runtime)
    monkeypatch.setattr(torch, "ones", runtime.launch)
    monkeypatch.setattr(packed_weights, "_refusals", [])
    return runtime


def piece() -> PackedWeights:
    weight: Tensor = torch.full((64, 64), 0.5)
    return PackedWeights([weight], 16)


def test_what_was_fixed_is_let_go_with_its_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = with_runtime(monkeypatch, limit=10**9)
    held = piece()
    held.pin()
    assert runtime.fixed == [held.piece.data_ptr()]
    del held
    assert runtime.fixed == []


def test_a_refusal_is_not_left_for_the_next_kernel_to_raise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtime = with_runtime(monkeypatch, limit=100)
    held = piece()
    held.pin()
    assert runtime.fixed == []
    assert runtime.last_error == 0


def test_after_a_refusal_nobody_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = with_runtime(monkeypatch, limit=100)
    held, other = piece(), piece()
    for each in (held, held, other):
        each.pin()
    assert runtime.asked == 1
