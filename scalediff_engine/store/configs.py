"""The settings and vocabularies that ship, which a single-file checkpoint lacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scalediff_engine.spec.checkpoint import Family, Variant

_CONFIGS = Path(__file__).parents[1] / "configs"
_CLIP_END = "<|endoftext|>"


@dataclass(frozen=True)
class ShippedTokenizer:
    """How one tokenizer of a pipeline is made.

    Attributes:
        name: the pipeline's word for it
        class_name: in transformers
        folder: where its vocabulary is
        pad_token: what fills up a short prompt
        max_length: in tokens
    """

    name: Literal["tokenizer", "tokenizer_2"]
    class_name: Literal["CLIPTokenizer", "T5TokenizerFast"]
    folder: Path
    pad_token: str
    max_length: int


def config_folder(family: Family, variant: Variant = "base") -> Path:
    """The folder with the settings of a family, in the layout of diffusers, without weights.

    It holds no vocabularies, since pipelines share them: ``tokenizers`` says where they are.
    """
    if family == "flux":
        return _CONFIGS / ("flux-schnell" if variant == "schnell" else "flux-dev")
    return _CONFIGS / family


def tokenizer_folder(kind: Literal["clip", "t5"]) -> Path:
    """The folder with the vocabulary of CLIP (49,408 tokens) or T5 (32,100)."""
    return _CONFIGS / "tokenizers" / kind


def tokenizers(family: Family, variant: Variant = "base") -> tuple[ShippedTokenizer, ...]:
    """The tokenizers of a family's pipeline, in its order."""
    clip, t5 = tokenizer_folder("clip"), tokenizer_folder("t5")
    first = ShippedTokenizer("tokenizer", "CLIPTokenizer", clip, _CLIP_END, 77)
    match family:
        case "sd15":
            return (first,)
        case "sd21":
            return (_padded_with_zero("tokenizer", clip),)
        case "sdxl":
            return (first, _padded_with_zero("tokenizer_2", clip))
        case "flux":
            length = 256 if variant == "schnell" else 512
            return (first, ShippedTokenizer("tokenizer_2", "T5TokenizerFast", t5, "<pad>", length))


def _padded_with_zero(name: Literal["tokenizer", "tokenizer_2"], folder: Path) -> ShippedTokenizer:
    """OpenCLIP's encoders were trained with token 0 after the end, which reads "!"."""
    return ShippedTokenizer(name, "CLIPTokenizer", folder, "!", 77)
