"""What a user can ask of an upscale or of a new picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

from scalediff_engine.base.errors import UsageError
from scalediff_engine.spec.family import FamilyFacts, PresetSteps

SEED_LIMIT = 2**63 - 1
EVERY_SIGMA = (0.0, math.inf)


class Method(Enum):
    """How a picture is enlarged: by diffusion, or by the fast networks in one pass."""

    SCALEDIFF = "scalediff"
    FAST = "fast"


class Attention(Enum):
    """How self-attention sees a grid that is larger than the native one."""

    NPA = "npa"
    DIRECT = "direct"
    MULTIDIFFUSION = "multidiffusion"


class Preset(Enum):
    """How much time may be spent; what that means is up to the family, see ``settled``."""

    FAST = "fast"
    BALANCED = "balanced"
    BEST = "best"


@dataclass(frozen=True)
class Settings:
    """One job's settings; None means what the preset or else the family says.

    Attributes:
        steps: of each stage that enlarges
        base_steps: of the picture that is made from noise
        guided_sigmas: sigma / alpha from which and up to which classifier-free guidance is applied
        source_lock: of upscales; a picture that is made from noise has no source
        begins_with_network: see the facts' field of this name; False = bicubic in any case
        method: of upscales; the fast one ignores the rest, see ``remarks.SETTINGS``

    Raises:
        UsageError: a value out of its range, with the range.
    """

    prompt: str = ""
    negative: str = ""
    preset: Preset = Preset.BALANCED
    creativity: float | None = None
    structure: float = 1.0
    steps: int | None = None
    base_steps: int | None = None
    guidance: float | None = None
    guided_sigmas: tuple[float, float] | None = None
    seed: int = 0
    attention: Attention = Attention.NPA
    latent_frequency_mixing: bool = True
    structure_guidance: bool = True
    jitter: bool = True
    source_lock: bool = True
    begins_with_network: bool = True
    method: Method = Method.SCALEDIFF

    def __post_init__(self) -> None:
        _within("Creativity", self.creativity, 0, 1)
        _within("Structure", self.structure, 0, 1)
        _within("Steps", self.steps, 1, 1000)
        _within("Base steps", self.base_steps, 1, 1000)
        _within("Guidance", self.guidance, 0, 30)
        _within("Seed", self.seed, 0, SEED_LIMIT)
        if self.guided_sigmas is not None:
            low, high = self.guided_sigmas
            # not (a < b) instead of (a >= b): NaN must fail too
            if not (0 <= low < high and low < math.inf):
                raise UsageError(
                    "The guidance interval must go from a noise level of 0 or more to a higher "
                    f"one, such as 0.28 to 5.42 (got {low:g} to {high:g})."
                )


def settled(settings: Settings, facts: FamilyFacts) -> Settings:
    """Fill in what the preset says of this family; what the user said goes before it.

    The default preset leaves everything open, and with it to the family's own defaults.
    """
    effort = {Preset.FAST: facts.fast, Preset.BEST: facts.best}.get(settings.preset, PresetSteps())
    sigmas = settings.guided_sigmas
    if sigmas is None and effort.guides_always and facts.guided_sigmas is not None:
        sigmas = EVERY_SIGMA
    return replace(
        settings,
        steps=effort.steps if settings.steps is None else settings.steps,
        base_steps=effort.base_steps if settings.base_steps is None else settings.base_steps,
        guided_sigmas=sigmas,
    )


def _within(name: str, value: float | None, low: float, high: float) -> None:
    # not (a <= b) instead of (a > b): NaN must fail too
    if value is not None and not low <= value <= high:
        raise UsageError(f"{name} must be between {low} and {high} (got {value}).")
