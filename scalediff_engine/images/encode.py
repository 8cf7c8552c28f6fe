"""Pictures to the bytes of a file in each of the four formats."""

from __future__ import annotations

import io
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from scalediff_engine.images import exif as exif_block
from scalediff_engine.images import ifd, jpeg_segments, png_chunks, recipe
from scalediff_engine.images.picture import ColourModel, Metadata, Text

LOSSY_QUALITY = 92
_FULL_COLOUR_QUALITY = 85  # from here on, JPEG keeps colour at full resolution
_PNG_LEVEL = 6
_XMP_TAG, _IPTC_TAG = 700, 33723
_PHOTOMETRIC = {
    ColourModel.GREY: "minisblack",
    ColourModel.RGB: "rgb",
    ColourModel.CMYK: "separated",
}
_TOO_LONG = "The {} of {} KiB does not fit into a JPEG and was left out."


def png(samples: NDArray[Any], icc: bytes | None, metadata: Metadata) -> bytes:
    """A PNG file of (H, W, 1 to 4) uint8 or uint16 samples: grey or RGB, then perhaps alpha."""
    plain = samples[..., 0] if samples.shape[2] == 1 else samples
    encoded = imagecodecs.png_encode(np.ascontiguousarray(plain), level=_PNG_LEVEL)
    return png_chunks.with_metadata(bytes(encoded), icc, metadata)


def webp(
    samples: NDArray[Any], icc: bytes | None, metadata: Metadata, quality: int | None
) -> bytes:
    """A WebP file of (H, W, 3 or 4) uint8 samples.

    Lossless unless ``quality`` (1..100) is set or the source was lossy.
    """
    if quality is None and metadata.is_lossy:
        quality = LOSSY_QUALITY
    file = io.BytesIO()
    exif = exif_block.with_resolution(metadata.exif, metadata.dpi)
    Image.fromarray(np.ascontiguousarray(samples)).save(
        file,
        "WEBP",
        lossless=quality is None,
        exact=True,  # colours under transparency stay
        quality=75 if quality is None else quality,
        icc_profile=icc or b"",
        exif=exif or b"",
        xmp=metadata.xmp or b"",
    )
    return file.getvalue()


def jpeg(
    samples: NDArray[Any], icc: bytes | None, metadata: Metadata, quality: int | None
) -> tuple[bytes, tuple[str, ...]]:
    """A JPEG file of (H, W, 1, 3 or 4) uint8 samples: grey, RGB or CMYK; and notes."""
    modes = {1: "L", 3: "RGB", 4: "CMYK"}
    height, width, channels = samples.shape
    image = Image.frombuffer(
        modes[channels],
        (width, height),
        np.ascontiguousarray(samples),
        "raw",
        modes[channels],
        0,
        1,
    )
    exif, xmp, notes = metadata.exif or b"", metadata.xmp or b"", ()
    quality = LOSSY_QUALITY if quality is None else quality
    if exif:
        exif = b"Exif\0\0" + exif
    if len(exif) > jpeg_segments.MAX_BODY_BYTES:
        notes += (_TOO_LONG.format("EXIF block", len(exif) // 1024),)
        exif = b""
    if len(jpeg_segments.XMP_MARK) + len(xmp) > jpeg_segments.MAX_BODY_BYTES:
        notes += (_TOO_LONG.format("XMP packet", len(xmp) // 1024),)
        xmp = recipe.alone(xmp) or b""
    comment = comment_of(metadata)
    words = b"" if comment is None else comment.text.encode()
    if len(words) > jpeg_segments.MAX_BODY_BYTES:
        notes += (_TOO_LONG.format("comment", len(words) // 1024),)
        words = b""
    file = io.BytesIO()
    image.save(
        file,
        "JPEG",
        quality=quality,
        subsampling=0 if quality >= _FULL_COLOUR_QUALITY else 2,
        optimize=True,
        icc_profile=icc or b"",
        exif=exif,
        dpi=_whole(metadata.dpi),
        comment=words or None,
    )
    data = jpeg_segments.with_xmp(file.getvalue(), xmp)
    try:
        return jpeg_segments.with_iptc(data, metadata.iptc or b""), notes
    except jpeg_segments.BadJpeg:
        long = len(metadata.iptc or b"") // 1024
        return data, (*notes, _TOO_LONG.format("IPTC record", long))


def comment_of(metadata: Metadata) -> Text | None:
    """The text that a JPEG holds: the one called Comment."""
    return next((text for text in metadata.texts if text.keyword == "Comment"), None)


def _whole(dpi: tuple[float, float] | None) -> tuple[int, int]:
    """As JFIF stores it; 0 for unknown."""
    across, down = (min(65535, max(1, round(side))) for side in dpi) if dpi else (0, 0)
    return across, down


def tiff(
    samples: NDArray[Any],
    model: ColourModel,
    icc: bytes | None,
    metadata: Metadata,
) -> tuple[bytes, tuple[str, ...]]:
    """A TIFF file of (H, W, C or C+1) samples of any depth, alpha last and straight; and notes."""
    has_alpha = samples.shape[2] > model.value
    plain = samples[..., 0] if samples.shape[2] == 1 else samples
    extra = ((_XMP_TAG, 1, metadata.xmp), (_IPTC_TAG, 7, metadata.iptc))
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        np.ascontiguousarray(plain),
        photometric=_PHOTOMETRIC[model],
        planarconfig="contig" if samples.shape[2] > 1 else None,
        extrasamples=["unassalpha"] if has_alpha else None,
        compression="adobe_deflate",
        predictor=True,
        metadata=None,
        software=False,
        iccprofile=icc,
        resolution=metadata.dpi,
        resolutionunit="inch" if metadata.dpi else None,
        extratags=[(tag, kind, len(value), value, True) for tag, kind, value in extra if value],
    )
    data = file.getvalue()
    if metadata.exif is None:
        return data, ()
    try:
        return _with_tags(data, exif_block.descriptive(metadata.exif)), ()
    except ifd.BadDirectory:
        return data, ("The EXIF block is damaged and was left out.",)


def _with_tags(data: bytes, added: ifd.Directory) -> bytes:
    """A TIFF file with more tags: a longer directory at its end replaces the first one."""
    layout, offset = ifd.header(data)
    old = ifd.parse(data, offset, layout)
    merged = ifd.Directory(added.entries | old.entries, added.children | old.children)
    data += b"\0" * (-len(data) % 16)
    width, where = (8, 8) if layout.big else (4, 4)
    endian = "little" if layout.order == "<" else "big"
    pointer = len(data).to_bytes(width, endian)
    appended = ifd.serialise(merged, len(data), layout)
    return data[:where] + pointer + data[where + width :] + appended
