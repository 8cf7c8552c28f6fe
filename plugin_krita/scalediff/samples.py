"""Samples as they came, turned into what Krita takes: its order of channels, an alpha, a mask.

Krita has no numpy. Whole rows are done by slices and tables of ``bytes`` and ``array``, which run
at the speed of memory; only pixels that are half selected and half transparent are looked at one
by one. All of it is for a thread.
"""

from __future__ import annotations

import struct
import sys
from array import array
from typing import Optional, Union

from .client.pixels import PixelHeader

Buffer = Union[bytes, bytearray]

# How an array holds a sample of so many bytes, and what is fully opaque in each depth.
_CODES = {"u8": "B", "u16": "H", "f16": "H", "f32": "I"}
_OPAQUE = {"u8": 0xFF, "u16": 0xFFFF, "f16": 0x3C00, "f32": 0x3F800000}
_FULL = 255
# What is done in one go: a thread of Python lets no other one run meanwhile.
_BLOCK_PIXELS = 1 << 17


class Unusable(Exception):
    """Samples that Krita has no kind of layer for; the text says what they are."""


def is_whole(code: str) -> bool:
    """Whether samples of this kind are whole numbers."""
    return code.startswith("u")


def repack(header: PixelHeader, samples: Buffer) -> tuple[PixelHeader, Buffer]:
    """Give samples in Krita's order and with an alpha; the same ones if they are so already.

    Raises:
        Unusable: Krita has no such layers.
    """
    order = "bgr" if header.model == "rgb" and is_whole(header.depth) else "rgb"
    if header.alpha == "straight" and header.order == order:
        return header, samples
    if header.depth not in _CODES or header.alpha == "premultiplied":
        raise Unusable(f"{header.model} {header.depth}, {header.alpha}")
    same = PixelHeader(header.width, header.height, header.model, header.depth, "straight", order)
    packed = bytearray()
    block = _BLOCK_PIXELS * (header.sample_bytes // (header.width * header.height))
    with memoryview(samples) as given:
        for first in range(0, len(given), block):
            packed += _repacked(header, same, given[first : first + block])
    return same, packed


def _repacked(header: PixelHeader, wanted: PixelHeader, samples: memoryview) -> bytes:
    code = _CODES[header.depth]
    given = _array(code, samples)
    colours = wanted.channels - 1
    pixels = len(given) // header.channels
    packed = array(code, bytes(pixels * wanted.channels * given.itemsize))
    for channel in range(colours):
        source = channel if header.order == wanted.order else colours - 1 - channel
        packed[channel :: wanted.channels] = given[source :: header.channels]
    opaque = array(code, [_OPAQUE[header.depth]]) * pixels
    alpha = opaque if header.alpha == "none" else given[colours :: header.channels]
    packed[colours :: wanted.channels] = alpha
    return _bytes(packed)


def apply_mask(header: PixelHeader, samples: bytearray, mask: bytes) -> None:
    """Make pixels as transparent as they are not selected; the colours stay as they are.

    Args:
        header: what the samples are, with straight alpha
        samples: changed in place
        mask: a byte for each pixel, 255 = fully selected
    """
    width, step = header.width, header.channels
    code, opaque = _CODES[header.depth], _OPAQUE[header.depth]
    all_opaque, all_full = array(code, [opaque]) * width, bytes([_FULL]) * width
    table = _table(header.depth)
    row_bytes = width * step * array(code).itemsize
    with memoryview(samples) as view:
        for y in range(header.height):
            chosen = mask[y * width : (y + 1) * width]
            if chosen == all_full:
                continue
            row = _array(code, view[y * row_bytes : (y + 1) * row_bytes])
            alpha = row[step - 1 :: step]
            if alpha == all_opaque:
                row[step - 1 :: step] = _looked_up(table, code, chosen)
            else:
                row[step - 1 :: step] = _multiplied(header.depth, alpha, chosen)
            view[y * row_bytes : (y + 1) * row_bytes] = _bytes(row)


def visible_bounds(
    samples: Buffer, width: int, pixel_bytes: int, alpha_bytes: int
) -> Optional[tuple[int, int, int, int]]:
    """Return left, top, width and height of what is not wholly transparent; none = nothing is.

    Args:
        samples: whole rows, with the alpha last in each pixel
        width: of a row, in pixels
        pixel_bytes, alpha_bytes: of a pixel, and of its alpha
    """
    lefts: list[int] = []
    rights: list[int] = []
    rows: list[int] = []
    for first in range(pixel_bytes - alpha_bytes, pixel_bytes):
        alpha = bytes(samples[first::pixel_bytes])
        top = (len(alpha) - len(alpha.lstrip(b"\0"))) // width
        bottom = -(-len(alpha.rstrip(b"\0")) // width)
        for y in range(top, bottom):
            row = alpha[y * width : (y + 1) * width].rstrip(b"\0")
            if row:
                rows.append(y)
                rights.append(len(row))
                lefts.append(len(row) - len(row.lstrip(b"\0")))
    if not rows:
        return None
    left, top = min(lefts), min(rows)
    return left, top, max(rights) - left, max(rows) + 1 - top


def _looked_up(table: list[bytes], code: str, mask: bytes) -> array[int]:
    """Give a sample for each byte of a mask: each byte of the sample has a table of its own."""
    found = bytearray(len(mask) * len(table))
    for place, of_byte in enumerate(table):
        found[place :: len(table)] = mask.translate(of_byte)
    return _array(code, found)


def _table(depth: str) -> list[bytes]:
    """Give what 0/255 to 255/255 are in a depth: a table for each byte of a sample."""
    samples = [_encoded(depth, value) for value in range(256)]
    return [bytes(column) for column in zip(*samples)]


def _encoded(depth: str, value: int) -> bytes:
    if depth == "u8":
        return bytes([value])
    if depth == "u16":
        return struct.pack("<H", value * 257)
    return struct.pack("<e" if depth == "f16" else "<f", value / _FULL)


def _multiplied(depth: str, alpha: array[int], mask: bytes) -> array[int]:
    if is_whole(depth):
        values = ((a * m + _FULL // 2) // _FULL for a, m in zip(alpha, mask))
        return array(alpha.typecode, values)
    kind = "e" if depth == "f16" else "f"
    floats = struct.unpack(f"<{len(mask)}{kind}", _bytes(alpha))
    products = struct.pack(f"<{len(mask)}{kind}", *(a * m / _FULL for a, m in zip(floats, mask)))
    return _array(alpha.typecode, products)


def _array(code: str, data: Union[Buffer, memoryview]) -> array[int]:
    """Read samples, which are little-endian wherever they travel."""
    found = array(code)
    found.frombytes(data)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _bytes(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples = samples[:]
        samples.byteswap()
    return samples.tobytes()
