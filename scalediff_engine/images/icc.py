"""ICC profiles as far as their header and name.

Source: ICC.1:2022, section 7.2 (header).
"""

from __future__ import annotations

import io

from PIL import ImageCms

from scalediff_engine.images.picture import ColourModel

_MODELS = {b"GRAY": ColourModel.GREY, b"RGB ": ColourModel.RGB, b"CMYK": ColourModel.CMYK}


def model_of(profile: bytes) -> ColourModel | None:
    """The colour model that the header names, or None if it is none of ours or no profile."""
    if len(profile) < 132 or profile[36:40] != b"acsp":
        return None
    return _MODELS.get(profile[16:20])


def name_of(profile: bytes) -> str | None:
    """The profile's description, or None if it has none that can be read."""
    try:
        return ImageCms.getProfileDescription(io.BytesIO(profile)).strip() or None
    except ImageCms.PyCMSError:
        return None
