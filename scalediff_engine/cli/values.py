"""Values that people type on a command line: sizes, devices, LoRAs, noise levels."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.cli.request import STREAM, Enlargement, Sides
from scalediff_engine.client.naming import FIELDS, BadPattern, Pattern, PatternTrouble
from scalediff_engine.planning import settings_parsing
from scalediff_engine.planning.plan import MAX_SCALE
from scalediff_engine.planning.settings import EVERY_SIGMA
from scalediff_engine.planning.settings_parsing import MAX_LORA_WEIGHT

if TYPE_CHECKING:
    from scalediff_engine.images.formats import Format

_SIZE = re.compile(r"\s*([0-9]{1,9})?\s*[xX×*]\s*([0-9]{1,9})?\s*")
_PERCENT = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*%\s*")


def parse_size(text: str) -> Size:
    """Read ``4096x3072``.

    Raises:
        UsageError: it is no size, or a side is 0.
    """
    found = _sides(text)
    if found is None or found.width is None or found.height is None:
        raise UsageError(f"--size is '{text}'; it is width x height in pixels, such as 4096x3072.")
    return Size(found.width, found.height)


def parse_enlargement(scale: float | None, size: str | None) -> Enlargement:
    """Read ``--scale`` and ``--size``: ``4096x3072``, ``4096x``, ``x3072`` or ``250%``.

    Raises:
        UsageError: both, no size, or out of range.
    """
    if size is None:
        return Enlargement(scale)
    percent = _PERCENT.fullmatch(size)
    if percent is not None:
        factor = float(percent[1]) / 100
        if not 1 <= factor <= MAX_SCALE:
            raise UsageError(
                f"--size is {size}; it must be between 100% and {100 * MAX_SCALE:g}%: "
                "this program enlarges."
            )
        return Enlargement(scale, factor=factor)
    sides = _sides(size)
    if sides is None:
        raise UsageError(
            f"--size is '{size}'; it is width x height in pixels, such as 4096x3072, one side "
            "(4096x or x3072), or a percentage such as 250%."
        )
    return Enlargement(scale, size=sides)


def parse_path(text: str) -> Path:
    """Read a path; ``-`` is a stream, and ``./-`` a file of this name.

    ``Path`` takes them for the same.
    """
    return Path(text) if text == "-" or Path(text) != STREAM else Path(text).absolute()


def _sides(text: str) -> Sides | None:
    found = _SIZE.fullmatch(text)
    if found is None or (found[1] is None and found[2] is None):
        return None
    sides = Sides(*(None if side is None else int(side) for side in found.groups()))
    if 0 in sides:
        raise UsageError(f"--size is {text.strip()}; both sides need at least 1 pixel.")
    return sides


def check_device(word: str) -> str:
    """Give back a device's name; see ``settings_parsing.check_device``."""
    return settings_parsing.check_device(word, "--device")


def gib_to_bytes(gib: float) -> int:
    """Turn ``--max-memory`` into bytes; see ``settings_parsing.gib_to_bytes``."""
    return settings_parsing.gib_to_bytes(gib, "--max-memory")


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


def parse_format(word: str | None) -> Format | None:
    """Read the name of a format, or one of its extensions; None stays None.

    Raises:
        UsageError: there is no such format.
    """
    if word is None:
        return None
    from scalediff_engine.images.formats import Format

    wanted = word.lower()
    for form in Format:
        if wanted == form.value or f".{wanted}" in form.extensions:
            return form
    words = ", ".join(form.value for form in Format)
    raise UsageError(f"--format must be one of {words} (got '{word}').")


def parse_pattern(text: str) -> Pattern:
    """Read a pattern of names such as ``{stem}_x{scale}``.

    Raises:
        UsageError: an unknown field, a brace too many, a path separator, or nothing at all.
    """
    try:
        return Pattern(text)
    except BadPattern as error:
        raise pattern_error(text, error) from error


def pattern_error(text: str, error: BadPattern) -> UsageError:
    """Return the error that says what is wrong with a pattern of names."""
    sentences = {
        PatternTrouble.EMPTY: "--name is empty; '{stem}_x{scale}' is the usual one.",
        PatternTrouble.SEPARATOR: (
            f"--name '{text}' has a path separator; "
            "it names files only, --output-dir says where they go."
        ),
        PatternTrouble.BRACE: (
            f"--name '{text}' has a brace without its partner; {{{{ and }}}} are plain braces."
        ),
        PatternTrouble.FIELD: (
            f"--name has no field '{{{error.detail}}}'; the fields are {', '.join(FIELDS)}."
        ),
        PatternTrouble.NO_NAME: (
            f"--name '{text}' makes the name '{error.detail}', which is no file name."
        ),
    }
    return UsageError(sentences[error.trouble])


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
            f"The weight of --lora {head} must be between "
            f"{-MAX_LORA_WEIGHT:g} and {MAX_LORA_WEIGHT:g} (got {tail})."
        )
    return path, weight
