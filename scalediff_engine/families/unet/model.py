"""Running Stable Diffusion's U-Nets (1.5, 2.1, XL and their distilled forms)."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from typing import Any, cast

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor

from scalediff_engine.base.errors import ModelError
from scalediff_engine.base.geometry import Grid, Size
from scalediff_engine.families.unet.attention import neighborhood_attention
from scalediff_engine.families.unet.fast_unet import make_fast, repeated_blocks
from scalediff_engine.families.unet.latent_preview import preview_matrix
from scalediff_engine.method.guidance import classifier_free_guidance
from scalediff_engine.method.noise import (
    CLEAN,
    DiscreteSchedule,
    Level,
    Prediction,
    Spacing,
    evenly_spaced_levels,
    scheduler_timesteps,
)
from scalediff_engine.models.components import Components
from scalediff_engine.models.device import best_attention, pick_vae_dtype
from scalediff_engine.models.model import Conditioning, PromptEmbeddings, Tiling
from scalediff_engine.models.placed_model import PlacedModel
from scalediff_engine.models.placement import Placement
from scalediff_engine.spec.family import FamilyFacts

# Of a scheduler's configuration, what says how much noise there is at which timestep.
_BETAS = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas")


class UNetModel(PlacedModel):
    """A U-Net of diffusers' conditional class, loaded; implements ``models.model.Model``.

    Args:
        facts: of the family, or of its distilled form
        parts: in main memory; the model makes them its own
        device: where it runs
        dtype: what the U-Net is in, and computes in

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
        self.schedule = discrete_schedule(parts)
        self._spacing = spacing_of(parts)
        vae: Any = parts.vae
        self.preview_matrix = preview_matrix(float(vae.config["scaling_factor"]))
        self._encode_text = parts.encode_text
        self._dtype = dtype
        vae_dtype = pick_vae_dtype(dtype, safe_in_float16=parts.vae_safe_in_float16)
        native = facts.native.grid(facts.latent_factor)
        self._vae = parts.autoencoder(vae, device, vae_dtype, native)
        unet: Any = parts.denoiser
        self._unet = cast(UNet2DConditionModel, unet.to(memory_format=torch.channels_last))
        self._placement = Placement(unet, repeated_blocks(unet), device, self._make_fast)
        self._takes_sizes = self._unet.config["addition_embed_type"] == "text_time"
        self._guidance_channels: int | None = self._unet.config["time_cond_proj_dim"]

    def levels(self, t_start: int, steps: int) -> tuple[Level, ...]:
        """Evenly from ``t_start`` itself, for distilled forms too.

        Those were trained at a handful of timesteps over all of the schedule, of which a start in
        the middle would leave one or two; in between they do as the model they came from.
        """
        return evenly_spaced_levels(self.schedule, t_start, steps)

    def base_levels(self, steps: int) -> tuple[Level, ...]:
        """Return the levels that the checkpoint's own scheduler takes.

        Distilled forms take theirs from the top (``trailing``), whatever the file says: merged
        models keep the configuration of the model that they were merged with.
        """
        spacing, offset = self._spacing
        if self.facts.guided_sigmas is None:
            spacing = Spacing.TRAILING
        timesteps = scheduler_timesteps(
            spacing, steps, offset=offset, train_timesteps=self.facts.train_timesteps
        )
        return (*(self.schedule.level(t) for t in timesteps), CLEAN)

    def condition(self, prompt: str, negative: str, base: Size | None = None) -> Conditioning:
        """Encode both prompts together, so that they have the same number of tokens."""
        self._placement.make_room()
        words = self._encode_text([prompt or self.facts.default_prompt, negative])
        tokens = words.tokens.to(self.device, self._dtype)
        pooled = None if words.pooled is None else words.pooled.to(self.device, self._dtype)
        sizes = None
        if self._takes_sizes:
            sizes = size_ids(base or self.facts.native).to(self.device)
        positive, negative_words = (
            PromptEmbeddings(
                tokens[i : i + 1], None if pooled is None else pooled[i : i + 1], sizes
            )
            for i in range(2)
        )
        return Conditioning(positive, negative_words)

    def predict(self, z: Tensor, level: Level, words: PromptEmbeddings, guidance: float) -> Tensor:
        """Predict eps or v, whichever the schedule says; float32."""
        self._placement.ensure()
        n = len(words.tokens)
        sample = z.to(self.device, self._dtype).expand(n, -1, -1, -1)
        with best_attention(self.device):
            output = self._unet(
                sample.contiguous(memory_format=torch.channels_last),
                # made on the device: a number would be copied there, and the copy waited for
                torch.full((1,), level.timestep, dtype=torch.float32, device=self.device),
                encoder_hidden_states=words.tokens,
                timestep_cond=self._guidance_embedding(guidance, n),
                added_cond_kwargs=self._size_conditioning(words),
            )
        return output.sample.float()

    guide = staticmethod(classifier_free_guidance)

    def neighborhood_attention(self, grid: Grid) -> AbstractContextManager[Tiling]:
        """Attach NPA to the U-Net's self-attention."""
        native = self.facts.native.grid(self.facts.latent_factor)
        return neighborhood_attention(self._unet, native=native, grid=grid)

    def _make_fast(self) -> None:
        if self.device.type != "cpu":
            make_fast(self._unet)

    def _size_conditioning(self, words: PromptEmbeddings) -> dict[str, Tensor] | None:
        """SDXL's: a whole picture of the base's size, at every stage (method page, section 1)."""
        if not self._takes_sizes:
            return None
        assert words.pooled is not None  # this family's condition has both
        assert words.sizes is not None
        return {"text_embeds": words.pooled, "time_ids": words.sizes}

    def _guidance_embedding(self, guidance: float, n: int) -> Tensor | None:
        """What a U-Net with guidance distilled into it hears of it; (n, channels)."""
        if self._guidance_channels is None:
            return None
        embedding = guidance_embedding(guidance, self._guidance_channels)
        return embedding.to(self.device, self._dtype).expand(n, -1)


def size_ids(size: Size) -> Tensor:
    """Say of a picture in SDXL's terms that it is whole and of this size; (1, 6).

    The six are the original height and width, the crop's top and left, and the height and width
    aimed at (Podell et al. 2023, arXiv 2307.01952, section 2.2).
    """
    return torch.tensor([[size.height, size.width, 0, 0, size.height, size.width]]).float()


def guidance_embedding(guidance: float, channels: int) -> Tensor:
    """Give sines and cosines of a guidance scale, as consistency models hear it; (1, channels).

    They hear ``guidance - 1``, which is 0 where there is none (Luo et al. 2023, arXiv 2310.04378).
    """
    half = channels // 2
    frequencies = torch.exp(torch.arange(half) * (-math.log(10000.0) / (half - 1)))
    angles = (guidance - 1) * 1000 * frequencies
    embedding = torch.cat([angles.sin(), angles.cos()])
    return torch.nn.functional.pad(embedding, (0, channels % 2))[None]


def spacing_of(parts: Components) -> tuple[Spacing, int]:
    """Read ``timestep_spacing`` and ``steps_offset`` off a scheduler's configuration.

    Raises:
        ModelError: the configuration says something that is not known here.
    """
    config = parts.scheduler
    # diffusers' defaults where the file says nothing
    euler = str(config.get("_class_name", "")).startswith(("Euler", "DPM", "UniPC", "Heun"))
    name = config.get("timestep_spacing", "linspace" if euler else "leading")
    offset = config.get("steps_offset", 0)
    try:
        return Spacing(name), int(offset)
    except (TypeError, ValueError) as error:
        known = ", ".join(spacing.value for spacing in Spacing)
        raise ModelError(
            f"The model's scheduler has the timestep spacing '{name}' with the offset '{offset}'. "
            f"Known spacings: {known}."
        ) from error


def discrete_schedule(parts: Components) -> DiscreteSchedule:
    """Read the noise levels and the kind of prediction off a scheduler's configuration.

    Raises:
        ModelError: the configuration says something that is not known here.
    """
    config = parts.scheduler
    wanted = config.get("prediction_type", "epsilon")
    kinds = {kind.value: kind for kind in (Prediction.EPSILON, Prediction.V)}
    if wanted not in kinds:
        raise ModelError(
            f"This model predicts '{wanted}', which this program does not know; "
            f"it knows {' and '.join(kinds)}."
        )
    known: dict[str, Any] = {name: config[name] for name in _BETAS if name in config}
    # a terminal signal of zero, for models that were trained with it (arXiv 2305.08891)
    known["rescale_betas_zero_snr"] = bool(config.get("rescale_betas_zero_snr"))
    try:
        scheduler: Any = DDIMScheduler(**known)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ModelError(f"The model's scheduler configuration is not usable: {error}.") from error
    return DiscreteSchedule(scheduler.alphas_cumprod, kinds[wanted])
