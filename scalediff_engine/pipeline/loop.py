"""The loop of ScaleDiff: upsample, diffuse, denoise, stage by stage.

Laid out as the algorithm of the paper (arXiv 2510.25818, section 3). The picture to begin with is
one that exists or one that the model makes first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scalediff_engine.base.geometry import Box, Grid, Offset, Size
from scalediff_engine.images.lock import source_lock
from scalediff_engine.method.frequency import (
    guide_structure,
    latent_frequency_mix,
)
from scalediff_engine.method.noise import (
    Level,
    add_noise,
    predict_clean,
    seeded_noise,
    step_to,
    structure_gamma,
)
from scalediff_engine.method.npa import NO_OFFSET
from scalediff_engine.method.stages import StageSizes
from scalediff_engine.models.group_norm import NormStatistics
from scalediff_engine.models.model import Model, Tiling
from scalediff_engine.pipeline.canvas import locked_part, source_canvas, to_canvas
from scalediff_engine.pipeline.checkpoint import NO_CHECKPOINTS, Checkpoint, Checkpoints
from scalediff_engine.pipeline.context import UpscaleContext, begin, plainly
from scalediff_engine.pipeline.norm_statistics import ReferencePatches
from scalediff_engine.pipeline.upsampling import Enlarging
from scalediff_engine.planning.plan import Plan, StagePlan
from scalediff_engine.planning.progress import Meter, Phase
from scalediff_engine.planning.settings import Attention, Settings

PREVIEW_MAX_SIDE = 512


@torch.inference_mode()
def run_stages(
    source: Tensor,
    plan: Plan,
    settings: Settings,
    model: Model,
    meter: Meter,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> Tensor:
    """Upscale a picture through all stages of a plan.

    Args:
        source: (1, 3, h, w) sRGB in -1..1
        plan, settings: what to do
        model: runs every stage; it is as it was before when this returns or raises
        meter: hears of every step, and may raise ``Cancelled``
        checkpoints: what is saved on the way, and what an earlier run left: with that, the result
            is what it would have been without the interruption

    Returns:
        (1, 3, target height, target width) sRGB, about -1..1; of a plan with a window what was
        computed around it, see ``StagePlan.part``.
    """
    run = begin(plan, settings, model, meter, checkpoints)
    x: Tensor | None = None  # the picture and the latent of the stage before
    z: Tensor | None = None
    sample = ReferencePatches(source, run)
    for index, stage in enumerate(plan.stages):
        if run.is_done(index):
            continue
        run.report_stage(index)
        norms = sample.norms(index, x)
        if x is None:
            enlarge = partial(_source_enlarged, source, stage, run)
            fresh = stage.steps > 0 and run.begun(index) is None
            z = _latent_of_source(source, run, stage.canvas) if fresh else None
        else:
            enlarge = partial(_enlarged, x, index, run)
        x, z = _enlarging_stage(enlarge, z, index, run, norms)
        if settings.source_lock and z is not None and index + 1 < len(plan.stages):
            lock = partial(_locked, x, source, plan.sizes, stage)
            x = run.attempts.run(lambda _, lock=lock: lock())
    assert x is not None  # a plan has at least one stage
    return _cropped(x, plan)


@torch.inference_mode()
def run_from_noise(
    plan: Plan,
    settings: Settings,
    model: Model,
    meter: Meter,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> Tensor:
    """Make a picture at the native size and enlarge it through the other stages of a plan.

    Args:
        plan, settings, model, meter, checkpoints: see ``run_stages``

    Returns:
        (1, 3, target height, target width) sRGB, about -1..1.
    """
    run = begin(plan, settings, model, meter, checkpoints)
    x: Tensor | None = None
    z: Tensor | None = None
    for index, stage in enumerate(plan.stages):
        if run.is_done(index):
            continue
        if index == 0:
            z = _base_latent(run)
            meter.report(Phase.DECODE, 0, stage.steps)
            x = run.decode(z)
            continue
        run.report_stage(index)
        x, z = _enlarging_stage(partial(_enlarged, x, index, run), z, index, run)
    assert x is not None  # a plan has at least one stage
    return _cropped(x, plan)


def _source_enlarged(source: Tensor, stage: StagePlan, run: UpscaleContext) -> Tensor:
    """The source on the canvas of the first stage; (1, 3, H, W) each."""
    return _enlarging(stage, run).of_source(source, stage.canvas, stage.part)


def _enlarged(x: Tensor | None, index: int, run: UpscaleContext) -> Tensor:
    """The picture of the stage before on the canvas of this one; (1, 3, H, W) each."""
    assert x is not None  # a stage that has begun does not ask for it
    stage, before = run.plan.stages[index], run.plan.stages[index - 1]
    enlarging = _enlarging(stage, run)
    if stage.part is None:
        return enlarging.of_stage(x, before.canvas, stage.canvas)
    at = before.part or Box.of(before.canvas)
    return enlarging.of_part(x, at, before.canvas, stage.canvas, stage.part)


def _enlarging(stage: StagePlan, run: UpscaleContext) -> Enlarging:
    """How a stage enlarges; one that adds nothing leaves the pixels what they are."""
    return run.enlarging if stage.steps else Enlarging(run.plan.sizes, with_network=False)


def _base_latent(run: UpscaleContext) -> Tensor:
    """Sample the untouched model from pure noise down all of its schedule; (1, C, rows, cols)."""
    stage, model = run.plan.stages[0], run.model
    grid = stage.canvas.grid(model.facts.latent_factor)
    shape = (1, model.facts.latent_channels, grid.rows, grid.cols)
    levels = model.base_levels(stage.steps)
    _report_warm_up(0, run)
    begun = run.begun(0)
    if begun is None:
        z_t = seeded_noise(shape, run.generator).to(model.device)
    else:
        z_t = begun.z_t.to(model.device)
    for step, level, following in _steps(levels, begun):
        output = run.predict(z_t, level, stage, Attention.DIRECT)
        z0 = predict_clean(z_t, output, level, model.schedule.prediction)
        if model.facts.renoises:
            z_t = add_noise(z0, seeded_noise(shape, run.generator).to(z0), following)
        else:
            z_t = step_to(z_t, z0, level, following)
        run.keep(0, step + 1, z_t, None)
        run.meter.report(Phase.DENOISE, 0, step + 1, preview(z0, model.preview_matrix))
    return z_t


def _steps(
    levels: tuple[Level, ...], begun: Checkpoint | None
) -> Iterator[tuple[int, Level, Level]]:
    """The steps of a stage that are still to be done, each from one level to the following."""
    done = 0 if begun is None else begun.step
    for step, (level, following) in enumerate(itertools.pairwise(levels)):
        if step >= done:
            yield step, level, following


def _enlarging_stage(
    enlarge: Callable[[], Tensor],
    z: Tensor | None,
    index: int,
    run: UpscaleContext,
    norms: Sequence[NormStatistics] = (),
) -> tuple[Tensor, Tensor | None]:
    """Sharpen an enlarged picture.

    Args:
        enlarge: gives (1, 3, H, W), the picture of the stage before on the canvas of this one
        z: (1, C, rows, cols), the latent of the stage before, not enlarged; None = there is none
        index: of the stage
        run: has its plan
        norms: to normalise with, one for each step; empty = the model's own

    Returns:
        The picture and its latent, to be handed on.
    """
    stage = run.plan.stages[index]
    if stage.steps == 0:  # creativity 0: nothing is diffused, so nothing needs the VAE
        return run.attempts.run(lambda _: enlarge()), None
    begun = run.begun(index)
    if begun is None:
        z_ref = _reference(run.encode(enlarge), z, index, run)
        z_t, z_ref_low = _diffuse(z_ref, index, run)
    else:
        assert begun.z_ref_low is not None  # only a base has none
        z_t, z_ref_low = (t.to(run.model.device) for t in (begun.z_t, begun.z_ref_low))
    z = _denoise(z_t, z_ref_low, index, run, norms)
    run.meter.report(Phase.DECODE, index, stage.steps)
    return run.decode(z), z


def _reference(z_ru: Tensor, z: Tensor | None, index: int, run: UpscaleContext) -> Tensor:
    """z_ref of the stage: the encoded enlarged picture, mixed with the enlarged latent."""
    if z is None or not run.settings.latent_frequency_mixing:
        return z_ru
    cut, plan = run.cut(index), run.plan
    if index == 0:
        z_lu = cut.enlarge_latent(z, plan.start_part, plan.sizes.start)
    else:
        before = plan.stages[index - 1]
        z_lu = cut.enlarge_latent(z, before.part, before.canvas)
    return latent_frequency_mix(z_lu, z_ru, run.model.facts.mixing_lowpass, cut.lowpass)


def _diffuse(z_ref: Tensor, index: int, run: UpscaleContext) -> tuple[Tensor, Tensor]:
    """The reference with the noise of ``t_start``, and its low frequencies; both of its shape."""
    stage, model, cut = run.plan.stages[index], run.model, run.cut(index)
    start = model.levels(stage.t_start, stage.steps)[0]
    z_t = add_noise(z_ref, cut.noise(tuple(z_ref.shape), run.generator).to(z_ref), start)
    return z_t, cut.lowpass(z_ref, model.facts.guidance_lowpass)


def _denoise(
    z_t: Tensor, z_ref_low: Tensor, index: int, run: UpscaleContext, norms: Sequence[NormStatistics]
) -> Tensor:
    """Denoise what was diffused, from wherever it stands; (1, C, rows, cols) to the same."""
    stage, settings, model = run.plan.stages[index], run.settings, run.model
    cut = run.cut(index)
    prediction = model.schedule.prediction
    levels = model.levels(stage.t_start, stage.steps)
    c = model.facts.guidance_lowpass
    _report_warm_up(index, run)
    with _attention(model, settings.attention, Grid(*z_t.shape[-2:])) as tiling:
        for step, level, following in _steps(levels, run.begun(index)):
            # drawn in every mode, so that an ablation changes nothing else
            offset = _random_offset(model, run.generator)
            tiling.offset = cut.offset(offset if settings.jitter else NO_OFFSET)
            within = norms[step].replay if norms else plainly
            output = run.predict(z_t, level, stage, settings.attention, within)
            z0 = predict_clean(z_t, output, level, prediction)
            if settings.structure_guidance:
                gamma = settings.structure * structure_gamma(level, levels[0], prediction)
                z0 = guide_structure(z0, z_ref_low, gamma, c, cut.lowpass)
            z_t = step_to(z_t, z0, level, following)
            run.keep(index, step + 1, z_t, z_ref_low)
            seen = preview(cut.in_window(z0), model.preview_matrix)
            run.meter.report(Phase.DENOISE, index, step + 1, seen)
    return z_t


def _latent_of_source(source: Tensor, run: UpscaleContext, canvas: Size) -> Tensor | None:
    """The source encoded at its own size, for the mixing at ``canvas``, if that is a larger one."""
    sizes = run.plan.sizes
    if not run.settings.latent_frequency_mixing or sizes.start == canvas:
        return None
    return run.encode(partial(to_canvas, source, sizes, sizes.start, run.plan.start_part))


def _locked(x: Tensor, source: Tensor, sizes: StageSizes, stage: StagePlan) -> Tensor:
    """Give the next stage a picture that still is the source; (1, 3, H, W), any range.

    What an autoencoder loses would otherwise be lost once more at every stage.
    """
    if stage.part is not None:
        return locked_part(x, source, sizes, stage)
    known = to_canvas(source, sizes, source_canvas(source, sizes))
    locked = source_lock(*(t[0].permute(1, 2, 0).cpu().numpy() for t in (known, x)), clip=False)
    return torch.from_numpy(locked).permute(2, 0, 1)[None].to(x)


def _cropped(x: Tensor, plan: Plan) -> Tensor:
    """The last canvas, or what was computed of it, without what lies beyond the target.

    Float32 in main memory.
    """
    part = plan.stages[-1].part
    left, top = (0, 0) if part is None else part[:2]
    return x[..., : plan.target.height - top, : plan.target.width - left].float().cpu()


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


def _report_warm_up(index: int, run: UpscaleContext) -> None:
    """Tell why the first step of a stage will take so long: it is compiled for the new size."""
    if run.plan.compiled:
        run.meter.report(Phase.WARM_UP, index)


def preview(z0: Tensor, matrix: Tensor) -> NDArray[np.uint8]:
    """A cheap picture of a clean latent, shrunk to a glance's size.

    Args:
        z0: (1, C, rows, cols)
        matrix: (C + 1, 3), the last row is the offset

    Returns:
        (rows', cols', 3) uint8 sRGB.
    """
    shrink = max(1, -(-max(z0.shape[-2:]) // PREVIEW_MAX_SIDE))
    z = z0[0][:, ::shrink, ::shrink].float().cpu().permute(1, 2, 0)  # (rows', cols', C)
    rgb = z @ matrix[:-1] + matrix[-1]
    return ((rgb.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()
