"""Figures and states as people read them."""

from __future__ import annotations

from PySide6.QtCore import QLocale

from scalediff_engine.client.messages import JobState
from scalediff_engine.ui.language import translate

_KIB, _MIB, _GIB = 1 << 10, 1 << 20, 1 << 30
# Marks that keep figures such as 4096 × 3072 in their order where text runs from right to left.
_LEFT_TO_RIGHT, _END = "\u2066", "\u2069"


def size(width: int, height: int) -> str:
    """Give a size in pixels, such as ``4096 × 3072``."""
    return f"{_LEFT_TO_RIGHT}{width} × {height}{_END}"


def size_px(width: int, height: int) -> str:
    """Give a size in pixels and say that it is pixels."""
    return translate("Words", "{size} px").format(size=size(width, height))


def number(value: float, decimals: int = 1) -> str:
    """Give a number as the language writes it, without zeros at its end."""
    text = f"{value:.{decimals}f}"
    if decimals:
        text = text.rstrip("0").rstrip(".")
    return text.replace(".", QLocale().decimalPoint())


def times(factor: float) -> str:
    """Give how much larger, such as ``4×``."""
    return f"{_LEFT_TO_RIGHT}{number(factor, 2)}×{_END}"


def memory(count: int) -> str:
    """Give bytes, such as ``5.1 GiB``."""
    if count >= _GIB:
        return f"{_LEFT_TO_RIGHT}{number(count / _GIB)} GiB{_END}"
    if count >= _MIB:
        return f"{_LEFT_TO_RIGHT}{round(count / _MIB)} MiB{_END}"
    return f"{_LEFT_TO_RIGHT}{max(1, round(count / _KIB))} KiB{_END}"


def duration(seconds: float) -> str:
    """Give about how long something takes."""
    whole = round(seconds)
    if whole < 1:
        return translate("Words", "less than a second")
    if whole < 60:
        return translate("Words", "{seconds} s").format(seconds=whole)
    minutes, rest = divmod(whole, 60)
    if whole < 600 and rest:
        return translate("Words", "{minutes} min {seconds} s").format(minutes=minutes, seconds=rest)
    if whole < 3600:
        return translate("Words", "{minutes} min").format(minutes=round(whole / 60))
    hours, minutes = divmod(round(whole / 60), 60)
    return translate("Words", "{hours} h {minutes} min").format(hours=hours, minutes=minutes)


def time_left(seconds: int | None) -> str:
    """Give how long it still takes; the number was rounded before."""
    if seconds is None:
        return translate("Words", "Time left is not known yet")
    if seconds < 5:
        return translate("Words", "A few seconds left")
    return translate("Words", "About {duration} left").format(duration=duration(seconds))


def preset(name: str) -> str:
    """Give how much time may be spent, from the engine's word for it."""
    known = {
        "fast": translate("Settings", "Fast"),
        "balanced": translate("Settings", "Balanced"),
        "best": translate("Settings", "Best"),
    }
    return known.get(name, name)


def phase(word: str) -> str:
    """Give what a job is doing, from the engine's word for it."""
    known = {
        "encoding": translate("Words", "Encoding"),
        "warming up": translate("Words", "Warming up"),
        "sharpening": translate("Words", "Sharpening"),
        "decoding": translate("Words", "Decoding"),
        "finishing": translate("Words", "Finishing"),
        "enlarging": translate("Words", "Enlarging"),
    }
    return known.get(word, word[:1].upper() + word[1:])


def state(found: JobState) -> str:
    """Give where a job stands."""
    return {
        JobState.QUEUED: translate("Words", "Waiting for its turn"),
        JobState.RUNNING: translate("Words", "Running"),
        JobState.PAUSING: translate("Words", "Pausing after this step"),
        JobState.PAUSED: translate("Words", "Paused"),
        JobState.CANCELLING: translate("Words", "Cancelling"),
        JobState.CANCELLED: translate("Words", "Cancelled"),
        JobState.DONE: translate("Words", "Done"),
        JobState.FAILED: translate("Words", "It did not work"),
    }[found]


def zoom(factor: float) -> str:
    """Give a zoom in percent."""
    percent = 100 * factor
    return f"{_LEFT_TO_RIGHT}{number(percent, 0 if percent >= 10 else 1)} %{_END}"
