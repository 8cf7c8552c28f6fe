"""ICC profiles: Krita tells their names, the engine wants their bytes, and the other way round."""

from __future__ import annotations

import struct
import tempfile
import zlib
from pathlib import Path
from typing import Callable, Optional

from .api import Application
from .scratch import CannotConvert
from .spaces import Space

_PNG_START = 8
_SRGB = {"rgb": "sRGB-elle-V2-srgbtrc.icc", "grey": "Gray-D50-elle-V2-srgbtrc.icc"}
_HEADER_BYTES = 128
_TAG_BYTES = 12


class Profiles:
    """Profiles that were looked up, so that it happens once for each.

    Args:
        app: Krita
        png_options: gives the options of an exported PNG
    """

    def __init__(self, app: Application, png_options: Callable[[], object]) -> None:
        self._app = app
        self._png_options = png_options
        self._bytes: dict[tuple[str, str], bytes] = {}
        self._names: dict[bytes, str] = {}

    def bytes_of(self, space: Space) -> bytes:
        """Give the profile of a space; empty if Krita does not write it into a picture.

        Krita has no call for that, so a picture of one pixel is exported.
        """
        key = (space.model, space.profile)
        if key not in self._bytes:
            self._bytes[key] = found = self._exported(space)
            if found:
                self._names[found] = space.profile
        return self._bytes[key]

    def name_of(self, icc: bytes, model: str, depth: str) -> Optional[str]:
        """Give Krita's name of a profile, after making it known to Krita if it must be.

        Args:
            icc: the profile; empty = sRGB, or its tone curve for grey
            model: of the samples, as in ``PixelHeader``
            depth: in Krita's words
        """
        if not icc:
            return _SRGB.get(model, "")
        if icc in self._names:
            return self._names[icc]
        krita_model = {"rgb": "RGBA", "grey": "GRAYA", "cmyk": "CMYKA"}[model]
        known = self._app.profiles(krita_model, depth)
        name = described(icc)
        if name not in known:
            with tempfile.TemporaryDirectory(prefix="scalediff-") as folder:
                file = Path(folder) / "profile.icc"
                file.write_bytes(icc)
                self._app.addProfile(str(file))
            added = set(self._app.profiles(krita_model, depth)) - set(known)
            name = min(added) if added else None
        if name is not None:
            self._names[icc] = name
        return name

    def _exported(self, space: Space) -> bytes:
        document = self._app.createDocument(1, 1, "", space.model, "U16", space.profile, 72.0)
        if document is None:
            raise CannotConvert(str(space))
        try:
            document.setBatchmode(True)
            with tempfile.TemporaryDirectory(prefix="scalediff-") as folder:
                file = Path(folder) / "profile.png"
                written = document.exportImage(str(file), self._png_options())
                return profile_in(file.read_bytes()) if written and file.is_file() else b""
        finally:
            document.close()


def profile_in(png: bytes) -> bytes:
    """Give the ICC profile in a PNG file; empty if there is none."""
    at = _PNG_START
    while at + _PNG_START <= len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        if kind == b"iCCP":
            body = png[at + 8 : at + 8 + length]
            return zlib.decompress(body[body.index(b"\0") + 2 :])
        at += 12 + length
    return b""


def described(icc: bytes) -> Optional[str]:
    """Give the name that a profile has in itself; none if it has none that can be read."""
    try:
        (count,) = struct.unpack_from(">I", icc, _HEADER_BYTES)
        for number in range(min(count, 100)):
            at = _HEADER_BYTES + 4 + number * _TAG_BYTES
            tag, start, length = struct.unpack_from(">4sII", icc, at)
            if tag == b"desc":
                return _text(icc[start : start + length])
    except (struct.error, UnicodeDecodeError):
        pass
    return None


def _text(tag: bytes) -> Optional[str]:
    if tag[:4] == b"desc":
        (length,) = struct.unpack_from(">I", tag, 8)
        return tag[12 : 12 + length].rstrip(b"\0").decode("ascii")
    if tag[:4] == b"mluc":
        length, start = struct.unpack_from(">II", tag, 20)
        return tag[start : start + length].decode("utf-16-be").rstrip("\0")
    return None
