"""A worker without a model: after a while each pixel is there several times.

It is for what an editor does with large pictures, which the real model takes minutes for here. The
prompt says how many times.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[2]))

from fake_worker import keep_alive, listen, say

from scalediff_engine.client.messages import JobProgress
from scalediff_engine.client.pixels import PREFIX_BYTES, header_length, read_header, to_prefix
from scalediff_engine.jobs.spool import RESULT
from scalediff_engine.jobs.worker_process import Advanced, Done, Ready, Run, Stop

_STEPS, _STEP_SECONDS = 40, 0.1


def enlarged(image: bytes, times: int) -> bytes:
    """Give an upload with each pixel ``times`` x ``times``."""
    start = PREFIX_BYTES + header_length(image[:PREFIX_BYTES])
    header = read_header(image[PREFIX_BYTES:start])
    icc = image[start : start + header.icc_bytes]
    shape = (header.height, header.width, -1)
    pixels = np.frombuffer(image, np.uint8, offset=start + header.icc_bytes).reshape(shape)
    large = pixels.repeat(times, 0).repeat(times, 1)
    size = {"width": header.width * times, "height": header.height * times}
    return to_prefix(replace(header, **size), icc) + large.tobytes()


def do(run: Run) -> None:
    for step in range(_STEPS):
        time.sleep(_STEP_SECONDS)
        done = (step + 1) / _STEPS
        say(Advanced(run.job, JobProgress("waiting", 1, 1, step + 1, _STEPS, done)))
    found = enlarged(Path(run.image).read_bytes(), int(run.settings.prompt))
    (Path(run.folder) / RESULT).write_bytes(found)
    say(Done(run.job, "{}", []))


def main() -> None:
    runs: queue.Queue[Run] = queue.Queue()
    stops: dict[str, Stop] = {}
    threading.Thread(target=listen, args=(runs, stops), daemon=True).start()
    threading.Thread(target=keep_alive, daemon=True).start()
    say(Ready())
    while True:
        do(runs.get())


if __name__ == "__main__":
    main()
