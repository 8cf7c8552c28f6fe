from __future__ import annotations

import pytest

from scalediff_engine.cli.values import check_device, gib_to_bytes, parse_attention, parse_size
from scalediff_engine.cli.words import duration, gib, one_line, plural
from scalediff_engine.errors import UsageError
from scalediff_engine.geometry import Size
from scalediff_engine.pipeline.settings import Attention


@pytest.mark.parametrize("text", ["4096x3072", "4096X3072", "4096×3072", " 4096 x 3072 "])
def test_a_size_can_be_typed_in_the_usual_ways(text: str) -> None:
    assert parse_size(text) == Size(4096, 3072)


@pytest.mark.parametrize("text", ["", "4096", "4096x", "axb", "-4x4", "1.5x2", "4x4x4", "1e3x9"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="4096x3072"):
        parse_size(text)


def test_a_size_without_pixels_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 1 pixel"):
        parse_size("0x100")


@pytest.mark.parametrize("word", ["auto", "cpu", "cuda", "cuda:0", "cuda:11", "mps", "xpu"])
def test_devices_are_known_by_name(word: str) -> None:
    assert check_device(word) == word


@pytest.mark.parametrize("word", ["", "gpu", "cuda:", "cpu:0x", "CUDA:0", "meta"])
def test_other_words_are_no_device(word: str) -> None:
    with pytest.raises(UsageError, match="--device is"):
        check_device(word)


def test_memory_is_counted_in_gib() -> None:
    assert gib_to_bytes(1.5) == 1_610_612_736


@pytest.mark.parametrize("amount", [0.0, -1.0, float("nan"), float("inf")])
def test_an_amount_of_memory_is_above_nothing_and_finite(amount: float) -> None:
    with pytest.raises(UsageError, match="--max-memory"):
        gib_to_bytes(amount)


def test_kinds_of_attention_are_known_by_name() -> None:
    assert parse_attention("multidiffusion") is Attention.MULTIDIFFUSION
    with pytest.raises(UsageError, match="npa, direct, multidiffusion"):
        parse_attention("NPA")


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


def test_counts_and_bytes_read_as_words() -> None:
    assert (plural(1, "file"), plural(2, "file")) == ("1 file", "2 files")
    assert gib(1_610_612_736) == "1.5 GiB"


def test_a_line_cannot_control_the_terminal() -> None:
    assert one_line("a\nb\x1b[2Jc\udce9") == "a b [2Jc\udce9"
