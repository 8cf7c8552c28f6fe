"""What a dialog or a script asks of the engine about batches of files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, TypeVar
from urllib.parse import quote

from . import codec
from .batches import (
    BatchFile,
    BatchFiles,
    BatchInfo,
    BatchItems,
    BatchList,
    BatchRequest,
)
from .transport import Channel
from .watch import Watch, watch_batch

T = TypeVar("T")

ITEMS_AT_ONCE = 1000


class BatchClient:
    """The engine's batches, as seen from outside; may be used by several threads.

    Every method raises a ``ClientError``, whose text is a sentence for people.

    Args:
        channel: to the engine; ``Client.for_batches`` gives it its own
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def batches(self) -> BatchList:
        """List all batches, the newest first."""
        return self._channel.call("GET", "/v1/batches", _reader(BatchList))

    def open_batch(self, request: BatchRequest) -> BatchInfo:
        """Ask for a batch; its files follow, and ``resume`` begins it."""
        return self._post(BatchInfo, "/v1/batches", request)

    def add_files(self, batch_id: str, files: Sequence[BatchFile]) -> BatchInfo:
        """Add files to a batch that is open; at most ``FILES_AT_ONCE``."""
        return self._post(BatchInfo, f"{_batch(batch_id)}/files", BatchFiles(list(files)))

    def batch(self, batch_id: str) -> BatchInfo:
        """Ask how a batch stands."""
        return self._channel.call("GET", _batch(batch_id), _reader(BatchInfo))

    def batch_items(
        self, batch_id: str, *, since: int = 0, start: int = 0, count: int = ITEMS_AT_ONCE
    ) -> BatchItems:
        """Ask for files of a batch, by index.

        Args:
            batch_id: which
            since: number of an event; files that have not changed after it are left out
            start: the first index
            count: at most so many; the engine gives at most ``ITEMS_AT_ONCE``
        """
        asked = f"since={since}&start={start}&count={count}"
        return self._channel.call("GET", f"{_batch(batch_id)}/items?{asked}", _reader(BatchItems))

    def act(self, batch_id: str, action: str) -> BatchInfo:
        """Have a batch do something.

        Args:
            batch_id: which
            action: ``resume`` begins it or goes on, ``pause``, ``cancel``, or ``retry``: files
                that failed or were cancelled wait again
        """
        return self._channel.call(
            "POST", f"{_batch(batch_id)}/{quote(action, safe='')}", _reader(BatchInfo)
        )

    def remove(self, batch_id: str) -> BatchInfo:
        """Forget a batch, stopped if it is under way; results stay."""
        return self._channel.call("DELETE", _batch(batch_id), _reader(BatchInfo))

    def watch_batch(
        self, batch_id: str, after: int = 0, *, patience_seconds: float = 60.0
    ) -> Watch[BatchInfo]:
        """Follow a batch; gives how it stands whenever that changes, and ends with the batch.

        Args:
            batch_id: which
            after: number of the last event that is known already
            patience_seconds: how long the engine may be gone before this gives up
        """
        return watch_batch(
            self._channel, _batch(batch_id), lambda: self.batch(batch_id), after, patience_seconds
        )

    def _post(self, kind: type[T], path: str, message: object) -> T:
        return self._channel.call("POST", path, _reader(kind), codec.dumps(message))


def _reader(kind: type[T]) -> Callable[[bytes], T]:
    return lambda data: codec.loads(kind, data)


def _batch(batch_id: str) -> str:
    return f"/v1/batches/{quote(batch_id, safe='')}"
