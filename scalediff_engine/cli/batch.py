"""``scalediff upscale`` and ``generate``: job after job; one bad file stops nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from scalediff_engine.base.errors import (
    Cancelled,
    DiskFull,
    OutputExists,
    ScaleDiffError,
    UsageError,
)
from scalediff_engine.base.files import disk_of
from scalediff_engine.base.text import duration, gib
from scalediff_engine.cli import streams
from scalediff_engine.cli.events import (
    OUTPUT_EXISTS,
    Advanced,
    Failed,
    Failure,
    Finished,
    Job,
    Loading,
    Note,
    Numbered,
    Planned,
    Skipped,
    Summary,
)
from scalediff_engine.cli.interrupt import EXIT_CODE, Answer, Interrupts
from scalediff_engine.cli.jobs import Worklist, make_generate_worklist, make_worklist
from scalediff_engine.cli.logs import crash_error
from scalediff_engine.cli.outputs import exists_already, room_notes
from scalediff_engine.cli.pipes import Pipes, opened
from scalediff_engine.cli.remarks import with_notes
from scalediff_engine.cli.report import Reporter, Reporting, make_reporter
from scalediff_engine.cli.request import STREAM, GenerateRequest, Request, UpscaleRequest
from scalediff_engine.cli.streams import StdoutClosed, one_line, plural
from scalediff_engine.client.batches import Existing
from scalediff_engine.families import registry as families
from scalediff_engine.images.formats import format_for
from scalediff_engine.images.writer import encode_picture
from scalediff_engine.memory.oom import memory_ran_out
from scalediff_engine.memory.speed_record import SpeedRecord, default_file
from scalediff_engine.planning.plan import Plan
from scalediff_engine.planning.planner import Resources, chosen, resources_for
from scalediff_engine.planning.progress import Progress, ProgressCallback
from scalediff_engine.planning.settings import Method, settled
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.spec.footprint import Cost
from scalediff_engine.store.locate import locate

if TYPE_CHECKING:
    from scalediff_engine.images.picture import Picture


EXIT_SOME_FAILED = 6


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready for one picture after the other.

    Attributes:
        device: where it really is
        make: picture to enlarge (None: the plan makes one from noise), plan, callback to the
            result and its recipe
        notes: sentences on what it was put together from
        peak_bytes: of the device's memory that the last picture took; None = not known
    """

    device: str
    make: Callable[[Picture | None, Plan, ProgressCallback], tuple[Picture, str]]
    notes: tuple[str, ...] = ()
    peak_bytes: Callable[[], int | None] = lambda: None


@dataclass
class Batch:
    """One run over a worklist.

    Attributes:
        title: of the model, for people
        pipes: reads inputs and writes results
        remember: told of each finished job's device, cost, seconds, and bytes at the peak
        clock: seconds, monotonic
    """

    request: Request
    worklist: Worklist
    title: str
    pipes: Pipes
    reporter: Reporter
    interrupts: Interrupts
    remember: Callable[[str, Cost, float, int | None], None]
    clock: Callable[[], float] = time.monotonic
    _model: LoadedModel | None = None
    _model_notes: tuple[str, ...] = ()
    _done: int = 0
    _skipped: int = 0
    _not_started: int = 0
    _full_disks: set[int] = field(default_factory=set[int])
    _done_gflop: float = 0.0
    _done_s: float = 0.0
    _waiting_gflop: float = 0.0
    _waiting_s: float = 0.0
    _failures: list[Failure] = field(default_factory=list[Failure])

    def run(self) -> int:
        """Do all jobs and give the exit code.

        Raises:
            StdoutClosed: nobody listens to the results any more.
            ModelError, UsageError: the model cannot be loaded, so no job can be done.
        """
        with self.interrupts.watched():
            return self._run()

    def _run(self) -> int:
        start_s = self.clock()
        self._failures = list(self.worklist.failures)
        for failure in self._failures:
            self.reporter.tell(Failed(failure, self._is_batch))
        cancelled = False
        try:
            jobs = self.worklist.jobs
            self._waiting_gflop = sum(job.plan.cost.gflop for job in jobs)
            self._waiting_s = sum(job.seconds for job in jobs)
            for number, job in enumerate(jobs, 1):
                if self.interrupts.happened:
                    raise Cancelled
                self._waiting_gflop -= job.plan.cost.gflop
                self._waiting_s -= job.seconds
                if self.request.fail_fast and self._failures:
                    self._not_started += 1
                    continue
                if self._full_disks and disk_of(job.output) in self._full_disks:
                    self._not_started += 1
                    continue
                job = replace(job, seconds=self._estimate_s(job))
                self._attempt(Numbered(job, number, len(jobs)))
        except (KeyboardInterrupt, Cancelled):
            self.interrupts.leave_orderly()
            cancelled = True
        except _NoModel as unusable:
            raise unusable.error from unusable
        finally:
            self.reporter.close()
        exit_code = exit_code_of(self._failures, self.worklist.total)
        if cancelled:
            exit_code = EXIT_CODE
        elif self._full_disks and self._not_started:
            exit_code = DiskFull.exit_code
        self.reporter.tell(
            Summary(
                total=self.worklist.total,
                planned=len(self.worklist.jobs),
                done=self._done,
                skipped=len(self.worklist.skipped) + self._skipped,
                failures=tuple(self._failures),
                seconds=self.clock() - start_s,
                exit_code=exit_code,
                cancelled=cancelled,
                not_started=self._not_started,
            )
        )
        return exit_code

    @property
    def _is_batch(self) -> bool:
        return self.worklist.total > 1

    def _attempt(self, work: Numbered) -> None:
        """Do one job; what goes wrong with it is told and remembered."""
        try:
            self._do(work)
            return
        except (Cancelled, StdoutClosed, _NoModel):
            raise
        except ScaleDiffError as error:
            failure = Failure(work.job.source, error)
            if isinstance(error, DiskFull):
                self._full_disks.add(disk_of(work.job.output))
        except Exception as error:
            if self.interrupts.happened:  # a library made an error of its own out of it
                raise Cancelled from error
            failure = Failure(work.job.source, _explain(error, work.job))
        self._failures.append(failure)
        self.reporter.tell(Failed(failure, self._is_batch))

    def _do(self, work: Numbered) -> None:
        job, destination = work.job, self.request.destination
        if exists_already(job.output, destination.existing):  # it may be new since the planning
            self._skip(job)
            return
        picture, notes = None, ()
        if job.source is not None:
            loaded = self.pipes.load(job.source)
            picture, notes = loaded.picture, loaded.notes
        model = self._model or self._load()
        start_s = self.clock()

        def on_progress(progress: Progress) -> None:
            if self.interrupts.happened:
                raise Cancelled
            self._advance(work, progress, self.clock() - start_s)

        result, recipe = model.make(picture, job.plan, on_progress)
        seconds = self.clock() - start_s
        if self.request.strip:
            result, recipe = result.stripped(), None
        form = self.pipes.output_format if job.output == STREAM else format_for(job.output)
        encoded = encode_picture(result, form, quality=destination.quality, recipe=recipe)
        with self.interrupts.held():
            try:
                overwrite = destination.existing is Existing.REPLACE
                self.pipes.save(encoded.data, job.output, overwrite=overwrite)
            except OutputExists:
                if destination.existing is not Existing.SKIP:
                    raise
                self._skip(job)
                return
            self._done += 1
            self._done_gflop += job.plan.cost.gflop
            self._done_s += seconds
            told, self._model_notes = self._model_notes, ()  # once a run
            self.reporter.tell(Finished(work, self.clock() - start_s, told + notes + encoded.notes))
            self.remember(model.device, job.plan.cost, seconds, model.peak_bytes())

    def _load(self) -> LoadedModel:
        """Load the model; until then an interrupt may simply end the process, from then on not."""
        self.reporter.tell(Loading(self.title))
        try:
            self._model = load_model(self.request)
        except ScaleDiffError as error:
            raise _NoModel(error) from error
        self.interrupts.answer = Answer.RAISE
        self._model_notes = self._model.notes
        return self._model

    def _skip(self, job: Job) -> None:
        self._skipped += 1
        self.reporter.tell(Skipped(job.source, job.output, OUTPUT_EXISTS))

    def _advance(self, work: Numbered, progress: Progress, elapsed_s: float) -> None:
        estimate_s, left_s = work.job.seconds, progress.seconds_left
        seconds_per_gflop = self._seconds_per_gflop()
        if left_s is None:
            left_s = estimate_s * (1 - progress.fraction)
            later_s = self._waiting_s
        else:  # until a picture is done, the one at work is the only one that was measured
            later_s = self._waiting_s * (elapsed_s + left_s) / max(estimate_s, 1e-9)
        if seconds_per_gflop is not None:
            later_s = self._waiting_gflop * seconds_per_gflop
        later_s = max(0.0, later_s)  # the last difference of many floats
        self.reporter.tell(Advanced(work, progress, left_s, left_s + later_s))

    def _seconds_per_gflop(self) -> float | None:
        """Give the pace of the pictures that are done; None = there is none yet."""
        measured = self._done_s > 0 and self._done_gflop > 0
        return self._done_s / self._done_gflop if measured else None

    def _estimate_s(self, job: Job) -> float:
        """Estimate a picture's seconds: at the pace of this run once a picture is done."""
        seconds_per_gflop = self._seconds_per_gflop()
        if seconds_per_gflop is None:
            return job.seconds
        return job.plan.cost.gflop * seconds_per_gflop


class _NoModel(Exception):
    """The model cannot be loaded: no job is to blame, and none can be done."""

    def __init__(self, error: ScaleDiffError) -> None:
        super().__init__(str(error))
        self.error = error


def load_model(request: Request) -> LoadedModel:
    """Load the model of a request: seconds, and the first import of anything heavy.

    Raises:
        ModelError, UsageError: it cannot be loaded.
    """
    model, settings = request.model, request.settings
    if settings.method is Method.FAST:
        return _fast_networks(request)
    from scalediff_engine.models.device import cap_memory, forget_peak, peak_bytes
    from scalediff_engine.pipeline.upscale import generate, upscale
    from scalediff_engine.planning.recipe import make_recipe

    rest = (
        None
        if model.text_encoders_from is None
        else locate(model.text_encoders_from, families.FAMILIES)
    )
    loaded = families.load(model.name, model.device, model.loras, rest)
    cap_memory(loaded.device, request.max_memory_bytes)

    def make(
        picture: Picture | None, plan: Plan, on_progress: ProgressCallback
    ) -> tuple[Picture, str]:
        forget_peak(loaded.device)
        if picture is None:
            result = generate(plan, settings, loaded, on_progress)
        else:
            result = upscale(picture, plan, settings, loaded, on_progress)
        return result, make_recipe(plan, settings, loaded, model.loras)

    return LoadedModel(str(loaded.device), make, loaded.notes, lambda: peak_bytes(loaded.device))


def _fast_networks(request: Request) -> LoadedModel:
    """Return what needs no model, and no torch either."""
    from scalediff_engine.pipeline.upscale_fast import upscale_by_networks
    from scalediff_engine.planning.recipe import make_fast_recipe

    def make(
        picture: Picture | None, plan: Plan, on_progress: ProgressCallback
    ) -> tuple[Picture, str]:
        assert picture is not None  # only upscales have a choice of methods
        result = upscale_by_networks(picture, plan, on_progress)
        return result, make_fast_recipe(plan, request.settings)

    return LoadedModel("cpu", make)


def exit_code_of(failures: list[Failure], total: int) -> int:
    """Give the exit code: a single input's failure has its own, one of several is 6.

    Args:
        failures: what went wrong
        total: inputs in all, whatever became of them
    """
    if not failures:
        return 0
    return failures[0].error.exit_code if total == 1 else EXIT_SOME_FAILED


def _explain(error: Exception, job: Job) -> ScaleDiffError:
    """Put an unexpected error into a sentence: memory that ran out after all, or a defect."""
    return memory_ran_out(error, job.plan.target) or crash_error(error, [str(job.subject)])


HEADER = ("INPUT", "SIZE", "RESULT", "STAGE", "CANVAS", "FROM", "STEPS", "MEMORY", "TIME", "OUTPUT")
AnyRequest = TypeVar("AnyRequest", bound=Request)
Planner = Callable[[AnyRequest, FamilyFacts, Resources], Worklist]


def run_upscale(request: UpscaleRequest, interrupts: Interrupts, reporting: Reporting) -> int:
    """Plan, check, and unless it is a dry run: enlarge.

    Raises:
        ScaleDiffError: nothing could be begun.
    """
    with opened(request, interrupts) as (request, pipes):

        def plan(request: UpscaleRequest, facts: FamilyFacts, machine: Resources) -> Worklist:
            return make_worklist(request, facts, pipes, machine)

        return _run(request, plan, interrupts, reporting, pipes)


def run_generate(request: GenerateRequest, interrupts: Interrupts, reporting: Reporting) -> int:
    """Plan, check, and unless it is a dry run: make the picture.

    Raises:
        ScaleDiffError: nothing could be begun.
    """
    with opened(request, interrupts) as (request, pipes):
        return _run(request, make_generate_worklist, interrupts, reporting, pipes)


def _run(
    request: AnyRequest,
    plan: Planner[AnyRequest],
    interrupts: Interrupts,
    reporting: Reporting,
    pipes: Pipes,
) -> int:
    """Do what was asked for.

    Args:
        request: as it was typed
        plan: makes the list of jobs of it
        interrupts: of the process
        reporting: how to report it
        pipes: streams among the files
    """
    if reporting.json and not reporting.has_paths:
        raise UsageError("--json and --output - both write to standard output; use one of them.")
    reporter = make_reporter(reporting)
    model, facts = chosen(request.model, request.settings)
    typed = request
    request = replace(request, model=model, settings=settled(request.settings, facts))
    speed = SpeedRecord(default_file())
    device, limit_bytes = request.model.device, request.max_memory_bytes
    machine = resources_for(facts, device, limit_bytes, speed, limit_name="--max-memory")
    worklist = plan(request, facts, machine)
    worklist.jobs = with_notes(worklist.jobs, typed, facts, reporting)
    for skipped in worklist.skipped:
        reporter.tell(skipped)
    for number, job in enumerate(worklist.jobs, 1):
        work = Numbered(job, number, len(worklist.jobs))
        reporter.tell(Planned(work, facts.name, request.model.device))
    for text in room_notes(worklist.jobs):
        reporter.tell(Note(text))
    if request.dry_run:
        return _show_plan(worklist, reporter, table=not reporting.json)

    def remember(device: str, cost: Cost, seconds: float, peak_bytes: int | None) -> None:
        names = {device, request.model.device}
        speed.add(names, facts.name, cost.gflop, seconds)
        if peak_bytes is not None:
            speed.add_memory(names, facts.name, cost, peak_bytes)

    return Batch(request, worklist, facts.title, pipes, reporter, interrupts, remember).run()


def _show_plan(worklist: Worklist, reporter: Reporter, *, table: bool) -> int:
    if table and worklist.jobs:
        streams.to_stdout(plan_table(worklist.jobs))
    for failure in worklist.failures:
        reporter.tell(Failed(failure, worklist.total > 1))
    exit_code = exit_code_of(worklist.failures, worklist.total)
    reporter.tell(
        Summary(
            total=worklist.total,
            planned=len(worklist.jobs),
            done=0,
            skipped=len(worklist.skipped),
            failures=tuple(worklist.failures),
            seconds=0.0,
            exit_code=exit_code,
            dry_run=True,
        )
    )
    return exit_code


def plan_table(jobs: Sequence[Job]) -> str:
    """Return the table of ``--dry-run``: a line for each stage, and totals for several pictures."""
    rows: list[tuple[str, ...]] = [HEADER]
    for job in jobs:
        rows.extend(_rows(job))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    if len(jobs) > 1:
        peak = gib(max(job.plan.cost.peak_bytes for job in jobs))
        total = duration(sum(job.seconds for job in jobs))
        lines.append(f"{plural(len(jobs), 'picture')}, at most {peak}, about {total} in all.")
    return "\n".join(lines)


def _rows(job: Job) -> list[tuple[str, ...]]:
    plan = job.plan
    head = ("-", "-", str(plan.target))
    if job.source is not None:
        head = (one_line(str(job.source)), str(plan.source), str(plan.target))
    tail = (gib(plan.cost.peak_bytes), duration(job.seconds), one_line(str(job.output)))
    rows: list[tuple[str, ...]] = []
    for number, stage in enumerate(plan.stages, 1):
        first = number == 1
        begin = "noise" if first and plan.from_noise else str(stage.t_start)
        middle = (f"{number}", str(stage.canvas), begin, str(stage.steps))
        rows.append((*(head if first else ("",) * 3), *middle, *(tail if first else ("",) * 3)))
    return rows
