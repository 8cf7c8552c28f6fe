"""What this machine can do for a job, and a job planned for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from scalediff_engine.base.errors import NotEnoughMemory
from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.client.messages import UpscaleSettings, Window
from scalediff_engine.families import registry as families
from scalediff_engine.memory.device_info import (
    NOTHING_HELD,
    ReclaimableMemory,
    available_memory_bytes,
    find_device,
)
from scalediff_engine.memory.plan import MemoryBudget
from scalediff_engine.memory.speed_record import SpeedRecord, compiled_folder, default_file
from scalediff_engine.planning.notes import Asked, precision_notes, unused_notes
from scalediff_engine.planning.plan import Plan, plan_fast, plan_upscale
from scalediff_engine.planning.settings import Method, Settings, settled
from scalediff_engine.planning.settings_parsing import (
    ModelChoice,
    limit_of,
    model_of,
    settings_of,
    target_of,
)
from scalediff_engine.planning.window import window_box
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.spec.footprint import GIB, Cost, require_fit
from scalediff_engine.upscalers.spec import FAST


def chosen(choice: ModelChoice, settings: Settings) -> tuple[ModelChoice, FamilyFacts]:
    """Give what will work, and its facts; the fast networks run on the processor.

    Raises:
        ModelMissing: no such family and no such model.
        ModelError: it is there and cannot be used.
    """
    if settings.method is Method.FAST:
        return replace(choice, device="cpu"), FAST
    return choice, families.facts(choice.name, choice.loras)


def plan_method(
    source: Size,
    target: Size,
    facts: FamilyFacts,
    settings: Settings,
    room: MemoryBudget | None = None,
    window: Box | None = None,
) -> Plan:
    """Settle an upscale by the method of the settings; see ``plan_upscale``."""
    if settings.method is Method.FAST:
        return plan_fast(source, target, window)
    return plan_upscale(source, target, facts, settings, room, window)


_UNDER_A_LIMIT = "this machine under the memory limit"


@dataclass(frozen=True)
class Resources:
    """What the work may use.

    Attributes:
        available_bytes: memory
        limited_by: in words, for the sentence that refuses
        seconds: estimates what a cost takes
        room: for families that are spread over a device's memory by a plan
    """

    available_bytes: int
    limited_by: str
    seconds: Callable[[Cost], float]
    room: MemoryBudget | None = None

    def require_room(self, plan: Plan) -> None:
        """Pass if a plan fits.

        Raises:
            NotEnoughMemory: it does not; says what would.
        """
        if plan.window is None:
            require_fit(plan.cost, self.available_bytes, plan.target, self.limited_by)
        elif plan.cost.peak_bytes > self.available_bytes:
            raise NotEnoughMemory(
                f"A window of {plan.window.size} needs {plan.cost.peak_bytes / GIB:.1f} GiB and "
                f"{self.limited_by} has {self.available_bytes / GIB:.1f} GiB to use. A smaller "
                "window, or a smaller result, would help."
            )


def resources_for(
    facts: FamilyFacts,
    device: str,
    limit_bytes: int | None,
    speed: SpeedRecord,
    *,
    limit_name: str = _UNDER_A_LIMIT,
    held: ReclaimableMemory = NOTHING_HELD,
) -> Resources:
    """Say what this machine gives for a model: main memory, or a device and the room on it.

    Args:
        facts: of the model
        device: as typed
        limit_bytes: that the user set, or None
        speed: what earlier runs took
        limit_name: what has so little "to use" if the limit is what a job exceeds
        held: what is not free, but will be when the job begins
    """
    if facts.footprint.denoiser is None:
        available_bytes, limited_by = available_memory_bytes() + held.host_bytes, "this machine"
        if limit_bytes is not None and limit_bytes < available_bytes:
            available_bytes, limited_by = limit_bytes, limit_name
        pace = speed.gflop_per_second(device, facts.name)
        return Resources(available_bytes, limited_by, lambda cost: cost.gflop / pace)
    found = held.given_back(find_device(device))
    found_pace = speed.measured(device, facts.name) or found.gflop_per_second
    found = replace(found, gflop_per_second=found_pace)
    room = MemoryBudget(
        found,
        limit_bytes,
        scale=speed.memory_scale(device, facts.name),
        compiled_before=compiled_folder().is_dir(),
    )
    limited_by = found.name if room.usable_bytes >= MemoryBudget(found).usable_bytes else limit_name
    return Resources(room.usable_bytes, limited_by, lambda cost: cost.gflop / found_pace, room)


@dataclass(frozen=True)
class PlannedJob:
    """An upscale that was asked for, settled for this machine.

    Attributes:
        choice: the model and its device
        limit_bytes: of memory, or None
        facts: of the model
        settings: with what the preset says
        plan: may not fit, see ``require_room``
        machine: what it was planned for
        seconds: about how long it takes, loading not included
        notes: sentences on what the user may not have meant
    """

    choice: ModelChoice
    limit_bytes: int | None
    facts: FamilyFacts
    settings: Settings
    plan: Plan
    machine: Resources
    seconds: float
    notes: tuple[str, ...]

    def require_room(self) -> None:
        """Pass if the plan fits.

        Raises:
            NotEnoughMemory: it does not; says what would.
        """
        self.machine.require_room(self.plan)


def plan_for(
    source: Size,
    wanted: UpscaleSettings,
    *,
    window: Window | None = None,
    speed: SpeedRecord | None = None,
    held: ReclaimableMemory = NOTHING_HELD,
) -> PlannedJob:
    """Plan an upscale; milliseconds, and nothing is loaded.

    Args:
        source: of the picture
        wanted: what was asked for
        window: the part of the result that is wanted; None = all of it
        speed: what earlier runs took; None = the user's own record
        held: memory that is not free but will be, such as a model's that makes room for this job

    Raises:
        UsageError: a setting that makes no sense, or a window outside the result.
        ModelError: the model is not there or cannot be used.
    """
    asked, limit_bytes, given = model_of(wanted), limit_of(wanted), settings_of(wanted)
    target = target_of(source, wanted)
    box = None if window is None else window_box(window, target)
    choice, facts = chosen(asked, given)
    settings = settled(given, facts)
    record = SpeedRecord(default_file()) if speed is None else speed
    stays = settings.method is Method.FAST  # a model that is loaded, if there is room beside it
    beside = NOTHING_HELD if stays else held
    machine = resources_for(facts, choice.device, limit_bytes, record, held=beside)
    plan = plan_method(source, target, facts, settings, machine.room, box)
    if stays and plan.cost.peak_bytes > machine.available_bytes:
        machine = resources_for(facts, choice.device, limit_bytes, record, held=held)
    notes = unused_notes(Asked(given, asked, facts, plan)) + precision_notes(plan)
    seconds = machine.seconds(plan.cost)
    return PlannedJob(choice, limit_bytes, facts, settings, plan, machine, seconds, notes)
