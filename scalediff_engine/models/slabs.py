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

    Usually it is one slab, and what is read is a view. Several slabs come one by one as they are
    written and go one by one as they are released, so that one picture can shrink while the next
    one grows; what is read across their borders is a copy.

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
            row_bytes = shape.width * shape.channels * dtype.itemsize
            self._slab_rows = max(1, min(shape.height, slab_bytes // row_bytes))
        self._slabs: list[Tensor | None] = [None] * -(-shape.height // self._slab_rows)

    @classmethod
    def of(cls, pixels: Tensor, *, ours: bool) -> Kept:
        """Keep a tensor as it is: one slab."""
        _, channels, height, width = pixels.shape
        kept = cls(Shape(height, width, channels), pixels.dtype, pixels.device)
        kept.ours = ours
        kept._slabs = [pixels]
        return kept

    def empty(self, shape: Shape, slab_bytes: int | None) -> Kept:
        """Give a picture of the same type on the same device, of which no row is there yet."""
        return Kept(shape, self._dtype, self._device, slab_bytes)

    @property
    def element_bytes(self) -> int:
        """Bytes of a value."""
        return self._dtype.itemsize

    @property
    def bytes(self) -> int:
        """What all of its rows take of our memory; nothing if it is somebody else's."""
        height, width, channels = self.shape
        return height * width * channels * self._dtype.itemsize if self.ours else 0

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
