"""``scalediff serve`` as a plug-in meets it: the whole program, and the client alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest
from engine_processes import REAL, ROOT, end_of, kill_the_engine_of, log_of, wait_for, within
from engine_processes import start as start_process

import scalediff_engine.client
from scalediff_engine.client import environment, start
from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import ClientError, NotFound, Refused
from scalediff_engine.client.messages import (
    JobRequest,
    JobState,
    PlanRequest,
    Priority,
    SessionRequest,
    UpscaleSettings,
)
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.client.places import Places, is_alive, read_command, read_engine
from scalediff_engine.server.dialog import dialog_environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

HEAVY = ("torch", "diffusers", "transformers", "PySide6", "numpy", "PIL")
RGBA = PixelHeader(16, 16, "rgb", "u8", alpha="straight", order="bgr")
PIXELS = bytes(range(256)) * 4


@pytest.fixture
def places(tmp_path: Path) -> Generator[Places]:
    places = Places(tmp_path / "home")
    yield places
    kill_the_engine_of(places)


@pytest.fixture
def client(places: Places, monkeypatch: pytest.MonkeyPatch) -> Generator[Client]:
    """A plug-in's client, which has started the engine itself."""
    monkeypatch.setenv("SCALEDIFF_COMMAND", json.dumps(REAL[:-1]))
    client = start.connect(places.home)
    yield client
    record = read_engine(places)
    if record is not None:
        client.shutdown()
        assert within(30, lambda: not is_alive(record.pid)), log_of(places)


def test_an_engine_that_a_plugin_starts_answers_all_that_needs_no_worker(client: Client) -> None:
    health = client.health()
    assert health.queued == health.running == 0
    assert "embedded" in [model.name for model in client.models().models]
    plan = client.plan(PlanRequest(64, 64, UpscaleSettings(scale=2)))
    assert (plan.width, plan.height, plan.problem) == (128, 128, None)
    image = client.upload(RGBA, memoryview(PIXELS))
    back = client.image(image.id)
    assert (back.header, bytes(back.samples)) == (RGBA, PIXELS)
    client.remove_image(image.id)
    with pytest.raises(NotFound):
        client.image(image.id)
    assert client.jobs().jobs == []
    assert client.bundle()[:2] == b"PK"


def test_refusals_come_with_the_engines_sentence(client: Client) -> None:
    with pytest.raises(NotFound):
        client.job("0" * 32)
    with pytest.raises(Refused):
        client.plan(PlanRequest(0, 0))
    with pytest.raises(NotFound):
        list(client.watch("0" * 32))
    with pytest.raises(ClientError):
        client.open_session(SessionRequest("0" * 32, "krita"))
    with pytest.raises(Refused, match="at most"):
        client.plan(PlanRequest(1, 1, UpscaleSettings(prompt="x" * 300_000)))


def test_a_job_is_followed_to_its_end(client: Client) -> None:
    image = client.upload(RGBA, PIXELS)
    job = client.submit(JobRequest(image.id, UpscaleSettings(scale=2), title="Layer 1"))
    first = client.submit(JobRequest(image.id, priority=Priority.FOLDER))
    client.pause(first.id)
    client.cancel(job.id)
    events = list(client.watch(job.id))
    assert events[-1].state is JobState.CANCELLED
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert list(client.watch(job.id, after=len(events))) == []
    client.remove(job.id)
    with pytest.raises(NotFound):
        client.job(job.id)
    assert client.cancel(first.id).state is JobState.CANCELLED


def test_a_watched_job_does_not_hold_up_the_end(client: Client, places: Places) -> None:
    image = client.upload(RGBA, PIXELS)
    job = client.submit(JobRequest(image.id))
    client.pause(job.id)
    record = read_engine(places)
    assert record is not None
    following = Client(lambda: record).watch(job.id, patience_seconds=0.5)
    seen: list[int] = []

    def follow() -> None:
        try:
            seen.extend(event.number for event in following)
        except ClientError:
            seen.append(-1)

    watcher = threading.Thread(target=follow)
    watcher.start()
    assert within(20, lambda: client.job(job.id).state is JobState.PAUSED)
    os.kill(record.pid, signal.SIGTERM)
    assert within(20, lambda: not is_alive(record.pid)), log_of(places)
    watcher.join(20)
    assert seen[-1] == -1
    assert "takes too long" not in log_of(places)
    assert not places.engine_file.exists()
    assert client.job(job.id).state is JobState.PAUSED  # by the engine that this call has started


def test_a_job_is_followed_through_the_death_of_its_engine(client: Client, places: Places) -> None:
    image = client.upload(RGBA, PIXELS)
    job = client.submit(JobRequest(image.id))
    client.pause(job.id)
    assert within(30, lambda: client.job(job.id).state is JobState.PAUSED)
    following = client.watch(job.id)
    numbers = [next(following).number]
    record = read_engine(places)
    assert record is not None
    os.kill(record.pid, signal.SIGKILL)
    assert within(5, lambda: not psutil.pid_exists(record.pid))
    assert client.cancel(job.id).state is JobState.CANCELLED  # by another engine
    numbers += [event.number for event in following]
    assert numbers == list(range(1, client.job(job.id).events + 1))


def test_the_log_has_no_token_in_it(client: Client, places: Places) -> None:
    record = read_engine(places)
    assert record is not None
    client.health()
    client.shutdown()
    assert within(20, lambda: not is_alive(record.pid))
    files = [file for file in places.home.rglob("*") if file.is_file()]
    assert places.engine_log in files
    assert not [file for file in files if record.token.encode() in file.read_bytes()]


def test_the_engine_imports_nothing_heavy(places: Places) -> None:
    code = (
        f"import atexit, sys; sys.path.append({str(ROOT)!r}); "
        f"atexit.register(lambda: print([m for m in {HEAVY} if m in sys.modules])); "
        "from scalediff_engine.cli.main import run; run()"
    )
    process = start_process(places, command=[sys.executable, "-c", code, "serve"])
    wait_for(places)
    client = Client(lambda: read_engine(places))
    image = client.upload(RGBA, PIXELS)
    client.image(image.id)
    client.health()
    client.jobs()
    client.shutdown()
    code, out, _ = end_of(process)
    assert code == 0
    assert out.splitlines()[-1] == "[]"


def test_it_answers_within_a_second(places: Places) -> None:
    """On a machine that needs long for the imports alone it may take longer, too."""
    took_seconds: list[float] = []
    imports_seconds: list[float] = []
    for _ in range(3):  # the first may compile Python's files, and others use the processor
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import fastapi, uvicorn"], check=True)
        imports_seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
        process = start_process(places, command=REAL)
        wait_for(places)
        took_seconds.append(time.perf_counter() - began)
        process.terminate()
        assert end_of(process)[0] == 0
    assert min(took_seconds) < max(1.0, 3 * min(imports_seconds))


def test_it_ends_by_itself(places: Places) -> None:
    process = start_process(places, "--idle-minutes", "0.02", command=REAL)
    wait_for(places)
    assert end_of(process)[0] == 0
    assert not places.engine_file.exists()


def test_the_second_one_says_so(places: Places) -> None:
    process = start_process(places, command=REAL)
    record = wait_for(places)
    code, out, err = end_of(start_process(places, command=REAL))
    assert (code, out) == (9, "")
    assert f"An engine of yours runs already (process {record.pid})." in err
    assert err.count("\n") == 1
    process.terminate()
    assert end_of(process)[0] == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--port", "-1"),
        ("--port", "65536"),
        ("--idle-minutes", "-1"),
        ("--idle-minutes", "nan"),
        ("--log-level", "loud"),
    ],
)
def test_an_option_that_makes_no_sense_is_wrong_usage(
    places: Places, option: str, value: str
) -> None:
    code, _, err = end_of(start_process(places, f"{option}={value}", command=REAL))
    assert code == 2
    assert option in err
    assert not places.home.exists()


def test_it_lives_where_it_is_told_to(places: Places, tmp_path: Path) -> None:
    other = Places(tmp_path / "elsewhere")
    process = start_process(places, "--home", str(other.home), command=REAL)
    record = wait_for(other)
    assert read_engine(places) is None
    assert read_command(other) is not None
    os.kill(record.pid, signal.SIGTERM)
    assert end_of(process)[0] == 0


def test_the_command_that_it_writes_down_starts_it(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start_process(places, command=REAL)
    wait_for(places)
    assert within(5, places.command_file.exists)
    process.terminate()
    end_of(process)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("PYTHONPATH", "/poison")
    monkeypatch.delenv("SCALEDIFF_COMMAND", raising=False)
    client = start.connect(places.home)
    assert client.health().pid != process.pid
    client.shutdown()


def test_what_a_plugin_says_of_its_display_reaches_the_dialog() -> None:
    names = sorted(environment._DISPLAY)
    said = environment.display_variables(dict.fromkeys(names, "x"))
    assert dialog_environment({}, said) == said


PLUGIN = """
from client.start import connect
from client.messages import JobRequest, UpscaleSettings
from client.pixels import PixelHeader

client = connect()
header = PixelHeader(16, 16, "rgb", "u8", alpha="straight", order="bgr")
samples = bytes(range(256)) * 4
image = client.upload(header, memoryview(samples))
assert client.image(image.id).samples == samples
job = client.submit(JobRequest(image.id, UpscaleSettings(scale=2)))
client.cancel(job.id)
with client.watch(job.id) as events:
    print([event.state.value for event in events][-1])
client.shutdown()
"""


def test_a_copy_in_a_plugin_talks_to_the_real_engine(places: Places, tmp_path: Path) -> None:
    shutil.copytree(Path(scalediff_engine.client.__file__).parent, tmp_path / "plugin" / "client")
    found = f"import sys; sys.path.append({str(tmp_path / 'plugin')!r})\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", found + PLUGIN],
        env={
            **os.environ,
            "SCALEDIFF_HOME": str(places.home),
            "SCALEDIFF_COMMAND": json.dumps(REAL[:-1]),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("cancelled\n", "")
