"""Formats by name and content: what each can hold, what is not read, and what a probe reports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePath

from scalediff_engine.base.errors import OutputError, PictureTooLarge, UnreadablePicture
from scalediff_engine.base.geometry import Size
from scalediff_engine.images.exif import Orientation
from scalediff_engine.images.picture import ColourModel, Depth, Picture


class Format(Enum):
    """A format that we write; the value is its name on the command line."""

    PNG = "png"
    WEBP = "webp"
    JPEG = "jpeg"
    TIFF = "tiff"

    @property
    def extensions(self) -> tuple[str, ...]:
        """Lower-case extensions with their dot, the usual one first."""
        return _ABILITIES[self].extensions

    @property
    def has_quality(self) -> bool:
        """Whether a quality can be asked for."""
        return self in (Format.WEBP, Format.JPEG)

    @property
    def abilities(self) -> Abilities:
        """What the format can hold."""
        return _ABILITIES[self]


@dataclass(frozen=True)
class Abilities:
    """What a format can hold.

    Attributes:
        extensions: lower-case, with the dot, the usual one first
        depths: sample depths that are written as they are
        models: colour models that are written as they are
        alpha: whether transparency is kept
        lossless: whether pixels come back bit for bit (WebP: unless a quality is asked for)
        max_side_px: the longest side that the format (or its library) allows
        bytes_per_pixel: of a photograph with 8 bits a channel, on average (measured)
    """

    extensions: tuple[str, ...]
    depths: frozenset[Depth]
    models: frozenset[ColourModel]
    alpha: bool
    lossless: bool
    max_side_px: int
    bytes_per_pixel: float


_GREY_RGB = frozenset({ColourModel.GREY, ColourModel.RGB})
_ABILITIES = {
    Format.PNG: Abilities(
        extensions=(".png",),
        depths=frozenset({Depth.U8, Depth.U16}),
        models=_GREY_RGB,
        alpha=True,
        lossless=True,
        max_side_px=1_000_000,  # libpng's own limit
        bytes_per_pixel=1.6,
    ),
    Format.WEBP: Abilities(
        extensions=(".webp",),
        depths=frozenset({Depth.U8}),
        models=frozenset({ColourModel.RGB}),
        alpha=True,
        lossless=True,
        max_side_px=16_383,
        bytes_per_pixel=1.2,
    ),
    Format.JPEG: Abilities(
        extensions=(".jpg", ".jpeg", ".jpe", ".jfif"),
        depths=frozenset({Depth.U8}),
        models=frozenset(ColourModel),
        alpha=False,
        lossless=False,
        max_side_px=65_500,  # libjpeg's own limit
        bytes_per_pixel=0.4,
    ),
    Format.TIFF: Abilities(
        extensions=(".tif", ".tiff"),
        depths=frozenset(Depth),
        models=frozenset(ColourModel),
        alpha=True,
        lossless=True,
        max_side_px=2**31 - 1,
        bytes_per_pixel=1.7,
    ),
}

READ_ONLY_EXTENSIONS = frozenset(
    {
        *(".bmp", ".dib", ".gif", ".tga", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
        *(".pcx", ".sgi", ".rgb", ".qoi", ".avif"),
    }
)


_WRITTEN = {extension: form for form in Format for extension in form.extensions}


def format_of(extension: str) -> Format | None:
    """The format that an extension, with its dot, names, or None if we do not write that one."""
    return _WRITTEN.get(extension.lower())


def written_format(path: PurePath) -> Format | None:
    """The format that the extension of ``path`` names, or None if we do not write that one."""
    return format_of(path.suffix)


def is_picture(path: PurePath) -> bool:
    """Whether the extension is one that we read; the file itself is not looked at."""
    return written_format(path) is not None or path.suffix.lower() in READ_ONLY_EXTENSIONS


def format_for(path: Path) -> Format:
    """The format of a result whose input is ``path``: the same if we write it, else PNG."""
    return written_format(path) or Format.PNG


def require_size(form: Format, size: Size) -> None:
    """Pass if ``form`` can hold a picture of ``size`` pixels; ask before the work, not after.

    Raises:
        OutputError: a side is longer than the format allows.
    """
    limit_px = form.abilities.max_side_px
    if max(size) > limit_px:
        raise OutputError(
            f"{form.value.upper()} holds at most {limit_px} pixels a side and the result has "
            f"{size}; TIFF would work."
        )


_BY_EXTENSION = {
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIC"),
    ".jxl": "JPEG XL",
    **dict.fromkeys((".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"), "JPEG 2000"),
    **dict.fromkeys((".jxr", ".wdp", ".hdp"), "JPEG XR"),
    **dict.fromkeys((".psd", ".psb"), "Photoshop"),
    ".exr": "OpenEXR",
    ".hdr": "Radiance HDR",
    ".xcf": "GIMP",
    ".kra": "Krita",
    ".ora": "OpenRaster",
    ".clip": "Clip Studio",
    ".svg": "SVG",
    **dict.fromkeys((".ico", ".cur"), "icon"),
    ".dds": "DDS",
    ".dpx": "DPX",
    **dict.fromkeys((".fits", ".fit"), "FITS"),
    **dict.fromkeys(
        (".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".pef", ".srw"),
        "camera raw",
    ),
}
_BY_START = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"8BPS", "Photoshop"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"gimp xcf", "GIMP"),
    (b"CSFCHUNK", "Clip Studio"),
    (b"<svg", "SVG"),
    (b"%PDF", "PDF"),
    (b"\0\0\x01\0", "icon"),
    (b"DDS ", "DDS"),
    (b"SDPX", "DPX"),
    (b"XPDS", "DPX"),
    (b"SIMPLE  =", "FITS"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
)
_BY_BRAND = {
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"
    ),
    b"crx ": "camera raw",
    b"jp2 ": "JPEG 2000",
    b"jxl ": "JPEG XL",
}


def by_name(name: str) -> str | None:
    """The format that a file's extension names, or None if it is no picture that we know."""
    return _BY_EXTENSION.get(PurePath(name).suffix.lower())


def by_content(start: bytes) -> str | None:
    """The format of a file that begins like this, or None; 16 bytes are enough."""
    if start[4:8] == b"ftyp":
        return _BY_BRAND.get(start[8:12])
    return next((name for mark, name in _BY_START if start.startswith(mark)), None)


def refusal(name: str) -> str | None:
    """Why a file of this name is left out of a folder's pictures; None if it is no picture."""
    form = by_name(name)
    return form and f"{form} files are not supported; convert them to PNG or TIFF first."


class UnsupportedFormat(ValueError):
    """A sound file of a kind that is not read; the words name it: "a HEIC picture"."""


@dataclass(frozen=True)
class Probe:
    """What the header says; no pixel was decoded for it.

    Attributes:
        size: as the picture is meant to be seen, orientation applied
        depth: how the picture will be held, and how its result will be written
        model: grey, RGB or CMYK (palettes count as RGB)
        has_alpha: whether there is transparency
        format_name: upper-case, such as "PNG"
        orientation: what reading will undo
        icc: the embedded colour profile
        dpi: horizontal, vertical
        xmp: the XMP packet, which may hold a recipe
        notes: a sentence for each thing in the file that the picture will not hold
    """

    size: Size
    depth: Depth
    model: ColourModel
    has_alpha: bool
    format_name: str
    orientation: Orientation = Orientation.UPRIGHT
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    xmp: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """A picture, its file's format and a sentence for each thing that it left behind."""

    picture: Picture
    format_name: str
    notes: tuple[str, ...] = ()


def require_area(size: Size, max_pixels: int, name: object) -> None:
    """Pass if ``size`` is not empty and within the limit; call it before decoding.

    Raises:
        UnreadablePicture: no pixels.
        PictureTooLarge: more than ``max_pixels``.
    """
    if min(size) < 1:
        raise UnreadablePicture(f"{name} has no pixels: its header says {size}.")
    if size.area > max_pixels:
        raise PictureTooLarge(
            f"{name} is {size}, {size.area / 1e6:.0f} million pixels; "
            f"the limit is {max_pixels / 1e6:g} million."
        )


def shown(size: Size, orientation: Orientation) -> Size:
    """``size`` of the stored rows and columns as it is after applying ``orientation``."""
    return Size(size.height, size.width) if orientation.swaps_sides else size
