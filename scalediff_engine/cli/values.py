"""Values that people type on a command line: sizes, devices, LoRAs, noise levels."""

from __future__ import annotations

import math
import re
from pathlib import Path

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.planning import wishes
from scalediff_engine.planning.settings import EVERY_SIGMA, Attention, Method, Preset
from scalediff_engine.planning.wishes import MAX_LORA_WEIGHT

_SIZE = re.compile(r"\s*([0-9]{1,9})\s*[xX×*]\s*([0-9]{1,9})\s*")


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
    """Give back a device's name; see ``wishes.check_device``."""
    return wishes.check_device(word, "--device")


def gib_to_bytes(gib: float) -> int:
    """Turn ``--max-memory`` into bytes; see ``wishes.gib_to_bytes``."""
    return wishes.gib_to_bytes(gib, "--max-memory")


def parse_attention(word: str) -> Attention:
    """Read the name of a kind of attention; see ``wishes.parse_attention``."""
    return wishes.parse_attention(word, "--attention")


def parse_method(word: str) -> Method:
    """Read the name of a method; see ``wishes.parse_method``."""
    return wishes.parse_method(word, "--method")


def parse_preset(word: str) -> Preset:
    """Read the name of a preset; see ``wishes.parse_preset``."""
    return wishes.parse_preset(word, "--preset")


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
