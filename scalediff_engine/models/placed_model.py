"""What loaded models share whose weights the memory plan moves between device and main memory."""

from __future__ import annotations

from torch import Tensor

from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.models.autoencoder import Autoencoder
from scalediff_engine.models.placement import Placement
from scalediff_engine.spec.family import FamilyFacts


class PlacedModel:
    """The part of ``models.model.Model`` that does not depend on the architecture.

    A subclass sets the attributes.

    Attributes:
        facts: of the family
    """

    facts: FamilyFacts
    _placement: Placement
    _vae: Autoencoder

    def encode(self, pixels: Tensor) -> Tensor:
        """(1, 3, H, W) in -1..1 to (1, C, H/f, W/f) scaled latents."""
        self._placement.make_room(pixels.shape[-2] * pixels.shape[-1])
        return self._vae.encode(pixels)

    def decode(self, z: Tensor) -> Tensor:
        """(1, C, rows, cols) scaled latents to (1, 3, rows*f, cols*f)."""
        self._placement.make_room(z.shape[-2] * z.shape[-1] * self.facts.latent_factor**2)
        return self._vae.decode(z)

    def arrange(self, plan: MemoryPlan) -> None:
        """Follow the plan from now on."""
        self._placement.arrange(plan)
        self._vae.working_bytes = plan.vae_bytes

    def compile(self, *, on: bool = True) -> None:
        """Compile the repeated blocks, or not."""
        self._placement.compile(on=on)
