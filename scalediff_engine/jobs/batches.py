"""The batches: what is asked of them, and how they stand. The foreman does them.

Everything happens in one thread, on one event loop.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from scalediff_engine.base.errors import NotFound, OutputError
from scalediff_engine.client.batches import (
    BatchFile,
    BatchInfo,
    BatchItem,
    BatchRequest,
    BatchState,
    FileState,
)
from scalediff_engine.client.messages import EventKind
from scalediff_engine.jobs import batch_rules
from scalediff_engine.jobs.batch_ledger import Ledger
from scalediff_engine.jobs.batch_rules import BatchAction, check_files, check_request
from scalediff_engine.jobs.batch_store import BatchStore, Header
from scalediff_engine.jobs.desk import Desk
from scalediff_engine.jobs.foreman import Foreman, job_of

_DAY_SECONDS = 24 * 3600.0
# Of a batch whose files were never all added, and of one that has ended.
_OPEN_SECONDS = _DAY_SECONDS
_ENDED_SECONDS = 7 * _DAY_SECONDS


class Batches:
    """Takes batches of files, and keeps them.

    Args:
        store: all batches; closed with this
        desk: does the files
        clock: tells the moment
        again_seconds: until what could not be written is tried again
    """

    def __init__(
        self,
        store: BatchStore,
        desk: Desk,
        clock: Callable[[], float] = time.time,
        again_seconds: float = 5.0,
    ) -> None:
        self._store = store
        self._clock = clock
        headers = sorted(store.headers(), key=lambda header: header.number)
        self._ledgers = {header.id: Ledger(store, header, clock) for header in headers}
        self._foreman = Foreman(self._ledgers, store, desk, again_seconds)
        self._closed = False

    def start(self) -> None:
        """Take up what an earlier engine left; the desk has started and given nothing out yet."""
        self._foreman.start()

    async def close(self) -> None:
        """Begin nothing more; what is under way goes on at the next start."""
        self._closed = True
        for ledger in self._ledgers.values():
            ledger.wake()
        await self._foreman.close()
        self._store.close()

    def has_job(self, job_id: str) -> bool:
        """Whether a job does a file of a batch."""
        found = (ledger.current for ledger in self._ledgers.values())
        return any(item is not None and item.job == job_id for item in found)

    def running(self) -> int:
        """How many batches are to be done."""
        return sum(ledger.state is BatchState.RUNNING for ledger in self._ledgers.values())

    def batches(self) -> list[BatchInfo]:
        """All batches, the newest first."""
        return [ledger.info() for ledger in reversed(self._ledgers.values())]

    def batch(self, batch_id: str) -> BatchInfo:
        """Give a batch as it stands.

        Raises:
            NotFound: there is none.
        """
        return self._ledger(batch_id).info()

    def items(self, batch_id: str, since: int, start: int, count: int) -> list[BatchItem]:
        """Give files of a batch, by index.

        Args:
            batch_id: of the batch
            since: number of an event; files that have not changed after it are left out
            start: the first index
            count: at most so many

        Raises:
            NotFound: there is no such batch.
        """
        return self._store.items(self._ledger(batch_id).header.id, since, start, count)

    def open(self, request: BatchRequest) -> BatchInfo:
        """Take a batch, whose files follow.

        Raises:
            UsageError: the quality is out of its range.
            OutputError: it cannot be written down.
        """
        check_request(request)
        number = max((ledger.header.number for ledger in self._ledgers.values()), default=0) + 1
        now = self._clock()
        header = Header(secrets.token_hex(16), number, request, BatchState.OPEN, now, now, 1)
        self._store.put(header)
        ledger = self._ledgers[header.id] = Ledger(self._store, header, self._clock)
        return ledger.info()

    def add(self, batch_id: str, files: Sequence[BatchFile]) -> BatchInfo:
        """Take more files of a batch.

        Raises:
            NotFound: there is no such batch.
            WrongState: it is not open any more.
            UsageError: too many, no absolute path, or results that would replace each other or a
                source.
            OutputError: they cannot be written down.
        """
        ledger = self._ledger(batch_id)
        batch_rules.after(ledger.state, BatchAction.ADD)
        check_files(files)
        if files:
            ledger.add(files)
        return ledger.info()

    def resume(self, batch_id: str) -> BatchInfo:
        """Begin a batch, or go on with it.

        Raises:
            NotFound: there is none.
            WrongState: it has ended.
            OutputError: it cannot be written down.
        """
        return self._act(batch_id, BatchAction.RESUME)

    def pause(self, batch_id: str) -> BatchInfo:
        """Leave a batch where it is, and its file at the end of its step.

        Raises:
            NotFound: there is none.
            WrongState: it is not under way.
            OutputError: it cannot be written down.
        """
        return self._act(batch_id, BatchAction.PAUSE)

    def cancel(self, batch_id: str) -> BatchInfo:
        """Stop a batch; what is done stays.

        Raises:
            NotFound: there is none.
            WrongState: it is done.
            OutputError: it cannot be written down.
        """
        ledger = self._ledger(batch_id)
        state = batch_rules.after(ledger.state, BatchAction.CANCEL)
        if state is not ledger.state:
            current = ledger.current
            ledger.move(state, [FileState.WAITING], FileState.CANCELLED)
            if current is not None and current is not ledger.current:
                self._foreman.dispose(job_of(current))
            self._foreman.agree(ledger)
        return ledger.info()

    def retry(self, batch_id: str) -> BatchInfo:
        """Let files that failed or were cancelled wait again; a batch that had ended goes on.

        Raises:
            NotFound: there is none.
            WrongState: it was never begun.
            OutputError: it cannot be written down.
        """
        ledger = self._ledger(batch_id)
        state = batch_rules.after(ledger.state, BatchAction.RETRY)
        is_leaving = ledger.state is BatchState.CANCELLED and ledger.current is not None
        again = (FileState.FAILED, FileState.CANCELLED)
        if is_leaving or any(ledger.counts.get(found) for found in again):
            ledger.move(state, again, FileState.WAITING)
            ledger.again = is_leaving
            self._foreman.wake()
        return ledger.info()

    def remove(self, batch_id: str) -> BatchInfo:
        """Forget a batch, its results stay; gives it as it stood, stopped if it was under way.

        Raises:
            NotFound: there is none.
            OutputError: it cannot be written down.
        """
        ledger = self._ledger(batch_id)
        self._store.remove(batch_id)
        del self._ledgers[batch_id]
        current, info = ledger.current, ledger.info()
        if current is not None:
            self._foreman.dispose(job_of(current))
        ledger.wake()
        self._foreman.wake()
        if info.state.is_final:
            return info
        return replace(info, state=BatchState.CANCELLED, current=None, progress=None)

    async def events(self, batch_id: str, after: int) -> AsyncIterator[tuple[EventKind, BatchInfo]]:
        """Tell how a batch stands whenever that changes, until it is over.

        What happened since the reader last looked is told as one event, the newest.

        Raises:
            NotFound: there is no such batch.
        """
        ledger = self._ledger(batch_id)
        after = min(after, ledger.header.events)
        while not self._closed and self._ledgers.get(batch_id) is ledger:
            kind = ledger.newer(after)
            if kind is not None:
                after = ledger.header.events
                yield kind, ledger.info()
            elif ledger.info().is_over:
                return
            else:
                await ledger.changes()

    def sweep(self, now: float) -> None:
        """Forget batches that nobody will come back to, at a moment."""
        for ledger in list(self._ledgers.values()):
            age_seconds = now - ledger.header.updated_at
            is_open = ledger.state is BatchState.OPEN and age_seconds > _OPEN_SECONDS
            if is_open or (ledger.info().is_over and age_seconds > _ENDED_SECONDS):
                with suppress(OutputError):  # at the next sweep, then
                    self.remove(ledger.header.id)

    def _act(self, batch_id: str, action: BatchAction) -> BatchInfo:
        ledger = self._ledger(batch_id)
        state = batch_rules.after(ledger.state, action)
        if state is not ledger.state:
            ledger.note(state=state)
            self._foreman.agree(ledger)
        return ledger.info()

    def _ledger(self, batch_id: str) -> Ledger:
        found = self._ledgers.get(batch_id)
        if found is None:
            raise NotFound("There is no such batch (any more).")
        return found
