"""Lines for a log, a pipe or ``--quiet``: no bar, no cursor movement."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from scalediff_engine.base.text import duration
from scalediff_engine.cli import streams
from scalediff_engine.cli.events import (
    Advanced,
    Event,
    Failed,
    Finished,
    Note,
    Numbered,
    Planned,
    Skipped,
    Summary,
)
from scalediff_engine.cli.sentences import (
    failure_sentence,
    finish_sentence,
    plan_notes,
    skip_sentence,
    stage_words,
    start_sentence,
    summary_sentence,
)
from scalediff_engine.cli.streams import one_line
from scalediff_engine.planning.progress import Phase

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
