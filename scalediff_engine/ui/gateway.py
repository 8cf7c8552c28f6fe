"""What a dialog asks of the engine; every answer comes later, in the UI thread.

Each method gives a ticket; once that is cancelled, neither ``done`` nor ``failed`` is called.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

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
from scalediff_engine.ui.picture import Picture
from scalediff_engine.ui.raster import Raster
from scalediff_engine.ui.ticket import Ticket

Failed = Callable[[Problem], None]


class Act(Enum):
    """What can be done to a job; the value is the client's method."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"


class Gateway(Protocol):
    """The engine, as dialogs see it."""

    def session(
        self, session_id: str, done: Callable[[SessionInfo], None], failed: Failed
    ) -> Ticket:
        """Ask how a session stands."""
        ...

    def answer_session(
        self,
        session_id: str,
        answer: SessionAnswer,
        done: Callable[[SessionInfo], None],
        failed: Failed,
    ) -> Ticket:
        """Say how the dialog ended."""
        ...

    def image(self, image_id: str, done: Callable[[Picture], None], failed: Failed) -> Ticket:
        """Fetch an upload."""
        ...

    def upload(self, picture: Picture, done: Callable[[ImageInfo], None], failed: Failed) -> Ticket:
        """Hand over a picture."""
        ...

    def models(self, done: Callable[[ModelList], None], failed: Failed) -> Ticket:
        """Ask which models there are."""
        ...

    def plan(
        self, request: PlanRequest, done: Callable[[PlanInfo], None], failed: Failed
    ) -> Ticket:
        """Ask what an upscale would cost."""
        ...

    def submit(
        self, request: JobRequest, done: Callable[[JobInfo], None], failed: Failed
    ) -> Ticket:
        """Ask for an upscale."""
        ...

    def job(self, job_id: str, done: Callable[[JobInfo], None], failed: Failed) -> Ticket:
        """Ask how a job stands."""
        ...

    def act(self, job_id: str, act: Act, done: Callable[[JobInfo], None], failed: Failed) -> Ticket:
        """Stop a job, or let it go on."""
        ...

    def watch(
        self,
        job_id: str,
        tell: Callable[[JobEvent], None],
        done: Callable[[], None],
        failed: Failed,
    ) -> Ticket:
        """Follow a job from its beginning to its end."""
        ...

    def preview(self, job_id: str, done: Callable[[Raster], None], failed: Failed) -> Ticket:
        """Fetch the newest preview."""
        ...

    def result(self, job_id: str, done: Callable[[Picture], None], failed: Failed) -> Ticket:
        """Fetch the result of a job that is done."""
        ...

    def is_there(self, done: Callable[[bool], None]) -> Ticket:
        """Ask whether the engine answers, without starting one."""
        ...

    def health(self, done: Callable[[Health], None], failed: Failed) -> Ticket:
        """Ask how the engine is, and what it computes on."""
        ...

    def jobs(self, done: Callable[[JobList], None], failed: Failed) -> Ticket:
        """Ask for all jobs, the newest first."""
        ...

    def remove_job(self, job_id: str, done: Callable[[JobInfo], None], failed: Failed) -> Ticket:
        """Delete a job that has ended, with its result."""
        ...

    def add_model_folder(
        self, path: str, done: Callable[[ModelFolder], None], failed: Failed
    ) -> Ticket:
        """Have models looked for in a folder too."""
        ...

    def forget_model_folder(
        self, path: str, done: Callable[[None], None], failed: Failed
    ) -> Ticket:
        """Have them looked for there no more."""
        ...

    def remove_model(
        self, model: str, done: Callable[[ModelRemoved], None], failed: Failed
    ) -> Ticket:
        """Delete a model that was downloaded."""
        ...

    def download_model(
        self, model: str, done: Callable[[ModelDownload], None], failed: Failed
    ) -> Ticket:
        """Have a model downloaded."""
        ...

    def downloads(self, done: Callable[[DownloadList], None], failed: Failed) -> Ticket:
        """Ask how downloads stand."""
        ...

    def cancel_download(
        self, download_id: str, done: Callable[[ModelDownload], None], failed: Failed
    ) -> Ticket:
        """Stop a download."""
        ...
