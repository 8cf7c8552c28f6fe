"""Sizes in pixels, by a scale, and on paper."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.base.geometry import Size
from scalediff_engine.ui.upscale.choices import Extent, Unit

SOURCE = Size(1000, 600)


def test_a_scale_makes_both_sides_larger() -> None:
    assert Extent(scale=2.5).result(SOURCE) == (2500, 1500)


def test_a_width_brings_its_height_with_it() -> None:
    assert Extent(Unit.PIXELS, width_px=1500).result(SOURCE) == (1500, 900)


def test_a_height_brings_its_width_with_it() -> None:
    extent = Extent(Unit.PIXELS).with_height_px(900, SOURCE)
    assert extent.result(SOURCE) == (1500, 900)


def test_millimetres_are_pixels_of_a_resolution() -> None:
    # A4 landscape at 300 ppi
    extent = Extent(Unit.MILLIMETRES, width_mm=297, ppi=300)
    assert extent.result(SOURCE) == (3508, 2105)
    assert extent.with_height_mm(210, SOURCE).result(SOURCE).height == 2480


def test_what_is_said_stays_within_what_is_possible() -> None:
    assert Extent(scale=100).result(SOURCE) == (32000, 19200)
    assert Extent(scale=0.1).result(SOURCE) == SOURCE
    assert Extent(Unit.PIXELS, width_px=3).result(SOURCE) == SOURCE


@given(
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.floats(1, 32),
    st.sampled_from(list(Unit)),
    st.floats(72, 600),
)
def test_another_unit_says_the_same_size(
    width: int, height: int, scale: float, unit: Unit, ppi: float
) -> None:
    source = Size(width, height)
    before = Extent(scale=round(scale, 2), ppi=ppi)
    after = before.told_in(unit, source)
    assert after.unit is unit
    assert after.result(source).width == pytest.approx(before.result(source).width, abs=1)
    assert after.told_in(Unit.SCALE, source).scale_of(source) == pytest.approx(
        before.scale_of(source), abs=0.51 / width + 1e-4
    )
