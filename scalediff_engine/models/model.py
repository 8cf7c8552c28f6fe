"""The contract between the loop and a loaded model."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from scalediff_engine.base.geometry import Grid, Offset, Size
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.method.noise import Level, Schedule
from scalediff_engine.method.npa import NO_OFFSET
from scalediff_engine.spec.family import FamilyFacts

# Larger pieces are not faster on any device that was tried.
WINDOW_BYTES = 512 * 2**20


@dataclass
class Tiling:
    """Where the attention's tiling starts; the loop moves it from step to step.

    Attributes:
        offset: in latents; each attention layer scales it down to its own token grid
        window_bytes: keys and values that a layer gathers at a time; None = all
    """

    offset: Offset = NO_OFFSET
    window_bytes: int | None = WINDOW_BYTES


@dataclass(frozen=True)
class PromptEmbeddings:
    """Prompts as a model takes them.

    Attributes:
        tokens: (n, tokens, channels) embeddings of n prompts
        pooled: (n, channels) of each prompt as a whole, for families that ask for it
        sizes: (n, 6) what is said of the picture's size, for families that use it
        mask: (n, tokens) true for the tokens that the model sees; None = it sees all
    """

    tokens: Tensor
    pooled: Tensor | None = None
    sizes: Tensor | None = None
    mask: Tensor | None = None

    @staticmethod
    def batched(*parts: PromptEmbeddings) -> PromptEmbeddings:
        """Stack prompts into one batch.

        Raises:
            ValueError: they do not fit together.
        """
        if not PromptEmbeddings.can_batch(*parts):
            raise ValueError("Prompts of unequal length are evaluated one after the other.")
        pooled = [part.pooled for part in parts if part.pooled is not None]
        sizes = [part.sizes for part in parts if part.sizes is not None]
        masks = [part.mask for part in parts if part.mask is not None]
        return PromptEmbeddings(
            torch.cat([part.tokens for part in parts]),
            torch.cat(pooled) if pooled else None,
            torch.cat(sizes) if sizes else None,
            torch.cat(masks) if masks else None,
        )

    @staticmethod
    def can_batch(*parts: PromptEmbeddings) -> bool:
        """Whether prompts can be one batch: as many tokens each, and all or none with a mask."""
        shapes = {(part.tokens.shape[1:], part.mask is None) for part in parts}
        return len(shapes) == 1

    def without_masked(self) -> PromptEmbeddings:
        """Drop the masked tokens of one prompt, which is what a mask of the keys comes to.

        Exact where tokens of the text are told apart by nothing but their content.

        Raises:
            ValueError: several prompts, whose lengths would differ.
        """
        if self.mask is None:
            return self
        if len(self.tokens) != 1:
            raise ValueError("Masked tokens are dropped from one prompt at a time.")
        return replace(self, tokens=self.tokens[:, self.mask[0]], mask=None)


@dataclass(frozen=True)
class Conditioning:
    """What conditions the model besides the latent, one prompt each."""

    positive: PromptEmbeddings
    negative: PromptEmbeddings


class Model(Protocol):
    """A pretrained model, ready to run."""

    facts: FamilyFacts
    weights_hash: str
    device: torch.device
    # what people should know of how the model came together, in sentences
    notes: tuple[str, ...]
    # (latent channels + 1, 3): a linear guess of the picture, the last row is the offset
    preview_matrix: Tensor

    @property
    def schedule(self) -> Schedule:
        """Where the noise levels come from, and what the output means."""
        ...

    def levels(self, t_start: int, steps: int) -> tuple[Level, ...]:
        """Give ``steps`` noise levels from ``t_start`` downwards and the clean one."""
        ...

    def base_levels(self, steps: int) -> tuple[Level, ...]:
        """Return the levels of ``steps`` steps from pure noise, as published, and the clean one."""
        ...

    def encode(self, pixels: Tensor) -> Tensor:
        """(1, 3, H, W) sRGB in -1..1 to (1, C, H/f, W/f) in the model's scaled latent space."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """(1, C, rows, cols) scaled latent to (1, 3, rows*f, cols*f) sRGB, about -1..1."""
        ...

    def condition(self, prompt: str, negative: str, base: Size | None = None) -> Conditioning:
        """Turn words into embeddings.

        Args:
            prompt, negative: empty words mean the family's defaults
            base: what the picture would be at the native size; None = the native size
        """
        ...

    def predict(self, z: Tensor, level: Level, words: PromptEmbeddings, guidance: float) -> Tensor:
        """Evaluate the model once for each of n prompts, as one batch.

        Args:
            z: (1, C, rows, cols) noisy latent
            level: its noise
            words: n prompts
            guidance: used only by models that have guidance distilled into them

        Returns:
            (n, C, rows, cols), the model's output.
        """
        ...

    def guide(self, positive: Tensor, negative: Tensor, guidance: float, level: Level) -> Tensor:
        """Combine the outputs for both prompts, see ``method.guidance``."""
        ...

    def neighborhood_attention(self, grid: Grid) -> AbstractContextManager[Tiling]:
        """Attach NPA for latents of ``grid`` and give back the untouched model at the end."""
        ...

    def arrange(self, plan: MemoryPlan) -> None:
        """Compute under this plan from now on; may be called between any two other calls."""
        ...

    def compile(self, *, on: bool = True) -> None:
        """Compile what the model repeats, so that the next evaluation takes its time; or not."""
        ...
