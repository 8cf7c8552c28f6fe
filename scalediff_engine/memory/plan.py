"""How a job is spread over a device's memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MemoryPlan:
    """What is kept on the device and how much is computed at once.

    Plans differ in memory and time. The picture is the same, within float tolerance, under all
    of them except those with 8-bit weights.

    Attributes:
        batch_pixels: the two evaluations of a guided step run as one batch where they have no more
            pixels together; None = they always do
        vae_bytes: working memory of the autoencoder's strips, beside its input and output; None =
            as much as is fastest
        alone_above: the denoiser leaves the device while the autoencoder works on a picture of
            more pixels than this; None = it never does
        resident_bytes: of the denoiser's weights that stay on the device, the others come from
            main memory when their turn comes; None = all stay
        weight_bits: 16, or 8 with arithmetic in 16
    """

    batch_pixels: int | None = None
    vae_bytes: int | None = None
    alone_above: int | None = None
    resident_bytes: int | None = None
    weight_bits: int = 16

    def batches(self, pixels: int) -> bool:
        """Whether two evaluations of a canvas of so many pixels are one batch."""
        return self.batch_pixels is None or 2 * pixels <= self.batch_pixels


ROOMY = MemoryPlan()
