"""The batches of the real engine: the wire's client, called in threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from scalediff_engine.client.batch_client import BatchClient
from scalediff_engine.client.batches import (
    FILES_AT_ONCE,
    BatchFile,
    BatchInfo,
    BatchItem,
    BatchList,
    BatchRequest,
)
from scalediff_engine.client.errors import ClientError
from scalediff_engine.ui.engine_gateway import as_problem
from scalediff_engine.ui.gateway import Act, Failed
from scalediff_engine.ui.ticket import Ticket
from scalediff_engine.ui.workers import Workers

T = TypeVar("T")
_PATIENCE_SECONDS = 600.0
# Read in one go; more would keep the window's thread from its turn for too long.
_ITEMS_AT_ONCE = 250


class GivenUp(Exception):
    """The dialog wants it no more."""


class EngineBatches:
    """See ``gateway.BatchGateway``.

    Args:
        client: of the wire
        workers: threads
    """

    def __init__(self, client: BatchClient, workers: Workers) -> None:
        self._client = client
        self._workers = workers

    def create(
        self,
        request: BatchRequest,
        files: Sequence[BatchFile],
        tell: Callable[[int], None],
        done: Callable[[BatchInfo], None],
        failed: Failed,
    ) -> Ticket:
        """Hand over a batch and begin it."""
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

        return self._workers.follow(
            work, tell, lambda: done(begun[0]), lambda error: failed(as_problem(error))
        )

    def batches(self, done: Callable[[BatchList], None], failed: Failed) -> Ticket:
        """Ask which batches there are."""
        return self._ask(self._client.batches, done, failed)

    def first_item(
        self, batch_id: str, done: Callable[[BatchItem | None], None], failed: Failed
    ) -> Ticket:
        """Ask for a batch's first file."""

        def ask() -> BatchItem | None:
            items = self._client.batch_items(batch_id, start=0, count=1).items
            return items[0] if items else None

        return self._ask(ask, done, failed)

    def act(
        self, batch_id: str, act: Act, done: Callable[[BatchInfo], None], failed: Failed
    ) -> Ticket:
        """Stop a batch, or let it go on."""
        return self._ask(lambda: self._client.act(batch_id, act.value), done, failed)

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

        return self._workers.follow(work, tell, done, lambda error: failed(as_problem(error)))

    def watch(
        self,
        batch_id: str,
        tell: Callable[[BatchInfo], None],
        done: Callable[[], None],
        failed: Failed,
    ) -> Ticket:
        """Follow a batch."""

        def work(ticket: Ticket, say: Callable[[BatchInfo], None]) -> None:
            watch = self._client.watch_batch(batch_id, patience_seconds=_PATIENCE_SECONDS)
            with watch as events:
                ticket.on_cancel(events.close)
                for info in events:
                    say(info)

        return self._workers.follow(work, tell, done, lambda error: failed(as_problem(error)))

    def remove(self, batch_id: str, done: Callable[[], None], failed: Failed) -> Ticket:
        """Forget a batch; its results stay."""
        return self._ask(lambda: self._client.remove(batch_id), lambda _: done(), failed)

    def _ask(self, ask: Callable[[], T], done: Callable[[T], None], failed: Failed) -> Ticket:
        return self._workers.run(lambda _: ask(), done, lambda error: failed(as_problem(error)))


def _require_wanted(ticket: Ticket) -> None:
    if ticket.is_cancelled:
        raise GivenUp
