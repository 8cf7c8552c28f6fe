"""What distillation changes in a family's facts (no torch in this file)."""

from __future__ import annotations

from dataclasses import replace

from scalediff_engine.models.facts import FamilyFacts, StageDefaults

# How people call the ways of distillation that checkpoints and LoRA files come with.
DISTILLATIONS = {
    "turbo": "Turbo",
    "lightning": "Lightning",
    "lcm": "LCM",
    "dmd2": "DMD2",
    "hyper": "Hyper",
}

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
    return replace(
        base,
        name=f"{base.name}-{variant}",
        title=f"{base.title} {DISTILLATIONS[variant]}",
        stage_table=(_stages(base.stage_table[0][0].guidance if hears else 1.0),),
        t_start_limit=600,
        mixing_lowpass=1 / 4,
        guidance_lowpass=1 / 4,
        guided_sigmas=None,
    )


def hearing_guidance(distilled: FamilyFacts) -> FamilyFacts:
    """Give the facts of a distilled form whose network hears a guidance (full LCM models)."""
    return replace(distilled, stage_table=(_stages(_LCM_GUIDANCE),))


def _stages(guidance: float) -> tuple[StageDefaults, ...]:
    return (StageDefaults(t_start=500, steps=4, guidance=guidance),)
