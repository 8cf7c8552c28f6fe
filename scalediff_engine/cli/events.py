"""What a run tells its reporter: plain values, one class for each kind of news."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scalediff_engine.base.errors import ScaleDiffError
from scalediff_engine.planning.plan import Plan

if TYPE_CHECKING:
    from scalediff_engine.planning.progress import Progress

OUTPUT_EXISTS = "output-exists"
OWN_RESULT = "own-result"
UNSUPPORTED_FORMAT = "unsupported-format"


@dataclass(frozen=True)
class Failure:
    """An input (or, without a path, the whole run) that failed, and why."""

    path: Path | None
    error: ScaleDiffError


@dataclass(frozen=True)
class Job:
    """One picture to make, settled.

    Attributes:
        source: the file that is enlarged; None = the picture is made from noise
        output: the result's file
        plan: sizes, stages, cost
        seconds: estimated for this machine
        notes: sentences on what the user may not have meant
    """

    source: Path | None
    output: Path
    plan: Plan
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def subject(self) -> Path:
        """The file to speak of: the source, or else the result."""
        return self.output if self.source is None else self.source


@dataclass(frozen=True)
class Numbered:
    """A job and its place in the run: 1-based number, of how many."""

    job: Job
    number: int
    count: int


@dataclass(frozen=True)
class Planned:
    """What will be done."""

    work: Numbered
    model: str
    device: str


@dataclass(frozen=True)
class Note:
    """A sentence on the run as a whole."""

    text: str


@dataclass(frozen=True)
class Loading:
    """The model is being loaded."""

    title: str


@dataclass(frozen=True)
class Advanced:
    """A piece of a job was done.

    Attributes:
        seconds_left: of this file
        batch_seconds_left: of this file and all that follow
    """

    work: Numbered
    progress: Progress
    seconds_left: float
    batch_seconds_left: float


@dataclass(frozen=True)
class Finished:
    """A result was written.

    Attributes:
        notes: sentences on what was not read, not used or not kept
    """

    work: Numbered
    seconds: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Skipped:
    """An input that was deliberately left alone.

    Attributes:
        path: the input; None = there is none, the picture would have been made from noise
        output: what is there already; None when the input itself is the reason
        reason: ``output-exists``, ``own-result`` or ``unsupported-format``
    """

    path: Path | None
    output: Path | None
    reason: str


@dataclass(frozen=True)
class Failed:
    """An input that came to nothing, or (without one) the whole run."""

    failure: Failure
    batch: bool


@dataclass(frozen=True)
class Summary:
    """The end of a run, reached or not.

    Attributes:
        total: inputs in all
        planned: of these, pictures that were to be made
        cancelled: the user stopped it
        not_started: pictures that were given up: the disk of their results is full, or fail-fast
    """

    total: int
    planned: int
    done: int
    skipped: int
    failures: tuple[Failure, ...]
    seconds: float
    exit_code: int
    cancelled: bool = False
    dry_run: bool = False
    not_started: int = 0


Event = Planned | Note | Loading | Advanced | Finished | Skipped | Failed | Summary
