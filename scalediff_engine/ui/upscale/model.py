"""The upscale dialog without its widgets: what is chosen, and what it would cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import (
    ModelInfo,
    ModelList,
    PlanInfo,
    PlanRequest,
    Problem,
    UpscaleSettings,
)
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.upscale.choices import Choices, Extent, Unit, new_seed
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.workers import Later, Ticket

# Longer than between two key presses, shorter than one waits for.
PLAN_DELAY_MS = 120
AFTER_TROUBLE_MS = 2000


@dataclass(frozen=True)
class Cost:
    """What the engine says of the choices.

    Attributes:
        plan: what it would come to; none = not known
        problem: why there is none, or why it will not fit
        is_current: whether it is about the choices as they stand
    """

    plan: PlanInfo | None = None
    problem: Problem | None = None
    is_current: bool = False


class UpscaleModel:
    """What is chosen for one picture; asks the engine by itself what that would cost.

    Args:
        gateway: to the engine
        later: calls something after a while
        source: size of the picture
        memory: what was chosen last
        begin: what the host wants it to begin with; none = what was chosen last
        dice: gives a seed

    Attributes:
        changed: told whenever anything here is different
        memory: with what was chosen here, once something was started
    """

    def __init__(
        self,
        gateway: Gateway,
        later: Later,
        source: Size,
        memory: Memory,
        begin: Choices | None = None,
        dice: Callable[[], int] = new_seed,
    ) -> None:
        self._gateway = gateway
        self._later = later
        self._dice = dice
        self._is_told = begin is not None
        self._waiting = Ticket()
        self._asked = Ticket()
        self.source = source
        self.memory = memory
        self.changed = Observers()
        self._choices = begin if begin is not None else memory.begin()
        self._cost = Cost()
        self._models: tuple[ModelInfo, ...] = ()
        self._models_problem: Problem | None = None

    @property
    def choices(self) -> Choices:
        """What is chosen."""
        return self._choices

    @property
    def cost(self) -> Cost:
        """What that would come to."""
        return self._cost

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """What can be chosen; empty until the engine has said it."""
        return self._models

    @property
    def models_problem(self) -> Problem | None:
        """Why the models are not known."""
        return self._models_problem

    @property
    def model(self) -> ModelInfo | None:
        """The chosen one, if it is in the list."""
        return next((info for info in self._models if info.name == self._choices.model), None)

    @property
    def creativity(self) -> float:
        """Where its slider stands: what was chosen, or else the model's own."""
        if self._choices.creativity is not None:
            return self._choices.creativity
        return 0.5 if self.model is None else self.model.default_creativity

    @property
    def result(self) -> Size:
        """The size that is asked for."""
        return self._choices.extent.result(self.source)

    @property
    def can_start(self) -> bool:
        """Whether the engine would take the job, as far as is known."""
        return self._cost.problem is None and self._cost.plan is not None

    def begin(self) -> None:
        """Ask for the models and the cost."""
        self._gateway.call(self._on_models, self._on_no_models, Client.models)
        self._ask_cost()

    def change(self, choices: Choices) -> None:
        """Choose something else."""
        if choices == self._choices:
            return
        if choices.model != self._choices.model:
            choices = self._of_its_family(choices)
        self._choices = choices
        self._cost_later(PLAN_DELAY_MS)
        self.changed.tell()

    def say_in(self, unit: Unit) -> None:
        """Say the size in another unit."""
        extent = self._choices.extent.told_in(unit, self.source)
        self.change(replace(self._choices, extent=extent))

    @property
    def fitting(self) -> Size | None:
        """What the engine says would fit where the choice does not; none = nothing is said."""
        plan = self._cost.plan
        if plan is None or plan.fits_scale is None or not self._cost.is_current:
            return None
        return Extent(scale=plan.fits_scale).result(self.source)

    def make_it_fit(self) -> None:
        """Choose what would fit, in the unit that the size is said in."""
        plan = self._cost.plan
        if plan is not None and plan.fits_scale is not None:
            unit = self._choices.extent.unit
            extent = replace(self._choices.extent, unit=Unit.SCALE, scale=plan.fits_scale)
            self.change(replace(self._choices, extent=extent.told_in(unit, self.source)))

    def prefer(self, model: str) -> None:
        """Choose another model, whatever else is chosen."""
        self.change(replace(self._choices, model=model))

    def look_again(self) -> None:
        """Ask again which models there are: there may be others now."""
        self._ask_models()

    def throw_dice(self) -> None:
        """Take another seed."""
        self.change(replace(self._choices, seed=self._dice()))

    def start(self) -> UpscaleSettings:
        """Give what is to be asked for, and remember it."""
        if not self._choices.seed_is_locked:
            self._choices = replace(self._choices, seed=self._dice())
            self.changed.tell()
        family = self._choices.model if self.model is None else self.model.family
        self.memory = self.memory.keep(self._choices, family)
        return self._choices.settings(self.source)

    def close(self) -> None:
        """Ask nothing any more."""
        self._waiting.cancel()
        self._asked.cancel()

    def _of_its_family(self, choices: Choices) -> Choices:
        """Give what the chosen model's family was last used with, if the family is another."""
        before = self.model
        after = next((info for info in self._models if info.name == choices.model), None)
        if after is None or (before is not None and before.family == after.family):
            return choices
        return self.memory.apply(choices, after.family)

    def _remembered(self, family: str) -> Choices:
        """Give what a family was last used with, but for what was changed here meanwhile."""
        begun = self.memory.begin()
        changed = {
            field.name: getattr(self._choices, field.name)
            for field in fields(Choices)
            if getattr(self._choices, field.name) != getattr(begun, field.name)
        }
        return replace(self.memory.apply(begun, family), **changed)

    def _on_models(self, found: ModelList) -> None:
        was_known = bool(self._models)
        self._models, self._models_problem = tuple(found.models), None
        chosen = self.model
        if chosen is None and not self._is_told and self._models:
            usable = [info for info in self._models if info.installed] or list(self._models)
            self._choices = replace(self._choices, model=usable[0].name)
            chosen = usable[0]
            self._choices = self.memory.apply(self._choices, chosen.family)
        elif chosen is not None and not self._is_told and not was_known:
            self._choices = self._remembered(chosen.family)
        self._cost_later(0)
        self.changed.tell()

    def _on_no_models(self, problem: Problem) -> None:
        self._models_problem = problem
        self._later(AFTER_TROUBLE_MS, self._ask_models)
        self.changed.tell()

    def _ask_models(self) -> None:
        self._gateway.call(self._on_models, self._on_no_models, Client.models)

    def _cost_later(self, delay_ms: int) -> None:
        self._cost = replace(self._cost, is_current=False)
        self._waiting.cancel()
        self._asked.cancel()
        self._waiting = self._later(delay_ms, self._ask_cost)

    def _ask_cost(self) -> None:
        request = PlanRequest(
            self.source.width, self.source.height, self._choices.settings(self.source)
        )
        self._asked.cancel()
        self._asked = self._gateway.call(self._on_cost, self._on_no_cost, Client.plan, request)

    def _on_cost(self, plan: PlanInfo) -> None:
        self._cost = Cost(plan, plan.problem, is_current=True)
        self.changed.tell()

    def _on_no_cost(self, problem: Problem) -> None:
        self._cost = Cost(None, problem, is_current=True)
        if problem.code.startswith(("engine", "connection")):
            self._waiting.cancel()
            self._waiting = self._later(AFTER_TROUBLE_MS, self._ask_cost)
        self.changed.tell()
