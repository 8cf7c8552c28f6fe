from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.base.errors import EngineError, EngineRunsAlready
from scalediff_engine.client.places import Places, read_command, write_command
from scalediff_engine.server import dialog
from scalediff_engine.server.journal import OutsideLimit, close_journal, open_journal
from scalediff_engine.server.lifecycle import Idleness, Pulse, is_busy, is_over, only_engine

security_log = logging.getLogger("scalediff_engine.server.security")

STILL = Pulse(jobs=0, sessions=0, requests=0, last_at=100.0)


@pytest.mark.parametrize(
    ("pulse", "now", "idle_seconds", "expected"),
    [
        (STILL, 159.9, 60.0, False),
        (STILL, 160.0, 60.0, True),
        (STILL, 1e9, 0.0, False),
        (Pulse(1, 0, 0, 100.0), 1e9, 60.0, False),
        (Pulse(0, 1, 0, 100.0), 1e9, 60.0, False),
        (Pulse(0, 0, 1, 100.0), 1e9, 60.0, False),
    ],
)
def test_an_engine_ends_only_after_a_while_without_anything_to_do(
    pulse: Pulse, now: float, idle_seconds: float, expected: bool
) -> None:
    assert is_over(pulse, now, idle_seconds, last_busy_at=0.0) is expected


def test_the_while_begins_when_the_last_job_ends() -> None:
    idleness = Idleness(60.0, now=0.0)
    assert not idleness.is_over(Pulse(1, 0, 0, 0.0), 1000.0)
    assert not idleness.is_over(Pulse(0, 0, 0, 0.0), 1059.0)
    assert idleness.is_over(Pulse(0, 0, 0, 0.0), 1060.0)


def test_an_engine_that_nobody_ever_asked_ends_too() -> None:
    idleness = Idleness(60.0, now=1000.0)
    assert not idleness.is_over(Pulse(0, 0, 0, 0.0), 1059.0)
    assert idleness.is_over(Pulse(0, 0, 0, 0.0), 1060.0)


PULSES = st.builds(
    Pulse, st.integers(0, 1), st.integers(0, 1), st.integers(0, 1), st.floats(0, 100)
)


@given(st.lists(st.tuples(st.floats(0, 30), PULSES), max_size=20), st.floats(1, 60))
def test_it_never_ends_while_or_shortly_after_somebody_needs_it(
    pulses: list[tuple[float, Pulse]], idle_seconds: float
) -> None:
    idleness, now, needed_at = Idleness(idle_seconds, 0.0), 0.0, 0.0
    for passed, pulse in pulses:
        now += passed
        needed_at = now if is_busy(pulse) else max(needed_at, min(pulse.last_at, now))
        if idleness.is_over(pulse, now):
            assert not is_busy(pulse)
            assert now - needed_at >= idle_seconds


def test_there_is_one_engine(tmp_path: Path) -> None:
    places = Places(tmp_path / "home")
    with only_engine(places):
        with pytest.raises(EngineRunsAlready, match=r"^An engine of yours runs already\.$"):
            only_engine(places).__enter__()
        other = Places(tmp_path / "other")
        with only_engine(other):
            pass
    with only_engine(places):
        pass


def test_a_lock_that_was_left_behind_counts_for_nothing(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.run.mkdir()
    places.engine_lock.write_text("4711")
    with only_engine(places):
        pass


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(EngineError, match=r"cannot be written: Not a directory\."),
        only_engine(Places(tmp_path / "file" / "home")),
    ):
        pass


def test_the_log_never_holds_the_token(tmp_path: Path) -> None:
    file, word = tmp_path / "engine.log", "a-word-that-nobody-may-read"
    level = logging.getLogger().level
    journal = open_journal(file, "info", word)
    try:
        log = logging.getLogger("scalediff_engine.tests")
        log.info("Authorization: Bearer %s", word)
        try:
            raise ValueError(word)
        except ValueError:
            log.exception("with a traceback")
        log.debug("too small to tell")
    finally:
        close_journal(journal)
        logging.getLogger().setLevel(level)
        logging.captureWarnings(False)
    text = file.read_text("utf-8")
    assert word not in text
    assert "Bearer (token)" in text
    assert "ValueError: (token)" in text
    assert "too small" not in text


def test_strangers_cannot_push_all_else_out_of_the_log(tmp_path: Path) -> None:
    file, level = tmp_path / "log", logging.getLogger().level
    journal = open_journal(file, "info", "the-token")
    try:
        for number in range(5000):
            security_log.warning("Refused %d: %s %s", 401, "GET", f"/{number}")
        logging.getLogger("scalediff_engine.jobs").info("A job is done")
        security_log.error("A defect", exc_info=ValueError("seen"))
    finally:
        close_journal(journal)
        logging.getLogger().setLevel(level)
        logging.captureWarnings(False)
    text = file.read_text("utf-8")
    assert text.count("Refused 401: GET") == 60
    assert "/59 (more such lines are left out for a minute)" in text
    assert "A job is done" in text
    assert "seen" in text


def test_after_a_minute_refusals_are_logged_again() -> None:
    now = 0.0
    limit = OutsideLimit(lambda: now)

    def is_written() -> bool:
        return limit.filter(
            logging.LogRecord(security_log.name, logging.WARNING, "", 1, "Refused", None, None)
        )

    assert [is_written() for _ in range(100)].count(True) == 60
    now = 61.0
    assert is_written()


def test_the_own_command_works_in_any_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [*dialog.own_command(), "--version"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("scalediff ")


def test_children_find_a_clone_that_python_does_not_know(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    dialog.let_children_find_us()
    subprocess.run(
        [sys.executable, "-P", "-c", "import scalediff_engine.client"], cwd=tmp_path, check=True
    )


def test_the_command_is_remembered_unless_a_good_one_is_known(tmp_path: Path) -> None:
    places = Places(tmp_path)
    dialog.remember_command(places)
    assert read_command(places) == dialog.own_command()
    write_command(places, [sys.executable, "-m", "installed"])
    dialog.remember_command(places)
    assert read_command(places) == [sys.executable, "-m", "installed"]
    write_command(places, [str(tmp_path / "gone"), "-m", "installed"])
    dialog.remember_command(places)
    assert read_command(places) == dialog.own_command()
