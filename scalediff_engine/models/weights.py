"""Where a denoiser's weights are: on the device, or in main memory until their turn comes.

At the sizes that this program works at, a block computes far longer than its weights take to
arrive, so blocks that do not stay on the device cost next to nothing: while one runs, the next
one's weights travel. What arrives is bit for bit what was there before.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

# Streamed blocks on the device at a time: the one that runs and the one that travels.
_SLOTS = 2


class Weights:
    """Places the weights of a model, whose ``blocks`` may be streamed and whose rest stays.

    Args:
        model: in main memory
        blocks: parts of it that run one after the other, in this order
        device: where the model runs
    """

    def __init__(self, model: nn.Module, blocks: Sequence[nn.Module], device: torch.device) -> None:
        self._model = model
        self._blocks = [_Block(block) for block in blocks]
        self._device = device
        self._streamed: list[_Block] = []
        self._hooks: list[Any] = []
        self._resident_bytes: int | None = 0  # nothing is placed yet
        self._placed = False
        self._copying: torch.cuda.Stream | None = None

    @property
    def bytes_in_all(self) -> int:
        """Of all parameters and buffers."""
        return _bytes(self._model)

    def place(self, resident_bytes: int | None) -> None:
        """Keep about so many bytes on the device, and stream the others; None = keep all."""
        if self._placed and resident_bytes == self._resident_bytes:
            return
        self._unhook()
        self._resident_bytes, self._placed = resident_bytes, True
        self._streamed = self._choose(resident_bytes)
        for block in self._streamed:
            block.to_host(pin=self._device.type == "cuda")
        resident = [block for block in self._blocks if block not in self._streamed]
        for block in resident:
            block.to_device(self._device)
        _move_rest(self._model, [block.module for block in self._blocks], self._device)
        self._hook()

    def _choose(self, resident_bytes: int | None) -> list[_Block]:
        """Choose evenly over the model, so that each has others to travel behind."""
        total = self.bytes_in_all
        if resident_bytes is None or total <= resident_bytes or self._device.type == "cpu":
            return []
        blocks_bytes = sum(block.bytes for block in self._blocks)
        largest = max(block.bytes for block in self._blocks)
        room = resident_bytes - (total - blocks_bytes) - _SLOTS * largest
        share = 1 - max(0, room) / blocks_bytes  # of the blocks' bytes that must be streamed
        chosen: list[_Block] = []
        passed = streamed = 0
        for block in self._blocks:
            passed += block.bytes
            if streamed < share * passed:
                chosen.append(block)
                streamed += block.bytes
        return chosen

    def _hook(self) -> None:
        if not self._streamed:
            return
        if self._device.type == "cuda":
            self._copying = torch.cuda.Stream(self._device)
        for index, block in enumerate(self._streamed):
            following = self._streamed[(index + 1) % len(self._streamed)]
            self._hooks += [
                block.module.register_forward_pre_hook(self._before(block, following)),
                block.module.register_forward_hook(self._after(block)),
            ]

    def _unhook(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        for block in self._streamed:
            block.leave()

    def _before(self, block: _Block, following: _Block) -> Any:  # noqa: ANN401
        def hook(*_: object) -> None:
            block.fetch(self._device, self._copying)
            block.arrive()
            if following is not block:
                following.fetch(self._device, self._copying)

        return hook

    def _after(self, block: _Block) -> Any:  # noqa: ANN401
        def hook(*_: object) -> None:
            block.leave()

        return hook


class _Block:
    """One part of a model, whose weights travel as one piece of memory."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.bytes = _bytes(module)
        self._host: Tensor | None = None
        self._homes: list[tuple[Tensor, Tensor]] = []  # each parameter and its view of the host
        self._travelling: Tensor | None = None
        self._arrived: torch.cuda.Event | None = None

    def to_device(self, device: torch.device) -> None:
        """Stay on the device."""
        self.module.to(device)
        self._host, self._homes = None, []

    def to_host(self, *, pin: bool) -> None:
        """Move into one piece of main memory, pinned so that copies run beside the arithmetic."""
        if self._host is not None:
            return
        tensors = [*self.module.parameters(), *self.module.buffers()]
        sizes = [_span(t) for t in tensors]
        self._host = torch.empty(sum(sizes), dtype=torch.uint8)
        begin = 0
        for tensor, size in zip(tensors, sizes, strict=True):
            home = _view(self._host, begin, tensor)
            home.copy_(tensor)
            tensor.data = home
            self._homes.append((tensor, home))
            begin += size
        if pin:
            _pin(self._host)

    def fetch(self, device: torch.device, stream: torch.cuda.Stream | None) -> None:
        """Start the journey to the device, unless it is under way."""
        if self._travelling is not None:
            return
        assert self._host is not None
        if stream is None:
            self._travelling = self._host.to(device)
            return
        # Memory of the compute stream: it is given back there when the block has run.
        self._travelling = torch.empty_like(self._host, device=device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            self._travelling.copy_(self._host, non_blocking=True)
            self._arrived = torch.cuda.Event()
            self._arrived.record(stream)

    def arrive(self) -> None:
        """Let the module use what has arrived; computing waits for the copy, the host does not."""
        assert self._travelling is not None
        if self._arrived is not None:
            torch.cuda.current_stream(self._travelling.device).wait_event(self._arrived)
        begin = 0
        for tensor, home in self._homes:
            tensor.data = _view(self._travelling, begin, home)
            begin += _span(home)

    def leave(self) -> None:
        """Let go of the copy on the device."""
        for tensor, home in self._homes:
            tensor.data = home
        self._travelling = self._arrived = None


def _bytes(module: nn.Module) -> int:
    tensors = [*module.parameters(), *module.buffers()]
    return sum(t.numel() * t.element_size() for t in tensors)


_ALIGNMENT = 256


def _span(tensor: Tensor) -> int:
    """Bytes that a tensor takes in the piece, up to where the next one may begin."""
    return -(-tensor.numel() * tensor.element_size() // _ALIGNMENT) * _ALIGNMENT


def _view(piece: Tensor, begin: int, like: Tensor) -> Tensor:
    """A part of a piece of bytes, in the shape and layout of ``like``."""
    part = piece[begin : begin + like.numel() * like.element_size()].view(like.dtype)
    return part.as_strided(like.shape, _dense_strides(like))


def _dense_strides(tensor: Tensor) -> tuple[int, ...]:
    """Strides of a tensor, which is dense in some order of its dimensions."""
    return torch.empty_like(tensor, device="meta").stride()


def _pin(piece: Tensor) -> None:
    # PyTorch's pinned allocator rounds up to powers of two; registering takes what is there.
    runtime: Any = torch.cuda.cudart()
    address = piece.data_ptr()
    # Where the system refuses, copies and arithmetic take turns; nothing worse.
    if int(runtime.cudaHostRegister(address, piece.numel(), 0)) == 0:
        weakref.finalize(piece, runtime.cudaHostUnregister, address)


def _move_rest(model: nn.Module, blocks: list[nn.Module], device: torch.device) -> None:
    """Move every parameter and buffer that is in no block."""
    inside = {id(t) for block in blocks for t in (*block.parameters(), *block.buffers())}
    for module in model.modules():
        for table in (module._parameters, module._buffers):  # noqa: SLF001
            for name, tensor in table.items():
                if tensor is not None and id(tensor) not in inside:
                    if isinstance(tensor, nn.Parameter):
                        tensor.data = tensor.data.to(device)
                    else:
                        table[name] = tensor.to(device)
