"""diffusers' autoencoder as the families use it: scaled latents, safe precision."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL
from torch import Tensor


class Autoencoder:
    """An autoencoder on its device.

    Args:
        vae: in main memory
        device: where it will run
        dtype: precision to run in; a result that is not finite is computed again in float32
    """

    def __init__(self, vae: AutoencoderKL, device: torch.device, dtype: torch.dtype) -> None:
        self._vae = vae.to(device, dtype, memory_format=torch.channels_last)
        self._device = device
        self._dtype = dtype
        self._scale = float(vae.config["scaling_factor"])
        self._shift = float(vae.config.get("shift_factor") or 0.0)
        # working memory of the strips, beside input and output; None = as much as is fastest
        self.working_bytes: int | None = None

    def encode(self, pixels: Tensor) -> Tensor:
        """(1, 3, H, W) in -1..1 to (1, C, H/f, W/f) float32, scaled; the posterior's mode."""
        x = pixels.to(self._device, self._dtype, memory_format=torch.channels_last)
        z = self._vae.encode(x).latent_dist.mode().float()
        return (z - self._shift) * self._scale

    def decode(self, z: Tensor) -> Tensor:
        """(1, C, rows, cols) scaled latents to (1, 3, rows*f, cols*f) float32, about -1..1."""
        z = z.float() / self._scale + self._shift
        return self._vae.decode(z.to(self._device, self._dtype)).sample.float()
