"""Colour spaces as Krita names them, and what the engine calls them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from .api import Application, Document, Node
from .client.pixels import PixelHeader

_CHANNELS = {"RGBA": 4, "GRAYA": 2, "CMYKA": 5, "LABA": 4, "XYZA": 4, "YCbCrA": 4}
_SAMPLE_BYTES = {"U8": 1, "U16": 2, "F16": 2, "F32": 4}
_MODELS = {"RGBA": "rgb", "GRAYA": "grey", "CMYKA": "cmyk"}
# Wide enough for what printers and Lab have, and of a display's tone curve, as models expect it.
_WIDE = "ClayRGB-elle-V2-g22.icc"


@dataclass(frozen=True)
class Space:
    """A colour space in Krita's words, such as ``RGBA``, ``U8``, ``sRGB-elle-V2-srgbtrc.icc``."""

    model: str
    depth: str
    profile: str

    @property
    def is_known(self) -> bool:
        """Whether its pixels can be read here."""
        return self.model in _CHANNELS and self.depth in _SAMPLE_BYTES

    @property
    def sample_bytes(self) -> int:
        """Bytes of a sample; the alpha is a pixel's last."""
        return _SAMPLE_BYTES[self.depth]

    @property
    def pixel_bytes(self) -> int:
        """Bytes of a pixel."""
        return _CHANNELS[self.model] * _SAMPLE_BYTES[self.depth]

    @property
    def order(self) -> str:
        """Krita has whole numbers as BGRA, floats as RGBA."""
        return "bgr" if self.model == "RGBA" and self.depth.startswith("U") else "rgb"


def space_of(has: Union[Document, Node]) -> Space:
    """Give the colour space of a document or a layer."""
    return Space(has.colorModel(), has.colorDepth(), has.colorProfile())


def sendable(app: Application, space: Space) -> Space:
    """Give the space in which pixels are handed over: their own, or one that they fit into.

    CMYK, Lab, XYZ and YCbCr go through RGB of 16 bits, or of 32 if they are floats.
    """
    if space.model in ("RGBA", "GRAYA"):
        return space
    depth = "F32" if space.depth.startswith("F") else "U16"
    has_wide = _WIDE in app.profiles("RGBA", depth)
    return Space("RGBA", depth, _WIDE if has_wide else "")


def header_for(space: Space, width: int, height: int) -> PixelHeader:
    """Say what samples of a space are; of ``RGBA``, ``GRAYA`` and ``CMYKA`` alone."""
    return PixelHeader(
        width, height, _MODELS[space.model], space.depth.lower(), "straight", space.order
    )


def space_for(header: PixelHeader, profile: str) -> Space:
    """Say in which space of Krita samples can be that came from elsewhere."""
    models = {name: model for model, name in _MODELS.items()}
    return Space(models[header.model], header.depth.upper(), profile)
