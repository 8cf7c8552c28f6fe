"""PNG files as chunks: checked, picked apart, decoded, and put together again.

Source: PNG specification, third edition (W3C, 2025), sections 5 and 11.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, NamedTuple

import imagecodecs
import numpy as np

from scalediff_engine.base.geometry import Size
from scalediff_engine.images import exif as exif_block
from scalediff_engine.images.formats import Loaded, Probe, UnsupportedFormat, shown
from scalediff_engine.images.picture import (
    ColourChunk,
    ColourModel,
    Depth,
    Metadata,
    Picture,
    Text,
    to_float,
)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_MAX_TEXT_BYTES = 64 * 2**20
_INCHES_PER_METRE = 1 / 0.0254
COLOUR_CHUNKS = (b"cICP", b"gAMA", b"cHRM", b"sRGB", b"mDCV", b"cLLI")
_OF_SRGB = {
    b"gAMA": (45455,),
    b"cHRM": (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000),
}
_SAME = 0.05  # within 5 % nobody sees the difference
_CICP_OF_SRGB = (b"\x01\x0d\x00\x01", b"\x01\x01\x00\x01")
_LONG_TEXT = 1024  # characters that are worth compressing


class BadPng(ValueError):
    """The bytes are no whole PNG file."""


class Chunk(NamedTuple):
    """One chunk: its four-letter name and what it holds."""

    name: bytes
    body: bytes

    def encoded(self) -> bytes:
        """With its length and checksum."""
        check = zlib.crc32(self.name + self.body)
        return struct.pack(">I", len(self.body)) + self.name + self.body + struct.pack(">I", check)


END = Chunk(b"IEND", b"")


def chunks(file: BinaryIO, *, with_pixels: bool = True) -> Iterator[Chunk]:
    """Each chunk from IHDR to IEND; a damaged one is left out if pictures do without it.

    Args:
        file: seekable, at any position
        with_pixels: False leaves the IDAT chunks' bodies empty and unread

    Raises:
        BadPng: the file ends before IEND, or a chunk that the pixels need is damaged. Where IEND
            alone is missing or cut off, the chunks simply end without it.
    """
    file_bytes = file.seek(0, os.SEEK_END)
    position, has_pixels = len(SIGNATURE), False
    while True:
        file.seek(position)
        head = file.read(12)
        if has_pixels and len(head) < 12 and END.encoded().startswith(head):
            return
        head = head[:8]
        file.seek(position + 8)
        if len(head) < 8 or position + 12 > file_bytes:
            raise BadPng(f"it ends after {file_bytes} bytes, before its last chunk")
        length, name = struct.unpack(">I4s", head)
        position += 12 + length
        if position > file_bytes:
            raise BadPng(f"it ends after {file_bytes} bytes, inside its {_named(name)} chunk")
        has_pixels |= name == b"IDAT"
        if name == b"IDAT" and not with_pixels:
            yield Chunk(name, b"")
            continue
        body = file.read(length)
        (stored,) = struct.unpack(">I", file.read(4))
        if zlib.crc32(name + body) == stored:
            yield Chunk(name, body)
        elif not name[0] & 0x20 or name == b"tRNS":  # a capital: critical
            raise BadPng(f"its {_named(name)} chunk has a wrong checksum")
        if name == b"IEND":
            return


def _named(name: bytes) -> str:
    return name.decode("ascii", "replace")


class Header(NamedTuple):
    """The IHDR chunk; ``colour`` is 0 grey, 2 RGB, 3 palette, 4 grey+alpha, 6 RGBA."""

    width: int
    height: int
    bits: int
    colour: int
    interlaced: bool


_BITS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def header(body: bytes) -> Header:
    """Read an IHDR chunk.

    Raises:
        BadPng: values that the specification does not allow.
    """
    if len(body) != 13:
        raise BadPng("its header has the wrong length")
    width, height, bits, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", body)
    if bits not in _BITS.get(colour, ()) or compression or filtering or interlace > 1:
        raise BadPng(f"its header says {bits} bits of colour type {colour}, which does not exist")
    if not 0 < width < 2**31 or not 0 < height < 2**31:
        raise BadPng(f"its header says {width}x{height} pixels")
    return Header(width, height, bits, colour, bool(interlace))


def profile_of(body: bytes) -> bytes | None:
    """The ICC profile in an iCCP chunk, or None if it is damaged."""
    _, _, packed = body.partition(b"\0")
    return _inflated(packed[1:])


def profile_chunk(icc: bytes) -> Chunk:
    """An iCCP chunk."""
    return Chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc, 9))


def xmp_of(body: bytes) -> bytes | None:
    """The XMP packet in an iTXt chunk, or None if the chunk holds another text."""
    keyword, _, rest = body.partition(b"\0")
    if keyword != _XMP_KEYWORD or len(rest) < 4:
        return None
    compressed, text = rest[0], rest[2:].split(b"\0", 2)[-1]
    return _inflated(text) if compressed else text


def xmp_chunk(xmp: bytes) -> Chunk:
    """An iTXt chunk; stored plainly, as the XMP specification asks for."""
    return Chunk(b"iTXt", _XMP_KEYWORD + b"\0\0\0\0\0" + xmp)


def text_of(chunk: Chunk) -> Text | None:
    """The text in a tEXt, zTXt or iTXt chunk, or None if it is damaged or the XMP packet."""
    keyword, separator, rest = chunk.body.partition(b"\0")
    if keyword == _XMP_KEYWORD or not separator or not 1 <= len(keyword) <= 79:
        return None
    name = keyword.decode("latin-1")
    if chunk.name == b"tEXt":
        return Text(name, rest.decode("latin-1"))
    if chunk.name == b"zTXt":
        unpacked = _inflated(rest[1:])
        return None if unpacked is None else Text(name, unpacked.decode("latin-1"))
    if len(rest) < 4 or rest[2:].count(b"\0") < 2:
        return None
    language, translated, text = rest[2:].split(b"\0", 2)
    unpacked = _inflated(text) if rest[0] else text
    if unpacked is None:
        return None
    return Text(
        name,
        unpacked.decode("utf-8", "replace"),
        language.decode("latin-1"),
        translated.decode("utf-8", "replace"),
    )


def text_chunk(text: Text) -> Chunk:
    """A tEXt chunk where Latin-1 will do, compressed if it is long, else an iTXt chunk."""
    keyword = text.keyword.encode("latin-1")
    is_long = len(text.text) > _LONG_TEXT
    try:
        plain = text.text.encode("latin-1")
    except UnicodeEncodeError:
        plain = None
    if plain is not None and not text.language and not text.translated:
        if is_long:
            return Chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(plain, 9))
        return Chunk(b"tEXt", keyword + b"\0" + plain)
    stored = text.text.encode()
    head = keyword + b"\0" + bytes((is_long, 0)) + text.language.encode("latin-1") + b"\0"
    head += text.translated.encode() + b"\0"
    return Chunk(b"iTXt", head + (zlib.compress(stored, 9) if is_long else stored))


def says_srgb(chunk: ColourChunk) -> bool:
    """Whether a colour chunk says no more than that the samples are sRGB."""
    if chunk.name == b"cICP":
        return chunk.body in _CICP_OF_SRGB
    expected = _OF_SRGB.get(chunk.name)
    if expected is None:
        return chunk.name == b"sRGB"
    if len(chunk.body) != 4 * len(expected):
        return False
    stored = struct.unpack(f">{len(expected)}I", chunk.body)
    return all(abs(one / other - 1) < _SAME for one, other in zip(stored, expected, strict=True))


def is_hdr(chunk: ColourChunk) -> bool:
    """Whether a cICP chunk names one of the transfer functions of HDR: PQ or HLG."""
    return chunk.name == b"cICP" and chunk.body[1:2] in (b"\x10", b"\x12")


def dpi_of(body: bytes) -> tuple[float, float] | None:
    """The resolution in a pHYs chunk, or None if it only gives the pixels' shape."""
    if len(body) != 9:
        return None
    across, down, unit = struct.unpack(">IIB", body)
    if unit != 1 or not across or not down:
        return None
    return across / _INCHES_PER_METRE, down / _INCHES_PER_METRE


def dpi_chunk(dpi: tuple[float, float]) -> Chunk:
    """A pHYs chunk."""
    across, down = (min(2**31 - 1, max(1, round(side * _INCHES_PER_METRE))) for side in dpi)
    return Chunk(b"pHYs", struct.pack(">IIB", across, down, 1))


def with_metadata(png: bytes, icc: bytes | None, metadata: Metadata) -> bytes:
    """``png`` with a profile and metadata chunks right after its header."""
    added = [
        Chunk(*chunk) for chunk in metadata.colour_chunks if icc is None or chunk.name != b"sRGB"
    ]
    if icc is not None:
        added.append(profile_chunk(icc))
    if metadata.dpi is not None:
        added.append(dpi_chunk(metadata.dpi))
    if metadata.exif is not None:
        added.append(Chunk(b"eXIf", metadata.exif))
    if metadata.xmp is not None:
        added.append(xmp_chunk(metadata.xmp))
    added += [text_chunk(text) for text in metadata.texts]
    start = len(SIGNATURE) + 25  # the IHDR chunk always has 25 bytes
    return png[:start] + b"".join(chunk.encoded() for chunk in added) + png[start:]


def _inflated(packed: bytes) -> bytes | None:
    inflater = zlib.decompressobj()
    try:
        return inflater.decompress(packed, _MAX_TEXT_BYTES) or None
    except zlib.error:
        return None


_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
_RAW_PROFILE = "Raw profile type "
_DEFLATE_LIMIT = 1032  # bytes that one byte of a deflate stream can become at most


@dataclass(frozen=True)
class _Facts:
    header: Header
    transparent: bool = False
    icc: bytes | None = None
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()

    @property
    def model(self) -> ColourModel:
        return ColourModel.GREY if self.header.colour in (0, 4) else ColourModel.RGB


def probe(file: BinaryIO) -> Probe:
    """Read all chunks but the pixels.

    Raises:
        BadPng: damaged or incomplete.
    """
    facts = _facts(list(chunks(file, with_pixels=False)))
    orientation = exif_block.orientation(facts.metadata.exif)
    header = facts.header
    return Probe(
        size=shown(Size(header.width, header.height), orientation),
        depth=Depth.U16 if header.bits == 16 else Depth.U8,
        model=facts.model,
        has_alpha=header.colour in (4, 6) or facts.transparent,
        format_name="PNG",
        orientation=orientation,
        icc=facts.icc,
        dpi=facts.metadata.dpi,
        xmp=facts.metadata.xmp,
        notes=facts.notes,
    )


def load(data: bytes) -> Loaded:
    """Decode a whole file; orientation not yet applied. Palettes become RGB, tRNS alpha.

    Raises:
        BadPng: damaged or incomplete.
        imagecodecs.PngError: libpng found the pixels damaged.
    """
    found = list(chunks(io.BytesIO(data)))
    facts = _facts(found)
    _require_pixels(facts.header, sum(len(c.body) for c in found if c.name == b"IDAT"))
    # Only what the pixels need reaches libpng: no animation, no limits on other chunks.
    needed = [chunk for chunk in found if chunk.name in _NEEDED]
    plain = b"".join(chunk.encoded() for chunk in (*needed, END))
    samples: Any = imagecodecs.png_decode(SIGNATURE + plain)
    samples = samples.reshape(facts.header.height, facts.header.width, -1)
    pixels, depth = to_float(samples)
    channels = facts.model.value
    if pixels.shape[2] not in (channels, channels + 1):
        raise BadPng(f"{pixels.shape[2]} channels came out of it")
    alpha = np.ascontiguousarray(pixels[..., channels]) if pixels.shape[2] > channels else None
    picture = Picture(
        pixels=np.ascontiguousarray(pixels[..., :channels]),
        alpha=alpha,
        depth=depth,
        icc=facts.icc,
        metadata=facts.metadata,
    )
    return Loaded(picture, "PNG", facts.notes)


def _facts(found: list[Chunk]) -> _Facts:
    if found and found[0].name == b"CgBI":
        raise UnsupportedFormat("a PNG file in Apple's CgBI variant")
    if not found or found[0].name != b"IHDR":
        raise BadPng("it does not start with its header")
    facts = _Facts(header(found[0].body))
    for chunk in found[1:]:
        facts = _with_chunk(facts, chunk)
    notes = facts.notes + _notes_on_colours(facts)
    if found[-1].name != b"IEND":
        notes += ("Its end marker is missing; all of its pixels were read.",)
    return replace(facts, notes=notes)


def _notes_on_colours(facts: _Facts) -> tuple[str, ...]:
    """What the samples mean, where that is not sRGB and no profile converts them."""
    unlike = [c for c in facts.metadata.colour_chunks if not says_srgb(c)]
    names = {chunk.name for chunk in facts.metadata.colour_chunks}
    if any(is_hdr(chunk) for chunk in unlike):
        return ("Its HDR colours (cICP) were treated as sRGB.",)
    if facts.icc is not None or (b"cICP" not in names and b"sRGB" in names):
        return ()
    if b"cICP" in names:  # overrules the others
        unlike = [chunk for chunk in unlike if chunk.name == b"cICP"]
    named = ", ".join(c.name.decode() for c in unlike if c.name in (b"cICP", b"gAMA", b"cHRM"))
    return (f"Its colours are not sRGB ({named}) but were treated as such.",) if named else ()


def _with_chunk(facts: _Facts, chunk: Chunk) -> _Facts:
    metadata, notes = facts.metadata, facts.notes
    if chunk.name in COLOUR_CHUNKS:
        chunks = (*metadata.colour_chunks, ColourChunk(*chunk))
        return replace(facts, metadata=replace(metadata, colour_chunks=chunks))
    match chunk.name:
        case b"tRNS":
            return replace(facts, transparent=True)
        case b"iCCP":
            icc = profile_of(chunk.body)
            if icc is None:
                notes += ("Its colour profile is damaged; it was treated as sRGB.",)
            return replace(facts, icc=icc, notes=notes)
        case b"acTL":
            note = "It is an animation; only its still picture was read."
            return replace(facts, notes=(*notes, note))
        case b"eXIf":
            metadata = replace(metadata, exif=exif_block.without_prefix(chunk.body))
        case b"pHYs":
            metadata = replace(metadata, dpi=dpi_of(chunk.body))
        case b"tEXt" | b"zTXt" | b"iTXt":
            return _with_text(facts, chunk)
        case _:
            return facts
    return replace(facts, metadata=metadata)


def _with_text(facts: _Facts, chunk: Chunk) -> _Facts:
    metadata, text = facts.metadata, text_of(chunk)
    xmp = xmp_of(chunk.body) if chunk.name == b"iTXt" else None
    if xmp is not None:
        return replace(facts, metadata=replace(metadata, xmp=xmp))
    name = chunk.body.partition(b"\0")[0].decode("latin-1")[:79]
    if text is None:
        note = f"The text {name} is damaged and was left out."
    elif name.startswith(_RAW_PROFILE):  # EXIF and the like of the old pixels, in hexadecimal
        note = f"The text {name} was left out."
    else:
        return replace(facts, metadata=replace(metadata, texts=(*metadata.texts, text)))
    return replace(facts, notes=(*facts.notes, note))


def _require_pixels(header: Header, packed_bytes: int) -> None:
    """Refuse a header that promises more than its pixel data could possibly hold."""
    bits = header.width * header.bits * CHANNELS[header.colour]
    needed_bytes = header.height * ((bits + 7) // 8)
    if packed_bytes * _DEFLATE_LIMIT < needed_bytes:
        raise BadPng(
            f"{packed_bytes} bytes of pixels cannot be {header.width}x{header.height} pixels"
        )
