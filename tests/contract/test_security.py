"""Who is let in, asked over a real socket."""

from __future__ import annotations

import hmac
import logging
import os
import socket
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest
from engine_server import TOKEN, Answer, Running, fake_engine, picture, serving

BEARER = {"Authorization": f"Bearer {TOKEN}"}
GUARDED = [
    ("GET", "/v1/health"),
    ("GET", "/v1/jobs"),
    ("GET", "/v1/models"),
    ("GET", "/v1/openapi.json"),
    ("GET", "/v1/bundle"),
    ("POST", "/v1/jobs"),
    ("POST", "/v1/images"),
    ("POST", "/v1/plan"),
    ("POST", "/v1/sessions"),
    ("POST", "/v1/shutdown"),
    ("DELETE", "/v1/jobs/" + "0" * 32),
    ("GET", "/nothing/here"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    with serving(fake_engine(tmp_path_factory.mktemp("home"))) as running:
        yield running


@pytest.fixture(autouse=True)
def no_token_in_logs(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    told = [r.getMessage() for when in ("setup", "call") for r in caplog.get_records(when)]
    assert not [line for line in told if TOKEN in line]


def raw(server: Running, request: bytes) -> bytes:
    """Send bytes as they are; gives all that comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request.replace(b"PORT", str(server.port).encode()))
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_nothing_answers_without_the_token(server: Running, method: str, path: str) -> None:
    answer = server.ask(method, path, token=None)
    assert answer.problem == (401, "usage")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "given",
    [
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer  {TOKEN}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xe9\xe9",
    ],
)
def test_a_wrong_token_is_refused(server: Running, given: str) -> None:
    answer = server.ask("GET", "/v1/health", headers={"Authorization": given}, token=None)
    assert answer.problem == (401, "usage")


def test_two_tokens_are_no_token(server: Running) -> None:
    answer = raw(
        server,
        b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n"
        + f"Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer x\r\n\r\n".encode(),
    )
    assert status(answer) == 401


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/health?token={TOKEN}",
        f"/v1/health?access_token={TOKEN}",
        "/v1/health?token=whatever",
        f"/v1/health?x=1&y={TOKEN}",
        f"/v1/health?{TOKEN}",
        f"/v1/jobs/{TOKEN}",
        f"/{TOKEN}/v1/health",
        "/v1/health?x=" + "".join(f"%{ord(c):02x}" for c in TOKEN),
        "/v1/" + "".join(f"%{ord(c):02x}" for c in TOKEN),
    ],
)
@pytest.mark.parametrize("with_header", [True, False])
def test_a_token_in_the_url_is_refused_even_if_it_is_right(
    server: Running, path: str, with_header: bool
) -> None:
    answer = server.ask("GET", path, token=TOKEN if with_header else None)
    assert answer.problem == (400, "usage")
    assert TOKEN not in answer.body.decode()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:PORT",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1.evil.example:PORT",
        "localhost.evil.example:PORT",
        "evil.example@127.0.0.1:PORT",
        "0.0.0.0:PORT",
        "127.0.0.2:PORT",
        "",
    ],
)
def test_another_host_is_refused_as_after_dns_rebinding(server: Running, host: str) -> None:
    headers = {"Host": host.replace("PORT", str(server.port))}
    assert server.ask("GET", "/v1/health", headers=headers).problem == (403, "usage")


def test_no_host_and_two_hosts_are_refused(server: Running) -> None:
    for lines in (b"", b"Host: 127.0.0.1:PORT\r\nHost: evil.example\r\n"):
        token = f"Authorization: Bearer {TOKEN}\r\n".encode()
        answer = raw(server, b"GET /v1/health HTTP/1.1\r\n" + lines + token + b"\r\n")
        assert status(answer) in (400, 403)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_this_computers_names_are_let_in(server: Running, host: str) -> None:
    answer = server.ask("GET", "/v1/health", headers={"Host": f"{host}:{server.port}"})
    assert answer.status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "https://127.0.0.1:PORT",
        "http://localhost.evil.example:PORT",
        "chrome-extension://abc",
        "file://",
        "",
    ],
)
def test_a_foreign_origin_is_refused_with_the_right_token_too(server: Running, origin: str) -> None:
    headers = {"Origin": origin.replace("PORT", str(server.port))}
    for method, path in GUARDED[:3]:
        answer = server.ask(method, path, headers=headers)
        assert answer.problem == (403, "usage")
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_its_own_origin_is_let_in(server: Running) -> None:
    headers = {"Origin": f"http://127.0.0.1:{server.port}"}
    assert server.ask("GET", "/v1/health", headers=headers).status == 200


def test_a_browsers_simple_post_is_refused(server: Running) -> None:
    # what a page may send without asking first: no token, and a body that is declared as text
    headers = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    for path in ("/v1/jobs", "/v1/shutdown", "/v1/images"):
        assert server.ask("POST", path, b"{}", headers, token=None).status == 403
        simple = {"Content-Type": "text/plain"}
        assert server.ask("POST", path, b"{}", simple, token=None).status == 401
    assert not server.engine.shutdown.is_set()


def test_a_preflight_is_refused_and_allows_nothing(server: Running) -> None:
    headers = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = server.ask("OPTIONS", "/v1/jobs", headers=headers, token=None)
    assert answer.status == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


ODD_IDS = [
    "..",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2fjobs",
    "%252e%252e%252f",
    "....//....//",
    "0" * 31,
    "0" * 33,
    "0" * 32 + "%00",
    "%00",
    "0" * 31 + "%0a",
    "0" * 32 + "%0a",
    "A" * 32,
    "g" * 32,
    "0" * 5000,
    "%d9%a0" * 32,
    "%ef%bc%90" * 32,
    "..\\..\\windows",
    "%5c%5cserver%5cshare",
    "-",
    "~",
    "*",
    "%ff%fe",
]


@pytest.mark.parametrize("word", ODD_IDS)
def test_path_tricks_in_ids_are_refused(server: Running, word: str) -> None:
    before = sorted(server.engine.places.home.rglob("*"))
    for method, path in [
        ("GET", f"/v1/images/{word}"),
        ("DELETE", f"/v1/images/{word}"),
        ("GET", f"/v1/jobs/{word}"),
        ("DELETE", f"/v1/jobs/{word}"),
        ("GET", f"/v1/jobs/{word}/result"),
        ("GET", f"/v1/jobs/{word}/preview"),
        ("GET", f"/v1/jobs/{word}/events"),
        ("POST", f"/v1/jobs/{word}/cancel"),
        ("GET", f"/v1/sessions/{word}"),
        ("DELETE", f"/v1/sessions/{word}"),
    ]:
        code, name = server.ask(method, path).problem
        assert code in (404, 405, 422), (method, path)
        assert name in ("not-found", "usage")
    assert sorted(server.engine.places.home.rglob("*")) == before


@pytest.mark.parametrize("word", ["../x", "a/b", "0" * 5000, "\u0660" * 32, "", "0" * 32, "\0"])
def test_path_tricks_in_bodies_are_refused(server: Running, word: str) -> None:
    answer = server.ask("POST", "/v1/jobs", {"image": word})
    assert answer.problem == (404, "not-found")
    answer = server.ask("POST", "/v1/sessions", {"image": word, "host": "krita"})
    assert answer.problem == (404, "not-found")


@pytest.mark.parametrize(
    ("said", "updates"), [("2", "engine"), ("999", "engine"), ("0", "plug-in")]
)
def test_another_version_of_the_wire_is_told_which_side_to_update(
    server: Running, said: str, updates: str
) -> None:
    answer = server.ask("GET", "/v1/health", headers={"ScaleDiff-Protocol": said})
    assert answer.problem == (426, "protocol-mismatch")
    assert answer.json["message"].endswith(f"update the {updates}.")
    assert answer.headers["ScaleDiff-Protocol"] == "1"


def test_a_version_that_is_no_number_is_refused(server: Running) -> None:
    for said in ("", "one", "1.0", "9" * 5000, "\xb2"):
        answer = server.ask("GET", "/v1/health", headers={"ScaleDiff-Protocol": said})
        assert answer.problem == (426, "protocol-mismatch")
    assert server.ask("GET", "/v1/health", headers={"ScaleDiff-Protocol": " 1 "}).status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND"])
def test_methods_that_do_not_exist_are_refused(server: Running, method: str) -> None:
    answer = server.ask(method, "/v1/jobs")
    assert answer.status == 405
    assert answer.headers["Allow"]


def test_every_answer_forbids_guessing_and_keeping(server: Running) -> None:
    answers: list[Answer] = [
        server.ask("GET", "/v1/health"),
        server.ask("GET", "/v1/health", token=None),
        server.ask("GET", "/nothing"),
        server.ask("POST", "/v1/plan", {}),
    ]
    assert [answer.status for answer in answers] == [200, 401, 404, 422]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["ScaleDiff-Protocol"] == "1"
        assert "Server" not in answer.headers


def test_bodies_without_a_length_are_refused(server: Running) -> None:
    for path in (b"/v1/images", b"/v1/jobs", b"/v1/health"):
        answer = raw(
            server,
            b"POST "
            + path
            + b" HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n"
            + f"Authorization: Bearer {TOKEN}\r\n".encode()
            + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        )
        assert status(answer) == 411


def test_a_body_that_is_too_long_is_refused_before_it_is_read(server: Running) -> None:
    for path, announced in (
        ("/v1/jobs", 256 * 1024 + 1),
        ("/v1/plan", 10**15),
        ("/v1/images", 10**15),
        ("/v1/health", 10**15),
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
                f"Authorization: Bearer {TOKEN}\r\nContent-Length: {announced}\r\n"
                "Expect: 100-continue\r\n\r\n".encode()
            )
            assert status(connection.recv(65536)) == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "5, 5", "0x5", "", "9" * 30])
def test_an_odd_content_length_is_refused(server: Running, length: str) -> None:
    answer = raw(
        server,
        f"POST /v1/plan HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n\r\nhello".encode(),
    )
    assert status(answer) in (400, 413, 422)


def test_nothing_listens_beyond_loopback(server: Running) -> None:
    listening = [
        found.laddr.ip
        for found in psutil.Process().net_connections("inet")
        if found.status == psutil.CONN_LISTEN and found.laddr.port == server.port
    ]
    assert listening == ["127.0.0.1"]


def test_a_websocket_finds_nobody(server: Running) -> None:
    answer = raw(
        server,
        b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n",
    )
    assert status(answer) in (400, 401, 426)


def test_what_is_refused_leaves_nothing_behind(server: Running, tmp_path: Path) -> None:
    for headers in ({"Origin": "null"}, {"Host": "evil.example"}):
        assert server.ask("POST", "/v1/images", picture(), headers).status == 403
    assert not list((server.engine.places.data / "spool" / "images").iterdir())


def test_an_activity_is_noted_of_those_alone_who_hold_the_token(server: Running) -> None:
    before = server.engine.pulse().last_at
    server.ask("GET", "/v1/health", token=None)
    assert server.engine.pulse().last_at == before
    server.ask("GET", "/v1/health")
    assert server.engine.pulse().last_at > before


# The proof, which needs no token

NONCE = {"ScaleDiff-Nonce": "0123456789abcdef" * 4}


def test_the_engine_proves_that_it_knows_the_token_and_tells_nothing_of_it(server: Running) -> None:
    answer = server.ask("GET", "/v1/proof", headers=NONCE, token=None)
    assert answer.status == 200
    assert answer.json == {
        "pid": os.getpid(),
        "hmac": hmac.new(
            TOKEN.encode(),
            f"scalediff-engine {NONCE['ScaleDiff-Nonce']} {os.getpid()} {server.port}".encode(),
            "sha256",
        ).hexdigest(),
    }
    assert answer.headers["ScaleDiff-Protocol"] == "1"


@pytest.mark.parametrize("nonce", [None, "", "0" * 63, "0" * 65, "G" * 64, "0" * 64 + " 1 1"])
def test_an_odd_nonce_is_refused(server: Running, nonce: str | None) -> None:
    headers = {} if nonce is None else {"ScaleDiff-Nonce": nonce}
    assert server.ask("GET", "/v1/proof", headers=headers, token=None).problem == (422, "usage")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/v1/proof", {}, 401),
        ("HEAD", "/v1/proof", {}, 401),
        ("GET", "/v1/proof/", {}, 401),
        ("GET", "/v1/Proof", {}, 401),
        ("GET", "/v1/proof/../health", {}, 401),
        ("GET", "/v1/proof?token=x", {}, 400),
        ("GET", "/v1/proof", {"Origin": "https://evil.example"}, 403),
        ("GET", "/v1/proof", {"Host": "evil.example"}, 403),
        ("GET", "/v1/proof", {"ScaleDiff-Protocol": "2"}, 426),
        ("GET", "/v1/proof", {"Transfer-Encoding": "chunked"}, 411),
        ("GET", "/v1/proof", {"Content-Length": "1000000"}, 413),
    ],
)
def test_the_proof_opens_nothing_else(
    server: Running, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = server.ask(method, path, headers={**NONCE, **headers}, token=None)
    assert answer.status == status
    assert b"hmac" not in answer.body


def test_a_proof_is_no_activity_and_gives_no_place(server: Running) -> None:
    before = server.engine.pulse().last_at
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        request = f"GET /v1/proof HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        request += f"ScaleDiff-Nonce: {NONCE['ScaleDiff-Nonce']}\r\n\r\n"
        connection.sendall(request.encode())
        assert status(connection.recv(65536)) == 200
        open_ones = server.server.server_state.connections
        assert server.call(lambda: all(c.waiting_since is not None for c in open_ones))  # type: ignore[union-attr]
    assert server.engine.pulse().last_at == before
