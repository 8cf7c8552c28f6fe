"""Everything that can be set in the upscale dialog, as one value, with the size of the result."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from enum import Enum

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import Lora, UpscaleSettings

MIN_SCALE = 1.0
MAX_SCALE = 32.0
MIN_PPI = 10.0
MAX_PPI = 4800.0
_MM_PER_INCH = 25.4


class Unit(Enum):
    """What the user says it in."""

    SCALE = "scale"
    PIXELS = "pixels"
    MILLIMETRES = "millimetres"


@dataclass(frozen=True)
class Extent:
    """What the user said; the other side follows from the picture's shape.

    Attributes:
        unit: which of the others holds
        scale: how much larger
        width_px: of the result
        width_mm: of the result, printed
        ppi: pixels per inch of the print
    """

    unit: Unit = Unit.SCALE
    scale: float = 4.0
    width_px: int = 0
    width_mm: float = 0.0
    ppi: float = 300.0

    def result(self, source: Size) -> Size:
        """Give the size of the result, within what is possible."""
        if self.unit is Unit.SCALE:
            scale = min(MAX_SCALE, max(MIN_SCALE, self.scale))
            return source.scaled(scale)
        width = self.width_px if self.unit is Unit.PIXELS else to_px(self.width_mm, self.ppi)
        width = min(round(source.width * MAX_SCALE), max(source.width, width))
        return Size(width, max(source.height, round(source.height * width / source.width)))

    def scale_of(self, source: Size) -> float:
        """Tell how much larger the result is."""
        if self.unit is Unit.SCALE:
            return min(MAX_SCALE, max(MIN_SCALE, self.scale))
        return self.result(source).width / source.width

    def told_in(self, unit: Unit, source: Size) -> Extent:
        """Say the same in another unit."""
        size = self.result(source)
        return replace(
            self,
            unit=unit,
            scale=round(self.scale_of(source), 4),
            width_px=size.width,
            width_mm=to_mm(size.width, self.ppi),
        )

    def with_height_px(self, height_px: int, source: Size) -> Extent:
        """Say it by its height in pixels."""
        return replace(self, width_px=round(source.width * height_px / source.height))

    def with_height_mm(self, height_mm: float, source: Size) -> Extent:
        """Say it by its height on paper."""
        return replace(self, width_mm=source.width * height_mm / source.height)


def to_px(length_mm: float, ppi: float) -> int:
    """Turn millimetres into pixels."""
    return round(length_mm / _MM_PER_INCH * ppi)


def to_mm(length_px: int, ppi: float) -> float:
    """Turn pixels into millimetres."""
    return length_px / ppi * _MM_PER_INCH


DIFFUSION, FAST = METHODS = ("scalediff", "fast")
PRESETS = ("fast", "balanced", "best")
ATTENTIONS = ("npa", "direct", "multidiffusion")
# A seed that people can read out to each other; the engine takes longer ones too.
MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class Choices:
    """What is chosen; None = what the model or the preset has.

    With the fast method, what belongs to diffusion stays here for when that is chosen again, and
    the engine does not hear of it.

    Attributes:
        extent: how large
        seed_is_locked: whether the next try has the same seed
        loras, text_encoders_from: as the host asked for; not shown
        others: as in ``UpscaleSettings``
    """

    extent: Extent = field(default_factory=Extent)
    method: str = DIFFUSION
    model: str = "embedded"
    prompt: str = ""
    negative: str = ""
    preset: str = "balanced"
    creativity: float | None = None
    structure: float = 1.0
    steps: int | None = None
    guidance: float | None = None
    seed: int = 0
    seed_is_locked: bool = True
    attention: str = "npa"
    latent_frequency_mixing: bool = True
    structure_guidance: bool = True
    jitter: bool = True
    source_lock: bool = True
    device: str = "auto"
    max_memory_gib: float | None = None
    loras: tuple[Lora, ...] = ()
    text_encoders_from: str | None = None
    strip: bool = False

    @property
    def is_fast(self) -> bool:
        """Whether the fast networks are to do it, without a model."""
        return self.method == FAST

    def settings(self, source: Size) -> UpscaleSettings:
        """Give what the engine is asked for."""
        in_pixels = self.extent.unit is not Unit.SCALE
        size = self.extent.result(source) if in_pixels else None
        sized = UpscaleSettings(
            scale=None if in_pixels else self.extent.scale_of(source),
            width=size.width if size is not None else None,
            height=size.height if size is not None else None,
            seed=self.seed,
            max_memory_gib=self.max_memory_gib,
            method=self.method,
            strip=self.strip,
        )
        if self.is_fast:
            return sized
        return replace(
            sized,
            model=self.model,
            loras=list(self.loras),
            text_encoders_from=self.text_encoders_from,
            prompt=self.prompt.strip(),
            negative=self.negative.strip(),
            preset=self.preset,
            creativity=self.creativity,
            structure=self.structure,
            steps=self.steps,
            guidance=self.guidance,
            attention=self.attention,
            latent_frequency_mixing=self.latent_frequency_mixing,
            structure_guidance=self.structure_guidance,
            jitter=self.jitter,
            source_lock=self.source_lock,
            device=self.device,
        )


def from_settings(settings: UpscaleSettings, source: Size) -> Choices:
    """Read what a host wants the dialog to begin with."""
    extent = Extent(scale=settings.scale or 4.0)
    if settings.width is not None:
        extent = Extent(Unit.PIXELS, settings.width / source.width, settings.width)
    return Choices(
        extent=extent,
        # an engine of another version may know more methods than there are buttons here
        method=settings.method if settings.method in METHODS else DIFFUSION,
        model=settings.model,
        prompt=settings.prompt,
        negative=settings.negative,
        preset=settings.preset,
        creativity=settings.creativity,
        structure=settings.structure,
        steps=settings.steps,
        guidance=settings.guidance,
        seed=settings.seed,
        attention=settings.attention,
        latent_frequency_mixing=settings.latent_frequency_mixing,
        structure_guidance=settings.structure_guidance,
        jitter=settings.jitter,
        source_lock=settings.source_lock,
        device=settings.device,
        max_memory_gib=settings.max_memory_gib,
        loras=tuple(settings.loras),
        text_encoders_from=settings.text_encoders_from,
        strip=settings.strip,
    )


def new_seed() -> int:
    """Throw the dice."""
    return random.randint(0, MAX_SEED)  # noqa: S311 - no secret
