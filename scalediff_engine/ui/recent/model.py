"""The recent results without widgets: what there is, and what is done with one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import (
    JobInfo,
    JobList,
    JobState,
    Problem,
    SessionAnswer,
    SessionInfo,
)
from scalediff_engine.ui.compare import results
from scalediff_engine.ui.compare.results import Drift
from scalediff_engine.ui.files import PictureFiles
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.origin import file_problem
from scalediff_engine.ui.picture import Picture, Raster
from scalediff_engine.ui.workers import Later, Ticket, Workers

KEPT_SECONDS = 24 * 3600.0
_LOOK_AGAIN_MS = 1500
# Of previews that are fetched at a time: the first ones are seen before the last are asked for.
_FETCHED_AT_ONCE = 2


@dataclass(frozen=True)
class Comparison:
    """What is looked at.

    Attributes:
        job: whose
        result: of it
        source: that it was made from; none if the engine does not have it any more
    """

    job: str
    result: Picture
    source: Picture | None


class RecentModel:
    """Jobs that are done or under way, and one that is chosen.

    Args:
        gateway: to the engine
        later: calls something after a while
        files: writes pictures
        workers: threads
        session: of an editor that waits for a result; None = no editor waits
        clock: seconds since 1970

    Attributes:
        jobs: that are done or under way, the newest first; none = not known yet
        chosen: id of the one that is looked at
        previews: of jobs, by their ids
        comparison: of the chosen one, once it is there
        is_fetching: whether that is on its way
        is_saving: whether a result is being written, whichever is chosen by now
        problem: the last thing that went wrong, until something else is done
        note: a sentence on what went well
        drift: of what is compared, once it was measured
        changed: told whenever anything here is different
        ended: told once, when the editor has its answer
    """

    def __init__(
        self,
        gateway: Gateway,
        later: Later,
        files: PictureFiles,
        workers: Workers,
        session: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._gateway = gateway
        self._later = later
        self._files = files
        self._workers = workers
        self._session = session
        self._clock = clock
        self._options: dict[str, str] = {}
        self._asking, self._fetching, self._again = Ticket(), Ticket(), Ticket()
        self._measuring = Ticket()
        self._wanted_previews: dict[str, int] = {}
        self._coming_previews: dict[str, Ticket] = {}
        self._is_over = False
        self._ends_when_saved = False
        self.host = ""
        self.jobs: tuple[JobInfo, ...] | None = None
        self.chosen: str | None = None
        self.previews: dict[str, Raster] = {}
        self.comparison: Comparison | None = None
        self.is_fetching = False
        self.is_saving = False
        self.problem: Problem | None = None
        self.note = ""
        self.drift: Drift | None = None
        self.changed = Observers()
        self.ended = Observers()

    @property
    def job(self) -> JobInfo | None:
        """The one that is chosen."""
        return next((job for job in self.jobs or () if job.id == self.chosen), None)

    @property
    def has_editor(self) -> bool:
        """Whether an editor waits for a result."""
        return self._session is not None

    @property
    def has_result(self) -> bool:
        """Whether the chosen one is done."""
        return self.job is not None and self.job.state is JobState.DONE

    def kept_seconds(self, job: JobInfo) -> float:
        """How long the engine keeps it still."""
        return max(0.0, job.updated_at + KEPT_SECONDS - self._clock())

    def ago_seconds(self, job: JobInfo) -> float:
        """How long ago something happened to it last."""
        return max(0.0, self._clock() - job.updated_at)

    def begin(self) -> None:
        """Ask what there is, now and from then on."""
        if self._session is not None:
            self._gateway.call(self._on_session, self._on_problem, Client.session, self._session)
        self._ask()

    def choose(self, job_id: str | None) -> None:
        """Look at another one."""
        if job_id != self.chosen:
            self.chosen = job_id
            self._fetching.cancel()
            self._measuring.cancel()
            self.comparison, self.drift, self.is_fetching = None, None, False
            self.problem, self.note = None, ""
            self.changed.tell()

    def compare(self) -> None:
        """Get the result and its source."""
        job = self.job
        if job is None or not self.has_result or self.is_fetching:
            return
        if self.comparison is not None and self.comparison.job == job.id:
            return
        self._fetch(job)

    def measure_drift(self) -> None:
        """Measure how far the result has drifted from its source, unless that is known."""
        found = self.comparison
        if found is None or found.source is None or self.drift is not None:
            return
        source, result = found.source.raster.arrays[0], found.result.raster.arrays[0]

        def done(measured: Drift) -> None:
            self.drift = measured
            self.changed.tell()

        self._measuring.cancel()
        self._measuring = self._workers.run(
            lambda ticket: results.measure(source, result, lambda: not ticket.is_cancelled),
            done,
            lambda _: None,
        )

    def save(self, file: Path) -> None:
        """Write the result into a file; whoever chose it was asked whether an older one goes."""
        job = self.job
        if job is None or not self.has_result or self.is_saving:
            return
        self.is_saving, self.problem, self.note = True, None, ""
        self.changed.tell()
        if self.comparison is not None and self.comparison.job == job.id:
            self._write(job, self.comparison.result, file)
        else:  # by itself: it goes on when another one is chosen meanwhile
            self._gateway.result(
                job.id, lambda picture: self._write(job, picture, file), self._on_not_saved
            )

    def suggested_name(self) -> str:
        """Give a name for a file."""
        job = self.job
        if job is None:
            return ""
        kept = "".join(c if c.isalnum() or c in " -_." else "_" for c in job.title).strip(" .")
        stem = Path(kept).stem or translate("Recent", "result")
        scale = job.width / max(1, job.source_width)
        return f"{stem}_x{scale:.4g}.png"

    def remove(self) -> None:
        """Delete the chosen one, with its result; one that is under way is cancelled."""
        job = self.job
        if job is None:
            return
        if job.state.is_final:
            self._gateway.call(
                lambda _: self._on_gone(job.id), self._on_problem, Client.remove, job.id
            )
        else:
            self._gateway.call(lambda _: self._ask(), self._on_problem, Client.cancel, job.id)

    def insert(self) -> None:
        """Give the chosen one to the editor."""
        if self._session is None or self.job is None or not self.has_result:
            return
        answer = SessionAnswer(accepted=True, job=self.job.id, options=self._options)
        self._gateway.call(
            lambda _: self.end(), self._on_problem, Client.answer_session, self._session, answer
        )

    def discard(self) -> None:
        """Give the editor nothing; what is being saved is saved first."""
        if self._is_over:
            return
        if self.is_saving:
            self._ends_when_saved = True
            return
        if self._session is None:
            self.end()
            return
        answer = SessionAnswer(accepted=False, options=self._options)
        self._gateway.call(
            lambda _: self.end(), lambda _: self.end(), Client.answer_session, self._session, answer
        )

    def end(self) -> None:
        """Be over: nobody waits for an answer any more."""
        if not self._is_over:
            self._is_over = True
            self.close()
            self.ended.tell()

    def session_lost(self) -> None:
        """Say that the engine that knew the editor is gone."""
        self._session = None
        self._on_problem(
            Problem(
                "session-lost",
                translate(
                    "Recent",
                    "The engine was started again and does not know the editor any more. Ask for "
                    "the recent results in the editor once more, or save the result as a file.",
                ),
            )
        )

    def close(self) -> None:
        """Let go of what is under way."""
        for ticket in (
            self._asking,
            self._fetching,
            self._measuring,
            self._again,
            *self._coming_previews.values(),
        ):
            ticket.cancel()

    def _ask(self) -> None:
        self._again.cancel()
        self._asking.cancel()
        self._asking = self._gateway.call(self._on_jobs, self._on_jobs_failed, Client.jobs)

    def _on_session(self, info: SessionInfo) -> None:
        self._options, self.host = info.options, info.host
        self.changed.tell()

    def _on_jobs(self, found: JobList) -> None:
        before = self.jobs
        self.jobs = tuple(job for job in found.jobs if _is_listed(job))
        known = {job.id for job in self.jobs}
        if self.chosen not in known:
            done = [job for job in self.jobs if job.state is JobState.DONE]
            self.choose(next((job.id for job in (*done, *self.jobs)), None))
        if self.problem is not None and before is None:
            self.problem = None
        for job in self.jobs:
            self._want_preview(job)
        self._again = self._later(_LOOK_AGAIN_MS, self._ask)
        if self.jobs != before:
            self.changed.tell()

    def _on_jobs_failed(self, problem: Problem) -> None:
        self._again = self._later(_LOOK_AGAIN_MS, self._ask)
        if self.jobs is None:
            self._on_problem(problem)

    def _want_preview(self, job: JobInfo) -> None:
        number = 0 if job.progress is None else job.progress.preview
        if job.state is JobState.DONE:
            number = max(1, number)
        if number and self._wanted_previews.get(job.id, 0) < number:
            if len(self._coming_previews) >= _FETCHED_AT_ONCE or job.id in self._coming_previews:
                return
            self._wanted_previews[job.id] = number
            self._coming_previews[job.id] = self._gateway.preview(
                job.id,
                lambda raster: self._on_preview(job.id, raster),
                lambda _: self._on_preview(job.id, None),
            )

    def _on_preview(self, job_id: str, raster: Raster | None) -> None:
        self._coming_previews.pop(job_id, None)
        if raster is not None:
            self.previews[job_id] = raster
            self.changed.tell()
        for job in self.jobs or ():
            self._want_preview(job)

    def _fetch(self, job: JobInfo) -> None:
        self.is_fetching, self.problem, self.note = True, None, ""
        self._fetching.cancel()

        def on_both(result: Picture, source: Picture | None) -> None:
            self.is_fetching = False
            self.comparison = Comparison(job.id, result, source)
            self.changed.tell()

        def on_result(result: Picture) -> None:
            self._fetching = self._gateway.image(
                job.image,
                lambda source: on_both(result, source),
                lambda _: on_both(result, None),  # the result is what was asked for
            )

        self._fetching = self._gateway.result(job.id, on_result, self._on_problem)
        self.changed.tell()

    def _write(self, job: JobInfo, picture: Picture, file: Path) -> None:
        recipe = None if job.settings.strip else job.recipe

        def on_written(_: None) -> None:
            self.is_saving = False
            self.note = translate("Files", "Saved as {name}.").format(name=file.name)
            self.changed.tell()
            if self._ends_when_saved:
                self.discard()

        self._workers.run(
            lambda _: self._files.write(picture, recipe, file, overwrite=True),
            on_written,
            lambda error: self._on_not_saved(file_problem(error)),
        )

    def _on_not_saved(self, problem: Problem) -> None:
        self.is_saving, self._ends_when_saved = False, False
        self._on_problem(problem)

    def _on_gone(self, job_id: str) -> None:
        self.previews.pop(job_id, None)
        kept = [job for job in self.jobs or () if job.id != job_id]
        place = next((i for i, job in enumerate(self.jobs or ()) if job.id == job_id), 0)
        self.jobs = tuple(kept)
        if self.chosen == job_id:
            self.choose(kept[min(place, len(kept) - 1)].id if kept else None)
        self.changed.tell()

    def _on_problem(self, problem: Problem) -> None:
        self.is_fetching = False
        self.problem = problem
        self.changed.tell()


def _is_listed(job: JobInfo) -> bool:
    """Whether it is a whole result, or becomes one."""
    gone = (JobState.CANCELLED, JobState.CANCELLING, JobState.FAILED)
    return job.window is None and job.state not in gone
