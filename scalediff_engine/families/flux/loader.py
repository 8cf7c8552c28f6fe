"""Loading FLUX.1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel
from torch import Tensor
from transformers import AutoTokenizer, CLIPTextModel, CLIPTokenizer, T5EncoderModel

from scalediff_engine.families.flux.model import FluxModel
from scalediff_engine.families.flux.names import (
    SHIFT_FIRST,
    published_modules,
    scale_first,
    to_diffusers,
)
from scalediff_engine.families.flux.spec import SPEC
from scalediff_engine.models.components import FamilyLoader
from scalediff_engine.models.model import PromptEmbeddings
from scalediff_engine.models.text_encoders import (
    FamilyEncoding,
    TextEncoder,
    run_encoder,
    t5_tokens,
    token_chunks,
)
from scalediff_engine.spec.checkpoint import Checkpoint, Part


def flux_encoding(clip: TextEncoder, t5: TextEncoder, *, tokens: int) -> FamilyEncoding:
    """FLUX: T5's last hidden state, and the pooled state of CLIP for the first 77 tokens.

    Args:
        clip: CLIP ViT-L
        t5: the encoder of T5 v1.1 XXL
        tokens: that a prompt is padded to; a longer one keeps all of its own, as T5's relative
            positions have no end and FLUX gives every token of the text the same one
    """

    def encode(prompts: Sequence[str], device: torch.device) -> PromptEmbeddings:
        ids = token_chunks(clip.tokenizer(), prompts)[:, 0]  # (n, 77)
        (pooled,) = run_encoder(clip, ids, device, lambda model, x: (model(x).pooler_output,))
        padded = t5_tokens(t5.tokenizer(), prompts, tokens)
        (embedded,) = run_encoder(t5, padded, device, lambda model, x: (model(x)[0],))
        return PromptEmbeddings(embedded, pooled)

    return encode


def _encoding(
    checkpoint: Checkpoint, encoders: Mapping[Part, TextEncoder], _zeros_for_empty: bool
) -> FamilyEncoding:
    tokens, _, _ = SPEC.settings(checkpoint.variant).prompt_shape
    return flux_encoding(encoders["text_encoder"], encoders["text_encoder_2"], tokens=tokens)


def _published_layers(transformer: FluxTransformer2DModel) -> dict[str, tuple[str, ...]]:
    config = transformer.config
    return published_modules(config["num_layers"], config["num_single_layers"])


def _arrange_rows(name: str, rows: Tensor) -> Tensor:
    return scale_first(rows) if name.endswith(SHIFT_FIRST.replace(".", "_")) else rows


LOADER = FamilyLoader(
    classes={
        "transformer": FluxTransformer2DModel,
        "vae": AutoencoderKL,
        "text_encoder": CLIPTextModel,
        "text_encoder_2": T5EncoderModel,
    },
    tokenizers={"tokenizer": CLIPTokenizer, "tokenizer_2": AutoTokenizer},
    model=FluxModel,
    encoding=_encoding,
    rename=lambda weights, _: to_diffusers(weights),
    published_layers=_published_layers,
    arrange_rows=_arrange_rows,
)
