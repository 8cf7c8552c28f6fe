"""One file of the hub into the cache: resumed where it stopped, and checked by its hash.

The hub's own library begins a file anew after each break (its request 4228), and checks no hash. So
its listing, its login and its transport are used here, and the file is put into the cache by us, in
the form that the library and every other program expect; see ``hub_cache``.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalediff_engine.base.errors import DiskFull, ModelError, OutputError
from scalediff_engine.base.files import is_disk_full
from scalediff_engine.client.files import whole_file

_CHUNK_BYTES = 1 << 20


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
        """Download a file; an interrupted download resumes where it stopped.

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
                    "some space and start the download again; it resumes where it stopped."
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


INDEX = "model_index.json"
_NETWORKS = ("unet", "transformer", "vae", "text_encoder", "text_encoder_2")
_SMALL = ("scheduler", "tokenizer", "tokenizer_2")
_SETTINGS = (".json", ".txt", ".model")
# "model", "model.fp16", "model-00001-of-00002", "diffusion_pytorch_model.fp16-00001-of-00002"
_WEIGHTS = re.compile(
    r"(?:model|diffusion_pytorch_model)(?:\.(?P<infix>\w+))?(?P<piece>-\d+-of-\d+)?\.safetensors"
)
_INDEX_OF_PIECES = re.compile(
    r"(?:model|diffusion_pytorch_model)\.safetensors\.index(?:\.(?P<infix>\w+))?\.json"
)
# Git's hash, or the longer one of large files.
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_INFIXES = ("fp16", "bf16", None)


@dataclass(frozen=True)
class HubFile:
    """A file of a model on the hub.

    Attributes:
        name: in the repository
        size_bytes: of it
        sha256: of what is in it; none for small files, which are known by ``blob``
        blob: what git knows it by
    """

    name: str
    size_bytes: int
    sha256: str | None
    blob: str

    @property
    def key(self) -> str:
        """What the cache calls it."""
        return self.sha256 or self.blob


# (file, file object to write to, position to go on from)
Get = Callable[[HubFile, Any, int], None]


def require_hash(word: str) -> str:
    """Return a commit or a key of a file, which become names in the cache.

    Raises:
        ModelError: it is no hash, and could lead out of the cache.
    """
    if not _HASH.fullmatch(word):
        raise ModelError(
            f"The hub answers with {word[:80]!r} where a hash belongs, so nothing is downloaded. "
            "Check HF_ENDPOINT and the proxy, and start the download again."
        )
    return word


def path_parts(name: str) -> tuple[str, ...]:
    """Return the folders and the file that a name in a repository consists of.

    Raises:
        ModelError: it could lead out of the folder that it belongs in.
    """
    parts = tuple(name.split("/"))
    if any(part in ("", ".", "..") or not part.isprintable() for part in parts) or any(
        sign in name for sign in "\\:"
    ):
        raise ModelError(
            f"The hub names a file {name[:80]!r}, which is no plain name, so nothing of it is "
            "downloaded."
        )
    return parts


def needed(files: Sequence[HubFile], title: str) -> tuple[HubFile, ...]:
    """Choose the settings, and each network's weights once: in 16 bits where they are offered.

    The folder's index is the last one: without it the rest is not taken for a model.

    Args:
        files: of the repository
        title: of the model, for the sentence

    Raises:
        ModelError: there is no such model in it, or one as pickles alone.
    """
    by_name = {file.name: file for file in files}
    if INDEX not in by_name:
        raise ModelError(f"{title} has no {INDEX} on the hub, so it cannot be used here.")
    chosen: list[HubFile] = []
    for folder in (*_NETWORKS, *_SMALL):
        inside = [file for file in files if file.name.startswith(f"{folder}/")]
        inside = [file for file in inside if file.name.count("/") == 1]
        if not inside:
            continue
        chosen += [file for file in inside if _is_setting(_base(file))]
        if folder in _NETWORKS:
            chosen += _weights(inside, folder, title)
    if not any(_WEIGHTS.fullmatch(_base(file)) for file in chosen):
        raise ModelError(f"{title} has no weights on the hub.")
    return (*sorted(chosen, key=lambda file: file.size_bytes), by_name[INDEX])


def _weights(inside: Iterable[HubFile], folder: str, title: str) -> list[HubFile]:
    found = [(file, match) for file in inside if (match := _WEIGHTS.fullmatch(_base(file)))]
    for infix in _INFIXES:
        of_kind = [(file, match) for file, match in found if match["infix"] == infix]
        whole = [file for file, match in of_kind if match["piece"] is None]
        if whole:
            return whole
        if of_kind:
            index = [
                file
                for file in inside
                if (match := _INDEX_OF_PIECES.fullmatch(_base(file))) and match["infix"] == infix
            ]
            return [*(file for file, _ in of_kind), *index]
    raise ModelError(
        f"{title} has its {folder} on the hub as a pickle alone, which can run programs and is "
        "not opened."
    )


def _is_setting(name: str) -> bool:
    return name.endswith(_SETTINGS) and not _INDEX_OF_PIECES.fullmatch(name)


def _base(file: HubFile) -> str:
    return file.name.rpartition("/")[2]
