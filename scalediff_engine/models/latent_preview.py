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
_FLUX = (
    (-0.0346, 0.0244, 0.0681),
    (0.0034, 0.0210, 0.0687),
    (0.0275, -0.0668, -0.0433),
    (-0.0174, 0.0160, 0.0617),
    (0.0859, 0.0721, 0.0329),
    (0.0004, 0.0383, 0.0115),
    (0.0405, 0.0861, 0.0915),
    (-0.0236, -0.0185, -0.0259),
    (-0.0245, 0.0250, 0.1180),
    (0.1008, 0.0755, -0.0421),
    (-0.0515, 0.0201, 0.0011),
    (0.0428, -0.0012, -0.0036),
    (0.0817, 0.0765, 0.0749),
    (-0.1264, -0.0522, -0.1103),
    (-0.0280, -0.0881, -0.0499),
    (-0.1262, -0.0982, -0.0778),
    (-0.0329, -0.0718, -0.0851),
)
SDXL_SCALING = 0.13025


def preview_matrix(scaling_factor: float) -> Tensor:
    """Give the factors of the autoencoder with this scaling: SDXL's, or that of SD 1 and 2.

    Returns:
        (5, 3): scaled latents to sRGB in -1..1, the last row is the offset.
    """
    return torch.tensor(_SDXL if abs(scaling_factor - SDXL_SCALING) < 1e-6 else _SD)


def flux_preview_matrix() -> Tensor:
    """Give the factors of FLUX's autoencoder, (17, 3), as above."""
    return torch.tensor(_FLUX)
