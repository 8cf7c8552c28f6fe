"""Notes on options that have no effect or may surprise, before the work begins."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from scalediff_engine.base.geometry import Size
from scalediff_engine.planning.plan import Plan
from scalediff_engine.planning.settings import Attention, Method, Settings
from scalediff_engine.planning.settings_parsing import ModelChoice
from scalediff_engine.spec.family import FamilyFacts

# Below this share of the native area a model has seen next to nothing.
TOO_SMALL = 0.5

FEW_BITS = 8
FEW_BITS_NOTE = (
    "The model's weights are kept in 8 bits, since neither the device nor main memory holds them "
    "in 16; the picture differs a little."
)


class Asked(NamedTuple):
    """What was asked for, and what it comes to.

    Attributes:
        settings, choice: as the user gave them, without what a preset or a method makes of them
        facts: of the model that works
        plan: of one picture
        by_options: whether the user knows settings as options of the command line
    """

    settings: Settings
    choice: ModelChoice
    facts: FamilyFacts
    plan: Plan
    by_options: bool = False


# Why a setting has no effect, as the end of a sentence; None = it has one.
Reason = Callable[[Asked], str | None]


class Setting(NamedTuple):
    """A setting and what takes its effect away.

    Attributes:
        field: of ``Settings`` or ``ModelChoice``
        option: its name on the command line
        words: its name elsewhere, at the beginning of a sentence
        reasons: the first that applies is told
    """

    field: str
    option: str
    words: str
    reasons: tuple[Reason, ...]


def _fast(asked: Asked) -> str | None:
    if asked.settings.method is not Method.FAST:
        return None
    return " with --method fast" if asked.by_options else " with the fast method"


def _fast_elsewhere(asked: Asked) -> str | None:
    """Where the fast method runs is where it was asked for, or no other place was."""
    if asked.settings.method is not Method.FAST or asked.choice.device in ("auto", "cpu"):
        return None
    return f"{_fast(asked)}: it runs on the processor"


def _only_enlarges(asked: Asked) -> str | None:
    if asked.plan.from_noise or any(stage.steps for stage in asked.plan.stages):
        return None
    return f" with {'--creativity 0' if asked.by_options else 'creativity 0'}: nothing is drawn"


def _one_stage(asked: Asked) -> str | None:
    if not asked.plan.from_noise or len(asked.plan.stages) > 1:
        return None
    return f" at {asked.plan.target}: the model makes pictures of this size in one stage"


def _stages_only_enlarge(asked: Asked) -> str | None:
    stages = asked.plan.stages[asked.plan.from_noise :]
    if not stages or any(stage.steps for stage in stages):
        return None
    return f" with {'--creativity 0' if asked.by_options else 'creativity 0'}: nothing is drawn"


def _unguided(asked: Asked) -> str | None:
    if any(stage.guided_sigmas is not None and stage.guidance > 1 for stage in asked.plan.stages):
        return None
    return f": {asked.facts.title} runs without classifier-free guidance here"


def _takes_no_guidance(asked: Asked) -> str | None:
    """Guidance of 1 or less is what turned it off; some models take it as a number."""
    guidance = asked.settings.guidance
    if guidance is None or guidance <= 1 or asked.facts.stage_defaults(1)[0].guidance != 1:
        return None
    return _unguided(asked)


def _unknown_words(asked: Asked) -> str | None:
    known = asked.facts.prompt_words
    if known is None or known.intersection(re.findall(r"\w+", asked.settings.prompt.lower())):
        return None
    return f": {asked.facts.title} knows these words alone: {', '.join(sorted(known))}"


def _no_text_encoder(asked: Asked) -> str | None:
    return None if asked.facts.prompt_words is None else f": {asked.facts.title} has none"


def _no_structure_guidance(asked: Asked) -> str | None:
    if asked.settings.structure_guidance:
        return None
    return " with --no-sg" if asked.by_options else " without Structure Guidance"


def _no_patches(asked: Asked) -> str | None:
    kind = asked.settings.attention
    if kind is Attention.NPA:
        return None
    return f" with {'--attention ' if asked.by_options else 'the attention '}{kind.value}"


# What takes the effect of a setting of the stages that enlarge.
_STAGE = (_fast, _one_stage, _stages_only_enlarge)

# Every setting that can be without effect. None of these is an error: defaults may come from a
# file, and scripts use one line for several models.
SETTINGS = (
    Setting("name", "--model", "The model", (_fast,)),
    Setting("device", "--device", "The device", (_fast_elsewhere,)),
    Setting("loras", "--lora", "LoRAs", (_fast,)),
    Setting(
        "text_encoders_from", "--text-encoders-from", "Text encoders", (_fast, _no_text_encoder)
    ),
    Setting("prompt", "--prompt", "The prompt", (_fast, _only_enlarges, _unknown_words)),
    Setting("negative", "--negative", "The negative prompt", (_fast, _only_enlarges, _unguided)),
    Setting("preset", "--preset", "The preset", (_fast, _only_enlarges)),
    Setting("creativity", "--creativity", "Creativity", (_fast, _one_stage)),
    Setting("structure", "--structure", "Structure", (*_STAGE, _no_structure_guidance)),
    Setting("steps", "--steps", "The number of steps", _STAGE),
    Setting("guidance", "--guidance", "Guidance", (_fast, _only_enlarges, _takes_no_guidance)),
    Setting(
        "guided_sigmas",
        "--guidance-interval",
        "The guidance interval",
        (_fast, _only_enlarges, _unguided),
    ),
    Setting("seed", "--seed", "The seed", (_fast, _only_enlarges)),
    Setting("attention", "--attention", "The kind of attention", _STAGE),
    Setting(
        "latent_frequency_mixing",
        "--no-lfm",
        "Switching Latent Frequency Mixing off",
        _STAGE,
    ),
    Setting("structure_guidance", "--no-sg", "Switching Structure Guidance off", _STAGE),
    Setting("jitter", "--no-jitter", "Switching jitter off", (*_STAGE, _no_patches)),
    Setting("source_lock", "--no-source-lock", "Switching the source lock off", (_fast,)),
)


def unused_notes(asked: Asked) -> tuple[str, ...]:
    """Name the settings that were asked for and have no effect, and guidance that means none.

    What is as it is by default was not asked for.
    """
    values = vars(asked.settings) | vars(asked.choice)
    usual = vars(Settings()) | vars(ModelChoice())
    found: dict[str, list[str]] = {}
    for setting in SETTINGS:
        # dialogs send a seed in any case
        if values[setting.field] == usual[setting.field] or (
            setting.field == "seed" and not asked.by_options
        ):
            continue
        reason = next(filter(None, (reason(asked) for reason in setting.reasons)), None)
        if reason is not None:
            name = setting.option if asked.by_options else setting.words
            found.setdefault(reason, []).append(name)
    return _off_notes(asked) + tuple(
        f"{', '.join(names)} {'have' if len(names) > 1 or names == ['LoRAs'] else 'has'} "
        f"no effect{reason}."
        for reason, names in found.items()
    )


def _off_notes(asked: Asked) -> tuple[str, ...]:
    guidance = asked.settings.guidance
    if guidance is None or guidance >= 1 or asked.facts.guided_sigmas is None:
        return ()
    name = "--guidance" if asked.by_options else "Guidance"
    return (f"{name} {guidance:g} turns guidance off, as 1 does.",)


def size_notes(target: Size, facts: FamilyFacts) -> tuple[str, ...]:
    """Warn of new pictures much smaller than those that the model knows."""
    if target.area >= facts.native.area * TOO_SMALL:
        return ()
    return (
        f"{facts.title} knows pictures of about {facts.native}; at {target} it makes poor ones.",
    )


def precision_notes(plan: Plan) -> tuple[str, ...]:
    """Tell of weights that are kept in fewer bits than they have."""
    return (FEW_BITS_NOTE,) if plan.memory[0].weight_bits == FEW_BITS else ()
