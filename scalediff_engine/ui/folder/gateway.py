"""The engine's batches, called in threads; answers come as in ``ui.gateway``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum

from scalediff_engine.client.batch_client import BatchClient
from scalediff_engine.client.batches import (
    FILES_AT_ONCE,
    BatchFile,
    BatchInfo,
    BatchItem,
    BatchRequest,
)
from scalediff_engine.client.errors import ClientError
from scalediff_engine.ui.gateway import STREAM_TIMEOUT_S, ClientGateway, Failed
from scalediff_engine.ui.workers import Ticket

# Read in one go; more would keep the window's thread from its turn for too long.
_ITEMS_AT_ONCE = 250


class Act(Enum):
    """What a batch can be asked to do; the value is the word on the wire."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"


class GivenUp(Exception):
    """The dialog wants it no more."""


class BatchGateway(ClientGateway[BatchClient]):
    """The engine's batches, as the dialog sees them."""

    def create(
        self,
        request: BatchRequest,
        files: Sequence[BatchFile],
        tell: Callable[[int], None],
        done: Callable[[BatchInfo], None],
        failed: Failed,
    ) -> Ticket:
        """Hand over a batch and begin it; ``tell`` hears how many files were handed over.

        Given up or failed in between, nothing of it is left.
        """
        begun: list[BatchInfo] = []

        def work(ticket: Ticket, say: Callable[[int], None]) -> None:
            batch = self._client.open_batch(request)
            try:
                for start in range(0, len(files), FILES_AT_ONCE):
                    _require_wanted(ticket)
                    some = list(files[start : start + FILES_AT_ONCE])
                    self._client.add_files(batch.id, some)
                    say(start + len(some))
                _require_wanted(ticket)
                begun.append(self._client.act(batch.id, Act.RESUME.value))
            except (ClientError, GivenUp, ValueError):
                with suppress(ClientError):  # the engine forgets what was never begun
                    self._client.remove(batch.id)
                raise

        return self._follow(work, tell, lambda: done(begun[0]), failed)

    def items(
        self,
        batch_id: str,
        since: int,
        tell: Callable[[list[BatchItem]], None],
        done: Callable[[], None],
        failed: Failed,
    ) -> Ticket:
        """Ask for the files that changed after event ``since``, in portions."""

        def work(ticket: Ticket, say: Callable[[list[BatchItem]], None]) -> None:
            start = 0
            while not ticket.is_cancelled:
                items = self._client.batch_items(
                    batch_id, since=since, start=start, count=_ITEMS_AT_ONCE
                ).items
                if items:
                    say(items)
                if len(items) < _ITEMS_AT_ONCE:
                    return
                start = items[-1].index + 1

        return self._follow(work, tell, done, failed)

    def watch(
        self,
        batch_id: str,
        tell: Callable[[BatchInfo], None],
        done: Callable[[], None],
        failed: Failed,
    ) -> Ticket:
        """Follow a batch."""

        def work(ticket: Ticket, say: Callable[[BatchInfo], None]) -> None:
            watch = self._client.watch_batch(batch_id, patience_seconds=STREAM_TIMEOUT_S)
            with watch as events:
                ticket.on_cancel(events.close)
                for info in events:
                    say(info)

        return self._follow(work, tell, done, failed)


def _require_wanted(ticket: Ticket) -> None:
    if ticket.is_cancelled:
        raise GivenUp
