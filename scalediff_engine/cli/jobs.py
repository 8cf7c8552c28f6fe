"""From a request to a list of jobs: everything that can be refused without a model is, here."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from scalediff_engine.base.errors import (
    InputError,
    InputMissing,
    NoPictures,
    ScaleDiffError,
    UsageError,
)
from scalediff_engine.base.files import require_folder
from scalediff_engine.batch.conflicts import NameConflict, find_conflicts
from scalediff_engine.batch.folder_scan import FolderWalk, Skip, SkipReason, Source, is_own_result
from scalediff_engine.batch.naming import NameValues
from scalediff_engine.cli.events import (
    OUTPUT_EXISTS,
    OWN_RESULT,
    UNSUPPORTED_FORMAT,
    Failure,
    Job,
    Skipped,
)
from scalediff_engine.cli.logs import crash_error
from scalediff_engine.cli.outputs import (
    named_output,
    output_path,
    place_of,
    settle_existing,
)
from scalediff_engine.cli.pipes import Pipes, is_stream
from scalediff_engine.cli.request import STREAM, GenerateRequest, UpscaleRequest
from scalediff_engine.client.batches import Existing
from scalediff_engine.client.naming import Pattern, SourceStems
from scalediff_engine.memory.plan import MemoryBudget
from scalediff_engine.planning.notes import (
    FEW_BITS,
    FEW_BITS_NOTE,
    precision_notes,
    size_notes,
)
from scalediff_engine.planning.plan import plan_upscale
from scalediff_engine.planning.plan_generate import plan_generate
from scalediff_engine.planning.planner import Resources, plan_method
from scalediff_engine.spec.family import FamilyFacts

_FAILING = (SkipReason.MISSING, SkipReason.UNREADABLE, SkipReason.FOLDER_UNREADABLE)


@dataclass
class Worklist:
    """What a request comes to: to do, to leave alone, impossible."""

    jobs: list[Job] = field(default_factory=list[Job])
    skipped: list[Skipped] = field(default_factory=list[Skipped])
    failures: list[Failure] = field(default_factory=list[Failure])

    @property
    def total(self) -> int:
        """Inputs in all."""
        return len(self.jobs) + len(self.skipped) + len(self.failures)


def make_worklist(
    request: UpscaleRequest, facts: FamilyFacts, pipes: Pipes, machine: Resources
) -> Worklist:
    """Look at every input and settle what becomes of it.

    Raises:
        UsageError: one output file is to hold several pictures.
    """
    sources, unsupported, failures = collect(request.inputs, recursive=request.recursive)
    worklist = Worklist(failures=failures)
    for skip in unsupported:
        worklist.skipped.append(Skipped(Path(skip.path), None, UNSUPPORTED_FORMAT))
    sources = _without_own_results(sources, request, pipes, worklist)
    if request.file is not None and len(sources) > 1:
        raise UsageError(
            f"--output names one file, but there are {len(sources)} pictures; "
            "--output-dir takes a folder."
        )
    jobs: dict[int, Job] = {}
    for index, source in enumerate(sources):
        with _failing_alone(source, worklist):
            jobs[index] = _plan(source, request, facts, pipes, machine)
    _require_apart(sources, jobs, request, worklist)
    if machine.room is not None:
        worklist.jobs = _planned_together(worklist.jobs, request, facts, machine, machine.room)
    for job in list(worklist.jobs):
        try:
            machine.require_room(job.plan)
        except ScaleDiffError as error:
            worklist.jobs.remove(job)
            worklist.failures.append(Failure(job.source, error))
    return worklist


def _planned_together(
    jobs: list[Job],
    request: UpscaleRequest,
    facts: FamilyFacts,
    machine: Resources,
    room: MemoryBudget,
) -> list[Job]:
    """Plan once more what many pictures of one size change, and what all pictures must share."""
    alike = Counter(job.plan.sizes.canvases for job in jobs)
    together: list[Job] = []
    for job in jobs:
        many = replace(room, pictures=alike[job.plan.sizes.canvases])
        plan = plan_upscale(job.plan.source, job.plan.target, facts, request.settings, many)
        together.append(replace(job, plan=plan, seconds=machine.seconds(plan.cost)))
    if any(job.plan.memory[0].weight_bits == FEW_BITS for job in together):
        # the model is loaded once, and a picture must not depend on its neighbours in the folder
        together = [_in_few_bits(job) for job in together]
    return together


def _in_few_bits(job: Job) -> Job:
    memory = tuple(replace(plan, weight_bits=FEW_BITS) for plan in job.plan.memory)
    return replace(job, plan=replace(job.plan, memory=memory), notes=(*job.notes, FEW_BITS_NOTE))


def collect(
    inputs: Iterable[Path], *, recursive: bool
) -> tuple[list[Source], list[Skip], list[Failure]]:
    """Return every input file once, those of folders in the order of their names.

    Args:
        inputs: files and folders; those that are named are taken whatever their names are
        recursive: also subfolders

    Returns:
        The files, those of folders that are in an unsupported format, and what cannot be looked at.
    """
    walk = FolderWalk(is_recursive=recursive)
    sources: list[Source] = []
    unsupported: list[Skip] = []
    failures: list[Failure] = []
    for path in inputs:
        if path == STREAM:
            sources += [Source(str(path))] * (Source(str(path)) not in sources)
            continue
        is_new = os.path.realpath(path) not in walk.folders
        found = list(walk.files(path))
        skips = [skip for skip in found if isinstance(skip, Skip)]
        failed = [Failure(Path(s.path), _skip_error(s)) for s in skips if s.reason in _FAILING]
        refused = [skip for skip in skips if skip.reason is SkipReason.UNSUPPORTED]
        taken = [source for source in found if isinstance(source, Source)]
        is_known = any(skip.reason is SkipReason.DUPLICATE for skip in skips)
        sources += taken
        failures += failed
        if is_new and not (taken or failed or is_known):
            failures.append(Failure(path, _no_pictures(path, refused, recursive=recursive)))
        else:
            unsupported += refused
    return sources, unsupported, failures


def _skip_error(skip: Skip) -> InputError:
    if skip.reason is SkipReason.MISSING:
        return InputMissing(f"There is no file {skip.path}.")
    if skip.reason is SkipReason.FOLDER_UNREADABLE:
        return InputError(f"The folder {skip.path} cannot be read: {skip.detail}.")
    return InputError(skip.detail)


def _no_pictures(folder: Path, refused: list[Skip], *, recursive: bool) -> NoPictures:
    deeper = "" if recursive else " (use --recursive to include subfolders)"
    names = ", ".join(sorted({skip.detail for skip in refused}))
    unread = f" but {len(refused)} in formats that are not supported ({names})"
    return NoPictures(f"No pictures in {folder}{unread if refused else deeper}.")


@contextmanager
def _failing_alone(source: Source, worklist: Worklist) -> Generator[None]:
    """Turn an error into the failure of one input; the others go on."""
    path = Path(source.path)
    try:
        yield
    except ScaleDiffError as error:
        worklist.failures.append(Failure(path, error))
    except Exception as error:  # noqa: BLE001 - a defect costs this file, not the others
        worklist.failures.append(Failure(path, crash_error(error, [str(path)])))


def _without_own_results(
    sources: list[Source], request: UpscaleRequest, pipes: Pipes, worklist: Worklist
) -> list[Source]:
    """Set aside results of earlier runs; see ``is_own_result``."""
    destination = request.destination
    pattern = Pattern(destination.pattern)
    stems = SourceStems()
    folder_of = cache(place_of)  # of few folders
    for source in sources:
        path = Path(source.path)
        folders = (path.parent, Path(destination.folder_for(source.path, source.below)))
        for folder in set(map(folder_of, folders)):
            stems.add(folder, path.stem)
    kept: list[Source] = []
    for source in sources:
        path = Path(source.path)
        folder = folder_of(path.parent)
        if is_own_result(source, folder, pattern, stems, lambda path=path: _xmp(path, pipes)):
            worklist.skipped.append(Skipped(path, None, OWN_RESULT))
        else:
            kept.append(source)
    return kept


def _xmp(path: Path, pipes: Pipes) -> bytes | None:
    try:
        return None if is_stream(path) else pipes.probe(path).xmp
    except ScaleDiffError:  # it will be told when the file's own turn comes
        return None


def _plan(
    source: Source,
    request: UpscaleRequest,
    facts: FamilyFacts,
    pipes: Pipes,
    machine: Resources,
) -> Job:
    path = Path(source.path)
    size = pipes.probe(path).size
    target = request.enlargement.target(size)
    plan = plan_method(size, target, facts, request.settings, machine.room)
    values = NameValues(size, target, facts.name, request.settings.seed)
    if request.file is None:
        output = output_path(source, request.destination, values)
    else:
        output = named_output(request.file, request.destination.format, values.target)
    return Job(path, output, plan, machine.seconds(plan.cost))


def _require_apart(
    sources: list[Source], jobs: dict[int, Job], request: UpscaleRequest, worklist: Worklist
) -> None:
    """Take the jobs whose results replace no other file by accident; note why others are left."""
    is_skipping = request.destination.existing is Existing.SKIP
    inputs = [place_of(Path(source.path)) for source in sources]
    outputs = ["" for _ in sources]
    for index, job in jobs.items():
        outputs[index] = "" if job.output == STREAM else place_of(job.output)
    is_replacing = request.destination.existing is Existing.REPLACE
    conflicts = find_conflicts(inputs, outputs, is_replacing=is_replacing)
    taken = set(outputs)
    for index, job in jobs.items():
        with _failing_alone(sources[index], worklist):
            if index in conflicts:
                claimants = [
                    sources[other].path for other in jobs if outputs[other] == outputs[index]
                ]
                conflict, other = conflicts[index]
                raise _conflict_error(job, conflict, sources[other].path, claimants, request)
            # its own source is skipped for it
            if is_skipping and job.output != STREAM and inputs[index] in taken:
                worklist.skipped.append(Skipped(job.source, None, OWN_RESULT))
                continue
            settled = settle_existing(job, request)
            if settled is None:
                worklist.skipped.append(Skipped(job.source, job.output, OUTPUT_EXISTS))
                continue
            if job.output != STREAM:
                require_folder(job.output)
            worklist.jobs.append(settled)


def _conflict_error(
    job: Job, conflict: NameConflict, other: str, claimants: list[str], request: UpscaleRequest
) -> UsageError:
    if conflict is NameConflict.OWN_SOURCE:
        return UsageError(f"The result of {job.source} would replace its own source.")
    if conflict is NameConflict.OTHER_SOURCE:
        return UsageError(f"The result of {job.source} would replace the input {other}.")
    advice = "Use another --name, or separate runs with different --output-dir, to keep them apart."
    has_ext = any(field == "ext" for _, field in Pattern(request.destination.pattern).pieces)
    suffixes = {Path(path).suffix.casefold() for path in claimants}
    if not has_ext and len(suffixes) == len(claimants):
        advice = "Use {ext} in --name, such as '{stem}_{ext}_x{scale}', to keep them apart."
    return UsageError(f"{job.source} and {other} would both become {job.output}. {advice}")


def make_generate_worklist(
    request: GenerateRequest, facts: FamilyFacts, machine: Resources
) -> Worklist:
    """Settle the picture; the list has one job, or one that was left alone.

    Raises:
        UsageError: the model cannot do it, or the request makes no sense.
        OutputError: the result could not be written.
        NotEnoughMemory: it does not fit.
    """
    assert request.file is not None  # the request saw to it
    plan = plan_generate(request.size, facts, request.settings, machine.room)
    output = named_output(request.file, request.destination.format, plan.target)
    notes = size_notes(plan.target, facts)
    notes += precision_notes(plan)
    job = settle_existing(Job(None, output, plan, machine.seconds(plan.cost), notes), request)
    if job is None:
        return Worklist(skipped=[Skipped(None, output, OUTPUT_EXISTS)])
    if output != STREAM:
        require_folder(output)
    machine.require_room(plan)
    return Worklist([job])
