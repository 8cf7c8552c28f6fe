from __future__ import annotations

import io
import threading

import pytest

from scalediff_engine.base.errors import Cancelled
from scalediff_engine.client.messages import UpscaleSettings
from scalediff_engine.jobs.worker_process import Run, Stop, to_line
from scalediff_engine.worker.streams import Orders, Task


def run(job: str) -> Run:
    return Run(job, "folder", "image", UpscaleSettings())


def heard(*lines: bytes) -> Orders:
    ended = threading.Event()
    orders = Orders(io.BytesIO(b"".join(lines)), on_end=ended.set)
    orders.listen()
    assert ended.wait(10)
    return orders


def test_jobs_come_in_their_order_and_stops_find_theirs() -> None:
    stop = Stop("b", keep=False)
    orders = heard(to_line(run("a")), to_line(run("b")), to_line(stop))
    first, second = orders.next(), orders.next()
    assert (first.run, second.run) == (run("a"), run("b"))
    first.leave_if_told()
    with pytest.raises(Cancelled):
        second.leave_if_told()


def test_to_forget_a_job_is_stronger_than_to_keep_it() -> None:
    keep, forget = Stop("a", keep=True), Stop("a", keep=False)
    task = Task(run("a"))
    task.hear(keep)
    assert task.stop == keep
    task.hear(forget)
    task.hear(keep)
    assert task.stop == forget


def test_a_stop_of_a_job_that_has_ended_is_for_nobody() -> None:
    reads, line = threading.Event(), to_line(Stop("a", keep=False))

    class Later(io.BytesIO):
        def __next__(self) -> bytes:
            if self.tell():
                assert reads.wait(10)
            return super().__next__()

    ended = threading.Event()
    orders = Orders(Later(to_line(run("a")) + line), on_end=ended.set)
    orders.listen()
    task = orders.next()
    orders.forget(task)
    reads.set()
    assert ended.wait(10)
    assert task.stop is None


def test_a_job_that_was_ordered_again_hears_its_stop() -> None:
    reads = threading.Event()

    class Later(io.BytesIO):
        def __next__(self) -> bytes:
            line = super().__next__()
            if b"stop" in line:
                assert reads.wait(10)
            return line

    ended = threading.Event()
    lines = to_line(run("a")) * 2 + to_line(Stop("a", keep=True))
    orders = Orders(Later(lines), on_end=ended.set)
    orders.listen()
    first, again = orders.next(), orders.next()
    orders.forget(first)
    reads.set()
    assert ended.wait(10)
    assert again.stop is not None


def test_the_end_is_told_also_if_reading_fails(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(io.BytesIO):
        def __next__(self) -> bytes:
            raise OSError("gone")

    ended = threading.Event()
    Orders(Broken(), on_end=ended.set).listen()
    assert ended.wait(10)
    assert "cannot be read" in caplog.text
