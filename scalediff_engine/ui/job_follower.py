"""A job from its request to its result, for the upscale, the loupe and the quick preview."""

from __future__ import annotations

import time
from collections.abc import Callable

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import JobInfo, JobRequest, Problem
from scalediff_engine.ui.gateway import Failed, Gateway
from scalediff_engine.ui.later import Later
from scalediff_engine.ui.picture import Picture
from scalediff_engine.ui.progress.model import ProgressModel
from scalediff_engine.ui.ticket import Ticket

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
