"""Prompts to embeddings, beside what diffusers' own pipelines make of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    EulerDiscreteScheduler,
    FluxPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
)
from tiny_sd import WIDTH, shared
from torch import Tensor, nn
from transformers import (
    AutoTokenizer,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
)

from scalediff_engine.families.flux.loader import flux_encoding
from scalediff_engine.families.sdxl.loader import sdxl_encoding
from scalediff_engine.families.tokenizers import T5_FOLDER
from scalediff_engine.families.unet.loader import sd_encoding
from scalediff_engine.models.component_sources import read_tokenizer
from scalediff_engine.models.model import PromptEmbeddings
from scalediff_engine.models.text_encoders import (
    REMEMBERED,
    CachedEncoding,
    TextEncoder,
    token_chunks,
)

CPU = torch.device("cpu")
PROMPTS = ["sharp castle, 8k!", "stone"]


@pytest.fixture(scope="module")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared(tmp_path_factory, "sdxl")


@pytest.fixture(scope="module")
def sdxl_parts(sdxl_folder: Path) -> dict[str, Any]:
    return {
        "tokenizer": CLIPTokenizer.from_pretrained(sdxl_folder / "tokenizer"),
        "tokenizer_2": CLIPTokenizer.from_pretrained(sdxl_folder / "tokenizer_2"),
        "text_encoder": CLIPTextModel.from_pretrained(sdxl_folder / "text_encoder"),
        "text_encoder_2": CLIPTextModelWithProjection.from_pretrained(
            sdxl_folder / "text_encoder_2"
        ),
    }


def encoder(parts: dict[str, Any], number: str = "") -> TextEncoder:
    return TextEncoder(lambda: parts[f"tokenizer{number}"], lambda: parts[f"text_encoder{number}"])


def sdxl_words(
    parts: dict[str, Any], prompts: Sequence[str], *, zeros: bool = False
) -> PromptEmbeddings:
    encode = sdxl_encoding(encoder(parts), encoder(parts, "_2"), zeros_for_empty=zeros)
    return encode(prompts, CPU)


@pytest.mark.parametrize("family", ["sd15", "sd21"])
def test_sd_encodes_as_diffusers_does(
    family: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = shared(tmp_path_factory, family)
    parts = {
        "tokenizer": CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        "text_encoder": CLIPTextModel.from_pretrained(folder / "text_encoder"),
    }
    pipeline = StableDiffusionPipeline(
        **parts,
        vae=None,
        unet=None,
        scheduler=EulerDiscreteScheduler(steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    with torch.inference_mode():
        expected, empty = pipeline.encode_prompt(PROMPTS, CPU, 1, True)
    encode = sd_encoding(encoder(parts))
    assert torch.equal(encode(PROMPTS, CPU).tokens, expected)
    assert torch.equal(encode(["", ""], CPU).tokens, empty)
    assert encode(PROMPTS, CPU).pooled is None


def test_sdxl_encodes_as_diffusers_does(sdxl_parts: dict[str, Any]) -> None:
    pipeline = StableDiffusionXLPipeline(
        **sdxl_parts, vae=None, unet=None, scheduler=EulerDiscreteScheduler(steps_offset=1)
    )
    with torch.inference_mode():
        expected, zeros, pooled, zeros_pooled = pipeline.encode_prompt(PROMPTS, device=CPU)
    words = sdxl_words(sdxl_parts, PROMPTS)
    assert words.pooled is not None
    assert torch.equal(words.tokens, expected)
    assert torch.equal(words.pooled, pooled)
    nothing = sdxl_words(sdxl_parts, ["", PROMPTS[1]], zeros=True)
    assert nothing.pooled is not None
    assert torch.equal(nothing.tokens[0], zeros[0])
    assert torch.equal(nothing.pooled[0], zeros_pooled[0])
    assert nothing.tokens[1].any()
    assert sdxl_words(sdxl_parts, [""]).tokens.any()


def test_the_second_tokenizer_of_sdxl_fills_up_with_bangs(sdxl_parts: dict[str, Any]) -> None:
    bang = sdxl_parts["tokenizer_2"].convert_tokens_to_ids("!")
    end = sdxl_parts["tokenizer"].eos_token_id
    assert bang != end
    assert token_chunks(sdxl_parts["tokenizer"], ["sharp"])[0, 0, -1] == end
    assert token_chunks(sdxl_parts["tokenizer_2"], ["sharp"])[0, 0, -1] == bang


def test_flux_encodes_as_diffusers_does(sdxl_parts: dict[str, Any]) -> None:
    torch.manual_seed(3)
    t5 = T5Config(vocab_size=32128, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    parts = {
        "tokenizer": sdxl_parts["tokenizer"],
        "text_encoder": sdxl_parts["text_encoder"],
        "tokenizer_2": read_tokenizer(T5_FOLDER, AutoTokenizer, "tokenizer_2"),
        "text_encoder_2": T5EncoderModel(t5).eval(),
    }
    pipeline = FluxPipeline(
        **parts, vae=None, transformer=None, scheduler=EulerDiscreteScheduler(steps_offset=1)
    )
    with torch.inference_mode():
        expected, pooled, _ = pipeline.encode_prompt(
            PROMPTS, None, device=CPU, max_sequence_length=256
        )
    encode = flux_encoding(encoder(parts), encoder(parts, "_2"), tokens=256)
    words = encode(PROMPTS, CPU)
    assert words.pooled is not None
    assert words.tokens.shape == (2, 256, 16)
    assert torch.equal(words.tokens, expected)
    assert torch.equal(words.pooled, pooled)
    long = encode(["stone " * 300, "stone"], CPU)  # more than the 256 that it is padded to
    assert long.tokens.shape[:2] == (2, 301)


def test_long_prompts_are_cut_between_words_and_nothing_is_lost(
    sdxl_parts: dict[str, Any],
) -> None:
    tokenizer = sdxl_parts["tokenizer"]
    prompt = "sharp stone castle " * 12  # 10 tokens each time
    short = "stone"
    ids = token_chunks(tokenizer, [prompt, short])
    own = tokenizer(prompt, add_special_tokens=False, verbose=False).input_ids
    assert ids.shape == (2, 2, 77)
    special = set(tokenizer.all_special_ids)
    kept = [int(i) for i in ids[0].flatten() if int(i) not in special]
    assert kept == own
    assert (
        tokenizer.decode(ids[0, 0], skip_special_tokens=True)
        .strip()
        .endswith(("sharp", "stone", "castle"))
    )
    assert (ids[..., 0] == tokenizer.bos_token_id).all()
    assert torch.equal(ids[1, 1], token_chunks(tokenizer, [""])[0, 0])
    words = sdxl_words(sdxl_parts, [prompt, short])
    alone = sdxl_words(sdxl_parts, [short])
    assert words.tokens.shape == (2, 2 * 77, 2 * WIDTH)
    assert torch.allclose(words.tokens[1, :77], alone.tokens[0], atol=1e-5)
    assert words.pooled is not None
    assert words.pooled.shape == (2, WIDTH)
    assert alone.pooled is not None
    assert torch.allclose(words.pooled[1], alone.pooled[0], atol=1e-5)


def test_a_word_longer_than_everything_is_cut_all_the_same(sdxl_parts: dict[str, Any]) -> None:
    assert token_chunks(sdxl_parts["tokenizer"], ["z" * 200]).shape == (1, 3, 77)


class Counted:
    """A family's encoding that counts, and that may not find room."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, prompts: Sequence[str], device: torch.device) -> PromptEmbeddings:
        self.asked.append(tuple(prompts))
        return PromptEmbeddings(torch.zeros(len(prompts), 1, 1))


def test_the_last_prompts_are_remembered() -> None:
    counted = Counted()
    encode = CachedEncoding(counted, CPU)
    for prompt in ("a", "b", "a"):
        encode([prompt, ""])
    assert counted.asked == [("a", ""), ("b", "")]
    for i in range(REMEMBERED):
        encode([str(i)])
    encode(["a", ""])
    assert counted.asked[-1] == ("a", "")


class Refused(nn.Module):
    """A model that a device does not take."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def to(self, *_: object) -> Refused:
        raise self.error


@pytest.mark.parametrize(
    ("device", "error"),
    [
        ("cpu", torch.OutOfMemoryError("no room, on purpose")),
        ("mps", RuntimeError("MPS backend out of memory (MPS allocated: 17.86 GB).")),
        ("mps", RuntimeError("Invalid buffer size: 19.38 GiB")),
    ],
)
def test_an_encoder_without_room_on_the_device_reads_on_the_cpu(
    sdxl_parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch, device: str, error: Exception
) -> None:
    loaded: list[nn.Module] = []
    emptied: list[str] = []
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: emptied.append("mps"))

    def load() -> nn.Module:
        loaded.append(Refused(error) if not loaded else sdxl_parts["text_encoder"])
        return loaded[-1]

    encode = sd_encoding(TextEncoder(lambda: sdxl_parts["tokenizer"], load))
    tokens: Tensor = encode(["stone"], torch.device(device)).tokens
    assert tokens.shape == (1, 77, WIDTH)
    assert len(loaded) == 2
    assert emptied == [device] * (device == "mps")


def test_another_error_of_an_encoder_is_not_hidden(sdxl_parts: dict[str, Any]) -> None:
    refused = Refused(RuntimeError("the weights are spoiled"))
    encode = sd_encoding(TextEncoder(lambda: sdxl_parts["tokenizer"], lambda: refused))
    with pytest.raises(RuntimeError, match="spoiled"):
        encode(["stone"], CPU)
