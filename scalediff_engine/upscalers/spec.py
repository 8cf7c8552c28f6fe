"""What is known of the fast networks beforehand, as of a family of models."""

from __future__ import annotations

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
