from __future__ import annotations

from pathlib import Path

import pytest

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.naming import Destination
from scalediff_engine.cli.request import (
    Enlargement,
    Sides,
    UpscaleRequest,
    existing_from_flags,
)
from scalediff_engine.client.batches import Existing


def test_four_times_is_the_usual_enlargement() -> None:
    assert Enlargement().target(Size(30, 20)) == Size(120, 80)


def test_a_scale_or_a_size_says_otherwise() -> None:
    assert Enlargement(scale=1.5).target(Size(30, 20)) == Size(45, 30)
    assert Enlargement(size=Sides(90, 60)).target(Size(30, 20)) == Size(90, 60)


def test_scale_and_size_together_are_refused() -> None:
    with pytest.raises(UsageError, match="--scale and --size cannot"):
        Enlargement(scale=2, size=Sides(4, 4))


@pytest.mark.parametrize("scale", [0, -1, 0.99, 33, 1e9, float("nan"), float("inf")])
def test_an_absurd_scale_is_refused_with_the_range(scale: float) -> None:
    with pytest.raises(UsageError, match="between 1 and 32"):
        Enlargement(scale=scale)


def test_a_size_below_the_source_is_refused() -> None:
    with pytest.raises(UsageError, match="smaller"):
        Enlargement(size=Sides(10, 10)).target(Size(30, 20))


def test_one_output_file_takes_one_input() -> None:
    with pytest.raises(UsageError, match="2 inputs"):
        UpscaleRequest((Path("a"), Path("b")), file=Path("c.png"))


def test_an_output_file_and_an_output_folder_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="cannot be used together"):
        UpscaleRequest((), file=Path("a.png"), destination=Destination(folder="b"))


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_quality_has_a_range(quality: int) -> None:
    with pytest.raises(UsageError, match="between 1 and 100"):
        UpscaleRequest((), destination=Destination(quality=quality))


def test_the_two_flags_for_existing_files_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="cannot be used together"):
        existing_from_flags(overwrite=True, skip_existing=True)
    assert existing_from_flags(overwrite=False, skip_existing=True) is Existing.SKIP
    assert existing_from_flags(overwrite=True, skip_existing=False) is Existing.REPLACE
    assert existing_from_flags(overwrite=False, skip_existing=False) is Existing.KEEP
