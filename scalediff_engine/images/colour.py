"""A picture's own colours to sRGB, which the models know, and back.

Profiles go through littleCMS in float32, relative colorimetric with black point compensation. A
profile that is sRGB in all but name is recognised by what it does to colours, and left alone.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Any

import imagecodecs
import numpy as np
from PIL import ImageCms

from scalediff_engine.base.geometry import Size
from scalediff_engine.images.picture import ColourModel, Picture, Pixels
from scalediff_engine.images.resample import resize_in_range

_RELATIVE = 1
_BLACK_POINT_COMPENSATION = 8192
_ROWS_AT_ONCE = 256
_SPACES = {ColourModel.GREY: "gray", ColourModel.RGB: "rgb", ColourModel.CMYK: "cmyk"}
_INK = np.float32(100.0)  # littleCMS measures floating-point ink in percent
_SAME = 0.4 / 255  # a profile this close to sRGB cannot be told from it in 8 bits
_RED, _BLUE = np.float32(0.2126), np.float32(0.0722)  # luma weights of ITU-R BT.709

# XYZ relative to its white to linear sRGB
_LINEAR_OF_XYZ_D65 = np.array(
    [
        [3.07996, -1.53714, -0.54282],
        [-0.92126, 1.87601, 0.04525],
        [0.05289, -0.20403, 1.15114],
    ],
    np.float32,
)
_LINEAR_OF_XYZ_D50 = np.array(
    [
        [3.02173, -1.61687, -0.40486],
        [-0.94375, 1.91614, 0.02761],
        [0.06937, -0.22899, 1.15962],
    ],
    np.float32,
)


class _Way(Enum):
    """How a picture's colours become sRGB."""

    IDENTITY = "grey and RGB that are sRGB already"
    PROFILE = "through the profile"
    FORMULA = "CMYK without a profile"
    BROKEN = "a profile that cannot be used: as if there were none"


def to_srgb(picture: Picture) -> Pixels:
    """The picture's colours as the models want them.

    Args:
        picture: in any colour space

    Returns:
        (H, W, 3) float32, sRGB-encoded. Without a profile, or with an sRGB one, exactly the
        picture's values (grey three times; CMYK by R = (1-C)(1-K)). Integer pictures stay within
        0..1, so that what is outside of sRGB's gamut is clipped; floating-point ones are not
        clipped.
    """
    model, profile = picture.model, picture.icc
    if _way(profile, model) is not _Way.PROFILE or profile is None:
        return _plain_to_rgb(picture.pixels, model)
    rgb = _by_rows(picture.pixels, 3, lambda rows: _forward(rows, profile, model))
    return rgb if picture.depth.is_float else np.clip(rgb, 0.0, 1.0, out=rgb)


def from_srgb(rgb: Pixels, like: Picture) -> Pixels:
    """The way back: sRGB into the colour space of ``like``.

    Args:
        rgb: (H, W, 3) float32, sRGB-encoded, of any size
        like: gives the colour model, the profile and, for CMYK without one, how much black is
            used where; of the same scene, of any size

    Returns:
        (H, W, C) float32, C as in ``like``; not clipped, except CMYK to 0..1. For grey the luma,
        which leaves neutral colours exactly as they are.
    """
    model, profile = like.model, like.icc
    if _way(profile, model) is not _Way.PROFILE or profile is None:
        return (
            _plain_to_cmyk(rgb, like) if model is ColourModel.CMYK else _plain_from_rgb(rgb, model)
        )
    return _by_rows(rgb, model.value, lambda rows: _backward(rows, profile, model))


def lab_to_srgb(lab: Pixels, *, d65: bool) -> Pixels:
    """(H, W, 3) sRGB within 0..1 of CIE L* (0..100), a*, b*; neutral colours stay neutral.

    Args:
        lab: (H, W, 3)
        d65: whether the values are relative to D65 white, else to D50 (adapted by Bradford)

    Source: CIE 15; IEC 61966-2-1; matrices by Bruce Lindbloom.
    """
    matrix = _LINEAR_OF_XYZ_D65 if d65 else _LINEAR_OF_XYZ_D50
    return _by_rows(lab, 3, lambda rows: _srgb_of_lab(rows, matrix))


def _srgb_of_lab(lab: Pixels, matrix: Pixels) -> Pixels:
    y = (lab[..., 0] + 16) / 116
    roots = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(roots > 6 / 29, roots**3, (roots - 4 / 29) * (3 * (6 / 29) ** 2))
    # rows that sum to 1 map the white of either kind to white
    linear = np.clip(xyz @ (matrix / matrix.sum(axis=1, keepdims=True)).T, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return encoded.astype(np.float32)


def profile_problem(picture: Picture) -> str | None:
    """A sentence for people if the embedded profile cannot be used, else None."""
    if _way(picture.icc, picture.model) is not _Way.BROKEN:
        return None
    plain = "plain CMYK" if picture.model is ColourModel.CMYK else "sRGB"
    return f"Its colour profile is damaged or for other colours; it was treated as {plain}."


def luma(rgb: Pixels) -> Pixels:
    """(H, W, 1) weighted mean of (H, W, 3) encoded colours; neutral ones exactly."""
    red, green, blue = rgb[..., :1], rgb[..., 1:2], rgb[..., 2:3]
    weighted = green + _RED * (red - green) + _BLUE * (blue - green)
    return weighted.astype(np.float32, copy=False)


@lru_cache(maxsize=16)
def _way(profile: bytes | None, model: ColourModel) -> _Way:
    if profile is None:
        return _Way.FORMULA if model is ColourModel.CMYK else _Way.IDENTITY
    if not _usable(profile, model):
        return _Way.BROKEN
    if model is ColourModel.CMYK:
        return _Way.PROFILE
    probe = _probe_colours(model)
    try:
        seen = _forward(probe, profile, model)
        _backward(seen, profile, model)
    except (RuntimeError, ValueError):  # CmsError is a RuntimeError
        return _Way.BROKEN
    same = float(np.abs(seen - _plain_to_rgb(probe, model)).max()) <= _SAME
    return _Way.IDENTITY if same else _Way.PROFILE


def _usable(profile: bytes, model: ColourModel) -> bool:
    """Whether littleCMS converts both ways. RGB profiles are legal for grey: equal channels."""
    of = model_of(profile)
    if of is not model and not (of is ColourModel.RGB and model is ColourModel.GREY):
        return False
    probe = np.zeros((1, 2, model.value), np.float32)
    try:
        return bool(np.isfinite(_backward(_forward(probe, profile, model), profile, model)).all())
    except (RuntimeError, ValueError):
        return False


def _probe_colours(model: ColourModel) -> Pixels:
    """(1, n, C) colours all over the gamut."""
    levels = np.linspace(0.0, 1.0, 9 if model is ColourModel.RGB else 33, dtype=np.float32)
    grid = np.meshgrid(*[levels] * model.value, indexing="ij")
    return np.stack([axis.ravel() for axis in grid], axis=-1)[None]


@lru_cache(maxsize=1)
def _srgb() -> bytes:
    return bytes(imagecodecs.cms_profile("srgb"))


def _forward(rows: Pixels, profile: bytes, model: ColourModel) -> Pixels:
    """(h, W, C) in the profile's space to (h, W, 3) sRGB."""
    if model_of(profile) is not model:
        rows, model = _plain_to_rgb(rows, model), ColourModel.RGB
    if model is ColourModel.CMYK:
        rows = rows * _INK
    return _transformed(rows, profile, _srgb(), model, ColourModel.RGB)


def _backward(rows: Pixels, profile: bytes, model: ColourModel) -> Pixels:
    """(h, W, 3) sRGB to (h, W, C) in the profile's space."""
    if model_of(profile) is not model:
        return luma(_transformed(rows, _srgb(), profile, ColourModel.RGB, ColourModel.RGB))
    result = _transformed(rows, _srgb(), profile, ColourModel.RGB, model)
    return np.clip(result / _INK, 0.0, 1.0) if model is ColourModel.CMYK else result


def _transformed(
    rows: Pixels, source: bytes, target: bytes, model: ColourModel, into: ColourModel
) -> Pixels:
    data = rows[..., 0] if model is ColourModel.GREY else rows
    result: Any = imagecodecs.cms_transform(
        np.ascontiguousarray(data, dtype=np.float32),
        source,
        target,
        colorspace=_SPACES[model],
        outcolorspace=_SPACES[into],
        outdtype=np.dtype(np.float32),
        intent=_RELATIVE,
        flags=_BLACK_POINT_COMPENSATION,
    )
    return np.asarray(result, dtype=np.float32).reshape(*rows.shape[:2], into.value)


def _by_rows(pixels: Pixels, channels: int, convert: Callable[[Pixels], Pixels]) -> Pixels:
    result = np.empty((*pixels.shape[:2], channels), np.float32)
    for start in range(0, len(pixels), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        result[rows] = convert(pixels[rows])
    return result


def _plain_to_rgb(pixels: Pixels, model: ColourModel) -> Pixels:
    if model is ColourModel.GREY:
        return np.repeat(pixels, 3, axis=2)
    if model is ColourModel.CMYK:
        return (1 - pixels[..., :3]) * (1 - pixels[..., 3:])
    return pixels.copy()


def _plain_from_rgb(rgb: Pixels, model: ColourModel) -> Pixels:
    if model is ColourModel.GREY:
        return luma(rgb)
    return rgb.copy()


def _plain_to_cmyk(rgb: Pixels, like: Picture) -> Pixels:
    """The plain formula with the black of ``like``: much or little, as whoever made it chose.

    With all the black that is possible, the detail of a picture made with little would lie in a
    channel that is empty there, and half of it be cut off at 0.
    """
    rgb = np.clip(rgb, 0.0, 1.0)
    size = Size(rgb.shape[1], rgb.shape[0])
    black = resize_in_range(like.pixels[..., 3], size)[..., None]
    black = np.minimum(black, 1 - rgb.max(axis=2, keepdims=True))
    left = 1 - black
    inks = np.divide(left - rgb, left, out=np.zeros_like(rgb), where=left > 0)
    return np.concatenate([inks, black], axis=2)


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
