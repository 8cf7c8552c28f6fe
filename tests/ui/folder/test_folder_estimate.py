"""How long a whole folder takes, and what of it will not fit."""

from __future__ import annotations

import pytest
from fake_gateway import FakeGateway, FakeLater, plan_for

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import Problem, UpscaleSettings
from scalediff_engine.ui.folder.estimate import MOST_PLANS, Estimator, group

SETTINGS = UpscaleSettings(scale=4.0)
FULL = Problem("not-enough-memory", "This needs 9 GiB and there are 6.")


def test_each_size_is_planned_once_and_all_are_added_up(
    gateway: FakeGateway, later: FakeLater
) -> None:
    estimator = Estimator(gateway, later)
    estimator.ask(group({Size(100, 100): 3, Size(200, 100): 1}), SETTINGS)
    assert estimator.estimate.seconds is None
    first = gateway.last("plan")
    assert (first.args[0].width, first.args[0].height) == (200, 100)
    first.succeed(plan_for(first.args[0], seconds=20.0))
    # what is not planned yet is taken to cost as much for each pixel
    assert estimator.estimate.seconds == pytest.approx(50.0)
    assert not estimator.estimate.is_complete
    second = gateway.last("plan")
    second.succeed(plan_for(second.args[0], seconds=9.0))
    assert estimator.estimate.seconds == pytest.approx(47.0)
    assert estimator.estimate.is_complete
    assert len(gateway.all("plan")) == 2


def test_what_will_not_fit_is_known_before_the_start(
    gateway: FakeGateway, later: FakeLater
) -> None:
    gateway.at_once["plan"] = lambda request: plan_for(
        request, FULL if request.width > 150 else None, seconds=10.0
    )
    estimator = Estimator(gateway, later)
    estimator.ask(group({Size(100, 100): 3, Size(200, 100): 1}), SETTINGS)
    assert estimator.estimate.unfit == {Size(200, 100): FULL.message}
    assert estimator.estimate.seconds == pytest.approx(30.0)
    assert estimator.estimate.is_complete


def test_a_folder_of_crops_costs_few_questions_and_misses_nothing_that_does_not_fit(
    gateway: FakeGateway, later: FakeLater
) -> None:
    sizes = {Size(100 + n, 100): 1 for n in range(4000)}
    estimator = Estimator(gateway, later)
    estimator.ask(group(sizes), SETTINGS)
    while gateway.pending("plan"):
        asked = gateway.last("plan")
        width = asked.args[0].width
        problem = FULL if width > 4080 else None
        asked.succeed(plan_for(asked.args[0], problem, seconds=width / 100))
    found = estimator.estimate
    assert found.is_complete
    assert set(found.unfit) == {size for size in sizes if size.width > 4080}
    truth = sum(size.width / 100 for size in sizes if size.width <= 4080)
    assert found.seconds == pytest.approx(truth, rel=0.02)
    assert len(gateway.all("plan")) < MOST_PLANS + 40


def test_other_settings_are_asked_anew_and_the_same_are_not(
    gateway: FakeGateway, later: FakeLater
) -> None:
    gateway.at_once["plan"] = plan_for
    estimator = Estimator(gateway, later)
    estimator.ask(group({Size(10, 10): 1}), SETTINGS)
    estimator.ask(group({Size(10, 10): 5}), SETTINGS)
    assert len(gateway.all("plan")) == 1
    estimator.ask(group({Size(10, 10): 5}), UpscaleSettings(scale=2.0))
    assert len(gateway.all("plan")) == 2


def test_an_engine_that_is_away_is_asked_again(gateway: FakeGateway, later: FakeLater) -> None:
    estimator = Estimator(gateway, later)
    estimator.ask(group({Size(10, 10): 1}), SETTINGS)
    gateway.last("plan").fail("There is no engine.", "engine-unreachable")
    assert estimator.estimate.problem is not None
    later.pass_ms(3000)
    asked = gateway.last("plan")
    asked.succeed(plan_for(asked.args[0]))
    assert estimator.estimate.problem is None
    assert estimator.estimate.is_complete


def test_nothing_to_do_takes_no_time(gateway: FakeGateway, later: FakeLater) -> None:
    estimator = Estimator(gateway, later)
    estimator.ask(group({}), SETTINGS)
    assert estimator.estimate.seconds == 0.0
    assert estimator.estimate.is_complete


def test_groups_keep_every_picture() -> None:
    sizes = {Size(n, 10): n % 3 + 1 for n in range(10, 1000)}
    groups = group(sizes, 50)
    assert len(groups) <= 50
    assert sum(count for g in groups for _, count in g.members) == sum(sizes.values())
    assert all(g.size == g.members[0][0] for g in groups)
