"""Tensors of a block as one piece of main memory, in 16 bits or in 8, and back."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_ALIGNMENT = 256
# Bytes that the system refused to fix in this process; after one refusal nobody asks again.
_refusals: list[int] = []


@dataclass(frozen=True)
class _Place:
    """Where a tensor is in the piece.

    Attributes:
        tensor: of the module; its data are exchanged
        like: its shape and strides, without data
        begin: of its values, in bytes
        scales: where one float32 for each output channel begins; None = the values are its own
    """

    tensor: Tensor
    like: Tensor
    begin: int
    scales: int | None


class PackedWeights:
    """A piece of main memory that holds some tensors, which from now on are views of it.

    Args:
        tensors: of a module; matrices and kernels become 8-bit numbers where that is wanted
        bits: 16 = as they are; 8 = whole numbers and a scale for each output channel
    """

    def __init__(self, tensors: Sequence[Tensor], bits: int) -> None:
        self.bits = bits
        self._places: list[_Place] = []
        size = 0
        for tensor in tensors:
            like = torch.empty_like(tensor, device="meta")
            small = bits == 8 and tensor.dim() >= 2 and tensor.is_floating_point()
            place = _Place(tensor, like, size, None)
            size += _span(tensor.numel() * (1 if small else tensor.element_size()))
            if small:
                place = _Place(tensor, like, place.begin, size)
                size += _span(4 * tensor.shape[0])
            self._places.append(place)
        with torch.inference_mode(False):
            self.piece = torch.empty(size, dtype=torch.uint8)
        for place in self._places:
            _store(self.piece, place)
        self.release()

    @property
    def bytes(self) -> int:
        """Of the piece."""
        return self.piece.numel()

    def pin(self) -> None:
        """Fix the piece, so that a GPU reads it without the processor's help."""
        if not (_refusals or self.piece.is_pinned()):
            _pin(self.piece)

    def materialize(self, here: Tensor) -> None:
        """Let the tensors be views of a copy of the piece, on any device."""
        with torch.inference_mode(False):
            for place in self._places:
                place.tensor.data = _load(here, place)

    def release(self) -> None:
        """Let the tensors be in main memory; those in 8 bits are nowhere until ``materialize``."""
        for place in self._places:
            if place.scales is None:
                place.tensor.data = _values(self.piece, place, place.like.dtype)
            else:
                place.tensor.data = torch.empty(0, dtype=place.like.dtype)


def _store(piece: Tensor, place: _Place) -> None:
    values = place.tensor.detach()
    if place.scales is None:
        _values(piece, place, values.dtype).copy_(values)
        return
    flat = values.to("cpu", torch.float32).flatten(1)
    scale = flat.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny) / 127
    _scales(piece, place).copy_(scale)
    rounded = (flat / scale[:, None]).round().to(torch.int8)
    _values(piece, place, torch.int8).copy_(rounded.unflatten(1, place.like.shape[1:]))


def _load(piece: Tensor, place: _Place) -> Tensor:
    if place.scales is None:
        return _values(piece, place, place.like.dtype)
    like = place.like
    values = torch.empty_strided(like.shape, _strides(like), dtype=like.dtype, device=piece.device)
    scales = _scales(piece, place).view(-1, *([1] * (like.dim() - 1)))
    # one pass: the product is rounded once, on its way into memory
    return torch.mul(_values(piece, place, torch.int8), scales, out=values)


def _values(piece: Tensor, place: _Place, dtype: torch.dtype) -> Tensor:
    """The tensor's part of the piece, in its own shape and layout."""
    end = place.begin + place.like.numel() * dtype.itemsize
    part = piece[place.begin : end].view(dtype)
    return part.as_strided(place.like.shape, _strides(place.like))


def _scales(piece: Tensor, place: _Place) -> Tensor:
    assert place.scales is not None
    return piece[place.scales : place.scales + 4 * place.like.shape[0]].view(torch.float32)


def _strides(like: Tensor) -> tuple[int, ...]:
    """Strides of a tensor, which is dense in some order of its dimensions."""
    return torch.empty_like(like).stride()


def _span(size: int) -> int:
    """Bytes that something takes in the piece, up to where the next may begin."""
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _pin(piece: Tensor) -> None:
    # PyTorch's pinned allocator rounds up to powers of two; registering takes what is there.
    runtime: Any = torch.cuda.cudart()
    address = piece.data_ptr()
    if int(runtime.cudaHostRegister(address, piece.numel(), 0)) == 0:
        weakref.finalize(piece, runtime.cudaHostUnregister, address)
        return
    # Where the system refuses, copies and arithmetic take turns; nothing worse. It would refuse
    # again, and CUDA keeps the error for the next launch to raise: let that be one of ours.
    _refusals.append(piece.numel())
    with suppress(RuntimeError):
        torch.ones(1, device="cuda")
