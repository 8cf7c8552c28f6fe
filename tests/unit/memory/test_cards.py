from __future__ import annotations

from itertools import pairwise

import pytest

from scalediff_engine.memory.gpu_throughput import gflop_per_second_of

UNKNOWN = gflop_per_second_of("")


@pytest.mark.parametrize(
    "from_slow_to_fast",
    [
        [
            "NVIDIA GeForce GTX 1060 6GB",
            "NVIDIA GeForce RTX 3050",
            "NVIDIA GeForce RTX 3060",
            "NVIDIA GeForce RTX 3070",
            "NVIDIA GeForce RTX 3080",
            "NVIDIA GeForce RTX 3090",
        ],
        [
            "NVIDIA GeForce RTX 4060",
            "NVIDIA GeForce RTX 4060 Ti",
            "NVIDIA GeForce RTX 4070",
            "NVIDIA GeForce RTX 4070 Ti SUPER",
            "NVIDIA GeForce RTX 4080 SUPER",
            "NVIDIA GeForce RTX 4090",
        ],
        [
            "NVIDIA GeForce RTX 5060 Ti",
            "NVIDIA GeForce RTX 5070",
            "NVIDIA GeForce RTX 5070 Ti",
            "NVIDIA GeForce RTX 5080",
            "NVIDIA GeForce RTX 5090",
        ],
        ["NVIDIA RTX A4000", "NVIDIA A40", "NVIDIA A100-SXM4-80GB", "NVIDIA H200", "NVIDIA B200"],
        ["NVIDIA L4", "NVIDIA L40S", "NVIDIA H100 80GB HBM3"],
        ["Tesla T4", "Tesla V100-SXM2-16GB", "NVIDIA A100 80GB PCIe", "NVIDIA GH200 480GB"],
    ],
)
def test_faster_cards_are_taken_for_faster(from_slow_to_fast: list[str]) -> None:
    guesses = [gflop_per_second_of(card) for card in from_slow_to_fast]
    assert all(slow < fast for slow, fast in pairwise(guesses))


@pytest.mark.parametrize(
    "name",
    ["NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 3080 Ti", "NVIDIA GeForce RTX 5070 Ti"],
)
def test_a_laptops_card_is_slower_than_its_namesake(name: str) -> None:
    assert gflop_per_second_of(f"{name} Laptop GPU") < gflop_per_second_of(name)


def test_an_unknown_card_is_a_modest_one() -> None:
    assert gflop_per_second_of("A card of the year 2035") == UNKNOWN
    assert gflop_per_second_of("AMD Radeon RX 7900 XTX") == UNKNOWN
    slow, fast = (gflop_per_second_of(f"NVIDIA GeForce RTX {n}") for n in (3050, 4090))
    assert slow < UNKNOWN < fast


@pytest.mark.parametrize(
    ("card", "not_that"),
    [
        ("NVIDIA GeForce RTX 4070", "NVIDIA GeForce RTX 4070 Ti"),
        ("NVIDIA GeForce RTX 4060", "NVIDIA GeForce RTX 4060 Ti"),
        ("NVIDIA RTX A1000", "NVIDIA A100-SXM4-40GB"),
        ("NVIDIA RTX A400", "NVIDIA A40"),
        ("NVIDIA RTX A4000", "NVIDIA A40"),
        ("NVIDIA T400 4GB", "NVIDIA A40"),
        ("NVIDIA L4", "NVIDIA L40"),
        ("NVIDIA RTX 4000 SFF Ada Generation", "NVIDIA RTX 6000 Ada Generation"),
    ],
)
def test_a_small_card_is_not_taken_for_one_whose_name_begins_alike(
    card: str, not_that: str
) -> None:
    assert gflop_per_second_of(card) < 0.9 * gflop_per_second_of(not_that)
