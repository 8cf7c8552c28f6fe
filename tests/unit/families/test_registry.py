"""From a word or a path to facts and to a loaded model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tiny_sd import checkpoint_of, shared, write_sd

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.base.geometry import Size
from scalediff_engine.families import registry as families
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.families.few_steps import DISTILLATIONS, few_steps
from scalediff_engine.families.sd15.spec import SD15_LCM
from scalediff_engine.families.sd21.spec import SD21, SD21_BASE, SD21_TURBO
from scalediff_engine.families.sdxl.spec import (
    SDXL,
    SDXL_LCM,
    SDXL_LIGHTNING,
    SDXL_TURBO,
    SDXL_TURBO_MERGE,
)
from scalediff_engine.families.unet.model import UNetModel
from scalediff_engine.models import device
from scalediff_engine.models.device import pick_dtype, pick_vae_dtype
from scalediff_engine.spec.family import FamilyFacts, family_named, lacks_parts


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture(scope="module")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared(tmp_path_factory, "sdxl")


@pytest.mark.parametrize("kept", [{"unet"}, {"unet", "vae"}, {"vae", "text_encoder"}])
def test_a_model_with_some_of_its_parts_lacks_the_others(kept: set[Any], tmp_path: Path) -> None:
    spec = family_named("sd15", families.FAMILIES)
    assert not lacks_parts(checkpoint_of(tmp_path, "sd15"), spec)
    assert lacks_parts(checkpoint_of(tmp_path, "sd15", parts=frozenset(kept)), spec)


def test_the_embedded_family_comes_first_and_names_are_unlike() -> None:
    names = [family.name for family in families.all_forms()]
    assert families.all_forms()[0] is EMBEDDED
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("family", families.all_forms(), ids=lambda family: family.name)
def test_facts_hang_together(family: FamilyFacts) -> None:
    assert family.native.width % family.multiple == 0
    assert family.native.height % family.multiple == 0
    assert 0 < family.default_creativity < 1
    assert family.default_prompt
    assert family.footprint.base_bytes > 0
    for row in family.stage_table:
        for stage in row:
            assert 0 < stage.steps <= stage.t_start <= family.t_start_limit < family.train_timesteps
    assert families.facts(family.name) is family


def test_published_settings_are_where_the_method_page_has_them() -> None:
    (stage,) = SDXL.stage_defaults(1)
    assert (stage.t_start, stage.steps, stage.guidance) == (400, 20, 7.5)
    assert SDXL.mixing_lowpass == SDXL.guidance_lowpass == 1 / 8
    assert SDXL.t_start(400, 0.8) == 400
    assert SDXL.t_start(400, 1) == 500
    assert SDXL.t_start(400, 0) == 0
    assert SDXL.t_start(400, 1e-6) == 1  # anything above 0 runs
    assert SDXL.guided_sigmas == (0.28, 5.42)
    assert SDXL_TURBO.native == Size(512, 512)
    (few,) = SDXL_LIGHTNING.stage_defaults(1)
    assert (few.t_start, few.steps, few.guidance) == (500, 4, 1.0)
    assert SDXL_LIGHTNING.mixing_lowpass == 1 / 4
    assert SDXL_LIGHTNING.guided_sigmas is None


@pytest.mark.parametrize(
    ("family", "variant", "prediction", "expected"),
    [
        ("sdxl", "base", "epsilon", SDXL),
        ("sdxl", "turbo", "epsilon", SDXL_TURBO_MERGE),
        ("sd15", "lcm", "epsilon", SD15_LCM),
        ("sd21", "base", "v_prediction", SD21),
        ("sd21", "base", "epsilon", SD21_BASE),
        ("sd21", "turbo", "epsilon", SD21_TURBO),
    ],
)
def test_what_was_found_decides_the_facts(
    family: Any, variant: str, prediction: Any, expected: FamilyFacts
) -> None:
    checkpoint = checkpoint_of(Path(), family, prediction=prediction, variant=variant)
    assert families.facts_of(checkpoint) is expected


@pytest.mark.parametrize(
    ("path", "native"),
    [
        ("hub/models--stabilityai--sdxl-turbo/snapshots/0a", Size(512, 512)),
        ("sdxl-turbo", Size(512, 512)),
        ("sd_xl_turbo_1.0_fp16.safetensors", Size(512, 512)),
        ("sd_xl_turbo_1.0.safetensors", Size(512, 512)),
        ("dreamshaperXL_v21TurboDPMSDE.safetensors", Size(1024, 1024)),
        ("hub/models--Lykon--dreamshaper-xl-v2-turbo/snapshots/0a", Size(1024, 1024)),
        ("some-sdxl-turbo", Size(1024, 1024)),
    ],
)
def test_of_turbo_only_stabilitys_own_is_for_512_pixels(
    tmp_path: Path, path: str, native: Size
) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    if path.endswith(".safetensors"):
        (tmp_path / path).touch()
    checkpoint = checkpoint_of(tmp_path / path, "sdxl", variant="turbo")
    assert families.facts_of(checkpoint).native == native


@pytest.mark.parametrize("variant", DISTILLATIONS)
@pytest.mark.parametrize("family", ["sd15", "sd21", "sdxl"])
def test_every_distillation_of_every_family_has_facts(family: Any, variant: str) -> None:
    facts = families.facts_of(checkpoint_of(Path(), family, variant=variant))
    assert variant in facts.name
    assert facts.stage_defaults(2)[1].steps == 4


def test_a_consistency_model_that_hears_guidance_is_told_one() -> None:
    deaf = checkpoint_of(Path(), "sdxl", variant="lcm")
    hearing = checkpoint_of(Path(), "sdxl", variant="lcm", guidance_embedded=True)
    assert families.facts_of(deaf).stage_defaults(1)[0].guidance == 1
    assert families.facts_of(hearing).stage_defaults(1)[0].guidance == 8
    assert families.facts_of(hearing).guided_sigmas is None


def test_what_a_file_lacks_is_looked_for_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    alone = checkpoint_of(tmp_path, "sdxl", parts=frozenset({"unet"}))
    asked: list[Any] = []

    def load_checkpoint(*given: Any) -> None:
        asked.append(given[-1])

    monkeypatch.setattr(families, "find", lambda _: alone)
    monkeypatch.setattr(families, "load_checkpoint", load_checkpoint)
    families.load("unet.safetensors")
    monkeypatch.setattr(families, "locate", lambda word, _: tmp_path / word)
    families.load("unet.safetensors")
    families.load("unet.safetensors", text_encoders_from=tmp_path / "other")
    monkeypatch.setattr(families, "find", lambda _: checkpoint_of(tmp_path, "sdxl"))
    families.load("whole.safetensors")
    assert asked == [None, tmp_path / "sdxl", tmp_path / "other", None]


def lora(path: Path, width: int) -> Path:
    name = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    save_file(
        {
            f"{name}.lora_down.weight": torch.zeros(4, width),
            f"{name}.lora_up.weight": torch.zeros(64, 4),
        },
        path,
    )
    return path


def test_a_lora_that_distils_makes_the_model_a_distilled_one(
    sdxl_folder: Path, tmp_path: Path
) -> None:
    turned = lora(tmp_path / "sdxl_lightning_4step_lora.safetensors", 2048)
    plain = lora(tmp_path / "soft_light.safetensors", 2048)
    assert families.facts(str(sdxl_folder), [(turned, 1.0)]) is SDXL_LIGHTNING
    assert families.facts(str(sdxl_folder), [(turned, 1.0), (plain, 0.5)]) is SDXL_LIGHTNING
    assert families.facts(str(sdxl_folder), [(plain, 1.0)]) is SDXL
    look = lora(tmp_path / "porsche_911_turbo_v1.safetensors", 2048)
    assert families.facts(str(sdxl_folder), [(look, 1.0)]) is SDXL
    # what it is added to makes SDXL's size
    turbo = lora(tmp_path / "sd_xl_turbo_lora_v1.safetensors", 2048)
    assert families.facts(str(sdxl_folder), [(turbo, 1.0)]) is SDXL_TURBO_MERGE
    # a LoRA gives no U-Net an ear for guidance
    lcm = lora(tmp_path / "lcm-lora-sdxl.safetensors", 2048)
    assert families.facts(str(sdxl_folder), [(lcm, 1.0)]) is SDXL_LCM


def test_a_folder_is_loaded_with_its_facts(sdxl_folder: Path) -> None:
    assert families.facts(str(sdxl_folder)) is SDXL
    model = families.load(str(sdxl_folder), "cpu")
    assert isinstance(model, UNetModel)
    assert model.facts is SDXL
    assert model.device == torch.device("cpu")


def test_a_familys_word_finds_what_is_in_the_cache(tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--stable-diffusion-v1-5--stable-diffusion-v1-5"
    snapshot = repository / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abcd")
    write_sd(snapshot, cross_attention_dim=32)
    with pytest.raises(ModelError, match="text of width 32"):  # of a real one it is 768
        families.facts("sd15")


def refusals() -> list[tuple[Callable[[], object], type[ModelError], str]]:
    return [
        (lambda: families.load("sdxl", "cpu"), ModelMissing, "`hf download stabilityai/stable"),
        (
            lambda: families.load("sdxxl"),
            ModelMissing,
            "Unknown model 'sdxxl'. Known names: embedd",
        ),
        (
            lambda: families.facts("sdxxl"),
            ModelMissing,
            "Unknown model 'sdxxl'. Known names: embedd",
        ),
        (lambda: families.load("sdxl-lightning"), ModelMissing, "XL Lightning has many files"),
        (lambda: families.facts("./no.safetensors"), ModelMissing, "no such file"),
        (lambda: families.facts("some/model"), ModelMissing, "some/model"),
        (lambda: families.load("embedded", "cpu", [(Path("x"), 1)]), ModelError, "takes no LoRA"),
        (lambda: families.facts("embedded", [(Path("x"), 1)]), ModelError, "takes no LoRA"),
        (lambda: families.facts("sdxl", [(Path("x"), 1)]), ModelMissing, "hf download"),
    ]


@pytest.mark.parametrize("index", range(len(refusals())))
def test_what_is_not_there_is_told(index: int) -> None:
    ask, kind, message = refusals()[index]
    with pytest.raises(kind, match=message):
        ask()


def test_a_family_can_be_planned_with_before_it_is_there() -> None:
    assert families.facts("sdxl") is SDXL


@pytest.mark.parametrize(
    ("kind", "has_bfloat16", "dtype", "vae", "safe_vae"),
    [
        ("cpu", False, torch.float32, torch.float32, torch.float32),
        ("cuda", True, torch.bfloat16, torch.bfloat16, torch.bfloat16),
        ("cuda", False, torch.float16, torch.float32, torch.float16),
        ("mps", False, torch.float16, torch.float32, torch.float16),
    ],
)
def test_precision_follows_the_device(
    kind: str,
    has_bfloat16: bool,
    dtype: torch.dtype,
    vae: torch.dtype,
    safe_vae: torch.dtype,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device, "_has_bfloat16", lambda _: has_bfloat16)
    assert pick_dtype(torch.device(kind)) is dtype
    assert pick_vae_dtype(dtype, safe_in_float16=False) is vae
    assert pick_vae_dtype(dtype, safe_in_float16=True) is safe_vae


@pytest.mark.parametrize(("capability", "has"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_cards_before_ampere_have_no_bfloat16(
    capability: tuple[int, int], has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    dtype = pick_dtype(torch.device("cuda"))
    assert dtype is (torch.bfloat16 if has else torch.float16)
    assert pick_dtype(torch.device("mps")) is torch.float16


@pytest.mark.parametrize("variant", DISTILLATIONS)
def test_fresh_noise_is_for_what_was_distilled_with_it(variant: str) -> None:
    assert few_steps(SDXL, variant).renoises == (variant in {"lcm", "dmd2"})
