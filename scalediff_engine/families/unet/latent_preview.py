"""Linear guesses of a picture from latents, for previews: public least-squares figures."""

from __future__ import annotations

import torch
from torch import Tensor

# rows: latent channels, then the offset; columns: red, green, blue in -1..1
_SD = (
    (0.3512, 0.2297, 0.3227),
    (0.3250, 0.4974, 0.2350),
    (-0.2829, 0.1762, 0.2721),
    (-0.2120, -0.2616, -0.7177),
    (0.0, 0.0, 0.0),
)
_SDXL = (
    (0.3651, 0.4232, 0.4341),
    (-0.2533, -0.0042, 0.1068),
    (0.1076, 0.1111, -0.0362),
    (-0.3165, -0.2492, -0.2188),
    (0.1084, -0.0175, -0.0011),
)
SDXL_SCALING = 0.13025


def preview_matrix(scaling_factor: float) -> Tensor:
    """Give the factors of the autoencoder with this scaling: SDXL's, or that of SD 1 and 2.

    Returns:
        (5, 3): scaled latents to sRGB in -1..1, the last row is the offset.
    """
    return torch.tensor(_SDXL if abs(scaling_factor - SDXL_SCALING) < 1e-6 else _SD)
