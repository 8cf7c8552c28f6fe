"""From a request to a list of jobs: everything that can be refused without a model is, here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from scalediff_engine.base.errors import ScaleDiffError, UsageError
from scalediff_engine.base.files import require_folder
from scalediff_engine.batch.inputs import Failure, Source, collect
from scalediff_engine.batch.naming import NameValues
from scalediff_engine.batch.outputs import output_folder, output_path, same_place, settle_existing
from scalediff_engine.cli.crashlog import crash_error
from scalediff_engine.cli.events import OUTPUT_EXISTS, OWN_RESULT, UNSUPPORTED_FORMAT, Job, Skipped
from scalediff_engine.cli.pipes import Pipes, is_stream
from scalediff_engine.cli.request import STREAM, Existing, UpscaleRequest
from scalediff_engine.client.naming import SourceStems
from scalediff_engine.images.formats import is_picture
from scalediff_engine.images.recipe import recipe_in
from scalediff_engine.memory.choose import Room
from scalediff_engine.planning.machine import Machine, plan_method
from scalediff_engine.planning.plan import plan_upscale
from scalediff_engine.planning.remarks import FEW_BITS, FEW_BITS_NOTE
from scalediff_engine.spec.family import FamilyFacts


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
    request: UpscaleRequest, facts: FamilyFacts, pipes: Pipes, machine: Machine
) -> Worklist:
    """Look at every input and settle what becomes of it.

    Raises:
        UsageError: one output file is to hold several pictures.
    """
    sources, failures = collect(request.inputs, recursive=request.recursive, is_picture=is_picture)
    worklist = Worklist(failures=failures)
    for source in sources:
        if source.is_unsupported:
            worklist.skipped.append(Skipped(source.path, None, UNSUPPORTED_FORMAT))
    sources = [source for source in sources if not source.is_unsupported]
    sources = _without_own_results(sources, request, pipes, worklist)
    if request.destination.file is not None and len(sources) > 1:
        raise UsageError(
            f"--output names one file, but there are {len(sources)} pictures; "
            "--output-dir takes a folder."
        )
    jobs: list[tuple[Path, Job]] = []
    for source in sources:
        with _failing_alone(source.path, worklist):
            jobs.append((source.path, _plan(source, request, facts, pipes, machine)))
    claims: dict[str, list[Path]] = {}
    for source_path, job in jobs:
        claims.setdefault(same_place(job.output), []).append(source_path)
    inputs = {same_place(source.path): source.path for source in sources}
    for source_path, job in jobs:
        with _failing_alone(source_path, worklist):
            _require_no_conflict(job, claims[same_place(job.output)], request)
            _settle(job, request, inputs, claims, worklist)
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
    machine: Machine,
    room: Room,
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


@contextmanager
def _failing_alone(path: Path, worklist: Worklist) -> Generator[None]:
    """Turn an error into the failure of one input; the others go on."""
    try:
        yield
    except ScaleDiffError as error:
        worklist.failures.append(Failure(path, error))
    except Exception as error:  # noqa: BLE001 - a defect costs this file, not the others
        worklist.failures.append(Failure(path, crash_error(error, [str(path)])))


def _without_own_results(
    sources: list[Source], request: UpscaleRequest, pipes: Pipes, worklist: Worklist
) -> list[Source]:
    """Set aside results of earlier runs: named like one, with a recipe.

    A file that was named itself is one only if its source is there too: named alone, a result is
    upscaled further.
    """
    pattern = request.destination.pattern.pattern
    stems = SourceStems()
    place_of = cache(same_place)  # of few folders
    for source in sources:
        folders = (source.path.parent, output_folder(source, request.destination))
        for folder in set(map(place_of, folders)):
            stems.add(folder, source.path.stem)
    kept: list[Source] = []
    for source in sources:
        stem, folder = source.path.stem, place_of(source.path.parent)
        is_named_like_one = stems.is_result_name(pattern, folder, stem, is_found=source.found)
        if is_named_like_one and _has_recipe(source.path, pipes):
            worklist.skipped.append(Skipped(source.path, None, OWN_RESULT))
        else:
            kept.append(source)
    return kept


def _has_recipe(path: Path, pipes: Pipes) -> bool:
    try:
        return not is_stream(path) and recipe_in(pipes.probe(path).xmp) is not None
    except ScaleDiffError:  # it will be told when the file's own turn comes
        return False


def _plan(
    source: Source,
    request: UpscaleRequest,
    facts: FamilyFacts,
    pipes: Pipes,
    machine: Machine,
) -> Job:
    size = pipes.probe(source.path).size
    target = request.enlargement.target(size)
    plan = plan_method(size, target, facts, request.settings, machine.room)
    values = NameValues(source.path, size, target, facts.name, request.settings.seed)
    output = output_path(source, request.destination, values)
    return Job(source.path, output, plan, machine.seconds(plan.cost))


def _require_no_conflict(job: Job, claimants: list[Path], request: UpscaleRequest) -> None:
    """Raise ``UsageError`` if another input would become the same file."""
    others = [path for path in claimants if path != job.source]
    if not others:
        return
    advice = "Use another --name, or separate runs with different --output-dir, to keep them apart."
    has_ext = any(field == "ext" for _, field in request.destination.pattern.pattern.pieces)
    if not has_ext and len({path.suffix.casefold() for path in claimants}) == len(claimants):
        advice = "Use {ext} in --name, such as '{stem}_{ext}_x{scale}', to keep them apart."
    raise UsageError(f"{job.source} and {others[0]} would both become {job.output}. {advice}")


def _settle(
    job: Job,
    request: UpscaleRequest,
    inputs: dict[str, Path],
    claims: dict[str, list[Path]],
    worklist: Worklist,
) -> None:
    if job.output == STREAM:
        worklist.jobs.append(job)
        return
    overwritten = inputs.get(same_place(job.output))
    if overwritten is not None and overwritten == job.source:
        raise UsageError(f"The result of {job.source} would replace its own source.")
    is_skipping = request.destination.existing is Existing.SKIP
    if is_skipping and same_place(job.subject) in claims:  # its own source is skipped for it
        worklist.skipped.append(Skipped(job.source, None, OWN_RESULT))
        return
    settled = settle_existing(job, request)
    if settled is None:
        worklist.skipped.append(Skipped(job.source, job.output, OUTPUT_EXISTS))
        return
    if overwritten is not None and request.destination.existing is Existing.OVERWRITE:
        raise UsageError(f"The result of {job.source} would replace the input {overwritten}.")
    require_folder(job.output)
    worklist.jobs.append(settled)
