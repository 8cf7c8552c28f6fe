"""What can be said of a model family without loading it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.spec.footprint import Footprint


@dataclass(frozen=True)
class StageDefaults:
    """How one stage of denoising runs unless the user says otherwise.

    Attributes:
        t_start: noise level to start from, of ``FamilyFacts.train_timesteps``
        steps: model evaluations from there to a clean latent
        guidance: classifier-free guidance scale; 1 = none
    """

    t_start: int
    steps: int
    guidance: float


@dataclass(frozen=True)
class Effort:
    """What a preset makes of a family's defaults; None leaves one as it is.

    Attributes:
        steps: of each stage
        base_steps: of a picture made from noise
        guides_always: classifier-free guidance at every noise level
    """

    steps: int | None = None
    base_steps: int | None = None
    guides_always: bool = False


@dataclass(frozen=True)
class FamilyFacts:
    """A family's numbers.

    Attributes:
        name: what ``--model`` takes
        title: for people
        native: pixels that the model was trained at
        latent_factor: pixels to a latent, per side
        multiple: pictures are padded to multiples of this, in pixels
        train_timesteps: length of the training schedule
        stage_table: defaults for one stage, for two stages, ...; longer runs repeat the last entry
            of the longest row
        t_start_limit: what creativity 1 means, in timesteps
        default_creativity: the creativity that gives ``stage_table`` as it stands
        mixing_lowpass: low-pass factor c of Latent Frequency Mixing
        guidance_lowpass: low-pass factor c of Structure Guidance
        default_prompt: names quality and material and never a subject
        footprint: for the plan's bytes and seconds
        guided_sigmas: sigma / alpha from which and up to which classifier-free guidance is
            applied; None = the family takes its guidance as a number, or has none
        base: how a picture of the native size is made from noise; None = the family only enlarges
        renoises: a picture made from noise gets fresh noise after each step, as consistency models
            were trained for, instead of what is left of the first
        default_negative: what a picture must not show unless the user says otherwise
        fast, best: what the presets of these names change
        group_norms: whether the denoiser normalises over all of a picture, so that a part of it
            depends on what is elsewhere
        begins_with_network: the denoiser was trained on pictures that the fast network enlarged, so
            that each stage is to begin with one, and not with a bicubic enlargement
        prompt_words: lower-case words that have a meaning in a prompt; None = there is a text
            encoder, and any word has
    """

    name: str
    title: str
    native: Size
    latent_factor: int
    multiple: int
    train_timesteps: int
    stage_table: tuple[tuple[StageDefaults, ...], ...]
    t_start_limit: int
    default_creativity: float
    mixing_lowpass: float
    guidance_lowpass: float
    default_prompt: str
    footprint: Footprint
    guided_sigmas: tuple[float, float] | None = (0.0, math.inf)
    base: StageDefaults | None = None
    renoises: bool = False
    default_negative: str = ""
    fast: Effort = Effort()
    best: Effort = Effort()
    group_norms: bool = True
    begins_with_network: bool = False
    prompt_words: frozenset[str] | None = None

    def stage_defaults(self, count: int) -> tuple[StageDefaults, ...]:
        """Give the defaults of each of ``count`` stages."""
        row = self.stage_table[min(count, len(self.stage_table)) - 1]
        return row + row[-1:] * (count - len(row))

    def t_start(self, default: int, creativity: float) -> int:
        """Map creativity 0..1 to a timestep: 0 keeps, the default gives ``default``, 1 the limit.

        Raises:
            UsageError: creativity outside 0..1.
        """
        if not 0 <= creativity <= 1:
            raise UsageError(f"Creativity is {creativity:g}; it goes from 0 (keep) to 1 (invent).")
        pivot = self.default_creativity
        if creativity <= pivot:
            # only 0 itself keeps the picture: rounding must not switch a stage off
            return max(round(default * creativity / pivot), 1 if creativity else 0)
        limit = max(default, self.t_start_limit)
        return round(default + (limit - default) * (creativity - pivot) / (1 - pivot))
