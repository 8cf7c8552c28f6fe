"""Layers, selections, masks, canvases and the dialog's answers in a real GIMP; see ``inside``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gimp_host import INSIDE, Engine, outcomes, scenarios, titled

SCRIPT = INSIDE / "placements.py"


@pytest.fixture
def outcome(headless: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    return outcomes(headless)[request.param]


@pytest.mark.parametrize("outcome", scenarios(SCRIPT), indirect=True)
def test_in_gimp(outcome: dict[str, Any]) -> None:
    assert not outcome["error"], outcome["error"]


@pytest.mark.parametrize("name", ["part", "group", "through", "masked", "indexed", "clear", "fx"])
def test_exactly_what_was_meant_was_sent(name: str, headless: Path, running: Engine) -> None:
    job = next(job for job in running.client.jobs().jobs if job.title == titled(name))
    sent = running.client.image(job.image)
    assert bytes(sent.samples) == (headless / f"{name}.sent").read_bytes()


def test_the_visible_image_was_sent(headless: Path, running: Engine) -> None:
    jobs = [job for job in running.client.jobs().jobs if job.title == "Visible image"]
    sent = [bytes(running.client.image(job.image).samples) for job in jobs]
    assert (headless / "visible.sent").read_bytes() in sent
