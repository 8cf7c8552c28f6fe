"""Pictures, profiles and files that the tests of this room are made of."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from scalediff_engine.images.picture import Depth, Metadata, Picture, Pixels

EXIF_TURNED = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/png"/></rdf:RDF>'
    b'</x:xmpmeta><?xpacket end="w"?>'
)


THUMBNAIL = b"\xff\xd8\xff\xe0 an old small picture \xff\xd9"
XMP_WITH_THUMBNAIL = XMP.replace(
    b'dc:format="image/png"/>',
    b'dc:format="image/png"/><xmp:Thumbnails><rdf:Alt>/9j/4AAQ</rdf:Alt></xmp:Thumbnails>',
)


def exif_with_thumbnail(order: str = "<", after: bytes = b"") -> bytes:
    """An EXIF block of a maker's name and, in its second directory, a thumbnail."""
    name = b"A maker\0"
    second = 8 + 2 + 12 + 4 + len(name)
    start = second + 2 + 3 * 12 + 4
    entries = struct.pack(order + "HHII", 0x0103, 3, 1, 6 if order == "<" else 6 << 16)
    entries += struct.pack(order + "HHII", 0x0201, 4, 1, start)
    entries += struct.pack(order + "HHII", 0x0202, 4, 1, len(THUMBNAIL))
    first = struct.pack(order + "HHHIII", 1, 0x010F, 2, len(name), 26, second) + name
    head = b"II*\0" if order == "<" else b"MM\0*"
    head += struct.pack(order + "I", 8)
    return head + first + struct.pack(order + "H", 3) + entries + bytes(4) + THUMBNAIL + after


def picture(
    channels: int = 3,
    depth: Depth = Depth.U8,
    *,
    alpha: bool = False,
    width: int = 17,
    height: int = 13,
    icc: bytes | None = None,
    metadata: Metadata | None = None,
) -> Picture:
    """Seeded noise that ``depth`` holds exactly; floats reach beyond 0..1."""
    noise = np.random.default_rng(7)
    values = _exact(noise.random((height, width, channels)), depth)
    if depth.is_float:
        values = values * np.float32(4) - np.float32(1)
    cover = _exact(noise.random((height, width)), depth) if alpha else None
    return Picture(values, cover, depth, icc, metadata or Metadata())


def _exact(values: NDArray[np.float64], depth: Depth) -> Pixels:
    if depth.is_float:
        return (np.rint(values * 1024) / 1024).astype(np.float32)
    top = 255 if depth is Depth.U8 else 65535
    return (np.rint(values * top).astype(np.float32) / np.float32(top)).astype(np.float32)


def noise_u8(height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """Seeded bytes."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(3).integers(0, 256, shape).astype(np.uint8)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    """A file's bytes as Pillow writes it."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def tiff(samples: NDArray[Any], **options: Any) -> bytes:
    """A file's bytes as tifffile writes it."""
    file = io.BytesIO()
    tifffile.imwrite(file, samples, metadata=None, **options)
    return file.getvalue()


def same_pixels(one: Picture, other: Picture) -> bool:
    """Whether pixels and alpha are equal to the last bit."""
    if (one.alpha is None) != (other.alpha is None):
        return False
    covers = one.alpha is None or np.array_equal(one.alpha, other.alpha)  # type: ignore[arg-type]
    return np.array_equal(one.pixels, other.pixels) and bool(covers)


@dataclass(frozen=True)
class _Lut:
    signature: bytes
    inputs: int
    outputs: int
    grid: int
    table: NDArray[np.uint16]

    def encoded(self) -> bytes:
        matrix = np.eye(3, dtype=">i4").ravel() * 65536
        ramp = np.array([0, 65535], ">u2").tobytes()
        return (
            b"mft2\0\0\0\0"
            + bytes([self.inputs, self.outputs, self.grid, 0])
            + matrix.astype(">i4").tobytes()
            + struct.pack(">HH", 2, 2)
            + ramp * self.inputs
            + self.table.astype(">u2").tobytes()
            + ramp * self.outputs
        )


def cmyk_profile() -> bytes:
    """A small but real CMYK profile: tables between ink by the plain formula and Lab."""
    inks = np.stack(np.meshgrid(*[np.linspace(0, 1, 9)] * 4, indexing="ij"), -1).reshape(-1, 4)
    lab = _lab_of_srgb((1 - inks[:, :3]) * (1 - inks[:, 3:]))
    stored = np.stack([lab[:, 0] * 652.8, (lab[:, 1] + 128) * 256, (lab[:, 2] + 128) * 256], -1)
    forward = _Lut(b"A2B0", 4, 3, 9, np.rint(stored.clip(0, 65535)).astype(np.uint16))
    axis = np.linspace(0, 65535, 33)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    rgb = _srgb_of_lab(np.stack([grid[:, 0] / 652.8, *(grid[:, 1:] / 256 - 128).T], -1))
    brightest = rgb.max(1, keepdims=True)
    colour = np.divide(brightest - rgb, brightest, out=np.zeros_like(rgb), where=brightest > 0)
    ink = np.concatenate([colour, 1 - brightest], 1)
    backward = _Lut(b"B2A0", 3, 4, 33, np.rint(ink * 65535).astype(np.uint16))
    white = b"XYZ \0\0\0\0" + struct.pack(">iii", 63190, 65536, 54061)
    name = b"Test inks\0"
    words = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78)
    return _profile(
        {
            b"desc": words,
            b"wtpt": white,
            b"A2B0": forward.encoded(),
            b"B2A0": backward.encoded(),
        }
    )


def _profile(tags: dict[bytes, bytes]) -> bytes:
    body, table = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(
        ">I4sI4s4s4s", start + len(body), b"\0\0\0\0", 0x02400000, b"prtr", b"CMYK", b"Lab "
    )
    head = head.ljust(36, b"\0") + b"acsp"
    head = head.ljust(68, b"\0") + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


_TO_XYZ = np.array([[0.4360, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7142]])
_WHITE = _TO_XYZ.sum(1)


def _lab_of_srgb(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(np.maximum(linear @ _TO_XYZ.T / _WHITE, 1e-9)).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1).clip(
        [0, -128, -128], [100, 127, 127]
    )


def _srgb_of_lab(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    y = (lab[:, 0] + 16) / 116
    root = np.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], -1)
    linear = ((root**3 * _WHITE) @ np.linalg.inv(_TO_XYZ).T).clip(0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
