"""JPEG, WebP, PFM and the formats that are only read: Pillow, and imagecodecs beyond 8 bits."""

from __future__ import annotations

import io
import re
import warnings
from typing import Any, BinaryIO, NamedTuple

import imagecodecs
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
from scalediff_engine.images import formats, jpeg_segments
from scalediff_engine.images.formats import Loaded, Probe, UnsupportedFormat, shown
from scalediff_engine.images.picture import ColourModel, Depth, Metadata, Picture, Text, to_float


class _Reader(NamedTuple):
    """How to recognise a format and which of Pillow's classes opens it."""

    name: str
    magic: tuple[bytes, ...]
    opens: type[ImageFile.ImageFile]


class _Opened(NamedTuple):
    """A file whose header was read; ``bits`` is more than 8 where Pillow would lose some."""

    name: str
    image: ImageFile.ImageFile
    bits: int = 8


# Pillow's classes are called directly, because Image.open() warns about any picture above its own
# global limit and tries formats that start other programs. TGA has no magic and comes last.
_READERS = (
    _Reader("JPEG", (b"\xff\xd8\xff",), JpegImagePlugin.JpegImageFile),
    _Reader("WEBP", (b"WEBP",), WebPImagePlugin.WebPImageFile),
    _Reader("GIF", (b"GIF87a", b"GIF89a"), GifImagePlugin.GifImageFile),
    _Reader("BMP", (b"BM",), BmpImagePlugin.BmpImageFile),
    _Reader("PPM", (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"), PpmImagePlugin.PpmImageFile),
    _Reader("QOI", (b"qoif",), QoiImagePlugin.QoiImageFile),
    _Reader(
        "PCX", (b"\x0a\x00", b"\x0a\x02", b"\x0a\x03", b"\x0a\x05"), PcxImagePlugin.PcxImageFile
    ),
    _Reader("SGI", (b"\x01\xda",), SgiImagePlugin.SgiImageFile),
    _Reader("AVIF", (b"ftypavi",), AvifImagePlugin.AvifImageFile),
    _Reader("TGA", (b"",), TgaImagePlugin.TgaImageFile),
)
_MAGIC_AT = {"WEBP": 8, "AVIF": 4}
_AVIF_HEADER_BYTES = 1 << 16
_TWELVE_BITS = 12
_CUT_OFF_PROBES = (b"", b"\x5a" * 512)
_NO_END = "Its end marker is missing; all of its pixels were read."


class NotAPicture(ValueError):
    """No format that we know starts like this."""


def probe(file: BinaryIO) -> Probe:
    """Read the header.

    Raises:
        NotAPicture: no known format; and whatever Pillow raises at damaged headers.
    """
    opened = _open(file)
    image = opened.image
    mode, has_alpha, depth = _facts(opened)
    orientation = exif_block.orientation(_exif(image))
    return Probe(
        size=shown(Size(*image.size), orientation),
        depth=depth,
        model=mode,
        has_alpha=has_alpha,
        format_name=opened.name,
        orientation=orientation,
        icc=_icc(image),
        dpi=_dpi(image),
        xmp=_xmp(image),
        notes=_notes(opened),
    )


def load(data: bytes) -> Loaded:
    """Decode a whole file; orientation not yet applied.

    Raises:
        NotAPicture: no known format; and whatever Pillow raises at damaged files.
    """
    opened = _open(io.BytesIO(data))
    name, image, _ = opened
    notes = _notes(opened)
    if name == "JPEG":
        data, more = _with_end(data)
        if more:
            opened = _open(io.BytesIO(data))
            name, image, _ = opened
        notes += more
        if jpeg_segments.has_extended_xmp(data):
            notes += ("Its XMP goes on in further segments; only the first was kept.",)
    metadata = Metadata(
        exif=_exif(image),
        xmp=_xmp(image),
        dpi=_dpi(image),
        texts=_texts(image),
        iptc=_iptc(image),
        is_lossy=name == "WEBP" and _is_lossy_webp(data),
    )
    icc = _icc(image)
    model, has_alpha, depth = _facts(opened)
    samples = _samples(opened, data, model, has_alpha)
    if model is ColourModel.CMYK and "adobe" not in image.info:
        samples = 255 - samples  # Pillow inverts always; only Adobe's files are stored inverted
    pixels, _ = to_float(samples, opened.bits if opened.bits > 8 else None)
    alpha = np.ascontiguousarray(pixels[..., model.value]) if has_alpha else None
    pixels = np.ascontiguousarray(pixels[..., : model.value])
    return Loaded(Picture(pixels, alpha, depth, icc, metadata), name, notes)


def _open(file: BinaryIO) -> _Opened:
    file.seek(0)
    start = file.read(16)
    unread = formats.by_content(start)
    if unread is not None:
        raise UnsupportedFormat(f"a file in the {unread} format")
    for name, magics, opens in _READERS:
        if any(start.startswith(magic, _MAGIC_AT.get(name, 0)) for magic in magics):
            file.seek(0)
            try:
                with warnings.catch_warnings():  # Pillow warns of odd EXIF blocks
                    warnings.simplefilter("ignore", UserWarning)
                    image = opens(file)
                    return _Opened(name, image, _bits_of_avif(file) if name == "AVIF" else 8)
            except SyntaxError as error:
                if name == "JPEG":
                    return _opened_of_twelve_bits(file, error)
                if name != "TGA":
                    raise
                raise NotAPicture("it starts like no format that is read") from error
    raise NotAPicture("it starts like no format that is read")


def _opened_of_twelve_bits(file: BinaryIO, error: SyntaxError) -> _Opened:
    """A JPEG whose metadata Pillow reads when it takes the samples for 8-bit ones."""
    file.seek(0)
    data = file.read()
    found = jpeg_segments.bits_per_sample(data)
    if found is None or found[0] != _TWELVE_BITS:
        raise error
    bits, at = found
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data[:at] + b"\x08" + data[at + 1 :]))
    if image.mode == "CMYK":
        raise UnsupportedFormat("a JPEG file of 12-bit CMYK")
    return _Opened("JPEG", image, bits)


def _bits_of_avif(file: BinaryIO) -> int:
    """What the codec's configuration (av1C) says; the largest where there are several items."""
    file.seek(0)
    start, bits = file.read(_AVIF_HEADER_BYTES), 8
    position = start.find(b"av1C")
    while 0 <= position < len(start) - 6:
        flags = start[position + 6]
        bits = max(bits, 8 if not flags & 0x40 else 12 if flags & 0x20 else 10)
        position = start.find(b"av1C", position + 4)
    return bits


def _with_end(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A JPEG that has its end marker, and a note if that was missing.

    Raises:
        jpeg_segments.BadJpeg: pixels are missing too.
    """
    try:
        jpeg_segments.require_end(data)
    except jpeg_segments.BadJpeg:
        if not jpeg_segments.has_all_scans(data):
            raise
        # What is appended to pixels that are cut off changes them.
        cut = data.rstrip(b"\xff")
        whole = [cut + probe + jpeg_segments.END for probe in _CUT_OFF_PROBES]
        one, other = (np.asarray(JpegImagePlugin.JpegImageFile(io.BytesIO(d))) for d in whole)
        if not np.array_equal(one, other):
            raise
        return whole[0], (_NO_END,)
    return data, ()


def _is_lossy_webp(data: bytes) -> bool:
    position = 12
    while position + 8 <= len(data):
        name, length = data[position : position + 4], data[position + 4 : position + 8]
        if name in (b"VP8 ", b"VP8L"):
            return name == b"VP8 "
        if name == b"ANMF":  # its frame starts with 16 bytes of its own
            position += 24
            continue
        size = int.from_bytes(length, "little")
        position += 8 + size + size % 2
    return False


def _facts(opened: _Opened) -> tuple[ColourModel, bool, Depth]:
    """Colour model, whether there is alpha, and depth, from the mode that Pillow will decode to."""
    image, mode = opened.image, opened.image.mode
    has_alpha = mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    depth = Depth.U8 if opened.bits <= 8 else Depth.U16
    if mode in ("1", "L", "LA", "La"):
        return ColourModel.GREY, has_alpha, depth
    if mode == "I" or mode.startswith("I;16"):
        return ColourModel.GREY, False, Depth.U16
    if mode == "F":
        return ColourModel.GREY, False, Depth.F32
    if mode == "CMYK":
        return ColourModel.CMYK, False, Depth.U8
    return ColourModel.RGB, has_alpha, depth


def _samples(opened: _Opened, data: bytes, model: ColourModel, has_alpha: bool) -> NDArray[Any]:
    """(H, W, channels) as the file stores them; alpha, if any, last."""
    image = opened.image
    if opened.bits > 8:
        return _deep_samples(opened, data, model.value + has_alpha)
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


def _deep_samples(opened: _Opened, data: bytes, channels: int) -> NDArray[Any]:
    """As ``_samples``, of a file with more than 8 bits."""
    if opened.name == "JPEG":
        samples: Any = imagecodecs.jpeg8_decode(data)
    else:
        samples = imagecodecs.avif_decode(data, index=0)
    samples = samples.reshape(*opened.image.size[::-1], -1)
    if samples.shape[2] > channels == 1:  # grey that was decoded to three equal channels
        samples = samples[..., :1]
    if samples.shape[2] != channels:
        raise ValueError(f"{samples.shape[2]} channels were decoded instead of {channels}")
    return samples


def _notes(opened: _Opened) -> tuple[str, ...]:
    name, image, _ = opened
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


def _texts(image: ImageFile.ImageFile) -> tuple[Text, ...]:
    """The comment of a JPEG or GIF."""
    comment = image.info.get("comment")
    if not isinstance(comment, bytes) or not comment:
        return ()
    try:
        return (Text("Comment", comment.decode().rstrip("\0")),)
    except UnicodeDecodeError:
        return (Text("Comment", comment.decode("latin-1").rstrip("\0")),)


def _iptc(image: ImageFile.ImageFile) -> bytes | None:
    resources: Any = image.info.get("photoshop")
    record = resources.get(0x0404) if isinstance(resources, dict) else None
    return record if isinstance(record, bytes) and record else None


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


PFM_MAGIC = (b"PF", b"Pf")
_PFM_HEADER = re.compile(rb"P([Ff])\s+(\d{1,9})\s+(\d{1,9})\s+([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s")
_MAX_HEADER_BYTES = 256


class BadPfm(ValueError):
    """The bytes are no whole float map."""


class _PfmHeader(NamedTuple):
    size: Size
    model: ColourModel
    dtype: str
    length: int


def probe_pfm(file: BinaryIO) -> Probe:
    """Read the header.

    Raises:
        BadPfm: it is damaged.
    """
    header = _pfm_header(file.read(_MAX_HEADER_BYTES))
    return Probe(header.size, Depth.F32, header.model, has_alpha=False, format_name="PFM")


def load_pfm(data: bytes) -> Loaded:
    """Decode a whole file; its rows are stored from the bottom up.

    Raises:
        BadPfm: it is damaged or ends too early.
    """
    header = _pfm_header(data[:_MAX_HEADER_BYTES])
    shape = (header.size.height, header.size.width, header.model.value)
    samples = data[header.length :]
    needed = 4 * shape[0] * shape[1] * shape[2]
    if len(samples) < needed:
        raise BadPfm(f"it has {len(samples)} of {needed} bytes of samples")
    pixels = np.frombuffer(samples[:needed], header.dtype).reshape(shape)[::-1]
    return Loaded(Picture(pixels.astype(np.float32), depth=Depth.F32), "PFM")


def _pfm_header(start: bytes) -> _PfmHeader:
    found = _PFM_HEADER.match(start)
    if found is None:
        raise BadPfm("its header is not one of a float map")
    kind, width, height, scale = found.groups()
    model = ColourModel.RGB if kind == b"F" else ColourModel.GREY
    order = "<f4" if float(scale) < 0 else ">f4"
    return _PfmHeader(Size(int(width), int(height)), model, order, found.end())
