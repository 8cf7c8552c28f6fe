"""A batch that is followed: its time, its files, its end, and an engine that goes away."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_batches import FakeBatches, batch, item
from fake_gateway import FakeGateway, FakeLater, progress

from scalediff_engine.client.batches import BatchInfo, BatchState, FileState
from scalediff_engine.client.messages import Problem
from scalediff_engine.ui.folder.batch_model import BatchModel
from scalediff_engine.ui.folder.rows import Rows, Status


class Clock:
    def __init__(self, later: FakeLater) -> None:
        self._later = later

    def __call__(self) -> float:
        return self._later.now_ms / 1000


def follow(
    gateway: FakeGateway, batches: FakeBatches, later: FakeLater, info: BatchInfo | None = None
) -> BatchModel:
    model = BatchModel(gateway, batches, later, info or batch(), Rows(), Clock(later))
    model.begin()
    return model


def answer_items(batches: FakeBatches, *items: object) -> None:
    asked = batches.last("items")
    if items:
        asked.say(list(items))  # type: ignore[arg-type]
    asked.succeed()


def test_files_are_named_by_the_engine_and_then_only_what_changed_is_asked(
    gateway: FakeGateway, batches: FakeBatches, later: FakeLater
) -> None:
    model = follow(gateway, batches, later)
    assert batches.last("items").args == ("b1", 0)
    answer_items(batches, item(0), item(1))
    assert [entry.path for entry in model.rows.entries] == [
        "/pictures/holiday/0.png", "/pictures/holiday/1.png",
    ]  # fmt: skip
    assert model.rows.target(1) == "/pictures/holiday/1_x4.png"
    later.pass_ms(1000)
    assert batches.pending("items") == []
    batches.last("watch").say(batch(events=5, counts={"running": 1, "waiting": 1}, current=0))
    assert batches.last("items").args == ("b1", 1)
    answer_items(batches, item(0, FileState.RUNNING))
    assert model.rows.status(0) is Status.RUNNING
    later.pass_ms(1000)
    batches.last("watch").say(batch(events=9, counts={"done": 1, "running": 1}, current=1))
    assert batches.last("items").args == ("b1", 5)


def test_many_events_ask_for_the_files_only_now_and_then(
    gateway: FakeGateway, batches: FakeBatches, later: FakeLater
) -> None:
    follow(gateway, batches, later)
    watch = batches.last("watch")
    for number in range(2, 200):
        watch.say(batch(events=number))
    assert len(batches.all("items")) == 1
    answer_items(batches)
    for number in range(200, 300):
        watch.say(batch(events=number))
    assert len(batches.all("items")) == 1
    later.pass_ms(300)
    assert batches.last("items").args == ("b1", 1)


def test_there_is_a_time_left_from_the_first_estimate_on_and_it_does_not_jump(
    gateway: FakeGateway, batches: FakeBatches, later: FakeLater
) -> None:
    model = follow(gateway, batches, later)
    assert model.seconds_left is None
    watch = batches.last("watch")
    watch.say(batch(events=2, seconds_left=1000.0))
    assert model.seconds_left == pytest.approx(1000, abs=1)
    before = model.seconds_left
    for number in range(3, 60):
        later.pass_ms(1000)
        noisy = 1000.0 + (400 if number % 2 else -400)
        watch.say(batch(events=number, seconds_left=noisy - number))
        after = model.seconds_left
        assert after is not None
        assert abs(before - after) < 200
        before = after


def test_the_clock_stands_still_while_it_is_paused(
    gateway: FakeGateway, batches: FakeBatches, later: FakeLater
) -> None:
    model = follow(gateway, batches, later, batch(seconds_left=500.0))
    model.pause()
    assert model.state is BatchState.PAUSED  # at once, whatever the engine still does
    batches.last("act").succeed(batch(state=BatchState.PAUSED, events=2))
    before = model.seconds_left
    later.pass_ms(60_000)
    assert model.seconds_left == before
    model.resume()
    assert batches.last("act").args == ("b1", "resume")


def test_what_is_refused_is_said_and_undone(
    gateway: FakeGateway, batches: FakeBatches, later: FakeLater
) -> None:
    model = follow(gateway, batches, later)
    model.pause()
    batches.last("act").fail("The disk is full.")
    assert model.state is BatchState.RUNNING
    assert model.problem == Problem("trouble", "The disk is full.")


def test_the_end_is_told_once_and_after_the_files_are_known(
    gateway: FakeGateway, batches: FakeBatches, later: FakeLater
) -> None:
    model = follow(gateway, batches, later)
    answer_items(batches, item(0), item(1))
    ends: list[int] = []
    model.ended.add(lambda: ends.append(model.rows.counts().popitem()[1]))
    later.pass_ms(300)
    over = batch(state=BatchState.DONE, events=7, counts={"done": 1, "failed": 1}, fraction=1.0)
    batches.last("watch").say(over)
    assert ends == []
    why = Problem("picture-unreadable", "1.png is damaged.")
    answer_items(batches, item(0, FileState.DONE), item(1, FileState.FAILED, problem=why))
    later.pass_ms(300)
    assert len(ends) == 1
    batches.last("watch").say(over)
    later.pass_ms(300)
    assert len(ends) == 1
    assert model.rows.problem(1) == why


def test_what_failed_is_tried_again_and_followed_to_its_end(
    gateway: FakeGateway, batches: FakeBatches, later: FakeLater
) -> None:
    over = batch(state=BatchState.DONE, events=7, counts={"done": 1, "failed": 1})
    model = follow(gateway, batches, later, over)
    answer_items(batches, item(0, FileState.DONE), item(1, FileState.FAILED))
    later.pass_ms(300)
    batches.last("watch").succeed()
    ends: list[str] = []
    model.ended.add(lambda: ends.append("end"))
    model.retry()
    assert batches.last("act").args == ("b1", "retry")
    batches.last("act").succeed(batch(events=9, counts={"done": 1, "waiting": 1}))
    watch = batches.last("watch")
    answer_items(batches, item(1))
    later.pass_ms(300)
    assert model.rows.status(1) is Status.WAITING
    watch.say(batch(state=BatchState.DONE, events=12, counts={"done": 2}))
    answer_items(batches, item(1, FileState.DONE))
    later.pass_ms(300)
    assert ends == ["end"]


def test_a_cancelled_batch_is_over_once_its_file_is_left_too(
    gateway: FakeGateway, batches: FakeBatches, later: FakeLater
) -> None:
    model = follow(gateway, batches, later, batch(current=0))
    answer_items(batches, item(0, FileState.RUNNING), item(1))
    later.pass_ms(300)
    ends: list[str] = []
    model.ended.add(lambda: ends.append("end"))
    model.cancel()
    still = batch(state=BatchState.CANCELLED, events=3, current=0, counts={"cancelled": 2})
    batches.last("act").succeed(still)
    answer_items(batches, item(1, FileState.CANCELLED))
    later.pass_ms(300)
    assert ends == []
    batches.last("watch").say(replace(still, events=4, current=None))
    answer_items(batches, item(0, FileState.CANCELLED))
    later.pass_ms(300)
    assert ends == ["end"]


def test_why_the_engine_paused_by_itself_is_said(
    gateway: FakeGateway, batches: FakeBatches, later: FakeLater
) -> None:
    full = Problem("disk-full", "The disk is full: 3 MiB are free.")
    model = follow(gateway, batches, later, batch(state=BatchState.PAUSED, current=0))
    answer_items(batches, item(0, problem=full), item(1))
    assert model.pause_problem == full


def test_an_engine_that_is_gone_is_said_to_be_and_found_again(
    gateway: FakeGateway, batches: FakeBatches, later: FakeLater
) -> None:
    model = follow(gateway, batches, later, batch(seconds_left=100.0))
    answer_items(batches)
    later.pass_ms(6000)
    gateway.last("is_there").succeed(False)
    assert model.is_lost
    before = model.seconds_left
    later.pass_ms(10_000)
    assert model.seconds_left == before
    batches.last("watch").say(batch(events=3))
    assert not model.is_lost
    batches.last("watch").fail("There is no engine.", "engine-unreachable")
    assert model.is_lost
    later.pass_ms(3000)
    batches.last("watch").say(batch(events=4))
    assert not model.is_lost


def test_what_is_closed_asks_nothing_more(
    gateway: FakeGateway, batches: FakeBatches, later: FakeLater
) -> None:
    model = follow(gateway, batches, later, batch(progress=progress(0.3)))
    model.close()
    later.pass_ms(20_000)
    assert batches.pending("items") == []
    assert batches.pending("watch") == []
    assert gateway.pending("is_there") == []
