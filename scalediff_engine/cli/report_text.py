"""What a user sees of a run: a bar in a terminal, lines in a pipe or with ``--quiet``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as ProgressBar

from scalediff_engine.base.errors import DiskFull
from scalediff_engine.base.text import duration
from scalediff_engine.cli import streams
from scalediff_engine.cli.events import (
    UNSUPPORTED_FORMAT,
    Advanced,
    Event,
    Failed,
    Finished,
    Job,
    Loading,
    Note,
    Numbered,
    Planned,
    Skipped,
    Summary,
)
from scalediff_engine.cli.streams import one_line, plural
from scalediff_engine.images.formats import refusal
from scalediff_engine.planning.progress import Phase, Progress

LINES_PER_FILE = 10


class PlainReporter:
    """Writes a line when a file begins, every tenth of its work, and when it ends.

    Args:
        quiet: results' paths and errors only
        path_end: follows a result's path on standard output; None = no paths there
    """

    def __init__(self, *, quiet: bool = False, path_end: str | None = "\n") -> None:
        self._quiet = quiet
        self._path_end = path_end
        self._begun: Numbered | None = None
        self._lines_written = 0

    def tell(self, event: Event) -> None:
        """Write what is worth a line."""
        match event:
            case Finished():
                self._finish(event)
            case Planned():
                self._say_notes(event.work.job.subject, plan_notes(event.work.job))
            case Note():
                self._say(one_line(f"scalediff: {event.text}"))
            case Failed():
                streams.to_stderr(failure_sentence(event))
            case Skipped():
                self._say(skip_sentence(event))
            case Advanced():
                self._advance(event)
            case Summary():
                self._summarise(event)
            case _:
                pass

    def close(self) -> None:
        """Nothing stays open."""

    def _advance(self, event: Advanced) -> None:
        progress = event.progress
        if self._begun is not event.work:
            self._begun = event.work
            self._lines_written = 0
            self._say(start_sentence(event.work))
        elif int(progress.fraction * LINES_PER_FILE) > self._lines_written:
            self._lines_written = int(progress.fraction * LINES_PER_FILE)
            self._say(
                f"{event.work.number}/{event.work.count} {stage_words(progress, ', ')}, "
                f"{progress.fraction:.0%}, {duration(event.seconds_left)} left"
            )
        elif progress.phase is Phase.WARM_UP:  # it is long, and nothing else moves meanwhile
            self._say(
                f"{event.work.number}/{event.work.count} {stage_words(progress, ', ')} "
                "(the model is compiled for this size)"
            )

    def _finish(self, event: Finished) -> None:
        output = event.work.job.output
        self._say(finish_sentence(event))
        self._say_notes(output, event.notes)
        if self._path_end is not None:
            streams.path_to_stdout(output, self._path_end)

    def _say_notes(self, file: Path, notes: Iterable[str]) -> None:
        for note in notes:
            self._say(one_line(f"{file}: {note}"))

    def _summarise(self, event: Summary) -> None:
        sentence = summary_sentence(event)
        if sentence and (event.exit_code or not self._quiet):
            streams.to_stderr(sentence)

    def _say(self, line: str) -> None:
        if not self._quiet:
            streams.to_stderr(line)


_TEXT = "{task.percentage:>3.0f} %  {task.fields[left]}  {task.description}  {task.fields[doing]}"


class BarReporter:
    """One bar for the file at work; what is finished leaves a line behind.

    Args:
        path_end: see ``PlainReporter``
    """

    def __init__(self, *, path_end: str | None = "\n") -> None:
        self._lines = PlainReporter(path_end=path_end)
        # the streams stay as they are: a result's path must not end up on standard error
        self._console = Console(stderr=True, highlight=False)
        self._bar: ProgressBar | None = None
        self._task = TaskID(0)
        self._work: Numbered | None = None
        self._waiting = ""

    def tell(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Advanced):
            self._advance(event)
            return
        self.close()
        if isinstance(event, Loading):
            # no live display here: an interrupt during imports ends the process on the spot
            self._waiting = f"Loading {event.title} ..."
            streams.to_stderr(self._waiting, end="")
        else:
            self._lines.tell(event)

    def close(self) -> None:
        """Take the bar away and give the cursor back."""
        if self._waiting:
            streams.to_stderr("\r" + " " * len(self._waiting) + "\r", end="")
            self._waiting = ""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            self._work = None

    def _advance(self, event: Advanced) -> None:
        bar = self._bar if self._work is event.work else None
        bar = bar or self._begin(event.work)
        progress = event.progress
        left = duration(event.seconds_left)
        if event.work.number < event.work.count:
            left += f", all {duration(event.batch_seconds_left)}"
        bar.update(
            self._task,
            completed=progress.fraction,
            doing=stage_words(progress, " "),
            left=f"{left} left",
        )

    def _begin(self, work: Numbered) -> ProgressBar:
        self.close()
        self._work = work
        bar = ProgressBar(
            BarColumn(bar_width=24),  # shrinks first where the terminal is narrow
            TextColumn(_TEXT, markup=False),  # then this, from its end
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        name = one_line(work.job.subject.name).encode("utf-8", "replace").decode("utf-8")
        place = f"{work.number}/{work.count} " if work.count > 1 else ""
        self._task = bar.add_task(place + name, total=1.0, doing="", left="")
        bar.start()
        self._bar = bar
        return bar


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
