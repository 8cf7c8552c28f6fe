"""A job from its request to its result, for the upscale, the loupe and the quick preview."""

from __future__ import annotations

import time
from collections.abc import Callable

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import (
    JobEvent,
    JobInfo,
    JobProgress,
    JobRequest,
    JobState,
    Problem,
)
from scalediff_engine.ui.gateway import Failed, Gateway
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.picture import Picture, Raster
from scalediff_engine.ui.smoothed_eta import SmoothedEta
from scalediff_engine.ui.workers import Later, Ticket

TICK_MS = 250
# The engine tells something at each step; a long step may be silent for longer than this.
SILENCE_SECONDS = 4.0

_MOVING = (JobState.RUNNING, JobState.PAUSING)


class EngineWork:
    """Work that the engine does: the time left, and whether the engine still answers.

    Args:
        gateway: to the engine
        later: calls something after a while
        clock: seconds, monotonic

    Attributes:
        problem: why it failed, or why the engine cannot be reached
        is_lost: whether the engine does not answer at the moment
        changed: told whenever anything here is different
        ended: told when the work is over
    """

    def __init__(self, gateway: Gateway, later: Later, clock: Callable[[], float]) -> None:
        self._gateway = gateway
        self._later = later
        self._clock = clock
        self._time = SmoothedEta()
        self._watching, self._ticking, self._asking = Ticket(), Ticket(), Ticket()
        self._heard_at = clock()
        self._is_closed = False
        self.problem: Problem | None = None
        self.is_lost = False
        self.changed = Observers()
        self.ended = Observers()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        raise NotImplementedError

    @property
    def is_moving(self) -> bool:
        """Whether the time left becomes less."""
        raise NotImplementedError

    @property
    def seconds_left(self) -> float | None:
        """Seconds to show; None = not known."""
        return self._time.shown(self._clock())

    def close(self) -> None:
        """Stop following; the work keeps running."""
        self._is_closed = True
        for ticket in (self._watching, self._ticking, self._asking):
            ticket.cancel()

    def _run_clock(self) -> None:
        if self.is_moving and not self.is_lost:
            self._time.resume(self._clock())
        else:
            self._time.pause(self._clock())

    def _tick(self) -> None:
        """Count down, and probe an engine that has been silent for long."""
        self._ticking.cancel()
        if self._is_closed or self.is_over:
            return
        self._ticking = self._later(TICK_MS, self._tick)
        if self._clock() - self._heard_at > SILENCE_SECONDS:
            self._heard_at = self._clock()
            self._gateway.is_there(self._on_there)
        self.changed.tell()

    def _on_there(self, is_there: bool) -> None:
        if self._is_closed or self.is_lost is not is_there:
            return
        self.is_lost = not is_there
        self._run_clock()
        self.changed.tell()

    def _on_lost(self, problem: Problem) -> None:
        self.is_lost, self.problem = True, problem
        self._run_clock()
        self.changed.tell()


class ProgressModel(EngineWork):
    """Follows a job and lets it be stopped.

    Args:
        gateway: to the engine
        later: calls something after a while
        job: as it stood when it was submitted
        clock: seconds, monotonic

    Attributes:
        job_id: of the job
        state: as it is shown: what was asked for shows at once
        progress: how far it is; none = not begun
        preview: the newest picture; none = there is none yet
        is_guess: whether that is the fast networks', and nothing of the result
    """

    def __init__(
        self,
        gateway: Gateway,
        later: Later,
        job: JobInfo,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(gateway, later, clock)
        self._previewing = Ticket()
        self._is_previewing = False
        self._seen_preview = 0
        self.job_id = job.id
        self.state = job.state
        self.progress: JobProgress | None = job.progress
        self.preview: Raster | None = None
        self.is_guess = False
        self.problem = job.problem

    @property
    def is_over(self) -> bool:
        """Whether the job is done, failed or cancelled."""
        return self.state.is_final

    @property
    def is_moving(self) -> bool:
        """Whether the job runs, or still runs to the end of a step."""
        return self.state in _MOVING

    @property
    def fraction(self) -> float:
        """Of the whole work, 0 to 1."""
        if self.state is JobState.DONE:
            return 1.0
        return 0.0 if self.progress is None else self.progress.fraction

    def begin(self) -> None:
        """Follow the job; once more after a retry."""
        self._watching.cancel()
        self._watching = self._gateway.watch(
            self.job_id, self._on_event, self._on_end, self._on_lost
        )
        self._tick()

    def close(self) -> None:
        """Stop following; the job keeps running."""
        super().close()
        self._previewing.cancel()

    def pause(self) -> None:
        """Stop for now."""
        if self.state in (JobState.QUEUED, JobState.RUNNING):
            self._act(Client.pause, JobState.PAUSING)

    def resume(self) -> None:
        """Go on."""
        if self.state in (JobState.PAUSED, JobState.PAUSING):
            self._act(Client.resume, JobState.QUEUED)

    def cancel(self) -> None:
        """Stop for good."""
        if not self.state.is_final:
            self._act(Client.cancel, JobState.CANCELLING)

    def retry(self) -> None:
        """Go on with a job that failed, from where it stood."""
        if self.state is JobState.FAILED:
            self.problem = None
            self._act(Client.retry, JobState.QUEUED)

    def _act(self, method: Callable[[Client, str], JobInfo], expected: JobState) -> None:
        """Ask the engine; what is expected of it shows at once."""
        before, self.state = self.state, expected

        def done(info: JobInfo) -> None:
            if method is Client.retry:  # the watch ended with the job
                self.begin()
            self._set_state(info.state)

        def failed(problem: Problem) -> None:
            self.state, self.problem = before, problem
            self.changed.tell()

        self._asking = self._gateway.call(done, failed, method, self.job_id)
        self._run_clock()
        self.changed.tell()

    def _on_event(self, event: JobEvent) -> None:
        self._heard_at = self._clock()
        self.is_lost = False
        if event.progress is not None:
            self.progress = event.progress
            if event.state in _MOVING:
                self._time.tell(self._clock(), event.progress.seconds_left)
            self._fetch_preview()
        if event.problem is not None:
            self.problem = event.problem
        self._set_state(event.state)

    def _set_state(self, state: JobState) -> None:
        """Show a state; what was asked for stays until it has come or cannot come any more."""
        waits_for_end = self.state is JobState.CANCELLING and not state.is_final
        waits_for_pause = self.state is JobState.PAUSING and state is JobState.RUNNING
        if not waits_for_end and not waits_for_pause:
            self.state = state
        self._run_clock()
        if self.state is not JobState.FAILED and not self.is_lost:
            self.problem = None
        self.changed.tell()

    def _on_end(self) -> None:
        if self._is_closed:
            return
        if self.state.is_final:
            self._ticking.cancel()
            self.ended.tell()
        else:  # the stream ended with something still to come
            self._asking = self._gateway.call(self._on_job, self._on_lost, Client.job, self.job_id)

    def _on_job(self, info: JobInfo) -> None:
        self.problem = info.problem
        self.state = info.state
        self.changed.tell()
        if info.state.is_final:
            self._ticking.cancel()
            self.ended.tell()

    def _fetch_preview(self) -> None:
        """Fetch the newest preview, one at a time."""
        wanted = 0 if self.progress is None else self.progress.preview
        if self._is_previewing or wanted <= self._seen_preview:
            return
        self._is_previewing = True
        is_guess = self.progress is not None and self.progress.is_guess

        def done(preview: Raster) -> None:
            self._is_previewing = False
            self._seen_preview = wanted
            self.preview, self.is_guess = preview, is_guess
            self.changed.tell()
            self._fetch_preview()

        def failed(_: Problem) -> None:  # the next one will come
            self._is_previewing = False
            self._seen_preview = wanted

        self._previewing = self._gateway.preview(self.job_id, done, failed)


# (done with the id of the upload, failed)
Upload = Callable[[Callable[[str], None], Failed], None]


class PendingRequests:
    """Requests that must be answered before the program may end."""

    def __init__(self) -> None:
        self._count = 0
        self._waiting: list[Callable[[], None]] = []

    def add(self) -> Callable[[], None]:
        """Count a request; return what is to be called once it is answered or has failed."""
        self._count += 1
        is_answered = False

        def answer() -> None:
            nonlocal is_answered
            if not is_answered:
                is_answered = True
                self._count -= 1
                self._settle()

        return answer

    def then(self, action: Callable[[], None]) -> None:
        """Call ``action`` when none is left: at once, or later."""
        self._waiting.append(action)
        self._settle()

    def _settle(self) -> None:
        if self._count == 0:
            waiting, self._waiting = self._waiting, []
            for action in waiting:
                action()


class JobFollower:
    """Submits one job at a time and follows it.

    A job that is cancelled while it is submitted is stopped as soon as the engine has it: it would
    run on for nobody otherwise.

    Args:
        gateway: to the engine
        later: calls something after a while
        upload: gives the picture to the engine, unless it has it
        pending: requests that must be answered before the program ends
        clock: seconds, monotonic

    Attributes:
        progress: of the job that runs or ran last; none = not submitted yet
    """

    def __init__(
        self,
        gateway: Gateway,
        later: Later,
        upload: Upload,
        pending: PendingRequests,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gateway = gateway
        self._later = later
        self._upload = upload
        self._pending = pending
        self._clock = clock
        self._submission = self._fetching = Ticket()
        self.progress: ProgressModel | None = None

    def start(
        self,
        request: Callable[[str], JobRequest],
        submitted: Callable[[ProgressModel], None],
        ended: Callable[[ProgressModel], None],
        failed: Failed,
    ) -> None:
        """Upload the picture, submit a job and follow it; an earlier one is left alone.

        Args:
            request: gives what is asked for, from the id of the upload
            submitted: called when the engine has it, before anything is heard of it
            ended: called when the job is done, failed or was cancelled by another client; once more
                after a retry
            failed: gets the reason why there is no job
        """
        self.leave()
        submission = self._submission = Ticket()
        answered = self._pending.add()

        def on_uploaded(image: str) -> None:
            if submission.is_cancelled:
                answered()
            else:
                self._gateway.call(on_submitted, on_failed, Client.submit, request(image))

        def on_submitted(job: JobInfo) -> None:
            if submission.is_cancelled:
                self._send_last(Client.cancel, job.id)
            else:
                self._follow(job, submitted, ended)
            answered()

        def on_failed(problem: Problem) -> None:
            if not submission.is_cancelled:
                failed(problem)
            answered()

        self._upload(on_uploaded, on_failed)

    def fetch(self, done: Callable[[Picture], None], failed: Failed) -> None:
        """Fetch the result of the job, which is done."""
        assert self.progress is not None
        self._fetching = self._gateway.result(self.progress.job_id, done, failed)

    def cancel(self) -> None:
        """Follow the job no more, and stop it unless it has ended."""
        progress = self.progress
        self.leave()
        if progress is not None and not progress.state.is_final:
            self._send_last(Client.cancel, progress.job_id)

    def remove(self) -> None:
        """Follow the job no more, and delete it, which has ended, with its result."""
        progress = self.progress
        self.leave()
        if progress is not None:
            self._send_last(Client.remove, progress.job_id)

    def leave(self) -> None:
        """Follow the job no more; one that runs goes on."""
        self._submission.cancel()
        self._fetching.cancel()
        if self.progress is not None:
            self.progress.close()
            self.progress = None

    def _follow(
        self,
        job: JobInfo,
        submitted: Callable[[ProgressModel], None],
        ended: Callable[[ProgressModel], None],
    ) -> None:
        progress = self.progress = ProgressModel(self._gateway, self._later, job, self._clock)
        progress.ended.add(lambda: ended(progress))
        submitted(progress)
        progress.begin()

    def _send_last(self, method: Callable[[Client, str], JobInfo], job_id: str) -> None:
        answered = self._pending.add()
        self._gateway.call(lambda _: answered(), lambda _: answered(), method, job_id)
