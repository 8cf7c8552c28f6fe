"""An upload on its way: checked as it arrives, on the disk whole or not at all."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from types import TracebackType

from scalediff_engine.base.errors import DiskFull, OutputError, PictureTooLarge, UnreadablePicture
from scalediff_engine.base.files import is_disk_full
from scalediff_engine.base.text import file_size
from scalediff_engine.client import codec, pixels
from scalediff_engine.client.messages import ImageInfo
from scalediff_engine.client.pixels import PixelHeader

_MEGA = 1e6


class UploadCheck:
    """Tells of what arrives whether it can be what it says; no input or output.

    Args:
        length_bytes: of the whole upload, as announced
        max_pixels: a picture may have

    Raises:
        UnreadablePicture: no picture is that short.
    """

    def __init__(self, length_bytes: int, max_pixels: int) -> None:
        if length_bytes <= pixels.PREFIX_BYTES:
            raise UnreadablePicture(f"An upload of {length_bytes} bytes holds no pixels.")
        self.length_bytes = length_bytes
        self.arrived_bytes = 0
        self._max_pixels = max_pixels
        self._start = b""
        self._header: PixelHeader | None = None

    def feed(self, chunk: bytes) -> None:
        """Look at what came next.

        Raises:
            UnreadablePicture: these are no pixels of ours, or not as many as they should be.
            PictureTooLarge: there are too many.
        """
        self.arrived_bytes += len(chunk)
        if self.arrived_bytes > self.length_bytes:
            raise UnreadablePicture(
                f"More came than the {self.length_bytes:,} bytes that were announced."
            )
        if self._header is None:
            self._start += chunk[: pixels.PREFIX_BYTES + pixels.MAX_HEADER_BYTES]
            try:
                self._read_start()
            except (codec.Malformed, OverflowError) as error:
                raise UnreadablePicture(str(error)) from error

    def finish(self) -> PixelHeader:
        """Give the header when all has come.

        Raises:
            UnreadablePicture: something is missing.
        """
        if self._header is None or self.arrived_bytes < self.length_bytes:
            raise UnreadablePicture(
                f"Only {self.arrived_bytes:,} of {self.length_bytes:,} bytes came."
            )
        return self._header

    def _read_start(self) -> None:
        begin = pixels.PREFIX_BYTES
        if len(self._start) < begin:
            return
        end = begin + pixels.header_length(self._start[:begin])
        if len(self._start) < end:
            return
        header = pixels.read_header(self._start[begin:end])
        count = header.width * header.height
        if count > self._max_pixels:
            raise PictureTooLarge(
                f"The picture is too large: {header.width}x{header.height} "
                f"({count / _MEGA:,.0f} MP); the limit is {self._max_pixels / _MEGA:,.0f} MP."
            )
        whole = end + header.icc_bytes + header.sample_bytes
        if whole != self.length_bytes:
            raise UnreadablePicture(
                f"The header speaks of {whole:,} bytes in all, and {self.length_bytes:,} were "
                "announced."
            )
        self._header, self._start = header, b""


class Upload:
    """A file that arrives; leaving the ``with`` block before ``finish`` deletes it.

    ``feed`` is quick; the others wait for the disk and belong into a thread.

    Args:
        image_id: what it will be called
        check: of what arrives
        part, target: the temporary file and the final one
        ended: called once, when it is there or given up, with the bytes that were kept
    """

    def __init__(
        self,
        image_id: str,
        check: UploadCheck,
        part: Path,
        target: Path,
        ended: Callable[[int], object],
    ) -> None:
        self._id = image_id
        self._check = check
        self._part = part
        self._target = target
        self._ended = ended
        self._lock = threading.Lock()  # a write may still run when the upload is given up
        self._file: int | None = None
        self._is_over = False
        self._written_bytes = 0

    def __enter__(self) -> Upload:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    @property
    def length_bytes(self) -> int:
        """Of all of it."""
        return self._check.length_bytes

    @property
    def missing_bytes(self) -> int:
        """What the disk does not have yet."""
        return self.length_bytes - self._written_bytes

    def feed(self, chunk: bytes) -> None:
        """Check what came next, see ``UploadCheck.feed``; it is not written by that."""
        self._check.feed(chunk)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append to the temporary file.

        Raises:
            DiskFull: there is no room for it.
            OutputError: it cannot be written.
        """
        with self._lock, _sentences(self.length_bytes):
            if self._is_over:
                return
            if self._file is None:
                # Windows would write two bytes for each line's end
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
                self._file = os.open(self._part, flags, 0o600)
            rest = memoryview(data)
            while rest:
                count = os.write(self._file, rest)
                self._written_bytes += count
                rest = rest[count:]

    def finish(self) -> ImageInfo:
        """Have it on the disk for good, under its final name.

        Raises:
            UnreadablePicture: something is missing.
            DiskFull: there is no room for it.
            OutputError: it cannot be written.
        """
        header = self._check.finish()
        with self._lock, _sentences(self.length_bytes):
            assert self._file is not None
            assert self._written_bytes == self.length_bytes
            os.fsync(self._file)
            os.close(self._file)
            self._file = None
            self._part.replace(self._target)
            self._is_over = True
        self._ended(self.length_bytes)
        return info_of(self._id, header, self.length_bytes)

    def discard(self) -> None:
        """Delete what has come, unless it was finished."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            if self._file is not None:
                os.close(self._file)
                self._file = None
            self._part.unlink(missing_ok=True)
        self._ended(0)


def info_of(image_id: str, header: PixelHeader, size_bytes: int) -> ImageInfo:
    """Describe an upload."""
    return ImageInfo(
        id=image_id,
        width=header.width,
        height=header.height,
        model=header.model,
        depth=header.depth,
        has_alpha=header.alpha != "none",
        size_bytes=size_bytes,
    )


@contextlib.contextmanager
def _sentences(length_bytes: int) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull(
                f"The disk or quota is full: this upload takes {file_size(length_bytes)}; "
                "nothing of it was kept."
            ) from error
        raise OutputError(f"The upload cannot be kept: {error.strerror or error}.") from error
