"""For how long the worker has had a job."""

from __future__ import annotations

from scalediff_engine.base.geometry import Size
from scalediff_engine.client import codec
from scalediff_engine.client.messages import (
    JobInfo,
    JobProgress,
    JobState,
    Priority,
    UpscaleSettings,
)
from scalediff_engine.jobs.record import Action, Record, advanced, changed, measured
from scalediff_engine.jobs.worker_process import FileWork

JOB = JobInfo(
    "1" * 32, JobState.QUEUED, UpscaleSettings(), "", 0, 0, 0, 0, Priority.FOLDER, "", True, 0, 0, 1
)  # fmt: skip
RECORD = Record(JOB, 1, file=FileWork("/a.tif", "/b.tif", True, 80))


def after(record: Record, *happened: tuple[Action, float]) -> Record:
    for action, now in happened:
        record, _ = changed(record, action, now)
    return record


def test_time_counts_while_the_worker_has_it() -> None:
    paused = after(RECORD, (Action.START, 10), (Action.PAUSE, 13), (Action.STOP, 14))
    assert paused.spent_seconds == 4
    done = after(paused, (Action.RESUME, 50), (Action.START, 60), (Action.FINISH, 61.5))
    assert done.spent_seconds == 5.5


def test_of_a_job_that_was_interrupted_the_time_counts_until_it_told_of_itself_last() -> None:
    record = after(RECORD, (Action.START, 10))
    record, _ = advanced(record, JobProgress("sharpening", 1, 1, 1, 4, 0.25), 12)
    assert after(record, (Action.INTERRUPT, 5000)).spent_seconds == 2


def test_a_job_that_never_began_took_no_time() -> None:
    assert after(RECORD, (Action.CANCEL, 99)).spent_seconds == 0


def test_a_file_and_its_sizes_are_kept() -> None:
    record = measured(RECORD, Size(3, 2), Size(12, 8))
    assert (record.info.source_width, record.info.height) == (3, 8)
    assert codec.loads(Record, codec.dumps(record)) == record


def test_a_job_of_an_earlier_version_is_one_about_an_upload() -> None:
    found = codec.to_object(RECORD)
    for name in ("file", "begun_at", "spent_seconds"):
        del found[name]
    assert codec.from_object(Record, found) == Record(JOB, 1)
