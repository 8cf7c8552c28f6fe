"""Values that people type on a command line: sizes, devices, amounts of memory."""

from __future__ import annotations

import math
import re

from scalediff_engine.errors import UsageError
from scalediff_engine.geometry import Size
from scalediff_engine.memory.footprint import GIB
from scalediff_engine.pipeline.settings import Attention

_SIZE = re.compile(r"\s*([0-9]{1,9})\s*[xX×*]\s*([0-9]{1,9})\s*")
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
