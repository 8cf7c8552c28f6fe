"""What graphics cards are likely to give, before this machine has measured its own."""

from __future__ import annotations

import re

# Of a card's published dense 16-bit matrix rate, what a whole step makes of it.
_SHARE = 0.5
_UNKNOWN_TFLOPS = 40.0

# Published dense 16-bit TFLOP/s (with accumulation in float32), the longest names first where one
# begins another.
_TFLOPS: tuple[tuple[str, float], ...] = (
    (r"B[23]00", 2200),
    (r"H[12]00|GH200|H800", 900),
    (r"A[18]00\b", 312),
    (r"L40S?|RTX 6000 Ada|RTX PRO 6000", 181),
    (r"A6000|A40\b", 155),
    (r"RTX 5090", 210),
    (r"RTX 5080", 113),
    (r"RTX 5070 Ti", 88),
    (r"RTX 5070", 62),
    (r"RTX 5060", 45),
    (r"RTX 4090", 165),
    (r"RTX 4080", 98),
    (r"RTX 4070 Ti", 82),
    (r"RTX 4070", 58),
    (r"RTX 4060 Ti", 44),
    (r"RTX 4060", 30),
    (r"RTX 3090", 71),
    (r"RTX 3080", 60),
    (r"RTX 3070", 40),
    (r"RTX 3060", 25),
    (r"RTX 3050", 18),
    (r"RTX 2080", 45),
    (r"RTX 20[67]0", 30),
    (r"A[45]000", 76),
    (r"L4\b", 60),
    (r"T4\b", 65),
    (r"V100", 112),
    (r"GTX", 8),
)


def gflop_per_second_of(card: str) -> float:
    """Guess a card's sustained throughput in GFLOP/s from the name that its driver gives."""
    laptop = 0.7 if "Laptop" in card or "Mobile" in card else 1.0
    for pattern, tflops in _TFLOPS:
        if re.search(pattern, card):
            return tflops * _SHARE * 1e3 * laptop
    return _UNKNOWN_TFLOPS * _SHARE * 1e3
