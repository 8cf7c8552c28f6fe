"""Low frequencies of a latent: Latent Frequency Mixing and Structure Guidance.

Source: ScaleDiff (arXiv 2510.25818), sections 3.2 and 3.3.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate


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


def enlarge_latent(z: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic resize of a latent, (B, C, rows, cols) to ``size``; computed in float32."""
    return interpolate(z.float(), size=size, mode="bicubic", align_corners=False).to(z.dtype)


def latent_frequency_mix(z_lu: Tensor, z_ru: Tensor, c: float) -> Tensor:
    """Low frequencies of the enlarged latent, high ones of the encoded enlarged picture.

    Args:
        z_lu: (B, C, rows, cols) the previous latent, enlarged
        z_ru: (B, C, rows, cols) the previous picture, enlarged and then encoded
        c: low-pass factor

    Returns:
        (B, C, rows, cols) the reference latent.
    """
    return z_ru + lowpass(z_lu, c) - lowpass(z_ru, c)


def guide_structure(z0: Tensor, z_ref_low: Tensor, gamma: float, c: float) -> Tensor:
    """Pull the low frequencies of a predicted clean latent towards the reference's.

    Args:
        z0: (B, C, rows, cols) predicted clean latent
        z_ref_low: (B, C, rows, cols) ``lowpass(z_ref, c)``, computed once a stage
        gamma: 0 (leave) .. 1 (replace)
        c: low-pass factor

    Returns:
        (B, C, rows, cols).
    """
    return z0 + gamma * (z_ref_low - lowpass(z0, c))
