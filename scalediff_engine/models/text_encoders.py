"""Prompts to embeddings: what the encodings of families are made of.

CLIP hears 77 tokens, a start and an end among them. A longer prompt is cut into several such
sequences at the ends of words, and their embeddings follow one another: nothing is thrown away.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from scalediff_engine.memory.oom import is_out_of_memory
from scalediff_engine.models.device import empty_cache
from scalediff_engine.models.model import PromptEmbeddings

REMEMBERED = 8
_WORD_END = "</w>"


@dataclass(frozen=True)
class TextEncoder:
    """One text encoder, which is loaded only to be used once.

    Attributes:
        tokenizer: gives transformers' tokenizer
        load: gives transformers' model in main memory, in the precision that it runs in
    """

    tokenizer: Callable[[], Any]
    load: Callable[[], nn.Module]


# (prompts, device) to their embeddings in main memory
FamilyEncoding = Callable[[Sequence[str], torch.device], PromptEmbeddings]


class CachedEncoding:
    """A family's encoding on a device, which knows the prompts that it encoded last.

    Args:
        encode: the family's encoding
        device: where the encoders run as long as they fit, and where the embeddings are wanted
    """

    def __init__(self, encode: FamilyEncoding, device: torch.device) -> None:
        self._encode = encode
        self._device = device
        self._known: OrderedDict[tuple[str, ...], PromptEmbeddings] = OrderedDict()

    def __call__(self, prompts: Sequence[str]) -> PromptEmbeddings:
        """Give the embeddings of n prompts, all with the same number of tokens."""
        key = tuple(prompts)
        if key not in self._known:
            self._known[key] = self._encode(prompts, self._device)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        words = self._known[key]
        pooled = None if words.pooled is None else words.pooled.to(self._device)
        mask = None if words.mask is None else words.mask.to(self._device)
        return PromptEmbeddings(words.tokens.to(self._device), pooled, mask=mask)


def token_chunks(tokenizer: Any, prompts: Sequence[str]) -> Tensor:  # noqa: ANN401
    """Cut prompts into sequences that CLIP can hear, padded to equal numbers.

    Args:
        tokenizer: transformers' CLIP tokenizer
        prompts: n of them

    Returns:
        (n, chunks, 77) token ids, each sequence with its start, its end and padding.
    """
    length = int(tokenizer.model_max_length)
    cut = [_cut(tokenizer, prompt, length - 2) for prompt in prompts]
    count = max(len(chunks) for chunks in cut)
    rows = [
        [_framed(tokenizer, chunk, length) for chunk in chunks + [[]] * (count - len(chunks))]
        for chunks in cut
    ]
    return torch.tensor(rows)


def _cut(tokenizer: Any, prompt: str, room: int) -> list[list[int]]:  # noqa: ANN401
    """Token ids of one prompt in runs of at most ``room``, at the ends of words; one at least."""
    # the tokenizer would warn of what is done right here
    ids: list[int] = tokenizer(prompt, add_special_tokens=False, verbose=False).input_ids
    ends = [t.endswith(_WORD_END) for t in tokenizer.convert_ids_to_tokens(ids)]
    chunks: list[list[int]] = []
    start = 0
    while len(ids) - start > room:
        stop = start + room
        while stop > start and not ends[stop - 1]:
            stop -= 1
        if stop == start:  # one word longer than all the room
            stop = start + room
        chunks.append(ids[start:stop])
        start = stop
    return [*chunks, ids[start:]]


def _framed(tokenizer: Any, ids: list[int], length: int) -> list[int]:  # noqa: ANN401
    framed = [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id]
    return framed + [tokenizer.pad_token_id] * (length - len(framed))


def t5_tokens(tokenizer: Any, prompts: Sequence[str], tokens: int) -> Tensor:  # noqa: ANN401
    """Token ids of prompts, (n, tokens) or more where a prompt is longer."""
    own = tokenizer(list(prompts), verbose=False).input_ids
    length = max(tokens, *(len(ids) for ids in own))
    padded = tokenizer(list(prompts), padding="max_length", max_length=length, return_tensors="pt")
    return padded.input_ids


def join_chunks(tokens: Tensor, ids: Tensor) -> Tensor:
    """(n * chunks, 77, C) to (n, chunks * 77, C)."""
    return tokens.unflatten(0, ids.shape[:2]).flatten(1, 2)


def penultimate(model: nn.Module, ids: Tensor) -> tuple[Tensor]:
    """Give the last hidden state but one."""
    return (model(ids, output_hidden_states=True).hidden_states[-2],)


def penultimate_and_projection(model: nn.Module, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Give the last hidden state but one, and the projection of the whole."""
    out = model(ids, output_hidden_states=True)
    return out.hidden_states[-2], out.text_embeds


def run_encoder(
    encoder: TextEncoder,
    ids: Tensor,
    device: torch.device,
    read: Callable[[nn.Module, Tensor], tuple[Tensor, ...]],
) -> tuple[Tensor, ...]:
    """Load an encoder, let it read, and let go of it; the embeddings are in main memory.

    An encoder that does not fit on the device reads on the CPU: it is slower, and needed once.
    """
    try:
        return _run_on(encoder, ids, device, read)
    except (RuntimeError, MemoryError) as error:
        # what was loaded is held by the error, and gone after this block
        if not is_out_of_memory(error):
            raise
    return _run_on(encoder, ids, torch.device("cpu"), read)


def _run_on(
    encoder: TextEncoder,
    ids: Tensor,
    device: torch.device,
    read: Callable[[nn.Module, Tensor], tuple[Tensor, ...]],
) -> tuple[Tensor, ...]:
    model: nn.Module | None = None
    try:
        model = encoder.load().to(device)
        with torch.inference_mode():
            return tuple(t.cpu() for t in read(model, ids.to(device)))
    finally:
        del model
        empty_cache(device)
