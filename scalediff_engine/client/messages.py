"""Every message of the wire, as plain values; `docs/wire.md` is the table of them.

All in one file, although it is long: they refer to each other, and the table follows their order.
Written for Python 3.9 and read at run time, so a value that may be missing is ``Optional``.
Sizes are in pixels, memory in bytes, times in seconds, moments in seconds since 1970 (UTC).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Optional

# Both sides say it with each request and answer; see ``client`` for what happens when they differ.
PROTOCOL = 1
PROTOCOL_HEADER = "ScaleDiff-Protocol"


class JobState(str, Enum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens, unless somebody retries it."""
        return self in (JobState.CANCELLED, JobState.DONE, JobState.FAILED)


class Priority(str, Enum):
    """Whose job goes first: somebody waits in an editor, and nobody before a folder."""

    EDITOR = "editor"
    FOLDER = "folder"


class EventKind(str, Enum):
    """What an event tells."""

    STATE = "state"
    PROGRESS = "progress"


class SessionState(str, Enum):
    """Where a session stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DISCARDED = "discarded"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether the dialog is gone."""
        return self is not SessionState.OPEN


class WorkerState(str, Enum):
    """What the process is doing that holds the model."""

    NONE = "none"
    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"


@dataclass(frozen=True)
class Problem:
    """Why something cannot be; every answer that is no success has one as its body.

    Attributes:
        code: stable, for programs; see ``errors.py`` of the engine
        message: one or two sentences for people
    """

    code: str
    message: str


@dataclass(frozen=True)
class ImageInfo:
    """An image that was uploaded.

    Attributes:
        id: what a job names it by
        width, height: in pixels
        model: ``grey``, ``rgb`` or ``cmyk``
        depth: of a sample: ``u8``, ``u16``, ``u32``, ``f16``, ``f32`` or ``f64``
        has_alpha: whether there is transparency
        size_bytes: of the upload
    """

    id: str
    width: int
    height: int
    model: str
    depth: str
    has_alpha: bool
    size_bytes: int


@dataclass(frozen=True)
class Lora:
    """A LoRA file that is fused into the model.

    Attributes:
        path: of a .safetensors file on the engine's machine
        weight: how strongly
    """

    path: str
    weight: float = 1.0


@dataclass(frozen=True)
class UpscaleSettings:
    """What an upscale is told; a value that is not there is the model's or the preset's own.

    Attributes:
        scale: how much larger, 1 to 32; or
        width, height: the result's size. Neither: 4 times
        model: a family's name, a path, or a name of the Hugging Face hub
        loras: files to fuse into it
        text_encoders_from: a full model that lends what this one lacks
        prompt: what the picture shows, if that helps
        negative: what it must not show
        preset: ``fast``, ``balanced`` or ``best``
        creativity, structure: 0 to 1
        steps: of each stage
        guidance: 0 to 30
        seed: the same seed and picture give the same result
        attention: ``npa``, ``direct`` or ``multidiffusion``
        latent_frequency_mixing, structure_guidance, jitter, source_lock: parts of the method
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N``, ``mps`` or ``xpu``
        max_memory_gib: a limit; none = what is free
        method: ``scalediff``, or ``fast``: networks without diffusion, which have no use for most
            of the others
        strip: files and layers get no metadata and no recipe
    """

    scale: Optional[float] = None
    width: Optional[int] = None
    height: Optional[int] = None
    model: str = "embedded"
    loras: list[Lora] = field(default_factory=list)
    text_encoders_from: Optional[str] = None
    prompt: str = ""
    negative: str = ""
    preset: str = "balanced"
    creativity: Optional[float] = None
    structure: float = 1.0
    steps: Optional[int] = None
    guidance: Optional[float] = None
    seed: int = 0
    attention: str = "npa"
    latent_frequency_mixing: bool = True
    structure_guidance: bool = True
    jitter: bool = True
    source_lock: bool = True
    device: str = "auto"
    max_memory_gib: Optional[float] = None
    method: str = "scalediff"
    strip: bool = False


@dataclass(frozen=True)
class Window:
    """A part of a result, in its pixels from the top left."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class PlanRequest:
    """Asks what an upscale would cost.

    Attributes:
        width, height: of the source
        settings: as for the job
        window: the part of the result that is wanted; none = all
    """

    width: int
    height: int
    settings: UpscaleSettings = field(default_factory=UpscaleSettings)
    window: Optional[Window] = None


@dataclass(frozen=True)
class StageInfo:
    """One stage of a plan: what is computed of its canvas, and the steps on it."""

    width: int
    height: int
    steps: int


@dataclass(frozen=True)
class PlanInfo:
    """What an upscale would come to, here and now.

    Attributes:
        width, height: of the result, or of the window that was asked for
        model: its name for people
        device: its name for people
        stages: of the way there
        seconds: about how long, loading not included
        peak_bytes: about the most memory at once
        available_bytes: what there is of it
        problem: why it will not fit, and what would; none = it fits
        notes: sentences on what the user may not have meant
        fits_scale: the largest scale that would fit; none = it fits, or nothing would
    """

    width: int
    height: int
    model: str
    device: str
    stages: list[StageInfo]
    seconds: float
    peak_bytes: int
    available_bytes: int
    problem: Optional[Problem] = None
    notes: list[str] = field(default_factory=list)
    fits_scale: Optional[float] = None


@dataclass(frozen=True)
class JobRequest:
    """Asks for an upscale.

    Attributes:
        image: id of an upload
        settings: what is wanted
        priority: whose turn it is
        title: what people know the picture by: a layer's or a file's name
        keep: whether the job goes on when nobody watches it; otherwise it is cancelled some
            seconds after the last watcher has gone
        window: the part of the result that is wanted, for a look at it before the whole is paid
            for; none = all
    """

    image: str
    settings: UpscaleSettings = field(default_factory=UpscaleSettings)
    priority: Priority = Priority.EDITOR
    title: str = ""
    keep: bool = True
    window: Optional[Window] = None


@dataclass(frozen=True)
class JobProgress:
    """How far a running job is.

    Attributes:
        phase: a word for people
        stage, stages: the 1-based stage, and their number
        step, steps: steps done in it, and their number
        fraction: of the whole work, 0 to 1
        seconds_left: none while it cannot be told
        preview: number of the newest preview; 0 = there is none yet
        is_guess: whether that is what the fast networks make of the source, shown until the model
            has drawn something, and nothing of the result
    """

    phase: str
    stage: int
    stages: int
    step: int
    steps: int
    fraction: float
    seconds_left: Optional[float] = None
    preview: int = 0
    is_guess: bool = False


@dataclass(frozen=True)
class JobInfo:
    """A job as it stands.

    Attributes:
        id: what it is asked for by
        state: where it stands
        settings: what was asked for
        image: id of the upload; empty if the job does a file of a batch
        source_width, source_height: of the picture
        width, height: of the result
        priority, title, keep: as in the request
        created_at, updated_at: moments
        events: number of the newest event
        attempts: how often a worker has begun or taken it up
        progress: of the latest attempt
        problem: why it failed
        notes: sentences on what was put together or left behind
        recipe: how the result was made, as a JSON object; none before it is done
        window: the part that is the result, as asked for; ``width`` and ``height`` are its own
    """

    id: str
    state: JobState
    settings: UpscaleSettings
    image: str
    source_width: int
    source_height: int
    width: int
    height: int
    priority: Priority
    title: str
    keep: bool
    created_at: float
    updated_at: float
    events: int
    attempts: int = 0
    progress: Optional[JobProgress] = None
    problem: Optional[Problem] = None
    notes: list[str] = field(default_factory=list)
    recipe: Optional[str] = None
    window: Optional[Window] = None


@dataclass(frozen=True)
class JobEvent:
    """Something that happened to a job; the data of a server-sent event.

    Attributes:
        number: 1, 2, 3, ... without a gap; the ``id`` of the server-sent event
        kind: its ``event``
        state: where the job stands after it
        progress: how far it is
        problem: why it failed
    """

    number: int
    kind: EventKind
    state: JobState
    progress: Optional[JobProgress] = None
    problem: Optional[Problem] = None


@dataclass(frozen=True)
class JobList:
    """Jobs, the newest first.

    Attributes:
        jobs: all that are known, or one page of them
        next: asks for the next page, as ``after``; empty = this is the last one
    """

    jobs: list[JobInfo]
    next: str = ""


@dataclass(frozen=True)
class DeviceInfo:
    """What computes: its name, and its memory that is free."""

    name: str
    free_bytes: int


@dataclass(frozen=True)
class EngineProof:
    """Proves that what answers is the engine; asked for before anything else is sent.

    Attributes:
        pid: its process, as in ``engine.json``
        hmac: HMAC-SHA256 under the token, in hexadecimal digits; see ``client.transport``
    """

    pid: int
    hmac: str


@dataclass(frozen=True)
class Health:
    """That the engine is there, and how it is.

    Attributes:
        version: of the program
        protocol: of the wire
        pid: of the engine
        uptime_seconds: since it was started
        memory_bytes: what its process takes; 0 = not known
        device: what computes
        worker: what the process is doing that holds the model
        worker_pid: of that process
        queued, running: jobs
    """

    version: str
    protocol: int
    pid: int
    uptime_seconds: float
    memory_bytes: int
    device: DeviceInfo
    worker: WorkerState
    worker_pid: Optional[int]
    queued: int
    running: int


class ModelPlace(str, Enum):
    """Where a model is."""

    INSTALLED = "installed"  # with the program, or in the cache that downloads go to
    ELSEWHERE = "elsewhere"  # in a folder of another program, or in one that was added
    DOWNLOADABLE = "downloadable"
    ABSENT = "absent"  # not here, and no one place to get it


@dataclass(frozen=True)
class ModelInfo:
    """A model that jobs can name.

    Attributes:
        name: what ``UpscaleSettings.model`` takes
        title: for people
        family: the family it belongs to
        native_width, native_height: what it was trained at
        installed: whether its weights are on this machine
        size_bytes: of the weights; 0 = not known
        default_creativity: where its slider stands; 0 to 1
        steps: of a stage; guidance: its scale, 1 = none
        place: where it is
        path: its file or folder; none if it is not here
        source: who keeps it there, such as ``ComfyUI``; empty = nobody else
        licence: its name; empty = not known
        licence_url: where it can be read
        hub_id: its name on the Hugging Face hub, if it is there
        memory_bytes: about what a picture of 2048x2048 takes here; 0 = not known
        memory_problem: why such a picture does not fit here, and what would; none = it fits
        arrived_bytes: of a download that stopped
        frees_bytes: what removing it would free; 0 = it cannot be removed here
    """

    name: str
    title: str
    family: str
    native_width: int
    native_height: int
    installed: bool
    size_bytes: int
    default_creativity: float
    steps: int
    guidance: float
    place: ModelPlace = ModelPlace.INSTALLED
    path: Optional[str] = None
    source: str = ""
    licence: str = ""
    licence_url: str = ""
    hub_id: Optional[str] = None
    memory_bytes: int = 0
    memory_problem: Optional[Problem] = None
    arrived_bytes: int = 0
    frees_bytes: int = 0


@dataclass(frozen=True)
class ModelFolder:
    """A folder in which models are looked for.

    Attributes:
        path: of the folder
        source: whose it is, such as ``ComfyUI``; empty = it was added
        is_added: whether it was added and can be forgotten
        models: found in it
        problem: why nothing was found in it
    """

    path: str
    source: str = ""
    is_added: bool = False
    models: int = 0
    problem: Optional[Problem] = None


@dataclass(frozen=True)
class RefusedModel:
    """A file or folder that looks like a model and is not used.

    Attributes:
        path: of it
        problem: why
    """

    path: str
    problem: Problem


@dataclass(frozen=True)
class ModelList:
    """The models.

    Attributes:
        models: families first, then whatever else is on this machine
        folders: where they are looked for, besides the cache
        refused: what was found there and is not used
        cache: the folder that downloads go to
        free_bytes: of its disk
    """

    models: list[ModelInfo]
    folders: list[ModelFolder] = field(default_factory=list)
    refused: list[RefusedModel] = field(default_factory=list)
    cache: str = ""
    free_bytes: int = 0


class DownloadState(str, Enum):
    """Where a download stands."""

    WAITING = "waiting"
    CHECKING = "checking"  # which files, how large, is there room
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens."""
        return self in (DownloadState.DONE, DownloadState.FAILED, DownloadState.CANCELLED)


@dataclass(frozen=True)
class ModelDownload:
    """A download as it stands.

    Attributes:
        id: what it is asked for by
        model: name of the model
        title: of the model
        state: where it stands
        done_bytes: that have arrived, those of earlier attempts included
        total_bytes: of all files; 0 = not known yet
        seconds_left: none while it cannot be told
        problem: why it failed
    """

    id: str
    model: str
    title: str
    state: DownloadState
    done_bytes: int = 0
    total_bytes: int = 0
    seconds_left: Optional[float] = None
    problem: Optional[Problem] = None


@dataclass(frozen=True)
class DownloadList:
    """Downloads since the engine was started, the newest of each model."""

    downloads: list[ModelDownload]


@dataclass(frozen=True)
class ModelRequest:
    """Asks for something to be done with a model.

    Attributes:
        model: its name
    """

    model: str


@dataclass(frozen=True)
class FolderRequest:
    """Asks for something to be done with a folder of models.

    Attributes:
        path: absolute
    """

    path: str


@dataclass(frozen=True)
class ModelRemoved:
    """What removing a model came to.

    Attributes:
        freed_bytes: on the disk
    """

    freed_bytes: int


class Purpose(str, Enum):
    """What a dialog is for."""

    UPSCALE = "upscale"
    RECENT = "recent"  # to pick one of the results of the last day


@dataclass(frozen=True)
class SessionRequest:
    """Asks for a dialog.

    Attributes:
        image: id of the upload; empty if the purpose is ``recent``
        host: who asks, such as ``krita``
        title: what people know the picture by
        settings: what the dialog begins with; none = what was used last
        environment: the caller's display variables, since the engine may have been started
            elsewhere
        options: of the host, handed through to the dialog and back
        purpose: what the dialog is for
    """

    image: str
    host: str
    title: str = ""
    settings: Optional[UpscaleSettings] = None
    environment: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    purpose: Purpose = Purpose.UPSCALE


@dataclass(frozen=True)
class SessionInfo:
    """A session as it stands.

    Attributes:
        id: what it is asked for by
        state: where it stands
        image, host, title, settings, options: as asked for, ``options`` as the dialog left them
        job: whose result was accepted, or that goes on in the background
        events: number of the newest event
        problem: why there is no dialog
        purpose: as asked for
    """

    id: str
    state: SessionState
    image: str
    host: str
    title: str
    events: int
    settings: Optional[UpscaleSettings] = None
    options: dict[str, str] = field(default_factory=dict)
    job: Optional[str] = None
    problem: Optional[Problem] = None
    purpose: Purpose = Purpose.UPSCALE


@dataclass(frozen=True)
class SessionAnswer:
    """How a dialog ended, said by the dialog.

    Attributes:
        accepted: the result is wanted
        job: whose; none only if it was discarded
        options: for the host, such as what happens to its canvas
    """

    accepted: bool
    job: Optional[str] = None
    options: dict[str, str] = field(default_factory=dict)
