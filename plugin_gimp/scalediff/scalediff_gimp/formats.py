"""What GIMP calls its samples, and what the wire calls them.

Babl's names, as in ``R'G'B'A u16``: https://gegl.org/babl/#models
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .client.pixels import PixelHeader

_DEPTHS = {"u8": "u8", "u16": "u16", "u32": "u32", "half": "f16", "float": "f32", "double": "f64"}
_TYPES = {ours: theirs for theirs, ours in _DEPTHS.items()}


class Curve(str, Enum):
    """How light becomes numbers; the value is what Babl puts after the letter of a channel."""

    LINEAR = ""
    PROFILE = "'"  # as the image's profile says
    PERCEPTUAL = "~"  # as sRGB, whatever the profile says


@dataclass(frozen=True)
class Encoding:
    """What samples are.

    Attributes:
        model: ``grey`` or ``rgb``
        depth: as on the wire
        alpha: as on the wire
        curve: of the colours
    """

    model: str
    depth: str
    alpha: str = "none"
    curve: Curve = Curve.PROFILE

    def header(self, width: int, height: int) -> PixelHeader:
        """Give the header of such samples."""
        return PixelHeader(width, height, self.model, self.depth, self.alpha)

    @property
    def babl_name(self) -> str:
        """What Babl calls it, without a space."""
        mark = self.curve.value
        premultiplied = "a" if self.alpha == "premultiplied" else ""
        letters = "Y" if self.model == "grey" else "RGB"
        if premultiplied:
            colours = "".join(f"{letter}{mark}a" for letter in letters)
        else:
            colours = "".join(f"{letter}{mark}" for letter in letters)
        return f"{colours}{'' if self.alpha == 'none' else 'A'} {_TYPES[self.depth]}"


def read_encoding(name: str) -> Encoding:
    """Read what Babl calls the samples of a layer.

    Raises:
        ValueError: it is none of those that layers of grey and RGB images have.
    """
    model, _, kind = name.partition(" ")
    colours = model[:-1] if model.endswith("A") else model
    for curve in Curve:
        mark = curve.value
        for ours, theirs in (("grey", f"Y{mark}"), ("rgb", f"R{mark}G{mark}B{mark}")):
            if colours == theirs and kind in _DEPTHS:
                alpha = "none" if colours == model else "straight"
                return Encoding(ours, _DEPTHS[kind], alpha, curve)
    raise ValueError(f"Layers are not known to hold '{name}'.")


def encoding_of(header: PixelHeader) -> Encoding:
    """Give what samples are whose profile says everything about their curve.

    Raises:
        ValueError: GIMP has no layers of that kind.
    """
    if header.model not in ("grey", "rgb"):
        raise ValueError(f"GIMP has no {header.model.upper()} layers.")
    return Encoding(header.model, header.depth, header.alpha)


def in_rgb_order(header: PixelHeader, samples: bytearray) -> bytes:
    """Give samples with red before blue, as GIMP has them."""
    if header.order == "rgb":
        return bytes(samples)
    size = header.sample_bytes // (header.width * header.height * header.channels)
    step = size * header.channels
    swapped = bytearray(samples)
    for offset in range(size):
        blue, red = slice(offset, None, step), slice(2 * size + offset, None, step)
        swapped[red], swapped[blue] = samples[blue], samples[red]
    return bytes(swapped)
