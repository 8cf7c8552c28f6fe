"""Plans, jobs and their events, asked for over a real socket."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_server import TOKEN, FakeScheduler, Running, fake_engine, fake_plan, serving

from scalediff_engine.base import errors
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import Refused
from scalediff_engine.client.messages import (
    JobProgress,
    JobRequest,
    JobState,
    PlanInfo,
    PlanRequest,
    Problem,
    UpscaleSettings,
    Window,
)
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.client.places import EngineRecord
from scalediff_engine.client.transport import Channel
from scalediff_engine.jobs.record import Action
from scalediff_engine.server.engine import EnginePatience
from scalediff_engine.server.planner import plan as real_plan

QUICK = EnginePatience(first_watcher=0.6, watcher_gone=0.2)


def planned(
    source: Size, settings: UpscaleSettings, worker_pid: int | None, window: Window | None
) -> PlanInfo:
    """A planner whose answer the prompt asks for."""
    plan = fake_plan(source, settings, worker_pid, window)
    if settings.prompt == "too large":
        return replace(plan, problem=Problem("not-enough-memory", "It needs more than there is."))
    kind = getattr(errors, settings.prompt, None)
    if kind is not None:
        raise kind("A sentence.")
    if settings.prompt == "bug":
        raise ZeroDivisionError("a secret of the code")
    return plan


@pytest.fixture
def server(tmp_path: Path) -> Generator[Running]:
    with serving(fake_engine(tmp_path, planner=planned, patience=QUICK)) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    """For tests that leave nothing behind."""
    with serving(fake_engine(tmp_path_factory.mktemp("home"), planner=planned)) as running:
        yield running


@pytest.fixture(scope="module")
def planning(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    """With the real planner."""
    with serving(fake_engine(tmp_path_factory.mktemp("home"), planner=real_plan)) as running:
        yield running


@pytest.fixture
def client(server: Running) -> Client:
    record = EngineRecord(0, server.port, TOKEN, 1, "0", 0.0)
    return Client(lambda: record)


@contextmanager
def stream(
    server: Running, path: str, last: int | None = None
) -> Generator[Generator[dict[str, str]]]:
    """The server-sent events of a path, each as its fields; comments have the name ''."""
    connection = server.connect()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    if last is not None:
        headers["Last-Event-ID"] = str(last)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    assert response.status == 200, response.read()
    assert response.headers["Content-Type"].startswith("text/event-stream")

    def events() -> Generator[dict[str, str]]:
        found: dict[str, str] = {}
        while line := response.readline():
            text = line.decode().rstrip("\r\n")
            if text:
                name, _, value = text.partition(": ")
                found[name] = value
            elif found:
                yield found
                found = {}

    try:
        yield events()
    finally:
        response.close()
        connection.close()


def submitted(server: Running, **fields: Any) -> str:
    answer = server.ask("POST", "/v1/jobs", {"image": server.upload(), **fields})
    assert answer.status == 201, answer.body
    return answer.json["id"]


# --- plans ------------------------------------------------------------------------------------


def test_a_plan_says_what_it_comes_to(server: Running, client: Client) -> None:
    plan = client.plan(PlanRequest(100, 50, UpscaleSettings(scale=2)))
    assert (plan.width, plan.height, plan.problem) == (200, 100, None)


def test_a_plan_that_does_not_fit_is_an_answer_with_a_problem(client: Client) -> None:
    plan = client.plan(PlanRequest(100, 50, UpscaleSettings(prompt="too large")))
    assert plan.problem == Problem("not-enough-memory", "It needs more than there is.")


@pytest.mark.parametrize("side", [0, -1, 2**17 + 1, 2**63 - 1])
def test_a_plan_for_no_picture_is_refused(shared: Running, side: int) -> None:
    for size in ({"width": side, "height": 5}, {"width": 5, "height": side}):
        assert shared.ask("POST", "/v1/plan", size).problem == (422, "usage")


def test_the_real_planner_tells_of_the_embedded_model(planning: Running) -> None:
    settings = {"scale": 2, "device": "cpu"}
    request = {"width": 256, "height": 128, "settings": settings}
    answer = planning.ask("POST", "/v1/plan", request)
    assert answer.status == 200, answer.body
    assert (answer.json["width"], answer.json["height"]) == (512, 256)
    assert answer.json["device"] == "the CPU"
    assert answer.json["seconds"] > 0
    settings["max_memory_gib"] = 0.01
    problem = planning.ask("POST", "/v1/plan", request).json["problem"]
    assert problem["code"] == "not-enough-memory"


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ({"creativity": 2}, 422),
        ({"scale": 33}, 422),
        ({"scale": 0.5}, 422),
        ({"seed": -1}, 422),
        ({"steps": 0}, 422),
        ({"device": "a toaster"}, 422),
        ({"attention": "none"}, 422),
        ({"preset": "worst"}, 422),
        ({"max_memory_gib": -1}, 422),
        ({"model": "no-such-model"}, 404),
        ({"model": "/no/such/file.safetensors"}, 404),
        ({"model": "\0"}, 404),
        ({"model": "x" * 9000}, 404),
        ({"loras": [{"path": "/no/such.safetensors"}]}, 422),
        ({"loras": [{"path": "\0"}], "model": "sdxl"}, None),
        ({"model": "/"}, None),
        ({"model": "/dev"}, None),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_their_sentence(
    planning: Running, setting: dict[str, Any], code: int | None
) -> None:
    image = planning.upload()
    plan = planning.ask("POST", "/v1/plan", {"width": 9, "height": 9, "settings": setting})
    job = planning.ask("POST", "/v1/jobs", {"image": image, "settings": setting})
    assert job.status == plan.status or plan.status == 200
    assert job.problem[0] in ({code} if code else {404, 422}), job.body
    assert planning.scheduler.jobs() == []


@pytest.mark.parametrize(
    "window",
    [(0, 0, 0, 5), (-1, 0, 5, 5), (34, 0, 3, 5), (0, 36, 5, 1), (0, 0, 5, 2**40)],
)
def test_a_window_outside_the_result_is_refused_in_one_sentence(
    planning: Running, window: tuple[int, int, int, int]
) -> None:
    sides = dict(zip(("x", "y", "width", "height"), window, strict=True))
    plan = {"width": 9, "height": 9, "window": sides}
    answers = [
        planning.ask("POST", "/v1/plan", plan),
        planning.ask("POST", "/v1/jobs", {"image": planning.upload(), "window": sides}),
    ]
    for answer in answers:
        assert answer.problem == (422, "usage")
        assert answer.json["message"].startswith("The window")
        assert answer.json["message"].count(".") == 1
    assert planning.scheduler.jobs() == []


def test_the_plan_of_a_window_says_what_is_computed_for_it(planning: Running) -> None:
    request: dict[str, Any] = {"width": 512, "height": 512, "settings": {"scale": 4}}
    whole = planning.ask("POST", "/v1/plan", request).json
    request["window"] = {"x": 900, "y": 800, "width": 300, "height": 200}
    plan = planning.ask("POST", "/v1/plan", request).json
    assert (plan["width"], plan["height"]) == (300, 200)
    assert plan["seconds"] < whole["seconds"] / 4
    assert plan["peak_bytes"] < whole["peak_bytes"] / 2
    assert plan["stages"][-1]["width"] < 600


# --- jobs -------------------------------------------------------------------------------------


def test_a_job_with_a_window_has_its_size_and_the_worker_hears_of_it(
    server: Running, client: Client
) -> None:
    window = Window(2, 1, 7, 6)
    job = client.submit(JobRequest(server.upload(), window=window))
    assert (job.width, job.height, job.window) == (7, 6, window)
    assert client.job(job.id) == job
    assert client.submit(JobRequest(server.upload())).window is None


def test_a_job_is_taken_and_listed_newest_first(server: Running, client: Client) -> None:
    image = server.upload()
    first = client.submit(JobRequest(image, title="ünïcode 🙂"))
    second = client.submit(JobRequest(image, UpscaleSettings(scale=3)))
    assert (first.state, first.title) == (JobState.QUEUED, "ünïcode 🙂")
    assert (second.source_width, second.width) == (5, 15)
    assert [job.id for job in client.jobs().jobs] == [second.id, first.id]
    assert client.job(first.id) == first


def test_a_job_about_nothing_is_refused(server: Running) -> None:
    answer = server.ask("POST", "/v1/jobs", {"image": "0" * 32})
    assert answer.problem == (404, "not-found")


def test_a_job_that_does_not_fit_is_refused(server: Running) -> None:
    wanted = {"image": server.upload(), "settings": {"prompt": "too large"}}
    assert server.ask("POST", "/v1/jobs", wanted).problem == (409, "not-enough-memory")
    assert server.scheduler.jobs() == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("UsageError", 422),
        ("NotFound", 404),
        ("WrongState", 409),
        ("InputError", 422),
        ("PictureTooLarge", 422),
        ("ModelError", 422),
        ("ModelMissing", 404),
        ("NotEnoughMemory", 409),
        ("DiskFull", 507),
        ("ProtocolMismatch", 426),
        ("EngineError", 500),
        ("WorkerCrashed", 500),
        ("OutputError", 500),
    ],
)
def test_every_deliberate_error_has_its_status_and_code(
    shared: Running, kind: str, status: int
) -> None:
    request = {"width": 5, "height": 5, "settings": {"prompt": kind}}
    answer = shared.ask("POST", "/v1/plan", request)
    assert answer.problem == (status, getattr(errors, kind).code)
    assert answer.json["message"] == "A sentence."


def test_a_bug_is_told_without_its_traceback(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    request = {"width": 5, "height": 5, "settings": {"prompt": "bug"}}
    answer = server.ask("POST", "/v1/plan", request)
    assert answer.problem == (500, "error")
    assert b"secret" not in answer.body
    assert "a secret of the code" in caplog.text
    assert server.ask("GET", "/v1/health").status == 200


def test_a_job_is_paused_resumed_cancelled_and_retried(server: Running, client: Client) -> None:
    job = submitted(server)
    assert client.pause(job).state is JobState.PAUSED
    assert server.ask("POST", f"/v1/jobs/{job}/pause").problem == (409, "wrong-state")
    assert client.resume(job).state is JobState.QUEUED
    assert client.cancel(job).state is JobState.CANCELLED
    assert client.retry(job).state is JobState.QUEUED
    assert server.ask("POST", f"/v1/jobs/{job}/retry").problem == (409, "wrong-state")


def test_delete_cancels_a_job_and_then_forgets_it(server: Running, client: Client) -> None:
    job = submitted(server)
    assert client.remove(job).state is JobState.CANCELLED
    assert client.job(job).state is JobState.CANCELLED
    assert client.remove(job).state is JobState.CANCELLED
    assert server.ask("GET", f"/v1/jobs/{job}").problem == (404, "not-found")


@pytest.mark.parametrize("what", ["", "/events", "/preview", "/result"])
def test_an_unknown_job_is_not_found(shared: Running, what: str) -> None:
    assert shared.ask("GET", f"/v1/jobs/{'0' * 32}{what}").problem == (404, "not-found")
    assert not (shared.engine.spool.job_file("0" * 32, "x").parent).exists()


# --- bodies -----------------------------------------------------------------------------------

IMAGE = '"image": "' + "0" * 32 + '"'


@pytest.mark.parametrize(
    "body",
    [
        "",
        "x",
        "{",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"image": 5}',
        '{"image": null}',
        f'{{{IMAGE}, "settings": 5}}',
        f'{{{IMAGE}, "settings": null}}',
        f'{{{IMAGE}, "settings": {{"scale": NaN}}}}',
        f'{{{IMAGE}, "settings": {{"scale": Infinity}}}}',
        f'{{{IMAGE}, "settings": {{"scale": 1e400}}}}',
        f'{{{IMAGE}, "settings": {{"scale": 1{"0" * 400}}}}}',
        f'{{{IMAGE}, "settings": {{"scale": "2"}}}}',
        f'{{{IMAGE}, "settings": {{"scale": true}}}}',
        f'{{{IMAGE}, "settings": {{"seed": 1{"0" * 100}}}}}',
        f'{{{IMAGE}, "settings": {{"seed": 1{"0" * 5000}}}}}',
        f'{{{IMAGE}, "settings": {{"seed": 1e300}}}}',
        f'{{{IMAGE}, "settings": {{"seed": 1.5}}}}',
        f'{{{IMAGE}, "settings": {{"prompt": "\\ud800"}}}}',
        f'{{{IMAGE}, "title": "\\udfff"}}',
        f'{{{IMAGE}, "settings": {{"loras": {{}}}}}}',
        f'{{{IMAGE}, "settings": {{"loras": [5]}}}}',
        f'{{{IMAGE}, "settings": {{"loras": [{{"path": "x", "weight": NaN}}]}}}}',
        f'{{{IMAGE}, "priority": "first"}}',
        f'{{{IMAGE}, "priority": []}}',
        f'{{{IMAGE}, "keep": 1}}',
        "[" * 100_000,
        '{"image":' * 20_000,
        "9" * 5000,
        "\ufeff{}",
    ],
)
def test_a_body_that_is_no_request_is_refused_in_one_sentence(shared: Running, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = shared.ask("POST", "/v1/jobs", body.encode(), headers)
    status, code = answer.problem
    assert (status, code) in ((422, "usage"), (400, "usage"))
    assert "\n" not in answer.json["message"]
    assert answer.json["message"].endswith(".")


def test_a_sentence_names_the_field(shared: Running) -> None:
    wanted = {"image": "0" * 32, "settings": {"scale": "2"}}
    answer = shared.ask("POST", "/v1/jobs", wanted)
    assert answer.json["message"] == "JobRequest.settings.scale is not a number."


@pytest.mark.parametrize("raw", [b"\xff\xfe", b'{"image": "\xff"}', b"\0" * 100])
def test_bytes_that_are_no_text_are_refused(shared: Running, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert shared.ask("POST", "/v1/jobs", raw, headers).status in (400, 422)


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "", "application/xml"])
def test_json_that_is_not_declared_as_json_is_refused(shared: Running, kind: str) -> None:
    body = json.dumps({"image": shared.upload()}).encode()
    assert shared.ask("POST", "/v1/jobs", body, {"Content-Type": kind}).problem == (422, "usage")


def test_fields_that_nobody_knows_are_passed_over(shared: Running) -> None:
    submitted(shared, from_the_future=float(1), settings={"also": [1, {"a": None}]})


# --- events -----------------------------------------------------------------------------------


def test_events_are_numbered_named_and_end_with_the_job(server: Running) -> None:
    job = submitted(server)
    progress = JobProgress("sampling", 1, 2, 3, 4, 0.25)
    with stream(server, f"/v1/jobs/{job}/events") as events:
        first = next(events)
        assert (first["id"], first["event"]) == ("1", "state")
        assert json.loads(first["data"])["state"] == "queued"
        server.call(lambda: server.scheduler.act(job, Action.START))
        server.call(lambda: server.scheduler.advance(job, progress))
        server.call(lambda: server.scheduler.act(job, Action.FINISH))
        rest = list(events)
    assert [(event["id"], event["event"]) for event in rest] == [
        ("2", "state"),
        ("3", "progress"),
        ("4", "state"),
    ]
    assert json.loads(rest[1]["data"])["progress"]["fraction"] == 0.25


def test_a_client_that_reconnects_misses_nothing(shared: Running) -> None:
    job = submitted(shared)
    shared.call(lambda: shared.scheduler.act(job, Action.START))
    shared.call(lambda: shared.scheduler.act(job, Action.FINISH))
    for last, numbers in ((0, "123"), (1, "23"), (2, "3"), (3, "")):
        with stream(shared, f"/v1/jobs/{job}/events", last) as events:
            assert [event["id"] for event in events] == list(numbers)


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "9" * 30, "", "\xb2"])
def test_an_odd_last_event_is_refused(shared: Running, last: str) -> None:
    answer = shared.ask(
        "GET", f"/v1/jobs/{submitted(shared)}/events", headers={"Last-Event-ID": last}
    )
    assert answer.problem == (422, "usage")


def test_streams_are_kept_alive(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalediff_engine.server.events.PING_SECONDS", 0.05)
    with stream(server, f"/v1/jobs/{submitted(server)}/events") as events:
        next(events)
        assert next(events) == {"": "ping"}
        assert next(events) == {"": "ping"}


def test_a_watcher_that_leaves_is_noticed(server: Running) -> None:
    job = submitted(server)
    with stream(server, f"/v1/jobs/{job}/events") as events:
        next(events)
        assert server.engine.pulse().requests == 1
    wait_for(lambda: server.engine.pulse().requests == 0)


def test_streams_end_when_the_engine_is_to_end(server: Running) -> None:
    left: list[bool] = []
    server.engine.on_leave = lambda: left.append(True)
    with stream(server, f"/v1/jobs/{submitted(server)}/events") as events:
        next(events)
        assert server.ask("POST", "/v1/shutdown").status == 202
        assert list(events) == []
    assert left == [True]


def test_the_wires_own_client_follows_a_job(server: Running, client: Client) -> None:
    job = submitted(server)
    with client.watch(job) as watch:
        assert next(watch).number == 1
        server.call(lambda: server.scheduler.act(job, Action.START))
        server.call(lambda: server.scheduler.act(job, Action.FINISH))
        assert [event.number for event in watch] == [2, 3]


# --- jobs that nobody keeps -------------------------------------------------------------------


def wait_for(condition: Any, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def state(server: Running, job: str) -> JobState:
    return server.call(lambda: server.scheduler.job(job).state)


def test_a_job_that_nobody_keeps_is_cancelled_after_its_last_watcher(server: Running) -> None:
    job = submitted(server, keep=False)
    path = f"/v1/jobs/{job}/events"
    with stream(server, path) as first:
        next(first)
        with stream(server, path) as second:
            next(second)
        time.sleep(0.4)
        assert state(server, job) is JobState.QUEUED  # the first still watches
    with stream(server, path) as again:  # back in time
        next(again)
        time.sleep(0.4)
        assert state(server, job) is JobState.QUEUED
    wait_for(lambda: state(server, job) is JobState.CANCELLED)


def test_a_job_that_nobody_keeps_is_cancelled_if_nobody_comes(server: Running) -> None:
    job = submitted(server, keep=False)
    time.sleep(0.3)
    assert state(server, job) is JobState.QUEUED
    wait_for(lambda: state(server, job) is JobState.CANCELLED)


def test_a_job_that_is_kept_goes_on_unwatched(server: Running) -> None:
    job = submitted(server)
    with stream(server, f"/v1/jobs/{job}/events") as events:
        next(events)
    time.sleep(0.8)
    assert state(server, job) is JobState.QUEUED


def test_jobs_of_an_earlier_engine_that_nobody_keeps_are_waited_for(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    with serving(fake_engine(tmp_path / "a", scheduler=scheduler)) as before:
        job = submitted(before, keep=False)
    with serving(fake_engine(tmp_path / "b", scheduler=scheduler, patience=QUICK)) as again:
        assert state(again, job) is JobState.QUEUED
        wait_for(lambda: state(again, job) is JobState.CANCELLED)


# --- the client's channel, for what it cannot say ---------------------------------------------


def test_a_client_of_another_version_is_told(server: Running) -> None:
    record = EngineRecord(0, server.port, TOKEN, 1, "0", 0.0)
    channel = Channel(lambda: record)
    answer = channel.call("GET", "/v1/health", json.loads)
    assert answer["protocol"] == 1


def test_a_job_whose_model_is_not_there_is_refused_at_once(
    server: Running, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "no models"))
    image = client.upload(PixelHeader(1, 1, "grey", "u8"), b"x").id
    for settings in (UpscaleSettings(model="sdxl"), UpscaleSettings(text_encoders_from="sdxl")):
        with pytest.raises(Refused) as refused:
            client.submit(JobRequest(image, settings))
        assert refused.value.problem.code == "model-missing"
    assert client.jobs().jobs == []


def test_a_device_that_is_not_there_is_refused_before_the_job(planning: Running) -> None:
    wanted = {"width": 8, "height": 8, "settings": {"device": "cuda:99"}}
    assert planning.ask("POST", "/v1/plan", wanted).problem == (422, "usage")


def test_jobs_are_listed_page_by_page(tmp_path: Path) -> None:
    with serving(fake_engine(tmp_path, planner=planned)) as server:
        record = EngineRecord(0, server.port, TOKEN, 1, "0", 0.0)
        client = Client(lambda: record)
        image = server.upload()
        jobs = [client.submit(JobRequest(image)).id for _ in range(3)][::-1]
        first = server.ask("GET", "/v1/jobs?limit=2").json
        assert [job["id"] for job in first["jobs"]] == jobs[:2]
        second = server.ask("GET", f"/v1/jobs?limit=2&after={first['next']}").json
        assert [job["id"] for job in second["jobs"]] == jobs[2:]
        whole = server.ask("GET", "/v1/jobs").json  # as older clients ask
        assert [job["id"] for job in whole["jobs"]] == jobs
        assert whole["next"] == second["next"] == ""
        for query in ("limit=0", "limit=-1", "limit=x", "limit=2&after=x", "limit=99999"):
            assert server.ask("GET", f"/v1/jobs?{query}").status == 422
