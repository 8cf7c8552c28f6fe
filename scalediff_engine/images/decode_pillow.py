"""JPEG, WebP and the formats that are only read, through Pillow."""

from __future__ import annotations

import io
import warnings
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PcxImagePlugin,
    PpmImagePlugin,
    QoiImagePlugin,
    SgiImagePlugin,
    TgaImagePlugin,
    WebPImagePlugin,
)

from scalediff_engine.base.geometry import Size
from scalediff_engine.images import exif as exif_block
from scalediff_engine.images import jpeg_segments
from scalediff_engine.images.picture import ColourModel, Depth, Metadata, Picture
from scalediff_engine.images.probe import Loaded, Probe, shown
from scalediff_engine.images.samples import to_float


class _Reader(NamedTuple):
    """How to recognise a format and which of Pillow's classes opens it."""

    name: str
    magic: tuple[bytes, ...]
    opens: type[ImageFile.ImageFile]


# Pillow's classes are called directly, because Image.open() warns about any picture above its own
# global limit and tries formats that start other programs. TGA has no magic and comes last.
_READERS = (
    _Reader("JPEG", (b"\xff\xd8\xff",), JpegImagePlugin.JpegImageFile),
    _Reader("WEBP", (b"RIFF",), WebPImagePlugin.WebPImageFile),
    _Reader("GIF", (b"GIF87a", b"GIF89a"), GifImagePlugin.GifImageFile),
    _Reader("BMP", (b"BM",), BmpImagePlugin.BmpImageFile),
    _Reader(
        "PPM", (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"Pf", b"PF"), PpmImagePlugin.PpmImageFile
    ),
    _Reader("QOI", (b"qoif",), QoiImagePlugin.QoiImageFile),
    _Reader(
        "PCX", (b"\x0a\x00", b"\x0a\x02", b"\x0a\x03", b"\x0a\x05"), PcxImagePlugin.PcxImageFile
    ),
    _Reader("SGI", (b"\x01\xda",), SgiImagePlugin.SgiImageFile),
    _Reader(
        "AVIF",
        (b"\0\0\0\x18ftypavi", b"\0\0\0\x1cftypavi", b"\0\0\0 ftypavi"),
        AvifImagePlugin.AvifImageFile,
    ),
    _Reader("TGA", (b"",), TgaImagePlugin.TgaImageFile),
)


class NotAPicture(ValueError):
    """No format that we know starts like this."""


def probe(file: BinaryIO) -> Probe:
    """Read the header.

    Raises:
        NotAPicture: no known format; and whatever Pillow raises at damaged headers.
    """
    name, image = _opened(file)
    mode, has_alpha, depth = _facts(image)
    orientation = exif_block.orientation(_exif(image))
    return Probe(
        size=shown(Size(*image.size), orientation),
        depth=depth,
        model=mode,
        has_alpha=has_alpha,
        format_name=name,
        orientation=orientation,
        icc=_icc(image),
        dpi=_dpi(image),
        xmp=_xmp(image),
        notes=_notes(name, image),
    )


def load(data: bytes) -> Loaded:
    """Decode a whole file; orientation not yet applied.

    Raises:
        NotAPicture: no known format; and whatever Pillow raises at damaged files.
    """
    name, image = _opened(io.BytesIO(data))
    notes = _notes(name, image)
    xmp = _xmp(image)
    if name == "JPEG":
        jpeg_segments.require_end(data)
        if jpeg_segments.has_extended_xmp(data):
            notes += ("Its XMP goes on in further segments; only the first was kept.",)
    metadata = Metadata(exif=_exif(image), xmp=xmp, dpi=_dpi(image))
    icc = _icc(image)
    model, has_alpha, depth = _facts(image)
    samples = _samples(image, model, has_alpha)
    if model is ColourModel.CMYK and "adobe" not in image.info:
        samples = 255 - samples  # Pillow inverts always; only Adobe's files are stored inverted
    pixels, _ = to_float(samples)
    alpha = np.ascontiguousarray(pixels[..., model.value]) if has_alpha else None
    pixels = np.ascontiguousarray(pixels[..., : model.value])
    return Loaded(Picture(pixels, alpha, depth, icc, metadata), name, notes)


def _opened(file: BinaryIO) -> tuple[str, ImageFile.ImageFile]:
    file.seek(0)
    start = file.read(16)
    for name, magics, opens in _READERS:
        if any(start.startswith(magic) for magic in magics):
            file.seek(0)
            try:
                with warnings.catch_warnings():  # Pillow warns of odd EXIF blocks
                    warnings.simplefilter("ignore", UserWarning)
                    return name, opens(file)
            except SyntaxError as error:
                if name != "TGA":
                    raise
                raise NotAPicture("it starts like no format that is read") from error
    raise NotAPicture("it starts like no format that is read")


def _facts(image: ImageFile.ImageFile) -> tuple[ColourModel, bool, Depth]:
    """Colour model, whether there is alpha, and depth, from the mode that Pillow will decode to."""
    mode = image.mode
    has_alpha = mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    if mode in ("1", "L", "LA", "La"):
        return ColourModel.GREY, has_alpha, Depth.U8
    if mode == "I" or mode.startswith("I;16"):
        return ColourModel.GREY, False, Depth.U16
    if mode == "F":
        return ColourModel.GREY, False, Depth.F32
    if mode == "CMYK":
        return ColourModel.CMYK, False, Depth.U8
    return ColourModel.RGB, has_alpha, Depth.U8


def _samples(image: ImageFile.ImageFile, model: ColourModel, has_alpha: bool) -> NDArray[Any]:
    """(H, W, channels) as the file stores them; alpha, if any, last."""
    image.load()
    if image.mode == "I":
        return np.clip(np.asarray(image), 0, 65535).astype(np.uint16)[..., None]
    if image.mode == "F" or image.mode.startswith("I;16"):
        samples = np.asarray(image)[..., None]
        return samples if samples.dtype.kind == "f" else samples.astype(np.uint16)
    modes = {ColourModel.GREY: "L", ColourModel.RGB: "RGB", ColourModel.CMYK: "CMYK"}
    wanted = modes[model] + ("A" if has_alpha else "")
    plain: Image.Image = image if image.mode == wanted else image.convert(wanted)
    samples = np.asarray(plain)
    return samples[..., None] if samples.ndim == 2 else samples


def _notes(name: str, image: ImageFile.ImageFile) -> tuple[str, ...]:
    frames = int(getattr(image, "n_frames", 1))
    if frames > 1:
        return (f"It is an animation of {frames} frames; only the first was read.",)
    if name == "JPEG" and "mp" in image.info:
        return ("It holds more than one picture; only the first was read.",)
    if name == "PPM" and _bits_of_ppm(image) > 8 and image.mode == "RGB":
        return ("Its samples have more than 8 bits; 8 were read.",)
    return ()


def _bits_of_ppm(image: ImageFile.ImageFile) -> int:
    arguments: Any = image.tile[0].args if image.tile else None
    tops = [a for a in arguments if isinstance(a, int)] if isinstance(arguments, tuple) else []
    return max(tops, default=255).bit_length()


def _exif(image: ImageFile.ImageFile) -> bytes | None:
    block = image.info.get("exif")
    return exif_block.without_prefix(block) if isinstance(block, bytes) else None


def _xmp(image: ImageFile.ImageFile) -> bytes | None:
    packet = image.info.get("xmp")
    return packet if isinstance(packet, bytes) and packet else None


def _icc(image: ImageFile.ImageFile) -> bytes | None:
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and profile else None


def _dpi(image: ImageFile.ImageFile) -> tuple[float, float] | None:
    dpi: Any = image.info.get("dpi")
    if not isinstance(dpi, tuple) or len(dpi) != 2:
        return exif_block.resolution(_exif(image))
    across, down = float(dpi[0]), float(dpi[1])
    return (across, down) if across > 0 and down > 0 else None
