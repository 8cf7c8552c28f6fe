"""What is said of a job in the list."""

from __future__ import annotations

from pathlib import PurePath

from scalediff_engine.client.messages import JobInfo, JobState, UpscaleSettings
from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate


def title(job: JobInfo) -> str:
    """What people know it by."""
    return job.title or translate("Recent", "Untitled picture")


def facts(job: JobInfo) -> str:
    """How large, and made with what."""
    return translate("Recent", "{size} · {model}").format(
        size=words.size_px(job.width, job.height), model=_made_with(job.settings)
    )


def _made_with(settings: UpscaleSettings) -> str:
    """The method without a model, or a model's name in short: ours, or that of its file."""
    name = settings.model
    if settings.method == "fast":
        return translate("Settings", "Fast")
    if name == "embedded":
        return "ScaleDiff"
    return PurePath(name).stem if name.endswith(".safetensors") else name


def when(job: JobInfo, ago_seconds: float, kept_seconds: float) -> str:
    """When it was made and how long it stays; or how far it is."""
    if job.state is not JobState.DONE:
        if job.progress is None:
            return words.state(job.state)
        percent = round(100 * job.progress.fraction)
        return translate("Recent", "{state}, {percent} %").format(
            state=words.state(job.state), percent=percent
        )
    return translate("Recent", "{ago}, kept for {left} more").format(
        ago=ago(ago_seconds), left=_rough(kept_seconds)
    )


def ago(seconds: float) -> str:
    """How long ago."""
    if seconds < 60:
        return translate("Recent", "Just now")
    return translate("Recent", "{duration} ago").format(duration=_rough(seconds))


def _rough(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    if minutes == 1:
        return translate("Recent", "1 minute")
    if minutes < 90:
        return translate("Recent", "{count} minutes").format(count=minutes)
    return translate("Recent", "{count} hours").format(count=round(minutes / 60))
