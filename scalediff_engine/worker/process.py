"""The worker as a process: its streams, its lock, and one job after the other.

Nothing heavy is imported before the first job, so that a worker is ready at once.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from filelock import FileLock, Timeout

from scalediff_engine.client.files import make_private
from scalediff_engine.client.messages import Problem
from scalediff_engine.jobs.worker_process import Failed, Ready
from scalediff_engine.memory.oom import memory_ran_out
from scalediff_engine.models.environment import hush_libraries, share_the_processor
from scalediff_engine.worker.streams import Herald, Orders, leave, take_over

CHECKPOINT_SECONDS = 5.0
# An older worker ends as soon as it notices that its engine is gone.
LOCK_SECONDS = 30.0
EXIT_LOCKED = 75  # EX_TEMPFAIL
EXIT_DEFECT = 70  # EX_SOFTWARE

_log = logging.getLogger(__name__)


def run(arguments: Sequence[str] | None = None) -> None:
    """Work until there is nobody to work for; never returns."""
    asked = _parse(arguments)
    orders_stream, herald = take_over()
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    # Ctrl-C in the engine's terminal reaches all of its processes; the engine decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hush_libraries()
    share_the_processor()
    orders = Orders(orders_stream, on_end=lambda: leave(0))
    orders.listen()
    herald.beat()
    try:
        with _locked(asked.lock, asked.lock_seconds):
            _log.info("Worker %d is ready.", os.getpid())
            herald.tell(Ready())
            _work(orders, herald, asked.checkpoint_seconds)
    except Timeout:
        _log.error("Another worker holds the lock, and did not end within some seconds.")
        leave(EXIT_LOCKED)
    except Exception:  # noqa: BLE001 - the outermost layer
        _log.exception("The worker ends by a defect of its own.")
    leave(EXIT_DEFECT)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scalediff_engine.worker", description=__doc__)
    parser.add_argument(
        "--lock", type=Path, required=True, help="only one worker at a time has this file"
    )
    parser.add_argument("--lock-seconds", type=float, default=LOCK_SECONDS)
    parser.add_argument("--checkpoint-seconds", type=float, default=CHECKPOINT_SECONDS)
    return parser.parse_args(arguments)


def _locked(file: Path, seconds: float) -> AbstractContextManager[object]:
    """Take the lock; the system gives it back when the process ends, however that happens.

    Raises:
        Timeout: another process has it.
    """
    make_private(file.parent)
    return FileLock(file, mode=0o600).acquire(timeout=seconds)


def _work(orders: Orders, herald: Herald, checkpoint_seconds: float) -> None:
    task = orders.next()
    from scalediff_engine.worker.guess import show_guess

    show_guess(task, herald.tell)
    try:
        from scalediff_engine.worker.job import Workplace  # takes seconds, for torch
    except Exception as error:
        # half a library is loaded: the next worker starts anew
        shortage = memory_ran_out(error, None)
        if shortage is None:
            raise
        _log.exception("There is not enough memory for PyTorch itself")
        herald.tell(Failed(task.run.job, Problem(shortage.code, str(shortage))))
        return
    workplace = Workplace(herald.tell, checkpoint_seconds)
    while True:
        workplace.do(task)
        orders.forget(task)
        task = orders.next()
