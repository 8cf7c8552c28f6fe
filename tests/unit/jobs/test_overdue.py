"""What goes from the spool, decided without a disk."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scalediff_engine.client.messages import JobState
from scalediff_engine.jobs.retention import Kind, Lying, expired_jobs, overdue

NOW = 1_000_000.0


def goes(lying: Lying, **live: Any) -> bool:
    known = {"live_images": (), "jobs": (), **live}
    found = overdue([lying], NOW, upload_seconds=100, orphan_seconds=10, **known)
    return found == [lying]


@pytest.mark.parametrize(
    ("age", "is_live", "expected"),
    [(99, False, False), (101, False, True), (101, True, False), (-50, False, False)],
)
def test_an_upload_goes_when_nobody_has_wanted_it_for_long(
    age: float, is_live: bool, expected: bool
) -> None:
    live = ("a",) if is_live else ("b",)
    assert goes(Lying(Kind.IMAGE, "a", NOW - age), live_images=live) is expected


@pytest.mark.parametrize(
    ("age", "is_known", "expected"), [(9, False, False), (11, False, True), (999, True, False)]
)
def test_a_folder_goes_when_nobody_knows_its_job(
    age: float, is_known: bool, expected: bool
) -> None:
    jobs = ("a",) if is_known else ()
    assert goes(Lying(Kind.JOB, "a", NOW - age), jobs=jobs) is expected


def test_a_dead_upload_goes_at_once() -> None:
    assert goes(Lying(Kind.PART, "a", NOW))


@pytest.mark.parametrize("state", list(JobState))
def test_jobs_expire_some_time_after_their_end(state: JobState) -> None:
    jobs: list[Any] = [
        SimpleNamespace(id=str(age), state=state, updated_at=NOW - age) for age in (1, 99, 101)
    ]
    assert expired_jobs(jobs, NOW, 100) == (["101"] if state.is_final else [])
