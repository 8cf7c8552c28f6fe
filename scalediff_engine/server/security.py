"""The door: who may speak to the engine, and how much they may say.

A web page can make a browser send requests to any port of its own computer. It can do so from
another origin, with another host name that it has turned to 127.0.0.1 (DNS rebinding), or with a
simple form. None of these has the token, and each is refused for what it is before the token is
looked at.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import re
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import scalediff_engine
from scalediff_engine.client.messages import PROTOCOL, PROTOCOL_HEADER, Problem
from scalediff_engine.client.transport import PROOF_PATH
from scalediff_engine.server import problems
from scalediff_engine.server.http_protocol import ADMIT, max_files
from scalediff_engine.server.lifecycle import Activity

_log = logging.getLogger(__name__)

JSON_BYTES = 256 * 1024
# For all of a body, and what an upload adds to that: a program on this computer is far quicker.
BODY_SECONDS = 30.0
UPLOAD_BYTES_PER_SECOND = 2**20
# At once, of programs that have the token; each watched job and each dialog takes a stream.
MAX_REQUESTS = 320
MAX_STREAMS = 256

_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_TOKEN_NAMES = frozenset({"token", "access_token", "auth", "authorization", "api_key", "key"})
_PLAIN_PATH = re.compile(r"/[\w/.-]{0,80}", re.ASCII)
_SCHEME = b"bearer "

_HEADERS = (
    (PROTOCOL_HEADER.lower().encode(), str(PROTOCOL).encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


@dataclass(frozen=True)
class Refusal:
    """Why somebody is not let in."""

    status: int
    problem: Problem
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Visit:
    """What the door looks at.

    Attributes:
        method, path: of the request; the path is decoded
        raw_path, query: as they came
        client: the address that it comes from
        port: that it came in by
        headers: names in lower case
    """

    method: str
    path: str
    raw_path: bytes
    query: bytes
    client: str
    port: int
    headers: tuple[tuple[bytes, bytes], ...]

    def values(self, name: bytes) -> list[bytes]:
        """All headers of a name."""
        return [value for key, value in self.headers if key == name]

    @property
    def is_proof(self) -> bool:
        """Whether it asks the engine to prove itself, for which a client does not send a token."""
        return self.method == "GET" and self.path == PROOF_PATH

    @property
    def is_upload(self) -> bool:
        """Whether its body is pixels."""
        return self.method == "POST" and self.path == "/v1/images"

    @property
    def is_stream(self) -> bool:
        """Whether its answer is events."""
        return self.method == "GET" and self.path.endswith("/events")


def refusal(visit: Visit, token: str, upload_bytes: int) -> Refusal | None:
    """Decide about a request by its head alone; None = it may come in.

    Args:
        visit: the request
        token: that it must have
        upload_bytes: an upload may have
    """
    return (
        _stranger(visit)
        or _token_in_url(visit, token)
        or (None if visit.is_proof else _wrong_token(visit, token))
        or _other_protocol(visit)
        or _bad_body(visit, upload_bytes)
    )


def _stranger(visit: Visit) -> Refusal | None:
    """Refuse whoever does not come from this computer, or was sent by a page of another site."""
    if not _is_loopback(visit.client):
        return Refusal(403, Problem("usage", "The engine serves its own computer only."))
    ours = [f"{host}:{visit.port}".encode() for host in _HOSTS]
    hosts = visit.values(b"host")
    if len(hosts) != 1 or hosts[0].lower() not in ours:
        names = ", ".join(host.decode() for host in ours)
        return Refusal(403, Problem("usage", f"The Host of a request must be one of {names}."))
    foreign = [
        o for o in visit.values(b"origin") if o.lower() not in [b"http://" + h for h in ours]
    ]
    if foreign:
        return Refusal(403, Problem("usage", "Pages of other origins may not use the engine."))
    return None


def _token_in_url(visit: Visit, token: str) -> Refusal | None:
    query = urllib.parse.parse_qsl(visit.query.decode("latin-1"), keep_blank_values=True)
    words = (
        visit.path,
        visit.raw_path.decode("latin-1"),
        *(word for pair in query for word in pair),
    )
    named = any(name.lower() in _TOKEN_NAMES for name, _ in query)
    if not named and not any(token in word for word in words):
        return None
    text = "A token in a URL ends up in logs; it goes into the Authorization header alone."
    return Refusal(400, Problem("usage", text))


def _wrong_token(visit: Visit, token: str) -> Refusal | None:
    given = visit.values(b"authorization")
    if len(given) == 1 and given[0][: len(_SCHEME)].lower() == _SCHEME:
        if hmac.compare_digest(given[0][len(_SCHEME) :], token.encode()):
            return None
        text = "This token is not the engine's; it has a new one after each start."
    else:
        text = "A request needs the header 'Authorization: Bearer TOKEN'."
    return Refusal(401, Problem("usage", text), {"WWW-Authenticate": "Bearer"})


def _other_protocol(visit: Visit) -> Refusal | None:
    said = [value.strip() for value in visit.values(PROTOCOL_HEADER.lower().encode())]
    if all(value == str(PROTOCOL).encode() for value in said):
        return None
    theirs = said[0].decode("latin-1")
    if re.fullmatch(r"[0-9]{1,9}", theirs) is None:
        update = f"The header {PROTOCOL_HEADER} is a number, {PROTOCOL} here."
    elif int(theirs) > PROTOCOL:
        update = (
            f"The plug-in speaks version {theirs} of the wire and this engine "
            f"({scalediff_engine.__version__}) version {PROTOCOL}: update the engine."
        )
    else:
        update = (
            f"The plug-in speaks version {theirs} of the wire and this engine "
            f"({scalediff_engine.__version__}) version {PROTOCOL}: update the plug-in."
        )
    upgrade = {"Upgrade": f"ScaleDiff/{PROTOCOL}"}
    return Refusal(426, Problem("protocol-mismatch", update), upgrade)


def _bad_body(visit: Visit, upload_bytes: int) -> Refusal | None:
    if visit.values(b"transfer-encoding"):
        text = "A body needs a Content-Length; the engine takes none in chunks."
        return Refusal(411, Problem("usage", text))
    lengths = visit.values(b"content-length")
    if not lengths:
        return None
    if len(lengths) > 1 or re.fullmatch(rb"[0-9]{1,18}", lengths[0]) is None:
        return Refusal(400, Problem("usage", "The Content-Length is no number of bytes."))
    limit = upload_bytes if visit.is_upload else JSON_BYTES
    if int(lengths[0]) > limit:
        code = "picture-too-large" if visit.is_upload else "usage"
        text = f"A body of {int(lengths[0]):,} bytes; at most {limit:,} are taken here."
        return Refusal(413, Problem(code, text))
    return None


def _is_loopback(client: str) -> bool:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


class Door:
    """Stands before the application, lets in whom ``refusal`` lets in, and answers for bugs.

    Args:
        app: what is behind it
        token: of this engine
        upload_bytes: an upload may have
        activity: counts who came in
    """

    def __init__(self, app: ASGIApp, token: str, upload_bytes: int, activity: Activity) -> None:
        self._app = app
        self._token = token
        self._upload_bytes = upload_bytes
        self._activity = activity
        self._streams = 0
        self._max_requests = min(MAX_REQUESTS, max_files() // 2)
        self._max_streams = min(MAX_STREAMS, max_files() // 3)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request (ASGI)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        visit = _visit(scope)
        refused = refusal(visit, self._token, self._upload_bytes)
        if refused is None and visit.is_proof:  # that is nobody who has been let in
            await self._admit(scope, receive, _Armoured(send))
            return
        refused = refused or self._crowded(visit)
        if refused is None:
            if ADMIT in scope.get("extensions", {}):
                scope["extensions"][ADMIT]()
            self._streams += visit.is_stream
            try:
                with self._activity.request():
                    body = _TimedBody(receive, _body_seconds(visit))
                    await self._admit(scope, body, _Armoured(send))
            finally:
                self._streams -= visit.is_stream
            return
        scope["query_string"] = b""  # it may hold a token, and the server's own log would show it
        path = scope["path"] = self._plain(visit.path)
        _log.warning("Refused %d: %s %s", refused.status, _word(visit.method), path)
        # what comes after the head of a body in chunks has no limit
        close = {"Connection": "close"} if visit.values(b"transfer-encoding") else {}
        headers = {**refused.headers, **close}
        response = problems.answer(refused.status, refused.problem, headers)
        await response(scope, receive, _Armoured(send))

    def _crowded(self, visit: Visit) -> Refusal | None:
        """Refuse what would leave no place for other requests."""
        is_full = visit.is_stream and self._streams >= self._max_streams
        if not is_full and self._activity.open_requests < self._max_requests:
            return None
        text = (
            f"{self._activity.open_requests} requests are open, {self._streams} of them event "
            f"streams; at most {self._max_requests} and {self._max_streams} may be. Close some."
        )
        return Refusal(503, Problem("engine-busy", text), {"Retry-After": "1"})

    async def _admit(self, scope: Scope, receive: Receive, send: _Armoured) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            _log.info("Broken off: %s %s", scope["method"], self._plain(scope["path"]))
        except Exception:
            _log.exception("A request failed: %s %s", scope["method"], self._plain(scope["path"]))
            if send.has_started:  # it cannot be taken back; the server cuts the connection
                raise
            await problems.unexpected()(scope, receive, send)

    def _plain(self, path: str) -> str:
        """The path, if it is one of those that occur; never the token."""
        fine = _PLAIN_PATH.fullmatch(path) is not None and self._token not in path
        return path if fine else "(an odd path)"


def _body_seconds(visit: Visit) -> float:
    if not visit.is_upload:
        return BODY_SECONDS
    lengths = visit.values(b"content-length") or [b"0"]
    return BODY_SECONDS + int(lengths[0]) / UPLOAD_BYTES_PER_SECOND


class _TimedBody:
    """Receives a body, all of it in a limited time.

    Raises:
        HTTPException: it takes longer (408).
    """

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._is_whole = False

    async def __call__(self) -> Message:
        if self._is_whole:  # what follows is the end of the connection, whenever that is
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as error:
            text = f"The body did not arrive within {self._seconds:.0f} s."
            raise HTTPException(408, text, {"Connection": "close"}) from error
        self._is_whole = not message.get("more_body", False)
        return message


class _Armoured:
    """Adds the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_started = True
            ours = {name for name, _ in _HEADERS}
            kept = [pair for pair in _pairs(message.get("headers", ())) if pair[0] not in ours]
            message = {**message, "headers": [*kept, *_HEADERS]}
        await self._send(message)


def _pairs(headers: Iterable[Iterable[bytes]]) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        found.append((bytes(name).lower(), bytes(value)))
    return found


def _visit(scope: Scope) -> Visit:
    client, server = scope.get("client"), scope.get("server")
    return Visit(
        method=scope["method"],
        path=scope["path"],
        raw_path=scope.get("raw_path") or b"",
        query=scope.get("query_string") or b"",
        client=client[0] if client else "",
        port=int(server[1] or 0) if server else 0,
        headers=tuple(_pairs(scope["headers"])),
    )


def _word(method: str) -> str:
    return method if re.fullmatch(r"[A-Z]{1,10}", method) else "(an odd method)"
