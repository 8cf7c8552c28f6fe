"""Progress of a running job, and the meter that estimates the time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalediff_engine.planning.plan import Plan, sample_loads, stage_loads
from scalediff_engine.planning.settings import Settings
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.spec.footprint import Footprint, StageLoad

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Phase(Enum):
    """What is being done; the value is the word for people."""

    ENCODE = "encoding"
    WARM_UP = "warming up"
    DENOISE = "sharpening"
    DECODE = "decoding"
    FINISH = "finishing"
    ENLARGE = "enlarging"  # by the fast networks


@dataclass(frozen=True)
class Progress:
    """One report.

    Attributes:
        stage, stages: 1-based stage and their number
        step, steps: steps done in this stage and their number
        fraction: of the whole work, 0..1, never falling
        seconds_left: None until it can be told
        preview: (h, w, 3) uint8 sRGB, small; None when nothing new can be seen
    """

    phase: Phase
    stage: int
    stages: int
    step: int
    steps: int
    fraction: float
    seconds_left: float | None
    preview: NDArray[np.uint8] | None = None


# Raises ``Cancelled`` to stop the work: the one way to cancel.
ProgressCallback = Callable[[Progress], None]

# Below this share of the work a measured pace says too little to promise a time.
TELLS_TIME_FROM = 0.03


class Meter:
    """Counts the work of a run in GFLOP, the measure of the plan, and reports each piece.

    Args:
        footprint: coefficients of the model
        stages: canvas and evaluations of each stage
        steps: steps of each stage
        callback: hears of each piece; may raise ``Cancelled``
        clock: seconds, monotonic
        samples: what is denoised before a stage, see ``pipeline.norm_statistics``, by stage
    """

    def __init__(
        self,
        footprint: Footprint,
        stages: Sequence[StageLoad],
        steps: Sequence[int],
        callback: ProgressCallback,
        clock: Callable[[], float] = time.monotonic,
        samples: Mapping[int, StageLoad] | None = None,
    ) -> None:
        self._callback = callback
        self._clock = clock
        self._start_s = clock()
        self._fraction = 0.0
        self._begun_at: float | None = None
        self._steps = steps
        self._step_work = [
            footprint.step_gflop_per_megapixel * load.canvas.area / 1e6 * load.evaluations
            for load in stages
        ]
        self._encode_work = [
            footprint.encode_gflop_per_megapixel * load.canvas.area / 1e6 * load.encodes
            for load in stages
        ]
        self._decode_work = [
            footprint.decode_gflop_per_megapixel * load.canvas.area / 1e6 for load in stages
        ]
        self._sample_work = [0.0] * len(stages)
        for index, load in (samples or {}).items():
            decodes = footprint.decode_gflop_per_megapixel if load.decodes else 0.0
            each = footprint.step_gflop_per_megapixel * load.evaluations + decodes
            each += footprint.encode_gflop_per_megapixel
            self._sample_work[index] = each * load.canvas.area / 1e6
        works = (self._sample_work, self._encode_work, self._step_work, self._decode_work)
        self._works = works
        self._total = sum(sum(work) for work in works)

    def report(
        self,
        phase: Phase,
        stage: int,
        step: int = 0,
        preview: NDArray[np.uint8] | None = None,
    ) -> None:
        """Say that ``phase`` of ``stage`` (0-based) stands at ``step`` steps done.

        The steps of ``Phase.ENCODE`` are those of the sample.
        """
        # sums of floats in another order may differ in the last bit; a bar never goes back
        self._fraction = max(self._fraction, self._done(phase, stage, step) / self._total)
        fraction = self._fraction
        elapsed_s = self._clock() - self._start_s
        if self._begun_at is None:  # a resumed job did the rest earlier
            self._begun_at = fraction
        measured = fraction - self._begun_at
        tells = measured >= TELLS_TIME_FROM
        self._callback(
            Progress(
                phase=phase,
                stage=stage + 1,
                stages=len(self._steps),
                step=step,
                steps=self._steps[stage],
                fraction=fraction,
                seconds_left=elapsed_s * (1 - fraction) / measured if tells else None,
                preview=preview,
            )
        )

    def _done(self, phase: Phase, stage: int, step: int) -> float:
        if phase is Phase.FINISH:
            return self._total
        done = sum(work[k] for work in self._works for k in range(stage))
        share = step / max(1, self._steps[stage])
        if phase is Phase.ENCODE:
            return done + self._sample_work[stage] * share
        done += self._sample_work[stage] + self._encode_work[stage]
        if phase is Phase.DECODE:
            return done + self._step_work[stage]
        return done + self._step_work[stage] * share


def meter_for(
    plan: Plan, facts: FamilyFacts, settings: Settings, callback: ProgressCallback
) -> Meter:
    """Give the meter of a plan's work; see ``Meter``."""
    loads = stage_loads(plan, facts, settings)
    steps = [stage.steps for stage in plan.stages]
    samples = sample_loads(plan, facts, settings)
    return Meter(facts.footprint, loads, steps, callback, samples=samples)
