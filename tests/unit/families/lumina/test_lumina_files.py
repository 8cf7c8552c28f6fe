"""What Lumina-Next's files and folders are, and what is in them."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, LuminaNextDiT2DModel
from model_files import write_model
from safetensors.torch import save_file
from tiny_lumina import checkpoint_of, tiny_transformer, write_lumina
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, GemmaModel

from scalediff_engine.base.errors import ModelError
from scalediff_engine.base.geometry import Grid
from scalediff_engine.bench.speed import count_attention
from scalediff_engine.families.lumina.attention import neighborhood_attention
from scalediff_engine.families.lumina.names import to_diffusers
from scalediff_engine.families.lumina.spec import LUMINA, SPEC
from scalediff_engine.families.registry import FAMILIES, find
from scalediff_engine.models.component_loading import load_components
from scalediff_engine.spec.checkpoint import Layout, Naming
from scalediff_engine.store import inspect as store_inspect

inspect = partial(store_inspect.inspect, families=FAMILIES)
SETTINGS = SPEC.settings().folder
# diffusers' names to the authors', undone here by hand; the second queries are the first ones
PUBLISHED = (
    (r"^patch_embedder\.proj\.", "x_embedder."),
    (r"^time_caption_embed\.timestep_embedder\.linear_1\.", "t_embedder.mlp.0."),
    (r"^time_caption_embed\.timestep_embedder\.linear_2\.", "t_embedder.mlp.2."),
    (r"^time_caption_embed\.caption_embedder\.", "cap_embedder."),
    (r"^norm_out\.linear_1\.", "final_layer.adaLN_modulation.1."),
    (r"^norm_out\.linear_2\.", "final_layer.linear."),
    (r"\.gate$", ".attention.gate"),
    (r"\.norm1\.linear\.", ".adaLN_modulation.1."),
    (r"\.norm1\.norm\.", ".attention_norm1."),
    (r"(layers\.\d+)\.norm2\.", r"\1.attention_norm2."),
    (r"\.norm1_context\.", ".attention_y_norm."),
    (r"\.attn[12]\.to_q\.", ".attention.wq."),
    (r"\.attn[12]\.norm_q\.", ".attention.q_norm."),
    (r"\.attn1\.to_([kv])\.", r".attention.w\1."),
    (r"\.attn1\.norm_k\.", ".attention.k_norm."),
    (r"\.attn2\.to_([kv])\.", r".attention.w\1_y."),
    (r"\.attn2\.norm_k\.", ".attention.ky_norm."),
    (r"\.attn2\.to_out\.0\.", ".attention.wo."),
    (r"\.feed_forward\.linear_(\d)\.", r".feed_forward.w\1."),
)


def published(name: str) -> str:
    """The name that the authors gave a tensor."""
    for pattern, name_there in PUBLISHED:
        found, count = re.subn(pattern, name_there, name)
        if count:
            return found
    return name


def full_size() -> LuminaNextDiT2DModel:
    with torch.device("meta"):
        settings = LuminaNextDiT2DModel.load_config(SETTINGS / "transformer")
        return LuminaNextDiT2DModel.from_config(settings)


def shapes(**changed: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Of the published network, by diffusers' names."""
    weights: dict[str, Any] = full_size().state_dict()
    return {name: tuple(weight.shape) for name, weight in weights.items()} | changed


def parameters(model: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def test_the_shipped_settings_give_the_published_networks() -> None:
    transformer = full_size()
    with torch.device("meta"):
        vae: Any = AutoencoderKL.from_config(AutoencoderKL.load_config(SETTINGS / "vae"))
        gemma = GemmaModel(AutoConfig.from_pretrained(SETTINGS / "text_encoder"))
    assert parameters(vae) == 83_653_863
    assert parameters(gemma) == 2_506_172_416
    assert vae.config["scaling_factor"] == 0.13025
    denoiser = LUMINA.footprint.denoiser
    assert denoiser is not None
    blocks: Any = transformer.layers
    assert denoiser.parameters == parameters(transformer) == 1_754_898_976
    assert denoiser.block_parameters == parameters(blocks)
    assert denoiser.largest_block == parameters(blocks[0])


@torch.inference_mode()
def test_an_evaluation_beyond_the_native_size_has_the_gflop_of_the_footprint() -> None:
    count_attention()
    transformer = full_size()
    with (
        torch.device("meta"),
        neighborhood_attention(transformer, native=Grid(128, 128), grid=Grid(256, 256)),
        FlopCounterMode(display=False) as counter,
    ):
        out = transformer(
            hidden_states=torch.empty(1, 4, 256, 256),
            timestep=torch.empty(1),
            encoder_hidden_states=torch.empty(1, 256, 2048),
            encoder_mask=torch.ones(1, 256),
            image_rotary_emb=torch.empty(128, 128, 36, dtype=torch.complex64),
            cross_attention_kwargs={"base_sequence_length": 4096},
        ).sample
    assert out.shape == (1, 8, 256, 256)
    gflop = counter.get_total_flops() / 1e9 / (2048 * 2048 / 1e6)
    assert LUMINA.footprint.step_gflop_per_megapixel == pytest.approx(gflop, rel=0.01)


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_a_single_file_is_recognised_by_either_naming(tmp_path: Path, prefix: str) -> None:
    for naming, rename in ((Naming.ORIGINAL, published), (Naming.DIFFUSERS, str)):
        named = {prefix + rename(name): shape for name, shape in shapes().items()}
        found = inspect(write_model(tmp_path / f"{naming.value}.safetensors", named))
        assert (found.family, found.naming, found.prefix) == ("lumina", naming, prefix)
        assert found.parts == {"transformer"}
        assert find(str(found.path)) == found


def test_without_the_family_its_file_is_refused_by_name(tmp_path: Path) -> None:
    named = {published(name): shape for name, shape in shapes().items()}
    path = write_model(tmp_path / "model.safetensors", named)
    others = tuple(family for family in FAMILIES if family is not SPEC)
    with pytest.raises(ModelError, match="a Lumina or Z-Image model"):
        store_inspect.inspect(path, others)


def test_every_published_name_is_one_of_diffusers() -> None:
    weights: dict[str, Any] = full_size().state_dict()
    file = {published(name): weight for name, weight in weights.items()}
    assert len(file) == len(weights) - 3 * 24  # weight, and norm with its bias, of second queries
    renamed = to_diffusers(file)
    assert renamed.keys() == weights.keys()
    assert all(renamed[name].shape == weight.shape for name, weight in weights.items())
    assert to_diffusers(weights).keys() == weights.keys()


def test_a_published_file_gives_the_network_of_the_folder(tmp_path: Path) -> None:
    folder = write_lumina(tmp_path / "folder")
    network: Any = tiny_transformer()
    for layer in network.layers:  # which the authors have once
        layer.attn2.to_q.load_state_dict(layer.attn1.to_q.state_dict())
        layer.attn2.norm_q.load_state_dict(layer.attn1.norm_q.state_dict())
    path = tmp_path / "consolidated.00-of-01.safetensors"
    save_file({published(name): w.clone() for name, w in network.state_dict().items()}, path)
    checkpoint = replace(checkpoint_of(path), layout=Layout.FILE, parts=frozenset({"transformer"}))
    parts = load_components(
        checkpoint,
        torch.float32,
        text_encoders_from=folder,
        families=FAMILIES,
        config=folder,
    )
    loaded = parts.denoiser.state_dict()
    assert loaded.keys() == network.state_dict().keys()
    assert all(torch.equal(loaded[name], w) for name, w in network.state_dict().items())
    assert parts.encode_text(["a stone"]).tokens.shape[0] == 1


@pytest.mark.parametrize("pipeline", ["LuminaPipeline", "LuminaText2ImgPipeline"])
def test_a_folder_is_recognised(tmp_path: Path, pipeline: str) -> None:
    shutil.copytree(SETTINGS, tmp_path, dirs_exist_ok=True)
    index = json.loads((tmp_path / "model_index.json").read_text())
    (tmp_path / "model_index.json").write_text(json.dumps(index | {"_class_name": pipeline}))
    write_model(tmp_path / "transformer" / "diffusion_pytorch_model.safetensors", shapes())
    found = inspect(tmp_path)
    assert (found.family, found.variant, found.prediction) == ("lumina", "base", "flow")
    assert not found.vae_safe_in_float16
    assert SPEC.facts_of(found, "base") is LUMINA


def test_relatives_are_refused_by_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="reads text of width 24"):
        inspect(write_lumina(tmp_path / "tiny"))
    second = {
        "cap_embedder.0.weight": (2304,),
        "context_refiner.0.attention.qkv.weight": (3840, 2304),
        "layers.0.attention.qkv.weight": (3840, 2304),
    }
    with pytest.raises(ModelError, match="a Lumina 2 or Z-Image model"):
        inspect(write_model(tmp_path / "second.safetensors", second))
    wide = {published(name): shape for name, shape in shapes().items()}
    wide["layers.0.attention.wk_y.weight"] = (576, 4096)
    with pytest.raises(ModelError, match="reads text of width 4096"):
        inspect(write_model(tmp_path / "wide.safetensors", wide))
