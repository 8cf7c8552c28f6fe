"""Time and memory of the whole program on two cores, as the README promises them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from scalediff_engine.base.geometry import Size
from scalediff_engine.bench.growth import Run, measure
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.images.picture import Picture
from scalediff_engine.planning.plan import plan_upscale
from scalediff_engine.planning.settings import Settings

pytestmark = pytest.mark.nightly

CORES = 2
LIMIT_S = 60
LIMIT_BYTES = 2e9


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Run]:
    """An upscale by 4 of 128 and of 256 pixels, with the threads that a user has."""
    rows, cols = np.mgrid[:512, :512].astype(np.float32)
    waves = [np.sin(rows / k) * np.cos(cols / (k + 3)) for k in (3, 7, 31)]
    picture = Picture((0.5 + 0.4 * np.stack(waves, axis=-1)).astype(np.float32))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OMP_NUM_THREADS", raising=False)
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return {side: measure(picture, side) for side in (128, 256)}


def test_256_to_1024_takes_at_most_a_minute_and_two_gigabytes(runs: dict[int, Run]) -> None:
    # processor time, since another program's load would show in the wall clock
    assert runs[256].cpu_seconds < CORES * LIMIT_S
    assert runs[256].peak_bytes < LIMIT_BYTES


def test_the_plan_tells_the_peak_memory_within_a_third(runs: dict[int, Run]) -> None:
    for side, run in runs.items():
        size = Size(side, side)
        planned = plan_upscale(size, size.scaled(4), EMBEDDED, Settings()).cost.peak_bytes
        assert math.isclose(planned, run.peak_bytes, rel_tol=1 / 3)
