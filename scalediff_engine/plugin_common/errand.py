"""One errand to the engine, done in a thread of its own while the editor stays free.

The editor asks for news from its own thread, as often as it likes; nothing here calls back into it.
"""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Callable, Optional, Union

from ..client.client import Client, Pixels
from ..client.errors import ClientError, ConnectionLost, NotFound
from ..client.messages import (
    JobInfo,
    JobProgress,
    JobRequest,
    JobState,
    Problem,
    Purpose,
    SessionRequest,
    SessionState,
    UpscaleSettings,
)
from ..client.pixels import PixelHeader

DIALOG_GONE = (
    "The engine ended unexpectedly, and the dialog with it. Nothing was changed; upscale again."
)


class Phase(str, Enum):
    """What an errand is about."""

    STARTING = "starting"  # the engine
    SENDING = "sending"  # pixels
    DIALOG = "dialog"  # the user decides there
    WORKING = "working"
    FETCHING = "fetching"  # the result


@dataclass(frozen=True)
class Begun:
    """A phase has begun."""

    phase: Phase


@dataclass(frozen=True)
class Working:
    """How far the job of an errand without a dialog is."""

    job: str
    progress: JobProgress


@dataclass(frozen=True)
class Fetched:
    """The end: here is the result.

    Attributes:
        job: that made it
        pixels: of the result
        options: as the dialog left them
    """

    job: JobInfo
    pixels: Pixels
    options: dict[str, str]


@dataclass(frozen=True)
class Dropped:
    """The end: nobody wants a result."""


@dataclass(frozen=True)
class LeftRunning:
    """The end: the job goes on without the editor; its result will be among the recent ones."""

    job: str


@dataclass(frozen=True)
class Failed:
    """The end: why there is no result."""

    problem: Problem


News = Union[Begun, Working, Fetched, Dropped, LeftRunning, Failed]


@dataclass(frozen=True)
class Material:
    """What is upscaled.

    Attributes:
        header: what the samples are
        samples: a contiguous buffer
        icc: their profile; empty = sRGB
        title: what people know it by
    """

    header: PixelHeader
    samples: Any
    icc: bytes = b""
    title: str = ""


@dataclass(frozen=True)
class Manner:
    """How a dialog is opened.

    Attributes:
        host: who asks, such as ``krita``
        settings: what the dialog begins with; none = what was used last
        environment: the editor's; only display variables of it are used
        options: what the dialog asks about for the host, see ``Option``
    """

    host: str
    settings: Optional[UpscaleSettings] = None
    environment: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)


class Option:
    """Keys of a session's options that dialogs know."""

    CANVAS = "canvas"  # a ``placement.Canvas``, chosen or to begin with
    CANVAS_CHOICES = "canvas_choices"  # those to choose from, with commas
    THEME = "theme"  # dark or light, as the editor is
    LANGUAGE = "language"  # as in ``de``
    WHEN_HOST_GOES = "when_host_goes"  # ``cancel``: the job ends with the editor, too


class Errand:
    """An errand; see ``dialog``, ``upscale`` and ``recent``, which begin one.

    Args:
        connect: finds or starts the engine
        work: what is done, in a thread
    """

    def __init__(self, connect: Callable[[], Client], work: Callable[[Errand], News]) -> None:
        self._connect = connect
        self._work = work
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stopped = False
        self._stop: Optional[Callable[[], object]] = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="scalediff-errand", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether the last news was told: one of the ends, and nothing comes after it."""
        return self._ended

    def news(self, wait_seconds: float = 0.0) -> list[News]:
        """Give what happened since the last call; the last of all is one of the ends.

        Args:
            wait_seconds: for something to happen, if nothing has
        """
        found: list[News] = []
        try:
            if wait_seconds > 0 and not self._ended:
                found.append(self._news.get(timeout=wait_seconds))
            while True:
                found.append(self._news.get_nowait())
        except queue.Empty:
            pass
        self._ended = self._ended or any(not isinstance(n, (Begun, Working)) for n in found)
        return found

    def cancel(self) -> None:
        """Give up: the dialog closes, the job is cancelled. Answers at once; the end follows."""
        with self._lock:
            self._stopped = True
            stop = self._stop
        if stop is not None:
            threading.Thread(target=_quietly, args=(stop,), daemon=True).start()

    def connected(self) -> Client:
        """Give the engine, in the errand's thread."""
        self.tell(Begun(Phase.STARTING))
        return self._connect()

    def tell(self, news: News) -> None:
        """Say something, in the errand's thread."""
        self._news.put(news)

    def stop_with(self, stop: Callable[[], object]) -> None:
        """Say how this errand is given up from now on, in the errand's thread."""
        with self._lock:
            self._stop = stop
            stopped = self._stopped
        if stopped:
            _quietly(stop)
            raise _GivenUpError

    def _run(self) -> None:
        try:
            end = self._work(self)
        except _GivenUpError:
            end = Dropped()
        except ClientError as error:
            end = Dropped() if self._stopped else Failed(error.problem)
        except Exception as error:  # noqa: BLE001 - in a thread nobody else would hear of it
            end = Failed(Problem("plug-in", f"The plug-in failed: {error!r}."))
        self._news.put(end)


def dialog(connect: Callable[[], Client], material: Material, manner: Manner) -> Errand:
    """Send pixels and open the upscale dialog about them."""

    def work(errand: Errand) -> News:
        client = errand.connected()
        image = _sent(errand, client, material)
        request = SessionRequest(
            image,
            manner.host,
            material.title,
            manner.settings,
            manner.environment,
            manner.options,
        )
        return _decided(errand, client, request)

    return Errand(connect, work)


def recent(connect: Callable[[], Client], manner: Manner) -> Errand:
    """Open the dialog that shows the results of the last day."""

    def work(errand: Errand) -> News:
        request = SessionRequest(
            "",
            manner.host,
            "",
            manner.settings,
            manner.environment,
            manner.options,
            Purpose.RECENT,
        )
        return _decided(errand, errand.connected(), request)

    return Errand(connect, work)


def upscale(
    connect: Callable[[], Client],
    material: Material,
    settings: UpscaleSettings,
    options: dict[str, str],
) -> Errand:
    """Upscale without a dialog; the job is cancelled when the editor goes away."""

    def work(errand: Errand) -> News:
        client = errand.connected()
        image = _sent(errand, client, material)
        job = client.submit(JobRequest(image, settings, title=material.title, keep=False))
        errand.stop_with(lambda: client.cancel(job.id))
        errand.tell(Begun(Phase.WORKING))
        with client.watch(job.id) as watch:
            for event in watch:
                if event.progress is not None:
                    errand.tell(Working(job.id, event.progress))
        return _ended(errand, client, job.id, options)

    return Errand(connect, work)


class _GivenUpError(Exception):
    """The user gave up between two steps."""


def _sent(errand: Errand, client: Client, material: Material) -> str:
    errand.tell(Begun(Phase.SENDING))
    image = client.upload(material.header, material.samples, material.icc)
    errand.stop_with(lambda: client.remove_image(image.id))
    return image.id


def _decided(errand: Errand, client: Client, request: SessionRequest) -> News:
    """Open a dialog and wait for what the user decides in it."""
    session = client.open_session(request)
    errand.stop_with(lambda: client.end_session(session.id))
    errand.tell(Begun(Phase.DIALOG))
    if session.state is SessionState.OPEN:
        try:
            with client.watch_session(session.id) as watch:
                for info in watch:
                    session = info
        except NotFound:
            return _after_the_dialog(client, request.image)
    if session.state is SessionState.FAILED and session.problem is not None:
        return Failed(session.problem)
    if session.state is SessionState.ACCEPTED and session.job is not None:
        return _fetched(errand, client, client.job(session.job), session.options)
    if session.job is None:
        return Dropped()
    job = client.job(session.job)
    stopping = job.state in (JobState.CANCELLED, JobState.CANCELLING, JobState.FAILED)
    return Dropped() if stopping or job.state is JobState.DONE else LeftRunning(job.id)


def _after_the_dialog(client: Client, image: str) -> News:
    """Say what is left of a dialog that a killed engine took with it: jobs outlive engines."""
    gone = (JobState.CANCELLED, JobState.CANCELLING, JobState.FAILED)
    for job in client.each_job():
        if image and job.image == image and job.state not in gone:
            return LeftRunning(job.id)
    return Failed(Problem("dialog-gone", DIALOG_GONE))


def _ended(errand: Errand, client: Client, job_id: str, options: dict[str, str]) -> News:
    job = client.job(job_id)
    if job.state is JobState.DONE:
        return _fetched(errand, client, job, options)
    if job.problem is not None:
        return Failed(job.problem)
    return Dropped()


def _fetched(errand: Errand, client: Client, job: JobInfo, options: dict[str, str]) -> News:
    errand.tell(Begun(Phase.FETCHING))
    try:
        pixels = client.result(job.id)
    except ConnectionLost:  # in the midst of it; the next engine has the result, too
        pixels = client.result(job.id)
    return Fetched(job, pixels, options)


def _quietly(act: Callable[[], object]) -> None:
    with suppress(ClientError):  # it has ended already, or the engine has
        act()
