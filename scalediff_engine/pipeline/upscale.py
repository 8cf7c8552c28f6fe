"""Upscale a picture, or generate one and upscale it, in the source's colour space and depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from scalediff_engine.images.alpha import fill_under_alpha
from scalediff_engine.images.colour import from_srgb, to_srgb
from scalediff_engine.images.lock import source_lock
from scalediff_engine.images.picture import Picture
from scalediff_engine.models.model import Model
from scalediff_engine.pipeline.checkpoint import NO_CHECKPOINTS, Checkpoints
from scalediff_engine.pipeline.loop import run_from_noise, run_stages
from scalediff_engine.pipeline.postprocess import cropped, finished_window
from scalediff_engine.planning.plan import Plan
from scalediff_engine.planning.progress import Phase, ProgressCallback, meter_for
from scalediff_engine.planning.settings import Settings
from scalediff_engine.upscalers.enlarge import enlarge_alpha


def upscale(
    picture: Picture,
    plan: Plan,
    settings: Settings,
    model: Model,
    on_progress: ProgressCallback,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> Picture:
    """Upscale a picture as planned.

    Args:
        picture: the source; not changed
        plan: made for its size by ``plan_upscale``
        settings: the ones that the plan was made with
        model: of the plan's family
        on_progress: hears of every step; may raise ``Cancelled``
        checkpoints: see ``run_stages``

    Returns:
        The picture at ``plan.target``, or what of it is in the plan's window, with the source's
        colour model, profile, depth, alpha and metadata.
    """
    meter = meter_for(plan, model.facts, settings, on_progress)
    pixels = picture.pixels
    if picture.alpha is not None:
        pixels = fill_under_alpha(pixels, picture.alpha)
    filled = replace(picture, pixels=pixels)

    rgb = np.clip(to_srgb(filled), 0, 1)  # the model has seen no other values
    x = torch.from_numpy(rgb).permute(2, 0, 1)[None] * 2 - 1  # (1, 3, h, w)
    y = run_stages(x, plan, settings, model, meter, checkpoints)

    def on_finish(_: float = 0.0) -> None:
        meter.report(Phase.FINISH, len(plan.stages) - 1, plan.stages[-1].steps)

    on_finish()
    upscaled = ((y[0].permute(1, 2, 0) + 1) / 2).numpy()
    if plan.stages[-1].part is not None:
        return finished_window(upscaled, filled, plan, settings, on_finish)
    result = from_srgb(upscaled, filled)
    whole = not picture.depth.is_float  # whole numbers cannot hold what lies beyond 0..1
    if settings.source_lock:
        seen_range = None if whole else (0.0, 1.0)
        result = source_lock(pixels, result, clip=whole, seen_range=seen_range)
    elif whole:
        result = np.clip(result, 0, 1)
    alpha = picture.alpha
    if alpha is not None:
        alpha = enlarge_alpha(alpha, plan.target, on_fraction=on_finish)
    return cropped(replace(picture, pixels=result, alpha=alpha), plan.window)


def generate(
    plan: Plan,
    settings: Settings,
    model: Model,
    on_progress: ProgressCallback,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> Picture:
    """Make a picture as planned.

    Args:
        plan: made by ``plan_generate``
        settings: the ones that the plan was made with
        model: of the plan's family
        on_progress: hears of every step; may raise ``Cancelled``
        checkpoints: see ``run_stages``

    Returns:
        The picture at ``plan.target``: sRGB, 8 bit, no alpha.
    """
    meter = meter_for(plan, model.facts, settings, on_progress)
    y = run_from_noise(plan, settings, model, meter, checkpoints)
    meter.report(Phase.FINISH, len(plan.stages) - 1, plan.stages[-1].steps)
    pixels = ((y[0].permute(1, 2, 0) + 1) / 2).numpy()  # (height, width, 3)
    return Picture(np.clip(pixels, 0, 1))
