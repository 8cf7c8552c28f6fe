"""``scalediff upscale`` and ``generate``: puts the real rooms together and runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.text import duration, gib
from scalediff_engine.cli import streams
from scalediff_engine.cli.batch import Batch, exit_code_of
from scalediff_engine.cli.events import Failed, Job, Note, Numbered, Planned, Summary
from scalediff_engine.cli.interrupt import Interrupts
from scalediff_engine.cli.jobs import Worklist, make_generate_worklist, make_worklist
from scalediff_engine.cli.outputs import room_notes
from scalediff_engine.cli.pipes import Pipes, opened
from scalediff_engine.cli.remarks import with_notes
from scalediff_engine.cli.report import Reporter, Reporting, make_reporter
from scalediff_engine.cli.request import GenerateRequest, Request, UpscaleRequest
from scalediff_engine.cli.streams import one_line, plural
from scalediff_engine.memory.speed_record import SpeedRecord, default_file
from scalediff_engine.planning.planner import Resources, chosen, resources_for
from scalediff_engine.planning.settings import settled
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.spec.footprint import Cost

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
