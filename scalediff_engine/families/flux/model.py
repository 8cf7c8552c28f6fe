"""Running FLUX's transformer (dev and schnell)."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, cast

import torch
from diffusers import FluxTransformer2DModel
from torch import Tensor

from scalediff_engine.base.geometry import Grid, Size
from scalediff_engine.families.flux.attention import neighborhood_attention
from scalediff_engine.method.guidance import classifier_free_guidance
from scalediff_engine.method.noise import FlowSchedule, Level, evenly_spaced_levels
from scalediff_engine.models.components import Components
from scalediff_engine.models.device import best_attention, pick_vae_dtype
from scalediff_engine.models.model import Conditioning, PromptEmbeddings, Tiling
from scalediff_engine.models.placed_model import PlacedModel
from scalediff_engine.models.placement import Placement
from scalediff_engine.spec.family import FamilyFacts

# Tokens of a picture of the native size, for which the schedule's shift is worked out at every
# stage (method page, section 1).
_BASE_TOKENS = 4096
# A linear guess of the picture, public least-squares figures.
# rows: latent channels, then the offset; columns: red, green, blue in -1..1
_PREVIEW = (
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


class FluxModel(PlacedModel):
    """FLUX, loaded; implements ``models.model.Model``.

    Args:
        facts: of dev or schnell
        parts: in main memory; the model makes them its own
        device: where it runs
        dtype: what the transformer is in, and computes in
    """

    def __init__(
        self, facts: FamilyFacts, parts: Components, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.facts = facts
        self.device = device
        self.weights_hash = parts.weights_hash
        self.notes = parts.notes
        self.schedule = FlowSchedule(mu=schedule_shift(parts))
        self.preview_matrix = torch.tensor(_PREVIEW)
        self._encode_text = parts.encode_text
        self._dtype = dtype
        transformer: Any = parts.denoiser
        self._transformer = cast(FluxTransformer2DModel, transformer)
        blocks = [*transformer.transformer_blocks, *transformer.single_transformer_blocks]
        self._placement = Placement(transformer, blocks, device)
        native = facts.native.grid(facts.latent_factor)
        vae_dtype = pick_vae_dtype(dtype, safe_in_float16=parts.vae_safe_in_float16)
        self._vae = parts.autoencoder(parts.vae, device, vae_dtype, native)

    def levels(self, t_start: int, steps: int) -> tuple[Level, ...]:
        """Evenly in the unshifted time from ``t_start``, bent by the shift."""
        return evenly_spaced_levels(self.schedule, t_start, steps)

    def base_levels(self, steps: int) -> tuple[Level, ...]:
        """Return evenly spaced levels from pure noise."""
        return self.levels(self.schedule.timesteps, steps)

    def condition(self, prompt: str, negative: str, base: Size | None = None) -> Conditioning:
        """Encode the prompt; FLUX has no use for a negative one, so the same serves as both."""
        del negative, base
        self._placement.make_room()
        words = self._encode_text([prompt or self.facts.default_prompt])
        assert words.pooled is not None  # this family's text encoding gives it
        words = PromptEmbeddings(
            words.tokens.to(self.device, self._dtype), words.pooled.to(self.device, self._dtype)
        )
        return Conditioning(words, words)

    def predict(self, z: Tensor, level: Level, words: PromptEmbeddings, guidance: float) -> Tensor:
        """Predict the flow, float32.

        ``guidance`` is heard by models with guidance distilled into them (dev).
        """
        self._placement.ensure()
        n, (rows, cols) = len(words.tokens), z.shape[-2:]
        tokens = pack(z.to(self.device, self._dtype)).expand(n, -1, -1)
        heard = None
        if self._transformer.config["guidance_embeds"]:
            heard = torch.full((n,), guidance, dtype=torch.float32, device=self.device)
        with best_attention(self.device):
            output = self._transformer(
                hidden_states=tokens,
                encoder_hidden_states=words.tokens,
                pooled_projections=words.pooled,
                timestep=torch.full((n,), level.sigma, dtype=self._dtype, device=self.device),
                img_ids=token_places(Grid(rows // 2, cols // 2), self.device),
                txt_ids=torch.zeros(words.tokens.shape[1], 3, device=self.device),
                guidance=heard,
            ).sample
        return unpack(output, rows, cols).float()

    guide = staticmethod(classifier_free_guidance)

    def neighborhood_attention(self, grid: Grid) -> AbstractContextManager[Tiling]:
        """Attach NPA to both kinds of blocks."""
        native = self.facts.native.grid(self.facts.latent_factor)
        return neighborhood_attention(self._transformer, native=native, grid=grid)


def pack(z: Tensor) -> Tensor:
    """(B, C, rows, cols) latents to (B, rows/2 * cols/2, C*4) tokens."""
    z = z.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))  # (B, C, rows/2, 2, cols/2, 2)
    return z.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def unpack(tokens: Tensor, rows: int, cols: int) -> Tensor:
    """(B, rows/2 * cols/2, C*4) tokens to (B, C, rows, cols) latents."""
    z = tokens.unflatten(2, (-1, 2, 2)).unflatten(1, (rows // 2, cols // 2))
    return z.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)


@lru_cache(maxsize=4)
def token_places(grid: Grid, device: torch.device) -> Tensor:
    """(rows*cols, 3): what the rotary embedding is told of each token, its row and column."""
    places = torch.zeros(grid.rows, grid.cols, 3)
    places[..., 1] = torch.arange(grid.rows)[:, None]
    places[..., 2] = torch.arange(grid.cols)
    return places.flatten(0, 1).to(device)


def schedule_shift(parts: Components) -> float:
    """Give mu, the logarithm of the schedule's shift, for a picture of the native size.

    Source: FLUX's own schedule, linear in the number of tokens between two that it names.
    """
    config = parts.scheduler
    if not config.get("use_dynamic_shifting", False):
        return math.log(float(config.get("shift", 1.0)))
    low, high = float(config["base_image_seq_len"]), float(config["max_image_seq_len"])
    low_mu, high_mu = float(config["base_shift"]), float(config["max_shift"])
    return low_mu + (high_mu - low_mu) * (_BASE_TOKENS - low) / (high - low)
