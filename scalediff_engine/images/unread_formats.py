"""Formats of pictures that are not read: recognised, so that they can be named."""

from __future__ import annotations

from pathlib import PurePath

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
