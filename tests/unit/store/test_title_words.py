from __future__ import annotations

import pytest

from scalediff_engine.families.registry import FAMILIES
from scalediff_engine.store.name_hints import (
    NameHints,
    fp16_autoencoder_from_text,
    prediction_from_resolution,
    prediction_from_text,
    zero_terminal_snr_from_text,
)

HINTS = NameHints(FAMILIES)

# what they show, and no training
LOOKS = (
    "HyperDetail_SDXL_v2",
    "hyper-detailer",
    "lightning_bolts_sdxl",
    "sdxl_lightning_bolts",
    "porsche_911_turbo_v1",
    "LCM_style_oil",
)


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("sd_xl_turbo_1.0_fp16", "turbo"),
        ("dreamshaperXL_v21TurboDPMSDE", "turbo"),
        ("sdxlturbo", "turbo"),
        ("juggernautXL_v9Rdphoto2Lightning", "lightning"),
        ("realvisxlV50_v50LightningBakedvae", "lightning"),
        ("sdxl_lightning_4step_lora", "lightning"),
        ("dmd2_sdxl_4step_unet_fp16", "dmd2"),
        ("someModelDMD2", "dmd2"),
        ("lcm-lora-sdv1-5", "lcm"),
        ("lcm_sd15", "lcm"),
        ("latent-consistency/lcm-sdxl", "lcm"),
        ("DreamShaperXL_Turbo_v2_1", "turbo"),
        ("stabilityai/sdxl-turbo", "turbo"),
        ("ByteDance/Hyper-SD", "hyper"),
        ("ponyRealism_v21LightningVAE", "lightning"),
        ("hyper_8steps_of_mine", "hyper"),
        ("Hyper-SDXL-8steps-lora", "hyper"),
        ("model_v2Hyper", "hyper"),
        ("cyberrealistic_v8", None),
        ("HyperRealisticXL", None),
        ("hyper_realism", None),
        ("sd_xl_base_1.0", None),
        *((name, None) for name in LOOKS),
    ],
)
def test_few_step_training_is_read_off_names(name: str, variant: str | None) -> None:
    assert HINTS.variant(name) == variant


def test_the_earlier_text_counts() -> None:
    assert HINTS.variant("", "SDXL Turbo", "merge_lightning") == "turbo"
    assert HINTS.lora_variant("", "SDXL Turbo", "lcm-lora") == "turbo"


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("lcm-lora-sdxl", "lcm"),
        ("lcm_lora_sdv15", "lcm"),
        ("sdxl_lcm_lora", "lcm"),
        ("sdxl_lightning_4step_lora", "lightning"),
        ("Hyper-SD15-1step-lora", "hyper"),
        ("Hyper-FLUX.1-dev-8steps-lora", "hyper"),
        ("hyper-sd", "hyper"),
        ("dmd2_sdxl_4step_lora_fp16", "dmd2"),
        ("FLUX.1-Turbo-Alpha", "turbo"),
        ("sd_xl_turbo_lora_v1", "turbo"),
        ("photo-lightning", None),
        ("my_turbo", None),
        ("hyper_sdxl_style", None),
        *((name, None) for name in LOOKS),
    ],
)
def test_of_loras_only_published_kinds_of_names_count(name: str, variant: str | None) -> None:
    assert HINTS.lora_variant(name) == variant


@pytest.mark.parametrize(
    ("name", "prediction"),
    [
        ("noobaiXLNAIXL_vPred10Version", "v_prediction"),
        ("model-v-pred", "v_prediction"),
        ("fluffyrock_v_prediction", "v_prediction"),
        ("v", "v_prediction"),
        ("noobaiXL_epsilonPred11", "epsilon"),
        ("model_eps-pred", "epsilon"),
        ("devpred", None),
        ("photon_v1", None),
    ],
)
def test_the_prediction_is_read_off_names(name: str, prediction: str | None) -> None:
    assert prediction_from_text(name) == prediction


@pytest.mark.parametrize(
    ("name", "prediction"),
    [
        ("v2-1_768-ema-pruned", "v_prediction"),
        ("stable-diffusion-v2-768-v", "v_prediction"),
        ("v2-1_512-ema-pruned", "epsilon"),
        ("illuminati_v17680", None),
    ],
)
def test_the_resolution_tells_the_kinds_of_2_1(name: str, prediction: str | None) -> None:
    assert prediction_from_resolution(name) == prediction


def test_other_words() -> None:
    assert fp16_autoencoder_from_text("merge_fp16VaeFix")
    assert fp16_autoencoder_from_text("sdxl-vae-fp16-fix")
    assert not fp16_autoencoder_from_text("model_fp16")
    assert zero_terminal_snr_from_text("model_ztsnr")
    assert not zero_terminal_snr_from_text("model")
