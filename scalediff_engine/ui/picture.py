"""A picture in the dialog: its samples as they travel, and what the screen shows of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scalediff_engine.client import pixels
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.ui.decode import to_raster
from scalediff_engine.ui.raster import Raster, always


@dataclass(frozen=True)
class Picture:
    """Samples, and what is seen.

    Attributes:
        header: what the samples are
        icc: their profile; empty = sRGB
        samples: their bytes in one row, in memory or in a file that is mapped
        raster: what the screen shows
    """

    header: PixelHeader
    icc: bytes
    samples: NDArray[np.uint8]
    raster: Raster

    @property
    def width(self) -> int:
        """In pixels."""
        return self.header.width

    @property
    def height(self) -> int:
        """In pixels."""
        return self.header.height


def make_picture(
    header: PixelHeader,
    icc: bytes,
    samples: NDArray[np.uint8],
    is_wanted: Callable[[], bool] = always,
) -> Picture:
    """Decode samples for the screen; for a thread.

    Raises:
        NotWanted: it is not wanted any more.
    """
    return Picture(header, icc, samples, to_raster(header, icc, samples, is_wanted))


def read_mapped(file: Path, is_wanted: Callable[[], bool] = always) -> Picture:
    """Read a file in the form of ``client.pixels``; its samples stay in the file.

    Raises:
        OSError: it cannot be read.
        codec.Malformed: it holds no pixels.
        NotWanted: it is not wanted any more.
    """
    with file.open("rb") as opened:
        length = pixels.header_length(opened.read(pixels.PREFIX_BYTES))
        header = pixels.read_header(opened.read(length))
        icc = opened.read(header.icc_bytes)
        start = opened.tell()
    samples = np.memmap(file, np.uint8, "r", start, (header.sample_bytes,))
    return make_picture(header, icc, samples, is_wanted)


def to_file(file: Path, header: PixelHeader, icc: bytes, samples: NDArray[np.uint8]) -> None:
    """Write a file that ``read_mapped`` reads.

    Raises:
        OSError: it cannot be written.
    """
    with file.open("wb") as opened:
        opened.write(pixels.to_prefix(header, icc))
        opened.write(samples.data)
