"""Where uploads, checkpoints and results lie.

::

    FOLDER/images/ID.pixels            an upload, in the form of ``client.pixels``
    FOLDER/images/ID.part              one that is still arriving
    FOLDER/jobs/ID/plan.json           what of the plan depends on the machine, kept for resuming
    FOLDER/jobs/ID/checkpoint          where the job stands
    FOLDER/jobs/ID/preview.jpg         the newest preview
    FOLDER/jobs/ID/result.pixels       the result, in the form of ``client.pixels``

Each file appears whole or not at all.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from scalediff_engine.base.errors import DiskFull, NotFound, UnreadablePicture
from scalediff_engine.base.files import free_bytes
from scalediff_engine.base.text import file_size
from scalediff_engine.client import codec, pixels
from scalediff_engine.client.files import make_private
from scalediff_engine.client.messages import ImageInfo
from scalediff_engine.jobs.retention import Kind, Lying, overdue
from scalediff_engine.jobs.upload import Upload, UploadCheck, info_of

PLAN = "plan.json"
CHECKPOINT = "checkpoint"
PREVIEW = "preview.jpg"
RESULT = "result.pixels"

_IMAGE = ".pixels"
_PART = ".part"
_ID = re.compile(r"[0-9a-f]{32}")
_PRIVATE = 0o700
_DAY_SECONDS = 24 * 3600.0
_GIB = 2**30


@dataclass(frozen=True)
class SpoolLimits:
    """What the spool takes, and for how long.

    Attributes:
        pixels: of one upload
        upload_bytes: of one upload
        quota_bytes: of all that lies in the spool
        reserve_bytes: of the disk that stay free
        upload_seconds: until an upload goes that no job refers to
        result_seconds: until a job goes that has ended, and its result with it
        orphan_seconds: until a job's folder goes that no job refers to; a list of jobs that was
            set aside can be repaired until then
    """

    pixels: int = 300_000_000
    upload_bytes: int = 8 * _GIB
    quota_bytes: int = 64 * _GIB
    reserve_bytes: int = _GIB // 2
    upload_seconds: float = _DAY_SECONDS
    result_seconds: float = _DAY_SECONDS
    orphan_seconds: float = 7 * _DAY_SECONDS


def is_id(word: str) -> bool:
    """Whether a word can be the id of an image, a job or a session."""
    return _ID.fullmatch(word) is not None


def new_id() -> str:
    """Give an id that nobody can guess."""
    return secrets.token_hex(16)


class Spool:
    """A folder with everything that is too large for a message.

    All methods may be called from any thread.

    Args:
        folder: made if it is not there, for its owner alone
        limits: what it takes
    """

    def __init__(self, folder: Path, limits: SpoolLimits | None = None) -> None:
        self.limits = limits or SpoolLimits()
        self._folder = folder
        self._images = folder / "images"
        self._jobs = folder / "jobs"
        self._lock = threading.Lock()
        self._arriving: dict[str, Upload] = {}
        # what lies there, counted once: walking through thousands of folders takes too long
        self._image_bytes: dict[str, int] = {}
        self._job_bytes: dict[str, int] = {}
        self._written_job: str | None = None  # that the worker may be writing files of
        for path in (folder, self._images, self._jobs):
            make_private(path)
        self._count()

    # --- uploads ------------------------------------------------------------------------------

    def receive(self, length_bytes: int) -> Upload:
        """Make room for an upload that is about to arrive.

        Args:
            length_bytes: of all of it, as announced

        Raises:
            UnreadablePicture: it cannot be one of ours at this length.
            DiskFull: it exceeds the quota, or what is free.
        """
        check = UploadCheck(length_bytes, self.limits.pixels)
        with self._lock:
            self._require_room(length_bytes)
            image_id = new_id()
            upload = Upload(
                image_id,
                check,
                self._images / f"{image_id}{_PART}",
                self.image_file(image_id),
                lambda kept_bytes: self._arrived(image_id, kept_bytes),
            )
            self._arriving[image_id] = upload
        return upload

    def image_file(self, image_id: str) -> Path:
        """Where an upload lies, if it is there.

        Raises:
            NotFound: this cannot be its id.
        """
        return self._images / f"{_sound(image_id, 'image')}{_IMAGE}"

    def image(self, image_id: str) -> ImageInfo:
        """Give what an upload is.

        Raises:
            NotFound: it is not there (any more).
            UnreadablePicture: it was damaged on the disk.
        """
        try:
            with self.image_file(image_id).open("rb") as file:
                length = pixels.header_length(file.read(pixels.PREFIX_BYTES))
                header = pixels.read_header(file.read(length))
                size_bytes = os.fstat(file.fileno()).st_size
        except FileNotFoundError as error:
            raise NotFound(_MISSING.format("image", image_id)) from error
        except codec.Malformed as error:
            raise UnreadablePicture(f"The upload {image_id} was damaged on the disk.") from error
        return info_of(image_id, header, size_bytes)

    def touch_image(self, image_id: str) -> None:
        """Count an upload's age from now on.

        Raises:
            NotFound: it is not there (any more).
        """
        try:
            os.utime(self.image_file(image_id))
        except FileNotFoundError as error:
            raise NotFound(_MISSING.format("image", image_id)) from error

    def remove_image(self, image_id: str) -> None:
        """Delete an upload.

        Raises:
            NotFound: it is not there (any more).
        """
        try:
            self.image_file(image_id).unlink()
        except FileNotFoundError as error:
            raise NotFound(_MISSING.format("image", image_id)) from error
        self._image_bytes.pop(image_id, None)

    def _arrived(self, image_id: str, kept_bytes: int) -> None:
        if kept_bytes:
            self._image_bytes[image_id] = kept_bytes
        self._arriving.pop(image_id, None)

    # --- jobs ---------------------------------------------------------------------------------

    def job_folder(self, job_id: str) -> Path:
        """Where a job's files lie; the folder is there when this returns.

        The worker writes files of one job at a time: of the one that was asked for last.

        Raises:
            NotFound: this cannot be its id.
        """
        folder = self._jobs / _sound(job_id, "job")
        folder.mkdir(exist_ok=True, mode=_PRIVATE)
        with self._lock:
            self._count_written()
            self._written_job = job_id
        return folder

    def job_file(self, job_id: str, name: str) -> Path:
        """Where a file of a job lies, if it is there.

        Raises:
            NotFound: this cannot be the job's id.
        """
        return self._jobs / _sound(job_id, "job") / name

    def remove_job(self, job_id: str) -> None:
        """Delete all files of a job, if there are any.

        Raises:
            NotFound: this cannot be its id.
        """
        shutil.rmtree(self._jobs / _sound(job_id, "job"), ignore_errors=True)
        self._job_bytes.pop(job_id, None)

    # --- space and age ------------------------------------------------------------------------

    def used_bytes(self) -> int:
        """Return the bytes of all files; uploads on their way count in full."""
        with self._lock:
            return self._used_bytes()

    def _used_bytes(self) -> int:
        self._count_written()
        lying = sum(self._image_bytes.values()) + sum(self._job_bytes.values())
        return lying + sum(upload.length_bytes for upload in list(self._arriving.values()))

    def _count(self) -> None:
        """Look at all files again: others may have deleted some."""
        images = {path.stem: _size_bytes(path) for path in self._images.glob(f"*{_IMAGE}")}
        jobs = {path.name: _folder_bytes(path) for path in self._jobs.iterdir()}
        with self._lock:
            self._image_bytes, self._job_bytes = images, jobs

    def _count_written(self) -> None:
        job_id = self._written_job
        if job_id is not None:
            self._job_bytes[job_id] = _folder_bytes(self._jobs / job_id)

    def sweep(self, now: float, live_images: Collection[str], jobs: Collection[str]) -> list[Lying]:
        """Delete what is overdue, and tell what that was.

        Args:
            now: the moment, in seconds since 1970
            live_images: uploads that somebody may still want
            jobs: all jobs that are known
        """
        gone = overdue(
            list(self._lying()),
            now,
            live_images=live_images,
            jobs=jobs,
            upload_seconds=self.limits.upload_seconds,
            orphan_seconds=self.limits.orphan_seconds,
        )
        for lying in gone:
            match lying.kind:
                case Kind.IMAGE:
                    self.image_file(lying.id).unlink(missing_ok=True)
                case Kind.PART:
                    (self._images / f"{lying.id}{_PART}").unlink(missing_ok=True)
                case Kind.JOB:
                    self.remove_job(lying.id)
        self._count()
        return gone

    def _lying(self) -> Iterator[Lying]:
        kinds = {_IMAGE: Kind.IMAGE, _PART: Kind.PART}
        for path in self._images.iterdir():
            kind = kinds.get(path.suffix)
            arrives = kind is Kind.PART and path.stem in self._arriving
            if kind is not None and is_id(path.stem) and not arrives:
                yield from _lying_at(kind, path)
        for path in self._jobs.iterdir():
            if is_id(path.name):
                yield from _lying_at(Kind.JOB, path)

    def _require_room(self, length_bytes: int) -> None:
        left = self.limits.quota_bytes - self._used_bytes()
        if length_bytes > left:
            raise DiskFull(
                f"This upload takes {file_size(length_bytes)} and the engine's folder may take "
                f"{file_size(max(0, left))} more. Delete results that are no longer needed."
            )
        coming = sum(upload.missing_bytes for upload in list(self._arriving.values()))
        free = free_bytes(self._folder) - coming - self.limits.reserve_bytes
        if length_bytes > free:
            raise DiskFull(
                f"This upload takes {file_size(length_bytes)} and the disk with {self._folder} has "
                f"{file_size(max(0, free))} to spare. Free some space and try again."
            )


_MISSING = "There is no {} {} (any more)."


def _sound(word: str, what: str) -> str:
    if not is_id(word):
        raise NotFound(f"There is no {what} of this name: an id is 32 hexadecimal digits.")
    return word


def _lying_at(kind: Kind, path: Path) -> Iterator[Lying]:
    try:
        yield Lying(kind, path.stem, path.stat().st_mtime)
    except FileNotFoundError:  # gone meanwhile
        return


def _folder_bytes(folder: Path) -> int:
    paths = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return sum(map(_size_bytes, paths))


def _size_bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:  # gone meanwhile
        return 0
