"""Messages about batches: many files upscaled by the engine itself, one after the other.

A batch is the engine's: it goes on while no dialog is open, and after the engine was started anew.
Files are named by absolute paths on the engine's machine, which is the user's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Optional

from .messages import JobProgress, Problem, UpscaleSettings

# Files that one ``BatchFiles`` may name: it has to stay below the limit of a JSON body.
FILES_AT_ONCE = 200


class BatchState(str, Enum):
    """Where a batch stands."""

    OPEN = "open"  # files are being added, none is begun
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"  # nothing is left to do; files may have failed

    @property
    def is_final(self) -> bool:
        """Whether nothing more is begun, unless somebody retries it."""
        return self in (BatchState.CANCELLED, BatchState.DONE)


class FileState(str, Enum):
    """Where one file of a batch stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Existing(str, Enum):
    """What becomes of a result that is there already."""

    KEEP = "keep"  # it stays, and the file counts as failed
    SKIP = "skip"  # it stays, and the file counts as skipped
    REPLACE = "replace"


@dataclass(frozen=True)
class BatchRequest:
    """Asks for a batch; its files follow, and ``resume`` begins it.

    Attributes:
        settings: for each file
        title: what people know it by, such as the folder's name
        existing: what becomes of results that are there already
        quality: of lossy formats, 1 to 100; none = the format's own
    """

    settings: UpscaleSettings = field(default_factory=UpscaleSettings)
    title: str = ""
    existing: Existing = Existing.KEEP
    quality: Optional[int] = None


@dataclass(frozen=True)
class BatchFile:
    """A file to be upscaled.

    Attributes:
        source: absolute path of a picture
        target: absolute path of its result; the suffix says the format
    """

    source: str
    target: str


@dataclass(frozen=True)
class BatchFiles:
    """Adds files to a batch that is open; at most ``FILES_AT_ONCE``."""

    files: list[BatchFile]


@dataclass(frozen=True)
class BatchItem:
    """A file of a batch as it stands.

    Attributes:
        index: from 0, in the order they were added
        source, target: as asked for
        state: where it stands
        seconds: that it took; 0 before it is done
        problem: why it failed or was skipped; of one that waits: why the batch paused itself
        job: that does it, or did
        changed: number of the batch's event at which it last changed
    """

    index: int
    source: str
    target: str
    state: FileState
    seconds: float = 0.0
    problem: Optional[Problem] = None
    job: Optional[str] = None
    changed: int = 0


@dataclass(frozen=True)
class BatchItems:
    """Some files of a batch, by index."""

    items: list[BatchItem]


@dataclass(frozen=True)
class BatchInfo:
    """A batch as it stands.

    Attributes:
        id: what it is asked for by
        state: where it stands
        title, settings, existing, quality: as asked for
        created_at: a moment
        events: number of the newest event
        counts: files by the value of their ``FileState``; those of which there are none are missing
        current: index of the file that is being done, or waits half done while the batch is paused
        progress: of that file
        fraction: of all files, 0 to 1
        seconds_left: for all files; none while it cannot be told
    """

    id: str
    state: BatchState
    title: str
    settings: UpscaleSettings
    existing: Existing
    quality: Optional[int]
    created_at: float
    events: int
    counts: dict[str, int] = field(default_factory=dict)
    current: Optional[int] = None
    progress: Optional[JobProgress] = None
    fraction: float = 0.0
    seconds_left: Optional[float] = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens, unless somebody retries it: the last file is left too."""
        return self.state.is_final and self.current is None


@dataclass(frozen=True)
class BatchList:
    """Batches, the newest first."""

    batches: list[BatchInfo]
