"""What the docker says."""

from __future__ import annotations

from .client.messages import JobProgress
from .engine_status import EngineStatus
from .order import Order
from .plugin_common.errand import Phase
from .plugin_common.words import Words

_MINUTE = 60
_PHASES = {
    Phase.STARTING: "Starting the engine",
    Phase.SENDING: "Sending the pixels",
    Phase.DIALOG: "Waiting for the dialog",
    Phase.WORKING: "Upscaling",
    Phase.FETCHING: "Fetching the result",
}


def of_engine(status: EngineStatus, words: Words) -> str:
    """Say how the engine is."""
    if status.problem:
        return status.problem
    health = status.health
    if health is None:
        return words("The engine is not running. It starts by itself when it is needed.")
    if health.running:
        if health.queued:
            return words("The engine is at work; {count} more are waiting.", count=health.queued)
        return words("The engine is at work.")
    return words("The engine is ready: {device}.", device=health.device.name)


def of_order(order: Order, words: Words) -> str:
    """Say what an order is about."""
    if order.question is not None:
        return words("Waiting for your answer")
    said = words(_PHASES[order.phase])
    return f"{said}: {left(order.progress, words)}" if order.progress is not None else said


def left(progress: JobProgress, words: Words) -> str:
    """Say how far a job is."""
    percent = f"{progress.fraction:.0%}"
    seconds = progress.seconds_left
    if seconds is None:
        return percent
    if seconds < _MINUTE:
        return words("{percent}, {seconds} s left", percent=percent, seconds=max(1, round(seconds)))
    return words("{percent}, {minutes} min left", percent=percent, minutes=round(seconds / _MINUTE))
