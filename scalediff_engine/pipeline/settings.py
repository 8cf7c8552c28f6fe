"""What a user can ask of an upscale (no torch in this file)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from scalediff_engine.errors import UsageError

SEED_LIMIT = 2**63 - 1


class Attention(Enum):
    """How self-attention sees a grid that is larger than the native one."""

    NPA = "npa"
    DIRECT = "direct"
    MULTIDIFFUSION = "multidiffusion"


@dataclass(frozen=True)
class Settings:
    """One upscale's settings; None means the family's own default.

    Raises:
        UsageError: a value out of its range, with the range.
    """

    prompt: str = ""
    negative: str = ""
    creativity: float | None = None
    structure: float = 1.0
    steps: int | None = None
    guidance: float | None = None
    guided_sigmas: tuple[float, float] | None = None
    seed: int = 0
    attention: Attention = Attention.NPA
    latent_frequency_mixing: bool = True
    structure_guidance: bool = True
    jitter: bool = True
    source_lock: bool = True

    def __post_init__(self) -> None:
        _within("Creativity", self.creativity, 0, 1)
        _within("Structure", self.structure, 0, 1)
        _within("Steps", self.steps, 1, 1000)
        _within("Guidance", self.guidance, 0, 30)
        _within("Seed", self.seed, 0, SEED_LIMIT)


def _within(name: str, value: float | None, low: float, high: float) -> None:
    # not (a <= b) instead of (a > b): NaN must fail too
    if value is not None and not low <= value <= high:
        raise UsageError(f"{name} is {value}; it goes from {low} to {high}.")
