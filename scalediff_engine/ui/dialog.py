"""The whole dialog without its widgets: load, choose, run, compare, decide."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from enum import Enum

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import JobRequest, JobState, Problem
from scalediff_engine.ui.compare.results import Results, Tries
from scalediff_engine.ui.fast_preview import FastPreviewModel
from scalediff_engine.ui.gateway import Failed, Gateway
from scalediff_engine.ui.job_follower import JobFollower, PendingRequests, ProgressModel
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.loupe.model import LoupeModel
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.origin import Canvas, Loaded, Origin, ensure_uploaded
from scalediff_engine.ui.picture import Picture
from scalediff_engine.ui.upscale.choices import Choices, from_settings
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.workers import Later, Workers


class Phase(Enum):
    """Where the dialog stands."""

    LOADING = "loading"
    CHOOSING = "choosing"
    STARTING = "starting"
    RUNNING = "running"
    FETCHING = "fetching"
    COMPARING = "comparing"
    HANDING_OVER = "handing over"
    ENDED = "ended"


class DialogModel:
    """One picture, its settings, its tries, and what becomes of them.

    Args:
        gateway: to the engine
        later: calls something after a while
        origin: where the picture comes from
        memory: what was chosen last
        keep: writes down what was chosen
        workers: threads, for what is reckoned here
        clock: seconds, monotonic

    Attributes:
        phase: where it stands
        loaded: the picture; none while it comes
        upscale: what is chosen; none while the picture comes
        loupe: looks at a part of what is chosen; none while the picture comes
        guess: what the fast networks make of what is seen; none while the picture comes
        problem: the last thing that went wrong, until something else is done
        note: a sentence on what went well
        canvas: what becomes of the document; none = that is not asked
        in_background: whether the window is to be out of sight while the job runs
        changed: told whenever anything here is different
        ended: told once, when the dialog is over
    """

    def __init__(
        self,
        gateway: Gateway,
        later: Later,
        origin: Origin,
        memory: Memory,
        keep: Callable[[Memory], None],
        workers: Workers | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gateway = gateway
        self._later = later
        self._origin = origin
        self._memory = memory
        self._keep = keep
        self._asked_for = Choices()
        self._pending = PendingRequests()
        self._job = JobFollower(gateway, later, self._ensure_uploaded, self._pending, clock)
        self._ends_when_accepted = origin.closes_when_accepted
        self.phase = Phase.LOADING
        self.loaded: Loaded | None = None
        self.upscale: UpscaleModel | None = None
        self.loupe: LoupeModel | None = None
        self.guess: FastPreviewModel | None = None
        self.problem: Problem | None = None
        self.note = ""
        self.canvas: Canvas | None = None
        self.in_background = False
        self.changed = Observers()
        self.ended = Observers()
        self._results = Results(gateway, workers, self.changed.tell)

    @property
    def progress(self) -> ProgressModel | None:
        """Of the job that runs or ran last."""
        return self._job.progress

    @property
    def tries(self) -> Tries:
        """What was made."""
        return self._results.tries

    @property
    def shown(self) -> Picture | None:
        """The result that is looked at."""
        current = self.tries.current
        return None if current is None else current.picture

    @property
    def closes_when_accepted(self) -> bool:
        """Whether nothing is left to do then."""
        return self._origin.closes_when_accepted

    def begin(self) -> None:
        """Get the picture."""
        self._origin.load(self._on_loaded, self._on_problem)

    def start(self) -> None:
        """Ask for the upscale as it is chosen."""
        if self.phase is not Phase.CHOOSING or self.upscale is None or self.loaded is None:
            return
        if not self.upscale.can_start:
            return
        settings = self.upscale.start()
        # tries are told apart by what the slider showed, whoever put it there
        self._asked_for = dataclasses.replace(
            self.upscale.choices, creativity=self.upscale.creativity
        )
        self._keep(self.upscale.memory)
        self._job.leave()  # an earlier one is not shown any more
        self._go(Phase.STARTING)
        title = self.loaded.title
        self._job.start(
            lambda image: JobRequest(image, settings, title=title),
            lambda _: self._go(Phase.RUNNING),
            self._on_job_ended,
            self._on_refused,
        )

    def cancel(self) -> None:
        """Stop the job; the settings are back at once, whatever the engine still has to do."""
        if self.phase is Phase.STARTING:
            self._job.cancel()
            self._go(Phase.CHOOSING)
        elif self.phase in (Phase.RUNNING, Phase.FETCHING):
            self._results.give_up()
            self._job.cancel()
            self._back()

    def work_in_background(self) -> None:
        """Let the window go while the job runs."""
        if self.phase is Phase.RUNNING:
            self.in_background = True
            self.changed.tell()

    def fetch_again(self) -> None:
        """Fetch a result once more that did not come."""
        if self.phase is Phase.FETCHING and self.problem is not None:
            self._fetch()

    def prefer(self, model: str) -> None:
        """Take another model, which was chosen elsewhere."""
        self._memory = dataclasses.replace(self._memory, model=model)
        if self.upscale is not None:
            self.upscale.prefer(model)

    def come_back(self) -> None:
        """Let the window be seen again."""
        if self.in_background:
            self.in_background = False
            self.changed.tell()

    def choose_again(self) -> None:
        """Go back to the settings, as they were for the try that is looked at; tries stay."""
        if self.phase is not Phase.COMPARING:
            return
        current, upscale = self.tries.current, self.upscale
        if current is not None and upscale is not None and current.number < len(self.tries.all):
            is_locked = upscale.choices.seed_is_locked
            upscale.change(dataclasses.replace(current.choices, seed_is_locked=is_locked))
        self._go(Phase.CHOOSING)

    def compare(self) -> None:
        """Look at the tries again."""
        if self.phase is Phase.CHOOSING and self.tries.current is not None:
            self._go(Phase.COMPARING)

    def look_at(self, number: int) -> None:
        """Look at another try."""
        self._results.look_at(number, self._on_problem)

    def measure_drift(self) -> None:
        """Measure how far the result has drifted, unless that is known."""
        if self.loaded is not None:
            self._results.measure_drift(self.loaded.picture.raster)

    def accept(self) -> None:
        """Hand over the result that is looked at."""
        current = self.tries.current
        if self.phase is not Phase.COMPARING or current is None or current.picture is None:
            return
        self._go(Phase.HANDING_OVER)
        self._origin.accept(current, self.canvas, self._on_accepted, self._on_not_accepted)

    def choose_canvas(self, canvas: Canvas) -> None:
        """Say what becomes of the document, if the editor offers that."""
        offer = None if self.loaded is None else self.loaded.canvas
        if offer is not None and canvas in offer.offered:
            self.canvas = canvas

    def discard(self) -> None:
        """End without a result; a job that runs is cancelled.

        A result that is being saved or handed over is not lost by it: the dialog ends after that.
        """
        if self.phase is Phase.ENDED:
            return
        if self.phase is Phase.HANDING_OVER:
            self._ends_when_accepted = True
            return
        self._go(Phase.ENDED)
        self._results.close()
        self._job.cancel()
        self._pending.then(lambda: self._origin.discard(self.ended.tell))

    def session_ended(self) -> None:
        """End: the editor wants nothing any more.

        A job goes on, unless the editor asked for its end and the user did not send it away.
        """
        if self.phase is Phase.ENDED:
            return
        stops = self.loaded is not None and self.loaded.stops_with_host and not self.in_background
        self._go(Phase.ENDED)
        if stops:
            self._job.cancel()
        else:
            self._job.leave()
        self._pending.then(self.ended.tell)

    def session_lost(self) -> None:
        """Say that the engine that knew the editor is gone; what was made is not."""
        if self.phase is not Phase.ENDED:
            self._on_problem(
                Problem(
                    "session-lost",
                    translate(
                        "Dialog",
                        "The engine was started again and does not know the editor any more. "
                        "Results stay for 24 hours in the recent results.",
                    ),
                )
            )

    def close(self) -> None:
        """Let go of everything that is under way, and leave the job as it is."""
        self._results.close()
        if self.loupe is not None:
            self.loupe.close()
        if self.guess is not None:
            self.guess.close()
        if self.upscale is not None:
            self.upscale.close()
        self._job.leave()

    def _go(self, phase: Phase) -> None:
        self.phase, self.problem, self.note = phase, None, ""
        if phase is not Phase.CHOOSING and self.loupe is not None:
            self.loupe.toggle(False)
        self._allow_guess()
        self.changed.tell()

    def _allow_guess(self) -> None:
        """Make guesses only where nothing better is made."""
        if self.guess is not None and self.loupe is not None:
            self.guess.allow(self.phase is Phase.CHOOSING and not self.loupe.is_on)

    def _on_problem(self, problem: Problem) -> None:
        self.problem = problem
        self.changed.tell()

    def _on_loaded(self, loaded: Loaded) -> None:
        if self.phase is not Phase.LOADING:
            return
        self.loaded = loaded
        self.canvas = None if loaded.canvas is None else loaded.canvas.chosen
        source = Size(loaded.picture.width, loaded.picture.height)
        begin = None if loaded.settings is None else from_settings(loaded.settings, source)
        self.upscale = UpscaleModel(self._gateway, self._later, source, self._memory, begin)
        self.loupe = LoupeModel(
            self._gateway,
            self._later,
            self.upscale,
            self._ensure_uploaded,
            loaded.title,
            self._pending,
        )
        self.guess = FastPreviewModel(
            self._gateway, self._later, self.upscale, self._ensure_uploaded, self._pending
        )
        self.loupe.changed.add(self._allow_guess)
        self._go(Phase.CHOOSING)
        self.upscale.begin()

    def _ensure_uploaded(self, done: Callable[[str], None], failed: Failed) -> None:
        loaded = self.loaded
        assert loaded is not None  # nothing is asked for before

        def on_uploaded(image: str) -> None:
            self.loaded = dataclasses.replace(loaded, image=image)
            done(image)

        ensure_uploaded(self._gateway, loaded, on_uploaded, failed)

    def _on_refused(self, problem: Problem) -> None:
        self._go(Phase.CHOOSING)
        self._on_problem(problem)

    def _on_job_ended(self, progress: ProgressModel) -> None:
        if progress.state is JobState.DONE:
            self._fetch()
        elif progress.state is JobState.CANCELLED:  # by another client
            self._job.leave()
            self._back()
        else:
            self._on_problem(progress.problem or Problem("engine", ""))

    def _fetch(self) -> None:
        progress = self.progress
        assert progress is not None  # its job is done
        self._go(Phase.FETCHING)
        self._results.fetch(
            progress.job_id,
            self._asked_for,
            lambda: self._go(Phase.COMPARING),
            self._on_problem,
        )

    def _on_accepted(self, note: str) -> None:
        if self.phase is not Phase.HANDING_OVER:  # the editor has its result, and was quicker
            return
        if self._ends_when_accepted:
            self._go(Phase.ENDED)
            self._pending.then(self.ended.tell)
        else:
            self._go(Phase.COMPARING)
            self.note = note
            self.changed.tell()

    def _on_not_accepted(self, problem: Problem) -> None:
        if self.phase is not Phase.HANDING_OVER:
            return
        self._ends_when_accepted = self._origin.closes_when_accepted
        self._go(Phase.COMPARING)
        self._on_problem(problem)

    def _back(self) -> None:
        self._go(Phase.COMPARING if self.tries.current is not None else Phase.CHOOSING)
