"""The cost of a job from its sizes: pure arithmetic over measured coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scalediff_engine.base.errors import NotEnoughMemory
from scalediff_engine.base.geometry import Size

GIB = 1024**3


@dataclass(frozen=True)
class Compiled:
    """What compiling the repeated blocks of a denoiser changes.

    Attributes:
        step_bytes_per_pixel: see ``Denoiser``
        saving: share of a step's time
        first_seconds: of compiling for one canvas
        cached_seconds: of the same when it is found on disk
    """

    step_bytes_per_pixel: float
    saving: float
    first_seconds: float
    cached_seconds: float


@dataclass(frozen=True)
class Denoiser:
    """What a large denoiser takes of a device's memory, measured.

    Attributes:
        parameters: in all
        block_parameters: of them in the repeated blocks, which can be kept elsewhere
        largest_block: parameters of the largest one
        step_bytes_per_pixel: activations of one sample in 16 bits, for a pixel of the canvas
        launch_seconds: an evaluation takes at least so long: what the processor needs to start it
        compiled: what compiling gives
    """

    parameters: int
    block_parameters: int
    largest_block: int
    step_bytes_per_pixel: float
    launch_seconds: float
    compiled: Compiled


@dataclass(frozen=True)
class AutoencoderRow:
    """An autoencoder under one amount of working memory, per pixel of the picture, in 16 bits.

    Attributes:
        working: bytes of working memory
        encode, decode: bytes at the peak, with what the loop holds of the pictures beside
        encode_slowness, decode_slowness: times the denoiser's seconds per GFLOP
    """

    working: float
    encode: float
    decode: float
    encode_slowness: float
    decode_slowness: float


@dataclass(frozen=True)
class AutoencoderFootprint:
    """What an autoencoder takes of a device's memory, measured.

    Attributes:
        parameters: in all
        rows: from the most working memory to the least; one that works on whole pictures alone
            has one row
    """

    parameters: int
    rows: tuple[AutoencoderRow, ...]


# Of four levels, as Stable Diffusion's; measured at 4096x4096.
AUTOENCODER_KL = AutoencoderFootprint(
    84_000_000,
    (
        AutoencoderRow(700, 640, 665, 1.8, 1.7),
        AutoencoderRow(512, 390, 455, 2.3, 2.0),
        AutoencoderRow(300, 315, 300, 2.35, 2.2),
        AutoencoderRow(192, 195, 180, 2.95, 4.6),
        AutoencoderRow(128, 168, 153, 3.35, 10.0),
    ),
)


@dataclass(frozen=True)
class Footprint:
    """Measured coefficients of a family.

    Attributes:
        base_bytes: of the process with its libraries and what is not counted below
        bytes_per_pixel: of the largest canvas, at the peak, for families whose ``denoiser`` is None
        step_gflop_per_megapixel: one model evaluation on one sample
        encode_gflop_per_megapixel, decode_gflop_per_megapixel: the VAE
        denoiser: of a family that is spread over a device's memory by a plan; None = it is small
        autoencoder: of such a family
    """

    base_bytes: int
    bytes_per_pixel: int
    step_gflop_per_megapixel: float
    encode_gflop_per_megapixel: float
    decode_gflop_per_megapixel: float
    denoiser: Denoiser | None = None
    autoencoder: AutoencoderFootprint = AUTOENCODER_KL


@dataclass(frozen=True)
class StageLoad:
    """What one stage computes.

    Attributes:
        canvas: in pixels
        evaluations: of the model on one sample; a step with guidance has two
        guided: some steps have two evaluations, which may run as one batch
        encodes: a picture of this size is encoded first
        decodes: and decoded at the end
    """

    canvas: Size
    evaluations: int
    guided: bool = False
    encodes: bool = True
    decodes: bool = True


@dataclass(frozen=True)
class Cost:
    """What a job takes.

    Attributes:
        peak_bytes: at once
        gflop: of floating-point work, that of slow parts counted as what it takes as long as
        fixed_bytes: of the peak, what does not grow with the picture
        least_bytes: what a picture of no size would take, where that is more: at another time
    """

    peak_bytes: int
    gflop: float
    fixed_bytes: int = 0
    least_bytes: int = 0


def job_cost(footprint: Footprint, start: Size, stages: Sequence[StageLoad]) -> Cost:
    """Give the cost of a job that encodes ``start`` and then runs ``stages``."""
    gflop = footprint.encode_gflop_per_megapixel * start.area / 1e6
    for stage in stages:
        megapixels = stage.canvas.area / 1e6
        gflop += megapixels * (
            footprint.encode_gflop_per_megapixel * stage.encodes
            + footprint.decode_gflop_per_megapixel * stage.decodes
            + footprint.step_gflop_per_megapixel * stage.evaluations
        )
    largest = max(stage.canvas.area for stage in stages)
    fixed = footprint.base_bytes
    return Cost(fixed + footprint.bytes_per_pixel * largest, gflop, fixed)


def require_fit(cost: Cost, available_bytes: int, target: Size, device: str) -> None:
    """Refuse a job that does not fit.

    Raises:
        NotEnoughMemory: with what it needs, what is there, and a size that would fit.
    """
    if cost.peak_bytes <= available_bytes:
        return
    # below the straight line from there to the peak lies the peak of every smaller picture
    least_bytes = max(cost.fixed_bytes, cost.least_bytes)
    bytes_per_pixel = (cost.peak_bytes - least_bytes) / target.area
    pixels = (available_bytes - least_bytes) / bytes_per_pixel
    fits = "Not even a small picture fits."
    if pixels > 64 * 64:
        fits = f"{target.scaled((pixels / target.area) ** 0.5 * 0.97)} would fit."
    raise NotEnoughMemory(
        f"An upscale to {target} needs {cost.peak_bytes / GIB:.1f} GiB and {device} has "
        f"{available_bytes / GIB:.1f} GiB to use. {fits}"
    )
