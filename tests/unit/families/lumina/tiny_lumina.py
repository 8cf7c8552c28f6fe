"""A tiny Lumina-Next of the real classes with random weights, as a folder of diffusers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, LuminaNextDiT2DModel
from transformers import GemmaConfig, GemmaModel, GemmaTokenizer

from scalediff_engine.base.geometry import Size
from scalediff_engine.families.lumina.model import LuminaModel
from scalediff_engine.families.lumina.spec import LUMINA, SPEC
from scalediff_engine.models.component_loading import load_components
from scalediff_engine.spec.checkpoint import Checkpoint, Layout
from scalediff_engine.spec.family import FamilySpec

CPU = torch.device("cpu")
TINY_LUMINA = replace(LUMINA, native=Size(128, 128))
TEXT_WIDTH = 24
WORDS = ("a", "tree", "stone", "on", "hill", "blurry")


def tiny_transformer(seed: int = 0, **settings: Any) -> LuminaNextDiT2DModel:
    torch.manual_seed(seed)
    model = LuminaNextDiT2DModel(
        **{
            "sample_size": 16,
            "hidden_size": 32,
            "num_layers": 2,
            "num_attention_heads": 4,
            "num_kv_heads": 2,
            "multiple_of": 16,
            "cross_attention_dim": TEXT_WIDTH,
            **settings,
        }
    )
    for name, weight in model.named_parameters():
        # its own start hides the text, the norms, and memory that nothing was written to
        if weight.ndim == 1 and not name.endswith("bias"):
            torch.nn.init.normal_(weight, 1.0, 0.3)
    return model.eval().requires_grad_(False)


def tiny_vae() -> AutoencoderKL:
    torch.manual_seed(1)
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        scaling_factor=0.13025,
    )
    return vae.eval().requires_grad_(False)


def tiny_gemma() -> GemmaModel:
    torch.manual_seed(2)
    config = GemmaConfig(
        vocab_size=300,
        hidden_size=TEXT_WIDTH,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=12,
        max_position_embeddings=512,
    )
    return GemmaModel(config).eval().requires_grad_(False)


def tiny_tokenizer() -> GemmaTokenizer:
    """Gemma's tokenizer with single letters, the bytes, and no merges."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    letters = ["\u2581", *"abcdefghijklmnopqrstuvwxyz,.;:AST"]
    signs = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *letters]
    return GemmaTokenizer(vocab={sign: i for i, sign in enumerate(signs)}, merges=[])


def write_lumina(folder: Path) -> Path:
    tiny_transformer().save_pretrained(folder / "transformer")
    tiny_vae().save_pretrained(folder / "vae")
    tiny_gemma().save_pretrained(folder / "text_encoder")
    tiny_tokenizer().save_pretrained(folder / "tokenizer")
    FlowMatchEulerDiscreteScheduler().save_pretrained(folder / "scheduler")
    index = (SPEC.settings().folder / "model_index.json").read_text(encoding="utf-8")
    (folder / "model_index.json").write_text(index, encoding="utf-8")
    return folder


def checkpoint_of(path: Path) -> Checkpoint:
    """What inspection would say, were the real thing this small."""
    return Checkpoint(
        path=path,
        layout=Layout.FOLDER,
        family="lumina",
        variant="base",
        prediction="flow",
        parts=frozenset(SPEC.parts),
        weight_bytes=1,
        vae_safe_in_float16=False,
        zero_terminal_snr=False,
    )


def load_folder(folder: Path) -> LuminaModel:
    parts = load_components(checkpoint_of(folder), torch.float32, families=(SPEC,))
    return LuminaModel(TINY_LUMINA, parts, CPU, torch.float32)


def load_tiny(_: FamilySpec, factory: pytest.TempPathFactory) -> LuminaModel:
    """See ``test_contract``."""
    return load_folder(write_lumina(factory.mktemp("lumina")))
