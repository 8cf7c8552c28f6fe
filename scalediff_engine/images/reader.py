"""Read a picture, or only its header, from a file; whatever is wrong becomes one sentence."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from scalediff_engine.base.errors import InputError, InputMissing, UnreadablePicture
from scalediff_engine.images import decode_pillow, decode_tiff, exif, png
from scalediff_engine.images.colour import profile_problem
from scalediff_engine.images.decoder_errors import decoding
from scalediff_engine.images.exif import Orientation
from scalediff_engine.images.formats import Loaded, Probe, require_area
from scalediff_engine.images.picture import Picture
from scalediff_engine.images.sanitize import remarks, with_finite

MAX_PIXELS = 300_000_000
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def probe(path: Path, *, max_pixels: int = MAX_PIXELS) -> Probe:
    """Size, depth, colour model and more, without decoding a pixel.

    A file that passes may still turn out damaged when it is read.

    Raises:
        InputMissing: no such file, or a folder.
        UnreadablePicture: empty, damaged or no picture.
        PictureTooLarge: more than ``max_pixels``.
        InputError: no permission, or no regular file.
    """
    with _open(path) as file, decoding(path):
        found = _probed(file, path)
    require_area(found.size, max_pixels, path)
    return found


def read(path: Path, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """The picture in ``path``, upright, in its own colours; see :func:`load` for notes.

    Raises:
        InputError: as :func:`probe`; truncated and damaged files are UnreadablePicture.
    """
    return load(path, max_pixels=max_pixels).picture


def load(path: Path, *, max_pixels: int = MAX_PIXELS) -> Loaded:
    """Like :func:`read`, with the format's name and notes on what the picture leaves behind.

    Raises:
        InputError: as :func:`read`.
    """
    with _open(path) as file, decoding(path):
        require_area(_probed(file, path).size, max_pixels, path)
        file.seek(0)
        loaded, orientation = _decoded(file.read())
        loaded = _sanitized(loaded)
    return replace(loaded, picture=_upright(loaded.picture, orientation))


def _open(path: Path) -> BinaryIO:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputMissing(f"{path} is a folder and not a picture's file.")
        if not stat.S_ISREG(mode):
            raise InputError(f"{path} is not a regular file.")
        return path.open("rb")
    except FileNotFoundError as error:
        raise InputMissing(f"{path} does not exist.") from error
    except NotADirectoryError as error:
        raise InputMissing(f"{path} does not exist.") from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read: permission denied.") from error
    except (OSError, ValueError) as error:  # too long a name, a broken disk, a null in the name
        raise InputError(f"{path} cannot be opened: {error}.") from error


def _probed(file: BinaryIO, path: Path) -> Probe:
    start = file.read(16)
    if not start:
        raise UnreadablePicture(f"{path} is empty.")
    file.seek(0)
    try:
        if start.startswith(png.SIGNATURE):
            return png.probe(file)
        if start.startswith(_TIFF_MAGIC):
            return decode_tiff.probe(file)
        if start.startswith(decode_pillow.PFM_MAGIC):
            return decode_pillow.probe_pfm(file)
        return decode_pillow.probe(file)
    except decode_pillow.NotAPicture as error:
        raise UnreadablePicture(f"{path} is not a picture in a format that can be read.") from error


def _decoded(data: bytes) -> tuple[Loaded, Orientation]:
    if data.startswith(_TIFF_MAGIC):
        return decode_tiff.load(data)
    if data.startswith(png.SIGNATURE):
        loaded = png.load(data)
    elif data.startswith(decode_pillow.PFM_MAGIC):
        loaded = decode_pillow.load_pfm(data)
    else:
        loaded = decode_pillow.load(data)
    return loaded, exif.orientation(loaded.picture.metadata.exif)


def _sanitized(loaded: Loaded) -> Loaded:
    """With finite numbers only, and with notes on what no model can make use of."""
    picture, bad = loaded.picture, 0
    if picture.depth.is_float:
        pixels, bad = with_finite(picture.pixels)
        alpha = picture.alpha
        if alpha is not None:
            alpha, more = with_finite(alpha)
            bad += more
        picture = replace(picture, pixels=pixels, alpha=alpha) if bad else picture
    notes = loaded.notes + remarks(picture, bad)
    if profile_problem(picture) is not None:
        picture = replace(picture, icc=None)
    return replace(loaded, picture=picture, notes=notes)


def _upright(picture: Picture, orientation: Orientation) -> Picture:
    if orientation is Orientation.UPRIGHT:
        return picture
    metadata = picture.metadata
    dpi = metadata.dpi[::-1] if metadata.dpi and orientation.swaps_sides else metadata.dpi
    return replace(
        picture,
        pixels=exif.applied(picture.pixels, orientation),
        alpha=None if picture.alpha is None else exif.applied(picture.alpha, orientation),
        metadata=replace(
            metadata,
            exif=metadata.exif and exif.upright(metadata.exif),
            xmp=metadata.xmp and exif.upright_xmp(metadata.xmp),
            dpi=dpi,
        ),
    )
