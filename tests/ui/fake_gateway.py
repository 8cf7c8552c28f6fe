"""A gateway whose answers are the test's to give, and a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scalediff_engine.client.messages import (
    EventKind,
    JobEvent,
    JobInfo,
    JobProgress,
    JobState,
    ModelInfo,
    ModelList,
    PlanInfo,
    Priority,
    Problem,
    StageInfo,
    UpscaleSettings,
)
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.picture import Picture, make_picture
from scalediff_engine.ui.workers import Ticket

GIB = 1 << 30


@dataclass
class Asked:
    """One question, and how it is answered."""

    name: str
    args: tuple[Any, ...]
    done: Callable[..., None]
    failed: Callable[[Problem], None]
    tell: Callable[[JobEvent], None] | None = None
    ticket: Ticket = field(default_factory=Ticket)
    is_answered: bool = False

    def succeed(self, *value: Any) -> None:
        self.is_answered = True
        if not self.ticket.is_cancelled:
            self.done(*value)

    def fail(self, message: str, code: str = "trouble") -> None:
        self.is_answered = True
        if not self.ticket.is_cancelled:
            self.failed(Problem(code, message))

    def say(self, event: JobEvent) -> None:
        assert self.tell is not None
        if not self.ticket.is_cancelled:
            self.tell(event)


class Questions:
    """What was asked; nothing is answered by itself but what is in ``at_once``."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.at_once: dict[str, Callable[..., Any]] = {}

    def pending(self, name: str) -> list[Asked]:
        """The questions of this name that nobody has answered or given up."""
        return [
            asked
            for asked in self.asked
            if asked.name == name and not asked.is_answered and not asked.ticket.is_cancelled
        ]

    def last(self, name: str) -> Asked:
        """The newest of them."""
        return self.pending(name)[-1]

    def all(self, name: str) -> list[Asked]:
        """All questions of this name."""
        return [asked for asked in self.asked if asked.name == name]

    def call(self, done: Any, failed: Any, method: Any, /, *args: Any, **kwargs: Any) -> Ticket:
        """Note a method of the client; its name is the question's."""
        return self.ask(method.__name__, (*args, *kwargs.values()), done, failed)

    def ask(
        self, name: str, args: tuple[Any, ...], done: Any, failed: Any, tell: Any = None
    ) -> Ticket:
        asked = Asked(name, args, done, failed, tell)
        self.asked.append(asked)
        if name in self.at_once:
            asked.succeed(self.at_once[name](*args))
        return asked.ticket


class FakeGateway(Questions, Gateway):
    """A gateway to nothing."""

    def __init__(self) -> None:
        Questions.__init__(self)

    def close(self) -> None: ...

    def is_there(self, done: Any) -> Ticket:
        return self.ask("is_there", (), done, lambda _: None)

    def upload(self, picture: Picture, done: Any, failed: Any) -> Ticket:
        return self.ask("upload", (picture,), done, failed)

    def image(self, image_id: str, done: Any, failed: Any) -> Ticket:
        return self.ask("image", (image_id,), done, failed)

    def preview(self, job_id: str, done: Any, failed: Any) -> Ticket:
        return self.ask("preview", (job_id,), done, failed)

    def result(self, job_id: str, done: Any, failed: Any) -> Ticket:
        return self.ask("result", (job_id,), done, failed)

    def watch(self, job_id: str, notify: Any, done: Any, failed: Any) -> Ticket:
        return self.ask("watch", (job_id,), done, failed, notify)


class FakeLater:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._waiting: list[tuple[int, Callable[[], None], Ticket]] = []

    def __call__(self, delay_ms: int, action: Callable[[], None]) -> Ticket:
        ticket = Ticket()
        self._waiting.append((self.now_ms + delay_ms, action, ticket))
        return ticket

    def pass_ms(self, duration_ms: int) -> None:
        end = self.now_ms + duration_ms
        while due := [entry for entry in self._waiting if entry[0] <= end]:
            entry = min(due, key=lambda entry: entry[0])
            self._waiting.remove(entry)
            self.now_ms = max(self.now_ms, entry[0])
            if not entry[2].is_cancelled:
                entry[1]()
        self.now_ms = end


def model(name: str = "embedded", family: str = "", **fields: Any) -> ModelInfo:
    return ModelInfo(
        **{
            "name": name,
            "title": name.title(),
            "family": family or name,
            "native_width": 128,
            "native_height": 128,
            "installed": True,
            "size_bytes": 0,
            "default_creativity": 0.4,
            "steps": 8,
            "guidance": 1.0,
            **fields,
        }
    )


def models() -> ModelList:
    return ModelList(
        [
            model(title="Embedded"),
            model("sdxl", title="Stable Diffusion XL", default_creativity=0.3),
            model("flux", title="FLUX.1 dev", installed=False),
        ]
    )


def plan_for(request: Any, problem: Problem | None = None, seconds: float = 130.0) -> PlanInfo:
    wanted = request.settings
    width = wanted.width or round(request.width * wanted.scale)
    height = wanted.height or round(request.height * wanted.scale)
    return PlanInfo(
        width=width,
        height=height,
        model=wanted.model.title(),
        device="NVIDIA RTX 4070",
        stages=[StageInfo(width, height, 8)],
        seconds=seconds,
        peak_bytes=5 * GIB,
        available_bytes=8 * GIB,
        problem=problem,
    )


def job(
    job_id: str = "j1", state: JobState = JobState.RUNNING, image: str = "i1", **fields: Any
) -> JobInfo:
    return JobInfo(
        **{
            "id": job_id,
            "state": state,
            "settings": UpscaleSettings(scale=4.0),
            "image": image,
            "source_width": 16,
            "source_height": 12,
            "width": 64,
            "height": 48,
            "priority": Priority.EDITOR,
            "title": "",
            "keep": True,
            "created_at": 0.0,
            "updated_at": 0.0,
            "events": 1,
            **fields,
        }
    )


def event(
    number: int,
    state: JobState = JobState.RUNNING,
    progress: JobProgress | None = None,
    problem: Problem | None = None,
) -> JobEvent:
    kind = EventKind.STATE if progress is None else EventKind.PROGRESS
    return JobEvent(number, kind, state, progress, problem)


def progress(fraction: float, seconds_left: float | None = 60.0, **fields: Any) -> JobProgress:
    return JobProgress(
        **{
            "phase": "sharpening",
            "stage": 1,
            "stages": 2,
            "step": 3,
            "steps": 8,
            "fraction": fraction,
            "seconds_left": seconds_left,
            **fields,
        }
    )


def picture(width: int = 16, height: int = 12, seed: int = 0) -> Picture:
    """A picture of noise."""
    samples = np.random.default_rng(seed).integers(0, 256, width * height * 3, np.uint8)
    return make_picture(PixelHeader(width, height, "rgb", "u8"), b"", samples)
