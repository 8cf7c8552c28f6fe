from __future__ import annotations

import pytest

from scalediff_engine.base.text import duration, file_size, gib


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (12.4, "12 s"),
        (89.0, "89 s"),
        (120.0, "2 min"),
        (3599.0, "1 h"),
        (4800.0, "1 h 20 min"),
    ],
)
def test_a_duration_has_the_digits_that_it_deserves(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "words"),
    [(130, "130 bytes"), (1536, "1.5 KiB"), (13 * 2**20, "13.0 MiB"), (7 * 2**30, "7.0 GiB")],
)
def test_amounts_have_units(count: int, words: str) -> None:
    assert file_size(count) == words


def test_memory_is_told_in_gib() -> None:
    assert gib(1_610_612_736) == "1.5 GiB"
