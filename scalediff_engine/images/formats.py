"""The four formats that are written: what each can hold, and which files are pictures."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePath

from scalediff_engine.base.errors import OutputError
from scalediff_engine.base.geometry import Size
from scalediff_engine.images.picture import ColourModel, Depth


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
