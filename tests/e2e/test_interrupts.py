"""Ctrl-C at any moment: 130, one line, nothing half-written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest
from program import Outcome, Program, picture

SLOW_WORK = ("upscale", "a.png", "--size", "512x512", "--steps", "40", "--creativity", "1")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on POSIX")


STOPPING = "scalediff: Stopping after this step; press Ctrl-C again to stop at once.\n"


def cancelled(outcome: Outcome, program: Program, *, at_work: bool = False) -> None:
    """Pass if the run ended in order; ``at_work``: something had begun, which takes a moment."""
    assert outcome.code == 130, outcome.err
    assert outcome.err.startswith(STOPPING) or not at_work
    last = outcome.err.removeprefix(STOPPING)
    assert last.startswith("scalediff: Cancelled.")
    assert last.count("\n") == 1, outcome.err
    assert program.files() <= {"a.png", "b.png", "a_x2.png"}


def test_before_anything_is_imported(scalediff: Program) -> None:
    """As early as the interpreter lets us: our module is the first that it imports."""
    picture(scalediff.folder / "a.png")
    code = (
        "import os, signal, sys; sys.argv = ['scalediff', 'upscale', 'a.png'];"
        " from scalediff_engine.cli import main; real = main.parse;"
        " main.parse = lambda words: (os.kill(os.getpid(), signal.SIGINT), real(words))[1];"
        " main.run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=scalediff.folder,
        env=scalediff.environment(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    cancelled(Outcome(done.returncode, done.stdout, done.stderr), scalediff)


def test_while_the_model_is_loading(scalediff: Program) -> None:
    picture(scalediff.folder / "a.png")
    outcome = scalediff.interrupt_when(lambda line: '"loading"' in line, *SLOW_WORK)
    cancelled(outcome, scalediff)
    assert outcome.events[-1] == {**outcome.events[-1], "event": "summary", "cancelled": True}


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [0.2, 0.6, 1.2, 2.5])
def test_at_any_time_on_the_way(scalediff: Program, delay_s: float) -> None:
    picture(scalediff.folder / "a.png")
    process = scalediff.start(*SLOW_WORK, "-q")
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    cancelled(Outcome(process.returncode, out, err), scalediff)


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 3])
def test_while_it_works(scalediff: Program, times: int) -> None:
    picture(scalediff.folder / "a.png")
    outcome = scalediff.interrupt_when(
        lambda line: json.loads(line).get("step") == 2, *SLOW_WORK, times=times
    )
    cancelled(outcome, scalediff, at_work=True)
    assert outcome.events[-1]["cancelled"]


@pytest.mark.slow
def test_in_a_batch_what_is_done_stays_and_is_counted(scalediff: Program) -> None:
    picture(scalediff.folder / "a.png")
    picture(scalediff.folder / "b.png")
    outcome = scalediff.interrupt_when(
        lambda line: '"result"' in line,
        "upscale",
        ".",
        "--scale",
        "2",
        "--steps",
        "30",
        "--creativity",
        "1",
    )
    cancelled(outcome, scalediff, at_work=True)
    assert scalediff.files() == {"a.png", "b.png", "a_x2.png"}
    assert outcome.err == STOPPING + "scalediff: Cancelled. 1 of 2 files done.\n"


@pytest.mark.slow
def test_a_polite_kill_is_an_interrupt_too(scalediff: Program) -> None:
    picture(scalediff.folder / "a.png")
    process = scalediff.start(*SLOW_WORK, "--json")
    assert process.stdout is not None
    for line in process.stdout:
        if '"progress"' in line:
            process.send_signal(signal.SIGTERM)
            break
    out, err = process.communicate(timeout=100)
    cancelled(Outcome(process.returncode, out, err), scalediff, at_work=True)
