"""A fuzzer against the engine's own OpenAPI document, over a real socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
from engine_server import TOKEN, FakeScheduler, Running, fake_engine, fake_plan, picture, serving

from scalediff_engine.base.geometry import Size
from scalediff_engine.base.process import Program
from scalediff_engine.client.messages import JobEvent, PlanInfo, UpscaleSettings, Window
from scalediff_engine.jobs.spool import SpoolLimits
from scalediff_engine.server.planner import plan as real_plan
from scalediff_engine.server.problems import OPENAPI

ROOT = Path(__file__).parents[2]
HOOKS = Path(__file__).with_name("fuzz_hooks.py")
# Never a bug, nothing that the document does not tell, nothing sound about what is wrong.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)
LONGEST_ANSWER_SECONDS = 10


class EndingScheduler(FakeScheduler):
    """Streams tell what has happened and end, so that a fuzzer need not wait."""

    async def events(self, job_id: str, after: int) -> AsyncIterator[JobEvent]:
        for event in self.told[job_id][after:]:
            yield event


def planned(
    source: Size, settings: UpscaleSettings, worker_pid: int | None, window: Window | None
) -> PlanInfo:
    """The real planner for most, and a quick one, so that many jobs are taken."""
    if settings.model == "embedded":
        return real_plan(source, settings, worker_pid, window)
    return fake_plan(source, UpscaleSettings(), worker_pid)


@pytest.fixture
def server(tmp_path: Path) -> Generator[Running]:
    program = Program([sys.executable, "-S", "-c", "pass"], tmp_path / "dialog.log")
    limits = SpoolLimits(quota_bytes=2**26)
    engine = fake_engine(
        tmp_path / "home",
        scheduler=EndingScheduler(),
        planner=planned,
        dialog=program,
        limits=limits,
    )
    with serving(engine) as running:
        yield running


def fuzz(server: Running, *options: str, seconds: int = 900) -> str:
    """Run the fuzzer; gives what it says, and fails if it found something."""
    images = [server.upload(picture(8, 8)) for _ in range(3)]
    jobs = [server.ask("POST", "/v1/jobs", {"image": images[0]}).json["id"] for _ in range(3)]
    request = {"image": images[1], "host": "fuzzer"}
    sessions = [server.ask("POST", "/v1/sessions", request).json["id"] for _ in range(2)]
    batches = [server.ask("POST", "/v1/batches", {}).json["id"] for _ in range(3)]
    files = {"files": [{"source": f"/{n}.png", "target": f"/{n}_x4.png"} for n in range(9)]}
    assert server.ask("POST", f"/v1/batches/{batches[0]}/files", files).status == 200
    known = {
        "image_id": images[1:],
        "job_id": jobs,
        "session_id": sessions,
        "batch_id": batches,
    }
    environment = {
        **os.environ,
        "FUZZ_IDS": json.dumps(known),
        "SCHEMATHESIS_HOOKS": str(HOOKS),
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"http://127.0.0.1:{server.port}{OPENAPI}",
            "--header",
            f"Authorization: Bearer {TOKEN}",
            "--checks",
            ",".join(CHECKS),
            "--request-timeout",
            str(LONGEST_ANSWER_SECONDS),
            "--seed=1",
            "--no-shrink",
            "--continue-on-failure",
            "--suppress-health-check=all",
            "--warnings=off",
            *options,
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        cwd=server.engine.places.home,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    assert server.ask("GET", "/v1/health").status == 200
    return done.stdout


@pytest.mark.timeout(120)
@pytest.mark.slow
def test_a_short_fuzz_finds_nothing(server: Running) -> None:
    fuzz(
        server,
        "--phases=examples,fuzzing",
        "--max-examples=3",
        "--exclude-path=/v1/shutdown",
    )
    assert server.requests() > 100


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_five_thousand_generated_requests_find_nothing(server: Running) -> None:
    fuzz(
        server,
        "--phases=examples,coverage,fuzzing,stateful",
        "--max-examples=120",
        "--exclude-path=/v1/shutdown",
    )
    print(f"{server.requests()} requests")  # noqa: T201
    assert server.requests() >= 5_000


def test_the_end_is_asked_for_without_surprises(server: Running) -> None:
    fuzz(server, "--phases=coverage,fuzzing", "--max-examples=20", "--include-path=/v1/shutdown")
    assert server.engine.shutdown.is_set()
