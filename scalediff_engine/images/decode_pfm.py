"""Portable float maps, grey and RGB (Pillow reads the grey ones alone).

Source: the format's description by Paul Debevec.
"""

from __future__ import annotations

import re
from typing import BinaryIO, NamedTuple

import numpy as np

from scalediff_engine.base.geometry import Size
from scalediff_engine.images.picture import ColourModel, Depth, Picture
from scalediff_engine.images.probe import Loaded, Probe

MAGIC = (b"PF", b"Pf")
_HEADER = re.compile(rb"P([Ff])\s+(\d{1,9})\s+(\d{1,9})\s+([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s")
_MAX_HEADER_BYTES = 256


class BadPfm(ValueError):
    """The bytes are no whole float map."""


class _Header(NamedTuple):
    size: Size
    model: ColourModel
    dtype: str
    length: int


def probe(file: BinaryIO) -> Probe:
    """Read the header.

    Raises:
        BadPfm: it is damaged.
    """
    header = _header(file.read(_MAX_HEADER_BYTES))
    return Probe(header.size, Depth.F32, header.model, has_alpha=False, format_name="PFM")


def load(data: bytes) -> Loaded:
    """Decode a whole file; its rows are stored from the bottom up.

    Raises:
        BadPfm: it is damaged or ends too early.
    """
    header = _header(data[:_MAX_HEADER_BYTES])
    shape = (header.size.height, header.size.width, header.model.value)
    samples = data[header.length :]
    needed = 4 * shape[0] * shape[1] * shape[2]
    if len(samples) < needed:
        raise BadPfm(f"it has {len(samples)} of {needed} bytes of samples")
    pixels = np.frombuffer(samples[:needed], header.dtype).reshape(shape)[::-1]
    return Loaded(Picture(pixels.astype(np.float32), depth=Depth.F32), "PFM")


def _header(start: bytes) -> _Header:
    found = _HEADER.match(start)
    if found is None:
        raise BadPfm("its header is not one of a float map")
    kind, width, height, scale = found.groups()
    model = ColourModel.RGB if kind == b"F" else ColourModel.GREY
    order = "<f4" if float(scale) < 0 else ">f4"
    return _Header(Size(int(width), int(height)), model, order, found.end())
