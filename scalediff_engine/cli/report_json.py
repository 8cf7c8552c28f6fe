"""``--json``: one JSON object a line on standard output, flushed, with stable fields.

Every object has ``event``. Sizes are ``[width, height]`` in pixels, times in seconds, paths strings
as the user would type them. Fields are added in later versions, never renamed or removed.

========== =====================================================================================
event      fields
========== =====================================================================================
plan       file, files, input, output, source, target, model, device, stages (each: canvas,
           from_noise, t_start, steps, guidance, guided_sigmas), peak_bytes, gflop, seconds
           (estimated), notes
note       message (a sentence on the run as a whole)
loading    model (its title)
progress   file, files, input, phase (encode | warm_up | denoise | decode | finish | enlarge),
           stage, stages, step, steps, fraction (0..1), seconds_left (this file),
           batch_seconds_left (all that is left)
result     file, files, input, output, size, seconds, notes (sentences: what was lost or unused)
skipped    input, output (or null), reason (output-exists | own-result | unsupported-format)
error      input (null: the whole run), code (see ``errors.py``), message, exit_code
summary    total (inputs), planned, done, skipped, failed, not_started, seconds,
           cancelled, dry_run, exit_code; always the last
========== =====================================================================================

``file`` counts the pictures to be made from 1 to ``files``. A picture that is made from noise has
no ``input`` and no ``source``: both are null. ``guided_sigmas`` is an interval, null at an end that
is not there, or null where guidance is no affair of noise levels. An error's sentence goes to
standard error as well.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from scalediff_engine.cli import streams
from scalediff_engine.cli.events import (
    Advanced,
    Event,
    Failed,
    Finished,
    Loading,
    Note,
    Numbered,
    Planned,
    Skipped,
    Summary,
)
from scalediff_engine.cli.logs import SHOWN
from scalediff_engine.cli.report_text import failure_sentence, plan_notes, summary_sentence
from scalediff_engine.planning.recipe import stage_objects

if TYPE_CHECKING:
    from scalediff_engine.cli.report import Reporter


class JsonReporter:
    """Writes each event as a line.

    Args:
        quiet: without ``loading`` and ``progress``
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    def tell(self, event: Event) -> None:
        """Write one event."""
        if self._quiet and isinstance(event, Loading | Advanced):
            return
        streams.to_stdout(json_line(event))
        if isinstance(event, Failed):
            streams.to_stderr(failure_sentence(event))
        elif isinstance(event, Summary) and event.cancelled:
            streams.to_stderr(summary_sentence(event) or "")

    def close(self) -> None:
        """Nothing stays open."""


def json_line(event: Event) -> str:
    """Give an event as one line of ASCII."""
    return json.dumps(json_object(event), allow_nan=False)


def json_object(event: Event) -> dict[str, Any]:
    """Give an event as the object that the table of this module describes."""
    match event:
        case Planned():
            return {"event": "plan", **_numbered(event.work), **_plan(event)}
        case Note():
            return {"event": "note", "message": event.text}
        case Loading():
            return {"event": "loading", "model": event.title}
        case Advanced():
            return {"event": "progress", **_numbered(event.work), **_progress(event)}
        case Finished():
            job = event.work.job
            return {
                "event": "result",
                **_numbered(event.work),
                "output": str(job.output),
                "size": list(job.plan.target),
                "seconds": round(event.seconds, 3),
                "notes": list(event.notes),
            }
        case Skipped():
            return {
                "event": "skipped",
                "input": None if event.path is None else str(event.path),
                "output": None if event.output is None else str(event.output),
                "reason": event.reason,
            }
        case Failed():
            return _error(event)
        case Summary():
            return _summary(event)


def _numbered(work: Numbered) -> dict[str, Any]:
    source = work.job.source
    return {
        "file": work.number,
        "files": work.count,
        "input": None if source is None else str(source),
    }


def _plan(event: Planned) -> dict[str, Any]:
    job = event.work.job
    return {
        "output": str(job.output),
        "source": None if job.source is None else list(job.plan.source),
        "target": list(job.plan.target),
        "model": event.model,
        "device": event.device,
        "stages": [
            {**words, "canvas": list(stage.canvas)}
            for words, stage in zip(stage_objects(job.plan), job.plan.stages, strict=True)
        ],
        "peak_bytes": job.plan.cost.peak_bytes,
        "gflop": round(job.plan.cost.gflop, 3),
        "seconds": round(job.seconds, 3),
        "notes": plan_notes(job),
    }


def _progress(event: Advanced) -> dict[str, Any]:
    progress = event.progress
    return {
        "phase": progress.phase.name.lower(),
        "stage": progress.stage,
        "stages": progress.stages,
        "step": progress.step,
        "steps": progress.steps,
        "fraction": round(progress.fraction, 4),
        "seconds_left": round(event.seconds_left, 3),
        "batch_seconds_left": round(event.batch_seconds_left, 3),
    }


def _error(event: Failed) -> dict[str, Any]:
    error = event.failure.error
    path = event.failure.path
    return {
        "event": "error",
        "input": None if path is None else str(path),
        "code": error.code,
        "message": str(error),
        "exit_code": error.exit_code,
    }


def _summary(event: Summary) -> dict[str, Any]:
    return {
        "event": "summary",
        "total": event.total,
        "planned": event.planned,
        "done": event.done,
        "skipped": event.skipped,
        "failed": len(event.failures),
        "not_started": event.not_started,
        "seconds": round(event.seconds, 3),
        "cancelled": event.cancelled,
        "dry_run": event.dry_run,
        "exit_code": event.exit_code,
    }


_log = logging.getLogger(__name__)


class LogReporter:
    """Logs each event, and passes it on.

    Args:
        reporter: shows the events to the user
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def tell(self, event: Event) -> None:
        """Log and pass on one event."""
        level = logging.DEBUG if isinstance(event, Advanced) else logging.INFO
        # the reporter shows the others
        extra = {SHOWN: not isinstance(event, Planned | Loading)}
        fields = json_object(event)
        words = " ".join(f"{key}={value}" for key, value in fields.items() if key != "event")
        _log.log(level, "%s %s", fields["event"], words, extra=extra)
        if isinstance(event, Failed):
            _log.debug("traceback", exc_info=event.failure.error)
        self._reporter.tell(event)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._reporter.close()
