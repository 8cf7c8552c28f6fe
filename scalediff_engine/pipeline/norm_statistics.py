"""Small pieces of the whole picture, denoised before a part of it.

A part does not know the statistics by which the whole would be normalised (see
``models.group_norm``). Pieces from all over the picture, normalised together, have nearly the same
ones. So they are denoised first, and the part is normalised as they were at each step.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from scalediff_engine.base.geometry import Box
from scalediff_engine.method.frequency import guide_structure, lowpass
from scalediff_engine.method.noise import (
    add_noise,
    predict_clean,
    seeded_noise,
    step_to,
    structure_gamma,
)
from scalediff_engine.models.group_norm import NormStatistics
from scalediff_engine.pipeline.context import UpscaleContext
from scalediff_engine.planning.settings import Attention
from scalediff_engine.planning.window import sample_boxes


class ReferencePatches:
    """The pieces, from stage to stage.

    Args:
        source: (1, 3, h, w) sRGB in -1..1
        run: the job
    """

    def __init__(self, source: Tensor, run: UpscaleContext) -> None:
        self._source, self._run = source, run
        self._pieces: list[Tensor] = []  # of the stage before
        # the baseline's views are normalised one by one, in a part as in the whole
        is_one = run.settings.attention is not Attention.MULTIDIFFUSION
        self._is_wanted = is_one and run.model.facts.group_norms

    def norms(self, index: int, x: Tensor | None) -> tuple[NormStatistics, ...]:
        """Give the statistics of each step of a stage; none if the stage needs none.

        Args:
            index: of the stage
            x: (1, 3, H, W), what the stage before made; None = there was none
        """
        stage = self._run.plan.stages[index]
        if stage.part is None or stage.steps == 0 or not self._is_wanted:
            self._pieces = []
            return ()
        norms, z = self._denoised(index, self._cut(index, x))
        is_last = index + 1 == len(self._run.plan.stages)
        self._pieces = [] if is_last else [self._run.decode(one) for one in z.split(1)]
        return norms

    def _cut(self, index: int, x: Tensor | None) -> list[Tensor]:
        """The pieces on the canvas of a stage, (1, 3, H, W) each."""
        run, stages = self._run, self._run.plan.stages
        canvas = stages[index].canvas
        boxes = sample_boxes(canvas, run.model.facts)
        before = stages[index - 1]
        enlarging, was = run.enlarging, before.canvas
        if x is not None and before.part is None:
            return [enlarging.of_part(x, Box.of(was), was, canvas, box) for box in boxes]
        if self._pieces:
            places = sample_boxes(before.canvas, run.model.facts)
            return [
                enlarging.of_part(piece, at, was, canvas, box)
                for piece, at, box in zip(self._pieces, places, boxes, strict=True)
            ]
        return [enlarging.of_source(self._source, canvas, box) for box in boxes]

    def _denoised(
        self, index: int, pieces: list[Tensor]
    ) -> tuple[tuple[NormStatistics, ...], Tensor]:
        """The statistics of each step, and the clean latent."""
        run, settings, model = self._run, self._run.settings, self._run.model
        stage, c = run.plan.stages[index], model.facts.guidance_lowpass
        levels = model.levels(stage.t_start, stage.steps)
        prediction = model.schedule.prediction
        z_ref = torch.cat([run.encode(lambda piece=piece: piece) for piece in pieces])
        low = lowpass(z_ref, c)
        # a generator of its own: the job's draws what it would in a whole run
        generator = torch.Generator().manual_seed(settings.seed)
        z_t = add_noise(z_ref, seeded_noise(tuple(z_ref.shape), generator).to(z_ref), levels[0])
        found: list[NormStatistics] = []
        for step, (level, following) in enumerate(itertools.pairwise(levels)):
            run.report_sample(index, step)
            norms = NormStatistics(own_share=stage.computed.area / stage.canvas.area)
            output = run.predict(z_t, level, stage, Attention.DIRECT, norms.record)
            found.append(norms)
            z0 = predict_clean(z_t, output, level, prediction)
            if settings.structure_guidance:
                gamma = settings.structure * structure_gamma(level, levels[0], prediction)
                z0 = guide_structure(z0, low, gamma, c)
            z_t = step_to(z_t, z0, level, following)
        run.report_sample(index, stage.steps)
        return tuple(found), z_t
