"""A batch that the engine has, followed without widgets: its files, its time, its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum

from scalediff_engine.batch.folder_scan import Entry
from scalediff_engine.client.batch_client import BatchClient
from scalediff_engine.client.batches import (
    FILES_AT_ONCE,
    BatchFile,
    BatchInfo,
    BatchItem,
    BatchRequest,
    BatchState,
    FileState,
)
from scalediff_engine.client.errors import ClientError
from scalediff_engine.client.messages import Problem
from scalediff_engine.ui.folder.rows import Rows
from scalediff_engine.ui.gateway import STREAM_TIMEOUT_S, ClientGateway, Failed, Gateway
from scalediff_engine.ui.job_follower import EngineWork
from scalediff_engine.ui.workers import Later, Ticket

# As often as that the files are asked for, however quickly they change.
ITEMS_MS = 250
AFTER_TROUBLE_MS = 2000

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


# What is shown at once, until the engine says how it really is.
_EXPECTED = {
    Act.CANCEL: BatchState.CANCELLED,
    Act.PAUSE: BatchState.PAUSED,
    Act.RESUME: BatchState.RUNNING,
    Act.RETRY: BatchState.RUNNING,
}


class BatchModel(EngineWork):
    """Follows a batch and lets it be stopped.

    Args:
        gateway: to the engine
        batches: to its batches
        later: calls something after a while
        info: the batch as it stood a moment ago
        rows: its files; those that are not known yet are added as the engine names them
        clock: seconds, monotonic

    Attributes:
        info: the batch as the engine said last
        state: as it is shown: what was asked for shows at once
        rows: its files
        ended: told when nothing is left to do; once more after a retry
    """

    def __init__(
        self,
        gateway: Gateway,
        batches: BatchGateway,
        later: Later,
        info: BatchInfo,
        rows: Rows,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(gateway, later, clock)
        self._batches = batches
        self._fetching, self._pausing = Ticket(), Ticket()
        self._is_fetching = False
        self._seen = -1  # number of the event up to which the files are known
        self._has_ended = False
        self.info = info
        self.state = info.state
        self.rows = rows

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self.state.is_final

    @property
    def is_moving(self) -> bool:
        """Whether it runs."""
        return self.state is BatchState.RUNNING

    @property
    def total(self) -> int:
        """Files in all."""
        return sum(self.info.counts.values())

    @property
    def finished(self) -> int:
        """Files that nothing more happens to."""
        left = self.count(FileState.WAITING) + self.count(FileState.RUNNING)
        return self.total - left

    @property
    def pause_problem(self) -> Problem | None:
        """Why the engine has paused it by itself: the disk is full, the model is gone."""
        index = self.info.current
        if self.state is not BatchState.PAUSED or index is None:
            return None
        return self.rows.problem(index)

    def count(self, state: FileState) -> int:
        """Count the files in a state."""
        return self.info.counts.get(state.value, 0)

    def begin(self) -> None:
        """Follow it."""
        self._take(self.info)
        self._watch()
        self._tick()

    def close(self) -> None:
        """Stop following; the batch keeps running."""
        super().close()
        self._fetching.cancel()
        self._pausing.cancel()

    def pause(self) -> None:
        """Stop for now."""
        if self.state is BatchState.RUNNING:
            self._act(Act.PAUSE)

    def resume(self) -> None:
        """Go on."""
        if self.state in (BatchState.PAUSED, BatchState.OPEN):
            self._act(Act.RESUME)

    def cancel(self) -> None:
        """Stop for good; what is done stays."""
        if not self.is_over:
            self._act(Act.CANCEL)

    def retry(self) -> None:
        """Do once more what failed or was cancelled."""
        if self.is_over and self.count(FileState.FAILED) + self.count(FileState.CANCELLED):
            self._act(Act.RETRY)

    def _act(self, act: Act) -> None:
        before, self.state, self.problem = self.state, _EXPECTED[act], None

        def done(info: BatchInfo) -> None:
            self.state = info.state
            self._take(info)
            if act is Act.RETRY:  # the watch may have ended with the batch
                self._watch()
                self._tick()

        def failed(problem: Problem) -> None:
            self.state, self.problem = before, problem
            self._run_clock()
            self.changed.tell()

        self._asking.cancel()
        self._asking = self._batches.call(done, failed, BatchClient.act, self.info.id, act.value)
        self._run_clock()
        self.changed.tell()

    def _watch(self) -> None:
        self._watching.cancel()
        self._watching = self._batches.watch(
            self.info.id, self._on_info, lambda: None, self._on_watch_failed
        )

    def _on_info(self, info: BatchInfo) -> None:
        self._heard_at = self._clock()
        if self.is_lost:
            self.is_lost, self.problem = False, None
        if info.events < self.info.events:
            return
        self.state = info.state
        self._take(info)

    def _take(self, info: BatchInfo) -> None:
        before, self.info = self.info.current, info
        if info.state is BatchState.RUNNING:
            self._time.tell(self._clock(), info.seconds_left)
        self._run_clock()
        for index in {before, info.current}:
            if index is not None and index < len(self.rows.entries):
                self.rows.touch(index)
        self._fetch()
        self.changed.tell()

    def _fetch(self) -> None:
        """Ask for what has changed, one question at a time and not too often."""
        if self._is_fetching or self._is_closed:
            return
        if self._seen >= self.info.events:
            self._end()
            return
        self._is_fetching = True
        newest = self.info.events

        def done() -> None:
            self._seen = newest
            self._pausing = self._later(ITEMS_MS, again)

        def again() -> None:
            self._is_fetching = False
            self.rows.refresh()
            self.changed.tell()
            self._fetch()

        def failed(problem: Problem) -> None:
            self._on_lost(problem)
            self._pausing = self._later(AFTER_TROUBLE_MS, again)

        since = max(0, self._seen)
        self._fetching = self._batches.items(self.info.id, since, self._on_items, done, failed)

    def _on_items(self, items: list[BatchItem]) -> None:
        known = len(self.rows.entries)
        new = [item for item in items if item.index >= known]
        if new:
            self.rows.append([Entry(item.source, _short(item.source)) for item in new])
            self.rows.add_targets([item.target for item in new])
        self.rows.take_items(items)

    def _end(self) -> None:
        if self.info.is_over:
            if not self._has_ended:
                self._has_ended = True
                self.ended.tell()
        else:
            self._has_ended = False

    def _on_watch_failed(self, problem: Problem) -> None:
        self._on_lost(problem)
        if problem.code != "not-found":
            self._watching = self._later(AFTER_TROUBLE_MS, self._watch)

    def _on_there(self, is_there: bool) -> None:
        if is_there and self.is_lost:
            self.problem = None
        super()._on_there(is_there)


def _short(path: str) -> str:
    """Give a path's end, for people."""
    parts = path.replace("\\", "/").rsplit("/", 2)
    return "/".join(parts[-2:])
