from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_fakes import FACTS, FakeWork, ListReporter, touch

from scalediff_engine.base.errors import DiskFull, ModelMissing, OutputExists, UnreadablePicture
from scalediff_engine.batch.naming import Destination
from scalediff_engine.cli import batch, logs
from scalediff_engine.cli.batch import Batch
from scalediff_engine.cli.events import Advanced, Failed, Finished, Loading, Skipped, Summary
from scalediff_engine.cli.interrupt import Answer, Interrupts
from scalediff_engine.cli.jobs import make_worklist
from scalediff_engine.cli.request import UpscaleRequest
from scalediff_engine.cli.streams import StdoutClosed
from scalediff_engine.client.batches import Existing
from scalediff_engine.planning.planner import Resources
from scalediff_engine.spec.footprint import GIB, Cost


class Run:
    """A batch over some files with everything around it faked; a step takes a second."""

    def __init__(self, folder: Path, names: list[str], work: FakeWork, **options: Any) -> None:
        touch(folder, names)
        request = UpscaleRequest(tuple(folder / name for name in names), **options)
        machine = Resources(8 * GIB, "this machine", lambda _: 10.0)
        worklist = make_worklist(request, FACTS, work, machine)
        self.reporter = ListReporter()
        self.interrupts = Interrupts()
        self.remembered: list[tuple[str, Cost, float, int | None]] = []
        self.now_s = 0.0
        on_step = work.on_step

        def step(number: int) -> None:
            self.now_s += number > 0
            on_step(number)

        work.on_step = step
        self.batch = Batch(
            request,
            worklist,
            FACTS.title,
            work,
            self.reporter,
            self.interrupts,
            lambda *told: self.remembered.append(told),
            clock=lambda: self.now_s,
        )

    def __call__(self) -> int:
        work = self.batch.pipes
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(batch, "load_model", work.load_model)
            patch.setattr(batch, "encode_picture", work.encode)
            return self.batch.run()

    @property
    def summary(self) -> Summary:
        return self.reporter.of(Summary)[-1]


def fail_on(name: str, error: BaseException) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        if path.name == name:
            raise error

    return act


def test_every_picture_is_read_upscaled_and_written_with_one_load(tmp_path: Path) -> None:
    work = FakeWork()
    run = Run(tmp_path, ["a.png", "b.png"], work)
    assert run() == 0
    assert work.calls == ["read a.png", "load", "save a_x4.png", "read b.png", "save b_x4.png"]
    assert [event.work.number for event in run.reporter.of(Finished)] == [1, 2]
    assert (run.summary.done, run.summary.exit_code) == (2, 0)
    assert [(told[0], told[2]) for told in run.remembered] == [("cpu", 3.0)] * 2


def test_a_picture_that_cannot_be_read_costs_no_model_load(tmp_path: Path) -> None:
    work = FakeWork(on_read=fail_on("a.png", UnreadablePicture("a.png is truncated.")))
    run = Run(tmp_path, ["a.png"], work)
    assert run() == 3
    assert work.calls == ["read a.png"]
    assert not run.reporter.of(Loading)


def test_one_bad_file_of_several_is_exit_6_and_named_in_the_summary(tmp_path: Path) -> None:
    work = FakeWork(on_read=fail_on("a.png", UnreadablePicture("a.png is truncated.")))
    run = Run(tmp_path, ["a.png", "b.png"], work)
    assert run() == 6
    assert (tmp_path / "b_x4.png").exists()
    assert [failure.error.code for failure in run.summary.failures] == ["picture-unreadable"]
    assert run.summary.done == 1


def test_with_fail_fast_the_first_failure_ends_the_run(tmp_path: Path) -> None:
    work = FakeWork(on_read=fail_on("a.png", UnreadablePicture("a.png is truncated.")))
    run = Run(tmp_path, ["a.png", "b.png"], work, fail_fast=True)
    assert run() == 6
    assert work.calls == ["read a.png"]
    assert (run.summary.done, len(run.summary.failures), run.summary.not_started) == (0, 1, 1)


@pytest.mark.parametrize("strip", [False, True])
def test_a_result_can_be_written_without_metadata_and_recipe(tmp_path: Path, strip: bool) -> None:
    work = FakeWork()
    assert Run(tmp_path, ["a.png"], work, strip=strip)() == 0
    ((picture, recipe),) = work.written
    assert (picture.metadata.exif, recipe) == ((None, None) if strip else (b"MM", "{}"))


def test_a_full_disk_has_its_own_code(tmp_path: Path) -> None:
    run = Run(tmp_path, ["a.png"], FakeWork(on_save=fail_on("a_x4.png", DiskFull("Full."))))
    assert run() == 7


def test_a_full_disk_ends_a_batch_at_the_first_file_that_does_not_fit(tmp_path: Path) -> None:
    work = FakeWork(on_save=fail_on("b_x4.png", DiskFull("Full.")))
    run = Run(tmp_path, ["a.png", "b.png", "c.png", "d.png"], work)
    assert run() == 7
    assert "read c.png" not in work.calls
    assert [failure.error.code for failure in run.summary.failures] == ["disk-full"]
    assert (run.summary.done, run.summary.not_started) == (1, 2)


def test_results_on_another_disk_are_made_although_one_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "disk_of", lambda path: path.name in ("a_x4.png", "b_x4.png"))
    work = FakeWork(on_save=fail_on("a_x4.png", DiskFull("Full.")))
    run = Run(tmp_path, ["a.png", "b.png", "c.png"], work)
    assert run() == 7
    assert "read b.png" not in work.calls
    assert (tmp_path / "c_x4.png").exists()
    assert (run.summary.done, run.summary.not_started) == (1, 1)


def test_a_result_that_appears_while_the_run_goes_on_is_skipped(tmp_path: Path) -> None:
    def other_run(path: Path) -> None:
        touch(tmp_path, ["b_x4.png"])
        if path.name == "c_x4.png":
            raise OutputExists("There already.")

    work = FakeWork(on_save=other_run)
    run = Run(
        tmp_path,
        ["a.png", "b.png", "c.png"],
        work,
        destination=Destination(existing=Existing.SKIP),
    )
    assert run() == 0
    assert "read b.png" not in work.calls
    assert (tmp_path / "b_x4.png").read_text() == "a picture"
    assert [(event.path.name, event.reason) for event in run.reporter.of(Skipped)] == [
        ("b.png", "output-exists"),
        ("c.png", "output-exists"),
    ]
    assert (run.summary.done, run.summary.skipped) == (1, 2)


def test_a_result_that_appears_is_never_replaced_unless_asked_for(tmp_path: Path) -> None:
    def appear(_: Path) -> None:
        touch(tmp_path, ["b_x4.png"])

    work = FakeWork(on_save=appear)
    run = Run(tmp_path, ["a.png", "b.png"], work)
    assert run() == 6
    assert "read b.png" not in work.calls
    assert [failure.error.code for failure in run.summary.failures] == ["output-exists"]
    replaced = Run(
        tmp_path, ["c.png"], FakeWork(), destination=Destination(existing=Existing.REPLACE)
    )
    touch(tmp_path, ["c_x4.png"])
    assert replaced() == 0
    assert (tmp_path / "c_x4.png").read_text() == "{}"


def test_a_model_that_cannot_be_loaded_ends_the_run(tmp_path: Path) -> None:
    def refuse() -> None:
        raise ModelMissing("No model.")

    work = FakeWork(on_load=refuse)
    run = Run(tmp_path, ["a.png", "b.png"], work)
    with pytest.raises(ModelMissing):
        run()
    assert work.calls == ["read a.png", "load"]
    assert run.reporter.closed == 1


@pytest.mark.parametrize("place", ["on_step", "on_encode", "on_save", "on_read"])
def test_an_interrupt_anywhere_ends_the_run(tmp_path: Path, place: str) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    run = Run(tmp_path, ["a.png", "b.png"], FakeWork(**{place: interrupt}))
    assert run() == 130
    assert run.summary.cancelled
    assert run.reporter.closed == 1
    assert run.interrupts.answer is Answer.IGNORE


def test_an_interrupt_that_a_library_swallowed_still_counts(tmp_path: Path) -> None:
    run = Run(tmp_path, ["a.png"], FakeWork())

    def swallow(step: int) -> None:
        if step == 1:
            run.interrupts.happened = True

    run.batch.pipes.on_step = swallow  # type: ignore[attr-defined]
    assert run() == 130
    assert len(run.reporter.of(Advanced)) == 1


def test_an_interrupt_that_a_library_turned_into_an_error_still_counts(tmp_path: Path) -> None:
    run = Run(tmp_path, ["a.png", "b.png"], FakeWork())

    def turn(step: int) -> None:
        run.interrupts.happened = True
        raise ImportError("half a module")

    run.batch.pipes.on_step = turn  # type: ignore[attr-defined]
    assert run() == 130
    assert not run.reporter.of(Failed)


def test_an_interrupt_leaves_at_once_until_the_model_is_there_and_raises_from_then_on(
    tmp_path: Path,
) -> None:
    seen: list[Answer] = []
    run = Run(tmp_path, ["a.png"], FakeWork())
    work = run.batch.pipes
    work.on_load = lambda: seen.append(run.interrupts.answer)  # type: ignore[attr-defined]
    work.on_encode = lambda _: seen.append(run.interrupts.answer)  # type: ignore[attr-defined]
    work.on_save = lambda _: seen.append(run.interrupts.answer)  # type: ignore[attr-defined]
    run()
    assert seen == [Answer.LEAVE, Answer.RAISE, Answer.HOLD]


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")]
)
def test_memory_that_runs_out_after_all_is_said_so(tmp_path: Path, error: Exception) -> None:
    run = Run(tmp_path, ["a.png"], FakeWork(on_read=fail_on("a.png", error)))
    assert run() == 5


def test_a_defect_in_one_file_is_logged_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setattr(logs, "write_crash", lambda *_: log)
    run = Run(tmp_path, ["a.png", "b.png"], FakeWork(on_read=fail_on("a.png", ValueError("x"))))
    assert run() == 6
    assert str(log) in str(run.summary.failures[0].error)
    assert run.summary.done == 1


def test_a_closed_output_stops_the_work(tmp_path: Path) -> None:
    run = Run(tmp_path, ["a.png", "b.png"], FakeWork())

    def tell(event: object) -> None:
        if isinstance(event, Finished):
            raise StdoutClosed

    run.reporter.tell = tell  # type: ignore[method-assign]
    with pytest.raises(StdoutClosed):
        run()
    assert not (tmp_path / "b_x4.png").exists()


def test_the_first_time_left_is_the_estimate_and_then_this_run_knows_best(tmp_path: Path) -> None:
    run = Run(tmp_path, ["a.png", "b.png"], FakeWork(steps=2))
    run()
    left = [
        (event.work.number, event.seconds_left, event.batch_seconds_left)
        for event in run.reporter.of(Advanced)
    ]
    assert left == [
        (1, 10.0, 20.0),
        (1, 5.0, 15.0),
        (1, 0.0, 10.0),
        (2, 2.0, 2.0),
        (2, 1.0, 1.0),
        (2, 0.0, 0.0),
    ]
    assert [event.work.job.seconds for event in run.reporter.of(Finished)] == [10.0, 2.0]


def test_the_first_picture_tells_how_long_the_others_take(tmp_path: Path) -> None:
    work = FakeWork(steps=2, seconds_left=lambda step: None if step == 0 else 2.0 - step)
    run = Run(tmp_path, ["a.png", "b.png", "c.png"], work)
    run()
    left = [event.batch_seconds_left for event in run.reporter.of(Advanced)]
    assert left == [30.0, 1.0 + 4.0, 4.0, 2.0 + 2.0, 1.0 + 2.0, 2.0, 2.0, 1.0, 0.0]


def test_notes_of_reading_and_writing_reach_the_report(tmp_path: Path) -> None:
    run = Run(tmp_path, ["a.png"], FakeWork(notes=(("One.",), (), ("Two.",))))
    run()
    assert run.reporter.of(Finished)[0].notes == ("One.", "Two.")


def test_an_interrupt_while_a_file_is_written_lets_it_come_to_its_end(tmp_path: Path) -> None:
    run = Run(tmp_path, ["a.png", "b.png"], FakeWork())

    def interrupt(_: Path) -> None:
        run.interrupts._on_signal(2, None)

    run.batch.pipes.on_save = interrupt  # type: ignore[attr-defined]
    assert run() == 130
    assert (tmp_path / "a_x4.png").exists()
    assert not (tmp_path / "b_x4.png").exists()
    assert (run.summary.done, run.summary.cancelled) == (1, True)
    assert len(run.reporter.of(Finished)) == 1


def test_a_second_interrupt_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    run = Run(tmp_path, ["a.png"], FakeWork())

    def interrupt_twice(_: Path) -> None:
        run.interrupts._on_signal(2, None)
        run.interrupts._on_signal(2, None)

    run.batch.pipes.on_save = interrupt_twice  # type: ignore[attr-defined]
    assert run() == 130
    assert not (tmp_path / "a_x4.png").exists()


def test_an_interrupt_during_a_write_that_fails_is_still_an_interrupt(tmp_path: Path) -> None:
    run = Run(tmp_path, ["a.png", "b.png"], FakeWork())

    def interrupt_and_fail(_: Path) -> None:
        run.interrupts._on_signal(2, None)
        raise DiskFull("Full.")

    run.batch.pipes.on_save = interrupt_and_fail  # type: ignore[attr-defined]
    assert run() == 130
    assert len(run.reporter.of(Failed)) == 1


def test_an_interrupt_while_the_last_file_is_written_is_not_forgotten(tmp_path: Path) -> None:
    run = Run(tmp_path, ["a.png"], FakeWork())
    run.batch.pipes.on_save = lambda _: run.interrupts._on_signal(2, None)  # type: ignore[attr-defined]
    assert run() == 130
    assert (tmp_path / "a_x4.png").exists()
    assert (run.summary.done, run.summary.cancelled) == (1, True)


def test_notes_of_the_model_are_told_once_a_run(tmp_path: Path) -> None:
    work = FakeWork(notes=(("One.",), ("A LoRA.",), ()))
    run = Run(tmp_path, ["a.png", "b.png"], work)
    run()
    assert [event.notes for event in run.reporter.of(Finished)] == [("A LoRA.", "One."), ("One.",)]


def test_a_picture_that_is_made_from_noise_is_not_read(tmp_path: Path) -> None:
    work = FakeWork()
    run = Run(tmp_path, ["a.png"], work)
    run.batch.worklist.jobs[0] = replace(run.batch.worklist.jobs[0], source=None)
    assert run() == 0
    assert work.calls == ["load", "save a_x4.png"]


def test_a_new_picture_that_fails_is_told_without_an_input(tmp_path: Path) -> None:
    def fail(_: int) -> None:
        raise DiskFull("Full.")

    run = Run(tmp_path, ["a.png"], FakeWork(on_step=fail))
    run.batch.worklist.jobs[0] = replace(run.batch.worklist.jobs[0], source=None)
    assert run() == 7
    assert [event.failure.path for event in run.reporter.of(Failed)] == [None]
