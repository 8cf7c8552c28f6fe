"""Fifty clients that submit, watch, cancel, pause and come back at random: nothing lost or leaked.

``SCALEDIFF_LOAD_SECONDS`` says how long the slow one takes; the table in docs/performance.md is
from five minutes. The pipeline is a fake, so that the queue and the wire have all the work.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from engines import EngineProcess, engine, until

from scalediff_engine.client.errors import ClientError
from scalediff_engine.client.messages import JobRequest, JobState, Priority, UpscaleSettings

CLIENTS = 50
MIB = 2**20


@dataclass
class Crowd:
    """What all clients did and saw.

    Attributes:
        ends: how jobs ended
        events: that were seen
        faults: what must not be
    """

    running: EngineProcess
    image: str
    until_s: float
    ends: Counter[str] = field(default_factory=Counter)
    events: int = 0
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def person(self, number: int) -> None:
        """One client, until time is up."""
        chance = random.Random(number)  # noqa: S311
        try:
            while time.monotonic() < self.until_s:
                self.one_job(chance)
        except Exception as error:  # noqa: BLE001 - told at the end, with everybody else's
            self.faults.append(f"client {number}: {type(error).__name__}: {error}")

    def one_job(self, chance: random.Random) -> None:
        client = self.running.client
        how = f"steps={chance.randint(1, 12)} pause={chance.choice(('0', '0.002', '0.01'))}"
        priority = chance.choice(list(Priority))
        request = JobRequest(self.image, UpscaleSettings(prompt=how), priority)
        job = client.submit(request).id
        seen: list[int] = []
        while True:
            patience = chance.choice((1, 3, 1000))  # comes back after so many events
            state = self.watch(job, seen, patience, chance)
            if state is not None and state.is_final:
                break
        if seen != list(range(1, len(seen) + 1)):
            self.faults.append(f"events {seen}")
        info = client.job(job)
        if info.events != len(seen):
            self.faults.append(f"{info.events} events, {len(seen)} of them seen")
        client.remove(job)
        with self.lock:
            self.ends[info.state.value] += 1
            self.events += len(seen)

    def watch(
        self, job: str, seen: list[int], patience: int, chance: random.Random
    ) -> JobState | None:
        client = self.running.client
        state = None
        for count, event in enumerate(client.watch(job, seen[-1] if seen else 0), 1):
            seen.append(event.number)
            state = event.state
            if not state.is_final:
                self.meddle(job, state, chance)
            if count >= patience:
                break
        return state

    def meddle(self, job: str, state: JobState, chance: random.Random) -> None:
        client = self.running.client
        try:
            if state is JobState.PAUSED:
                client.resume(job)
            elif chance.random() < 0.04:
                client.cancel(job)
            elif chance.random() < 0.04 and state is not JobState.PAUSING:
                client.pause(job)
        except ClientError as error:
            if error.problem.code != "wrong-state":
                raise  # it may have ended meanwhile, and nothing else


@dataclass(frozen=True)
class Footprint:
    """What the server takes."""

    rss_mib: float
    threads: int
    files: int
    children: int


def footprint(running: EngineProcess) -> Footprint:
    process = psutil.Process(running.pid)
    return Footprint(
        process.memory_info().rss / MIB,
        process.num_threads(),
        process.num_fds(),
        len(process.children(recursive=True)),
    )


@pytest.mark.timeout(900)
@pytest.mark.skipif(not hasattr(psutil.Process, "num_fds"), reason="counts files as POSIX has them")
@pytest.mark.nightly
def test_a_crowd_loses_no_event_and_leaks_nothing(tmp_path: Path) -> None:
    seconds = int(os.environ.get("SCALEDIFF_LOAD_SECONDS", "60"))
    with engine(tmp_path) as running:
        image = running.upload().id
        warm = Crowd(running, image, time.monotonic() + 2)
        gather(warm)
        assert warm.faults == []
        before = quiet(running)
        crowd = Crowd(running, image, time.monotonic() + seconds)
        table = gather(crowd, running)
        after = quiet(running)
        told = [f"{sum(crowd.ends.values())} jobs ({dict(crowd.ends)}), {crowd.events} events"]
        told += [f"{second:4.0f} s  {mib:6.1f} MiB" for second, mib in table]
        sys.stderr.write("\n".join([*told, str(before), str(after), ""]))
        assert crowd.faults == []
        assert crowd.ends["done"] > 0
        assert crowd.ends["cancelled"] > 0
        assert crowd.ends["failed"] == 0
        assert running.client.jobs().jobs == []
        assert max(mib for _, mib in table) < 120
        assert after.rss_mib < before.rss_mib + 10
        assert after.threads <= before.threads
        assert after.files <= before.files
        assert after.children == before.children


def gather(crowd: Crowd, running: EngineProcess | None = None) -> list[tuple[float, float]]:
    """Let everybody in until time is up; the server's memory every some seconds."""
    people = [threading.Thread(target=crowd.person, args=(n,)) for n in range(CLIENTS)]
    for person in people:
        person.start()
    began, table = time.monotonic(), []
    every = max(1.0, (crowd.until_s - began) / 10)
    while any(person.is_alive() for person in people):
        if running is not None and time.monotonic() - began >= every * len(table):
            table.append((time.monotonic() - began, footprint(running).rss_mib))
        time.sleep(0.05)
    for person in people:
        person.join()
    return table


def quiet(running: EngineProcess) -> Footprint:
    """What the server takes when everybody has gone; idle connections close after some seconds."""
    least = footprint(running)

    def settled() -> bool:
        nonlocal least
        time.sleep(1)
        last, least = least, footprint(running)
        return (last.threads, last.files) == (least.threads, least.files)

    time.sleep(6)
    until(settled, 30)
    return least
