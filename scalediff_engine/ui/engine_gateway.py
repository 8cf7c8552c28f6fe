"""The gateway to the real engine: the wire's client, called in threads."""

from __future__ import annotations

import errno
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from PySide6.QtGui import QImage

from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import ClientError
from scalediff_engine.client.messages import (
    DownloadList,
    Health,
    ImageInfo,
    JobEvent,
    JobInfo,
    JobList,
    JobRequest,
    ModelDownload,
    ModelFolder,
    ModelList,
    ModelRemoved,
    PlanInfo,
    PlanRequest,
    Problem,
    SessionAnswer,
    SessionInfo,
)
from scalediff_engine.ui import raster
from scalediff_engine.ui.gateway import Act, Failed
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.picture import Picture, make_picture, read_mapped
from scalediff_engine.ui.raster import NotWanted, Raster
from scalediff_engine.ui.ticket import Ticket
from scalediff_engine.ui.workers import Workers

T = TypeVar("T")
_log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 600.0
_FULL = (errno.ENOSPC, errno.EDQUOT)


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
    if error.errno in _FULL:
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


class EngineGateway:
    """See ``gateway.Gateway``.

    Args:
        client: of the wire
        workers: threads
        probe: tells whether the engine answers, without starting one
    """

    def __init__(
        self, client: Client, workers: Workers, probe: Callable[[], bool] = lambda: True
    ) -> None:
        self._client = client
        self._workers = workers
        self._probe = probe
        # Results lie here while the dialog is open: the tries of a session may be many and large.
        self._folder = tempfile.TemporaryDirectory(
            prefix="scalediff-dialog-", ignore_cleanup_errors=True
        )
        self._files = 0

    def close(self) -> None:
        """Remove what lies on the disk."""
        self._folder.cleanup()

    def session(
        self, session_id: str, done: Callable[[SessionInfo], None], failed: Failed
    ) -> Ticket:
        """Ask how a session stands."""
        return self._ask(lambda: self._client.session(session_id), done, failed)

    def answer_session(
        self,
        session_id: str,
        answer: SessionAnswer,
        done: Callable[[SessionInfo], None],
        failed: Failed,
    ) -> Ticket:
        """Say how the dialog ended."""
        return self._ask(lambda: self._client.answer_session(session_id, answer), done, failed)

    def image(self, image_id: str, done: Callable[[Picture], None], failed: Failed) -> Ticket:
        """Fetch an upload."""

        def work(ticket: Ticket) -> Picture:
            found = self._client.image(image_id)
            samples = np.frombuffer(found.samples, np.uint8)
            return make_picture(found.header, found.icc, samples, lambda: not ticket.is_cancelled)

        return self._run(work, done, failed)

    def upload(self, picture: Picture, done: Callable[[ImageInfo], None], failed: Failed) -> Ticket:
        """Hand over a picture."""
        return self._ask(
            lambda: self._client.upload(picture.header, picture.samples.data, picture.icc),
            done,
            failed,
        )

    def models(self, done: Callable[[ModelList], None], failed: Failed) -> Ticket:
        """Ask which models there are."""
        return self._ask(self._client.models, done, failed)

    def plan(
        self, request: PlanRequest, done: Callable[[PlanInfo], None], failed: Failed
    ) -> Ticket:
        """Ask what an upscale would cost."""
        return self._ask(lambda: self._client.plan(request), done, failed)

    def submit(
        self, request: JobRequest, done: Callable[[JobInfo], None], failed: Failed
    ) -> Ticket:
        """Ask for an upscale."""
        return self._ask(lambda: self._client.submit(request), done, failed)

    def job(self, job_id: str, done: Callable[[JobInfo], None], failed: Failed) -> Ticket:
        """Ask how a job stands."""
        return self._ask(lambda: self._client.job(job_id), done, failed)

    def act(self, job_id: str, act: Act, done: Callable[[JobInfo], None], failed: Failed) -> Ticket:
        """Stop a job, or let it go on."""
        methods = {
            Act.CANCEL: self._client.cancel,
            Act.PAUSE: self._client.pause,
            Act.RESUME: self._client.resume,
            Act.RETRY: self._client.retry,
        }
        return self._ask(lambda: methods[act](job_id), done, failed)

    def watch(
        self,
        job_id: str,
        tell: Callable[[JobEvent], None],
        done: Callable[[], None],
        failed: Failed,
    ) -> Ticket:
        """Follow a job from its beginning to its end."""

        def work(ticket: Ticket, say: Callable[[JobEvent], None]) -> None:
            with self._client.watch(job_id, patience_seconds=_PATIENCE_SECONDS) as events:
                ticket.on_cancel(events.close)
                for event in events:
                    say(event)

        return self._workers.follow(work, tell, done, lambda error: failed(as_problem(error)))

    def preview(self, job_id: str, done: Callable[[Raster], None], failed: Failed) -> Ticket:
        """Fetch the newest preview."""

        def work(_: Ticket) -> Raster:
            return raster.from_image(QImage.fromData(self._client.preview(job_id)))

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

    def is_there(self, done: Callable[[bool], None]) -> Ticket:
        """Ask whether the engine answers, without starting one."""
        return self._workers.run(lambda _: self._probe(), done, lambda _: done(False))

    def health(self, done: Callable[[Health], None], failed: Failed) -> Ticket:
        """Ask how the engine is, and what it computes on."""
        return self._ask(self._client.health, done, failed)

    def jobs(self, done: Callable[[JobList], None], failed: Failed) -> Ticket:
        """Ask for all jobs, the newest first."""
        return self._ask(self._client.jobs, done, failed)

    def remove_job(self, job_id: str, done: Callable[[JobInfo], None], failed: Failed) -> Ticket:
        """Delete a job that has ended, with its result."""
        return self._ask(lambda: self._client.remove(job_id), done, failed)

    def add_model_folder(
        self, path: str, done: Callable[[ModelFolder], None], failed: Failed
    ) -> Ticket:
        """Have models looked for in a folder too."""
        return self._ask(lambda: self._client.add_model_folder(path), done, failed)

    def forget_model_folder(
        self, path: str, done: Callable[[None], None], failed: Failed
    ) -> Ticket:
        """Have them looked for there no more."""
        return self._ask(lambda: self._client.forget_model_folder(path), done, failed)

    def remove_model(
        self, model: str, done: Callable[[ModelRemoved], None], failed: Failed
    ) -> Ticket:
        """Delete a model that was downloaded."""
        return self._ask(lambda: self._client.remove_model(model), done, failed)

    def download_model(
        self, model: str, done: Callable[[ModelDownload], None], failed: Failed
    ) -> Ticket:
        """Have a model downloaded."""
        return self._ask(lambda: self._client.download_model(model), done, failed)

    def downloads(self, done: Callable[[DownloadList], None], failed: Failed) -> Ticket:
        """Ask how downloads stand."""
        return self._ask(self._client.downloads, done, failed)

    def cancel_download(
        self, download_id: str, done: Callable[[ModelDownload], None], failed: Failed
    ) -> Ticket:
        """Stop a download."""
        return self._ask(lambda: self._client.cancel_download(download_id), done, failed)

    def _ask(self, ask: Callable[[], T], done: Callable[[T], None], failed: Failed) -> Ticket:
        return self._run(lambda _: ask(), done, failed)

    def _run(
        self, work: Callable[[Ticket], T], done: Callable[[T], None], failed: Failed
    ) -> Ticket:
        def fail(error: Exception) -> None:
            if not isinstance(error, NotWanted):
                failed(as_problem(error))

        return self._workers.run(work, done, fail)
