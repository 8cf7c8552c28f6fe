"""Pixels of every kind in a real GIMP: what is sent, what comes back, what a file keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gimp_cases import CASES, CURVES, DEPTHS, DTYPES, Case
from gimp_host import Engine, outcomes, titled

from scalediff_engine.client.client import Pixels
from scalediff_engine.client.pixels import to_prefix
from scalediff_engine.images.colour import to_srgb
from scalediff_engine.images.raw import read_pixels

WIDTH, HEIGHT = 48, 40


@pytest.fixture
def told(headless: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    return outcomes(headless)[request.getfixturevalue("case").name]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def job_of(running: Engine, case: Case) -> Any:
    return next(job for job in running.client.jobs().jobs if job.title == titled(case.name))


def test_the_engine_gets_exactly_what_the_layer_holds(
    case: Case, headless: Path, running: Engine
) -> None:
    sent = running.client.image(job_of(running, case).image)
    header = sent.header
    assert bytes(sent.samples) == (headless / f"{case.name}.sent").read_bytes()
    assert (header.width, header.height, header.order) == (WIDTH, HEIGHT, "rgb")
    assert header.model == ("grey" if case.base == "GRAY" else "rgb")
    assert header.depth == DEPTHS[case.depth]
    assert header.alpha == ("straight" if case.alpha else "none")


def test_the_profile_describes_the_samples_as_gimp_sees_them(
    case: Case, headless: Path, running: Engine, tmp_path: Path
) -> None:
    sent = running.client.image(job_of(running, case).image)
    ours = as_seen(sent, tmp_path / "sent")
    theirs = np.frombuffer((headless / f"{case.name}.seen").read_bytes(), "<f4")
    theirs = theirs.reshape(HEIGHT, WIDTH, 3)
    if not sent.header.depth.startswith("f"):
        theirs = np.clip(theirs, 0, 1)
    usual = (theirs > 0.02) & (theirs < 1)  # GIMP and littleCMS go on differently beyond
    assert usual.mean() > 0.5
    assert np.abs(ours - theirs)[usual].max() < 1.5 / 255


def test_the_layer_is_exactly_the_result_and_stays_it_in_a_file(
    case: Case, headless: Path, running: Engine
) -> None:
    result = running.client.result(job_of(running, case).id)
    made = (headless / f"{case.name}.made").read_bytes()
    kept = (headless / f"{case.name}.kept").read_bytes()
    assert bytes(result.samples) == made == kept
    assert (headless / f"{case.name}.source").read_bytes() == (
        headless / f"{case.name}.sent"
    ).read_bytes()
    values = np.frombuffer(made, DTYPES[DEPTHS[case.depth]]).astype(np.float64)
    assert values.std() > 0.01 * np.abs(values).max()  # a picture, and no empty layer


def test_precision_profile_place_and_name_are_right(case: Case, told: dict[str, Any]) -> None:
    source, made, kept = told["encodings"]
    assert source == made == kept
    assert told["same_image"]
    assert told["profile_kept"]
    assert told["offsets"] == [0, 0]
    assert told["size"] == [2 * WIDTH, 2 * HEIGHT]
    assert told["layer_name"] == f"{case.name} 2x"


def test_the_recipe_is_kept_with_the_layer(case: Case, told: dict[str, Any]) -> None:
    recipe = json.loads(told["recipe"])
    assert recipe["source"] == titled(case.name)
    assert recipe["settings"]["steps"] == 1
    assert recipe["area"] == {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT}
    assert recipe["made"]["model"]


def test_every_precision_of_gimp_is_among_the_cases() -> None:
    assert {case.precision for case in CASES} == {f"{d}_{c}" for d in DEPTHS for c in CURVES}


def as_seen(sent: Pixels, file: Path) -> Any:
    """(H, W, 3) sRGB, by the profile that was sent along."""
    file.write_bytes(to_prefix(sent.header, sent.icc) + bytes(sent.samples))
    return to_srgb(read_pixels(file).picture)
