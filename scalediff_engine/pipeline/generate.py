"""Words in, a large picture out: made at the native size, then enlarged by the same loop."""

from __future__ import annotations

import numpy as np

from scalediff_engine.images.picture import Picture
from scalediff_engine.models.model import Model
from scalediff_engine.pipeline.checkpoint import NO_CHECKPOINTS, Checkpoints
from scalediff_engine.pipeline.loop import run_from_noise
from scalediff_engine.planning.meter import meter_for
from scalediff_engine.planning.plan import Plan
from scalediff_engine.planning.progress import Phase, ProgressCallback
from scalediff_engine.planning.settings import Settings


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
