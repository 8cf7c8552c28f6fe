from __future__ import annotations

import pytest

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import UpscaleSettings
from scalediff_engine.server.planner import plan

SOURCE = Size(512, 384)


@pytest.mark.parametrize(
    "settings",
    [
        UpscaleSettings(scale=8, max_memory_gib=1.5),
        UpscaleSettings(width=4096, height=3072, max_memory_gib=3.0),
        UpscaleSettings(scale=31.9, max_memory_gib=2.0),
    ],
)
def test_what_is_said_to_fit_fits_and_hardly_more_would(settings: UpscaleSettings) -> None:
    refused = plan(SOURCE, settings, None)
    assert refused.problem is not None
    scale = refused.fits_scale
    assert scale is not None
    limit = settings.max_memory_gib
    fitting = plan(SOURCE, UpscaleSettings(scale=scale, max_memory_gib=limit), None)
    assert fitting.problem is None
    assert fitting.fits_scale is None
    larger = plan(SOURCE, UpscaleSettings(scale=scale + 0.2, max_memory_gib=limit), None)
    assert larger.peak_bytes > 0.97 * larger.available_bytes


def test_where_nothing_fits_nothing_is_said_to() -> None:
    refused = plan(SOURCE, UpscaleSettings(scale=8, max_memory_gib=0.3), None)
    assert refused.problem is not None
    assert refused.fits_scale is None
    own_size = plan(SOURCE, UpscaleSettings(scale=1, max_memory_gib=0.3), None)
    assert own_size.problem is not None
