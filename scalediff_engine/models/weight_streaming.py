"""Where a denoiser's weights are: on the device, or in main memory until their turn comes.

At the sizes that this program works at, a block computes far longer than its weights take to
arrive, so blocks that do not stay on the device cost next to nothing: while one runs, the next
one's weights travel. What arrives is bit for bit what was there before, unless 8 bits were asked
for: then weights are kept, and travel, as 8-bit numbers with one scale for each output channel
and become 16-bit ones when their block runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from scalediff_engine.models.device import empty_cache
from scalediff_engine.models.packed_weights import PackedWeights

# Streamed blocks on the device at a time: the one that runs and the one that travels.
_SLOTS = 2


class StreamedWeights:
    """Places the weights of a model, whose ``blocks`` may be streamed and whose rest stays.

    Args:
        model: in main memory
        blocks: parts of it that run one after the other, in this order
        device: where the model runs
    """

    def __init__(self, model: nn.Module, blocks: Sequence[nn.Module], device: torch.device) -> None:
        self._model = model
        self._blocks = [_Block(block, device) for block in blocks]
        self._device = device
        self._streamed: list[_Block] = []
        self._hooks: list[Any] = []
        self._arrangement: tuple[int | None, int] | None = None
        self._here = False
        self._copying: torch.cuda.Stream | None = None

    def place(
        self, resident_bytes: int | None, bits: int = 16, *, keeps_copies: bool = False
    ) -> None:
        """Have the weights where they belong.

        Args:
            resident_bytes: about so many stay on the device, the others are streamed; None = all
                stay
            bits: 16, or 8
            keeps_copies: leave what is loaded in main memory too, so that ``evict`` costs nothing
        """
        if self.is_placed(resident_bytes, bits):
            return
        if self._arrangement != (resident_bytes, bits):
            self._arrange(resident_bytes, bits)
            self._arrangement = (resident_bytes, bits)
        for block in self._blocks:
            if block not in self._streamed:
                block.stay(keeps_copy=keeps_copies)
        self._here = True

    def is_placed(self, resident_bytes: int | None, bits: int = 16) -> bool:
        """Whether the weights are where ``place`` would have them."""
        return self._here and self._arrangement == (resident_bytes, bits)

    def evict(self) -> None:
        """Give the blocks' memory on the device back until ``place`` is called again."""
        if self._here:
            self._here = False
            for block in self._blocks:
                block.evict()
            # else the allocator keeps it, in pieces of their size
            empty_cache(self._device)

    def _arrange(self, resident_bytes: int | None, bits: int) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        for block in self._blocks:
            if block.is_packed:
                block.evict()
            if bits == 8:
                block.pack(8)
        self._streamed = self._choose(resident_bytes)
        pinned = self._device.type == "cuda"
        for block in self._blocks:
            if block in self._streamed:
                block.pack(bits)
                block.pin(pinned)
        for tensor in self._rest():
            tensor.data = tensor.data.to(self._device)
        self._hook()

    def _rest(self) -> list[Tensor]:
        return _outside(self._model, [block.module for block in self._blocks])

    def _choose(self, resident_bytes: int | None) -> list[_Block]:
        """Choose evenly over the model, so that each has others to travel behind."""
        outside = _bytes(self._rest())
        blocks_bytes = sum(block.kept_bytes for block in self._blocks)
        if resident_bytes is None or outside + blocks_bytes <= resident_bytes:
            return []
        room = resident_bytes - outside - slot_bytes([block.kept_bytes for block in self._blocks])
        share = 1 - max(0, room) / blocks_bytes  # of the blocks' bytes that must be streamed
        chosen: list[_Block] = []
        passed = streamed = 0
        for block in self._blocks:
            passed += block.kept_bytes
            if streamed < share * passed:
                chosen.append(block)
                streamed += block.kept_bytes
        return chosen

    def _hook(self) -> None:
        if self._streamed and self._device.type == "cuda":
            self._copying = torch.cuda.Stream(self._device)
        following = dict(zip(self._streamed, self._streamed[1:] + self._streamed[:1], strict=True))
        for block in self._blocks:
            if block in following or block.is_packed_small:
                self._hooks += [
                    block.module.register_forward_pre_hook(
                        self._before(block, following.get(block))
                    ),
                    block.module.register_forward_hook(self._after(block, following.get(block))),
                ]

    def _before(self, block: _Block, following: _Block | None) -> Callable[..., None]:
        def hook(*_: object) -> None:
            block.fetch(self._copying)
            block.materialize()
            if following is not None and following is not block:
                following.fetch(self._copying)

        return hook

    def _after(self, block: _Block, following: _Block | None) -> Callable[..., None]:
        def hook(*_: object) -> None:
            if following is not None:
                block.evict()
            else:
                block.release()

        return hook


def slot_bytes(blocks: Sequence[int]) -> int:
    """Room that streamed blocks need on the device, for the one that runs and the next."""
    return _SLOTS * max(blocks)


class _Block:
    """One part of a model, whose weights travel as one piece of memory."""

    def __init__(self, module: nn.Module, device: torch.device) -> None:
        self.module = module
        self.loaded_bytes = _bytes(_tensors(module))
        self._device = device
        self._packed: PackedWeights | None = None  # in main memory
        # as it was loaded: tensors of the module, and their data in main memory
        self._loaded: list[tuple[Tensor, Tensor]] | None = None
        self._here: Tensor | None = None  # the same piece on the device
        self._arrived: torch.cuda.Event | None = None

    @property
    def kept_bytes(self) -> int:
        """What the block takes while it waits, here or there."""
        return self.loaded_bytes if self._packed is None else self._packed.bytes

    @property
    def is_packed(self) -> bool:
        """Whether the weights are one piece of main memory, and at most visitors on the device."""
        return self._packed is not None

    @property
    def is_packed_small(self) -> bool:
        """Whether the weights are kept in fewer bits than they are used in."""
        return self._packed is not None and self._packed.bits == 8

    def pack(self, bits: int) -> None:
        """Move into one piece of main memory; what is in 8 bits stays in 8."""
        if self._packed is None or self._packed.bits > bits:
            self.evict()
            self._packed, self._loaded = PackedWeights(_tensors(self.module), bits), None

    def pin(self, pinned: bool) -> None:
        """Fix the piece in main memory, so that copies run beside the arithmetic."""
        if pinned and self._packed is not None:
            self._packed.pin()

    def stay(self, *, keeps_copy: bool) -> None:
        """Be on the device until ``evict``."""
        if self._packed is None:
            if keeps_copy and self._loaded is None:
                self._loaded = [(t, t.data) for t in _tensors(self.module)]
            with torch.inference_mode(False):
                for tensor in _tensors(self.module):
                    tensor.data = tensor.data.to(self._device)
            return
        self.fetch(None)
        if not self.is_packed_small:
            self.materialize()

    def fetch(self, stream: torch.cuda.Stream | None) -> None:
        """Start the journey to the device, unless it is under way."""
        if self._here is not None or self._packed is None:
            return
        piece = self._packed.piece
        with torch.inference_mode(False):
            if stream is None:
                self._here = piece.to(self._device)
                return
            # Memory of the compute stream: it is given back there when the block has run.
            self._here = torch.empty_like(piece, device=self._device)
            stream.wait_stream(torch.cuda.current_stream(self._device))
            with torch.cuda.stream(stream):
                self._here.copy_(piece, non_blocking=True)
                self._arrived = torch.cuda.Event()
                self._arrived.record(stream)

    def materialize(self) -> None:
        """Let the module use what has arrived; computing waits for the copy, the host does not."""
        assert self._here is not None
        assert self._packed is not None
        if self._arrived is not None:
            torch.cuda.current_stream(self._here.device).wait_event(self._arrived)
            self._arrived = None
        self._packed.materialize(self._here)

    def release(self) -> None:
        """Let the 16-bit weights go, and keep the 8-bit ones on the device."""
        assert self._packed is not None
        self._packed.release()

    def evict(self) -> None:
        """Let go of what is on the device."""
        if self._packed is not None:
            self._packed.release()
            self._here = self._arrived = None
            return
        kept = self._loaded or [(t, t.data.cpu()) for t in _tensors(self.module)]
        for tensor, data in kept:
            tensor.data = data


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(t.numel() * t.element_size() for t in tensors)


def _outside(model: nn.Module, blocks: Sequence[nn.Module]) -> list[Tensor]:
    """Every parameter and buffer that is in no block."""
    inside = {id(t) for block in blocks for t in _tensors(block)}
    return [t for t in _tensors(model) if id(t) not in inside]
