"""What a latent looks like, at a glance: no decoder, a linear map of its channels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PREVIEW_MAX_SIDE = 512


def preview(z0: Tensor, matrix: Tensor) -> NDArray[np.uint8]:
    """A cheap picture of a clean latent, shrunk to a glance's size.

    Args:
        z0: (1, C, rows, cols)
        matrix: (C + 1, 3), the last row is the offset

    Returns:
        (rows', cols', 3) uint8 sRGB.
    """
    shrink = max(1, -(-max(z0.shape[-2:]) // PREVIEW_MAX_SIDE))
    z = z0[0][:, ::shrink, ::shrink].float().cpu().permute(1, 2, 0)  # (rows', cols', C)
    rgb = z @ matrix[:-1] + matrix[-1]
    return ((rgb.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()
