"""What the words of a title or a file name say of a model's training."""

from __future__ import annotations

import re
from itertools import pairwise

from scalediff_engine.store.checkpoint import Prediction, Variant

# "v21TurboDPMSDE" is v21, Turbo, DPMSDE; "sd_xl_turbo_1.0" is sd, xl, turbo, 1, 0
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+")
_V_PREDICTION = re.compile(r"(?<![a-z])v[-_ .]?pred")
_FP16_FIX = re.compile(r"fp16[-_ .]?(vae[-_ .]?)?fix")


def told_variant(*texts: str) -> Variant | None:
    """The few-step training that one of ``texts`` names, the earlier text first."""
    for text in texts:
        variant = _variant(text)
        if variant is not None:
            return variant
    return None


def told_prediction(*texts: str) -> Prediction | None:
    """What one of ``texts`` says that the network predicts, the earlier text first."""
    for text in texts:
        plain = text.lower()
        if _V_PREDICTION.search(plain) or plain == "v":
            return "v_prediction"
        if re.search(r"(?<![a-z])(epsilon|eps[-_ .]?pred)", plain):
            return "epsilon"
    return None


def told_stable_diffusion_2(*texts: str) -> Prediction | None:
    """What the resolution in one of ``texts`` says: 2.x came as 512 (noise) and 768 (v)."""
    for text in texts:
        if re.search(r"(?<!\d)768(?!\d)", text):
            return "v_prediction"
        if re.search(r"(?<!\d)512(?!\d)", text):
            return "epsilon"
    return None


def told_fp16_autoencoder(*texts: str) -> bool:
    """Whether one of ``texts`` names the autoencoder that was mended for float16."""
    return any(_FP16_FIX.search(text.lower()) for text in texts)


def told_zero_terminal_snr(*texts: str) -> bool:
    """Whether one of ``texts`` names the schedule that ends in pure noise."""
    return any(re.search(r"zt?[-_ ]?snr", text.lower()) for text in texts)


def _variant(text: str) -> Variant | None:
    words = [word.lower() for word in _WORD.findall(text)]
    plain = text.lower()
    if "dmd2" in words or "dmd" in words:
        return "dmd2"
    if "lightning" in plain:
        return "lightning"
    # "hyperrealistic" is a look and no training
    pairs = pairwise([*words, ""])
    if any(word == "hyper" and not after.startswith("real") for word, after in pairs):
        return "hyper"
    if "turbo" in plain:
        return "turbo"
    if any(word.rstrip("0123456789") == "lcm" for word in words):
        return "lcm"
    return None
