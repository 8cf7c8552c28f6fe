"""What a running job tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

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
