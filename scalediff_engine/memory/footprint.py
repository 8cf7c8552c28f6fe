"""The cost of a job from its sizes: pure arithmetic over measured coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scalediff_engine.errors import NotEnoughMemory
from scalediff_engine.geometry import Size

GIB = 1024**3


@dataclass(frozen=True)
class Footprint:
    """Measured coefficients of a family.

    Attributes:
        base_bytes: of the process with its libraries and the weights
        bytes_per_pixel: of the largest canvas, at the peak
        step_gflop_per_megapixel: one model evaluation on one sample
        encode_gflop_per_megapixel, decode_gflop_per_megapixel: the VAE
    """

    base_bytes: int
    bytes_per_pixel: int
    step_gflop_per_megapixel: float
    encode_gflop_per_megapixel: float
    decode_gflop_per_megapixel: float


@dataclass(frozen=True)
class StageLoad:
    """What one stage computes: its canvas, and model evaluations (guidance counts twice)."""

    canvas: Size
    evaluations: int


@dataclass(frozen=True)
class Cost:
    """Peak bytes and floating-point work of a job."""

    peak_bytes: int
    gflop: float


def job_cost(footprint: Footprint, start: Size, stages: Sequence[StageLoad]) -> Cost:
    """Give the cost of a job that encodes ``start`` and then runs ``stages``."""
    gflop = footprint.encode_gflop_per_megapixel * start.area / 1e6
    for stage in stages:
        megapixels = stage.canvas.area / 1e6
        gflop += megapixels * (
            footprint.encode_gflop_per_megapixel
            + footprint.decode_gflop_per_megapixel
            + footprint.step_gflop_per_megapixel * stage.evaluations
        )
    largest = max(stage.canvas.area for stage in stages)
    return Cost(footprint.base_bytes + footprint.bytes_per_pixel * largest, gflop)


def require_fit(
    cost: Cost, footprint: Footprint, available_bytes: int, target: Size, device: str
) -> None:
    """Refuse a job that does not fit.

    Raises:
        NotEnoughMemory: with what it needs, what is there, and a size that would fit.
    """
    if cost.peak_bytes <= available_bytes:
        return
    pixels = (available_bytes - footprint.base_bytes) / footprint.bytes_per_pixel
    fits = "Not even a small picture fits."
    if pixels > 64 * 64:
        fits = f"{target.scaled((pixels / target.area) ** 0.5 * 0.97)} would fit."
    raise NotEnoughMemory(
        f"An upscale to {target} needs {cost.peak_bytes / GIB:.1f} GiB and {device} has "
        f"{available_bytes / GIB:.1f} GiB to use. {fits}"
    )
