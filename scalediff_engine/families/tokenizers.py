"""The vocabularies that ship, which families share."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from scalediff_engine.spec.family import ShippedTokenizer

_FOLDER = Path(__file__).parents[1] / "configs" / "tokenizers"
CLIP_FOLDER = _FOLDER / "clip"  # 49,408 tokens
T5_FOLDER = _FOLDER / "t5"  # 32,100 tokens

CLIP = ShippedTokenizer("tokenizer", "CLIPTokenizer", CLIP_FOLDER, "<|endoftext|>", 77)


def open_clip(name: Literal["tokenizer", "tokenizer_2"]) -> ShippedTokenizer:
    """OpenCLIP's encoders were trained with token 0 after the end, which reads "!"."""
    return ShippedTokenizer(name, "CLIPTokenizer", CLIP_FOLDER, "!", 77)


def t5(name: Literal["tokenizer", "tokenizer_2"], max_length: int) -> ShippedTokenizer:
    """T5's tokenizer."""
    return ShippedTokenizer(name, "T5TokenizerFast", T5_FOLDER, "<pad>", max_length)
