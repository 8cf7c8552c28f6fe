"""Going on when memory runs out, with a tiny model of the real classes and real allocations."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
import torch
from tiny_model import TINY
from torch import Tensor

from scalediff_engine.base.errors import Cancelled, NotEnoughMemory
from scalediff_engine.families.embedded.model import EmbeddedModel, load_embedded
from scalediff_engine.memory.oom import is_out_of_memory
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.pipeline.oom_retry import OomRetry

PLANS = (MemoryPlan(), MemoryPlan(vae_bytes=2_000_000), MemoryPlan(vae_bytes=1_000_000))
SPOKEN_BY_CUDA = (
    "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 7.79 GiB of "
    "which 1.00 GiB is free. See documentation for Memory Management."
)


@pytest.fixture(scope="module")
def model(tiny_folder: Path) -> EmbeddedModel:
    return load_embedded(TINY, torch.device("cpu"), tiny_folder)


@pytest.fixture(scope="module", autouse=True)
def _quick_collections(model: EmbeddedModel) -> Generator[None]:
    """Let collections look at these tests' objects only, not at those of every library."""
    gc.freeze()
    yield
    gc.unfreeze()


def too_much() -> Tensor:
    """More than a machine can address: the allocator's own error."""
    return torch.empty(1 << 50, dtype=torch.uint8)


class Work:
    """Fails under so many plans, and notes under which ones it was tried."""

    def __init__(self, failures: int, fail: Callable[[], object] = too_much) -> None:
        self.left = failures
        self.fail = fail
        self.tried: list[MemoryPlan] = []

    def __call__(self, plan: MemoryPlan) -> Tensor:
        self.tried.append(plan)
        if self.left:
            self.left -= 1
            self.fail()
        return torch.ones(1)


def spoken_by_cuda() -> None:
    raise torch.OutOfMemoryError(SPOKEN_BY_CUDA)


def pythons_own() -> None:
    bytearray(1 << 62)


@pytest.mark.parametrize("fail", [too_much, spoken_by_cuda, pythons_own])
def test_work_goes_on_under_the_next_plan(model: EmbeddedModel, fail: Callable[[], object]) -> None:
    attempts, work = OomRetry(model, PLANS), Work(1, fail)
    assert attempts.run(work).item() == 1
    assert work.tried == [PLANS[0], PLANS[1]]


def test_work_that_fits_is_done_once_under_the_first_plan(model: EmbeddedModel) -> None:
    work = Work(0)
    OomRetry(model, PLANS).run(work)
    assert work.tried == [PLANS[0]]


def test_a_smaller_plan_holds_for_the_rest_of_the_job(model: EmbeddedModel) -> None:
    attempts, later = OomRetry(model, PLANS), Work(0)
    attempts.run(Work(1))
    attempts.run(later)
    assert later.tried == [PLANS[1]]
    assert attempts.plan == PLANS[1]


def test_the_model_is_told_of_every_plan_before_it_works_under_it(
    model: EmbeddedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[MemoryPlan] = []
    monkeypatch.setattr(model, "arrange", told.append)
    attempts, known = OomRetry(model, PLANS), []
    assert told == [PLANS[0]]
    work = Work(2, lambda: (known.append(list(told)), too_much()))
    attempts.run(work)
    assert known == [[PLANS[0]], [PLANS[0], PLANS[1]]]
    assert told == list(PLANS)


def test_the_work_is_the_models_own_and_its_result_the_same(model: EmbeddedModel) -> None:
    z, attempts, first = torch.randn(1, 4, 16, 16), OomRetry(model, PLANS), Work(2)

    def decode(plan: MemoryPlan) -> Tensor:
        first(plan)
        return model.decode(z)

    assert (attempts.run(decode) - model.decode(z)).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        (spoken_by_cuda, r"\(CUDA out of memory\. Tried to allocate 20\.00 GiB\)"),
        (too_much, "can't allocate memory: you tried to allocate 1125899906842624 bytes"),
        (pythons_own, r"\(MemoryError\)"),
    ],
)
def test_the_smallest_plan_is_the_last_one_and_a_sentence_says_so(
    model: EmbeddedModel, fail: Callable[[], object], reason: str
) -> None:
    work = Work(99, fail)
    with pytest.raises(NotEnoughMemory, match=reason) as caught:
        OomRetry(model, PLANS).run(work)
    assert work.tried == list(PLANS)
    sentence = str(caught.value)
    assert sentence.startswith("The memory of cpu ran out even under the smallest plan (")
    assert "\n" not in sentence
    assert "documentation" not in sentence


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"),
        ValueError("out of memory"),
        Cancelled("stopped"),
        KeyboardInterrupt(),
    ],
)
def test_other_errors_pass_through_and_change_nothing(
    model: EmbeddedModel, error: BaseException
) -> None:
    def fail() -> None:
        raise error

    attempts, work = OomRetry(model, PLANS), Work(1, fail)
    with pytest.raises(type(error)) as caught:
        attempts.run(work)
    assert caught.value is error
    assert (work.tried, attempts.plan) == ([PLANS[0]], PLANS[0])


class Holding:
    """Work that holds a tensor in each try, also in a cycle, and sees what is left of it."""

    def __init__(self) -> None:
        self.held: list[weakref.ref[Tensor]] = []
        self.alive: list[int] = []

    def __call__(self, plan: MemoryPlan) -> Tensor:
        self.alive.append(sum(ref() is not None for ref in self.held))
        tensor, cycle = torch.ones(10), [torch.ones(10)]
        cycle.append(cycle)
        self.held += [weakref.ref(tensor), weakref.ref(cycle[0])]
        self._deeper(tensor)
        return tensor

    def _deeper(self, tensor: Tensor) -> None:
        half = tensor / 2
        self.held.append(weakref.ref(half))
        too_much()


def test_what_a_failed_try_held_is_free_before_the_next_one(model: EmbeddedModel) -> None:
    work, attempts = Holding(), OomRetry(model, PLANS)
    gc.disable()  # nothing but the attempts may tidy up
    try:
        with pytest.raises(NotEnoughMemory) as caught:
            attempts.run(work)
        assert work.alive == [0, 0, 0]
        assert all(ref() is None for ref in work.held)
    finally:
        gc.enable()
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "text",
    [
        "MPS backend out of memory (MPS allocated: 17.86 GB, max allowed: 18.13 GB).",
        "Invalid buffer size: 19.38 GiB",
        "level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)",
        "[enforce fail at alloc_cpu.cpp:117] data. DefaultCPUAllocator: not enough memory: you",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    ],
)
def test_every_backends_words_are_understood(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))
    assert not is_out_of_memory(ValueError(text))
