"""Tiny random checkpoints of the real classes, as folders of diffusers and as single files.

The names in the single files are undone here by hand, not with the program's own tables.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from scalediff_engine.base.geometry import Size
from scalediff_engine.families.registry import FAMILIES
from scalediff_engine.families.sd15.spec import SD15
from scalediff_engine.families.sd21.spec import SD21
from scalediff_engine.families.sdxl.spec import SDXL
from scalediff_engine.models import component_loading
from scalediff_engine.spec.checkpoint import Checkpoint, Family, Layout, Part, Prediction
from scalediff_engine.spec.family import FamilyFacts

TINY_SDXL: FamilyFacts = replace(SDXL, name="tiny-sdxl", native=Size(128, 128))
TINY_SD15: FamilyFacts = replace(SD15, name="tiny-sd15", native=Size(256, 256))
TINY_SD21: FamilyFacts = replace(SD21, name="tiny-sd21", native=Size(256, 256))

load_parts = partial(component_loading.load_components, families=FAMILIES)

WIDTH = 32  # of the text encoders
MERGES = ("s h", "sh a", "sha r", "shar p</w>", "c a", "s t", "st l", "l e</w>", "st le</w>")


def shared(factory: pytest.TempPathFactory, family: Family) -> Path:
    """The family's folder, written once for all tests, which leave it alone."""
    folder = factory.getbasetemp() / f"tiny-{family}"
    if not folder.exists():
        folder.mkdir()
        write_sdxl(folder) if family == "sdxl" else write_sd(folder, family)
    return folder


def write_sdxl(folder: Path, **unet: Any) -> Path:
    """A folder of SDXL's shape: three levels, two text encoders, sizes as conditioning."""
    torch.manual_seed(1)
    UNet2DConditionModel(
        **{
            "sample_size": 16,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "block_out_channels": (16, 32, 32),
            "layers_per_block": 2,
            "transformer_layers_per_block": (1, 1, 2),
            "attention_head_dim": (1, 2, 2),
            "cross_attention_dim": 2 * WIDTH,
            "norm_num_groups": 8,
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": WIDTH + 6 * 8,
            **unet,
        }
    ).save_pretrained(folder / "unet")
    _write_vae(folder, 0.13025)
    CLIPTextModel(_clip_config(2)).save_pretrained(folder / "text_encoder")
    CLIPTextModelWithProjection(_clip_config(2, act="gelu")).save_pretrained(
        folder / "text_encoder_2"
    )
    write_tokenizer(folder / "tokenizer")
    write_tokenizer(folder / "tokenizer_2", pad="!")
    _write_scheduler(folder, "epsilon")
    index = {"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": True}
    _write_json(folder / "model_index.json", index | _named(folder))
    return folder


def write_sd(folder: Path, family: Family = "sd15", **unet: Any) -> Path:
    """A folder of the shape of SD 1.5 or 2.1: four levels, one text encoder."""
    torch.manual_seed(2)
    sd21 = family == "sd21"
    UNet2DConditionModel(
        **{
            "sample_size": 32,
            "down_block_types": (*("CrossAttnDownBlock2D",) * 3, "DownBlock2D"),
            "up_block_types": ("UpBlock2D", *("CrossAttnUpBlock2D",) * 3),
            "block_out_channels": (16, 16, 32, 32),
            "layers_per_block": 1,
            "attention_head_dim": 2,
            "cross_attention_dim": WIDTH,
            "norm_num_groups": 8,
            "use_linear_projection": sd21,
            **unet,
        }
    ).save_pretrained(folder / "unet")
    _write_vae(folder, 0.18215)
    act = "gelu" if sd21 else "quick_gelu"
    CLIPTextModel(_clip_config(2, act=act)).save_pretrained(folder / "text_encoder")
    write_tokenizer(folder / "tokenizer", pad="!" if sd21 else "<|endoftext|>")
    _write_scheduler(folder, "v_prediction" if sd21 else "epsilon")
    index = {"_class_name": "StableDiffusionPipeline"} | _named(folder)
    _write_json(folder / "model_index.json", index)
    return folder


def checkpoint_of(
    path: Path, family: Family, *, prediction: Prediction = "epsilon", **other: Any
) -> Checkpoint:
    """What inspection would say, were the real thing this small."""
    file = path.is_file()
    parts: set[Part] = {"unet", "vae", "text_encoder"}
    return Checkpoint(
        **{
            "path": path,
            "layout": Layout.FILE if file else Layout.FOLDER,
            "family": family,
            "variant": "base",
            "prediction": prediction,
            "parts": frozenset(parts | ({"text_encoder_2"} if family == "sdxl" else set())),
            "weight_bytes": 1,
            "vae_safe_in_float16": family != "sdxl",
            "zero_terminal_snr": False,
            "prefix": "model.diffusion_model." if file else "",
            **other,
        }
    )


def write_tokenizer(folder: Path, pad: str = "<|endoftext|>") -> None:
    """CLIP's tokenizer with every byte and hardly a word."""
    folder.mkdir(parents=True, exist_ok=True)
    signs = [_sign(byte) for byte in range(256)]
    words = ["".join(merge.split()) for merge in MERGES]
    ends = ["<|startoftext|>", "<|endoftext|>"]
    tokens = [*signs, *(sign + "</w>" for sign in signs), *words, *ends]
    _write_json(folder / "vocab.json", {token: i for i, token in enumerate(tokens)})
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]), encoding="utf-8")
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": 77,
        "bos_token": ends[0],
        "eos_token": ends[1],
        "unk_token": ends[1],
        "pad_token": pad,
    }
    _write_json(folder / "tokenizer_config.json", config)


def _sign(byte: int) -> str:
    """The sign that stands for a byte in such vocabularies: itself, or one from beyond Latin 1."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    return chr(byte) if byte in shown else chr(256 + hidden.index(byte))


@dataclass(frozen=True)
class Encoder:
    """Where a text encoder's weights go in a single file, and in whose layout."""

    part: str
    prefix: str
    open_clip: bool


ENCODERS: dict[str, tuple[Encoder, ...]] = {
    "sd15": (Encoder("text_encoder", "cond_stage_model.transformer.", open_clip=False),),
    "sd21": (Encoder("text_encoder", "cond_stage_model.model.", open_clip=True),),
    "sdxl": (
        Encoder("text_encoder", "conditioner.embedders.0.transformer.", open_clip=False),
        Encoder("text_encoder_2", "conditioner.embedders.1.model.", open_clip=True),
    ),
}


def write_single_file(folder: Path, family: Family, path: Path) -> Path:
    """All weights of a folder in one file, by the names they were first published by."""
    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    weights = {
        "model.diffusion_model." + _unet_name(name, unet.config): weight
        for name, weight in unet.state_dict().items()
    }
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    levels = len(vae.config["block_out_channels"])
    for name, weight in vae.state_dict().items():
        convolution = "attentions" in name and weight.ndim == 2
        weights["first_stage_model." + _vae_name(name, levels)] = (
            weight[..., None, None] if convolution else weight
        )
    for encoder in ENCODERS[family]:
        model_class = CLIPTextModelWithProjection if "2" in encoder.part else CLIPTextModel
        model = model_class.from_pretrained(folder / encoder.part)
        state = {
            f"text_model.{n.removeprefix('text_model.')}": w for n, w in model.state_dict().items()
        }
        named = _open_clip(state) if encoder.open_clip else state
        weights |= {encoder.prefix + name: weight for name, weight in named.items()}
    save_file({n: w.contiguous().clone() for n, w in weights.items()}, path)
    return path


def _unet_name(name: str, config: Any) -> str:
    tops = {
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "time_embedding.cond_proj": "time_embed.cond_proj",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
    }
    module, leaf = name.rsplit(".", 1)
    if module in tops:
        return f"{tops[module]}.{leaf}"
    for ours, theirs in (
        ("norm1", "in_layers.0"),
        ("conv1", "in_layers.2"),
        ("time_emb_proj", "emb_layers.1"),
        ("norm2", "out_layers.0"),
        ("conv2", "out_layers.3"),
        ("conv_shortcut", "skip_connection"),
    ):
        if ".resnets." in name and module.endswith(f".{ours}"):
            name = f"{module.removesuffix(ours)}{theirs}.{leaf}"
    layers = config["layers_per_block"]
    words = name.split(".")
    if words[0] == "mid_block":
        place = {("resnets", "0"): 0, ("attentions", "0"): 1, ("resnets", "1"): 2}
        return ".".join([f"middle_block.{place[words[1], words[2]]}", *words[3:]])
    block, kind, layer = int(words[1]), words[2], int(words[3])
    if words[0] == "down_blocks":
        if kind == "downsamplers":
            return f"input_blocks.{1 + block * (layers + 1) + layers}.0.op.{leaf}"
        number = 1 + block * (layers + 1) + layer
        return ".".join([f"input_blocks.{number}.{int(kind == 'attentions')}", *words[4:]])
    if kind == "upsamplers":
        last = 2 if config["up_block_types"][block].startswith("Cross") else 1
        return f"output_blocks.{block * (layers + 1) + layers}.{last}.conv.{leaf}"
    number = block * (layers + 1) + layer
    return ".".join([f"output_blocks.{number}.{int(kind == 'attentions')}", *words[4:]])


def _vae_name(name: str, levels: int) -> str:
    words = name.split(".")
    if words[1] == "up_blocks":
        words[2] = str(levels - 1 - int(words[2]))
    if words[1] == "mid_block" and words[2] == "resnets":
        words[2:4] = [f"block_{int(words[3]) + 1}"]
    name = ".".join(words)
    for ours, theirs in (
        ("down_blocks.", "down."),
        ("up_blocks.", "up."),
        ("mid_block.attentions.0.", "mid.attn_1."),
        ("mid_block.", "mid."),
        (".resnets.", ".block."),
        ("downsamplers.0.", "downsample."),
        ("upsamplers.0.", "upsample."),
        ("conv_shortcut", "nin_shortcut"),
        ("conv_norm_out", "norm_out"),
        ("group_norm", "norm"),
        ("to_q", "q"),
        ("to_k", "k"),
        ("to_v", "v"),
        ("to_out.0", "proj_out"),
    ):
        name = name.replace(ours, theirs)
    return name


def _open_clip(state: dict[str, Tensor]) -> dict[str, Tensor]:
    named: dict[str, Tensor] = {}
    for name, weight in state.items():
        if "position_embedding" in name:
            named["positional_embedding"] = weight
        elif "text_projection" in name:
            named["text_projection"] = weight.T
        elif "q_proj" in name:
            layers = [state[name.replace("q_proj", f"{letter}_proj")] for letter in "qkv"]
            place = name.split("layers.")[1].split(".")[0]
            kind = name.rsplit(".", 1)[1]
            named[f"transformer.resblocks.{place}.attn.in_proj_{kind}"] = torch.cat(layers)
        elif "k_proj" not in name and "v_proj" not in name:
            for ours, theirs in (
                ("text_model.encoder.layers", "transformer.resblocks"),
                ("text_model.embeddings.", ""),
                ("text_model.final_layer_norm", "ln_final"),
                ("layer_norm", "ln_"),
                ("self_attn", "attn"),
                ("fc1", "c_fc"),
                ("fc2", "c_proj"),
            ):
                name = name.replace(ours, theirs)
            named[name] = weight
    return named


def _clip_config(layers: int, act: str = "quick_gelu") -> CLIPTextConfig:
    words = 2 * 256 + len(MERGES)
    return CLIPTextConfig(
        vocab_size=words + 2,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=layers,
        num_attention_heads=2,
        projection_dim=WIDTH,
        hidden_act=act,
        bos_token_id=words,
        eos_token_id=words + 1,
    )


def _write_vae(folder: Path, scaling_factor: float) -> None:
    AutoencoderKL(
        latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        scaling_factor=scaling_factor,
    ).save_pretrained(folder / "vae")


def _write_scheduler(folder: Path, prediction: str) -> None:
    config = {
        "_class_name": "EulerDiscreteScheduler",
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "num_train_timesteps": 1000,
        "prediction_type": prediction,
        "steps_offset": 1,
        "timestep_spacing": "leading",
    }
    (folder / "scheduler").mkdir()
    _write_json(folder / "scheduler" / "scheduler_config.json", config)


def _named(folder: Path) -> dict[str, list[str]]:
    """What an index says of parts: their library and class, which here only have to be there."""
    return {part.name: ["library", "Class"] for part in sorted(folder.iterdir()) if part.is_dir()}


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
