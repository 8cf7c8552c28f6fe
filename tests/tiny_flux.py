"""A tiny FLUX with random weights, of the real classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel

from scalediff_engine.base.geometry import Size
from scalediff_engine.families.flux.spec import FLUX_DEV
from scalediff_engine.models.components import Components
from scalediff_engine.models.model import PromptEmbeddings
from scalediff_engine.spec.family import StageDefaults

TINY_FLUX = replace(
    FLUX_DEV,
    native=Size(64, 64),
    latent_factor=4,
    multiple=8,
    stage_table=((StageDefaults(t_start=600, steps=2, guidance=3.5),),),
)

SCHEDULER = {
    "use_dynamic_shifting": True,
    "base_image_seq_len": 256,
    "max_image_seq_len": 4096,
    "base_shift": 0.5,
    "max_shift": 1.15,
}


def tiny_transformer(*, guidance: bool = True, seed: int = 0) -> FluxTransformer2DModel:
    torch.manual_seed(seed)
    model = FluxTransformer2DModel(
        in_channels=64,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=24,
        pooled_projection_dim=12,
        guidance_embeds=guidance,
        axes_dims_rope=(4, 6, 6),
    )
    return model.eval().requires_grad_(False)


def tiny_vae(seed: int = 0) -> AutoencoderKL:
    torch.manual_seed(seed)
    vae = AutoencoderKL(
        block_out_channels=(16, 32, 32),
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        norm_num_groups=4,
        latent_channels=16,
        scaling_factor=0.36,
        shift_factor=0.12,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
    return vae.eval().requires_grad_(False)


def encode_text(prompts: Sequence[str]) -> PromptEmbeddings:
    generator = torch.Generator().manual_seed(sum(map(len, prompts)))
    return PromptEmbeddings(
        torch.randn(len(prompts), 5, 24, generator=generator),
        torch.randn(len(prompts), 12, generator=generator),
    )


def tiny_parts(*, guidance: bool = True) -> Components:
    return Components(
        denoiser=tiny_transformer(guidance=guidance),
        vae=tiny_vae(),
        scheduler=SCHEDULER,
        encode_text=encode_text,
        weights_hash="tiny",
    )
