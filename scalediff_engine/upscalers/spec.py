"""What is known of the fast networks beforehand, for plans; imports neither torch nor numpy."""

from __future__ import annotations

import math

from scalediff_engine.base.geometry import Size
from scalediff_engine.spec.family import FamilyFacts, StageDefaults
from scalediff_engine.spec.footprint import Footprint

# It stands in no list of families: it is a method and no model of one, and ``--model`` does not
# take it. What is said of noise, prompts and latents is what leaves everything as it is.
FAST = FamilyFacts(
    name="fast",
    title="ScaleDiff fast (comes with the program)",
    native=Size(1, 1),
    latent_factor=1,
    multiple=1,
    train_timesteps=0,
    stage_table=((StageDefaults(t_start=0, steps=1, guidance=1.0),),),
    t_start_limit=0,
    default_creativity=0.5,
    mixing_lowpass=1.0,
    guidance_lowpass=1.0,
    default_prompt="",
    footprint=Footprint(
        base_bytes=600 * 2**20,  # a worker's torch and a tile; the command line takes less
        bytes_per_pixel=128,
        # 114 in truth, but ONNX Runtime is that much quicker than a core is guessed to be
        step_gflop_per_megapixel=32,
        encode_gflop_per_megapixel=0,
        decode_gflop_per_megapixel=12,  # colours, source lock
    ),
    guided_sigmas=None,
    group_norms=False,
)

SCALES = (2, 4)
# What is missing to the size is made by resampling if it is no more than this.
_SMALL_REST = 1.1


def passes_for(factor: float) -> tuple[int, ...]:
    """Which networks to run one after another for a factor: 8 is (4, 2), 3 is (4,), 1 is ()."""
    passes: list[int] = []
    small, large = SCALES
    while factor > _SMALL_REST if passes else factor > 1:
        passes.append(small if factor <= small * _SMALL_REST else large)
        factor /= passes[-1]
    return tuple(passes)


def pass_sizes(now: Size, size: Size) -> list[tuple[int, Size]]:
    """Give the scale of each network that is run, and the size that comes of it.

    Args:
        now: of the picture
        size: of the result; the last pass makes it exactly, whatever its network makes
    """
    passes = passes_for(max(size.width / now.width, size.height / now.height))
    sizes = [now.scaled(math.prod(passes[: i + 1])) for i in range(len(passes) - 1)] + [size]
    return list(zip(passes, sizes, strict=False))  # without a pass there is a size all the same
