"""The loop of ScaleDiff: upsample, diffuse, denoise, stage by stage.

Laid out as the algorithm of the paper (arXiv 2510.25818, section 3).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scalediff_engine.geometry import Grid, Offset
from scalediff_engine.images.lock import source_lock
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.method.frequency import (
    enlarge_latent,
    guide_structure,
    latent_frequency_mix,
    lowpass,
)
from scalediff_engine.method.multidiffusion import average_views
from scalediff_engine.method.noise import (
    Level,
    add_noise,
    predict_clean,
    seeded_noise,
    step_to,
    structure_gamma,
)
from scalediff_engine.method.stages import StageSizes
from scalediff_engine.models.model import Condition, Model, Tiling, Words
from scalediff_engine.pipeline.attempts import Attempts
from scalediff_engine.pipeline.canvas import resize_canvas, source_canvas, to_canvas
from scalediff_engine.pipeline.meter import Meter
from scalediff_engine.pipeline.plan import Plan, StagePlan
from scalediff_engine.pipeline.progress import Phase
from scalediff_engine.pipeline.settings import Attention, Settings

PREVIEW_MAX_SIDE = 512


@torch.inference_mode()
def run_stages(
    source: Tensor, plan: Plan, settings: Settings, model: Model, meter: Meter
) -> Tensor:
    """Upscale a picture through all stages of a plan.

    Args:
        source: (1, 3, h, w) sRGB in -1..1
        plan, settings: what to do
        model: runs every stage; it is as it was before when this returns or raises
        meter: hears of every step, and may raise ``Cancelled``

    Returns:
        (1, 3, target height, target width) sRGB, about -1..1.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    attempts = Attempts(model, plan.memory)
    condition = model.condition(settings.prompt, settings.negative)
    x: Tensor | None = None  # the picture and the latent of the stage before
    z: Tensor | None = None
    for index, stage in enumerate(plan.stages):
        meter.report(Phase.ENCODE, index)
        x_up = (
            to_canvas(source, plan.sizes, stage.canvas)
            if x is None
            else resize_canvas(x, stage.canvas)
        )
        if stage.steps == 0:  # creativity 0: nothing is diffused, so nothing needs the VAE
            x, z = x_up, None
            continue
        if z is None and settings.latent_frequency_mixing and plan.sizes.start != stage.canvas:
            start = to_canvas(source, plan.sizes, plan.sizes.start)
            z = attempts.run(lambda _, x=start: model.encode(x))
        z_ru = attempts.run(lambda _, x=x_up: model.encode(x))
        z_ref = _reference(z_ru, z, model, settings)
        z = _denoise(z_ref, index, stage, settings, condition, attempts, model, generator, meter)
        meter.report(Phase.DECODE, index, stage.steps)
        x = attempts.run(lambda _, z=z: model.decode(z))
        if settings.source_lock and index + 1 < len(plan.stages):
            x = _locked(x, source, plan.sizes)
    assert x is not None  # a plan has at least one stage
    return x[..., : plan.target.height, : plan.target.width].float().cpu()


def _locked(x: Tensor, source: Tensor, sizes: StageSizes) -> Tensor:
    """Give the next stage a picture that still is the source; (1, 3, H, W), any range.

    What an autoencoder loses would otherwise be lost once more at every stage.
    """
    known = to_canvas(source, sizes, source_canvas(source, sizes))
    locked = source_lock(*(t[0].permute(1, 2, 0).cpu().numpy() for t in (known, x)), clip=False)
    return torch.from_numpy(locked).permute(2, 0, 1)[None].to(x)


def _reference(z_ru: Tensor, z: Tensor | None, model: Model, settings: Settings) -> Tensor:
    """z_ref of the stage: the encoded enlarged picture, mixed with the enlarged latent."""
    if z is None or not settings.latent_frequency_mixing:
        return z_ru
    z_lu = enlarge_latent(z, (z_ru.shape[-2], z_ru.shape[-1]))
    return latent_frequency_mix(z_lu, z_ru, model.facts.mixing_lowpass)


def _denoise(
    z_ref: Tensor,
    index: int,
    stage: StagePlan,
    settings: Settings,
    condition: Condition,
    attempts: Attempts,
    model: Model,
    generator: torch.Generator,
    meter: Meter,
) -> Tensor:
    """Diffuse the reference to ``t_start`` and denoise it; (1, C, rows, cols) to the same."""
    prediction = model.schedule.prediction
    levels = model.levels(stage.t_start, stage.steps)
    grid = Grid(z_ref.shape[-2], z_ref.shape[-1])
    c = model.facts.guidance_lowpass
    z_ref_low = lowpass(z_ref, c)
    z_t = add_noise(z_ref, seeded_noise(tuple(z_ref.shape), generator).to(z_ref), levels[0])
    with _attention(model, settings.attention, grid) as tiling:
        for step, (level, following) in enumerate(itertools.pairwise(levels)):
            # drawn in every mode, so that an ablation changes nothing else
            offset = _random_offset(model, generator)
            if settings.jitter:
                tiling.offset = offset
            output = _guided(z_t, level, stage, settings, condition, attempts, model)
            z0 = predict_clean(z_t, output, level, prediction)
            if settings.structure_guidance:
                gamma = settings.structure * structure_gamma(level, levels[0], prediction)
                z0 = guide_structure(z0, z_ref_low, gamma, c)
            z_t = step_to(z_t, z0, level, following)
            meter.report(Phase.DENOISE, index, step + 1, preview(z0, model.preview_matrix))
    return z_t


def _guided(
    z_t: Tensor,
    level: Level,
    stage: StagePlan,
    settings: Settings,
    condition: Condition,
    attempts: Attempts,
    model: Model,
) -> Tensor:
    """One evaluation, or two and classifier-free guidance where it is wanted and matters."""
    evaluate = _evaluation(model, settings.attention, stage.guidance)
    if not stage.guides(level.sigma / level.alpha):
        return attempts.run(lambda _: evaluate(z_t, level, condition.positive))
    prompts = (condition.positive, condition.negative)

    def both(plan: MemoryPlan) -> Tensor:
        if plan.guidance_batch > 1:
            return evaluate(z_t, level, Words.together(*prompts))
        return torch.cat([evaluate(z_t, level, words) for words in prompts])

    positive, negative = attempts.run(both).chunk(2)
    return negative + stage.guidance * (positive - negative)


def _evaluation(
    model: Model, attention: Attention, guidance: float
) -> Callable[[Tensor, Level, Words], Tensor]:
    if attention is not Attention.MULTIDIFFUSION:
        return lambda z, level, words: model.predict(z, level, words, guidance)
    view = model.facts.native.grid(model.facts.latent_factor)
    return lambda z, level, words: average_views(
        z, view, lambda part: model.predict(part, level, words, guidance)
    )


@contextmanager
def _attention(model: Model, attention: Attention, grid: Grid) -> Generator[Tiling]:
    if attention is Attention.NPA:
        with model.neighborhood_attention(grid) as tiling:
            yield tiling
    else:
        yield Tiling()  # the other two leave the model's layers alone


def _random_offset(model: Model, generator: torch.Generator) -> Offset:
    native = model.facts.native.grid(model.facts.latent_factor)
    row, col = (
        int(torch.randint(side // 2, (), generator=generator))
        for side in (native.rows, native.cols)
    )
    return Offset(row, col)


def preview(z0: Tensor, matrix: Tensor) -> NDArray[np.uint8]:
    """A cheap picture of a clean latent: a linear map, shrunk to a glance's size.

    Args:
        z0: (1, C, rows, cols)
        matrix: (C + 1, 3), the last row is the offset

    Returns:
        (rows', cols', 3) uint8 sRGB.
    """
    shrink = max(1, -(-max(z0.shape[-2:]) // PREVIEW_MAX_SIDE))
    z = z0[0].float().cpu()[:, ::shrink, ::shrink].permute(1, 2, 0)  # (rows', cols', C)
    rgb = z @ matrix[:-1] + matrix[-1]
    return ((rgb.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()
