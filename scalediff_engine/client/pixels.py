"""Pixels as they travel and lie in the spool: a small header, a profile, then raw samples.

::

    4 bytes   "SDPX"
    4 bytes   length of the header, little-endian
    header    a JSON object: the fields of ``PixelHeader``
    profile   ``icc_bytes`` bytes, an ICC profile; none: sRGB, or its tone curve for grey
    samples   row by row, the channels of a pixel side by side, little-endian, without padding
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import codec

MEDIA_TYPE = "application/vnd.scalediff.pixels"
MAGIC = b"SDPX"
PREFIX_BYTES = 8
# More than any header of ours; what is longer is not ours.
MAX_HEADER_BYTES = 4096
MAX_ICC_BYTES = 16 * 2**20
MAX_SIDE = 1 << 17

SAMPLE_BYTES = {"u8": 1, "u16": 2, "u32": 4, "f16": 2, "f32": 4, "f64": 8}
COLOURS = {"grey": 1, "rgb": 3, "cmyk": 4}
ORDERS = ("rgb", "bgr")
ALPHAS = ("none", "straight", "premultiplied")


@dataclass(frozen=True)
class PixelHeader:
    """What the samples after it are.

    Attributes:
        width, height: in pixels
        model: ``grey``, ``rgb`` or ``cmyk`` (0 = no ink)
        depth: of a sample: ``u8``, ``u16``, ``u32``, ``f16``, ``f32`` or ``f64``; floats may exceed
            0 to 1
        alpha: ``none``, or a last channel: ``straight``, or ``premultiplied`` into the others
        order: ``rgb``, or ``bgr`` as Krita has 8 and 16 bits
        icc_bytes: length of the profile
    """

    width: int
    height: int
    model: str
    depth: str
    alpha: str = "none"
    order: str = "rgb"
    icc_bytes: int = 0

    @property
    def channels(self) -> int:
        """Samples of a pixel."""
        return COLOURS[self.model] + (self.alpha != "none")

    @property
    def sample_bytes(self) -> int:
        """Bytes of all samples."""
        return self.width * self.height * self.channels * SAMPLE_BYTES[self.depth]


def require_sound(header: PixelHeader) -> None:
    """Pass if the header can be true.

    Raises:
        codec.Malformed: a size or a word that does not exist.
    """
    for side in (header.width, header.height):
        if not 1 <= side <= MAX_SIDE:
            raise codec.Malformed(f"A side must be between 1 and {MAX_SIDE} pixels (got {side}).")
    for word, known in (
        (header.model, COLOURS),
        (header.depth, SAMPLE_BYTES),
        (header.alpha, ALPHAS),
        (header.order, ORDERS),
    ):
        if word not in known:
            raise codec.Malformed(f"'{word}' is none of {', '.join(known)}.")
    if header.order == "bgr" and header.model != "rgb":
        raise codec.Malformed(f"{header.model} has no order 'bgr'.")
    if not 0 <= header.icc_bytes <= MAX_ICC_BYTES:
        raise codec.Malformed(f"A profile of {header.icc_bytes} bytes; at most {MAX_ICC_BYTES}.")


def to_prefix(header: PixelHeader, icc: bytes = b"") -> bytes:
    """Give everything that goes before the samples.

    Raises:
        codec.Malformed: the header cannot be true, or says another length of the profile.
    """
    require_sound(header)
    if len(icc) != header.icc_bytes:
        raise codec.Malformed(f"The header says {header.icc_bytes} bytes of profile: {len(icc)}.")
    text = codec.dumps(header)
    return MAGIC + struct.pack("<I", len(text)) + text + icc


def header_length(prefix: bytes) -> int:
    """Read the first ``PREFIX_BYTES`` bytes: how long the header is that follows.

    Raises:
        codec.Malformed: these are no pixels of ours.
    """
    if len(prefix) < PREFIX_BYTES or prefix[:4] != MAGIC:
        raise codec.Malformed("These are no pixels: they do not begin with SDPX.")
    (length,) = struct.unpack("<I", prefix[4:8])
    if not 2 <= length <= MAX_HEADER_BYTES:
        raise codec.Malformed(f"A header of {length} bytes; at most {MAX_HEADER_BYTES}.")
    return int(length)


def read_header(text: bytes) -> PixelHeader:
    """Read the header itself.

    Raises:
        codec.Malformed: it is none, or cannot be true.
    """
    header = codec.loads(PixelHeader, text)
    require_sound(header)
    return header
