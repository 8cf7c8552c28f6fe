"""Low frequencies of a latent: Latent Frequency Mixing and Structure Guidance.

Source: ScaleDiff (arXiv 2510.25818), sections 3.2 and 3.3.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from scalediff_engine.base.geometry import Box, Grid

# (latent, factor c) to its low frequencies, of the same shape
Lowpass = Callable[[Tensor, float], Tensor]


def lowpass(z: Tensor, c: float) -> Tensor:
    """Keep the frequencies below ``c`` times the latent's own limit.

    Args:
        z: (B, C, rows, cols)
        c: 0 < c <= 1; the grid shrinks to ``int(rows*c) x int(cols*c)`` on the way

    Returns:
        (B, C, rows, cols), of ``z``'s dtype; computed in float32.
    """
    rows, cols = z.shape[-2:]
    small = (max(1, int(rows * c)), max(1, int(cols * c)))
    z_small = interpolate(z.float(), size=small, mode="bilinear", antialias=True)
    return interpolate(z_small, size=(rows, cols), mode="bilinear").to(z.dtype)


def lowpass_of_part(z: Tensor, c: float, part: Box, whole: Grid) -> Tensor:
    """Keep low frequencies as ``lowpass`` does of a whole latent of which this is a part.

    The filter takes the same cells with the same weights; of those that are not in the part it
    does without, and the others weigh more.

    Args:
        z: (B, C, rows, cols)
        c: see ``lowpass``
        part: where ``z`` lies, in latents
        whole: rows x cols of the latent that it is a part of

    Returns:
        (B, C, rows, cols), of ``z``'s dtype; computed in float32.
    """
    down = _lowpass_matrix(whole.rows, part.top, part.bottom, c).to(z.device)
    across = _lowpass_matrix(whole.cols, part.left, part.right, c).to(z.device)
    return (down @ z.float() @ across.T).to(z.dtype)


@lru_cache(maxsize=16)
def _lowpass_matrix(length: int, start: int, stop: int, c: float) -> Tensor:
    """What ``lowpass`` does along one axis, as (stop - start, stop - start) weights."""
    unit = torch.zeros(1, 1, length, stop - start)
    unit[0, 0, start:stop] = torch.eye(stop - start)
    small = (max(1, int(length * c)), stop - start)
    coarse = interpolate(unit, size=small, mode="bilinear", antialias=True)
    back = interpolate(coarse, size=(length, stop - start), mode="bilinear")
    weights = back[0, 0, start:stop]
    return weights / weights.sum(1, keepdim=True)


def enlarge_latent(z: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic resize of a latent, (B, C, rows, cols) to ``size``; computed in float32."""
    return interpolate(z.float(), size=size, mode="bicubic", align_corners=False).to(z.dtype)


def latent_frequency_mix(z_lu: Tensor, z_ru: Tensor, c: float, low: Lowpass = lowpass) -> Tensor:
    """Low frequencies of the enlarged latent, high ones of the encoded enlarged picture.

    Args:
        z_lu: (B, C, rows, cols) the previous latent, enlarged
        z_ru: (B, C, rows, cols) the previous picture, enlarged and then encoded
        c: low-pass factor
        low: the low-pass filter

    Returns:
        (B, C, rows, cols) the reference latent.
    """
    return z_ru + low(z_lu, c) - low(z_ru, c)


def guide_structure(
    z0: Tensor, z_ref_low: Tensor, gamma: float, c: float, low: Lowpass = lowpass
) -> Tensor:
    """Pull the low frequencies of a predicted clean latent towards the reference's.

    Args:
        z0: (B, C, rows, cols) predicted clean latent
        z_ref_low: (B, C, rows, cols) ``lowpass(z_ref, c)``, computed once a stage
        gamma: 0 (leave) .. 1 (replace)
        c: low-pass factor
        low: the low-pass filter

    Returns:
        (B, C, rows, cols).
    """
    return z0 + gamma * (z_ref_low - low(z0, c))
