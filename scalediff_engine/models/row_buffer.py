"""Pictures kept in memory: each in one piece, or where that is tight in slabs of rows.

A picture in slabs can go slab by slab while the next one, which is made from it, comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from scalediff_engine.models.group_norm import Sums

# Slabs that would fill the working memory.
_SLABS = 96
# At least so much of the working memory is for strips: the kept pictures in one piece, or in slabs.
_STRIPS_SHARE = 4
_STRIPS_SHARE_OF_SLABS = 10


class Rows(NamedTuple):
    """Rows ``start:stop`` of a picture."""

    start: int
    stop: int

    def wider(self, by: int, height: int) -> Rows:
        """These rows and ``by`` more on both sides, as far as there are any."""
        return Rows(max(0, self.start - by), min(height, self.stop + by))


class Shape(NamedTuple):
    """Rows, columns and channels of a picture."""

    height: int
    width: int
    channels: int

    @property
    def row_values(self) -> int:
        """Values in a row of all channels."""
        return self.width * self.channels


@dataclass(frozen=True)
class WorkingMemory:
    """How much of it there is, and how pictures are kept in it.

    Attributes:
        working_bytes: None = as much as is wanted
        slab_bytes: of each slab; None = there is room for two pictures, one made from the other,
            and each is in one piece
    """

    working_bytes: int | None
    slab_bytes: int | None = None

    def strip_bytes(self, kept_bytes: int) -> int | None:
        """For all that is alive while a strip is computed, beside what is kept meanwhile."""
        if self.working_bytes is None:
            return None
        rest = max(self.working_bytes - kept_bytes, self.working_bytes // self._strips_share)
        return min(rest, self.working_bytes // _STRIPS_SHARE)

    def holds(self, kept_bytes: int) -> bool:
        """Whether pictures of so many bytes leave room for strips."""
        working = self.working_bytes
        return working is None or kept_bytes <= working - working // self._strips_share

    def to_make(self, source_bytes: int, out_bytes: int) -> int:
        """Bytes of two pictures at most while one is made from the other, which goes."""
        if self.slab_bytes is None:
            return source_bytes + out_bytes
        # one slab is being filled, and the strip that is read may lie in two
        return max(source_bytes, out_bytes) + 3 * self.slab_bytes

    @property
    def _strips_share(self) -> int:
        return _STRIPS_SHARE if self.slab_bytes is None else _STRIPS_SHARE_OF_SLABS


def plan_memory(
    working_bytes: int | None, pictures: Sequence[Shape], element_bytes: int
) -> WorkingMemory:
    """Find out whether there is room for pictures in one piece.

    Args:
        working_bytes: None = as much as is wanted
        pictures: that will be made one from the other
        element_bytes: of a value
    """
    memory = WorkingMemory(working_bytes)
    if working_bytes is None or not pictures:
        return memory
    sizes = [0, *(shape.height * shape.row_values * element_bytes for shape in pictures)]
    if all(memory.holds(source + out) for source, out in pairwise(sizes)):
        return memory
    # Slabs of all pictures have the same size: an allocator reuses what one of them left.
    row_bytes = max(shape.row_values for shape in pictures) * element_bytes
    return WorkingMemory(working_bytes, max(1, working_bytes // _SLABS // row_bytes) * row_bytes)


class RowBuffer:
    """A picture in memory, (1, C, H, W), channels last.

    Usually it is one slab, and what is read is a view. Several slabs come one by one as they are
    written and go one by one as they are released; what is read across their borders is a copy.

    Args:
        shape: of the picture
        dtype: of its values
        device: where it lies
        slab_bytes: of a slab at most, but a row at least; None = the picture is one slab

    Attributes:
        sums: those of all its pixels, where they were gathered while it was made
        ours: nobody else needs it: it may be overwritten and released
    """

    def __init__(
        self, shape: Shape, dtype: torch.dtype, device: torch.device, slab_bytes: int | None = None
    ) -> None:
        self.shape = shape
        self.sums: Sums | None = None
        self.ours = True
        self._dtype = dtype
        self._device = device
        self._slab_rows = shape.height
        if slab_bytes is not None:
            rows = slab_bytes // (shape.row_values * dtype.itemsize)
            self._slab_rows = max(1, min(shape.height, rows))
        self._slabs: list[Tensor | None] = [None] * -(-shape.height // self._slab_rows)

    @classmethod
    def of(cls, pixels: Tensor, *, ours: bool) -> RowBuffer:
        """Keep a tensor as it is: one slab."""
        _, channels, height, width = pixels.shape
        kept = cls(Shape(height, width, channels), pixels.dtype, pixels.device)
        kept.ours = ours
        kept._slabs = [pixels]
        return kept

    def empty(self, shape: Shape, slab_bytes: int | None) -> RowBuffer:
        """Give a picture of the same type on the same device, of which no row is there yet."""
        return RowBuffer(shape, self._dtype, self._device, slab_bytes)

    @property
    def element_bytes(self) -> int:
        """Bytes of a value."""
        return self._dtype.itemsize

    @property
    def bytes(self) -> int:
        """What all of its rows take of our memory; nothing if it is somebody else's."""
        return self.shape.height * self.shape.row_values * self.element_bytes if self.ours else 0

    def whole(self) -> Tensor:
        """Give all rows."""
        return self.read(Rows(0, self.shape.height))

    def read(self, rows: Rows) -> Tensor:
        """Give rows that were written and not released."""
        parts: list[Tensor] = []
        for index, inside in self._places(rows):
            slab = self._slabs[index]
            assert slab is not None
            parts.append(slab[:, :, inside.start : inside.stop])
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)

    def write(self, rows: Rows, part: Tensor) -> None:
        """Copy rows to their place."""
        done = 0
        for index, inside in self._places(rows):
            slab = self._slabs[index]
            if slab is None:
                slab = self._slabs[index] = self._new_slab(index)
            count = inside.stop - inside.start
            slab[:, :, inside.start : inside.stop] = part[:, :, done : done + count]
            done += count

    def release(self, before: int) -> None:
        """Drop the slabs that lie above row ``before``, if they are ours."""
        if self.ours:
            gone = before // self._slab_rows
            self._slabs[:gone] = [None] * gone

    def _places(self, rows: Rows) -> list[tuple[int, Rows]]:
        """In which slabs rows lie, and where inside them."""
        places: list[tuple[int, Rows]] = []
        start = rows.start
        while start < rows.stop:
            index, inside = divmod(start, self._slab_rows)
            count = min(rows.stop - start, self._slab_rows - inside)
            places.append((index, Rows(inside, inside + count)))
            start += count
        return places

    def _new_slab(self, index: int) -> Tensor:
        height, width, channels = self.shape
        rows = min(self._slab_rows, height - index * self._slab_rows)
        return torch.empty(
            (1, channels, rows, width),
            dtype=self._dtype,
            device=self._device,
            memory_format=torch.channels_last,
        )
