"""Encode a picture and write it in the format that its name says, whole or not at all."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from scalediff_engine.base import files
from scalediff_engine.base.errors import OutputError, UsageError
from scalediff_engine.images import exif, jpeg_segments, png, recipe
from scalediff_engine.images import exif as exif_block
from scalediff_engine.images.colour import model_of, to_srgb
from scalediff_engine.images.formats import Format, require_size, written_format
from scalediff_engine.images.picture import (
    ColourModel,
    Depth,
    Metadata,
    Picture,
    Text,
    dithered_u8,
    from_float,
)
from scalediff_engine.images.recipe import with_recipe

Notes = tuple[str, ...]


@dataclass(frozen=True)
class Encoded:
    """A file's bytes, and a sentence for each thing that the format could not hold."""

    data: bytes
    notes: Notes


def write(
    picture: Picture,
    path: Path,
    *,
    overwrite: bool = False,
    quality: int | None = None,
    recipe: str | None = None,
) -> Notes:
    """Write ``picture`` in the format of the extension of ``path``.

    The file appears whole or not at all; see :func:`files.write_whole`.

    Args:
        picture: what to write
        path: ends in an extension of :class:`Format`
        overwrite: whether a file that is there may be replaced
        quality: 1..100 for JPEG (92 unless given) and WebP (unless given, 92 for what was read
            from a lossy one, else lossless)
        recipe: a JSON object to embed; see :mod:`recipe`

    Returns:
        a sentence for each thing that the format could not hold

    Raises:
        OutputExists: there is a file already and not ``overwrite``.
        DiskFull: no space left.
        OutputError: another reason that the file cannot be written, such as a format that we do
            not write or a picture too large for it.
        UsageError: ``quality`` outside 1..100.
    """
    form = written_format(path)
    if form is None:
        names = ", ".join(one.extensions[0] for one in Format)
        raise OutputError(f"{path} has an extension that cannot be written; use one of {names}.")
    files.require_writable(path, overwrite=overwrite)
    encoded = encode_picture(picture, form, quality=quality, recipe=recipe)
    files.write_whole(path, encoded.data, overwrite=overwrite)
    return encoded.notes


def encode_picture(
    picture: Picture, form: Format, *, quality: int | None = None, recipe: str | None = None
) -> Encoded:
    """The bytes that :func:`write` writes.

    Raises:
        OutputError: the picture is too large for the format.
        UsageError: ``quality`` outside 1..100.
    """
    if quality is not None and not 1 <= quality <= 100:
        raise UsageError(f"The quality is {quality} and must be within 1..100.")
    require_size(form, picture.size)
    picture, notes = _fitting_colours(picture, form)
    picture, more = _without_alpha(picture, form)
    notes += more
    samples, more = _samples(picture, form)
    notes += more
    metadata, more = _metadata(picture, recipe)
    notes += more
    notes += _left_out(metadata, form)
    data, more = _encoded(samples, picture, metadata, form, quality)
    return Encoded(data, notes + more)


def _encoded(
    samples: NDArray[Any],
    picture: Picture,
    metadata: Metadata,
    form: Format,
    quality: int | None,
) -> tuple[bytes, Notes]:
    match form:
        case Format.PNG:
            return encode_png(samples, picture.icc, metadata), ()
        case Format.WEBP:
            return encode_webp(samples, picture.icc, metadata, quality), ()
        case Format.JPEG:
            return encode_jpeg(samples, picture.icc, metadata, quality)
        case Format.TIFF:
            return encode_tiff(samples, picture.model, picture.icc, metadata)


def _fitting_colours(picture: Picture, form: Format) -> tuple[Picture, Notes]:
    """In a colour model of the format; a profile that does not describe it any more goes."""
    if picture.model in form.abilities.models:
        return picture, ()
    converted = replace(picture, pixels=to_srgb(picture), icc=None)
    if picture.model is ColourModel.CMYK:
        return converted, (f"{form.value.upper()} cannot hold CMYK: it was converted to sRGB.",)
    if picture.icc is not None and model_of(picture.icc) is ColourModel.RGB:
        pixels = np.repeat(picture.pixels, 3, axis=2)
        return replace(picture, pixels=pixels), ()
    return converted, ()


def _without_alpha(picture: Picture, form: Format) -> tuple[Picture, Notes]:
    if picture.alpha is None or form.abilities.alpha:
        return picture, ()
    paper = 0.0 if picture.model is ColourModel.CMYK else 1.0
    cover = picture.alpha[..., None]
    pixels = picture.pixels * cover + np.float32(paper) * (1 - cover)
    note = f"{form.value.upper()} cannot hold transparency: it was flattened onto white."
    flat = replace(picture, pixels=pixels, alpha=None)
    return flat, () if bool((cover >= 1).all()) else (note,)


def _samples(picture: Picture, form: Format) -> tuple[NDArray[Any], Notes]:
    """(H, W, C or C+1) samples of a depth that the format holds, alpha last."""
    depths = form.abilities.depths
    depth = picture.depth
    if depth not in depths:
        depth = Depth.U16 if Depth.U16 in depths else Depth.U8
    notes: Notes = ()
    if depth is not picture.depth:
        notes += (
            f"{form.value.upper()} cannot hold {_spoken(picture.depth)} samples: "
            f"they were reduced to {_spoken(depth)}.",
        )
    if picture.depth.is_float and not depth.is_float and _exceeds(picture.pixels):
        notes += ("Values below 0 or above 1 were clipped.",)
    reduced = depth is Depth.U8 and picture.depth is not Depth.U8
    samples = dithered_u8(picture.pixels) if reduced else from_float(picture.pixels, depth)
    if picture.alpha is None:
        return samples, notes
    alpha = from_float(picture.alpha, depth)
    return np.concatenate([samples, alpha[..., None]], axis=2), notes


def _exceeds(pixels: NDArray[np.float32]) -> bool:
    return bool(pixels.min() < 0.0 or pixels.max() > 1.0)


def _spoken(depth: Depth) -> str:
    return {
        Depth.U8: "8-bit",
        Depth.U16: "16-bit",
        Depth.F16: "16-bit float",
        Depth.F32: "32-bit float",
    }[depth]


def _metadata(picture: Picture, recipe: str | None) -> tuple[Metadata, Notes]:
    metadata, notes = picture.metadata, ()
    if metadata.exif is not None:
        metadata = replace(metadata, exif=exif.with_size(metadata.exif, picture.size))
    if metadata.exif is not None:
        metadata = replace(metadata, exif=exif.without_thumbnail(metadata.exif))
    if metadata.xmp is not None:
        metadata = replace(metadata, xmp=exif.without_xmp_thumbnails(metadata.xmp))
    if recipe is not None:
        xmp, notes = with_recipe(metadata.xmp, recipe)
        metadata = replace(metadata, xmp=xmp)
    return metadata, notes


def _left_out(metadata: Metadata, form: Format) -> Notes:
    """Say what of the metadata a format has no place for."""
    name, notes = form.value.upper(), ()
    lost = [text for text in metadata.texts if text != comment_of(metadata)]
    if form in (Format.WEBP, Format.TIFF):
        lost = list(metadata.texts)
    if lost and form is not Format.PNG:
        names = ", ".join(dict.fromkeys(text.keyword for text in lost))
        notes += (f"{name} cannot hold the text of the source ({names}): it was left out.",)
    if metadata.iptc and form in (Format.PNG, Format.WEBP):
        notes += (f"{name} cannot hold IPTC data: they were left out.",)
    unlike = [chunk for chunk in metadata.colour_chunks if not png.says_srgb(chunk)]
    if unlike and form is not Format.PNG:
        names = ", ".join(chunk.name.decode() for chunk in unlike)
        notes += (f"{name} cannot hold the PNG's description of its colours ({names}).",)
    return notes


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


def encode_png(samples: NDArray[Any], icc: bytes | None, metadata: Metadata) -> bytes:
    """A PNG file of (H, W, 1 to 4) uint8 or uint16 samples: grey or RGB, then perhaps alpha."""
    plain = samples[..., 0] if samples.shape[2] == 1 else samples
    encoded = imagecodecs.png_encode(np.ascontiguousarray(plain), level=_PNG_LEVEL)
    return png.with_metadata(bytes(encoded), icc, metadata)


def encode_webp(
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


def encode_jpeg(
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


def encode_tiff(
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
    except exif.BadDirectory:
        return data, ("The EXIF block is damaged and was left out.",)


def _with_tags(data: bytes, added: exif.Directory) -> bytes:
    """A TIFF file with more tags: a longer directory at its end replaces the first one."""
    layout, offset = exif.header(data)
    old = exif.parse(data, offset, layout)
    merged = exif.Directory(added.entries | old.entries, added.children | old.children)
    data += b"\0" * (-len(data) % 16)
    width, where = (8, 8) if layout.big else (4, 4)
    endian = "little" if layout.order == "<" else "big"
    pointer = len(data).to_bytes(width, endian)
    appended = exif.serialise(merged, len(data), layout)
    return data[:where] + pointer + data[where + width :] + appended
