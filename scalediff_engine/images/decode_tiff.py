"""TIFF files to pictures, through tifffile: any depth, palette, CMYK, planes, both kinds of alpha.

Source: TIFF 6.0; Adobe Photoshop TIFF technical notes (extra samples).
"""

from __future__ import annotations

import io
import logging
import math
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile, TiffFileError, TiffPage

from scalediff_engine.geometry import Size
from scalediff_engine.images import exif as exif_block
from scalediff_engine.images.exif import Orientation
from scalediff_engine.images.picture import ColourModel, Depth, Metadata, Picture, Pixels
from scalediff_engine.images.probe import Loaded, Probe, shown
from scalediff_engine.images.samples import to_float

_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _SEPARATED, _YCBCR = 0, 1, 2, 3, 5, 6
_MODELS = {
    _MINISWHITE: ColourModel.GREY,
    _MINISBLACK: ColourModel.GREY,
    _RGB: ColourModel.RGB,
    _PALETTE: ColourModel.RGB,
    _SEPARATED: ColourModel.CMYK,
    _YCBCR: ColourModel.RGB,  # tifffile converts it while decoding
}
_JPEG_COMPRESSIONS = (6, 7, 33007, 34892)
_ASSOCIATED, _UNASSOCIATED = 1, 2
_MAX_SAMPLES_PER_PIXEL = 64
_CM_PER_INCH = 2.54


class UnsupportedTiff(ValueError):
    """A kind of TIFF that is no picture to us."""


class _Layout(NamedTuple):
    """What the samples of a pixel are: colours first, perhaps alpha, perhaps others."""

    model: ColourModel
    colours: int
    alpha_at: int | None
    associated: bool
    notes: tuple[str, ...]


def probe(file: BinaryIO) -> Probe:
    """Read the first picture's tags.

    Raises:
        UnsupportedTiff: a kind that is not read; and whatever tifffile raises at damaged files.
    """
    _hush()
    with TiffFile(file) as tiff:
        page, notes = _first_picture(tiff)
        layout = _layout(page)
        orientation = _orientation(page)
        return Probe(
            size=shown(Size(int(page.imagewidth), int(page.imagelength)), orientation),
            depth=_depth(page),
            model=layout.model,
            has_alpha=layout.alpha_at is not None,
            format_name="TIFF",
            orientation=orientation,
            icc=_bytes_tag(page, 34675),
            dpi=_dpi(page),
            xmp=_bytes_tag(page, 700),
            notes=notes + layout.notes,
        )


def load(data: bytes) -> tuple[Loaded, Orientation]:
    """Decode the first picture of a file; orientation not yet applied, but returned.

    Raises:
        UnsupportedTiff: a kind that is not read; and whatever tifffile and its decoders raise at
            damaged files.
    """
    _hush()
    with TiffFile(io.BytesIO(data)) as tiff:
        page, notes = _first_picture(tiff)
        layout = _layout(page)
        _require_segments(page, len(data))
        floats, depth = _samples(page)
        pixels = np.ascontiguousarray(floats[..., : layout.colours])
        alpha = None
        if layout.alpha_at is not None:
            alpha = np.clip(floats[..., layout.alpha_at], 0.0, 1.0)
        del floats
        if page.photometric == _MINISWHITE:
            np.subtract(1.0, pixels, out=pixels)
        if alpha is not None and layout.associated:
            pixels = _straightened(pixels, alpha, depth)
        metadata = Metadata(
            exif=exif_block.from_tiff(data), xmp=_bytes_tag(page, 700), dpi=_dpi(page)
        )
        picture = Picture(pixels, alpha, depth, _bytes_tag(page, 34675), metadata)
        return Loaded(picture, "TIFF", notes + layout.notes), _orientation(page)


def _hush() -> None:
    """Keep tifffile's complaints about odd tags out of stderr; a configured log still has them."""
    log = logging.getLogger("tifffile")
    if not log.handlers:
        log.addHandler(logging.NullHandler())


def _first_picture(tiff: TiffFile) -> tuple[TiffPage, tuple[str, ...]]:
    pages = len(tiff.pages)
    page = tiff.pages[0]
    if not isinstance(page, TiffPage):
        raise TiffFileError("no first page")
    if pages > 1:
        return page, (f"It has {pages} pages; only the first was read.",)
    return page, ()


def _layout(page: TiffPage) -> _Layout:
    photometric, samples = int(page.photometric or 0), int(page.samplesperpixel)
    model = _MODELS.get(photometric)
    if model is None:
        raise UnsupportedTiff(f"its colours are stored in a way that is not read ({photometric})")
    if photometric == _YCBCR and int(page.compression) not in _JPEG_COMPRESSIONS:
        raise UnsupportedTiff("YCbCr colours without JPEG compression are not read")
    colours = 1 if photometric == _PALETTE else model.value
    if not colours <= samples <= _MAX_SAMPLES_PER_PIXEL or page.imagedepth != 1:
        raise UnsupportedTiff(f"it has {samples} samples a pixel and needs {colours}")
    return _with_extras(model, colours, samples, _extra_kinds(page, samples - colours))


def _extra_kinds(page: TiffPage, extras: int) -> tuple[int, ...]:
    """What the tag says of each extra sample; nothing said of a single one means alpha."""
    tag = page.tags.get(338)
    if tag is None:
        return (_UNASSOCIATED,) if extras == 1 else (0,) * extras
    value: Any = tag.value
    kinds = tuple(int(v) for v in value) if isinstance(value, tuple) else (int(value),)
    return (kinds + (0,) * extras)[:extras]


def _with_extras(model: ColourModel, colours: int, samples: int, kinds: tuple[int, ...]) -> _Layout:
    known = (_ASSOCIATED, _UNASSOCIATED, 999)  # 999: Corel Draw's own for alpha
    alpha = next((i for i, kind in enumerate(kinds) if kind in known), None)
    dropped = samples - colours - (alpha is not None)
    notes = (f"{dropped} extra channel(s) of unknown meaning were left out.",) if dropped else ()
    return _Layout(
        model=model,
        colours=model.value,
        alpha_at=None if alpha is None else model.value + alpha,
        associated=alpha is not None and kinds[alpha] == _ASSOCIATED,
        notes=notes,
    )


def _depth(page: TiffPage) -> Depth:
    if page.photometric == _PALETTE:
        return _palette_depth(page)
    dtype = np.dtype(page.dtype)
    if dtype.kind == "f":
        return Depth.F16 if dtype.itemsize == 2 else Depth.F32
    bits = min(int(page.bitspersample), dtype.itemsize * 8)
    return Depth.U8 if bits <= 8 else Depth.U16 if bits <= 16 else Depth.F32


def _require_segments(page: TiffPage, file_bytes: int) -> None:
    """Refuse a file whose strips or tiles are missing or end beyond it: they would read as 0."""
    offsets, counts, needed = page.dataoffsets, page.databytecounts, math.prod(page.chunked)
    contiguous = len(offsets) == 1 and page.is_contiguous  # strips that lie in one piece
    if len(offsets) != len(counts) or (len(offsets) != needed and not contiguous):
        raise TiffFileError(f"{len(offsets)} of the {needed} parts of its pixels are in it")
    for offset, count in zip(offsets, counts, strict=True):
        if count <= 0 or offset <= 0:
            raise TiffFileError("a part of its pixels was never written")
        if offset + count > file_bytes:
            raise TiffFileError(f"its pixels end at byte {offset + count} of {file_bytes}")


def _samples(page: TiffPage) -> tuple[Pixels, Depth]:
    """(H, W, samples) as floats; a palette is already resolved."""
    if page.dtype is None:
        raise UnsupportedTiff("the type of its samples is unknown")
    stored: NDArray[Any] = np.asarray(page.asarray())
    # tifffile: (separate samples, depth, height, width, contiguous samples)
    stored = stored.reshape(page.shaped)[:, 0]
    separate, height, width, contiguous = stored.shape
    stored = np.moveaxis(stored, 0, 2).reshape(height, width, separate * contiguous)
    if page.photometric == _PALETTE:
        return _through_palette(page, stored)
    return to_float(stored, bits=int(page.bitspersample))


def _palette(page: TiffPage) -> NDArray[np.uint16]:
    colours = page.colormap
    if colours is None or colours.ndim != 2 or colours.shape[0] != 3:
        raise TiffFileError("its palette is missing")
    palette = np.asarray(colours).astype(np.uint16)
    return palette * np.uint16(257) if palette.max() < 256 else palette  # old 8-bit palettes


def _palette_depth(page: TiffPage) -> Depth:
    palette = _palette(page)
    low, high = palette & 0xFF, palette >> 8
    return Depth.U8 if bool(np.all((low == high) | (low == 0))) else Depth.U16


def _through_palette(page: TiffPage, stored: NDArray[Any]) -> tuple[Pixels, Depth]:
    palette, depth = _palette(page), _palette_depth(page)
    indices = stored[..., 0]
    if int(indices.max(initial=0)) >= palette.shape[1]:
        raise TiffFileError("a pixel is beyond the palette")
    table = (palette >> 8).astype(np.uint8) if depth is Depth.U8 else palette
    colours, _ = to_float(table.T[indices])
    if stored.shape[2] > 1:
        extras, _ = to_float(stored[..., 1:])
        colours = np.concatenate([colours, extras], axis=2)
    return colours, depth


def _straightened(pixels: Pixels, alpha: Pixels, depth: Depth) -> Pixels:
    """Divide associated colours by their alpha; where it is 0 there is no colour: black."""
    straight = np.divide(
        pixels, alpha[..., None], out=np.zeros_like(pixels), where=alpha[..., None] > 0
    )
    return straight if depth.is_float else np.clip(straight, 0.0, 1.0)


def _orientation(page: TiffPage) -> Orientation:
    value: Any = page.tags.valueof(274, 1)
    if isinstance(value, int) and 1 <= value <= 8:
        return Orientation(value)
    return Orientation.UPRIGHT


def _bytes_tag(page: TiffPage, code: int) -> bytes | None:
    value: Any = page.tags.valueof(code)
    if isinstance(value, str):
        value = value.encode("utf-8")
    return value if isinstance(value, bytes) and value else None


def _dpi(page: TiffPage) -> tuple[float, float] | None:
    across, down = _rational(page, 282), _rational(page, 283)
    unit = int(page.tags.valueof(296, 2))
    if across is None or down is None or unit not in (2, 3):
        return None
    per_inch = _CM_PER_INCH if unit == 3 else 1.0
    return across * per_inch, down * per_inch


def _rational(page: TiffPage, code: int) -> float | None:
    value: Any = page.tags.valueof(code)
    if not isinstance(value, tuple) or len(value) != 2 or not value[0] or not value[1]:
        return None
    return float(value[0]) / float(value[1])
