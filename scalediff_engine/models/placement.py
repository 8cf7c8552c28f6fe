"""A denoiser on its device: which weights are there, and whether its blocks are compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from scalediff_engine.memory.plan import ROOMY, MemoryPlan
from scalediff_engine.method.kernel import triton_works
from scalediff_engine.models.compiled import compile_blocks, use_plain
from scalediff_engine.models.weights import Weights


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
        self._weights = Weights(model, blocks, device)
        self._plan = ROOMY
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
        """Leave the device to somebody else, if the plan says so.

        Args:
            pixels: of the picture that the autoencoder is about to work on; None = text encoders
        """
        plan = self._plan
        alone = plan.alone_above is not None and (pixels is None or pixels > plan.alone_above)
        # weights still lie as a plan before wanted them, which may be what memory ran out for
        stale = not self._weights.is_placed(plan.resident_bytes, plan.weight_bits)
        if alone or stale:
            self._weights.leave()

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
