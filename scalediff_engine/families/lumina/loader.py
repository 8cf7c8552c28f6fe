"""Loading Lumina-Next."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import AutoencoderKL, LuminaNextDiT2DModel
from torch import Tensor, nn
from transformers import AutoTokenizer, GemmaModel

from scalediff_engine.families.lumina.model import LuminaModel
from scalediff_engine.families.lumina.names import to_diffusers
from scalediff_engine.models.components import FamilyLoader
from scalediff_engine.models.model import PromptEmbeddings
from scalediff_engine.models.text_encoders import FamilyEncoding, TextEncoder, run_encoder


def gemma_encoding(gemma: TextEncoder) -> FamilyEncoding:
    """Lumina-Next: Gemma's last hidden state but one, and which tokens are of the prompt.

    Prompts keep all of their tokens: those of the text have no positions in the transformer.
    """

    def encode(prompts: Sequence[str], device: torch.device) -> PromptEmbeddings:
        given = gemma.tokenizer()(list(prompts), padding=True, return_tensors="pt", verbose=False)
        mask: Tensor = given.attention_mask  # (n, tokens)

        def read(model: nn.Module, ids: Tensor) -> tuple[Tensor]:
            out = model(ids, attention_mask=mask.to(ids.device), output_hidden_states=True)
            return (out.hidden_states[-2],)

        (tokens,) = run_encoder(gemma, given.input_ids, device, read)
        return PromptEmbeddings(tokens, mask=mask.bool())

    return encode


LOADER = FamilyLoader(
    classes={
        "transformer": LuminaNextDiT2DModel,
        "vae": AutoencoderKL,
        "text_encoder": GemmaModel,
    },
    tokenizers={"tokenizer": AutoTokenizer},
    model=LuminaModel,
    encoding=lambda _checkpoint, encoders, _zeros: gemma_encoding(encoders["text_encoder"]),
    rename=lambda weights, _: to_diffusers(weights),
    published_layers=lambda _: {},  # there are no LoRAs for it
)
