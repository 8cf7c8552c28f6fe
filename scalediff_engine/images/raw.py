"""Pixels as they travel (``client.pixels``) to a picture, and a result back in the same form.

Both ways go a few rows at a time: beside the picture itself, which takes 4 bytes a sample, there
are never more than ``_BLOCK_SAMPLES`` samples, about 100 MB with all that they are on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from scalediff_engine.base.errors import (
    InputError,
    InputMissing,
    PictureTooLarge,
    UnreadablePicture,
)
from scalediff_engine.base.geometry import Size
from scalediff_engine.client import pixels as wire
from scalediff_engine.client.codec import Malformed
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.images.formats import require_area
from scalediff_engine.images.picture import Picture, Pixels, from_float, to_float
from scalediff_engine.images.reader import MAX_PIXELS
from scalediff_engine.images.sanitize import remarks, with_finite

_BLOCK_SAMPLES = 1 << 22
_TYPES = {"u8": "u1", "u16": "<u2", "u32": "<u4", "f16": "<f2", "f32": "<f4", "f64": "<f8"}
_U32_TOP = 2**32 - 1
# Below this share a colour that is multiplied by it says nothing any more.
_NEXT_TO_NOTHING = 1e-7


@dataclass(frozen=True)
class RawPicture:
    """What was read.

    Attributes:
        header: what the result's will say too, but for its size
        picture: straight, in the order red, green, blue
        notes: sentences on what it leaves behind
    """

    header: PixelHeader
    picture: Picture
    notes: tuple[str, ...] = ()


def read_header(path: Path) -> PixelHeader:
    """Give the header of a file of pixels.

    Raises:
        InputMissing: no such file.
        InputError: it may not be read.
        UnreadablePicture: it holds no pixels, or fewer or more than its header says.
    """
    with _open(path) as file:
        return _header(file)[0]


def read_pixels(path: Path, *, max_pixels: int = MAX_PIXELS) -> RawPicture:
    """Read a file of pixels.

    Whole numbers become 0..1; the colours of premultiplied ones do not exceed 1, and are 0 where
    nothing can be seen. Samples that are no finite numbers become 0.

    Raises:
        InputError: as ``read_header``.
        PictureTooLarge: more than ``max_pixels``, or more than this machine's memory holds.
    """
    with _open(path) as file:
        header, icc = _header(file)
        size = Size(header.width, header.height)
        require_area(size, max_pixels, "The picture")
        try:
            return _read(file, header, icc)
        except MemoryError as error:
            raise PictureTooLarge(
                f"The picture is {size}, which does not fit into this machine's memory."
            ) from error
        except OSError as error:
            raise InputError(f"The picture cannot be read: {error.strerror}.") from error


def result_header(picture: Picture, like: PixelHeader) -> PixelHeader:
    """Give the header of a result that goes back as ``like`` came."""
    width, height = picture.size
    icc_bytes = len(picture.icc or b"")
    return replace(like, width=width, height=height, icc_bytes=icc_bytes)


def write_pixels(picture: Picture, like: PixelHeader, file: BinaryIO) -> None:
    """Write a result in the form that its source came in.

    Args:
        picture: of any size; of the source's colour model, with alpha if that had one
        like: the source's header
        file: open for writing
    """
    header = result_header(picture, like)
    file.write(wire.to_prefix(header, picture.icc or b""))
    for rows in _blocks(header):
        file.write(_stored(picture, header, rows).tobytes())


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise InputMissing("The picture's pixels are not there any more.") from error
    except OSError as error:
        raise InputError(f"The picture cannot be read: {error.strerror}.") from error


def _header(file: BinaryIO) -> tuple[PixelHeader, bytes]:
    """The header and the profile; the file then stands at the samples."""
    try:
        length = wire.header_length(file.read(wire.PREFIX_BYTES))
        header = wire.read_header(file.read(length))
    except Malformed as error:
        raise UnreadablePicture(f"The picture cannot be read. {error}") from error
    icc = file.read(header.icc_bytes)
    start = file.tell()
    there = file.seek(0, 2) - start
    file.seek(start)
    if len(icc) < header.icc_bytes or there != header.sample_bytes:
        raise UnreadablePicture(
            f"The picture cannot be read: its header says {header.sample_bytes:,} bytes of "
            f"samples, and there are {max(0, there):,}."
        )
    return header, icc


def _blocks(header: PixelHeader) -> Iterator[slice]:
    """Some rows after the other."""
    each = max(1, _BLOCK_SAMPLES // (header.width * header.channels))
    for start in range(0, header.height, each):
        yield slice(start, min(start + each, header.height))


def _read(file: BinaryIO, header: PixelHeader, icc: bytes) -> RawPicture:
    dtype = np.dtype(_TYPES[header.depth])
    colours = wire.COLOURS[header.model]
    pixels = np.empty((header.height, header.width, colours), np.float32)
    has_alpha = header.alpha != "none"
    alpha = np.empty((header.height, header.width), np.float32) if has_alpha else None
    depth, bad = to_float(np.empty(0, dtype))[1], 0
    for rows in _blocks(header):
        shape = (rows.stop - rows.start, header.width, header.channels)
        data = file.read(shape[0] * shape[1] * shape[2] * dtype.itemsize)
        try:
            block = np.frombuffer(data, dtype).reshape(shape)
        except ValueError as error:  # somebody cut it off meanwhile
            raise UnreadablePicture("The picture cannot be read: it ends too early.") from error
        floats, more = with_finite(to_float(block)[0])
        bad += more
        if alpha is not None:
            alpha[rows] = np.clip(floats[..., -1], 0, 1)
        straight = floats[..., :colours]
        if alpha is not None and header.alpha == "premultiplied":
            straight = _unpremultiplied(straight, alpha[rows], header)
        pixels[rows] = straight[..., ::-1] if header.order == "bgr" else straight
    picture = Picture(pixels, alpha, depth, icc or None)
    return RawPicture(header, picture, remarks(picture, bad))


def _unpremultiplied(colours: Pixels, alpha: Pixels, header: PixelHeader) -> Pixels:
    share = alpha[..., None]
    seen = share > _NEXT_TO_NOTHING
    straight = np.divide(colours, share, out=np.zeros_like(colours), where=seen)
    return straight if header.depth.startswith("f") else np.minimum(straight, 1, out=straight)


def _stored(picture: Picture, header: PixelHeader, rows: slice) -> NDArray[Any]:
    """Some rows of a picture as they are stored."""
    colours = picture.pixels[rows]
    if header.order == "bgr":
        colours = colours[..., ::-1]
    if header.alpha == "none":
        return _samples(colours, header.depth)
    assert picture.alpha is not None  # the source had some
    alpha = picture.alpha[rows][..., None]
    if header.alpha == "premultiplied":
        whole = not header.depth.startswith("f")
        colours = (np.clip(colours, 0, 1) if whole else colours) * alpha
    return _samples(np.concatenate([colours, alpha], axis=2), header.depth)


def _samples(floats: Pixels, depth: str) -> NDArray[Any]:
    """Floats rounded to what ``to_float`` read."""
    dtype = np.dtype(_TYPES[depth])
    if depth == "u32":
        return np.rint(np.clip(floats, 0, 1).astype(np.float64) * _U32_TOP).astype(dtype)
    return from_float(floats, to_float(np.empty(0, dtype))[1]).astype(dtype, copy=False)
