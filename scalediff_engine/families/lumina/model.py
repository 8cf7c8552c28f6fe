"""Running Lumina-Next's transformer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, cast

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, LuminaNextDiT2DModel
from diffusers.models.embeddings import get_2d_rotary_pos_embed_lumina
from torch import Tensor

from scalediff_engine.base.errors import ModelError
from scalediff_engine.base.geometry import Grid, Size
from scalediff_engine.families.lumina.attention import has_windows, neighborhood_attention
from scalediff_engine.families.unet.latent_preview import preview_matrix
from scalediff_engine.method.guidance import classifier_free_guidance
from scalediff_engine.method.noise import FlowSchedule, Level, evenly_spaced_levels
from scalediff_engine.models.components import Components
from scalediff_engine.models.device import best_attention, pick_vae_dtype
from scalediff_engine.models.model import Conditioning, PromptEmbeddings, Tiling
from scalediff_engine.models.placed_model import PlacedModel
from scalediff_engine.models.placement import Placement
from scalediff_engine.spec.family import FamilyFacts

# Of the four latent channels, those that guidance changes: so the model's authors sample.
_GUIDED_CHANNELS = 3


class LuminaModel(PlacedModel):
    """Lumina-Next, loaded; implements ``models.model.Model``.

    Args:
        facts: of the family
        parts: in main memory; the model makes them its own
        device: where it runs
        dtype: what the transformer is in, and computes in

    Raises:
        ModelError: the scheduler's configuration says something that is not known here.
    """

    def __init__(
        self, facts: FamilyFacts, parts: Components, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.facts = facts
        self.device = device
        self.weights_hash = parts.weights_hash
        self.notes = parts.notes
        self._scheduler = _scheduler(parts.scheduler)
        shift = float(self._scheduler.config["shift"])
        self.schedule = FlowSchedule(mu=math.log(shift))
        self._encode_text = parts.encode_text
        self._dtype = dtype
        transformer: Any = parts.denoiser
        self._transformer = cast(LuminaNextDiT2DModel, transformer)
        self._placement = Placement(transformer, list(transformer.layers), device)
        self._native = facts.native.grid(facts.latent_factor)
        vae: Any = parts.vae
        self.preview_matrix = preview_matrix(float(vae.config["scaling_factor"]))
        vae_dtype = pick_vae_dtype(dtype, safe_in_float16=parts.vae_safe_in_float16)
        self._vae = parts.autoencoder(vae, device, vae_dtype, self._native)

    def levels(self, t_start: int, steps: int) -> tuple[Level, ...]:
        """Evenly in the unshifted time from ``t_start``, bent by the shift."""
        return evenly_spaced_levels(self.schedule, t_start, steps)

    def base_levels(self, steps: int) -> tuple[Level, ...]:
        """Return the levels of the checkpoint's own scheduler."""
        self._scheduler.set_timesteps(steps)
        return tuple(
            Level(sigma * self.facts.train_timesteps, 1 - sigma, sigma)
            for sigma in self._scheduler.sigmas.tolist()
        )

    def condition(self, prompt: str, negative: str, base: Size | None = None) -> Conditioning:
        """Encode both prompts; the positive one in lower case, as diffusers' pipeline does."""
        del base
        self._placement.make_room()
        prompt = (prompt or self.facts.default_prompt).lower().strip()
        words = self._encode_text([prompt, negative])
        tokens = words.tokens.to(self.device, self._dtype)
        mask = None if words.mask is None else words.mask.to(self.device)
        positive, negative_words = (
            PromptEmbeddings(tokens[i : i + 1], mask=None if mask is None else mask[i : i + 1])
            for i in range(2)
        )
        return Conditioning(positive, negative_words)

    def predict(self, z: Tensor, level: Level, words: PromptEmbeddings, guidance: float) -> Tensor:
        """Predict the flow, float32.

        The network's own time runs from noise at 0 to the picture at 1, and its output points
        along it. Half of its output channels are a variance, which nothing uses.
        """
        del guidance
        self._placement.ensure()
        n, grid = len(words.tokens), Grid(*z.shape[-2:])
        mask = words.mask
        if mask is None:
            mask = torch.ones(words.tokens.shape[:2], dtype=torch.bool, device=self.device)
        # Native windows need no scaling of positions. The unmodified network gets what diffusers'
        # pipeline gives it: positions squeezed to the native extent.
        squeeze = math.sqrt(grid.cells / self._native.cells)
        if has_windows(self._transformer):
            squeeze = 1.0
        rotary = rotary_embedding(self._transformer.head_dim, grid.halved(1), squeeze, self.device)
        with best_attention(self.device):
            output = self._transformer(
                hidden_states=z.to(self.device, self._dtype).expand(n, -1, -1, -1),
                timestep=torch.full((n,), 1 - level.sigma, device=self.device),
                encoder_hidden_states=words.tokens,
                encoder_mask=mask,
                image_rotary_emb=rotary,
                cross_attention_kwargs={"base_sequence_length": self._native.halved(1).cells},
            ).sample
        return -output[:, : self.facts.latent_channels].float()

    def guide(self, positive: Tensor, negative: Tensor, guidance: float, level: Level) -> Tensor:
        """Guide the first three channels and leave the prompt's fourth as it is."""
        guided = classifier_free_guidance(positive, negative, guidance, level)
        return torch.cat([guided[:, :_GUIDED_CHANNELS], positive[:, _GUIDED_CHANNELS:]], dim=1)

    def neighborhood_attention(self, grid: Grid) -> AbstractContextManager[Tiling]:
        """Attach NPA to every block."""
        return neighborhood_attention(self._transformer, native=self._native, grid=grid)


@lru_cache(maxsize=4)
def rotary_embedding(depth: int, grid: Grid, squeeze: float, device: torch.device) -> Tensor:
    """Return the rotations of a grid's tokens, (rows, cols, depth/2) complex.

    Args:
        depth: channels of a head
        grid: rows x cols of tokens
        squeeze: positions are divided by it
        device: where they are wanted
    """
    return get_2d_rotary_pos_embed_lumina(
        depth, grid.rows, grid.cols, linear_factor=squeeze, ntk_factor=1.0
    ).to(device)


def _scheduler(config: Mapping[str, Any]) -> Any:  # noqa: ANN401 - its types know no sigmas
    """Give diffusers' scheduler of this configuration.

    Raises:
        ModelError: its schedule depends on the size, or it is no configuration of a flow.
    """
    if config.get("use_dynamic_shifting"):
        raise ModelError(
            "The model's scheduler has a schedule that depends on the size of the picture "
            "('use_dynamic_shifting'), which Lumina-Next was published without."
        )
    known = {key: value for key, value in config.items() if not key.startswith("_")}
    try:
        return FlowMatchEulerDiscreteScheduler.from_config(known)
    except (TypeError, ValueError) as error:
        raise ModelError(f"The model's scheduler configuration is not usable: {error}.") from error
