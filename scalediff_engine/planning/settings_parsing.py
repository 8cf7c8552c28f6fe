"""What people ask for in words, whoever carries them: checked, and turned into values.

``name`` is what the user knows a value by, at the beginning of a sentence: an option such as
``--device``, or ``The device``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import UpscaleSettings
from scalediff_engine.planning.plan import target_size
from scalediff_engine.planning.settings import Attention, Method, Preset, Settings
from scalediff_engine.spec.footprint import GIB

DEFAULT_SCALE = 4.0
MAX_LORA_WEIGHT = 10.0

_DEVICE = re.compile(r"auto|cpu|mps|(?:cuda|xpu)(?::[0-9]{1,3})?")


@dataclass(frozen=True)
class ModelChoice:
    """Which model is to work, and where.

    Attributes:
        name: a family's name, or what ``store.locate`` finds a model by
        device: as typed: auto, cpu, cuda:0, ...
        loras: files to fuse into it, each with its weight
        text_encoders_from: what ``store.locate`` finds a full model by, for parts that this lacks
    """

    name: str = "embedded"
    device: str = "auto"
    loras: tuple[tuple[Path, float], ...] = ()
    text_encoders_from: str | None = None


def check_device(word: str, name: str = "The device") -> str:
    """Give back a device's name; whether it exists only the loaded model can say.

    Raises:
        UsageError: it is no device's name.
    """
    if _DEVICE.fullmatch(word) is None:
        raise UsageError(f"{name} is '{word}'; it is auto, cpu, cuda, cuda:0, mps or xpu.")
    return word


def gib_to_bytes(gib: float, name: str = "The limit for memory") -> int:
    """Turn GiB into bytes.

    Raises:
        UsageError: not a positive, finite number.
    """
    if not (math.isfinite(gib * GIB) and gib > 0):
        raise UsageError(f"{name} is {gib:g}; it is a number of GiB above 0.")
    return int(gib * GIB)


Choice = TypeVar("Choice", Attention, Method, Preset)


def parse_choice(kind: type[Choice], word: str, name: str) -> Choice:
    """Read one of the values of a setting.

    Args:
        kind: the setting's values
        word: what was given
        name: of the setting, at the beginning of a sentence

    Raises:
        UsageError: there is no such value.
    """
    try:
        return kind(word)
    except ValueError as error:
        values = ", ".join(each.value for each in kind)
        raise UsageError(f"{name} must be one of {values} (got '{word}').") from error


def model_of(wanted: UpscaleSettings) -> ModelChoice:
    """Read which model is to work.

    Raises:
        UsageError: a word that names no device, or an absurd weight of a LoRA.
    """
    for lora in wanted.loras:
        if not abs(lora.weight) <= MAX_LORA_WEIGHT:
            raise UsageError(
                f"The weight of the LoRA {Path(lora.path).name} must be between "
                f"{-MAX_LORA_WEIGHT:g} and {MAX_LORA_WEIGHT:g} (got {lora.weight:g})."
            )
    return ModelChoice(
        wanted.model,
        check_device(wanted.device),
        tuple((Path(lora.path), lora.weight) for lora in wanted.loras),
        wanted.text_encoders_from,
    )


def limit_of(wanted: UpscaleSettings) -> int | None:
    """Read the limit for memory, in bytes.

    Raises:
        UsageError: not a positive number.
    """
    return None if wanted.max_memory_gib is None else gib_to_bytes(wanted.max_memory_gib)


def settings_of(wanted: UpscaleSettings) -> Settings:
    """Read the settings of the method.

    Raises:
        UsageError: a value out of its range, or a word that means nothing.
    """
    return Settings(
        prompt=wanted.prompt,
        negative=wanted.negative,
        preset=parse_choice(Preset, wanted.preset, "The preset"),
        creativity=wanted.creativity,
        structure=wanted.structure,
        steps=wanted.steps,
        guidance=wanted.guidance,
        seed=wanted.seed,
        attention=parse_choice(Attention, wanted.attention, "The attention"),
        latent_frequency_mixing=wanted.latent_frequency_mixing,
        structure_guidance=wanted.structure_guidance,
        jitter=wanted.jitter,
        source_lock=wanted.source_lock,
        method=parse_choice(Method, wanted.method, "The method"),
    )


def target_of(source: Size, wanted: UpscaleSettings) -> Size:
    """Give the size of the result of a picture.

    Raises:
        UsageError: a scale and a size, half a size, smaller than the picture, or absurdly large.
    """
    size = None
    if wanted.width is not None and wanted.height is not None:
        size = Size(wanted.width, wanted.height)
    elif wanted.width is not None or wanted.height is not None:
        raise UsageError("A size has a width and a height; one of them is missing.")
    if size is None and wanted.scale is None:
        return target_size(source, scale=DEFAULT_SCALE)
    return target_size(source, scale=wanted.scale, size=size)
