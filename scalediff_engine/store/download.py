"""A program that downloads one model into the cache of Hugging Face, and says how far it is.

It reads one line from its standard input, a JSON object with ``hub_id`` and ``cache``, and ends
when its standard input does: whoever wants no more of it closes that, or has gone away. It writes a
JSON object a line: ``{"event": "checking"}``, then ``"progress"`` with ``done_bytes``,
``total_bytes`` and ``seconds_left``, at the end ``"done"``, or ``"failed"`` with ``code`` and
``message``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scalediff_engine.base.errors import DiskFull, ModelError, ModelMissing, ScaleDiffError
from scalediff_engine.base.files import free_bytes
from scalediff_engine.store.hub_cache import repository_folder
from scalediff_engine.store.hub_fetch import HubFile, Repository, needed

# What stays free of the disk.
RESERVE_BYTES = 1 << 29
_TELL_SECONDS = 0.25
# The pace of the last seconds is what people see; that of the first ones says little.
_PACE_SECONDS = 20.0
_LONGEST_LINE = 1 << 16
_CHUNK_BYTES = 1 << 18
_GB = 1e9

Say = Callable[[dict[str, Any]], None]


class Pace:
    """How long the rest takes, from how quickly the last of it came.

    Args:
        clock: seconds that only grow
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def seconds_left(self, done_bytes: int, total_bytes: int) -> float | None:
        """Take note of what has arrived, and tell how long the rest takes; None = too early."""
        now = self._clock()
        self._seen.append((now, done_bytes))
        while len(self._seen) > 1 and now - self._seen[0][0] > _PACE_SECONDS:
            self._seen.popleft()
        then, before = self._seen[0]
        if now - then < 1.0 or done_bytes <= before:
            return None
        return (total_bytes - done_bytes) * (now - then) / (done_bytes - before)


class Reporter:
    """Says how far a download is, some times a second.

    Args:
        say: writes an event
        total_bytes: of all files
        clock: seconds that only grow
    """

    def __init__(
        self, say: Say, total_bytes: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._total_bytes = total_bytes
        self._clock = clock
        self._pace = Pace(clock)
        self._told_at = -1e9

    def tell(self, done_bytes: int, *, always: bool = False) -> None:
        """Say that so much is there."""
        now = self._clock()
        if not always and now - self._told_at < _TELL_SECONDS:
            return
        self._told_at = now
        self._say(
            {
                "event": "progress",
                "done_bytes": done_bytes,
                "total_bytes": self._total_bytes,
                "seconds_left": self._pace.seconds_left(done_bytes, self._total_bytes),
            }
        )


def download(hub_id: str, cache: Path, say: Say) -> None:
    """Let a model arrive in the cache.

    Raises:
        ScaleDiffError: whatever is in the way, in a sentence.
    """
    say({"event": "checking"})
    listing = _Listing(hub_id)
    repository = Repository(repository_folder(cache, hub_id), listing.commit)
    files = needed(listing.files, hub_id)
    total = sum(file.size_bytes for file in files)
    arrived = {file.name: repository.arrived_bytes(file) for file in files}
    require_room(cache, hub_id, total, sum(arrived.values()))
    reporter = Reporter(say, total)
    reporter.tell(sum(arrived.values()), always=True)
    for file in files:

        def tell(count: int, name: str = file.name) -> None:
            arrived[name] = count
            reporter.tell(sum(arrived.values()))

        repository.fetch(file, listing.get, tell)
    reporter.tell(total, always=True)
    try:
        repository.finish()
    except OSError as error:
        raise DiskFull(f"{cache} cannot be written: {error.strerror}.") from error
    say({"event": "done"})


def require_room(cache: Path, hub_id: str, total_bytes: int, arrived_bytes: int) -> None:
    """Pass if the disk has room for what has not arrived yet.

    Raises:
        DiskFull: it has not; the sentence has the numbers.
    """
    free = free_bytes(cache) - RESERVE_BYTES
    missing = total_bytes - arrived_bytes
    if missing > free:
        raise DiskFull(
            f"{hub_id} takes {missing / _GB:.1f} GB more, and the disk with {cache} has "
            f"{max(0, free) / _GB:.1f} GB to spare. Free some space and start the download again; "
            "HF_HUB_CACHE names a folder on another disk."
        )


class _Listing:
    """What the hub has of a model, and how it is fetched.

    Args:
        hub_id: its name

    Raises:
        ScaleDiffError: the hub does not answer, or does not give it.
    """

    def __init__(self, hub_id: str) -> None:
        from huggingface_hub import HfApi

        self._hub_id = hub_id
        info: Any = self._asked(lambda: HfApi().model_info(hub_id, files_metadata=True, timeout=20))
        self.commit: str = info.sha
        self.files: Sequence[HubFile] = [_file(found) for found in info.siblings or ()]

    def get(self, file: HubFile, write: Any, resume_size: int) -> None:  # noqa: ANN401
        """Fetch what comes after ``resume_size`` and write it to a file object."""
        from huggingface_hub import constants, hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers

        # its own 10 MiB make slow progress jump, and are lost when a connection breaks
        constants.DOWNLOAD_CHUNK_SIZE = _CHUNK_BYTES
        url = hf_hub_url(self._hub_id, file.name, revision=self.commit)
        headers = build_hf_headers(library_name="scalediff")
        headers["Accept-Encoding"] = "identity"  # positions are those of the file itself

        def fetch() -> None:
            http_get(
                url,
                write,
                resume_size=resume_size,
                headers=headers,
                expected_size=file.size_bytes,
                displayed_filename=file.name,
            )

        self._asked(fetch)

    def _asked(self, ask: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Ask the hub.

        Raises:
            ScaleDiffError: why it does not answer as it should.
            OSError: of the disk.
        """
        from huggingface_hub import errors

        page = f"https://huggingface.co/{self._hub_id}"
        try:
            return ask()
        except errors.GatedRepoError as error:
            raise ModelError(
                f"{self._hub_id} is given to those alone who accept its licence. Accept it on "
                f"{page}, run `hf auth login` once with a token of yours, and start the download "
                "again."
            ) from error
        except errors.RepositoryNotFoundError as error:
            raise ModelMissing(
                f"The Hugging Face hub has no {self._hub_id}, or does not show it without a login: "
                "run `hf auth login` once, or give the path of a file or folder instead."
            ) from error
        except errors.OfflineModeIsEnabled as error:
            raise ModelError(
                "HF_HUB_OFFLINE is set, so nothing is downloaded. Unset it and start the engine "
                "again."
            ) from error
        except errors.HfHubHTTPError as error:
            raise ModelError(self._refusal(error, page)) from error
        except ScaleDiffError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise ModelError(
                f"The connection to the Hugging Face hub broke ({type(error).__name__}). What has "
                "arrived stays: start the download again; it resumes where it stopped."
            ) from error

    def _refusal(self, error: Any, page: str) -> str:  # noqa: ANN401 - its base differs by version
        status = getattr(error.response, "status_code", 0)
        if status in (401, 403):
            return (
                f"The Hugging Face hub does not give {self._hub_id} to this login (status "
                f"{status}). Look at {page} for what it asks for, run `hf auth login` with a token "
                "that may read it, and start the download again."
            )
        return (
            f"The Hugging Face hub answered with status {status}. What has arrived stays: start "
            "the download again later; it resumes where it stopped."
        )


def _file(found: Any) -> HubFile:  # noqa: ANN401 - its type differs by version
    lfs = found.lfs
    sha256 = lfs["sha256"] if isinstance(lfs, dict) else getattr(lfs, "sha256", None)
    return HubFile(found.rfilename, found.size or 0, sha256, found.blob_id or "")


def main() -> int:
    """Do what the standard input says; gives the exit code."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    out = sys.stdout

    def say(event: dict[str, Any]) -> None:
        out.write(json.dumps(event) + "\n")
        out.flush()

    told: Any = json.loads(sys.stdin.buffer.readline(_LONGEST_LINE))
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        download(told["hub_id"], Path(told["cache"]), say)
    except ScaleDiffError as error:
        say({"event": "failed", "code": error.code, "message": str(error)})
        return error.exit_code
    except OSError as error:
        say({"event": "failed", "code": "output-unwritable", "message": _of_disk(error)})
        return 7
    return 0


def _of_disk(error: OSError) -> str:
    return f"{error.filename or 'The cache'} cannot be written: {error.strerror or error}."


def _end_with_stdin() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)  # what has arrived is in the file already


if __name__ == "__main__":
    sys.exit(main())
