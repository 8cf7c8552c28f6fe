"""The first start without widgets: the device, the models, and which one is taken."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

from scalediff_engine.base.editors import Host
from scalediff_engine.client.client import Client
from scalediff_engine.client.files import make_private
from scalediff_engine.client.messages import (
    DeviceInfo,
    Health,
    ModelInfo,
    ModelList,
    ModelPlace,
    Problem,
)
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.workers import Ticket

# A large one of each kind; the models dialog has them all.
_OFFERED = ("sdxl", "flux-schnell", "sd15")
# What the engine says as long as it has not asked the machine.
_UNASKED = "not known yet"
_TRIES = 20
_ASK_AGAIN_MS = 3000


class Page(IntEnum):
    """Which page is seen."""

    DEVICE = 0
    MODEL = 1
    PLUGINS = 2


class WelcomeModel:
    """Three pages.

    Args:
        gateway: to the engine
        later: calls something after a while
        places: where plug-ins go
        take: keeps the name of the model that is taken from now on
        seen: keeps that this was shown

    Attributes:
        page: that is seen
        device: what computes; none = not known yet
        choices: models that can be taken, the one that comes with the program first
        chosen: name of the one that is taken
        places: see above
        problem: why the engine does not answer
        changed: told whenever anything here is different
        ended: told once, when it is over
    """

    def __init__(
        self,
        gateway: Gateway,
        later: Callable[[int, Callable[[], None]], Ticket],
        places: tuple[Host, ...],
        take: Callable[[str], None],
        seen: Callable[[], None],
    ) -> None:
        self._gateway = gateway
        self._later = later
        self._take = take
        self._seen = seen
        self._tickets: list[Ticket] = []
        self._tries = 0
        self._is_over = False
        self.page = Page.DEVICE
        self.device: DeviceInfo | None = None
        self.choices: tuple[ModelInfo, ...] = ()
        self.chosen = "embedded"
        self.places = places
        self.problem: Problem | None = None
        self.changed = Observers()
        self.ended = Observers()

    @property
    def has_card(self) -> bool:
        """Whether something else than the processor computes."""
        return self.device is not None and self.device.name != "the CPU"

    @property
    def fitting(self) -> tuple[ModelInfo, ...]:
        """The large models that fit here."""
        large = [info for info in self.choices if info.name != "embedded"]
        return tuple(info for info in large if info.memory_problem is None and info.memory_bytes)

    @property
    def will_download(self) -> bool:
        """Whether the chosen model is not here yet."""
        return any(info.name == self.chosen and not info.installed for info in self.choices)

    def begin(self) -> None:
        """Ask the engine what it computes on and which models there are."""
        self._ask_device()
        self._ask_models()

    def choose(self, name: str) -> None:
        """Take another model."""
        self.chosen = name
        self.changed.tell()

    def go_on(self) -> None:
        """See the next page; after the last one it is over, and the model is taken."""
        if self.page is not Page.PLUGINS:
            self.page = Page(self.page + 1)
            self.changed.tell()
            return
        if not self.will_download:
            self._take(self.chosen)
            self.leave()
            return
        # over when the engine has heard it: the download goes on there
        self._gateway.call(
            lambda _: self.leave(), self._on_problem, Client.download_model, self.chosen
        )

    def go_back(self) -> None:
        """See the page before."""
        if self.page is not Page.DEVICE:
            self.page = Page(self.page - 1)
            self.changed.tell()

    def leave(self) -> None:
        """Be over, and never come back by itself."""
        if self._is_over:
            return
        self._is_over = True
        for ticket in self._tickets:
            ticket.cancel()
        self._seen()
        self.ended.tell()

    def _ask_device(self) -> None:
        self._tries += 1
        self._tickets.append(self._gateway.call(self._on_health, lambda _: None, Client.health))

    def _ask_models(self) -> None:
        self._tickets.append(self._gateway.call(self._on_models, self._on_no_engine, Client.models))

    def _on_no_engine(self, problem: Problem) -> None:
        self._on_problem(problem)
        self._tickets.append(self._later(_ASK_AGAIN_MS, self.begin))

    def _on_health(self, found: Health) -> None:
        if found.device.name == _UNASKED and self._tries < _TRIES:
            self._tickets.append(self._later(200, self._ask_device))
            return
        self.device = found.device
        self.changed.tell()

    def _on_models(self, found: ModelList) -> None:
        here = [info for info in found.models if info.installed]
        offered = [
            info
            for name in _OFFERED
            for info in found.models
            if info.name == name and info.place is ModelPlace.DOWNLOADABLE
        ]
        self.choices = (*here[:4], *offered)
        self.problem = None
        self.changed.tell()

    def _on_problem(self, problem: Problem) -> None:
        self.problem = problem
        self.changed.tell()


_log = logging.getLogger(__name__)


def was_welcome_seen(home: Path) -> bool:
    """Return whether the pages were shown, by a small file in the engine's folder."""
    return _seen_file(home).exists()


def mark_welcome_seen(home: Path) -> None:
    """Record that the pages were shown; if that cannot be written, they are shown once more."""
    file = _seen_file(home)
    try:
        make_private(file.parent)
        file.touch()
    except OSError as error:
        _log.warning("%s cannot be written: %s", file, error)


def _seen_file(home: Path) -> Path:
    return home / "dialog" / "welcomed"
