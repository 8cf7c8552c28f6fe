"""A picture that is held in slabs of rows, so that the rows nobody needs any more can go first."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from scalediff_engine.models.group_norm import Sums


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


class Kept:
    """A picture in memory, (1, C, H, W), channels last.

    Usually it is one slab, and reading gives views. Several slabs are allocated one by one as they
    are written and dropped one by one by ``release``, so that one picture can shrink while the
    next one grows; what is read across their borders is a copy.

    Args:
        shape: of the picture
        like: a tensor of the same type on the same device
        slab_bytes: at most for a slab (one row at least); None = all of the picture in one slab

    Attributes:
        sums: those of all its pixels, where they were gathered while it was made
        ours: nobody else needs it: it may be overwritten and released
    """

    def __init__(self, shape: Shape, like: Tensor, slab_bytes: int | None = None) -> None:
        self.shape = shape
        self.sums: Sums | None = None
        self.ours = True
        self._like = like[:, :0, :0, :0]
        self._rows = shape.height
        if slab_bytes is not None:
            row_bytes = shape.width * shape.channels * like.element_size()
            self._rows = max(1, min(shape.height, slab_bytes // row_bytes))
        self._slabs: list[Tensor | None] = [None] * -(-shape.height // self._rows)

    @classmethod
    def of(cls, pixels: Tensor, *, ours: bool) -> Kept:
        """Take a tensor as it is: one slab."""
        _, channels, height, width = pixels.shape
        it = cls(Shape(height, width, channels), pixels)
        it._slabs = [pixels]
        it.ours = ours
        return it

    @property
    def element_bytes(self) -> int:
        """Bytes of a value."""
        return self._like.element_size()

    @property
    def bytes(self) -> int:
        """What all rows take; a picture of somebody else takes nothing of ours."""
        height, width, channels = self.shape
        return height * width * channels * self.element_bytes if self.ours else 0

    def read(self, rows: Rows) -> Tensor:
        """Give rows that were written and not released: a view where they lie in one slab."""
        parts: list[Tensor] = []
        for index, (start, stop) in self._pieces(rows):
            slab = self._slabs[index]
            assert slab is not None
            parts.append(slab[:, :, start:stop])
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)

    def whole(self) -> Tensor:
        """Give all rows."""
        return self.read(Rows(0, self.shape.height))

    def write(self, rows: Rows, part: Tensor) -> None:
        """Copy rows to where they belong; they were not released."""
        done = 0
        for index, (start, stop) in self._pieces(rows):
            slab = self._slabs[index]
            if slab is None:
                slab = self._slabs[index] = self._allocate(index)
            slab[:, :, start:stop] = part[:, :, done : done + stop - start]
            done += stop - start

    def release(self, before: int) -> None:
        """Drop the slabs whose rows are all above row ``before``, if they are ours."""
        if self.ours:
            gone = self._slab_count(before)
            self._slabs[:gone] = [None] * gone

    def _slab_count(self, before: int) -> int:
        return len(self._slabs) if before >= self.shape.height else before // self._rows

    def _pieces(self, rows: Rows) -> list[tuple[int, Rows]]:
        """Which rows of which slabs these rows are."""
        pieces: list[tuple[int, Rows]] = []
        for index in range(rows.start // self._rows, max(1, -(-rows.stop // self._rows))):
            top = index * self._rows
            piece = Rows(max(rows.start - top, 0), min(rows.stop - top, self._rows))
            pieces.append((index, piece))
        return pieces

    def _allocate(self, index: int) -> Tensor:
        height, width, channels = self.shape
        rows = min(self._rows, height - index * self._rows)
        return torch.empty(
            (1, channels, rows, width),
            dtype=self._like.dtype,
            device=self._like.device,
            memory_format=torch.channels_last,
        )
