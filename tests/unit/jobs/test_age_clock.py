"""What counts as old when the system clock is wrong."""

from __future__ import annotations

from scalediff_engine.jobs.retention import SETTLE_SECONDS, AgeClock, machine_seconds

DAY = 86400.0
NOON = 20_000 * DAY
STEP = 600.0  # between two sweeps


def moments(clock: AgeClock, wall: float, uptime: float, sweeps: int) -> list[float | None]:
    return [clock.moment(wall + n * STEP, uptime + n * STEP) for n in range(sweeps)]


def test_a_new_engine_deletes_nothing_until_the_clock_can_be_trusted() -> None:
    found = moments(AgeClock(), NOON, 5.0, 4)
    assert found == [None, None, NOON + SETTLE_SECONDS, NOON + SETTLE_SECONDS + STEP]


def test_a_clock_that_jumps_ahead_makes_nothing_older() -> None:
    clock = AgeClock()
    *_, before = moments(clock, NOON, 0.0, 4)
    assert before == NOON + 3 * STEP
    after = moments(clock, NOON + 2 * DAY, 4 * STEP, 6)
    assert after[:2] == [None, None]
    assert after[2:] == [NOON + n * STEP for n in (6, 7, 8, 9)]  # the time that has passed


def test_a_clock_that_is_set_right_again_is_followed() -> None:
    clock = AgeClock()
    moments(clock, NOON + 2 * DAY, 0.0, 1)  # the machine woke up with a wrong date
    after = moments(clock, NOON + STEP, STEP, 4)
    assert after == [None, None, NOON + 3 * STEP, NOON + 4 * STEP]


def test_a_night_of_sleep_counts() -> None:
    clock = AgeClock()
    moments(clock, NOON, 0.0, 4)
    assert clock.moment(NOON + DAY, DAY) == NOON + DAY


def test_the_machine_clock_advances() -> None:
    assert machine_seconds() <= machine_seconds()
