"""A bar for people who watch: share done, time left, file, stage, step."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from scalediff_engine.base.text import duration
from scalediff_engine.cli import streams
from scalediff_engine.cli.events import Advanced, Event, Loading, Numbered
from scalediff_engine.cli.report_plain import PlainReporter
from scalediff_engine.cli.sentences import stage_words
from scalediff_engine.cli.streams import one_line

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
        self._bar: Progress | None = None
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

    def _begin(self, work: Numbered) -> Progress:
        self.close()
        self._work = work
        bar = Progress(
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
