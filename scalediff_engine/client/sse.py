"""Server-sent events out of bytes, wherever the bytes were cut; no input or output here.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from . import codec

MEDIA_TYPE = "text/event-stream"
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"[\r\n]")
# More than any event of ours; what is longer is no stream of ours, and must not fill the memory.
MAX_EVENT_BYTES = 4 * 2**20


@dataclass(frozen=True)
class ServerEvent:
    """One event of a stream.

    Attributes:
        kind: its ``event`` field, ``message`` if it has none
        data: its ``data`` lines
        last_id: the newest ``id`` of the stream so far
    """

    kind: str
    data: str
    last_id: str


class Parser:
    """Turns bytes into events.

    Attributes:
        last_id: the newest ``id`` that came
        retry_ms: what the server wishes a client to wait before it connects again
    """

    def __init__(self) -> None:
        self.last_id = ""
        self.retry_ms: Optional[int] = None
        self._line = bytearray()
        self._after_cr = False
        self._at_start = True
        self._kind = ""
        self._data: list[str] = []
        self._data_bytes = 0

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Give the events that end in this chunk.

        Raises:
            codec.Malformed: an event is longer than any of ours.
        """
        events: list[ServerEvent] = []
        start = 0
        for end in (match.start() for match in _LINE_END.finditer(chunk)):
            is_second_half = self._after_cr and end == start and chunk[end] == 0x0A
            self._after_cr = chunk[end] == 0x0D
            if not is_second_half:  # the LF of a CRLF ends no line of its own
                self._line += chunk[start:end]
                event = self._end_line()
                if event is not None:
                    events.append(event)
            start = end + 1
        if start < len(chunk):
            self._after_cr = False
            self._line += chunk[start:]
        self._require_bounded()
        return events

    def _end_line(self) -> Optional[ServerEvent]:
        line = bytes(self._line)
        self._line.clear()
        if self._at_start:
            self._at_start = False
            if line.startswith(_BOM):
                line = line[len(_BOM) :]
        if not line:
            return self._dispatch()
        name, _, value = line.decode("utf-8", "replace").partition(":")
        self._take(name, value[1:] if value.startswith(" ") else value)
        self._require_bounded()
        return None

    def _take(self, name: str, value: str) -> None:
        if name == "event":
            self._kind = value
        elif name == "data":
            self._data.append(value)
            self._data_bytes += len(value) + 1
        elif name == "id" and "\0" not in value:
            self.last_id = value
        elif name == "retry" and value.isascii() and value.isdigit() and len(value) < 10:
            self.retry_ms = int(value)

    def _dispatch(self) -> Optional[ServerEvent]:
        kind, data = self._kind, self._data
        self._kind, self._data, self._data_bytes = "", [], 0
        if not data:
            return None
        return ServerEvent(kind or "message", "\n".join(data), self.last_id)

    def _require_bounded(self) -> None:
        if len(self._line) + self._data_bytes > MAX_EVENT_BYTES:
            raise codec.Malformed(f"An event of more than {MAX_EVENT_BYTES} bytes.")
