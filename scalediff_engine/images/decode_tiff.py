"""TIFF files to pictures, through tifffile: any depth, palette, CMYK, planes, both kinds of alpha.

Source: TIFF 6.0; Adobe Photoshop TIFF technical notes (extra samples).
"""

from __future__ import annotations

import io
import math
from typing import Any, BinaryIO, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile, TiffFileError, TiffPage

from scalediff_engine.base.geometry import Size
from scalediff_engine.images import exif as exif_block
from scalediff_engine.images.colour import lab_to_srgb
from scalediff_engine.images.exif import Orientation
from scalediff_engine.images.formats import Loaded, Probe, UnsupportedFormat, shown
from scalediff_engine.images.picture import (
    ColourModel,
    Depth,
    Metadata,
    Picture,
    Pixels,
    converted,
    to_float,
)

_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _SEPARATED, _YCBCR = 0, 1, 2, 3, 5, 6
_CIELAB, _ICCLAB, _LOGL, _LOGLUV = 8, 9, 32844, 32845
_MODELS = {
    _MINISWHITE: ColourModel.GREY,
    _MINISBLACK: ColourModel.GREY,
    _RGB: ColourModel.RGB,
    _PALETTE: ColourModel.RGB,
    _SEPARATED: ColourModel.CMYK,
    _YCBCR: ColourModel.RGB,  # tifffile converts it while decoding JPEG, libtiff the rest
    _CIELAB: ColourModel.RGB,
    _ICCLAB: ColourModel.RGB,
    _LOGL: ColourModel.RGB,
    _LOGLUV: ColourModel.RGB,
}
_LOG_ENCODED = {
    _LOGL: "Its LogL values were converted to 8-bit sRGB; values above white were clipped.",
    _LOGLUV: "Its LogLuv colours were converted to 8-bit sRGB; values above white were clipped.",
}
_UNREAD = {
    4: "a transparency mask",
    10: "ITULab colours",
    32803: "the sensor data of a camera (CFA)",
    34892: "the linear sensor data of a camera (LinearRaw)",
    51177: "a depth map",
}
_JPEG_COMPRESSIONS = (6, 7, 33007, 34892)
# NewSubfileType: a reduced version of another page, a transparency mask of another page
_NOT_THE_PICTURE = 0b101
_ASSOCIATED, _UNASSOCIATED = 1, 2
_MAX_SAMPLES_PER_PIXEL = 64
_CM_PER_INCH = 2.54
_D65_X, _SAME_WHITE = 0.3127, 0.01  # D50 is at 0.3457


class _Layout(NamedTuple):
    """What the samples of a pixel are: colours first, perhaps alpha, perhaps others."""

    model: ColourModel
    colours: int
    alpha_at: int | None
    associated: bool
    notes: tuple[str, ...]
    by_libtiff: bool = False


def probe(file: BinaryIO) -> Probe:
    """Read the first picture's tags.

    Raises:
        UnsupportedFormat: a kind that is not read; and whatever tifffile raises at damaged files.
    """
    with TiffFile(file) as tiff:
        page, notes = _main_picture(tiff)
        layout = _layout(page)
        orientation = _orientation(page)
        return Probe(
            size=shown(Size(int(page.imagewidth), int(page.imagelength)), orientation),
            depth=Depth.U8 if layout.by_libtiff else _depth(page),
            model=layout.model,
            has_alpha=layout.alpha_at is not None,
            format_name="TIFF",
            orientation=orientation,
            icc=_profile(page, layout),
            dpi=_dpi(page),
            xmp=_bytes_tag(page, 700),
            notes=notes + layout.notes,
        )


def load(data: bytes) -> tuple[Loaded, Orientation]:
    """Decode the first picture of a file; orientation not yet applied, but returned.

    Raises:
        UnsupportedFormat: a kind that is not read; and whatever tifffile and its decoders raise at
            damaged files.
    """
    with TiffFile(io.BytesIO(data)) as tiff:
        page, notes = _main_picture(tiff)
        layout = _layout(page)
        _require_segments(page, len(data))
        if layout.by_libtiff:
            floats, depth = to_float(_by_libtiff(data, tiff, page))
        else:
            floats, depth, more = _samples(page)
            notes += more
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
            exif=exif_block.from_tiff(data, int(page.offset)),
            xmp=_bytes_tag(page, 700),
            dpi=_dpi(page),
        )
        icc = _profile(page, layout)
        picture = Picture(pixels, alpha, depth, icc, metadata)
        return Loaded(picture, "TIFF", notes + layout.notes), _orientation(page)


def _main_picture(tiff: TiffFile) -> tuple[TiffPage, tuple[str, ...]]:
    """The first page that is neither a thumbnail nor a mask; of thumbnails alone, the first."""
    pages = [page for page in tiff.pages if isinstance(page, TiffPage)]
    if not pages:
        raise TiffFileError("no first page")
    candidates = [*pages]
    if _is_secondary(pages[0]):  # cameras keep the full picture in a sub-directory
        candidates += [page for page in pages[0].pages or () if isinstance(page, TiffPage)]
    full = [page for page in candidates if not _is_secondary(page)]
    if not full:
        return pages[0], ()
    note = (f"It has {len(full)} pages; only the first was read.",) if len(full) > 1 else ()
    return full[0], note


def _is_secondary(page: TiffPage) -> bool:
    return bool(int(page.subfiletype) & _NOT_THE_PICTURE)


def _layout(page: TiffPage) -> _Layout:
    photometric, samples = int(page.photometric or 0), int(page.samplesperpixel)
    model = _MODELS.get(photometric)
    if model is None:
        kind = _UNREAD.get(photometric, f"colors of an unknown kind (photometric {photometric})")
        raise UnsupportedFormat(f"a TIFF file with {kind}")
    raw_ycbcr = photometric == _YCBCR and int(page.compression) not in _JPEG_COMPRESSIONS
    if raw_ycbcr or photometric in _LOG_ENCODED:
        note = _LOG_ENCODED.get(photometric)
        notes = () if note is None else (note,)
        return _Layout(model, model.value, None, False, notes, by_libtiff=True)
    if photometric in (_CIELAB, _ICCLAB) and (page.dtype is None or page.dtype.kind != "u"):
        raise UnsupportedFormat("a TIFF file with CIELab colours that are not unsigned integers")
    colours = 1 if photometric == _PALETTE else model.value
    if not colours <= samples <= _MAX_SAMPLES_PER_PIXEL or page.imagedepth != 1:
        raise UnsupportedFormat(f"a TIFF file with {samples} samples a pixel instead of {colours}")
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


def _by_libtiff(data: bytes, tiff: TiffFile, page: TiffPage) -> NDArray[np.uint8]:
    """(H, W, 3) sRGB of colour encodings that only libtiff converts; not turned upright."""
    turned = page.tags.get(274)
    if turned is not None:  # libtiff would apply half of it
        order: Any = "little" if tiff.byteorder == "<" else "big"
        at, upright = int(turned.valueoffset), (1).to_bytes(2, order)
        data = data[:at] + upright + data[at + 2 :]
    rgba: Any = imagecodecs.tiff_decode(data, index=_directory(tiff, page), asrgb=True)
    if rgba.shape[:2] != (page.imagelength, page.imagewidth):
        raise TiffFileError(f"libtiff reads {rgba.shape[1]}x{rgba.shape[0]} pixels")
    return rgba[..., :3]


def _directory(tiff: TiffFile, page: TiffPage) -> int:
    """The index of a page; a sub-directory has none."""
    for index, other in enumerate(tiff.pages):
        if other.offset == page.offset:
            return index
    raise UnsupportedFormat("a TIFF file with its full picture in a sub-directory")


def _samples(page: TiffPage) -> tuple[Pixels, Depth, tuple[str, ...]]:
    """(H, W, samples) as floats; a palette is already resolved."""
    if page.dtype is None:
        raise UnsupportedFormat("a TIFF file with samples of an unknown type")
    stored: NDArray[Any] = np.asarray(page.asarray())
    # tifffile: (separate samples, depth, height, width, contiguous samples)
    stored = stored.reshape(page.shaped)[:, 0]
    separate, height, width, contiguous = stored.shape
    stored = np.moveaxis(stored, 0, 2).reshape(height, width, separate * contiguous)
    if page.photometric == _PALETTE:
        return *_through_palette(page, stored), ()
    if page.photometric in (_CIELAB, _ICCLAB):
        floats, depth = to_float(stored)
        floats[..., :3] = lab_to_srgb(_lab(page, stored[..., :3]), d65=_is_d65(page))
        return floats, depth, ("Its CIELab colours were converted to sRGB.",)
    return converted(stored, bits=int(page.bitspersample))


def _lab(page: TiffPage, stored: NDArray[Any]) -> Pixels:
    """(H, W, 3) L* 0..100, a* and b* from the two ways of storing them."""
    bits = stored.dtype.itemsize * 8
    per_unit = float(2 ** (bits - 8))
    if page.photometric == _ICCLAB:  # offset binary; 16 bits end at 0xFF00
        lightness = stored[..., :1] * (100.0 / (255.0 * per_unit))
        colours = stored[..., 1:] / per_unit - 128.0
    else:  # two's complement
        lightness = stored[..., :1] * (100.0 / (2**bits - 1))
        colours = stored[..., 1:].astype(f"i{bits // 8}") / per_unit
    return np.concatenate([lightness, colours], axis=2).astype(np.float32)


def _is_d65(page: TiffPage) -> bool:
    """Whether the WhitePoint tag says D65; CIELab is otherwise relative to D50."""
    value: Any = page.tags.valueof(318)
    if not isinstance(value, tuple) or len(value) != 4 or not value[1]:
        return False
    return abs(value[0] / value[1] - _D65_X) < _SAME_WHITE


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


def _profile(page: TiffPage, layout: _Layout) -> bytes | None:
    """The ICC profile, unless it describes an encoding that is not kept."""
    if layout.by_libtiff or page.photometric in (_CIELAB, _ICCLAB):
        return None
    return _bytes_tag(page, 34675)


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
