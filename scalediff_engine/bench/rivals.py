"""Everything that the quality tables compare: plain filters, ScaleDiff, and its ablations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from scalediff_engine.geometry import Size
from scalediff_engine.images.picture import Picture, Pixels
from scalediff_engine.images.resample import Kernel, resize
from scalediff_engine.models.model import Model
from scalediff_engine.pipeline.plan import plan_upscale
from scalediff_engine.pipeline.settings import Attention, Settings
from scalediff_engine.pipeline.upscale import upscale

SCALEDIFF = "ScaleDiff"
DIRECT = "- direct attention"


@dataclass(frozen=True)
class Rival:
    """A named way from a small picture to a large one."""

    name: str
    run: Callable[[Pixels, Size, str], Pixels]


def all_rivals(model: Model, seed: int) -> tuple[Rival, ...]:
    """Give every row of the tables; the first two are filters."""
    plain = Settings(seed=seed)
    ablations = {
        SCALEDIFF: plain,
        DIRECT: replace(plain, attention=Attention.DIRECT),
        "- MultiDiffusion": replace(plain, attention=Attention.MULTIDIFFUSION),
        "- no LFM": replace(plain, latent_frequency_mixing=False),
        "- no SG": replace(plain, structure_guidance=False),
        "- no jitter": replace(plain, jitter=False),
        "- no source lock": replace(plain, source_lock=False),
    }
    filters = {"bicubic": Kernel.BICUBIC, "Lanczos": Kernel.LANCZOS}
    return (
        *(Rival(name, _filter(kernel)) for name, kernel in filters.items()),
        *(Rival(name, _scalediff(model, settings)) for name, settings in ablations.items()),
    )


def _filter(kernel: Kernel) -> Callable[[Pixels, Size, str], Pixels]:
    return lambda pixels, target, _: np.clip(resize(pixels, target, kernel=kernel), 0, 1)


def _scalediff(model: Model, settings: Settings) -> Callable[[Pixels, Size, str], Pixels]:
    def run(pixels: Pixels, target: Size, prompt: str) -> Pixels:
        chosen = replace(settings, prompt=prompt)
        picture = Picture(pixels)
        plan = plan_upscale(picture.size, target, model.facts, chosen)
        return upscale(picture, plan, chosen, model, lambda _: None).pixels

    return run
