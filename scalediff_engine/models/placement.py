"""A denoiser on its device: which weights are there, and whether its blocks are compiled."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import nn

from scalediff_engine.memory.plan import UNLIMITED, MemoryPlan
from scalediff_engine.memory.speed_record import compiled_folder
from scalediff_engine.method.kernel import triton_works
from scalediff_engine.models.weight_streaming import StreamedWeights


class Placement:
    """Keeps a model's weights where the plan wants them.

    Weights travel at the first evaluation after a change, so that text encoders and autoencoders
    that run before have the device to themselves.

    Args:
        model: in main memory
        blocks: the repeated ones, in the order in which they run
        device: where the model runs
        prepare: called once, when the model is on the device
    """

    def __init__(
        self,
        model: nn.Module,
        blocks: Sequence[nn.Module],
        device: torch.device,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self._blocks = blocks
        self._device = device
        self._prepare = prepare
        self._weights = StreamedWeights(model, blocks, device)
        self._plan = UNLIMITED
        self._compiled = False

    def arrange(self, plan: MemoryPlan) -> None:
        """Follow this plan from the next evaluation on."""
        self._plan = plan

    def ensure(self) -> None:
        """Have everything in its place; call before each evaluation."""
        plan = self._plan
        keeps = plan.alone_above is not None
        self._weights.place(plan.resident_bytes, plan.weight_bits, keeps_copies=keeps)
        if self._prepare is not None:
            self._prepare()
            self._prepare = None

    def make_room(self, pixels: int | None = None) -> None:
        """Move the weights off the device, if the plan says so.

        Args:
            pixels: of the picture that the autoencoder is about to work on; None = text encoders
        """
        plan = self._plan
        alone = plan.alone_above is not None and (pixels is None or pixels > plan.alone_above)
        # weights still lie as a plan before wanted them, which may be what memory ran out for
        stale = not self._weights.is_placed(plan.resident_bytes, plan.weight_bits)
        if alone or stale:
            self._weights.evict()

    def compile(self, *, on: bool) -> None:
        """Compile the repeated blocks, which takes time at the next evaluation; or leave them."""
        if self._compiled and not on:
            use_plain(self._blocks)
            self._compiled = False
            return
        if not on:
            return
        if triton_works(self._device) and not self._compiled:
            compile_blocks(self._blocks)
            self._compiled = True


# Resolutions x native or not x one prompt or two: more than the eight that are usual.
_VARIANTS = 64


def compile_blocks(blocks: Iterable[nn.Module]) -> None:
    """Compile blocks that share their code; each shape of their input compiles once.

    What was compiled is kept in the user's cache folder, unless the environment names another.

    Args:
        blocks: repeated blocks, whatever surrounds them stays as it is
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(compiled_folder()))
    dynamo: Any = torch._dynamo.config  # pyright: ignore[reportPrivateUsage]
    dynamo.recompile_limit = max(dynamo.recompile_limit, _VARIANTS)
    dynamo.accumulated_recompile_limit = max(dynamo.accumulated_recompile_limit, 4 * _VARIANTS)
    # A block that cannot be compiled (a compiler that fails, no room on the disk or the device)
    # runs uncompiled from its first step on, with a warning. What running compiled code raises is
    # raised still, memory that ran out above all.
    dynamo.suppress_errors = True
    for block in blocks:
        block.forward = torch.compile(block.forward, dynamic=False)


def use_plain(blocks: Iterable[nn.Module]) -> None:
    """Undo ``compile_blocks``."""
    for block in blocks:
        block.__dict__.pop("forward", None)
