"""What ``scalediff models`` says of files and folders whose weights it does not read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from model_files import SDXL_PARTS, diffusers_unet, flux, unet, write_folder, write_model

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.cli.model_report import show_model, show_models


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def told(capsys: pytest.CaptureFixture) -> Any:
    def tell(path: Path | str) -> dict[str, Any]:
        assert show_model(str(path), json=True) == 0
        return json.loads(capsys.readouterr().out)

    return tell


@pytest.fixture
def rows(capsys: pytest.CaptureFixture) -> Any:
    def tell(path: Path | str) -> dict[str, str]:
        assert show_model(str(path), json=False) == 0
        lines = capsys.readouterr().out.splitlines()
        return {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in lines}

    return tell


def test_a_whole_checkpoint_is_told_in_full(tmp_path: Path, told: Any, rows: Any) -> None:
    path = write_model(tmp_path / "my_lightning.safetensors", unet(2048) | SDXL_PARTS)
    found = told(path)
    size = found["bytes"]
    assert found == {
        "kind": "model",
        "path": str(path),
        "layout": "file",
        "name": "sdxl-lightning",
        "title": "Stable Diffusion XL Lightning",
        "family": "sdxl",
        "variant": "lightning",
        "distilled": True,
        "prediction": "epsilon",
        "zero_terminal_snr": False,
        "guidance_embedded": False,
        "native": [1024, 1024],
        "precision": {"F16": size},
        "bytes": size,
        "parts": ["text_encoder", "text_encoder_2", "unet", "vae"],
        "missing": [],
        "notes": [
            "By its name alone, my_lightning.safetensors is taken for a few-step model "
            "(lightning). If it is none, rename it without 'lightning'."
        ],
    }
    words = rows(path)
    assert words["File"] == str(path)
    assert words["Distilled"] == "yes, lightning: few steps"
    assert words["Steps"] == "4 a stage, 4 for a new picture"
    assert words["Precision"] == "16 bit (float16)"
    assert words["Predicts"] == "the noise"
    assert words["Missing"] == "nothing"
    assert "rename it without 'lightning'" in words["Note"]


def test_what_a_bare_network_lacks_is_named_with_what_brings_it(
    tmp_path: Path, told: Any, rows: Any
) -> None:
    path = write_model(tmp_path / "unet.safetensors", diffusers_unet(2048), dtype="BF16")
    assert told(path)["missing"] == ["vae", "text_encoder", "text_encoder_2"]
    words = rows(path)
    assert words["Precision"] == "16 bit (bfloat16)"
    assert words["Holds"] == "U-Net"
    assert words["Missing"] == (
        "autoencoder, text encoder, second text encoder; "
        "--text-encoders-from a full sdxl model brings what is missing"
    )


def test_flux_in_8_bits_is_told_with_its_flow(tmp_path: Path, told: Any, rows: Any) -> None:
    path = write_model(tmp_path / "flux.safetensors", flux(guided=False), dtype="F8_E4M3")
    found = told(path)
    assert (found["name"], found["distilled"], found["prediction"]) == (
        "flux-schnell",
        True,
        "flow",
    )
    assert rows(path)["Precision"] == "8 bit (e4m3)"


def test_a_folder_is_told_like_a_file(tmp_path: Path, told: Any) -> None:
    path = write_folder(tmp_path / "model", weights=("unet", "vae", "text_encoder"))
    found = told(path)
    assert (found["layout"], found["missing"]) == ("folder", ["text_encoder_2"])
    assert found["precision"] == {"F16": 600}


def test_a_lora_is_told_as_one(tmp_path: Path, told: Any, rows: Any) -> None:
    name = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    shapes = {f"{name}.lora_down.weight": (4, 2048), f"{name}.lora_up.weight": (640, 4)}
    path = write_model(tmp_path / "lcm-lora.safetensors", shapes)
    assert told(path) == {
        "kind": "lora",
        "path": str(path),
        "family": "sdxl",
        "variant": "lcm",
        "rank": 4,
        "notes": [
            "By its name alone, lcm-lora.safetensors is taken for a few-step LoRA (lcm). "
            "If it is none, rename it without 'lcm'."
        ],
    }
    words = rows(path)
    assert words["Makes it"] == "lcm"
    assert "rename it without 'lcm'" in words["Note"]


def test_the_shipped_model_is_told_by_its_name(rows: Any) -> None:
    assert rows("embedded")["Makes"] == "enlargements"


def test_a_family_without_one_place_is_told_with_what_to_give(rows: Any, told: Any) -> None:
    words = rows("sdxl-lightning")
    assert words["Model"] == "Stable Diffusion XL Lightning"
    assert words["Native size"] == "1024x1024"
    assert "--model takes a .safetensors file" in words["Comes"]
    assert told("sdxl-lightning")["kind"] == "family"


def test_a_family_with_a_place_says_how_to_get_it() -> None:
    for word in ("sdxl", "sd21-turbo", "sd21-base"):
        with pytest.raises(ModelMissing, match="hf download"):
            show_model(word, json=False)


def test_what_is_no_model_keeps_its_own_sentence(tmp_path: Path) -> None:
    path = write_model(tmp_path / "control.safetensors", {"control_model.x": (1,)})
    with pytest.raises(ModelError, match="a ControlNet"):
        show_model(str(path), json=False)
    with pytest.raises(ModelMissing, match="no such file"):
        show_model(str(tmp_path / "gone.safetensors"), json=False)


def test_the_list_says_where_it_looked_and_that_nothing_is_there(
    cache: Path, capsys: pytest.CaptureFixture
) -> None:
    show_models(json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("embedded ")
    assert lines[-1].startswith(f"There are no models in {cache}.")


def test_models_in_the_cache_are_listed_by_what_model_takes(
    cache: Path, capsys: pytest.CaptureFixture
) -> None:
    home = cache / "models--some--painter" / "snapshots" / "abc"
    write_folder(home)
    file = write_model(
        cache / "models--some--other" / "snapshots" / "abc" / "tune.safetensors",
        unet(2048) | SDXL_PARTS,
    )
    show_models(json=False)
    *_, other, painter = capsys.readouterr().out.splitlines()
    assert other.split() == ["sdxl", "0.0", "GiB", str(file)]
    assert painter.split() == ["sdxl", "0.0", "GiB", "some/painter"]
    show_models(json=True)
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["word"] for one in found if one["kind"] == "model"] == [str(file), "some/painter"]
