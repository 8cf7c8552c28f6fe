"""What the words of a title or a file name say of a model's training."""

from __future__ import annotations

import re

from scalediff_engine.spec.checkpoint import Prediction, Variant
from scalediff_engine.spec.family import Families

# "v21TurboDPMSDE" is v21, Turbo, DPMSDE; "sd_xl_turbo_1.0" is sd, xl, turbo, 1, 0
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+")
_V_PREDICTION = re.compile(r"(?<![a-z])v[-_ .]?pred")
_FEW_STEPS: tuple[Variant, ...] = ("dmd2", "lightning", "hyper", "turbo", "lcm")
_STEPS = re.compile(r"(?<![\d.])\d{1,2}[-_ ]?steps?(?![a-z])")
_TECHNICAL = re.compile(
    r"v?\d+[a-z]?|v|ver|version|final|alpha|beta|rc\d*|fp\d+|bf\d+|f\d+|e\dm\d(fn)?|half|full|"
    r"pruned|prune|no|with|ema|baked?|vae|bakedvae|fix|fixed|dpm.*|pp|sde|sgm|euler|ancestral|a|"
    r"uniform|karras|steps?|unet|transformer|model|checkpoint|ckpt|lora|merged?|base|dev|"
    r"diffusers|comfy|hf|inference|official"
)
_GLUED = re.compile(r"((?:sd|xl)[\d.]*)((?:turbo|lightning|hyper|lcm|dmd2))", re.IGNORECASE)
_FP16_FIX = re.compile(r"fp16[-_ .]?(vae[-_ .]?)?fix")


class NameHints:
    """Reads few-step trainings off names.

    Args:
        families: their base models' names are no part of what a title says besides
    """

    def __init__(self, families: Families) -> None:
        words = "|".join(family.title_words for family in families if family.title_words)
        self._base = re.compile(words or "(?!)")

    def variant(self, *texts: str) -> Variant | None:
        """The few-step training that one of ``texts`` names, the earlier text first."""
        return next(filter(None, map(self._variant, texts)), None)

    def lora_variant(self, *texts: str) -> Variant | None:
        """The few-step training that one of ``texts`` names, where they name a LoRA.

        A look is called by the same words, and a LoRA is mostly a look: only what such LoRAs were
        published as counts, such as "xl_lightning_4step_lora", "lcm-lora-xl", "Hyper-SD".
        """
        return next(filter(None, map(self._lora_variant, texts)), None)

    def _variant(self, text: str) -> Variant | None:
        for variant in _FEW_STEPS:
            for before, after in _around(variant, text):
                if _is_certain(variant, text):
                    return variant
                # "lightning_bolts" and "hyper_detail" are looks: no word of a title follows a
                # training
                if not all(map(self._is_technical, after)):
                    continue
                # "porsche_911_turbo" is a car: no base model and no version goes before
                named = any(map(self._is_base, (*before, *after[:1])))
                if variant != "turbo" or named or any(map(_is_version, before)):
                    return variant
        return None

    def _lora_variant(self, text: str) -> Variant | None:
        for variant in _FEW_STEPS:
            for before, after in _around(variant, text):
                if _is_certain(variant, text):
                    return variant
                if variant == "lcm" and "lora" in (*before[-1:], *after[:1]):
                    return variant
                # "xl_turbo", "Turbo-Alpha", "Hyper-SD"
                base = [one for one in before if not one.isdecimal()][-1:]
                base += after[:1] if variant == "hyper" else []
                if any(map(self._is_base, base)) and all(map(self._is_technical, after)):
                    return variant
        return None

    def _is_base(self, word: str) -> bool:
        return self._base.fullmatch(word) is not None

    def _is_technical(self, word: str) -> bool:
        """Whether it is a version, a precision, a sampler or a part of a model."""
        return self._is_base(word) or _TECHNICAL.fullmatch(word) is not None


def name_alone_note(name: str, variant: Variant, kind: str) -> str:
    """The sentence on what only the name of a file or a folder told, and how to tell otherwise.

    Args:
        name: of the file or folder
        variant: the training that it names
        kind: "model" or "LoRA"
    """
    return (
        f"By its name alone, {name} is taken for a few-step {kind} ({variant}). If it is none, "
        f"rename it without '{variant}'."
    )


def prediction_from_text(*texts: str) -> Prediction | None:
    """What one of ``texts`` says that the network predicts, the earlier text first."""
    for text in texts:
        plain = text.lower()
        if _V_PREDICTION.search(plain) or plain == "v":
            return "v_prediction"
        if re.search(r"(?<![a-z])(epsilon|eps[-_ .]?pred)", plain):
            return "epsilon"
    return None


def prediction_from_resolution(*texts: str) -> Prediction | None:
    """What the resolution in one of ``texts`` says: 2.x came as 512 (noise) and 768 (v)."""
    for text in texts:
        if re.search(r"(?<!\d)768(?!\d)", text):
            return "v_prediction"
        if re.search(r"(?<!\d)512(?!\d)", text):
            return "epsilon"
    return None


def fp16_autoencoder_from_text(*texts: str) -> bool:
    """Whether one of ``texts`` names the autoencoder that was mended for float16."""
    return any(_FP16_FIX.search(text.lower()) for text in texts)


def zero_terminal_snr_from_text(*texts: str) -> bool:
    """Whether one of ``texts`` names the schedule that ends in pure noise."""
    return any(re.search(r"zt?[-_ ]?snr", text.lower()) for text in texts)


def _around(word: str, text: str) -> list[tuple[list[str], list[str]]]:
    """The words before and after each place where ``word`` is in a text."""
    # "XLTurbo" is two
    words = [one.lower() for one in _WORD.findall(_GLUED.sub(r"\1 \2", text))]
    return [(words[:i], words[i + 1 :]) for i, one in enumerate(words) if one == word]


def _is_certain(word: str, text: str) -> bool:
    """Whether a text with ``word`` in it means the training: "4step" is said of nothing else."""
    return word == "dmd2" or _STEPS.search(text.lower()) is not None


def _is_version(word: str) -> bool:
    return re.fullmatch(r"v\d+[a-z]?", word) is not None
