"""Loading and running the embedded model through diffusers' classes."""

from __future__ import annotations

import hashlib
import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file
from torch import Tensor

from scalediff_engine.base.errors import ModelMissing
from scalediff_engine.base.geometry import Grid, Size
from scalediff_engine.families.embedded.spec import CONTENT_WORDS, QUALITY_WORDS, chosen_token
from scalediff_engine.families.unet.attention import neighborhood_attention
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.method.guidance import classifier_free_guidance
from scalediff_engine.method.noise import DiscreteSchedule, Level, evenly_spaced_levels
from scalediff_engine.models.model import Conditioning, PromptEmbeddings, Tiling
from scalediff_engine.spec.family import FamilyFacts

FOLDER = Path(__file__).parents[2] / "embedded"
WEIGHT_FILES = (
    "vae/diffusion_pytorch_model.safetensors",
    "unet/diffusion_pytorch_model.safetensors",
    "class_tokens.safetensors",
)

# What decides the picture besides the weights; all of it goes into the hash of the recipe.
CONFIG_FILES = (
    "vae/config.json",
    "unet/config.json",
    "scheduler/scheduler_config.json",
    "class_tokens.json",
)


class EmbeddedModel:
    """The embedded family, loaded; implements ``models.model.Model``."""

    def __init__(self, facts: FamilyFacts, folder: Path, device: torch.device) -> None:
        self.facts = facts
        self.device = device
        self.notes = ()
        self.weights_hash = hash_of_files([folder / n for n in WEIGHT_FILES + CONFIG_FILES])
        self._vae = _place(AutoencoderKL, folder / "vae", device)
        self._unet = _place(UNet2DConditionModel, folder / "unet", device)
        scheduler: Any = DDIMScheduler.from_pretrained(folder / "scheduler", local_files_only=True)
        self.schedule = DiscreteSchedule(scheduler.alphas_cumprod)
        self._tokens = load_file(folder / "class_tokens.safetensors")["class_tokens"].float()
        self._names: list[str] = json.loads((folder / "class_tokens.json").read_text())["names"]
        preview = json.loads((folder / "preview.json").read_text())
        self.preview_matrix = torch.tensor(preview["matrix"])

    def levels(self, t_start: int, steps: int) -> tuple[Level, ...]:
        """Evenly from ``t_start`` itself: a grid over all timesteps would leave two or three."""
        return evenly_spaced_levels(self.schedule, t_start, steps)

    def base_levels(self, steps: int) -> tuple[Level, ...]:
        """Return evenly spaced levels; this family is not asked for pictures out of noise."""
        return self.levels(self.facts.train_timesteps - 1, steps)

    def encode(self, pixels: Tensor) -> Tensor:
        """(1, 3, H, W) in -1..1 to (1, 16, H/4, W/4); the posterior's mode."""
        x = pixels.to(self.device, memory_format=torch.channels_last)
        return self._vae.encode(x).latent_dist.mode() * self._vae.config["scaling_factor"]

    def decode(self, z: Tensor) -> Tensor:
        """(1, 16, rows, cols) to (1, 3, rows*4, cols*4)."""
        z = (z / self._vae.config["scaling_factor"]).contiguous(memory_format=torch.channels_last)
        return self._vae.decode(z).sample

    def condition(self, prompt: str, negative: str, base: Size | None = None) -> Conditioning:
        """Choose the content and quality tokens that the words name."""
        del base  # this family does not hear of sizes
        return Conditioning(
            positive=PromptEmbeddings(
                self._embedding(prompt or self.facts.default_prompt, quality="sharp")
            ),
            negative=PromptEmbeddings(self._embedding(negative, quality="soft")),
        )

    def predict(self, z: Tensor, level: Level, words: PromptEmbeddings, guidance: float) -> Tensor:
        """Predict epsilon."""
        z = z.expand(len(words.tokens), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        return self._unet(z, level.timestep, encoder_hidden_states=words.tokens).sample

    def arrange(self, plan: MemoryPlan) -> None:
        """Nothing to arrange: the model is small and its pictures are what takes memory."""

    guide = staticmethod(classifier_free_guidance)

    def neighborhood_attention(self, grid: Grid) -> AbstractContextManager[Tiling]:
        """Attach NPA to the U-Net's self-attention."""
        native = self.facts.native.grid(self.facts.latent_factor)
        return neighborhood_attention(self._unet, native=native, grid=grid)

    def compile(self, *, on: bool = True) -> None:
        """Nothing to compile: the model is small."""

    def _embedding(self, words: str, *, quality: str) -> Tensor:
        content = chosen_token(words, CONTENT_WORDS) or "null"
        quality = chosen_token(words, QUALITY_WORDS) or quality
        tokens = [self._tokens[self._names.index(name)] for name in (content, quality)]
        return torch.cat(tokens)[None].to(self.device)  # (1, 8, 128)


def load_embedded(facts: FamilyFacts, device: torch.device, folder: Path = FOLDER) -> EmbeddedModel:
    """Load the embedded model.

    Raises:
        ModelMissing: its files are not where the package has them.
    """
    missing = [name for name in WEIGHT_FILES if not (folder / name).is_file()]
    if missing:
        raise ModelMissing(
            f"The embedded model is incomplete: {folder / missing[0]} is missing. "
            "Installing the program again brings it back."
        )
    return EmbeddedModel(facts, folder, device)


def _place(model_class: type[Any], folder: Path, device: torch.device) -> Any:  # noqa: ANN401
    # Any, because diffusers' own annotations name types that it does not return
    model = model_class.from_pretrained(
        folder, torch_dtype=torch.float32, local_files_only=True, use_safetensors=True
    )
    return model.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)


def hash_of_files(paths: list[Path]) -> str:
    """Give the SHA-256 of files' contents, one after the other, as hexadecimal digits."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
