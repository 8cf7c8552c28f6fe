"""A worker without a model: steps that take a moment, checkpoints, a result that can be foretold.

A job's prompt tells it how to behave, in words such as "steps=8 pause=0.01 crash=3":
    steps     how many there are
    pause     seconds that one takes
    crash     ends itself with SIGKILL at the beginning of this step, every time
    once      the same, but only if there is no file `crashed` in the job's folder yet
    hang      keeps silent from this step on
    deaf      does not hear of stops
    fail      fails at this step
    code      of that problem
A job about files takes a source's bytes for a picture, and fails where it contains "bad".
With "dumb" in its own arguments it ends before it is ready.
"""

from __future__ import annotations

import hashlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from scalediff_engine.client.messages import JobProgress, Problem
from scalediff_engine.jobs.spool import CHECKPOINT, RESULT
from scalediff_engine.jobs.worker_process import (
    Advanced,
    Alive,
    Done,
    Failed,
    Measured,
    News,
    Ready,
    Run,
    Stop,
    Stopped,
    from_line,
    to_line,
)

_SAYING = threading.Lock()
_silent = threading.Event()


def say(news: News) -> None:
    with _SAYING:
        sys.stdout.buffer.write(to_line(news))
        sys.stdout.buffer.flush()


def orders() -> Iterator[Run | Stop]:
    for line in sys.stdin.buffer:
        order = from_line(line)
        assert isinstance(order, Run | Stop)
        yield order


def listen(runs: queue.Queue[Run], stops: dict[str, Stop]) -> None:
    for order in orders():
        if isinstance(order, Run):
            stops.pop(order.job, None)
            runs.put(order)
        else:
            stops[order.job] = order
    os._exit(0)


def keep_alive() -> None:
    while not _silent.is_set():
        say(Alive())
        time.sleep(0.2)


def result_of(image: bytes, steps: int) -> bytes:
    """What the job comes to; each step depends on the one before."""
    state = hashlib.sha256(image).digest()
    for step in range(steps):
        state = hashlib.sha256(state + bytes([step % 256])).digest()
    return state


def source_of(run: Run) -> bytes:
    if run.file is None:
        return Path(run.image).read_bytes()
    found = Path(run.file.source).read_bytes()
    say(Measured(run.job, len(found), 1, 4 * len(found), 4))
    return found


def write(path: Path, data: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)


def do(run: Run, stops: dict[str, Stop]) -> None:
    how = dict(word.partition("=")[::2] for word in run.settings.prompt.split())
    steps, pause = int(how.get("steps", 4)), float(how.get("pause", 0))
    folder = Path(run.folder)
    try:
        image = source_of(run)
    except OSError as error:
        say(Failed(run.job, Problem("input-missing", f"{error.filename} does not exist.")))
        return
    begun, state = 0, hashlib.sha256(image).digest()
    if (folder / CHECKPOINT).exists():
        number, state = (folder / CHECKPOINT).read_bytes().split(b" ", 1)
        begun = int(number)
    for step in range(begun, steps):
        misbehave(how, step, folder)
        bad = run.file is not None and b"bad" in image
        if bad or how.get("fail") == str(step):
            code = how.get("code", "input-unusable")
            say(Failed(run.job, Problem(code, "It does not want to.")))
            return
        time.sleep(pause)
        state = hashlib.sha256(state + bytes([step % 256])).digest()
        stop = None if "deaf" in how else stops.get(run.job)
        if (stop is not None and stop.keep) or step % 2:
            write(folder / CHECKPOINT, str(step + 1).encode() + b" " + state)
        say(Advanced(run.job, JobProgress("sharpening", 1, 1, step + 1, steps, (step + 1) / steps)))
        if stop is not None:
            say(Stopped(run.job))
            return
    if run.file is None:
        write(folder / RESULT, state)
    elif Path(run.file.target).exists() and not run.file.replace:
        say(Failed(run.job, Problem("output-exists", f"{run.file.target} exists already.")))
        return
    else:
        Path(run.file.target).parent.mkdir(parents=True, exist_ok=True)
        write(Path(run.file.target), state)
    say(Done(run.job, f'{{"steps": {steps}}}', ["It was a fake."]))


def misbehave(how: dict[str, str], step: int, folder: Path) -> None:
    if how.get("crash") == str(step):
        os.kill(os.getpid(), signal.SIGKILL)
    if how.get("once") == str(step) and not (folder / "crashed").exists():
        (folder / "crashed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if how.get("hang") == str(step):
        _silent.set()
        time.sleep(3600)


def main() -> None:
    if "dumb" in sys.argv:
        sys.exit(3)
    runs: queue.Queue[Run] = queue.Queue()
    stops: dict[str, Stop] = {}
    threading.Thread(target=listen, args=(runs, stops), daemon=True).start()
    threading.Thread(target=keep_alive, daemon=True).start()
    say(Ready())
    while True:
        do(runs.get(), stops)


if __name__ == "__main__":
    main()
