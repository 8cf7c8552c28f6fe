"""Input and output of a job, and its numbered previews: in the engine's folder, or in files."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from scalediff_engine.base.errors import DiskFull, OutputError, OutputExists
from scalediff_engine.base.files import (
    make_folder,
    require_folder,
    require_writable,
    sweep_part,
    whole,
    write_whole,
)
from scalediff_engine.base.geometry import Size
from scalediff_engine.base.text import file_size
from scalediff_engine.client.files import whole_file
from scalediff_engine.images import reader
from scalediff_engine.images.formats import Format, require_size, written_format
from scalediff_engine.images.picture import Picture
from scalediff_engine.images.raw import read_header, read_pixels, result_header, write_pixels
from scalediff_engine.images.writer import encode_picture
from scalediff_engine.jobs import spool
from scalediff_engine.jobs.worker_process import FileWork, Run

# Names the result of a file's job before it is put in its place.
PLACED = "placed.json"

Notes = tuple[str, ...]

_log = logging.getLogger(__name__)


class Ends(Protocol):
    """Both ends of a job."""

    @property
    def source(self) -> Path:
        """The file that the picture is in, in whatever form."""
        ...

    def found(self) -> tuple[str, list[str]] | None:
        """Give the recipe and the notes of a result that this job has put in its place already.

        Raises:
            OutputError, OutputExists: no result could be put there; said before any work.
        """
        ...

    def size(self) -> Size:
        """Give the size of the picture, upright.

        Raises:
            InputError: there is no such picture.
        """
        ...

    def check(self, target: Size) -> None:
        """Pass if a result of this size can be kept.

        Raises:
            OutputError: its format cannot hold it.
        """
        ...

    def read(self) -> tuple[Picture, Notes]:
        """Read the picture; notes on what it leaves behind.

        Raises:
            InputError: it cannot be read.
        """
        ...

    def write(self, result: Picture, recipe: str, notes: Notes) -> Notes:
        """Put the result in its place, whole or not at all; gives more notes than there were.

        Raises:
            OutputError: that cannot be; DiskFull where there is no room for it.
        """
        ...


def ends_of(run: Run) -> Ends:
    """Give the ends of a job that was ordered."""
    folder = Path(run.folder)
    if run.file is None:
        return SpoolEnds(folder, Path(run.image))
    return FileEnds(run.job, folder, run.file, strip=run.settings.strip)


@dataclass(frozen=True)
class SpoolEnds:
    """An upload, and a result in the same form.

    Attributes:
        folder: of the job
        source: the upload
    """

    folder: Path
    source: Path

    def found(self) -> tuple[str, list[str]] | None:
        """Give nothing: a result here is simply written again."""
        return None

    def size(self) -> Size:
        """Give the size that the upload's header says."""
        header = read_header(self.source)
        return Size(header.width, header.height)

    def check(self, target: Size) -> None:
        """Pass: pixels may be as large as they like."""

    def read(self) -> tuple[Picture, Notes]:
        """Read the upload."""
        raw = read_pixels(self.source)
        return raw.picture, raw.notes

    def write(self, result: Picture, recipe: str, notes: Notes) -> Notes:
        """Write the result beside the job's other files."""
        like = read_header(self.source)
        size_bytes = result_header(result, like).sample_bytes
        try:
            place = self.folder / spool.RESULT
            with whole(place, size_bytes, overwrite=True, private=True) as file:
                write_pixels(result, like, file)
        except DiskFull as error:
            raise DiskFull(
                f"The disk or quota is full: the result needs {file_size(size_bytes)}; "
                "nothing was written. With more room, it can be tried again."
            ) from error
        except OutputError as error:
            cause = error.__cause__
            reason = cause.strerror if isinstance(cause, OSError) else None
            raise OutputError(
                f"The result cannot be written: {reason or 'no reason given'}."
            ) from error
        return notes


class FileEnds:
    """A picture's file, and a file that the result becomes.

    Before the result appears, the job's folder says what it will be. So a job that is interrupted
    between its result and the news of it knows its own result again, and takes it neither for
    somebody else's nor computes it once more.

    Args:
        job: its id
        folder: of the job
        work: which files
        strip: whether the result gets no metadata and no recipe
    """

    def __init__(self, job: str, folder: Path, work: FileWork, *, strip: bool = False) -> None:
        self.source = Path(work.source)
        self._target = Path(work.target)
        self._work = work
        self._strip = strip
        self._job = job
        self._placed = folder / PLACED

    def found(self) -> tuple[str, list[str]] | None:
        """Give what this job has put in its place before; see that a result can be put there."""
        self._form()
        sweep_part(self._target, self._job, overwrite=self._work.replace)
        with suppress(OSError):
            if self._target.samefile(self.source):
                raise OutputError(f"The result of {self.source} would replace its own source.")
        mine = self._mine()
        if mine is None and self._target.parent.is_dir():
            with _own_words(self._target):
                require_writable(self._target, overwrite=self._work.replace)
        if mine is None:
            require_folder(self._target)
        return mine

    def size(self) -> Size:
        """Give the size of the picture, upright."""
        return reader.probe(self.source).size

    def check(self, target: Size) -> None:
        """Pass if the format of the target can hold it."""
        require_size(self._form(), target)

    def read(self) -> tuple[Picture, Notes]:
        """Read the picture, with what its file says of it."""
        loaded = reader.load(self.source)
        return loaded.picture, loaded.notes

    def write(self, result: Picture, recipe: str, notes: Notes) -> Notes:
        """Encode the result, announce it and put it in its place."""
        if self._strip:
            result = result.stripped()
        written = None if self._strip else recipe
        encoded = encode_picture(result, self._form(), quality=self._work.quality, recipe=written)
        notes += encoded.notes
        self._announce(encoded.data, recipe, notes)
        make_folder(self._target)
        with _own_words(self._target):
            write_whole(self._target, encoded.data, overwrite=self._work.replace, part=self._job)
        return notes

    def _form(self) -> Format:
        form = written_format(self._target)
        if form is None:
            endings = ", ".join(form.extensions[0] for form in Format)
            raise OutputError(
                f"Cannot write {self._target}: unknown file type. Supported: {endings}."
            )
        return form

    def _announce(self, data: bytes, recipe: str, notes: Notes) -> None:
        digest = hashlib.sha256(data).hexdigest()
        told = {"sha256": digest, "recipe": recipe, "notes": notes}
        try:
            write_whole(self._placed, json.dumps(told).encode(), overwrite=True, private=True)
        except OutputError as error:  # it matters only if just now everything ends
            _log.warning("What the result will be is not kept: %s", error)

    def _mine(self) -> tuple[str, list[str]] | None:
        """What this job told of its result, if that is in its place."""
        try:
            told = json.loads(self._placed.read_bytes())
            with self._target.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != told["sha256"]:
                return None
            return str(told["recipe"]), [str(note) for note in told["notes"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None


@contextmanager
def _own_words(target: Path) -> Generator[None]:
    """Say without options of the command line that a file is there already."""
    try:
        yield
    except OutputExists as error:
        raise OutputExists(f"{target} exists already and was left as it is.") from error


_QUALITY = 90
# A higher rate is not visible, and each is sent to every client that follows the job.
_SHORTEST_S = 0.25
# Stands after the number of a preview that is a guess.
_GUESS = " guess"


class Previews:
    """Writes the newest preview of a job.

    Args:
        folder: of the job; its last preview says, in its comment, which number it had
        clock: seconds, monotonic

    Attributes:
        number: of the newest one; 0 = there is none yet
        is_guess: whether the newest one is the fast networks', and nothing of the model's
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = folder / spool.PREVIEW
        self._clock = clock
        self._newest_s = float("-inf")
        self.number, self.is_guess = _newest_of(self._file)

    def offer(
        self, pixels: NDArray[np.uint8] | None, *, last: bool, is_guess: bool = False
    ) -> None:
        """Take a preview if there is one and the one before has been seen.

        Args:
            pixels: (h, w, 3) sRGB
            last: of its stage; taken in any case
            is_guess: whether it is the fast networks'
        """
        now_s = self._clock()
        if pixels is None or (now_s - self._newest_s < _SHORTEST_S and not last):
            return
        self._newest_s = now_s
        number = self.number + 1
        try:
            self._write(pixels, f"{number}{_GUESS}" if is_guess else str(number))
        except OSError as error:  # a full disk: the job continues
            _log.warning("A preview could not be written: %s.", error.strerror)
            return
        self.number, self.is_guess = number, is_guess

    def _write(self, pixels: NDArray[np.uint8], comment: str) -> None:
        """Not flushed to the disk, as there will soon be another."""
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY, comment=comment)
        with whole_file(self._file, private=True) as opened:
            opened.write(stream.getvalue())


def _newest_of(file: Path) -> tuple[int, bool]:
    """Which number the preview in a file has, and whether it is a guess."""
    try:
        with Image.open(file) as image:
            comment = bytes(image.info.get("comment", b"0")).decode("ascii")
        return int(comment.removesuffix(_GUESS)), comment.endswith(_GUESS)
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        return 0, False
