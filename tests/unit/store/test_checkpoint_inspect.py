from __future__ import annotations

import struct
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import (
    ORIGINAL,
    SDXL_PARTS,
    Shapes,
    diffusers_flux,
    diffusers_unet,
    flux,
    unet,
    write_folder,
    write_json,
    write_model,
)

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.families.registry import FAMILIES
from scalediff_engine.spec.checkpoint import Checkpoint, Layout, Naming
from scalediff_engine.store import inspect as store_inspect

inspect = partial(store_inspect.inspect, families=FAMILIES)

SDXL = unet(2048) | SDXL_PARTS


def _of(folder: Path, shapes: Shapes, name: str = "model", **options: Any) -> Checkpoint:
    return inspect(write_model(folder / f"{name}.safetensors", shapes, **options))


def _refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        inspect(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    return sentence


def test_a_whole_sdxl_file(tmp_path: Path) -> None:
    found = _of(tmp_path, SDXL, "juggernautXL_v9")
    assert found == Checkpoint(
        path=tmp_path / "juggernautXL_v9.safetensors",
        layout=Layout.FILE,
        family="sdxl",
        variant="base",
        prediction="epsilon",
        parts=frozenset({"unet", "vae", "text_encoder", "text_encoder_2"}),
        weight_bytes=found.weight_bytes,
        vae_safe_in_float16=False,
        zero_terminal_snr=False,
        naming=Naming.ORIGINAL,
        prefix=ORIGINAL,
    )
    assert not found.distilled


def test_only_tensors_of_known_parts_count_as_weights(tmp_path: Path) -> None:
    plain = _of(tmp_path, SDXL)
    with_ema = _of(tmp_path, SDXL | {"model_ema.x": (10**9,)}, "ema")
    assert with_ema.weight_bytes == plain.weight_bytes > 2 * 1280 * 2048


@pytest.mark.parametrize(("context", "family"), [(768, "sd15"), (1024, "sd21"), (2048, "sdxl")])
def test_the_width_of_the_text_tells_the_family(tmp_path: Path, context: int, family: str) -> None:
    assert _of(tmp_path, unet(context)).family == family
    bare = _of(tmp_path, diffusers_unet(context), "bare")
    assert (bare.family, bare.naming, bare.prefix) == (family, Naming.DIFFUSERS, "")
    assert bare.parts == {"unet"}
    unprefixed = _of(tmp_path, unet(context, prefix=""), "unprefixed")
    assert (unprefixed.naming, unprefixed.prefix) == (Naming.ORIGINAL, "")


@pytest.mark.parametrize(
    ("shapes", "variant", "naming"),
    [
        (flux(guided=True), "dev", Naming.ORIGINAL),
        (flux(guided=False), "schnell", Naming.ORIGINAL),
        (flux(guided=True, prefix=ORIGINAL), "dev", Naming.ORIGINAL),
        (diffusers_flux(guided=True), "dev", Naming.DIFFUSERS),
        (diffusers_flux(guided=False), "schnell", Naming.DIFFUSERS),
    ],
)
def test_flux_files(tmp_path: Path, shapes: Shapes, variant: str, naming: Naming) -> None:
    found = _of(tmp_path, shapes, dtype="BF16")
    assert (found.family, found.variant, found.prediction) == ("flux", variant, "flow")
    assert found.naming is naming
    assert found.guidance_embedded is (variant == "dev")
    assert found.distilled is (variant == "schnell")
    assert found.parts == {"transformer"}


def test_a_flux_file_with_everything(tmp_path: Path) -> None:
    parts: dict[str, tuple[int, ...]] = {
        "vae.decoder.conv_in.weight": (512, 16, 3, 3),
        "text_encoders.clip_l.transformer.text_model.final_layer_norm.bias": (768,),
        "text_encoders.t5xxl.transformer.shared.weight": (32128, 4096),
    }
    found = _of(tmp_path, flux(guided=True, prefix=ORIGINAL) | parts)
    assert found.parts == {"transformer", "vae", "text_encoder", "text_encoder_2"}


def test_a_few_step_flux_is_told_by_its_name(tmp_path: Path) -> None:
    found = _of(tmp_path, flux(guided=True), "flux1-dev-hyper-8step")
    assert (found.variant, found.distilled, found.guidance_embedded) == ("hyper", True, True)


def test_the_title_goes_before_the_file_name(tmp_path: Path) -> None:
    found = _of(tmp_path, SDXL, "not_turbo_at_all", metadata={"modelspec.title": "Photo Lightning"})
    assert (found.variant, found.distilled, found.notes) == ("lightning", True, ())


def test_a_training_that_only_a_name_tells_comes_with_a_note(tmp_path: Path) -> None:
    file = _of(tmp_path, SDXL, "juggernautXL_v9Lightning")
    folder = inspect(write_folder(tmp_path / "photo-lightning"))
    for found, name in ((file, "juggernautXL_v9Lightning.safetensors"), (folder, "photo-lightn")):
        assert found.variant == "lightning"
        (note,) = found.notes
        assert f"By its name alone, {name}" in note
        assert "rename it without 'lightning'" in note


def test_a_training_that_more_than_a_name_tells_comes_without_a_note(tmp_path: Path) -> None:
    heard = {f"{ORIGINAL}time_embed.cond_proj.weight": (320, 256)}
    assert _of(tmp_path, SDXL | heard, "sdxl_lcm").notes == ()
    scheduler = {"_class_name": "LCMScheduler"}
    assert inspect(write_folder(tmp_path / "sdxl-lcm", scheduler=scheduler)).notes == ()
    assert _of(tmp_path, SDXL, "lightning_bolts_sdxl").notes == ()


@pytest.mark.parametrize("layer", ["time_embed", "time_embedding"])
def test_an_embedding_of_the_guidance_tells_lcm(tmp_path: Path, layer: str) -> None:
    prefix, shapes = (ORIGINAL, SDXL) if layer == "time_embed" else ("", diffusers_unet(2048))
    found = _of(tmp_path, {**shapes, f"{prefix}{layer}.cond_proj.weight": (320, 256)})
    assert (found.variant, found.guidance_embedded) == ("lcm", True)


def test_marks_of_v_prediction(tmp_path: Path) -> None:
    by_tensor = _of(tmp_path, SDXL | {"v_pred": (), "ztsnr": ()})
    assert (by_tensor.prediction, by_tensor.zero_terminal_snr) == ("v_prediction", True)
    by_words = _of(tmp_path, SDXL, metadata={"modelspec.prediction_type": "v"})
    assert (by_words.prediction, by_words.zero_terminal_snr) == ("v_prediction", False)
    assert _of(tmp_path, SDXL, "noob_vPred").prediction == "v_prediction"
    assert _of(tmp_path, unet(1024), "v2-1_768-ema-pruned").prediction == "v_prediction"
    assert _of(tmp_path, unet(1024), "v2-1_512-ema-pruned").prediction == "epsilon"
    assert _of(tmp_path, unet(768), "model_768").prediction == "epsilon"


@pytest.mark.parametrize(
    ("values", "prediction"),
    [((0.3, -0.3), "v_prediction"), ((0.01, -0.01), "epsilon"), ((float("nan"),) * 2, "epsilon")],
)
def test_weights_of_2_1_give_their_prediction_away(
    tmp_path: Path, values: tuple[float, float], prediction: str
) -> None:
    name = f"{ORIGINAL}output_blocks.11.1.transformer_blocks.0.norm1.bias"
    path = write_model(tmp_path / "mine.safetensors", unet(1024) | {name: (2,)})
    path.write_bytes(path.read_bytes()[:-4] + struct.pack("<2e", *values))
    assert inspect(path).prediction == prediction


def test_a_mended_autoencoder_is_told_by_name(tmp_path: Path) -> None:
    assert _of(tmp_path, SDXL, "model_fp16VaeFix").vae_safe_in_float16
    assert _of(tmp_path, unet(768)).vae_safe_in_float16


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({f"{ORIGINAL}joint_blocks.0.x.weight": (1,)}, "Stable Diffusion 3"),
        ({"pos_embed.proj.weight": (1,)}, "Stable Diffusion 3"),
        ({"adaln_single.linear.weight": (1,)}, "PixArt"),
        (
            flux(guided=True) | {"txt_in.individual_token_refiner.blocks.0.x": (1,)},
            "HunyuanVideo",
        ),
        (flux(guided=False) | {"distilled_guidance_layer.in_proj.bias": (1,)}, "Chroma"),
        (SDXL | {"edm_mean": (4,)}, "Playground"),
        (unet(1280), "refiner"),
        (unet(4096), "text of width 4096"),
        (unet(768, channels=9), "inpainting"),
        (unet(768, channels=8), "InstructPix2Pix"),
        (unet(768, channels=6), "6 channels"),
        (flux(guided=True, channels=384), "Fill"),
        (flux(guided=True, channels=128), "Depth or Canny"),
        (SDXL | {"control_model.input_hint_block.0.weight": (1,)}, "ControlNet"),
        (diffusers_unet(768) | {"controlnet_cond_embedding.conv_in.weight": (1,)}, "ControlNet"),
        ({"decoder.conv_in.weight": (512, 4, 3, 3)}, "autoencoder (VAE) alone"),
        ({"text_model.final_layer_norm.weight": (768,)}, "text encoder alone"),
        ({"encoder.block.0.layer.0.layer_norm.weight": (4096,)}, "text encoder alone"),
        ({"body.0.rdb1.conv1.weight": (32,)}, "single-pass upscaler"),
        ({"lora_unet_mid_block_x.lora_down.weight": (8, 768)}, "is a LoRA"),
        ({"unet.mid_block.x.lora_A.weight": (8, 768)}, "is a LoRA"),
        ({"lora_unet_mid_block_x.hada_w1_a": (8, 768)}, "is a LoRA"),
        ({"emb_params": (4, 768)}, "textual inversion"),
        (flux(guided=True, blocks=(8, 38)), "of another size, such as Flux.1 Lite"),
        (flux(guided=True, blocks=(19, 40)), "it has 19 and 40 blocks, and FLUX.1 has 19 and 38"),
        (flux(guided=True) | {"scaled_fp8": (2,)}, "quantised"),
        (flux(guided=True) | {"img_in.weight.absmax": (2,)}, "quantised"),
        ({"some.layer": (1,)}, "'some.layer'"),
        ({}, "no tensors"),
        ({k: v for k, v in SDXL.items() if "blocks.9." not in k}, "SSD-1B"),
        (unet(1024) | {f"{ORIGINAL}label_emb.0.0.weight": (1, 1)}, "unCLIP"),
    ],
)
def test_what_does_not_run_is_named(tmp_path: Path, shapes: Shapes, words: str) -> None:
    assert words in _refusal(write_model(tmp_path / "m.safetensors", shapes))


def test_nothing_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        inspect(tmp_path / "nothing")


# folders


def test_a_whole_folder(tmp_path: Path) -> None:
    found = inspect(write_folder(tmp_path / "sdxl"))
    assert found == Checkpoint(
        path=tmp_path / "sdxl",
        layout=Layout.FOLDER,
        family="sdxl",
        variant="base",
        prediction="epsilon",
        parts=frozenset({"unet", "vae", "text_encoder", "text_encoder_2"}),
        weight_bytes=800,
        vae_safe_in_float16=False,
        zero_terminal_snr=False,
    )


@pytest.mark.parametrize(("context", "family"), [(768, "sd15"), (1024, "sd21")])
def test_folders_of_stable_diffusion(tmp_path: Path, context: int, family: str) -> None:
    path = write_folder(
        tmp_path / "sd",
        "StableDiffusionPipeline",
        network={"cross_attention_dim": context},
        scheduler={"prediction_type": "v_prediction", "rescale_betas_zero_snr": True},
        weights=("unet", "vae"),
    )
    found = inspect(path)
    assert (found.family, found.prediction, found.parts) == (
        family,
        "v_prediction",
        {"unet", "vae"},
    )
    assert found.vae_safe_in_float16
    assert found.zero_terminal_snr


@pytest.mark.parametrize(("guided", "variant"), [(True, "dev"), (False, "schnell")])
def test_folders_of_flux(tmp_path: Path, guided: bool, variant: str) -> None:
    path = write_folder(
        tmp_path / "f",
        "FluxPipeline",
        network={"guidance_embeds": guided},
        weights=("transformer",),
    )
    found = inspect(path)
    assert (found.family, found.variant, found.prediction) == ("flux", variant, "flow")
    assert found.guidance_embedded is guided


@pytest.mark.parametrize(
    ("name", "network", "scheduler", "variant"),
    [
        ("m", {}, {"_class_name": "LCMScheduler"}, "lcm"),
        ("m", {"time_cond_proj_dim": 256}, {}, "lcm"),
        (
            "m",
            {},
            {"_class_name": "EulerAncestralDiscreteScheduler", "timestep_spacing": "trailing"},
            "turbo",
        ),
        (
            "m",
            {},
            {
                "_class_name": "EulerDiscreteScheduler",
                "timestep_spacing": "trailing",
                "prediction_type": "v_prediction",
            },
            "base",
        ),
        ("photo-lightning", {}, {}, "lightning"),
        ("photo-dmd2", {}, {"_class_name": "LCMScheduler"}, "dmd2"),
        ("models--org--sdxl-hyper/snapshots/0a1b", {}, {}, "hyper"),
    ],
)
def test_variants_of_folders(
    tmp_path: Path, name: str, network: Any, scheduler: Any, variant: str
) -> None:
    path = write_folder(tmp_path / name, network=network, scheduler=scheduler)
    assert inspect(path).variant == variant


def test_an_autoencoder_may_say_that_float16_is_safe(tmp_path: Path) -> None:
    assert inspect(write_folder(tmp_path, vae={"force_upcast": False})).vae_safe_in_float16


def test_weights_in_half_precision_alone_are_found(tmp_path: Path) -> None:
    found = inspect(write_folder(tmp_path, infix=".fp16"))
    assert found.file_variant == "fp16"
    assert found.parts == {"unet", "vae", "text_encoder", "text_encoder_2"}


def test_plain_weights_go_before_half_precision(tmp_path: Path) -> None:
    write_folder(tmp_path, infix=".fp16")
    assert inspect(write_folder(tmp_path)).file_variant is None


def _split(folder: Path, infix: str = "", suffix: str = "") -> Path:
    write_folder(folder, weights=("vae",))
    unet_folder = folder / "unet"
    names = [f"diffusion_pytorch_model{infix}-0000{i}-of-00002.safetensors" for i in (1, 2)]
    write_json(
        unet_folder / f"diffusion_pytorch_model.safetensors.index{suffix}.json",
        {"weight_map": {"a": names[0], "b": names[1], "c": names[1]}},
    )
    for name in names:
        write_model(unet_folder / name, {"x": (50,)})
    return unet_folder / names[1]


@pytest.mark.parametrize("infix", ["", ".fp16"])
def test_split_weights_are_added_up(tmp_path: Path, infix: str) -> None:
    _split(tmp_path, infix, infix)
    assert inspect(tmp_path).weight_bytes == 400


def test_a_missing_piece_is_counted(tmp_path: Path) -> None:
    _split(tmp_path).unlink()
    assert "1 of its 2 weight files" in _refusal_in(tmp_path)


def test_a_piece_elsewhere_is_not_followed(tmp_path: Path) -> None:
    _split(tmp_path)
    write_json(
        tmp_path / "unet" / "diffusion_pytorch_model.safetensors.index.json",
        {"weight_map": {"a": "../../other.safetensors"}},
    )
    assert "not trusted" in _refusal_in(tmp_path)


def test_a_cut_off_part_of_a_folder_is_noticed(tmp_path: Path) -> None:
    write_folder(tmp_path)
    path = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert "cut off" in _refusal_in(tmp_path)


def test_a_folder_of_pickles_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, weights=("vae",))
    (tmp_path / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"x")
    assert "can run any program" in _refusal_in(tmp_path)


def test_a_folder_without_its_main_weights_is_incomplete(tmp_path: Path) -> None:
    write_folder(tmp_path, weights=("vae",))
    assert "no weights for its unet" in _refusal(tmp_path)


@pytest.mark.parametrize(
    "class_name",
    ["StableDiffusion3Pipeline", "StableDiffusionInpaintPipeline", "PixArtSigmaPipeline"],
)
def test_other_pipelines_are_named(tmp_path: Path, class_name: str) -> None:
    assert class_name in _refusal(write_folder(tmp_path, class_name))


@pytest.mark.parametrize(
    ("class_name", "network", "words"),
    [
        ("StableDiffusionXLImg2ImgPipeline", {"cross_attention_dim": 1280}, "refiner"),
        ("StableDiffusionXLPipeline", {"in_channels": 9}, "inpainting"),
        ("StableDiffusionPipeline", {"cross_attention_dim": [1, 2]}, "no text"),
    ],
)
def test_other_networks_are_named(
    tmp_path: Path, class_name: str, network: Any, words: str
) -> None:
    assert words in _refusal(write_folder(tmp_path, class_name, network=network))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"scheduler": {"_class_name": "EDMDPMSolverMultistepScheduler"}}, "noise levels of EDM"),
        ({"scheduler": {"_class_name": "EDMEulerScheduler"}}, "CosXL"),
        ({"vae": {"latents_mean": [0.1], "latents_std": [1.0]}}, "Playground"),
        ({"vae": {"latents_std": [1.0]}}, "Playground"),
    ],
)
def test_folders_with_the_noise_of_edm_are_refused(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    assert words in _refusal(write_folder(tmp_path, **settings))


def test_an_autoencoder_without_a_mean_of_its_own_is_fine(tmp_path: Path) -> None:
    vae = {"latents_mean": None, "latents_std": None}
    assert inspect(write_folder(tmp_path, vae=vae)).family == "sdxl"


def test_another_prediction_is_named(tmp_path: Path) -> None:
    path = write_folder(tmp_path, scheduler={"prediction_type": "sample"})
    assert "'sample'" in _refusal(path)


def test_a_folder_that_holds_a_file_points_to_it(tmp_path: Path) -> None:
    path = write_model(tmp_path / "photo.safetensors", SDXL)
    assert str(path) in _refusal(tmp_path)


def test_any_other_folder_is_no_model(tmp_path: Path) -> None:
    assert "no model_index.json" in _refusal(tmp_path)
    (tmp_path / "old.ckpt").write_bytes(b"x")
    assert "can run any program" in _refusal(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "\ud800"])
def test_damaged_settings_are_a_model_error(tmp_path: Path, text: str) -> None:
    write_folder(tmp_path)
    data = text.encode("utf-8", "surrogatepass")
    (tmp_path / "unet" / "config.json").write_bytes(data)
    assert "damaged" in _refusal_in(tmp_path)


def _refusal_in(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        inspect(folder)
    return str(caught.value)


VALUES = st.none() | st.integers(-1, 3000) | st.text(max_size=5) | st.lists(st.none(), max_size=2)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    index=st.dictionaries(st.sampled_from(["unet", "vae", "text_encoder"]), VALUES),
    network=st.fixed_dictionaries({"in_channels": VALUES, "cross_attention_dim": VALUES}),
    scheduler=st.dictionaries(st.sampled_from(["prediction_type", "_class_name"]), VALUES),
)
def test_odd_settings_raise_only_model_errors(
    tmp_path: Path, index: Any, network: Any, scheduler: Any
) -> None:
    write_folder(tmp_path, network=network, scheduler=scheduler)
    write_json(tmp_path / "model_index.json", {"_class_name": "StableDiffusionPipeline", **index})
    try:
        found = inspect(tmp_path)
    except ModelError:
        return
    assert "unet" in found.parts
