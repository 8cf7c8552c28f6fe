"""What becomes of a file when its job has ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scalediff_engine.client.batches import BatchItem, Existing, FileState
from scalediff_engine.client.messages import (
    JobInfo,
    JobState,
    Priority,
    Problem,
    UpscaleSettings,
)
from scalediff_engine.jobs.batch_progress import is_not_the_files, settled

ITEM = BatchItem(0, "/a.png", "/b.png", FileState.RUNNING, job="1" * 32)
JOB = JobInfo(
    "1" * 32, JobState.DONE, UpscaleSettings(), "", 0, 0, 0, 0, Priority.FOLDER, "", True, 0, 0, 1,
    attempts=1,
)  # fmt: skip


def failed(code: str, attempts: int = 1) -> JobInfo:
    return replace(
        JOB, state=JobState.FAILED, problem=Problem(code, "A sentence."), attempts=attempts
    )


@pytest.mark.parametrize(
    ("job", "existing", "again", "state"),
    [
        (JOB, Existing.KEEP, False, FileState.DONE),
        (replace(JOB, state=JobState.CANCELLED), Existing.KEEP, False, FileState.CANCELLED),
        (replace(JOB, state=JobState.CANCELLED), Existing.KEEP, True, FileState.WAITING),
        (failed("output-exists"), Existing.KEEP, False, FileState.FAILED),
        (failed("output-exists"), Existing.SKIP, False, FileState.SKIPPED),
        (failed("picture-unreadable"), Existing.SKIP, False, FileState.FAILED),
    ],
)
def test_a_files_end_is_that_of_its_job(
    job: JobInfo, existing: Existing, again: bool, state: FileState
) -> None:
    item = settled(ITEM, job, 3.0, existing, again=again)
    assert item.state is state
    assert (item.seconds == 3.0) == (state is FileState.DONE)
    assert item.problem == job.problem


def test_a_stop_that_comes_after_the_result_does_not_deny_it() -> None:
    late = replace(JOB, state=JobState.CANCELLED, recipe="{}")
    assert settled(ITEM, late, 1.0, Existing.KEEP, again=False).state is FileState.DONE


@pytest.mark.parametrize(
    ("job", "all_would"),
    [
        (failed("disk-full"), True),
        (failed("model-missing"), True),
        (failed("model-unusable"), True),
        (failed("worker-crashed", attempts=0), True),
        (failed("worker-crashed"), False),
        (failed("not-enough-memory"), False),
        (failed("output-unwritable"), False),
        (JOB, False),
    ],
)
def test_only_what_every_file_would_fail_by_stops_a_batch(job: JobInfo, all_would: bool) -> None:
    assert is_not_the_files(job) == all_would
