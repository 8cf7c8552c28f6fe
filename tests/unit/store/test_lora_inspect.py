from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from model_files import SDXL_PARTS, Shapes, unet, write_model

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.families.registry import FAMILIES
from scalediff_engine.spec.checkpoint import LoraFile
from scalediff_engine.store import inspect as store_inspect

inspect_lora = partial(store_inspect.inspect_lora, families=FAMILIES)

KOHYA = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
KOHYA_ORIGINAL = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_v"
DIFFUSERS = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2"


def _of(folder: Path, shapes: Shapes, name: str = "lora", **options: Any) -> LoraFile:
    return inspect_lora(write_model(folder / f"{name}.safetensors", shapes, **options))


@pytest.mark.parametrize(("width", "family"), [(768, "sd15"), (1024, "sd21"), (2048, "sdxl")])
@pytest.mark.parametrize(
    "name",
    [
        f"{KOHYA}.lora_down.weight",
        f"{KOHYA_ORIGINAL}.lora_down.weight",
        f"{DIFFUSERS}.to_k.lora_A.weight",
        f"{DIFFUSERS}.to_k.lora_A.default.weight",
        f"{DIFFUSERS}.to_k.lora.down.weight",
        f"{DIFFUSERS}.processor.to_k_lora.down.weight",
    ],
)
def test_the_width_of_the_text_tells_the_family(
    tmp_path: Path, name: str, width: int, family: str
) -> None:
    found = _of(tmp_path, {name: (16, width)})
    assert found == LoraFile(tmp_path / "lora.safetensors", family, None, 16)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight",
        "lora_unet_single_blocks_3_linear1.lora_down.weight",
        "lora_transformer_single_transformer_blocks_0_attn_to_q.lora_down.weight",
        "transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight",
        "double_blocks.0.img_attn.qkv.lora_A.weight",
    ],
)
def test_loras_of_flux(tmp_path: Path, name: str) -> None:
    assert _of(tmp_path, {name: (32, 3072)}).family == "flux"


@pytest.mark.parametrize(
    ("name", "metadata", "family"),
    [
        ("lora_te2_text_model_x.lora_down.weight", {}, "sdxl"),
        ("lora_te_x.lora_down.weight", {"ss_base_model_version": "sd_v1"}, "sd15"),
        (
            "lora_te_x.lora_down.weight",
            {"modelspec.architecture": "stable-diffusion-v2-768-v/lora"},
            "sd21",
        ),
        ("lora_te1_x.lora_down.weight", {"ss_base_model_version": "sdxl_base_v1-0"}, "sdxl"),
    ],
)
def test_loras_of_text_encoders_alone(
    tmp_path: Path, name: str, metadata: dict[str, str], family: str
) -> None:
    assert _of(tmp_path, {name: (4, 768)}, metadata=metadata).family == family


def test_variant_and_rank(tmp_path: Path) -> None:
    shapes: Shapes = {
        f"{KOHYA}.lora_down.weight": (64, 2048),
        f"{KOHYA}.lora_up.weight": (640, 64),
        "lora_unet_conv_in.lora_down.weight": (128, 4, 3, 3),
    }
    found = _of(
        tmp_path, shapes, "pytorch_lora_weights", metadata={"ss_output_name": "my-lcm-lora"}
    )
    assert (found.variant, found.rank, found.notes) == ("lcm", 128, ())
    hyper = _of(tmp_path, shapes, "Hyper-SDXL-8steps-lora")
    assert hyper.variant == "hyper"
    (note,) = hyper.notes
    assert "Hyper-SDXL-8steps-lora.safetensors is taken for a few-step LoRA (hyper)" in note
    assert "rename it without 'hyper'" in note
    assert _of(tmp_path, shapes, "HyperDetail_SDXL_v2") == LoraFile(
        tmp_path / "HyperDetail_SDXL_v2.safetensors", "sdxl", None, 128
    )


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"lora_te_x.lora_down.weight": (4, 768)}, "cannot be told"),
        ({f"{KOHYA}.lora_down.weight": (4, 4096)}, "cannot be told"),
        ({"transformer.joint_blocks.0.x.lora_A.weight": (4, 1536)}, "cannot be told"),
        ({f"{KOHYA}.hada_w1_a": (4, 768)}, "LoHa"),
        (unet(2048) | SDXL_PARTS, "no LoRA"),
        ({}, "no LoRA"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, shapes: Shapes, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        _of(tmp_path, shapes)


def test_nothing_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        inspect_lora(tmp_path / "x.safetensors")
