"""Which plan is chosen: properties that hold on any device, whatever the measured figures are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalediff_engine.base.errors import NotEnoughMemory
from scalediff_engine.base.geometry import Size
from scalediff_engine.families.flux.spec import FLUX_DEV
from scalediff_engine.families.sd15.spec import SD15
from scalediff_engine.families.sdxl.spec import SDXL
from scalediff_engine.memory import plan as plan_module
from scalediff_engine.memory.device_info import Device
from scalediff_engine.memory.plan import Choice, MemoryBudget, MemoryPlan, choose_plans
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.spec.footprint import (
    GIB,
    AutoencoderFootprint,
    AutoencoderRow,
    Denoiser,
    StageLoad,
    require_fit,
)

# An autoencoder that works on whole pictures alone.
WHOLE = AutoencoderFootprint(2_000_000, (AutoencoderRow(500, 600, 700, 1.1, 1.2),))
ON_WHOLES = replace(SDXL, name="on-wholes", footprint=replace(SDXL.footprint, autoencoder=WHOLE))
FAMILIES = {facts.name: facts for facts in (SD15, SDXL, FLUX_DEV)}
# Of the weights, main memory is filled to this share.
HOST_SHARE = 0.9
# Plans whose times differ by less are equal.
TOLERANCE = 1.1

CARD = Device("a card", 24 * GIB, 64 * GIB, 50_000.0)


@dataclass(frozen=True)
class Job:
    """An upscale from the native size, doubling; only the first stage's source is encoded too."""

    name: str
    target: Size
    guided: bool = False
    evaluations: int = 20

    @property
    def facts(self) -> FamilyFacts:
        return ON_WHOLES if self.name == ON_WHOLES.name else FAMILIES[self.name]

    @property
    def denoiser(self) -> Denoiser:
        assert self.facts.footprint.denoiser is not None
        return self.facts.footprint.denoiser

    @property
    def loads(self) -> list[StageLoad]:
        canvases = [self.target.padded(64)]
        while canvases[0].area > 1.5 * self.facts.native.area:
            canvases.insert(0, canvases[0].scaled(0.5).padded(64))
        return [StageLoad(canvas, self.evaluations, self.guided) for canvas in canvases]

    @property
    def largest(self) -> int:
        return self.loads[-1].canvas.area

    def choose(self, room: MemoryBudget) -> Choice:
        return choose_plans(self.facts.footprint, None, self.loads, room)

    def peak_bytes(self, plan: MemoryPlan, room: MemoryBudget) -> int:
        """What ``plan``, which need not be the chosen one, would take."""
        arithmetic = plan_module._Job(self.facts.footprint, None, self.loads, room)  # pyright: ignore[reportPrivateUsage]
        return arithmetic._peak(plan)  # pyright: ignore[reportPrivateUsage]

    def weight_bytes(self, room: MemoryBudget, bits: int = 16) -> int:
        rest = self.denoiser.parameters - self.denoiser.block_parameters
        blocks = self.denoiser.block_parameters * bits // 16
        return (blocks + rest) * room.device.element_bytes

    def held_plans(self, bits: int, room: MemoryBudget) -> Iterator[MemoryPlan]:
        """Frugal plans, of which main memory holds what is not on the device."""
        held = room.device.host_bytes * HOST_SHARE
        total = self.weight_bytes(room, bits)
        rest = self.weight_bytes(room, 0)
        least = rest + 2 * self.denoiser.largest_block * room.device.element_bytes * bits // 16
        for above, twentieths in product((None, 0), range(21)):
            resident = least + (total - least) * twentieths // 20
            if (total - resident if above is None else total) <= held:
                yield MemoryPlan(0, 1, above, resident, bits)


def log_bytes(low_gib: float, high_gib: float) -> st.SearchStrategy[int]:
    """Bytes, every order of magnitude as likely as the others."""
    exponents = st.floats(math.log(low_gib), math.log(high_gib))
    return exponents.map(lambda exponent: int(math.exp(exponent) * GIB))


sides = st.integers(8, 128).map(lambda steps: 64 * steps)
jobs = st.builds(
    Job,
    st.sampled_from(sorted(FAMILIES)),
    st.builds(Size, sides, sides),
    st.booleans(),
    st.integers(1, 100),
)
paces = st.floats(math.log(50), math.log(1e6)).map(math.exp)
cards = st.builds(
    Device,
    st.just("a card"),
    log_bytes(1, 180),
    log_bytes(0.3, 256),
    paces,
    st.just(2),
    st.sampled_from([2, 4]),
    st.booleans(),
)
processors = st.builds(
    Device, st.just("the CPU"), log_bytes(1, 512), st.just(0), paces, st.just(4), st.just(4)
)
limits = st.none() | log_bytes(0.7, 100)
rooms = st.builds(
    MemoryBudget, cards | processors, limits, st.sampled_from([1.0, 0.8, 1.5]), st.booleans()
)
card_rooms = st.builds(MemoryBudget, cards, limits)

quick = settings(max_examples=50, deadline=None)


def fits(choice: Choice, room: MemoryBudget) -> bool:
    return choice.cost.peak_bytes <= room.usable_bytes


def seconds(choice: Choice, room: MemoryBudget) -> float:
    return choice.cost.gflop / room.device.gflop_per_second


@quick
@given(jobs, rooms)
def test_the_cost_is_that_of_the_first_plan_with_its_weights_and_one_step(
    job: Job, room: MemoryBudget
) -> None:
    choice = job.choose(room)
    plan = choice.plans[0]
    assert choice.cost.peak_bytes == job.peak_bytes(plan, room)
    weights = job.weight_bytes(room, plan.weight_bits)
    kept = min(weights, weights if plan.resident_bytes is None else plan.resident_bytes)
    if plan.weight_bits == 8:  # the block that runs is unpacked
        kept += job.denoiser.largest_block * room.device.element_bytes
    denoiser = job.denoiser
    each = denoiser.compiled.step_bytes_per_pixel if choice.compiled else 0
    each = each or denoiser.step_bytes_per_pixel
    samples = 2 if job.guided and plan.batches(job.largest) else 1
    step = each * room.device.element_bytes / 2 * room.scale * job.largest * samples
    assert choice.cost.peak_bytes > kept + step
    if not room.device.is_separate:
        assert choice.cost.peak_bytes > kept + step + job.facts.footprint.base_bytes


@given(cards | processors, limits)
def test_room_is_left_for_the_driver_and_for_gaps(device: Device, limit_bytes: int | None) -> None:
    usable = MemoryBudget(device, limit_bytes).usable_bytes
    context = 400 * 2**20 if device.is_separate else 0
    assert usable <= 0.95 * device.free_bytes - context
    if limit_bytes is not None:
        assert usable <= limit_bytes - context
        share = 0.94 if device.is_separate else 1
        assert usable <= share * limit_bytes


@quick
@given(jobs, rooms)
def test_what_fits_leaves_its_headroom_free(job: Job, room: MemoryBudget) -> None:
    choice = job.choose(room)
    if not fits(choice, room):
        return
    assert choice.cost.peak_bytes < 0.95 * room.device.free_bytes
    if room.limit_bytes is not None:
        headroom = GIB // 2 if room.device.is_separate else 0
        assert choice.cost.peak_bytes <= room.limit_bytes - headroom


# devices and main memories in GiB, scarce in every way
scarce = pytest.mark.parametrize(
    ("gib", "host_gib"), list(product((2, 4, 6, 8, 12, 20, 24), (1, 2, 4, 8, 12, 32)))
)
SCARCE_JOBS = [
    Job(name, target, guided=name != "flux")
    for name, target in product(FAMILIES, (Size(1024, 1024), Size(4096, 3072)))
]


def scarce_room(gib: int, host_gib: int) -> MemoryBudget:
    return MemoryBudget(replace(CARD, free_bytes=gib * GIB, host_bytes=host_gib * GIB))


@scarce
def test_on_a_scarce_device_a_plan_fits_where_one_can(gib: int, host_gib: int) -> None:
    for job in SCARCE_JOBS:
        check_that_one_fits_where_one_can(job, scarce_room(gib, host_gib))


@quick
@given(jobs, rooms)
def test_a_plan_fits_where_one_can(job: Job, room: MemoryBudget) -> None:
    check_that_one_fits_where_one_can(job, room)


def check_that_one_fits_where_one_can(job: Job, room: MemoryBudget) -> None:
    choice = job.choose(room)
    if fits(choice, room):
        return
    # 8 bits change the picture: they are not for a device that is only too small
    short = room.device.host_bytes * HOST_SHARE < job.weight_bytes(room)
    for bits in (16, 8) if short and room.device.is_separate else (16,):
        for plan in job.held_plans(bits, room):
            assert job.peak_bytes(plan, room) > room.usable_bytes, plan


@quick
@given(jobs, rooms, log_bytes(1, 100), st.floats(0.3, 1))
def test_a_smaller_limit_never_gives_a_larger_peak(
    job: Job, room: MemoryBudget, limit_bytes: int, share: float
) -> None:
    roomy = replace(room, limit_bytes=limit_bytes)
    tight = replace(room, limit_bytes=int(limit_bytes * share))
    most, least = job.choose(roomy), job.choose(tight)
    assert least.cost.peak_bytes <= most.cost.peak_bytes
    assert fits(most, roomy) or not fits(least, tight)


@quick
@given(jobs, rooms)
def test_every_rung_is_smaller_than_the_one_before_and_the_last_is_the_smallest(
    job: Job, room: MemoryBudget
) -> None:
    choice = job.choose(room)
    peaks = [job.peak_bytes(plan, room) for plan in choice.plans]
    assert all(below < above for above, below in pairwise(peaks))
    cramped = job.choose(replace(room, limit_bytes=1))
    assert not fits(cramped, replace(room, limit_bytes=1))
    assert len(cramped.plans) == 1
    bits = cramped.plans[0].weight_bits
    if bits == choice.plans[0].weight_bits:
        assert peaks[-1] <= cramped.cost.peak_bytes
    for plan in job.held_plans(bits, room):
        assert cramped.cost.peak_bytes <= 1.001 * job.peak_bytes(plan, room), plan


@pytest.mark.parametrize("name", FAMILIES)
def test_there_are_rungs_between_the_fastest_and_the_smallest(name: str) -> None:
    job = Job(name, Size(4096, 4096), guided=True)
    room = MemoryBudget(replace(CARD, free_bytes=140 * GIB), limit_bytes=130 * GIB)
    peaks = [job.peak_bytes(plan, room) for plan in job.choose(room).plans]
    assert len(peaks) >= 4
    assert all(below > above / 2 for above, below in pairwise(peaks))


@quick
@given(jobs, card_rooms)
def test_eight_bits_are_for_where_no_plan_with_sixteen_fits(job: Job, room: MemoryBudget) -> None:
    check_that_eight_bits_are_needed(job, room)


@scarce
def test_on_a_scarce_device_eight_bits_are_for_where_no_plan_with_sixteen_fits(
    gib: int, host_gib: int
) -> None:
    for job in SCARCE_JOBS:
        check_that_eight_bits_are_needed(job, scarce_room(gib, host_gib))


def check_that_eight_bits_are_needed(job: Job, room: MemoryBudget) -> None:
    plans = job.choose(room).plans
    if all(plan.weight_bits == 16 for plan in plans):
        return
    assert room.device.host_bytes * HOST_SHARE < job.weight_bytes(room)
    for plan in job.held_plans(16, room):
        assert job.peak_bytes(plan, room) > room.usable_bytes, plan


def test_eight_bits_make_fit_what_main_memory_cannot_hold_in_sixteen() -> None:
    job = Job("flux", Size(2048, 2048))
    room = MemoryBudget(replace(CARD, free_bytes=20 * GIB, host_bytes=3 * GIB))
    choice = job.choose(room)
    assert fits(choice, room)
    assert {plan.weight_bits for plan in choice.plans} == {8}
    ample = replace(room, device=replace(room.device, host_bytes=64 * GIB))
    assert {plan.weight_bits for plan in job.choose(ample).plans} == {16}


@quick
@given(jobs, cards)
def test_nothing_streams_where_everything_fits(job: Job, card: Device) -> None:
    ample = replace(card, free_bytes=1000 * GIB, host_bytes=100 * GIB)
    fastest = job.choose(MemoryBudget(ample, limit_bytes=900 * GIB))
    assert fastest.plans[0].resident_bytes is None
    enough = fastest.cost.peak_bytes + GIB // 2 + fastest.cost.peak_bytes // 8
    snug = MemoryBudget(ample, limit_bytes=enough)
    choice = job.choose(snug)
    assert fits(choice, snug)
    assert choice.plans[0].resident_bytes is None


@quick
@given(jobs, processors, limits)
def test_on_one_shared_memory_nothing_streams_or_leaves(
    job: Job, processor: Device, limit_bytes: int | None
) -> None:
    for plan in job.choose(MemoryBudget(processor, limit_bytes)).plans:
        assert (plan.resident_bytes, plan.alone_above, plan.weight_bits) == (None, None, 16)


def test_a_short_device_streams_what_it_cannot_hold() -> None:
    room = MemoryBudget(CARD, limit_bytes=8 * GIB)
    choice = Job("flux", Size(2048, 2048)).choose(room)
    assert fits(choice, room)
    resident_bytes = choice.plans[0].resident_bytes
    assert resident_bytes is not None
    assert 0 < resident_bytes < choice.cost.peak_bytes


def test_of_equally_fast_plans_the_smallest_is_taken() -> None:
    job = Job("sdxl", Size(4096, 4096))
    room = MemoryBudget(replace(CARD, free_bytes=140 * GIB), limit_bytes=130 * GIB)
    assert job.choose(room).cost.peak_bytes < 0.95 * job.peak_bytes(MemoryPlan(), room)


def test_a_large_device_is_not_filled_without_need() -> None:
    modest = plan_module._MODEST_BYTES  # pyright: ignore[reportPrivateUsage]
    large = replace(CARD, free_bytes=140 * GIB)
    job = Job("flux", Size(1024, 1024))
    assert job.choose(MemoryBudget(large)).cost.peak_bytes <= modest
    asked_for = MemoryBudget(large, limit_bytes=130 * GIB)
    assert job.choose(asked_for).cost.peak_bytes > modest


def test_where_only_more_than_that_will_do_it_is_taken() -> None:
    large = replace(CARD, free_bytes=140 * GIB, host_bytes=GIB)
    job = Job("flux", Size(8192, 8192))
    free, asked_for = (job.choose(MemoryBudget(large, limit)) for limit in (None, 139 * GIB))
    assert free == asked_for
    assert len(free.plans) > 1


def test_the_autoencoder_in_32_bits_is_twice_as_large() -> None:
    job = Job("sdxl", Size(64, 64))
    half, full = (
        job.peak_bytes(MemoryPlan(), MemoryBudget(replace(CARD, vae_element_bytes=bytes_each)))
        for bytes_each in (2, 4)
    )
    assert full - half > 83_000_000 * 2


def test_bytes_and_seconds_of_the_autoencoder_are_those_of_its_footprint() -> None:
    pixels, room = 8192**2, MemoryBudget(CARD)
    strips, wholes = (Job(name, Size(8192, 8192), evaluations=0) for name in ("sdxl", "on-wholes"))
    alone = MemoryPlan(alone_above=0, resident_bytes=0)
    fixed = wholes.peak_bytes(alone, room) - 700 * pixels
    assert strips.peak_bytes(alone, room) == 665 * pixels + fixed + 82_000_000 * 2
    # one amount of working memory is all that it knows
    assert wholes.peak_bytes(replace(alone, vae_bytes=1), room) == 700 * pixels + fixed
    assert {plan.vae_bytes for plan in wholes.choose(room).plans} == {500 * pixels}
    megapixels = sum(load.canvas.area for load in wholes.loads) / 1e6
    expected = megapixels * (4_700 * 1.1 + 10_000 * 1.2)
    assert wholes.choose(room).cost.gflop == pytest.approx(expected)


def test_a_denoiser_that_leaves_makes_room() -> None:
    job, room = Job("flux", Size(4096, 4096)), MemoryBudget(CARD)
    peaks = [job.peak_bytes(MemoryPlan(0, None, above), room) for above in (None, 0)]
    assert peaks[1] < peaks[0]


def test_what_is_compiled_takes_less() -> None:
    job = Job("flux", Size(4096, 4096))
    room = MemoryBudget(replace(CARD, compiles=True), pictures=1000)
    plain = replace(room, device=CARD)
    assert job.choose(room).compiled
    frugal = MemoryPlan(vae_bytes=1)
    assert job.peak_bytes(frugal, room) < job.peak_bytes(frugal, plain)


@pytest.mark.parametrize("elements", [2, 4])
@pytest.mark.parametrize("gib", [6, 8, 12, 16])
def test_what_a_device_has_is_put_to_use(gib: int, elements: int) -> None:
    # weights that stay need not travel: whether the autoencoder counts in 16 bits or in 32
    device = replace(CARD, free_bytes=gib * GIB, vae_element_bytes=elements)
    room = MemoryBudget(device)
    choice = Job("flux", Size(1024, 1024)).choose(room)
    assert choice.plans[0].resident_bytes is not None
    assert 0.9 * room.usable_bytes - GIB < choice.cost.peak_bytes <= room.usable_bytes


@pytest.mark.parametrize("name", ["sdxl", "flux"])
def test_a_denoiser_that_cannot_leave_streams_no_more_than_it_must(name: str) -> None:
    streaming: list[float] = []
    for gib, host_gib, side in product((4, 5, 6, 8, 10, 12), (1, 2, 4, 8), (1024, 2048)):
        room = scarce_room(gib, host_gib)
        choice = Job(name, Size(side, side)).choose(room)
        plan = choice.plans[0]
        if fits(choice, room) and (plan.alone_above, plan.resident_bytes is None) == (None, False):
            streaming.append(choice.cost.peak_bytes / room.usable_bytes)
    # beside steps, and beside the autoencoder where it takes more
    assert streaming
    assert min(streaming) > 0.99


@quick
@given(jobs, rooms)
def test_where_nothing_fits_the_sentence_tells_a_size_that_does(
    job: Job, room: MemoryBudget
) -> None:
    check_the_size_that_is_offered(job, room)


@pytest.mark.parametrize("gib", [2, 3, 4, 5, 6, 8, 12])
@pytest.mark.parametrize("name", FAMILIES)
def test_on_a_small_device_the_sentence_tells_a_size_that_fits(name: str, gib: int) -> None:
    for target in (Size(2048, 2048), Size(4096, 4096), Size(8192, 2048), Size(8192, 8192)):
        check_the_size_that_is_offered(Job(name, target), MemoryBudget(CARD, limit_bytes=gib * GIB))


def check_the_size_that_is_offered(job: Job, room: MemoryBudget) -> None:
    choice = job.choose(room)
    if fits(choice, room):
        return
    with pytest.raises(NotEnoughMemory) as refused:
        require_fit(choice.cost, room.usable_bytes, job.target, "a card")
    offered = str(refused.value).split("to use. ")[1]
    if offered == "Not even a small picture fits.":
        small = replace(job, target=Size(64, 64))
        assert not fits(small.choose(room), room) or room.usable_bytes < choice.cost.fixed_bytes
        return
    width, height = map(int, offered.removesuffix(" would fit.").split("x"))
    # canvases are whole multiples; what is asked is the arithmetic, so sizes are rounded down
    smaller = replace(job, target=Size(max(64, width // 64 * 64), max(64, height // 64 * 64)))
    assert smaller.target.area < job.target.area
    less = smaller.choose(room)
    # compiling, which is chosen for its time, makes steps smaller too
    assert fits(less, room) or less.compiled != choice.compiled


@quick
@given(jobs, cards, st.floats(1, 20), limits)
def test_a_faster_device_is_not_slower(
    job: Job, card: Device, factor: float, limit_bytes: int | None
) -> None:
    slow = MemoryBudget(replace(card, compiles=False), limit_bytes)
    fast = replace(
        slow,
        device=replace(slow.device, gflop_per_second=slow.device.gflop_per_second * factor),
    )
    assert seconds(job.choose(fast), fast) <= TOLERANCE * seconds(job.choose(slow), slow)


def test_seconds_fall_with_a_faster_device() -> None:
    job = Job("sdxl", Size(4096, 4096), guided=True)
    rooms = [MemoryBudget(replace(CARD, gflop_per_second=pace)) for pace in (5_000, 20_000, 80_000)]
    times = [seconds(job.choose(room), room) for room in rooms]
    assert times[0] > 3 * times[1] > 9 * times[2]


@quick
@given(jobs, cards | processors, st.floats(1.05, 2))
def test_a_machine_that_took_more_is_expected_to_take_more(
    job: Job, device: Device, scale: float
) -> None:
    room = MemoryBudget(replace(device, free_bytes=9000 * GIB), limit_bytes=8000 * GIB)
    usual, more = job.choose(room), job.choose(replace(room, scale=scale))
    if more.plans[0] != usual.plans[0]:
        return
    assert more.cost.peak_bytes > usual.cost.peak_bytes
    grown = more.cost.peak_bytes - usual.cost.peak_bytes
    foreseen = (usual.cost.peak_bytes - usual.cost.fixed_bytes) * (scale - 1)
    # what did not grow with the picture does not grow with the scale either
    assert foreseen * 0.999 - 2 <= grown
    if more.cost.fixed_bytes == usual.cost.fixed_bytes:
        assert grown <= foreseen * 1.001 + 2


@quick
@given(jobs, rooms, st.integers(2, 1000))
def test_compiling_is_for_devices_with_a_compiler_and_pays_with_more_pictures(
    job: Job, room: MemoryBudget, pictures: int
) -> None:
    once = job.choose(room).compiled
    often = job.choose(replace(room, pictures=pictures)).compiled
    assert often or not once
    assert job.choose(replace(room, compiled_before=True)).compiled or not once
    assert room.device.compiles or not often
    if room.device.compiles:
        assert job.choose(replace(room, pictures=10**9)).compiled


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("before", [False, True])
def test_compiling_is_chosen_where_it_saves_more_than_it_takes(name: str, *, before: bool) -> None:
    pace, evaluations = 20_000.0, 20
    facts = FAMILIES[name]
    job = Job(name, facts.native, evaluations=evaluations)
    compiled = job.denoiser.compiled
    step = facts.footprint.step_gflop_per_megapixel * facts.native.area / 1e6 / pace
    saved = compiled.saving * evaluations * max(step, job.denoiser.launch_seconds)
    takes = compiled.cached_seconds if before else compiled.first_seconds
    room = MemoryBudget(replace(CARD, gflop_per_second=pace, compiles=True), compiled_before=before)
    for pictures in range(1, 40):
        choice = job.choose(replace(room, pictures=pictures))
        assert choice.compiled == (saved * pictures > takes)


def test_compiled_code_is_faster_and_needs_less() -> None:
    job = Job("flux", Size(4096, 4096))
    compiling = MemoryBudget(replace(CARD, compiles=True, free_bytes=140 * GIB))
    plain = replace(compiling, device=replace(compiling.device, compiles=False))
    fast, slow = job.choose(compiling), job.choose(plain)
    assert fast.compiled
    assert not slow.compiled
    assert fast.cost.gflop < slow.cost.gflop


def test_choosing_is_quick() -> None:
    job = Job("sdxl", Size(8192, 8192), guided=True)
    room = MemoryBudget(replace(CARD, host_bytes=2 * GIB))  # both kinds of weights are thought of
    assert len(job.loads) == 4
    assert min(_processor_seconds(lambda: job.choose(room)) for _ in range(3)) < 0.05


def _processor_seconds(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began
