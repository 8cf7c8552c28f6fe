"""Memory plans: how a job is spread over a device's memory, and which plan fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import pairwise, product

from scalediff_engine.base.geometry import Size
from scalediff_engine.memory.device_info import Device
from scalediff_engine.spec.footprint import GIB, AutoencoderRow, Cost, Footprint, StageLoad


@dataclass(frozen=True)
class MemoryPlan:
    """What is kept on the device and how much is computed at once.

    Plans differ in memory and time. The picture is the same, within float tolerance, under all
    of them except those with 8-bit weights.

    Attributes:
        batch_pixels: the two evaluations of a guided step run as one batch where they have no more
            pixels together; None = they always do
        vae_bytes: working memory of the autoencoder's strips, beside its input and output; None =
            as much as is fastest
        alone_above: the denoiser leaves the device while the autoencoder works on a picture of
            more pixels than this; None = it never does
        resident_bytes: of the denoiser's weights that stay on the device, the others come from
            main memory when their turn comes; None = all stay
        weight_bits: 16, or 8 with arithmetic in 16
    """

    batch_pixels: int | None = None
    vae_bytes: int | None = None
    alone_above: int | None = None
    resident_bytes: int | None = None
    weight_bits: int = 16

    def batches(self, pixels: int) -> bool:
        """Whether two evaluations of a canvas of so many pixels are one batch."""
        return self.batch_pixels is None or 2 * pixels <= self.batch_pixels


UNLIMITED = MemoryPlan()

# What the device's memory holds beside what the plan counts: the driver's context, and the gaps
# that an allocator leaves.
_CONTEXT_BYTES = GIB // 2
_SHARE_OF_FREE = 0.93
# Beyond this nothing gets faster, and other programs want to live too. A job that needs more, or
# --max-memory, lifts it.
_MODEST_BYTES = 22 * GIB
# Plans this close to the fastest are equal; the smallest of them is taken. Nobody minds half a
# second.
_AS_FAST = 1.07
_AS_FAST_SECONDS = 0.5
# A plan for when memory ran out must be smaller by something.
_NEXT_RUNG = 0.85

# Weights on their way to the device, and when they are first laid out for that; bytes a second.
_TRAVEL = 12e9
_SETUP = 3e9


# Workspaces of the libraries, embeddings, latents.
_SMALL_BYTES = 150 * 2**20


@dataclass(frozen=True)
class MemoryBudget:
    """Where a job may run.

    Attributes:
        device: what it has
        limit_bytes: not to be exceeded, the driver's context included; None = what is free
        scale: of what this machine's runs took beside the weights, to what was predicted
        compiled_before: compiled code is kept on disk
        pictures: of this size, one after the other; compiling pays for all of them
    """

    device: Device
    limit_bytes: int | None = None
    scale: float = 1.0
    compiled_before: bool = False
    pictures: int = 1

    @property
    def usable_bytes(self) -> int:
        """What a plan may use."""
        limit = self.limit_bytes
        free = int(self.device.free_bytes * _SHARE_OF_FREE)
        if not self.device.is_separate:  # main memory: no context to pay for
            return free if limit is None else min(free, limit)
        if limit is None:
            return free - _CONTEXT_BYTES
        # the gaps grow with the memory that they lie in
        return min(free - _CONTEXT_BYTES, limit - max(_CONTEXT_BYTES, limit // 16))


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes:
        plans: from the chosen one to the smallest
        cost: of the chosen one; where none fits, of the smallest
        compiled: compiling what the model repeats saves more time than it takes
    """

    plans: tuple[MemoryPlan, ...]
    cost: Cost
    compiled: bool = False


@dataclass(frozen=True)
class _Candidate:
    plan: MemoryPlan
    peak_bytes: int
    streamed_bytes: int
    seconds: float
    gflop: float


def choose_plans(
    footprint: Footprint, start: Size | None, stages: Sequence[StageLoad], room: MemoryBudget
) -> Choice:
    """Choose the plan of a job, and those to fall back on.

    Args:
        footprint: of a family with a ``denoiser``
        start: a picture that is encoded besides those of the stages
        stages: what they compute
        room: where
    """
    job = _Job(footprint, start, stages, room)
    usable = room.usable_bytes
    modest = usable if room.limit_bytes is not None else min(usable, _MODEST_BYTES)
    candidates, all_held = job.candidates(16, modest)
    if not all_held and not _fitting(candidates, usable):
        # 8 bits change the picture: only where main memory cannot hold the plans of 16 that fit
        candidates += job.candidates(8, modest)[0]
    candidates.sort(key=lambda c: -c.peak_bytes)
    fitting = _fitting(candidates, modest) or _fitting(candidates, usable)
    chosen = candidates[-1]
    if fitting:
        fastest = min(c.seconds for c in fitting)
        equal = [c for c in fitting if c.seconds <= fastest * _AS_FAST + _AS_FAST_SECONDS]
        # main memory and the bus belong to other programs too: streaming is for what must be
        # and half a GiB more or less is all the same to them
        chosen = min(equal, key=lambda c: (c.streamed_bytes, c.peak_bytes * 2 // GIB, c.seconds))
    plans = tuple(c.plan for c in _ladder(chosen, candidates))
    return Choice(plans, job.cost(chosen), job.compiled)


def _fitting(candidates: Sequence[_Candidate], limit_bytes: int) -> list[_Candidate]:
    return [c for c in candidates if c.peak_bytes <= limit_bytes]


def _ladder(chosen: _Candidate, falling: Sequence[_Candidate]) -> list[_Candidate]:
    """From the chosen candidate down to the smallest, the fastest of each height."""
    rungs = [chosen]
    while below := [c for c in falling if c.peak_bytes <= rungs[-1].peak_bytes * _NEXT_RUNG]:
        lowest = below[0].peak_bytes * _NEXT_RUNG
        rungs.append(min((c for c in below if c.peak_bytes >= lowest), key=lambda c: c.seconds))
    if falling[-1].peak_bytes < rungs[-1].peak_bytes:
        rungs.append(falling[-1])
    return rungs


class _Job:
    """The arithmetic of one job's plans."""

    def __init__(
        self,
        footprint: Footprint,
        start: Size | None,
        stages: Sequence[StageLoad],
        room: MemoryBudget,
    ) -> None:
        assert footprint.denoiser is not None  # the other families have one plan
        self._footprint = footprint
        self._denoiser = footprint.denoiser
        self._autoencoder = footprint.autoencoder
        self._stages = stages
        self._device = room.device
        self._scale = room.scale
        self._element = room.device.element_bytes
        self._guided = any(stage.guided for stage in stages)
        # pictures that are encoded and decoded, in pixels
        self._encoded = [stage.canvas.area for stage in stages if stage.encodes]
        self._encoded += [start.area] if start is not None else []
        self._decoded = [stage.canvas.area for stage in stages if stage.decodes]
        self._largest = max(stage.canvas.area for stage in stages)
        self.compiled = room.device.compiles and self._is_worth_compiling(room)

    def candidates(self, bits: int, usable_bytes: int) -> tuple[list[_Candidate], bool]:
        """Every plan with such weights that is worth a thought; and whether none was left out.

        Those are left out whose weights main memory does not hold.
        """
        plans = list(self._plans(bits, usable_bytes))
        held = [plan for plan in plans if self._host_holds(plan)]
        return [self._candidate(plan) for plan in held], len(held) == len(plans)

    def cost(self, candidate: _Candidate) -> Cost:
        """What a plan takes, and what of it does not grow with the picture."""
        at_the_peak = max(self._phases(candidate.plan), key=sum)
        fixed = self._always_bytes + at_the_peak[0]
        least = self._always_bytes + self._kept_bytes(candidate.plan)
        return Cost(candidate.peak_bytes, candidate.gflop, fixed, least)

    def _is_worth_compiling(self, room: MemoryBudget) -> bool:
        compiled = self._denoiser.compiled
        each = compiled.cached_seconds if room.compiled_before else compiled.first_seconds
        canvases = len({stage.canvas for stage in self._stages})
        saved = compiled.saving * sum(self._step_seconds(s, MemoryPlan()) for s in self._stages)
        return saved * room.pictures > each * canvases

    def _plans(self, bits: int, usable_bytes: int) -> Iterator[MemoryPlan]:
        sides = sorted({*self._encoded, *self._decoded})
        separate = self._device.is_separate
        alone: list[int | None] = [None, *([*reversed(sides[:-1]), 0] if separate else [])]
        batches: list[int | None] = [None]
        if self._guided:
            batches += [2 * side for side in reversed(sides[:-1])] + [0]
        for row, batch, above in product(self._autoencoder.rows, batches, alone):
            vae = _working(row, self._largest, self._device.vae_element_bytes)
            plan = MemoryPlan(batch, vae, above, None, bits)
            yield plan
            if separate:
                (_, beside), _ = self._phases(plan)
                taken = self._always_bytes + self._unpacked_bytes(plan) + int(beside)
                for room in (usable_bytes, usable_bytes // 2, 0):
                    resident = max(room - taken, self._least_resident(plan))
                    if resident < self._weight_bytes(bits):
                        yield replace(plan, resident_bytes=resident)

    def _candidate(self, plan: MemoryPlan) -> _Candidate:
        gflop = self._work(plan)
        seconds = gflop / self._device.gflop_per_second + self._travels(plan)
        return _Candidate(plan, self._peak(plan), self._streamed_bytes(plan), seconds, gflop)

    def _peak(self, plan: MemoryPlan) -> int:
        return self._always_bytes + int(max(map(sum, self._phases(plan))))

    @property
    def _always_bytes(self) -> int:
        base = 0 if self._device.is_separate else self._footprint.base_bytes
        vae = self._autoencoder.parameters * self._device.vae_element_bytes
        return base + _SMALL_BYTES + vae

    def _phases(self, plan: MemoryPlan) -> tuple[tuple[int, float], tuple[int, float]]:
        """Bytes of weights and the most beside them: with the denoiser there, and without it."""
        beside, alone = self._step_bytes(plan), 0.0
        for areas, encode in ((self._encoded, True), (self._decoded, False)):
            for area in areas:
                working = self._autoencoder_bytes(plan, area, encode=encode)
                if plan.alone_above is not None and area > plan.alone_above:
                    alone = max(alone, working)
                else:
                    beside = max(beside, working)
        return (self._kept_bytes(plan), beside), (self._rest_bytes(), alone)

    def _autoencoder_bytes(self, plan: MemoryPlan, area: int, *, encode: bool) -> float:
        row = self._row(plan, area)
        each = row.encode if encode else row.decode
        return each * area * self._device.vae_element_bytes / 2 * self._scale

    def _row(self, plan: MemoryPlan, area: int) -> AutoencoderRow:
        """What a picture of this size takes: a smaller one has more for each of its pixels."""
        rows = self._autoencoder.rows
        if plan.vae_bytes is None:
            return rows[0]
        return _between_rows(rows, plan.vae_bytes * 2 / self._device.vae_element_bytes / area)

    def _step_bytes(self, plan: MemoryPlan) -> float:
        denoiser = self._denoiser
        each = denoiser.step_bytes_per_pixel
        if self.compiled:
            each = denoiser.compiled.step_bytes_per_pixel
        pixels = max(stage.canvas.area * self._samples(stage, plan) for stage in self._stages)
        return each * self._element / 2 * self._scale * pixels

    def _samples(self, stage: StageLoad, plan: MemoryPlan) -> int:
        return 2 if stage.guided and plan.batches(stage.canvas.area) else 1

    def _step_seconds(self, stage: StageLoad, plan: MemoryPlan) -> float:
        """Seconds of all steps of a stage, in which weights may travel."""
        samples = self._samples(stage, plan)
        gflop = self._footprint.step_gflop_per_megapixel * stage.canvas.area / 1e6 * samples
        one = max(gflop / self._device.gflop_per_second, self._launch_seconds)
        one = max(one, self._streamed_bytes(plan) / _TRAVEL)
        return one * stage.evaluations / samples

    @property
    def _launch_seconds(self) -> float:
        return self._denoiser.launch_seconds if self._device.is_separate else 0.0

    def _work(self, plan: MemoryPlan) -> float:
        """GFLOP, with slow ones counted as what they take as long as."""
        pace = self._device.gflop_per_second
        work = sum(self._step_seconds(stage, plan) for stage in self._stages) * pace
        if self.compiled:
            work *= 1 - self._denoiser.compiled.saving
        in_16_bits = self._device.vae_element_bytes / 2
        for areas, encode in ((self._encoded, True), (self._decoded, False)):
            for area in areas:
                row = self._row(plan, area)
                if encode:
                    each = self._footprint.encode_gflop_per_megapixel * row.encode_slowness
                else:
                    each = self._footprint.decode_gflop_per_megapixel * row.decode_slowness
                work += each * area / 1e6 * in_16_bits
        return work

    def _travels(self, plan: MemoryPlan) -> float:
        """Seconds in which weights travel and nothing is computed."""
        seconds = self._streamed_bytes(plan) / _SETUP
        if plan.alone_above is not None:
            seconds += self._returns(plan.alone_above) * self._kept_bytes(plan) / _TRAVEL
        return seconds

    def _returns(self, alone_above: int) -> int:
        """How often the denoiser comes back to the device, its first journey not counted."""
        areas = [stage.canvas.area for stage in self._stages]
        return sum(max(before, area) > alone_above for before, area in pairwise(areas))

    def _streamed_bytes(self, plan: MemoryPlan) -> int:
        total = self._weight_bytes(plan.weight_bits)
        return 0 if plan.resident_bytes is None else max(0, total - plan.resident_bytes)

    def _host_holds(self, plan: MemoryPlan) -> bool:
        """Whether main memory holds what this plan keeps there."""
        if not self._device.is_separate:
            return True
        needed = self._streamed_bytes(plan)
        if plan.alone_above is not None:
            needed = self._weight_bytes(plan.weight_bits)
        return needed <= self._held_bytes

    @property
    def _held_bytes(self) -> int:
        """What main memory holds of the denoiser."""
        return int(self._device.host_bytes * 0.9)

    def _weight_bytes(self, bits: int) -> int:
        blocks = self._denoiser.block_parameters * self._element * bits // 16
        return blocks + self._rest_bytes()

    def _rest_bytes(self) -> int:
        return (self._denoiser.parameters - self._denoiser.block_parameters) * self._element

    def _least_resident(self, plan: MemoryPlan) -> int:
        bits = plan.weight_bits
        least = self._rest_bytes() + 2 * self._denoiser.largest_block * self._element * bits // 16
        if plan.alone_above is not None:  # then main memory must hold everything anyway
            return least
        return max(least, self._weight_bytes(bits) - self._held_bytes)

    def _kept_bytes(self, plan: MemoryPlan) -> int:
        total = self._weight_bytes(plan.weight_bits)
        kept = total if plan.resident_bytes is None else min(total, plan.resident_bytes)
        return kept + self._unpacked_bytes(plan)

    def _unpacked_bytes(self, plan: MemoryPlan) -> int:
        """Of weights in 8 bits, the block that runs is there in 16 bits too."""
        return self._denoiser.largest_block * self._element if plan.weight_bits == 8 else 0


def _between_rows(rows: Sequence[AutoencoderRow], working: float) -> AutoencoderRow:
    """Read the table where it has no row, along the straight line between its neighbours."""
    if working >= rows[0].working:
        return rows[0]
    for upper, lower in pairwise(rows):
        if working >= lower.working:
            share = (working - lower.working) / (upper.working - lower.working)
            pairs = zip(astuple(lower), astuple(upper), strict=True)
            return AutoencoderRow(*(low + share * (high - low) for low, high in pairs))
    return rows[-1]


def _working(row: AutoencoderRow, area: int, element_bytes: int) -> int:
    return int(row.working * area * element_bytes / 2)
