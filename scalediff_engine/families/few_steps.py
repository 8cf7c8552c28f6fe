"""What distillation changes in a family's facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scalediff_engine.spec.checkpoint import Variant
from scalediff_engine.spec.family import FamilyFacts, PresetSteps, StageDefaults

# How people call the ways of distillation that checkpoints and LoRA files come with.
DISTILLATIONS = {
    "turbo": "Turbo",
    "lightning": "Lightning",
    "lcm": "LCM",
    "dmd2": "DMD2",
    "hyper": "Hyper",
}

# These were made for about four steps; beyond eight there is little left to gain.
FEW_STEPS_FAST = PresetSteps(steps=2, base_steps=2)
FEW_STEPS_BEST = PresetSteps(steps=8, base_steps=8)

# Published with a sampler that takes fresh noise at every step (Luo et al. 2023, arXiv 2310.04378,
# algorithm 3; Yin et al. 2024, arXiv 2405.14867).
_RENOISING = ("lcm", "dmd2")

# What consistency models were distilled at: those that hear a guidance expect about this one.
_LCM_GUIDANCE = 8.0


def few_steps(base: FamilyFacts, variant: str) -> FamilyFacts:
    """Give the facts of a distilled form of ``base``.

    It starts from half of the noise in four evaluations without a second one for guidance, and
    keeps a wider band of the picture that is there (method page, section 1).

    Args:
        base: the family that was distilled
        variant: one of ``DISTILLATIONS``
    """
    # a family that hears its guidance as a number goes on hearing it
    hears = base.guided_sigmas is None
    distilled = replace(
        base,
        name=f"{base.name}-{variant}",
        title=f"{base.title} {DISTILLATIONS[variant]}",
        t_start_limit=600,
        mixing_lowpass=1 / 4,
        guidance_lowpass=1 / 4,
        guided_sigmas=None,
        renoises=variant in _RENOISING,
        fast=FEW_STEPS_FAST,
        best=FEW_STEPS_BEST,
    )
    return _guided_by(distilled, base.stage_table[0][0].guidance if hears else 1.0)


def hearing_guidance(distilled: FamilyFacts) -> FamilyFacts:
    """Give the facts of a distilled form whose network hears a guidance (full LCM models)."""
    return _guided_by(distilled, _LCM_GUIDANCE)


def form_of(
    base: FamilyFacts, variant: Variant, forms: Sequence[FamilyFacts], *, hears: bool = False
) -> FamilyFacts:
    """Give the facts of a checkpoint.

    Args:
        base: of what was trained further
        variant: how; what is none of ``DISTILLATIONS`` leaves the base as it is
        forms: of the family, of which the one with the variant's name is taken
        hears: the network takes the guidance as an input
    """
    if variant not in DISTILLATIONS:
        return base
    family, _, _ = base.name.partition("-")
    named = (form for form in forms if form.name == f"{family}-{variant}")
    distilled = next(named, None) or few_steps(base, variant)
    return hearing_guidance(distilled) if hears else distilled


def _guided_by(distilled: FamilyFacts, guidance: float) -> FamilyFacts:
    """Give a distilled form four steps of this guidance, from half of the noise and from all."""
    stage = StageDefaults(t_start=500, steps=4, guidance=guidance)
    base = None if distilled.base is None else replace(distilled.base, steps=4, guidance=guidance)
    return replace(distilled, stage_table=((stage,),), base=base)
