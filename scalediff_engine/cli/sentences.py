"""Events in words, for standard error."""

from __future__ import annotations

from scalediff_engine.base.errors import DiskFull
from scalediff_engine.base.text import duration
from scalediff_engine.cli.events import (
    UNSUPPORTED_FORMAT,
    Failed,
    Finished,
    Job,
    Numbered,
    Skipped,
    Summary,
)
from scalediff_engine.cli.streams import one_line, plural
from scalediff_engine.images.formats import refusal
from scalediff_engine.planning.progress import Phase, Progress

MOST_NAMES = 20
# a size in whole pixels can rarely have exactly the source's proportions
UNNOTICED_STRETCH = 1.01


def failure_sentence(event: Failed) -> str:
    """Give a failure's line; in a batch it says which file unless the sentence does already."""
    sentence = str(event.failure.error)
    path = event.failure.path
    if event.batch and path is not None and str(path) not in sentence:
        sentence = f"{path}: {sentence}"
    return one_line(f"scalediff: {sentence}")


def skip_sentence(event: Skipped) -> str:
    """Say why a file was left alone."""
    if event.path is None:
        return one_line(f"{event.output} already exists; nothing was done.")
    why = f"{event.output} already exists"
    if event.reason == UNSUPPORTED_FORMAT:
        why = (refusal(event.path.name) or "its format is not supported").rstrip(".")
    elif event.output is None:
        why = "it is a result of an earlier run; give it alone to upscale it further"
    return one_line(f"{event.path} skipped: {why}.")


def plan_notes(job: Job) -> list[str]:
    """Give sentences on what the user may not have meant."""
    plan = job.plan
    across = plan.target.width / plan.source.width
    down = plan.target.height / plan.source.height
    if plan.from_noise or max(across / down, down / across) <= UNNOTICED_STRETCH:
        return list(job.notes)
    wider = across > down
    return [
        f"{plan.target} has other proportions than {plan.source}: "
        f"the result is {'wider' if wider else 'taller'} by a factor of "
        f"{max(across / down, down / across):.2f}.",
        *job.notes,
    ]


def start_sentence(work: Numbered) -> str:
    """Say which file begins."""
    plan = work.job.plan
    way = (
        f"a new picture of {plan.target}" if plan.from_noise else f"{plan.source} to {plan.target}"
    )
    return one_line(
        f"{work.number}/{work.count} {work.job.subject}: {way}, about {duration(work.job.seconds)}"
    )


def stage_words(progress: Progress, pause: str) -> str:
    """Say where in its stages a job is, in two parts with a ``pause`` between them."""
    stage = f"stage {progress.stage}/{progress.stages}"
    if progress.phase is Phase.WARM_UP:
        return f"{stage}{pause}{progress.phase.value}"
    return f"{stage}{pause}step {progress.step}/{progress.steps}"


def finish_sentence(event: Finished) -> str:
    """Say that a file is done."""
    work = event.work
    return one_line(f"{work.number}/{work.count} {work.job.subject}: {duration(event.seconds)}")


def summary_sentence(event: Summary) -> str | None:
    """Give the last line of a run, or None where one file's own line says it all."""
    if event.cancelled:
        done = f" {event.done} of {plural(event.planned, 'file')} done." if event.done else ""
        return f"scalediff: Cancelled.{done}"
    if event.dry_run or event.total <= 1:
        return None
    parts = [f"{event.done} done"]
    if event.skipped:
        parts.append(f"{event.skipped} skipped")
    if event.failures:
        named = [f"{f.path} ({f.error.code})" for f in event.failures[:MOST_NAMES]]
        if len(event.failures) > MOST_NAMES:
            named.append(f"and {len(event.failures) - MOST_NAMES} more")
        parts.append(f"{len(event.failures)} failed: {', '.join(named)}")
    if event.not_started:
        is_full = event.exit_code == DiskFull.exit_code
        parts.append(f"{event.not_started} not started" + (": the disk is full" if is_full else ""))
    return one_line(f"scalediff: {', '.join(parts)}.")
