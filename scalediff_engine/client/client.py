"""What a plug-in, a dialog or a script asks of the engine; one method for each thing."""

from __future__ import annotations

import dataclasses
import http.client
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, TypeVar, Union
from urllib.parse import quote

from . import codec, pixels
from .batch_client import BatchClient
from .errors import UnexpectedAnswer
from .files import whole_file
from .messages import (
    DownloadList,
    FolderRequest,
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
    ModelRequest,
    PlanInfo,
    PlanRequest,
    SessionAnswer,
    SessionInfo,
    SessionRequest,
)
from .pixels import PixelHeader
from .transport import Buffer, Channel, Find, Upload, read_into, read_whole
from .watch import Watch, watch_job, watch_session

T = TypeVar("T")
_COPY_BYTES = 1 << 20
_JOBS_AT_ONCE = 200


@dataclass(frozen=True)
class Pixels:
    """A picture that came from the engine.

    Attributes:
        header: what the samples are
        icc: their profile; empty: see ``client.pixels``
        samples: row by row
    """

    header: PixelHeader
    icc: bytes
    samples: bytearray


class Client:
    """The engine, as seen from outside; may be used by several threads.

    Every method raises a ``ClientError``, whose text is a sentence for people.

    Args:
        find: finds the engine; ``start.connect`` gives a client whose ``find`` also starts it
        timeout_seconds: how long the engine may be silent before it counts as gone
    """

    def __init__(self, find: Find, *, timeout_seconds: float = 30.0) -> None:
        self._channel = Channel(find, timeout_seconds=timeout_seconds)

    def health(self) -> Health:
        """Ask how the engine is."""
        return self._get(Health, "/v1/health")

    def models(self) -> ModelList:
        """Ask which models a job can name."""
        return self._get(ModelList, "/v1/models")

    def add_model_folder(self, path: str) -> ModelFolder:
        """Have models looked for in a folder too."""
        return self._post(ModelFolder, "/v1/models/folders", FolderRequest(path))

    def forget_model_folder(self, path: str) -> None:
        """Have them looked for there no more; the files stay."""
        body = codec.dumps(FolderRequest(path))
        self._channel.call("POST", "/v1/models/folders/forget", _nothing, body)

    def remove_model(self, model: str) -> ModelRemoved:
        """Delete a model that was downloaded."""
        return self._post(ModelRemoved, "/v1/models/remove", ModelRequest(model))

    def download_model(self, model: str) -> ModelDownload:
        """Have a model downloaded; a stopped download resumes."""
        return self._post(ModelDownload, "/v1/models/downloads", ModelRequest(model))

    def downloads(self) -> DownloadList:
        """Ask how downloads stand."""
        return self._get(DownloadList, "/v1/models/downloads")

    def cancel_download(self, download_id: str) -> ModelDownload:
        """Stop a download; what has arrived stays."""
        path = f"/v1/models/downloads/{_word(download_id)}"
        return self._channel.call("DELETE", path, _reader(ModelDownload))

    def plan(self, request: PlanRequest) -> PlanInfo:
        """Ask what an upscale would cost."""
        return self._post(PlanInfo, "/v1/plan", request)

    def shutdown(self) -> None:
        """Have the engine end; a job under way goes on when there is one again."""
        self._channel.call("POST", "/v1/shutdown", _nothing)
        self._channel.forget()

    def bundle(self) -> bytes:
        """Give logs, versions and device facts for a report, as a zip file."""
        return self._channel.call("GET", "/v1/bundle", _as_it_is)

    def for_batches(self) -> BatchClient:
        """Give what asks about batches of files, over the same channel."""
        return BatchClient(self._channel)

    # Pixels

    def upload(
        self, header: PixelHeader, samples: Union[Buffer, Iterable[Buffer]], icc: bytes = b""
    ) -> ImageInfo:
        """Hand over a picture.

        Args:
            header: what the samples are; the length of the profile is filled in
            samples: a contiguous buffer of any kind, which is not copied, or several in turn
            icc: the profile

        Raises:
            ValueError: the samples are more or fewer than the header says.
            codec.Malformed: the header cannot be true.
        """
        header = dataclasses.replace(header, icc_bytes=len(icc))
        prefix = pixels.to_prefix(header, icc)
        length = len(prefix) + header.sample_bytes
        try:
            whole = memoryview(samples)  # pyright: ignore[reportArgumentType]
        except TypeError:
            upload = Upload(pixels.MEDIA_TYPE, _chain(prefix, samples), length)
            return self._upload(upload)
        with whole:
            if whole.nbytes != header.sample_bytes:
                raise ValueError(
                    f"{header.width}x{header.height} such pixels are {header.sample_bytes} bytes, "
                    f"not {whole.nbytes}."
                )
            return self._upload(Upload(pixels.MEDIA_TYPE, (prefix, whole), length))

    def image(self, image_id: str) -> Pixels:
        """Give an upload back."""
        return self._pixels(f"/v1/images/{_word(image_id)}")

    def remove_image(self, image_id: str) -> None:
        """Delete an upload that no job needs."""
        self._channel.call("DELETE", f"/v1/images/{_word(image_id)}", _nothing)

    def result(self, job_id: str) -> Pixels:
        """Give the result of a job that is done."""
        return self._pixels(f"{_job(job_id)}/result")

    def save_result(self, job_id: str, file: Union[str, os.PathLike[str]]) -> None:
        """Write the result, in the form of ``client.pixels``; the file appears whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        path = f"{_job(job_id)}/result"
        with self._channel.open("GET", path) as response, whole_file(Path(file)) as opened:
            _copy(response, opened.write)

    def preview(self, job_id: str) -> bytes:
        """Give the newest preview, as JPEG."""
        return self._channel.call("GET", f"{_job(job_id)}/preview", _as_it_is)

    # Jobs

    def submit(self, request: JobRequest) -> JobInfo:
        """Ask for an upscale."""
        return self._post(JobInfo, "/v1/jobs", request)

    def jobs(self) -> JobList:
        """List all jobs."""
        return JobList(list(self.each_job()))

    def each_job(self) -> Iterator[JobInfo]:
        """Give all jobs, the newest first; asks for the older ones only when they are wanted."""
        after = ""
        while True:
            page = self._get(JobList, f"/v1/jobs?limit={_JOBS_AT_ONCE}{after}")
            yield from page.jobs
            if not page.next:
                return
            after = f"&after={_word(page.next)}"

    def job(self, job_id: str) -> JobInfo:
        """Ask how a job stands."""
        return self._get(JobInfo, _job(job_id))

    def cancel(self, job_id: str) -> JobInfo:
        """Stop a job for good; it answers at the end of its step."""
        return self._act(job_id, "cancel")

    def pause(self, job_id: str) -> JobInfo:
        """Stop a job for now."""
        return self._act(job_id, "pause")

    def resume(self, job_id: str) -> JobInfo:
        """Let a paused job go on."""
        return self._act(job_id, "resume")

    def retry(self, job_id: str) -> JobInfo:
        """Let a job that failed or was cancelled go on from where it stood."""
        return self._act(job_id, "retry")

    def remove(self, job_id: str) -> JobInfo:
        """Cancel a job that is under way; delete one that has ended, with its result."""
        return self._channel.call("DELETE", _job(job_id), _reader(JobInfo))

    def watch(
        self, job_id: str, after: int = 0, *, patience_seconds: float = 60.0
    ) -> Watch[JobEvent]:
        """Follow a job; gives each of its events once, in order, and ends with the job.

        Args:
            job_id: which
            after: number of the last event that is known already
            patience_seconds: how long the engine may be gone before this gives up
        """
        return watch_job(
            self._channel, _job(job_id), lambda: self.job(job_id), after, patience_seconds
        )

    # Sessions

    def open_session(self, request: SessionRequest) -> SessionInfo:
        """Ask for a dialog about an upload."""
        return self._post(SessionInfo, "/v1/sessions", request)

    def session(self, session_id: str) -> SessionInfo:
        """Ask how a session stands."""
        return self._get(SessionInfo, _session(session_id))

    def answer_session(self, session_id: str, answer: SessionAnswer) -> SessionInfo:
        """Say how the dialog ended."""
        return self._post(SessionInfo, f"{_session(session_id)}/answer", answer)

    def end_session(self, session_id: str) -> None:
        """Close the dialog: its host has gone, or wants it no more."""
        self._channel.call("DELETE", _session(session_id), _nothing)

    def watch_session(
        self, session_id: str, after: int = 0, *, patience_seconds: float = 60.0
    ) -> Watch[SessionInfo]:
        """Follow a session until its dialog is gone; as ``watch``."""
        return watch_session(
            self._channel,
            _session(session_id),
            lambda: self.session(session_id),
            after,
            patience_seconds,
        )

    def _act(self, job_id: str, action: str) -> JobInfo:
        return self._channel.call("POST", f"{_job(job_id)}/{action}", _reader(JobInfo))

    def _get(self, kind: type[T], path: str) -> T:
        return self._channel.call("GET", path, _reader(kind))

    def _post(self, kind: type[T], path: str, message: object) -> T:
        return self._channel.call("POST", path, _reader(kind), codec.dumps(message))

    def _upload(self, upload: Upload) -> ImageInfo:
        with self._channel.open("POST", "/v1/images", upload=upload) as response:
            return _reader(ImageInfo)(read_whole(response))

    def _pixels(self, path: str) -> Pixels:
        with self._channel.open("GET", path) as response:
            try:
                length = pixels.header_length(_exactly(response, pixels.PREFIX_BYTES))
                header = pixels.read_header(_exactly(response, length))
            except codec.Malformed as error:
                raise UnexpectedAnswer(f"The engine sent no pixels: {error}") from error
            icc = _exactly(response, header.icc_bytes)
            samples = _growing(response, header.sample_bytes)
        return Pixels(header, icc, samples)


def _reader(kind: type[T]) -> Callable[[bytes], T]:
    return lambda data: codec.loads(kind, data)


def _as_it_is(data: bytes) -> bytes:
    return data


def _nothing(_: bytes) -> None: ...


def _word(name: str) -> str:
    return quote(name, safe="")


def _job(job_id: str) -> str:
    return f"/v1/jobs/{_word(job_id)}"


def _session(session_id: str) -> str:
    return f"/v1/sessions/{_word(session_id)}"


def _chain(prefix: bytes, parts: Iterable[Buffer]) -> Iterable[Buffer]:
    yield prefix
    yield from parts


def _growing(response: http.client.HTTPResponse, count: int) -> bytearray:
    """Read many bytes; zeroing them all at first would keep an editor's other threads waiting."""
    found = bytearray()
    with memoryview(bytearray(min(_COPY_BYTES, count))) as buffer:
        while len(found) < count:
            piece = buffer[: min(len(buffer), count - len(found))]
            read_into(response, piece)
            found += piece
    return found


def _exactly(response: http.client.HTTPResponse, count: int) -> bytes:
    found = bytearray(count)
    with memoryview(found) as target:
        read_into(response, target)
    return bytes(found)


def _copy(response: http.client.HTTPResponse, write: Callable[[memoryview], object]) -> None:
    """Write all of an answer, piece by piece."""
    length = response.length
    if length is None:
        raise UnexpectedAnswer("The engine does not say how long its answer is.")
    with memoryview(bytearray(min(_COPY_BYTES, length))) as buffer:
        while length:
            piece = buffer[: min(len(buffer), length)]
            read_into(response, piece)
            write(piece)
            length -= len(piece)
