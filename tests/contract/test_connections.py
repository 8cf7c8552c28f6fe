"""Connections that send or read nothing, too slowly, or without end; and too many of them."""

from __future__ import annotations

import asyncio.constants
import http.client
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
from engine_server import TOKEN, Running, fake_engine, picture, serving

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import PROTOCOL
from scalediff_engine.client.places import EngineRecord
from scalediff_engine.server import http_protocol, security
from scalediff_engine.server.http_protocol import HEAD_BYTES

resource = pytest.importorskip("resource", reason="limits of POSIX")

MIB = 2**20
BEARER = f"Authorization: Bearer {TOKEN}\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    with serving(fake_engine(tmp_path_factory.mktemp("home"))) as running:
        yield running


def connect(server: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def head(server: Running, line: str, *more: str) -> bytes:
    lines = [f"{line} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *more]
    return ("\r\n".join(lines) + "\r\n").encode()


def rest_of(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    found = b""
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            found += piece
    return found


def status_of_next(connection: socket.socket) -> int:
    """Read one answer and no more of a connection; gives its status."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status


def send_until_closed(connection: socket.socket, data: bytes, most: int) -> int:
    """Send the same again and again; gives how many bytes were taken."""
    sent = 0
    with suppress(ConnectionError):
        while sent < most:
            connection.sendall(data)
            sent += len(data)
    return sent


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


ENDLESS: Sequence[tuple[str, bytes, bytes]] = [
    ("path", b"GET /", b"x" * 65536),
    ("header", b"GET /v1/health HTTP/1.1\r\nX: ", b"x" * 65536),
    ("headers", b"GET /v1/health HTTP/1.1\r\n", b"X: y\r\n" * 10000),
    ("empty lines", b"", b"\r\n" * 32768),
    ("trailers", b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"x" * 65536),
    ("chunk", b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;x=", b"x" * 65536),
]  # fmt: skip


@pytest.mark.parametrize(("start", "more"), [x[1:] for x in ENDLESS], ids=[x[0] for x in ENDLESS])
def test_a_head_without_end_is_cut_off(server: Running, start: bytes, more: bytes) -> None:
    before = psutil.Process().memory_info().rss
    with connect(server) as connection:
        with suppress(ConnectionError):
            connection.sendall(start)
        # what the system holds for both sides is a few megabytes
        assert send_until_closed(connection, more, 96 * MIB) < 16 * MIB
    assert psutil.Process().memory_info().rss - before < 16 * MIB
    assert server.ask("GET", "/v1/health").status == 200


def test_a_long_head_is_refused_with_a_reason(server: Running) -> None:
    with connect(server) as connection:
        connection.sendall(head(server, "GET /v1/health") + b"X: " + b"x" * HEAD_BYTES)
        assert status(rest_of(connection)) == 431


@pytest.mark.parametrize("cut", [1000, 40_000, 10**6])
def test_a_head_below_the_limit_is_let_in_however_it_is_cut(server: Running, cut: int) -> None:
    whole = head(server, "GET /v1/health", BEARER + "X: " + "x" * 50_000, "Connection: close")
    whole += b"\r\n"
    with connect(server) as connection:
        for start in range(0, len(whole), cut):
            connection.sendall(whole[start : start + cut])
        assert status(rest_of(connection)) == 200


def test_a_body_does_not_count_as_a_head(server: Running) -> None:
    side = 400
    data = picture(side, side)
    assert len(data) > 4 * HEAD_BYTES
    request = head(server, "POST /v1/images", f"{BEARER}Content-Length: {len(data)}") + b"\r\n"
    with connect(server) as connection:
        for _ in range(3):  # over one connection, as a client that keeps it
            connection.sendall(request + data)
            assert status_of_next(connection) == 201


@pytest.mark.parametrize("start", [b"", b"GET", b"GET /v1/health HTTP/1.1\r\nX", b"\r\n"])
def test_a_head_that_does_not_come_is_given_up(
    server: Running, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    with connect(server) as connection:
        connection.sendall(start)
        answer = rest_of(connection)
        assert status(answer) == 408 if start else answer == b""


def test_a_head_that_comes_drop_by_drop_is_given_up(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.5)
    with connect(server) as connection:
        first = head(server, "GET /v1/health", BEARER)
        connection.sendall(first)  # a first request, after which the time starts again
        assert status_of_next(connection) == 200
        connection.settimeout(0.02)
        connection.sendall(b"GET /")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                connection.sendall(b"x")
                if not connection.recv(65536):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert time.monotonic() < deadline


def test_the_rest_of_a_refused_body_has_a_deadline(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "DRAIN_SECONDS", 0.2)
    with connect(server) as connection:
        connection.sendall(head(server, "POST /v1/plan", "Content-Length: 100000") + b"\r\n")
        assert status(connection.recv(65536)) == 401
        connection.settimeout(0.02)
        deadline = time.monotonic() + 20
        with suppress(ConnectionError):
            while time.monotonic() < deadline:
                connection.sendall(b"x")
                time.sleep(0.005)
        assert time.monotonic() < deadline


def test_a_refused_body_that_comes_whole_leaves_the_connection_usable(server: Running) -> None:
    with connect(server) as connection:
        for _ in range(2):
            request = head(server, "POST /v1/plan", "Content-Length: 5") + b"\r\n"
            connection.sendall(request)
            assert status_of_next(connection) == 401
            connection.sendall(b"hello")


@pytest.mark.parametrize("refusals", [False, True])
def test_connections_without_the_token_leave_room_for_others(
    server: Running, refusals: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "BURST_SECONDS", 0.0)
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(server)) for _ in range(200)]
        if refusals:
            for connection in silent:
                with suppress(ConnectionError):
                    connection.sendall(head(server, "GET /v1/health") + b"\r\n")
        assert server.ask("GET", "/v1/health").status == 200
        until(lambda: len(server.server.server_state.connections) <= http_protocol.MAX_WAITING + 1)


def test_a_burst_of_clients_is_let_in(server: Running) -> None:
    record = EngineRecord(0, server.port, TOKEN, PROTOCOL, "0", 0.0)
    crowd = 3 * http_protocol.MAX_WAITING
    together = threading.Barrier(crowd)

    def ask() -> int:
        together.wait(20)
        return Client(lambda: record).health().protocol

    with ThreadPoolExecutor(crowd) as pool:
        asked = [pool.submit(ask) for _ in range(crowd)]
        assert [each.result() for each in asked] == [PROTOCOL] * crowd


def test_a_flood_of_connections_is_limited_at_once(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "MAX_BURST", 80)
    monkeypatch.setattr(http_protocol, "BURST_SECONDS", 60.0)
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(connect(server))
        assert server.ask("GET", "/v1/health").status == 200
        until(lambda: len(server.server.server_state.connections) <= 81)


def test_requests_that_are_under_way_keep_their_place(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "BURST_SECONDS", 0.0)
    image = server.upload()
    job = server.ask("POST", "/v1/jobs", {"image": image}).json["id"]
    with ExitStack() as stack:
        stream = stack.enter_context(connect(server))
        stream.sendall(head(server, f"GET /v1/jobs/{job}/events", BEARER))
        assert status(stream.recv(65536)) == 200
        for _ in range(http_protocol.MAX_WAITING + 20):
            stack.enter_context(connect(server))
        assert server.ask("POST", f"/v1/jobs/{job}/cancel").status == 200
        assert b"cancelled" in rest_of_stream(stream)


def rest_of_stream(connection: socket.socket) -> bytes:
    """What comes until a stream ends."""
    found = b""
    while not found.endswith(b"0\r\n\r\n"):
        piece = connection.recv(65536)
        assert piece, found
        found += piece
    return found


def test_streams_leave_room_for_other_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "MAX_STREAMS", 3)
    with serving(fake_engine(tmp_path)) as server, ExitStack() as stack:
        job = server.ask("POST", "/v1/jobs", {"image": server.upload()}).json["id"]
        answers: list[int] = []
        for _ in range(5):
            stream = stack.enter_context(connect(server))
            stream.sendall(head(server, f"GET /v1/jobs/{job}/events", BEARER))
            answers.append(status(stream.recv(65536)))
        assert answers == [200, 200, 200, 503, 503]
        assert server.ask("GET", f"/v1/jobs/{job}").status == 200
        refused = server.ask("GET", f"/v1/jobs/{job}/events")
        assert refused.problem == (503, "engine-busy")
        assert refused.headers["ScaleDiff-Protocol"] == "1"


def test_requests_have_a_limit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "MAX_REQUESTS", 2)
    with serving(fake_engine(tmp_path)) as server, ExitStack() as stack:
        for _ in range(2):
            upload = stack.enter_context(connect(server))
            upload.sendall(head(server, "POST /v1/images", f"{BEARER}Content-Length: 99") + b"\r\n")
        until(lambda: server.engine.activity.open_requests == 2)
        assert server.ask("GET", "/v1/health").problem == (503, "engine-busy")
        assert server.ask("GET", "/v1/health", token=None).status == 401
    # they are forgotten with their connections


def test_a_body_that_does_not_come_is_given_up(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "BODY_SECONDS", 0.2)
    with connect(server) as connection:
        more = f"{BEARER}Content-Type: application/json\r\nContent-Length: 99"
        connection.sendall(head(server, "POST /v1/plan", more) + b"\r\n{")
        assert status(rest_of(connection)) == 408
    until(lambda: server.engine.activity.open_requests == 0)


def test_an_upload_that_comes_drop_by_drop_is_given_up(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "BODY_SECONDS", 0.3)
    data = picture(100, 100)
    with connect(server) as connection:
        request = head(server, "POST /v1/images", f"{BEARER}Content-Length: {len(data)}")
        connection.sendall(request + b"\r\n")
        connection.settimeout(0.01)
        answer, deadline = b"", time.monotonic() + 20
        for sent in range(len(data)):
            assert time.monotonic() < deadline
            with suppress(TimeoutError, ConnectionError):
                connection.sendall(data[sent : sent + 1])
                answer += connection.recv(65536)
            if answer:
                break
    assert status(answer) == 408
    until(lambda: server.engine.activity.open_requests == 0)


def test_an_answer_that_is_not_read_is_given_up(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "UNREAD_SECONDS", 0.3)
    image = server.upload(picture(2000, 2000))
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(head(server, f"GET /v1/images/{image}", BEARER))
        until(lambda: server.engine.activity.open_requests == 1)
        until(lambda: server.engine.activity.open_requests == 0)
    assert server.ask("GET", f"/v1/images/{image}").status == 200


def test_a_stream_without_events_is_not_given_up(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HEAD_SECONDS", "DRAIN_SECONDS", "UNREAD_SECONDS"):
        monkeypatch.setattr(http_protocol, name, 0.05)
    monkeypatch.setattr(security, "BODY_SECONDS", 0.05)
    job = server.ask("POST", "/v1/jobs", {"image": server.upload()}).json["id"]
    with connect(server) as stream:
        stream.sendall(head(server, f"GET /v1/jobs/{job}/events", BEARER))
        assert status(stream.recv(65536)) == 200
        for _ in range(20):  # of which each takes a turn of the event loop and more
            assert server.ask("GET", "/v1/health").status == 200
            time.sleep(0.01)
        server.ask("POST", f"/v1/jobs/{job}/cancel")
        assert b"cancelled" in rest_of_stream(stream)


def test_health_is_told_without_a_free_file(server: Running) -> None:
    def ask() -> int:
        client.request("GET", "/v1/health", headers={"Authorization": f"Bearer {TOKEN}"})
        answer = client.getresponse()
        answer.read()
        return answer.status

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        stack.callback(client.close)
        assert ask() == 200
        resource.setrlimit(resource.RLIMIT_NOFILE, (psutil.Process().num_fds() + 20, limits[1]))
        try:
            with suppress(OSError):
                while True:
                    stack.enter_context(Path(os.devnull).open())
            assert ask() == 200
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_no_more_files_is_one_line_and_passes(
    server: Running, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio.constants, "ACCEPT_RETRY_DELAY", 0.05)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    server.ask("GET", "/v1/health")
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.socket()) for _ in range(20)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (psutil.Process().num_fds() + 5, hard))
        try:
            for client in clients:  # the system takes them; the server cannot
                client.settimeout(20)
                client.connect(("127.0.0.1", server.port))
            until(lambda: "No connection can be accepted" in caplog.text)
            for client in clients[-3:]:
                client.sendall(head(server, "GET /v1/health", BEARER + "Connection: close\r\n"))
            assert [status(rest_of(client)) for client in clients[-3:]] == [200] * 3
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    lines = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert [r.name for r in lines] == [http_protocol.__name__], caplog.text
    assert server.ask("GET", "/v1/health").status == 200


def test_the_end_does_not_wait_for_what_is_open(tmp_path: Path) -> None:
    with ExitStack() as stack:
        began = time.monotonic()
        with serving(fake_engine(tmp_path), timeout_graceful_shutdown=0.2) as server:
            image = server.upload(picture(2000, 2000))
            job = server.ask("POST", "/v1/jobs", {"image": image}).json["id"]

            def opened(*requests: bytes) -> socket.socket:
                connection = stack.enter_context(connect(server))
                connection.sendall(b"".join(requests))
                return connection

            stream = opened(head(server, f"GET /v1/jobs/{job}/events", BEARER))
            others = [
                opened(),
                opened(b"GET / HT"),
                opened(head(server, "POST /v1/plan", f"{BEARER}Content-Length: 9") + b"\r\n{"),
                opened(head(server, "POST /v1/images", f"{BEARER}Content-Length: 9") + b"\r\n{"),
                opened(head(server, f"GET /v1/images/{image}", BEARER)),
            ]
            until(lambda: server.engine.activity.open_requests == 4)
        assert rest_of(stream).endswith(b"0\r\n\r\n")  # in good order
        for connection in others:
            rest_of(connection)
        assert time.monotonic() - began < http_protocol.UNREAD_SECONDS / 2


# Small answers


def test_small_answers_are_sent_at_once(server: Running) -> None:
    server.ask("GET", "/v1/health")
    with connect(server) as connection:
        connection.sendall(head(server, "GET /v1/health", BEARER))
        assert status_of_next(connection) == 200

        def options() -> list[int]:
            return [
                each.transport.get_extra_info("socket").getsockopt(
                    socket.IPPROTO_TCP, socket.TCP_NODELAY
                )
                for each in server.server.server_state.connections
            ]

        found = server.call(options)
        assert found
        assert all(found)


# Methods

JOB = "/v1/jobs/" + "0" * 32


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/health", "GET"),
        ("/v1/jobs", "GET, POST"),
        (JOB, "DELETE, GET"),
        (f"{JOB}/cancel", "POST"),
        (f"{JOB}/events", "GET"),
        ("/v1/images", "POST"),
        ("/v1/models/downloads", "GET, POST"),
        ("/v1/openapi.json", "GET, HEAD"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "PROPFIND"])
def test_allow_names_all_methods(server: Running, method: str, path: str, allowed: str) -> None:
    answer = server.ask(method, path)
    assert answer.problem == (405, "usage")
    assert answer.headers["Allow"] == allowed


def test_head_leaves_the_connection_in_step(server: Running) -> None:
    with connect(server) as connection:
        connection.sendall(
            head(server, "HEAD /v1/health", BEARER)
            + head(server, "GET /v1/jobs", BEARER + "Connection: close\r\n")
        )
        first, second = rest_of(connection).split(b"\r\n\r\nHTTP/1.1 ")
    assert status(first) == 405
    assert second.startswith(b"200 ")


def test_options_of_the_whole_server_is_refused(server: Running) -> None:
    assert server.ask("OPTIONS", "*").status in (400, 404, 405)
    assert server.ask("OPTIONS", "*", token=None).status in (400, 401)
