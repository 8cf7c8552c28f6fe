"""The loop of ScaleDiff: upsample, diffuse, denoise, stage by stage.

Laid out as the algorithm of the paper (arXiv 2510.25818, section 3). The picture to begin with is
one that exists or one that the model makes first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor

from scalediff_engine.geometry import Grid, Offset, Size
from scalediff_engine.images.lock import source_lock
from scalediff_engine.method.frequency import (
    enlarge_latent,
    guide_structure,
    latent_frequency_mix,
    lowpass,
)
from scalediff_engine.method.noise import (
    add_noise,
    predict_clean,
    seeded_noise,
    step_to,
    structure_gamma,
)
from scalediff_engine.method.stages import StageSizes
from scalediff_engine.models.model import Model, Tiling
from scalediff_engine.pipeline.canvas import resize_canvas, source_canvas, to_canvas
from scalediff_engine.pipeline.meter import Meter
from scalediff_engine.pipeline.plan import Plan
from scalediff_engine.pipeline.preview import preview
from scalediff_engine.pipeline.progress import Phase
from scalediff_engine.pipeline.run import Run, begin
from scalediff_engine.pipeline.settings import Attention, Settings


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
    run = begin(plan, settings, model, meter)
    x: Tensor | None = None  # the picture and the latent of the stage before
    z: Tensor | None = None
    for index, stage in enumerate(plan.stages):
        meter.report(Phase.ENCODE, index)
        if x is None:
            enlarge = partial(to_canvas, source, plan.sizes, stage.canvas)
            z = _latent_of_source(source, run, stage.canvas) if stage.steps else None
        else:
            enlarge = partial(resize_canvas, x, stage.canvas)
        x, z = _enlarging_stage(enlarge, z, index, run)
        if settings.source_lock and z is not None and index + 1 < len(plan.stages):
            x = _locked(x, source, plan.sizes)
    assert x is not None  # a plan has at least one stage
    return _cropped(x, plan.target)


@torch.inference_mode()
def run_from_noise(plan: Plan, settings: Settings, model: Model, meter: Meter) -> Tensor:
    """Make a picture at the native size and enlarge it through the other stages of a plan.

    Args:
        plan, settings, model, meter: see ``run_stages``

    Returns:
        (1, 3, target height, target width) sRGB, about -1..1.
    """
    run = begin(plan, settings, model, meter)
    z: Tensor | None = _base_latent(run)
    meter.report(Phase.DECODE, 0, plan.stages[0].steps)
    x = run.decode(z)
    for index, stage in enumerate(plan.stages[1:], 1):
        meter.report(Phase.ENCODE, index)
        x, z = _enlarging_stage(partial(resize_canvas, x, stage.canvas), z, index, run)
    return _cropped(x, plan.target)


def _base_latent(run: Run) -> Tensor:
    """Sample the untouched model from pure noise down all of its schedule; (1, C, rows, cols)."""
    stage, model = run.plan.stages[0], run.model
    grid = stage.canvas.grid(model.facts.latent_factor)
    shape = (1, len(model.preview_matrix) - 1, grid.rows, grid.cols)
    levels = model.levels(stage.t_start, stage.steps)
    _report_warm_up(0, run)
    z_t = seeded_noise(shape, run.generator).to(model.device)
    for step, (level, following) in enumerate(itertools.pairwise(levels)):
        output = run.predict(z_t, level, stage, Attention.DIRECT)
        z0 = predict_clean(z_t, output, level, model.schedule.prediction)
        if model.facts.renoises:
            z_t = add_noise(z0, seeded_noise(shape, run.generator).to(z0), following)
        else:
            z_t = step_to(z_t, z0, level, following)
        run.meter.report(Phase.DENOISE, 0, step + 1, preview(z0, model.preview_matrix))
    return z_t


def _enlarging_stage(
    enlarge: Callable[[], Tensor], z: Tensor | None, index: int, run: Run
) -> tuple[Tensor, Tensor | None]:
    """Sharpen an enlarged picture.

    Args:
        enlarge: gives (1, 3, H, W), the picture of the stage before on the canvas of this one;
            nothing holds that while the model runs, since it may be large
        z: (1, C, rows, cols), the latent of the stage before, not enlarged; None = there is none
        index: of the stage
        run: has its plan

    Returns:
        The picture and its latent, to be handed on.
    """
    stage = run.plan.stages[index]
    if stage.steps == 0:  # creativity 0: nothing is diffused, so nothing needs the VAE
        return enlarge(), None
    z_ref = _reference(run.encode(enlarge()), z, run)
    z = _denoise(z_ref, index, run)
    run.meter.report(Phase.DECODE, index, stage.steps)
    return run.decode(z), z


def _reference(z_ru: Tensor, z: Tensor | None, run: Run) -> Tensor:
    """z_ref of the stage: the encoded enlarged picture, mixed with the enlarged latent."""
    if z is None or not run.settings.latent_frequency_mixing:
        return z_ru
    z_lu = enlarge_latent(z, (z_ru.shape[-2], z_ru.shape[-1]))
    return latent_frequency_mix(z_lu, z_ru, run.model.facts.mixing_lowpass)


def _denoise(z_ref: Tensor, index: int, run: Run) -> Tensor:
    """Diffuse the reference to ``t_start`` and denoise it; (1, C, rows, cols) to the same."""
    stage, settings, model = run.plan.stages[index], run.settings, run.model
    prediction = model.schedule.prediction
    levels = model.levels(stage.t_start, stage.steps)
    c = model.facts.guidance_lowpass
    z_ref_low = lowpass(z_ref, c)
    z_t = add_noise(z_ref, seeded_noise(tuple(z_ref.shape), run.generator).to(z_ref), levels[0])
    _report_warm_up(index, run)
    with _attention(model, settings.attention, Grid(*z_ref.shape[-2:])) as tiling:
        for step, (level, following) in enumerate(itertools.pairwise(levels)):
            # drawn in every mode, so that an ablation changes nothing else
            offset = _random_offset(model, run.generator)
            if settings.jitter:
                tiling.offset = offset
            output = run.predict(z_t, level, stage, settings.attention)
            z0 = predict_clean(z_t, output, level, prediction)
            if settings.structure_guidance:
                gamma = settings.structure * structure_gamma(level, levels[0], prediction)
                z0 = guide_structure(z0, z_ref_low, gamma, c)
            z_t = step_to(z_t, z0, level, following)
            run.meter.report(Phase.DENOISE, index, step + 1, preview(z0, model.preview_matrix))
    return z_t


def _latent_of_source(source: Tensor, run: Run, canvas: Size) -> Tensor | None:
    """The source encoded at its own size, for the mixing at ``canvas``, if that is a larger one."""
    sizes = run.plan.sizes
    if not run.settings.latent_frequency_mixing or sizes.start == canvas:
        return None
    return run.encode(to_canvas(source, sizes, sizes.start))


def _locked(x: Tensor, source: Tensor, sizes: StageSizes) -> Tensor:
    """Give the next stage a picture that still is the source; (1, 3, H, W), any range.

    What an autoencoder loses would otherwise be lost once more at every stage.
    """
    known = to_canvas(source, sizes, source_canvas(source, sizes))
    locked = source_lock(*(t[0].permute(1, 2, 0).cpu().numpy() for t in (known, x)), clip=False)
    return torch.from_numpy(locked).permute(2, 0, 1)[None].to(x)


def _cropped(x: Tensor, target: Size) -> Tensor:
    """The part of the last canvas that was asked for, float32 in main memory."""
    return x[..., : target.height, : target.width].float().cpu()


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


def _report_warm_up(index: int, run: Run) -> None:
    """Tell why the first step of a stage will take so long: it is compiled for the new size."""
    if run.plan.compiled:
        run.meter.report(Phase.WARM_UP, index)
