"""Values that people type on a command line: sizes, devices, LoRAs, noise levels."""

from __future__ import annotations

import math
import re
from pathlib import Path

from scalediff_engine.errors import UsageError
from scalediff_engine.geometry import Size
from scalediff_engine.memory.footprint import GIB
from scalediff_engine.pipeline.settings import EVERY_SIGMA, Attention, Preset

_SIZE = re.compile(r"\s*([0-9]{1,9})\s*[xX×*]\s*([0-9]{1,9})\s*")
MAX_LORA_WEIGHT = 10.0

_DEVICE = re.compile(r"auto|cpu|mps|(?:cuda|xpu)(?::[0-9]{1,3})?")


def parse_size(text: str) -> Size:
    """Read ``4096x3072``.

    Raises:
        UsageError: it is no size, or a side is 0.
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise UsageError(f"--size is '{text}'; it is width x height in pixels, such as 4096x3072.")
    size = Size(int(found[1]), int(found[2]))
    if 0 in size:
        raise UsageError(f"--size is {size}; both sides need at least 1 pixel.")
    return size


def check_device(word: str) -> str:
    """Give back a device's name; whether it exists only the loaded model can say.

    Raises:
        UsageError: it is no device's name.
    """
    if _DEVICE.fullmatch(word) is None:
        raise UsageError(f"--device is '{word}'; it is auto, cpu, cuda, cuda:0, mps or xpu.")
    return word


def gib_to_bytes(gib: float) -> int:
    """Turn ``--max-memory`` into bytes.

    Raises:
        UsageError: not a positive, finite number.
    """
    if not (math.isfinite(gib) and gib > 0):
        raise UsageError(f"--max-memory is {gib:g}; it is a number of GiB above 0.")
    return int(gib * GIB)


def parse_attention(word: str) -> Attention:
    """Read the name of a kind of attention.

    Raises:
        UsageError: there is no such kind.
    """
    try:
        return Attention(word)
    except ValueError as error:
        kinds = ", ".join(kind.value for kind in Attention)
        raise UsageError(f"--attention is '{word}'; it is one of {kinds}.") from error


def parse_preset(word: str) -> Preset:
    """Read the name of a preset.

    Raises:
        UsageError: there is no such preset.
    """
    try:
        return Preset(word)
    except ValueError as error:
        presets = ", ".join(preset.value for preset in Preset)
        raise UsageError(f"--preset is '{word}'; it is one of {presets}.") from error


def parse_interval(text: str | None) -> tuple[float, float] | None:
    """Read ``0.28,5.42`` or ``all``; nothing said is None.

    Raises:
        UsageError: it is no pair of numbers, the first at least 0 and below the second.
    """
    if text is None:
        return None
    if text.strip().lower() == "all":
        return EVERY_SIGMA
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError:
        low, high = math.nan, math.nan
    # not (a < b) instead of (a >= b): NaN must fail too
    if not (0 <= low < high and low < math.inf):
        raise UsageError(
            f"--guidance-interval is '{text}'; it is two noise levels from 0 upwards, the lower "
            "one first, such as 0.28,5.42, or all."
        )
    return low, high


def parse_lora(text: str) -> tuple[Path, float]:
    r"""Read ``FILE`` or ``FILE:WEIGHT``.

    What stands after the last colon is a weight only if it is a number, so that the drive of
    ``C:\loras\soft.safetensors`` stays with its path; a file of exactly this name goes first.

    Raises:
        UsageError: the weight is no number, or an absurd one.
    """
    whole = Path(text)
    head, colon, tail = text.rpartition(":")
    if not colon or not head or whole.is_file():
        return whole, 1.0
    path = Path(head)
    try:
        weight = float(tail)
    except ValueError:
        if path.is_file():
            raise UsageError(
                f"--lora is '{text}'; after the colon there is a number such as 0.8, the weight."
            ) from None
        return whole, 1.0
    if not abs(weight) <= MAX_LORA_WEIGHT:
        raise UsageError(
            f"The weight of --lora {head} is {tail}; "
            f"it goes from {-MAX_LORA_WEIGHT:g} to {MAX_LORA_WEIGHT:g}."
        )
    return path, weight
