"""Compiling, with a compiler that fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._dynamo
from torch import Tensor, nn

from scalediff_engine.models.placement import compile_blocks

# PyTorch's compiler is imported here, with what is deprecated in it
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")


class Block(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (2 * x + 1).sin()


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    dynamo: Any = torch._dynamo.config  # pyright: ignore[reportPrivateUsage]
    with dynamo.patch(suppress_errors=False):
        yield
    torch._dynamo.reset()


class FailingCompiler:
    """In the place of Inductor."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *_: object, **__: object) -> None:
        self.calls += 1
        raise OSError("No space left on device")


def test_a_block_that_cannot_be_compiled_is_computed_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compiler = FailingCompiler()
    monkeypatch.setattr("torch._inductor.compile_fx.compile_fx", compiler)
    caplog.set_level(logging.CRITICAL, "torch._dynamo.convert_frame")
    blocks = [Block(), Block()]
    compile_blocks(blocks)
    x = torch.randn(3, 4)
    with torch.inference_mode():
        for block in (*blocks, *blocks):
            assert torch.equal(block(x), (2 * x + 1).sin())
    assert compiler.calls  # it was tried


def test_what_a_compiled_block_raises_while_it_runs_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def compile_fx(*_: object, **__: object) -> Any:
        def run(*_: object) -> None:
            raise torch.OutOfMemoryError("while it runs")

        return run

    monkeypatch.setattr("torch._inductor.compile_fx.compile_fx", compile_fx)
    block = Block()
    compile_blocks([block])
    with torch.inference_mode(), pytest.raises(torch.OutOfMemoryError, match="while it runs"):
        block(torch.randn(3, 4))
