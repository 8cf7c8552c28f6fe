"""What all pictures together will take, and which will not fit: from plans of their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import PlanInfo, PlanRequest, Problem, UpscaleSettings
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.workers import Later, Ticket

# Folders of photographs have a few sizes; one of crops has as many as pictures.
MOST_PLANS = 160
AFTER_TROUBLE_MS = 2000


@dataclass(frozen=True)
class Group:
    """Pictures of about one size, of which the largest is planned.

    Attributes:
        size: of the largest
        members: how many there are of each size
    """

    size: Size
    members: tuple[tuple[Size, int], ...]

    @property
    def weight(self) -> float:
        """How much work all of them are, the largest being 1."""
        area = self.size.width * self.size.height
        return sum(size.width * size.height * count for size, count in self.members) / area


@dataclass(frozen=True)
class Estimate:
    """What is known so far.

    Attributes:
        seconds: for all that fit; none = nothing is known yet
        is_complete: whether nothing is to be asked any more
        unfit: sentences on why pictures of a size will not fit
        problem: why nothing is known
        peak_bytes, available_bytes: of the largest picture that fits
        device: what computes
    """

    seconds: float | None = None
    is_complete: bool = False
    unfit: Mapping[Size, str] = field(default_factory=dict[Size, str])
    problem: Problem | None = None
    peak_bytes: int = 0
    available_bytes: int = 0
    device: str = ""


def group(sizes: Mapping[Size, int], most: int = MOST_PLANS) -> tuple[Group, ...]:
    """Put pictures of like area together, into at most ``most`` groups; the largest comes first."""
    ordered = sorted(sizes.items(), key=lambda item: item[0].width * item[0].height, reverse=True)
    step = -(-len(ordered) // most) or 1
    parts = (tuple(ordered[start : start + step]) for start in range(0, len(ordered), step))
    return tuple(Group(part[0][0], part) for part in parts)


class Estimator:
    """Asks for one plan after another, and adds them up.

    Args:
        gateway: to the engine
        later: calls something after a while

    Attributes:
        estimate: what is known so far
        changed: told whenever the estimate is different
    """

    def __init__(self, gateway: Gateway, later: Later) -> None:
        self._gateway = gateway
        self._later = later
        self._asking = Ticket()
        self._plans: dict[Size, PlanInfo] = {}
        self._groups: list[Group] = []
        self._settings: UpscaleSettings | None = None
        self.estimate = Estimate()
        self.changed = Observers()

    def ask(self, groups: tuple[Group, ...], settings: UpscaleSettings) -> None:
        """Find out what these will take; plans that were made for the same settings hold."""
        if settings != self._settings:
            self._plans.clear()
            self._settings = settings
        self._groups = list(groups)
        self._asking.cancel()
        self._go_on()

    def forget(self) -> None:
        """Ask anew what was asked before: the machine's memory may have changed."""
        self._settings = None

    def close(self) -> None:
        """Ask nothing any more."""
        self._asking.cancel()

    def _go_on(self) -> None:
        settings = self._settings
        if settings is None:
            return
        self._split_what_does_not_fit()
        size = next((g.size for g in self._groups if g.size not in self._plans), None)
        self._sum(is_complete=size is None)
        if size is not None:
            request = PlanRequest(size.width, size.height, settings)
            self._asking = self._gateway.call(
                lambda plan: self._on_plan(size, plan), self._on_no_plan, Client.plan, request
            )

    def _split_what_does_not_fit(self) -> None:
        """Ask for each size where the largest of a group does not fit: the others may."""
        groups: list[Group] = []
        for found in self._groups:
            plan = self._plans.get(found.size)
            if plan is None or plan.problem is None or len(found.members) == 1:
                groups.append(found)
            else:
                groups += [Group(size, ((size, count),)) for size, count in found.members]
        self._groups = groups

    def _on_plan(self, size: Size, plan: PlanInfo) -> None:
        self._plans[size] = plan
        self._go_on()

    def _on_no_plan(self, problem: Problem) -> None:
        self.estimate = Estimate(problem=problem, is_complete=True)
        if problem.code.startswith(("engine", "connection")):
            self._asking = self._later(AFTER_TROUBLE_MS, self._go_on)
        self.changed.tell()

    def _sum(self, *, is_complete: bool) -> None:
        """Add up; groups that are not planned yet are taken to cost as much for each pixel."""
        known_seconds = known_work = unknown_work = 0.0
        unfit: dict[Size, str] = {}
        largest: PlanInfo | None = None
        for found in self._groups:
            plan = self._plans.get(found.size)
            work = found.weight * found.size.width * found.size.height
            if plan is None:
                unknown_work += work
            elif plan.problem is not None:
                unfit[found.size] = plan.problem.message
            else:
                known_seconds += plan.seconds * found.weight
                known_work += work
                if largest is None or plan.peak_bytes > largest.peak_bytes:
                    largest = plan
        seconds = None
        if known_work:
            seconds = known_seconds * (1 + unknown_work / known_work)
        elif is_complete:
            seconds = 0.0
        self.estimate = Estimate(
            seconds=seconds,
            is_complete=is_complete,
            unfit=unfit,
            peak_bytes=0 if largest is None else largest.peak_bytes,
            available_bytes=0 if largest is None else largest.available_bytes,
            device="" if largest is None else largest.device,
        )
        self.changed.tell()
