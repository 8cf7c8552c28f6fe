"""``scalediff upscale``: puts the real rooms together and runs them."""

from __future__ import annotations

from scalediff_engine.cli import streams
from scalediff_engine.cli.batch import Batch, exit_code_of
from scalediff_engine.cli.events import Failed, Numbered, Planned, Summary
from scalediff_engine.cli.interrupt import Interrupts
from scalediff_engine.cli.jobs import Machine, Worklist, make_worklist
from scalediff_engine.cli.real_workshop import FileShelf, ModelBench
from scalediff_engine.cli.report import Reporter, make_reporter
from scalediff_engine.cli.request import UpscaleRequest
from scalediff_engine.cli.table import plan_table
from scalediff_engine.memory.footprint import Cost
from scalediff_engine.memory.probe import available_memory_bytes
from scalediff_engine.memory.speed import SpeedRecord, default_file
from scalediff_engine.models import families


def run_upscale(request: UpscaleRequest, interrupts: Interrupts, *, json: bool, quiet: bool) -> int:
    """Plan, check, and unless it is a dry run: do.

    Raises:
        ScaleDiffError: nothing could be begun.
    """
    facts = families.facts(request.model)
    speed = SpeedRecord(default_file())
    machine = _this_machine(request, speed)
    worklist = make_worklist(request, facts, FileShelf(), machine)
    reporter = make_reporter(json=json, quiet=quiet)
    for skipped in worklist.skipped:
        reporter.tell(skipped)
    for number, job in enumerate(worklist.jobs, 1):
        work = Numbered(job, number, len(worklist.jobs))
        reporter.tell(Planned(work, facts.name, request.device))
    if request.dry_run:
        return _show_plan(worklist, reporter, table=not json)

    def remember(device: str, cost: Cost, seconds: float) -> None:
        speed.add({device, request.device}, facts.name, cost.gflop, seconds)

    return Batch(request, worklist, facts.title, ModelBench(), reporter, interrupts, remember).run()


def _this_machine(request: UpscaleRequest, speed: SpeedRecord) -> Machine:
    available_bytes, limited_by = available_memory_bytes(), "this machine"
    if request.max_memory_bytes is not None and request.max_memory_bytes < available_bytes:
        available_bytes, limited_by = request.max_memory_bytes, "--max-memory"
    pace = speed.gflop_per_second(request.device, request.model)
    return Machine(available_bytes, limited_by, lambda cost: cost.gflop / pace)


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
