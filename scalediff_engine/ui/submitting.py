"""A job on its way to the engine: first the picture, then the request."""

from __future__ import annotations

from collections.abc import Callable

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import JobInfo, JobRequest, Problem
from scalediff_engine.ui.gateway import Failed, Gateway
from scalediff_engine.ui.owed import Owed

# (done with the id of the upload, failed)
Upload = Callable[[Callable[[str], None], Failed], None]


class Submission:
    """Hands a job over; whoever gives it up need not wait until it has been handed over.

    Args:
        gateway: to the engine
        owed: what must be heard before the program ends
        upload: gives the picture to the engine, unless it has it
        request: gives what is asked for, from the id of the upload
        done: gets the job
        failed: gets the reason why there is none
    """

    def __init__(
        self,
        gateway: Gateway,
        owed: Owed,
        upload: Upload,
        request: Callable[[str], JobRequest],
        done: Callable[[JobInfo], None],
        failed: Failed,
    ) -> None:
        self._gateway = gateway
        self._owed = owed
        self._request = request
        self._done = done
        self._failed = failed
        self._heard = owed.add()
        self._is_wanted = True
        upload(self._on_uploaded, self._on_failed)

    def give_up(self) -> None:
        """Want it no more: a job that the engine has taken by then is stopped."""
        self._is_wanted = False

    def _on_uploaded(self, image: str) -> None:
        if self._is_wanted:
            self._gateway.call(
                self._on_submitted, self._on_failed, Client.submit, self._request(image)
            )
        else:
            self._heard()

    def _on_submitted(self, job: JobInfo) -> None:
        if self._is_wanted:
            self._done(job)
        else:
            stop(self._gateway, self._owed, job.id)
        self._heard()

    def _on_failed(self, problem: Problem) -> None:
        if self._is_wanted:
            self._failed(problem)
        self._heard()


def stop(gateway: Gateway, owed: Owed, job_id: str) -> None:
    """Cancel a job; the program does not end before the engine has heard of it.

    A job that nobody stops would run on for nobody once the program has ended.
    """
    heard = owed.add()
    gateway.call(lambda _: heard(), lambda _: heard(), Client.cancel, job_id)
