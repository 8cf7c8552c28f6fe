"""The engine, called in threads; every answer comes later, in the UI thread.

Each method gives a ticket; once that is cancelled, neither ``done`` nor ``failed`` is called.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, Generic, ParamSpec, TypeVar

import numpy as np
from PySide6.QtGui import QImage

from scalediff_engine.base.files import is_disk_full
from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import ClientError
from scalediff_engine.client.messages import ImageInfo, JobEvent, Problem
from scalediff_engine.ui import picture
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.picture import NotWanted, Picture, Raster, make_picture, read_mapped
from scalediff_engine.ui.workers import Ticket, Workers

C = TypeVar("C")
P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V")
Failed = Callable[[Problem], None]
_log = logging.getLogger(__name__)
# How long a stream may be silent.
STREAM_TIMEOUT_S = 600.0


def as_problem(error: Exception) -> Problem:
    """Give the sentence for whatever went wrong; a defect is written down, and said to be one."""
    if isinstance(error, ClientError):
        return error.problem
    if isinstance(error, OSError):
        return Problem("file", _file_sentence(error))
    _log.error("Unexpected", exc_info=error)
    return Problem(
        "internal",
        translate("Errors", "Something unexpected happened ({kind}). The log says more.").format(
            kind=type(error).__name__
        ),
    )


def _file_sentence(error: OSError) -> str:
    """Say which file, and what would help."""
    name = str(error.filename or "")
    if is_disk_full(error):
        place = str(Path(name).parent) if name else translate("Errors", "this computer")
        return translate(
            "Errors", "The disk is full ({place}). Make room there and try again."
        ).format(place=place)
    reason = error.strerror or str(error)
    if not name:
        return f"{reason}."
    return translate("Errors", "{file} cannot be read or written: {reason}.").format(
        file=name, reason=reason
    )


class ClientGateway(Generic[C]):
    """Calls the methods of a client in threads.

    Args:
        client: of the wire
        workers: threads
    """

    def __init__(self, client: C, workers: Workers) -> None:
        self._client = client
        self._workers = workers

    def call(
        self,
        done: Callable[[T], None],
        failed: Failed,
        method: Callable[Concatenate[C, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Ticket:
        """Call one method of the client.

        Args:
            done: gets what it returns
            failed: gets the reason why it cannot
            method: of the client's class, such as ``Client.plan``
            args, kwargs: of the method
        """
        return self._run(lambda _: method(self._client, *args, **kwargs), done, failed)

    def _run(
        self, work: Callable[[Ticket], T], done: Callable[[T], None], failed: Failed
    ) -> Ticket:
        def fail(error: Exception) -> None:
            if not isinstance(error, NotWanted):
                failed(as_problem(error))

        return self._workers.run(work, done, fail)

    def _follow(
        self,
        work: Callable[[Ticket, Callable[[V], None]], None],
        notify: Callable[[V], None],
        done: Callable[[], None],
        failed: Failed,
    ) -> Ticket:
        return self._workers.follow(work, notify, done, lambda error: failed(as_problem(error)))


class Gateway(ClientGateway[Client]):
    """The engine, as dialogs see it.

    Args:
        client: of the wire
        workers: threads
        probe: tells whether the engine answers, without starting one
    """

    def __init__(
        self, client: Client, workers: Workers, probe: Callable[[], bool] = lambda: True
    ) -> None:
        super().__init__(client, workers)
        self._probe = probe
        # Results lie here while the dialog is open: the tries of a session may be many and large.
        self._folder = tempfile.TemporaryDirectory(
            prefix="scalediff-dialog-", ignore_cleanup_errors=True
        )
        self._files = 0

    def close(self) -> None:
        """Remove what lies on the disk."""
        self._folder.cleanup()

    def is_there(self, done: Callable[[bool], None]) -> Ticket:
        """Ask whether the engine answers, without starting one."""
        return self._workers.run(lambda _: self._probe(), done, lambda _: done(False))

    def upload(self, picture: Picture, done: Callable[[ImageInfo], None], failed: Failed) -> Ticket:
        """Upload a picture."""
        samples = picture.samples.data
        return self.call(done, failed, Client.upload, picture.header, samples, picture.icc)

    def image(self, image_id: str, done: Callable[[Picture], None], failed: Failed) -> Ticket:
        """Fetch an upload."""

        def work(ticket: Ticket) -> Picture:
            found = self._client.image(image_id)
            samples = np.frombuffer(found.samples, np.uint8)
            return make_picture(found.header, found.icc, samples, lambda: not ticket.is_cancelled)

        return self._run(work, done, failed)

    def preview(self, job_id: str, done: Callable[[Raster], None], failed: Failed) -> Ticket:
        """Fetch the newest preview."""

        def work(_: Ticket) -> Raster:
            return picture.from_image(QImage.fromData(self._client.preview(job_id)))

        return self._run(work, done, failed)

    def result(self, job_id: str, done: Callable[[Picture], None], failed: Failed) -> Ticket:
        """Fetch the result of a job that is done."""
        self._files += 1
        file = Path(self._folder.name) / f"result-{self._files}.pixels"

        def work(ticket: Ticket) -> Picture:
            try:
                self._client.save_result(job_id, file)
            except OSError as error:
                error.filename = error.filename or str(file)  # a write does not say which
                raise
            return read_mapped(file, lambda: not ticket.is_cancelled)

        return self._run(work, done, failed)

    def watch(
        self,
        job_id: str,
        notify: Callable[[JobEvent], None],
        done: Callable[[], None],
        failed: Failed,
    ) -> Ticket:
        """Follow a job from its beginning to its end."""

        def work(ticket: Ticket, send: Callable[[JobEvent], None]) -> None:
            with self._client.watch(job_id, patience_seconds=STREAM_TIMEOUT_S) as events:
                ticket.on_cancel(events.close)
                for event in events:
                    send(event)

        return self._follow(work, notify, done, failed)
