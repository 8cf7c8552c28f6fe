"""Pixels on their way in and out, whole and in every other form."""

from __future__ import annotations

import errno
import http.client
import json
import os
import shutil
import socket
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from engine_server import TOKEN, Running, fake_engine, files_in, lying, picture, serving
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scalediff_engine.client import pixels
from scalediff_engine.jobs.spool import SpoolLimits

LIMITS = SpoolLimits(pixels=10_000, upload_bytes=2**20, quota_bytes=2**21, reserve_bytes=0)


@pytest.fixture
def server(tmp_path: Path) -> Generator[Running]:
    with serving(fake_engine(tmp_path, limits=LIMITS)) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    with serving(fake_engine(tmp_path_factory.mktemp("home"), limits=LIMITS)) as running:
        yield running


def spool_of(server: Running) -> list[str]:
    return files_in(server.engine.places.data / "spool")


def settle(server: Running) -> list[str]:
    """The spool's files, once the server has noticed that nobody sends any more."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not (server.engine.activity.open_requests or server.engine.spool.used_bytes()):
            return []
        time.sleep(0.01)
    return [*spool_of(server), f"{server.engine.spool.used_bytes()} bytes"]


def test_pixels_come_back_as_they_went(server: Running) -> None:
    data = picture(50, 40, icc=b"a profile")
    answer = server.ask("POST", "/v1/images", data)
    assert answer.status == 201
    info = answer.json
    assert info == {
        "id": info["id"],
        "width": 50,
        "height": 40,
        "model": "rgb",
        "depth": "u8",
        "has_alpha": True,
        "size_bytes": len(data),
    }
    back = server.ask("GET", f"/v1/images/{info['id']}")
    assert back.status == 200
    assert back.headers["Content-Type"] == pixels.MEDIA_TYPE
    assert back.headers["Content-Length"] == str(len(data))
    assert back.body == data


def test_uploads_belong_to_their_owner_alone(server: Running) -> None:
    server.upload()
    spool = server.engine.places.data / "spool"
    for path in (spool, *spool.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_an_upload_can_be_removed_once(server: Running) -> None:
    image = server.upload()
    answer = server.ask("DELETE", f"/v1/images/{image}")
    assert (answer.status, answer.body) == (204, b"")
    assert server.ask("DELETE", f"/v1/images/{image}").problem == (404, "not-found")
    assert server.ask("GET", f"/v1/images/{image}").problem == (404, "not-found")
    assert spool_of(server) == []


def test_an_upload_that_a_job_needs_stays(server: Running) -> None:
    image = server.upload()
    job = server.ask("POST", "/v1/jobs", {"image": image}).json["id"]
    assert server.ask("DELETE", f"/v1/images/{image}").problem == (409, "wrong-state")
    server.ask("POST", f"/v1/jobs/{job}/cancel")
    assert server.ask("DELETE", f"/v1/images/{image}").status == 204


# --- malformed uploads ------------------------------------------------------------------------

HEADER = {"width": 5, "height": 3, "model": "rgb", "depth": "u8"}
WHOLE_NUMBERS = st.integers(-(2**70), 2**70)
ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    WHOLE_NUMBERS,
    st.floats(),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@st.composite
def changed_headers(draw: st.DrawFn) -> bytes:
    """A header with a field missing, odd or too large; its samples may be there or not."""
    header: dict[str, Any] = dict(HEADER)
    names = ["width", "height", "model", "depth", "alpha", "order", "icc_bytes"]
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=3)):
        if draw(st.booleans()):
            header.pop(name, None)
        else:
            header[name] = draw(ODD_VALUES)
    text = json.dumps(header).encode()
    return lying(text, bytes(draw(st.sampled_from([0, 1, 44, 45, 46, 1000]))))


@st.composite
def wrong_lengths(draw: st.DrawFn) -> bytes:
    """A sound header, and more or fewer samples than it speaks of."""
    data = picture(draw(st.integers(1, 20)), draw(st.integers(1, 20)))
    cut = draw(st.integers(0, len(data) - 1))
    return data[:cut] if draw(st.booleans()) else data + bytes(1 + cut)


@st.composite
def absurd_sizes(draw: st.DrawFn) -> bytes:
    """A header that speaks of more than anybody has."""
    header = {
        **HEADER,
        "width": draw(st.integers(101, 2**40)),
        "height": draw(st.integers(101, 2**40)),
        "depth": draw(st.sampled_from(list(pixels.SAMPLE_BYTES))),
        "icc_bytes": draw(st.sampled_from([0, 2**24, 2**31, 2**63])),
    }
    return lying(json.dumps(header).encode(), bytes(draw(st.integers(0, 100))))


@st.composite
def wrong_prefixes(draw: st.DrawFn) -> bytes:
    """A length of the header that is not its length."""
    text = json.dumps(HEADER).encode()
    length = draw(st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 200)))
    return lying(text, bytes(45), length)


MALFORMED = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=300).map(lambda tail: b"SDPX" + tail),
    changed_headers(),
    wrong_lengths(),
    absurd_sizes(),
    wrong_prefixes(),
    st.text(max_size=50).map(lambda text: lying(text.encode("utf-8", "surrogatepass"))),
)


@given(data=MALFORMED)
@example(data=b"")
@example(data=lying(b'{"width":NaN,"height":1,"model":"rgb","depth":"u8"}', bytes(3)))
@example(data=lying(b'{"width":1e400,"height":1,"model":"rgb","depth":"u8"}', bytes(3)))
@example(data=lying(b"9" * 4096, bytes(3)))
@example(data=lying(b"[" * 4096, bytes(3)))
@example(data=lying(b'{"width":1,"height":1,"model":[],"depth":"u8"}', bytes(3)))
@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_malformed_uploads_are_refused_and_leave_nothing(shared: Running, data: bytes) -> None:
    answer = shared.ask("POST", "/v1/images", data)
    if answer.status == 201:  # what was changed was nothing that counts
        assert shared.ask("DELETE", f"/v1/images/{answer.json['id']}").status == 204
    else:
        status, code = answer.problem
        assert status in (422, 413), answer.body
        assert code in ("picture-unreadable", "picture-too-large", "input-unusable")
    assert spool_of(shared) == []


@given(
    sent=st.integers(0, 900),
    announced=st.integers(1, 2**19),
    start=st.sampled_from(["sound", "nothing", "other"]),
)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_connections_that_break_off_leave_nothing(
    shared: Running, sent: int, announced: int, start: str
) -> None:
    sound = picture(300, 30)
    if start == "sound":
        announced = len(sound)
    body = {"sound": sound[:sent], "nothing": b"", "other": os.urandom(sent)}[start]
    with socket.create_connection(("127.0.0.1", shared.port), timeout=10) as connection:
        connection.sendall(
            f"POST /v1/images HTTP/1.1\r\nHost: 127.0.0.1:{shared.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: {announced}\r\n\r\n".encode()
            + body[:announced]
        )
    assert settle(shared) == []
    assert shared.ask("GET", "/v1/health").status == 200


def test_a_lie_is_answered_as_soon_as_its_header_is_there(server: Running) -> None:
    # the rest never comes
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(
            f"POST /v1/images HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: 500000\r\n\r\n".encode()
            + picture(4, 4)[:200]
        )
        assert b" 422 " in connection.recv(4096).partition(b"\r\n")[0]
    assert settle(server) == []


def test_what_stops_coming_is_given_up(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalediff_engine.server.routes.images.SILENCE_SECONDS", 0.2)
    data = picture(50, 50)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(
            f"POST /v1/images HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            + data[:1000]
        )
        assert b" 422 " in connection.recv(4096).partition(b"\r\n")[0]
    assert settle(server) == []


# --- limits -----------------------------------------------------------------------------------


def test_too_many_pixels_are_refused(server: Running) -> None:
    answer = server.ask("POST", "/v1/images", picture(101, 100))
    assert answer.problem == (422, "picture-too-large")
    assert server.ask("POST", "/v1/images", picture(100, 100)).status == 201


def test_the_quota_is_kept_before_the_first_byte(server: Running, tmp_path: Path) -> None:
    worker_file = server.engine.spool.job_folder("0" * 32) / "checkpoint"
    worker_file.write_bytes(bytes(2**21 - 1000))
    before = spool_of(server)
    answer = server.ask("POST", "/v1/images", picture(50, 50))
    assert answer.problem == (507, "disk-full")
    assert "more" in answer.json["message"]
    assert spool_of(server) == before
    worker_file.unlink()
    assert server.ask("POST", "/v1/images", picture(50, 50)).status == 201


def test_a_disk_without_room_is_told_before_the_first_byte(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 100))
    assert server.ask("POST", "/v1/images", picture(50, 50)).problem == (507, "disk-full")
    assert spool_of(server) == []


@pytest.mark.parametrize("fails", ["write", "fsync", "open"])
def test_a_disk_that_fills_up_meanwhile_leaves_nothing(
    server: Running, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(f"scalediff_engine.jobs.upload.os.{fails}", full)
        answer = server.ask("POST", "/v1/images", picture(50, 50))
    assert answer.problem == (507, "disk-full")
    assert spool_of(server) == []
    assert server.ask("POST", "/v1/images", picture(50, 50)).status == 201


def test_a_result_is_sent_whole_and_only_when_there_is_one(server: Running) -> None:
    job = server.ask("POST", "/v1/jobs", {"image": server.upload()}).json["id"]
    result, preview = f"/v1/jobs/{job}/result", f"/v1/jobs/{job}/preview"
    assert server.ask("GET", result).problem == (409, "wrong-state")
    assert server.ask("GET", preview).problem == (404, "not-found")

    from scalediff_engine.jobs.record import Action

    server.call(lambda: server.scheduler.act(job, Action.START))
    server.call(lambda: server.scheduler.act(job, Action.FINISH))
    assert server.ask("GET", result).problem == (404, "not-found")
    folder = server.engine.spool.job_folder(job)
    data = picture(200, 200) * 20
    (folder / "result.pixels").write_bytes(data)
    (folder / "preview.jpg").write_bytes(b"jpeg")
    answer = server.ask("GET", result)
    assert answer.body == data
    assert answer.headers["Content-Type"] == pixels.MEDIA_TYPE
    answer = server.ask("GET", preview)
    assert (answer.headers["Content-Type"], answer.body) == ("image/jpeg", b"jpeg")


def test_a_download_that_nobody_wants_any_more_lets_the_file_go(server: Running) -> None:
    image = server.upload(picture(100, 100))
    path = server.engine.spool.image_file(image)
    with path.open("ab") as file:
        file.truncate(100 * 2**20)  # more than any buffer on the way
    connection: http.client.HTTPConnection = server.connect()
    connection.request("GET", f"/v1/images/{image}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert connection.getresponse().read(1000)
    connection.close()
    deadline = time.monotonic() + 5
    while _open_handles(path) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert _open_handles(path) == 0


def _open_handles(path: Path) -> int:
    handles = Path("/proc/self/fd")
    found = 0
    for handle in handles.iterdir():
        try:
            found += handle.readlink() == path
        except FileNotFoundError:
            continue
    return found
