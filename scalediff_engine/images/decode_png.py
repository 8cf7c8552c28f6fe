"""PNG files to pictures: libpng decodes the pixels, the chunks give everything else."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import imagecodecs
import numpy as np

from scalediff_engine.base.geometry import Size
from scalediff_engine.images import exif as exif_block
from scalediff_engine.images import png_chunks
from scalediff_engine.images.picture import ColourChunk, ColourModel, Depth, Metadata, Picture
from scalediff_engine.images.png_chunks import BadPng, Chunk, Header
from scalediff_engine.images.probe import Loaded, Probe, UnsupportedFormat, shown
from scalediff_engine.images.samples import to_float

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
    facts = _facts(list(png_chunks.chunks(file, with_pixels=False)))
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
    found = list(png_chunks.chunks(io.BytesIO(data)))
    facts = _facts(found)
    _require_pixels(facts.header, sum(len(c.body) for c in found if c.name == b"IDAT"))
    # Only what the pixels need reaches libpng: no animation, no limits on other chunks.
    needed = [chunk for chunk in found if chunk.name in _NEEDED]
    plain = b"".join(chunk.encoded() for chunk in (*needed, png_chunks.END))
    samples: Any = imagecodecs.png_decode(png_chunks.SIGNATURE + plain)
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
    facts = _Facts(png_chunks.header(found[0].body))
    for chunk in found[1:]:
        facts = _with_chunk(facts, chunk)
    notes = facts.notes + _notes_on_colours(facts)
    if found[-1].name != b"IEND":
        notes += ("Its end marker is missing; all of its pixels were read.",)
    return replace(facts, notes=notes)


def _notes_on_colours(facts: _Facts) -> tuple[str, ...]:
    """What the samples mean, where that is not sRGB and no profile converts them."""
    unlike = [c for c in facts.metadata.colour_chunks if not png_chunks.says_srgb(c)]
    names = {chunk.name for chunk in facts.metadata.colour_chunks}
    if any(png_chunks.is_hdr(chunk) for chunk in unlike):
        return ("Its HDR colours (cICP) were treated as sRGB.",)
    if facts.icc is not None or (b"cICP" not in names and b"sRGB" in names):
        return ()
    if b"cICP" in names:  # overrules the others
        unlike = [chunk for chunk in unlike if chunk.name == b"cICP"]
    named = ", ".join(c.name.decode() for c in unlike if c.name in (b"cICP", b"gAMA", b"cHRM"))
    return (f"Its colours are not sRGB ({named}) but were treated as such.",) if named else ()


def _with_chunk(facts: _Facts, chunk: Chunk) -> _Facts:
    metadata, notes = facts.metadata, facts.notes
    if chunk.name in png_chunks.COLOUR_CHUNKS:
        chunks = (*metadata.colour_chunks, ColourChunk(*chunk))
        return replace(facts, metadata=replace(metadata, colour_chunks=chunks))
    match chunk.name:
        case b"tRNS":
            return replace(facts, transparent=True)
        case b"iCCP":
            icc = png_chunks.profile_of(chunk.body)
            if icc is None:
                notes += ("Its colour profile is damaged; it was treated as sRGB.",)
            return replace(facts, icc=icc, notes=notes)
        case b"acTL":
            note = "It is an animation; only its still picture was read."
            return replace(facts, notes=(*notes, note))
        case b"eXIf":
            metadata = replace(metadata, exif=exif_block.without_prefix(chunk.body))
        case b"pHYs":
            metadata = replace(metadata, dpi=png_chunks.dpi_of(chunk.body))
        case b"tEXt" | b"zTXt" | b"iTXt":
            return _with_text(facts, chunk)
        case _:
            return facts
    return replace(facts, metadata=metadata)


def _with_text(facts: _Facts, chunk: Chunk) -> _Facts:
    metadata, text = facts.metadata, png_chunks.text_of(chunk)
    xmp = png_chunks.xmp_of(chunk.body) if chunk.name == b"iTXt" else None
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
    bits = header.width * header.bits * png_chunks.CHANNELS[header.colour]
    needed_bytes = header.height * ((bits + 7) // 8)
    if packed_bytes * _DEFLATE_LIMIT < needed_bytes:
        raise BadPng(
            f"{packed_bytes} bytes of pixels cannot be {header.width}x{header.height} pixels"
        )
