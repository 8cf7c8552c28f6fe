"""How the prompts of one step are evaluated and combined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from scalediff_engine.base.geometry import Size
from scalediff_engine.families.flux.spec import FLUX_DEV
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.method.noise import Level
from scalediff_engine.models.model import Conditioning, PromptEmbeddings
from scalediff_engine.pipeline.context import UpscaleContext
from scalediff_engine.planning.plan import StagePlan
from scalediff_engine.planning.settings import Attention

LEVEL = Level(timestep=500, alpha=0.6, sigma=0.8)
STAGE = StagePlan(canvas=Size(16, 16), t_start=500, steps=2, guidance=4.0)


@dataclass
class SumOfWords:
    """A model that gives each prompt's sum everywhere, and its own kind of guidance."""

    facts: Any = FLUX_DEV
    asked: list[int] = field(default_factory=list[int])

    def predict(self, z: Tensor, level: Level, words: PromptEmbeddings, guidance: float) -> Tensor:
        self.asked.append(len(words.tokens))
        seen = words.tokens if words.mask is None else words.tokens * words.mask[..., None]
        return torch.zeros_like(z) + seen.sum((1, 2))[:, None, None, None]

    def guide(self, positive: Tensor, negative: Tensor, guidance: float, level: Level) -> Tensor:
        return 100 * positive + negative + level.sigma


class Plainly:
    def run(self, work: Callable[[MemoryPlan], Tensor]) -> Tensor:
        return work(MemoryPlan())


def predict(positive: PromptEmbeddings, negative: PromptEmbeddings) -> tuple[SumOfWords, float]:
    model = SumOfWords()
    others: Any = None
    run = UpscaleContext(
        others,
        others,
        cast(Any, model),
        others,
        Conditioning(positive, negative),
        torch.Generator(),
        cast(Any, Plainly()),
        others,
    )
    out = run.predict(torch.zeros(1, 4, 2, 2), LEVEL, STAGE, Attention.DIRECT)
    assert out.shape == (1, 4, 2, 2)
    return model, float(out[0, 0, 0, 0])


def words(count: int, seen: int | None = None) -> PromptEmbeddings:
    mask = None if seen is None else (torch.arange(count) < seen)[None]
    return PromptEmbeddings(torch.ones(1, count, 1), mask=mask)


def test_the_family_says_how_both_prompts_become_one() -> None:
    model, out = predict(words(3), words(3))
    assert model.asked == [2]
    assert out == pytest.approx(100 * 3 + 3 + 0.8)


def test_prompts_of_unequal_length_are_evaluated_one_after_the_other() -> None:
    model, out = predict(words(5), words(2))
    assert model.asked == [1, 1]
    assert out == pytest.approx(100 * 5 + 2 + 0.8)
    with pytest.raises(ValueError, match="unequal length"):
        PromptEmbeddings.batched(words(5), words(2))


def test_a_mask_goes_with_its_prompt() -> None:
    model, out = predict(words(5, seen=4), words(5, seen=1))
    assert model.asked == [2]
    assert out == pytest.approx(100 * 4 + 1 + 0.8)
    model, out = predict(words(5, seen=4), words(5))
    assert model.asked == [1, 1]
    assert out == pytest.approx(100 * 4 + 5 + 0.8)


def test_dropping_masked_words_is_a_mask_of_the_keys() -> None:
    torch.manual_seed(0)
    mask = torch.tensor([[True, False, True, True, False]])
    prompt = PromptEmbeddings(torch.randn(1, 5, 8).double(), mask=mask)
    query = torch.randn(1, 3, 8).double()
    attend = torch.nn.functional.scaled_dot_product_attention
    masked = attend(query, prompt.tokens, prompt.tokens, attn_mask=mask[:, None, :])
    kept = prompt.without_masked()
    assert kept.mask is None
    assert kept.tokens.shape == (1, 3, 8)
    assert torch.allclose(attend(query, kept.tokens, kept.tokens), masked, atol=1e-12)
    with pytest.raises(ValueError, match="one prompt at a time"):
        PromptEmbeddings.batched(prompt, prompt).without_masked()
