"""Statistics of group normalisation that are taken down and used elsewhere."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import group_norm

from scalediff_engine.models import group_norm as ours
from scalediff_engine.models.group_norm import NormStatistics


@pytest.fixture
def layer() -> nn.GroupNorm:
    torch.manual_seed(0)
    found = nn.GroupNorm(3, 12)
    nn.init.normal_(found.weight)
    nn.init.normal_(found.bias)
    return found


def test_a_part_is_normalised_as_the_picture_whose_statistics_were_taken_down(
    layer: nn.GroupNorm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalediff_engine.models.group_norm.RIM", 0.0)
    whole = torch.randn(1, 12, 16, 16) * torch.linspace(0.1, 3, 16) + 1
    norms = NormStatistics()
    with norms.record((0,)):
        expected = layer(whole)
    assert torch.allclose(expected, group_norm(whole, 3, layer.weight, layer.bias), atol=1e-5)
    with norms.replay((0,)):
        part = layer(whole[..., :5])
    assert torch.allclose(part, expected[..., :5], atol=1e-5)
    assert not torch.allclose(part, layer(whole[..., :5]), atol=0.1)  # and all is as before


def test_pieces_are_normalised_together_for_each_prompt(
    layer: nn.GroupNorm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalediff_engine.models.group_norm.RIM", 0.0)
    pieces = torch.randn(4, 12, 6, 6) * torch.tensor([0.2, 1, 3, 5]).view(4, 1, 1, 1)
    side_by_side = torch.cat(list(pieces), dim=-1)[None]
    norms = NormStatistics()
    with norms.record((0, 1)):
        found = layer(torch.cat([pieces, 2 * pieces]))
    for rows, whole in ((found[:4], side_by_side), (found[4:], 2 * side_by_side)):
        expected = group_norm(whole, 3, layer.weight, layer.bias)[0]
        assert torch.allclose(torch.cat(list(rows), dim=-1), expected, atol=1e-4)
    with norms.replay((1,)):
        assert torch.allclose(layer(2 * pieces[:1]), found[4:5], atol=1e-4)


def test_what_is_beside_the_border_is_left_out(layer: nn.GroupNorm) -> None:
    x = torch.randn(1, 12, 16, 16)
    spoilt = x.clone()
    spoilt[..., :2, :] += 100
    first, second = NormStatistics(), NormStatistics()
    with first.record((0,)):
        layer(x)
    with second.record((0,)):
        layer(spoilt)
    with first.replay((0,)):
        expected = layer(x)
    with second.replay((0,)):
        assert torch.equal(layer(x), expected)


def test_its_own_share_counts(layer: nn.GroupNorm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalediff_engine.models.group_norm.RIM", 0.0)
    whole = torch.randn(1, 12, 8, 8) * torch.linspace(0.1, 3, 8)
    expected = layer(whole)
    own, others = whole[..., :2], whole[..., 2:]
    norms = NormStatistics(own_share=0.25)
    with norms.record((0,)):
        layer(others)
    with norms.replay((0,)):
        assert torch.allclose(layer(own), expected[..., :2], atol=1e-5)


def test_a_second_attempt_begins_anew(layer: nn.GroupNorm) -> None:
    x, norms = torch.randn(1, 12, 8, 8), NormStatistics()
    with norms.record((0,)):
        layer(5 * x)  # and then the memory ran out
    with norms.record((0,)):
        expected = layer(x)
    for _ in range(2):
        with norms.replay((0,)):
            assert torch.allclose(layer(x), expected, atol=1e-5)


def test_our_own_normalisation_is_heard_as_well(layer: nn.GroupNorm) -> None:
    x, norms = torch.randn(1, 12, 8, 8), NormStatistics()
    with norms.record((0,)):
        layer(3 * x)
        layer(3 * x)
    with norms.replay((0,)):
        expected = layer(x)
        affine = ours.affine_of(layer, ours.pixel_sums(x))
    assert torch.allclose(ours.apply_affine(x, affine, activate=False), expected, atol=1e-5)
