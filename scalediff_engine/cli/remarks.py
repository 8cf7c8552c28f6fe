"""What a user may not have meant, with the options' names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scalediff_engine.cli.events import Job
from scalediff_engine.cli.report import Reporting
from scalediff_engine.cli.request import Request, UpscaleRequest
from scalediff_engine.client.naming import DEFAULT_PATTERN
from scalediff_engine.images.formats import format_for
from scalediff_engine.planning.notes import Asked, unused_notes
from scalediff_engine.spec.family import FamilyFacts


def with_notes(
    jobs: Sequence[Job], request: Request, facts: FamilyFacts, reporting: Reporting
) -> list[Job]:
    """Return the jobs with a note on each option that has no effect; a note is told once a run.

    Args:
        jobs: of the run
        request: as it was typed, without what a preset makes of it
        facts: of the model
        reporting: how the run is reported
    """
    told: set[str] = set()
    noted: list[Job] = []
    for number, job in enumerate(jobs):
        asked = Asked(request.settings, request.model, facts, job.plan, by_options=True)
        notes = (*job.notes, *unused_notes(asked), *_unused_by_file(request, job))
        if number == 0:
            notes += _unused_by_run(request, reporting)
        fresh = tuple(note for note in dict.fromkeys(notes) if note not in told)
        told.update(fresh)
        noted.append(replace(job, notes=fresh))
    return noted


def _unused_by_file(request: Request, job: Job) -> tuple[str, ...]:
    form = request.destination.format or format_for(job.output)
    if request.destination.quality is None or form.has_quality:
        return ()
    return (f"--quality has no effect: {form.value.upper()} is lossless.",)


def _unused_by_run(request: Request, reporting: Reporting) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    if reporting.json and reporting.print0:
        notes += ("--print0 has no effect with --json: its lines hold the paths.",)
    if reporting.print0 and not reporting.has_paths:
        notes += ("--print0 has no effect with --output -: no path is printed.",)
    if not isinstance(request, UpscaleRequest):
        return notes
    if request.file is not None and request.destination.pattern != DEFAULT_PATTERN:
        notes += ("--name has no effect with --output, which names the file.",)
    if request.recursive and not any(path.is_dir() for path in request.inputs):
        notes += ("--recursive has no effect: no folder was named.",)
    return notes
