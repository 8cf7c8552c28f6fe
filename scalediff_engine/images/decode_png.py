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
from scalediff_engine.images.picture import ColourModel, Depth, Metadata, Picture
from scalediff_engine.images.png_chunks import BadPng, Chunk, Header
from scalediff_engine.images.probe import Loaded, Probe, shown
from scalediff_engine.images.samples import to_float

_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_SRGB_GAMMA, _SAME_GAMMA = 2.2, 0.05  # within 5 % nobody sees the difference
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
    plain = png_chunks.SIGNATURE + b"".join(c.encoded() for c in found if c.name in _NEEDED)
    samples: Any = imagecodecs.png_decode(plain)
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
    if not found or found[0].name != b"IHDR":
        raise BadPng("it does not start with its header")
    facts = _Facts(png_chunks.header(found[0].body))
    for chunk in found[1:]:
        facts = _with_chunk(facts, chunk)
    gamma = _gamma_alone(found)
    if gamma is None or abs(gamma * _SRGB_GAMMA - 1) < _SAME_GAMMA:
        return facts
    note = f"Its gamma of {gamma:.3g} (gAMA) was ignored: it was treated as sRGB."
    return replace(facts, notes=(*facts.notes, note))


def _gamma_alone(found: list[Chunk]) -> float | None:
    """What the gAMA chunk says, or None if there is none or a better description overrules it."""
    by_name = {chunk.name: chunk.body for chunk in found}
    body = by_name.get(b"gAMA", b"")
    if len(body) != 4 or by_name.keys() & {b"iCCP", b"sRGB", b"cICP"}:
        return None
    return int.from_bytes(body, "big") / 100_000


def _with_chunk(facts: _Facts, chunk: Chunk) -> _Facts:
    metadata = facts.metadata
    match chunk.name:
        case b"tRNS":
            return replace(facts, transparent=True)
        case b"iCCP":
            return replace(facts, icc=png_chunks.profile_of(chunk.body))
        case b"acTL":
            note = "It is an animation; only its still picture was read."
            return replace(facts, notes=(*facts.notes, note))
        case b"cICP":
            note = "Its HDR colour description (cICP) was ignored."
            return replace(facts, notes=(*facts.notes, note))
        case b"eXIf":
            metadata = replace(metadata, exif=exif_block.without_prefix(chunk.body))
        case b"pHYs":
            metadata = replace(metadata, dpi=png_chunks.dpi_of(chunk.body))
        case b"iTXt":
            metadata = replace(metadata, xmp=png_chunks.xmp_of(chunk.body) or metadata.xmp)
        case _:
            return facts
    return replace(facts, metadata=metadata)


def _require_pixels(header: Header, packed_bytes: int) -> None:
    """Refuse a header that promises more than its pixel data could possibly hold."""
    bits = header.width * header.bits * png_chunks.CHANNELS[header.colour]
    needed_bytes = header.height * ((bits + 7) // 8)
    if packed_bytes * _DEFLATE_LIMIT < needed_bytes:
        raise BadPng(
            f"{packed_bytes} bytes of pixels cannot be {header.width}x{header.height} pixels"
        )
