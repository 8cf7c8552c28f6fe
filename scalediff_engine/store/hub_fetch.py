"""One file of the hub into the cache: resumed where it stopped, and checked by its hash.

The hub's own library begins a file anew after each break (its request 4228), and checks no hash. So
its listing, its login and its transport are used here, and the file is put into the cache by us, in
the form that the library and every other program expect; see ``hub_cache``.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from scalediff_engine.base.errors import DiskFull, ModelError, OutputError
from scalediff_engine.base.files import is_disk_full
from scalediff_engine.client.files import whole_file
from scalediff_engine.store.hub_files import HubFile, path_parts, require_hash

_CHUNK_BYTES = 1 << 20


# (file, file object to write to, position to go on from)
Get = Callable[[HubFile, Any, int], None]


class Repository:
    """A model in the cache, as it arrives.

    Args:
        folder: of the repository in the cache
        commit: of the snapshot that arrives

    Raises:
        ModelError: the commit is no hash.
    """

    def __init__(self, folder: Path, commit: str) -> None:
        self._folder = folder
        self._commit = require_hash(commit)

    def arrived_bytes(self, file: HubFile) -> int:
        """How much of a file is there."""
        for path in (self.blob(file), self.draft(file)):
            with suppress(OSError):
                return min(path.stat().st_size, file.size_bytes)
        return 0

    def is_there(self, file: HubFile) -> bool:
        """Whether a file has arrived."""
        with suppress(OSError):
            return self.pointer(file).stat().st_size == file.size_bytes
        return False

    def blob(self, file: HubFile) -> Path:
        """Where the cache keeps what is in it."""
        return self._folder / "blobs" / require_hash(file.key)

    def draft(self, file: HubFile) -> Path:
        """Where it lies while it arrives."""
        return self._folder / "blobs" / f"{require_hash(file.key)}.incomplete"

    def pointer(self, file: HubFile) -> Path:
        """Where it is under its own name."""
        return self._folder.joinpath("snapshots", self._commit, *path_parts(file.name))

    def fetch(self, file: HubFile, get: Get, tell: Callable[[int], None]) -> None:
        """Let a file arrive; after a break it goes on where it stopped.

        Args:
            file: which
            get: fetches it
            tell: gets how many bytes of it are there

        Raises:
            DiskFull: there is no room; what has arrived stays.
            OutputError: the cache cannot be written.
            ModelError: it is not what the hub says it is; nothing of it stays.
        """
        if self.is_there(file):
            tell(file.size_bytes)
            return
        try:
            blob = self.blob(file)
            if not blob.is_file() or blob.stat().st_size != file.size_bytes:
                blob.parent.mkdir(parents=True, exist_ok=True)
                self._arrive(file, get, tell)
            self._point(file)
        except OSError as error:
            if error.errno is None:  # of the transport, which tells whoever fetches
                raise
            if is_disk_full(error):
                raise DiskFull(
                    f"The disk with {self._folder.parent} is full. What has arrived stays: free "
                    "some space and start the download again, and it goes on where it stopped."
                ) from error
            raise OutputError(f"{self._folder} cannot be written: {error.strerror}.") from error

    def finish(self) -> None:
        """Make the snapshot the one that is used.

        Raises:
            OSError: it cannot be written.
        """
        refs = self._folder / "refs"
        refs.mkdir(exist_ok=True)
        with whole_file(refs / "main") as opened:
            opened.write(self._commit.encode())

    def _arrive(self, file: HubFile, get: Get, tell: Callable[[int], None]) -> None:
        draft = self.draft(file)
        with draft.open("ab+", buffering=0) as opened:
            begun = opened.seek(0, os.SEEK_END)
            if begun > file.size_bytes:
                begun = 0
                opened.truncate(0)
            writer = _Checked(opened, file, tell)
            writer.read_again(begun)
            if begun < file.size_bytes:
                get(file, writer, begun)
            os.fsync(opened.fileno())
        if not writer.is_right():
            draft.unlink(missing_ok=True)
            raise ModelError(
                f"{file.name} did not arrive as the hub has it: its hash is another one. Nothing "
                "of it was kept. Start the download again; if it happens again, something on the "
                "way changes files."
            )
        draft.replace(self.blob(file))

    def _point(self, file: HubFile) -> None:
        """Give it its name in the snapshot."""
        pointer, blob = self.pointer(file), self.blob(file)
        pointer.parent.mkdir(parents=True, exist_ok=True)
        draft = pointer.with_name(f".{pointer.name}.{os.getpid()}.part")
        draft.unlink(missing_ok=True)
        try:
            draft.symlink_to(os.path.relpath(blob, pointer.parent))
        except OSError:  # Windows without the right to make links
            shutil.copyfile(blob, draft)
        draft.replace(pointer)


class _Checked:
    """A file that is written, and whose hash is known when it is whole.

    Args:
        opened: where to
        file: what should arrive
        tell: gets how many bytes are there
    """

    def __init__(self, opened: Any, file: HubFile, tell: Callable[[int], None]) -> None:  # noqa: ANN401
        self._opened = opened
        self._file = file
        self._tell = tell
        self._hash = _hash_of(file)
        self._bytes = 0

    def read_again(self, count: int) -> None:
        """Take what has arrived before into the hash."""
        self._opened.seek(0)
        while self._bytes < count:
            chunk = self._opened.read(min(_CHUNK_BYTES, count - self._bytes))
            if not chunk:
                break
            self._hash.update(chunk)
            self._bytes += len(chunk)
        self._opened.seek(0, os.SEEK_END)
        self._tell(self._bytes)

    def write(self, data: bytes) -> int:
        """Take more."""
        view = memoryview(data)
        while view:
            written = self._opened.write(view)
            view = view[written:]
        self._hash.update(data)
        self._bytes += len(data)
        self._tell(self._bytes)
        return len(data)

    def tell(self) -> int:
        """Where the next byte goes; the transport asks."""
        return self._bytes

    def seek(self, position: int) -> int:
        """Begin anew: the other side does not go on where we want it to."""
        if position:
            raise OSError(errno.ESPIPE, "only from the beginning")
        return 0

    def truncate(self) -> int:
        """Forget all; after ``seek``."""
        self._opened.truncate(0)
        self._hash = _hash_of(self._file)
        self._bytes = 0
        return 0

    def is_right(self) -> bool:
        """Whether all of it is there, as it should be."""
        wanted = self._file.sha256 or self._file.blob
        return self._bytes == self._file.size_bytes and self._hash.hexdigest() == wanted


def _hash_of(file: HubFile) -> Any:  # noqa: ANN401 - hashlib's type has no name
    """Give the hash that a file is known by: of its content, or git's."""
    if file.sha256 is not None:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False)
