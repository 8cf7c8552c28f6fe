from __future__ import annotations

import math
from pathlib import Path

import pytest

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.cli.streams import one_line, plural
from scalediff_engine.cli.values import (
    check_device,
    gib_to_bytes,
    parse_format,
    parse_interval,
    parse_lora,
    parse_size,
)
from scalediff_engine.images.formats import Format


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


def test_counts_read_as_words() -> None:
    assert (plural(1, "file"), plural(2, "file")) == ("1 file", "2 files")


def test_a_line_cannot_control_the_terminal() -> None:
    assert one_line("a\nb\x1b[2Jc\u202ed\x9b\udce9") == "a\\nb\\x1b[2Jc\\u202ed\\x9b\udce9"
    kept = "Käse 3.24\u202fPM 👩\u200d🎨 می\u200cخواهم"
    assert one_line(kept) == kept


def test_an_interval_is_two_noise_levels_or_all_of_them() -> None:
    assert parse_interval(None) is None
    assert parse_interval("0.28,5.42") == (0.28, 5.42)
    assert parse_interval(" 0 , inf ") == (0.0, math.inf)
    assert parse_interval("ALL") == (0.0, math.inf)


@pytest.mark.parametrize(
    "text", ["", "1", "1,2,3", "2,1", "1,1", "-1,2", "a,b", "nan,2", "0,nan", "inf,inf", "1;2"]
)
def test_what_is_no_interval_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"0\.28,5\.42, or all"):
        parse_interval(text)


@pytest.mark.parametrize(
    ("text", "file", "weight"),
    [
        ("soft.safetensors", "soft.safetensors", 1.0),
        ("soft.safetensors:0.5", "soft.safetensors", 0.5),
        ("soft.safetensors:-1", "soft.safetensors", -1.0),
        ("a/b.safetensors:.25", "a/b.safetensors", 0.25),
        (r"C:\loras\soft.safetensors", r"C:\loras\soft.safetensors", 1.0),
        (r"C:\loras\soft.safetensors:0.8", r"C:\loras\soft.safetensors", 0.8),
        ("C:/loras/soft.safetensors", "C:/loras/soft.safetensors", 1.0),
        ("D:soft.safetensors:1e-1", "D:soft.safetensors", 0.1),
        ("odd:name.safetensors", "odd:name.safetensors", 1.0),
        (":0.5", ":0.5", 1.0),
    ],
)
def test_a_lora_is_a_file_and_a_weight_and_drives_stay_with_their_path(
    text: str, file: str, weight: float
) -> None:
    assert parse_lora(text) == (Path(file), weight)


def test_a_format_is_named_by_its_name_or_an_extension() -> None:
    words = {"png": Format.PNG, "JPG": Format.JPEG, "tif": Format.TIFF, None: None}
    assert {word: parse_format(word) for word in words} == words
    with pytest.raises(UsageError, match="one of png, webp, jpeg, tiff"):
        parse_format("gif")


def test_a_file_of_exactly_this_name_goes_before_a_weight(tmp_path: Path) -> None:
    odd = tmp_path / "soft:2"
    odd.touch()
    assert parse_lora(str(odd)) == (odd, 1.0)


@pytest.mark.parametrize("weight", ["nan", "inf", "-inf", "11"])
def test_an_absurd_weight_is_refused_with_the_range(weight: str) -> None:
    with pytest.raises(UsageError, match="between -10 and 10"):
        parse_lora(f"soft.safetensors:{weight}")


def test_a_word_after_a_file_that_is_there_is_no_weight(tmp_path: Path) -> None:
    (tmp_path / "soft.safetensors").touch()
    with pytest.raises(UsageError, match=r"a number such as 0\.8"):
        parse_lora(f"{tmp_path / 'soft.safetensors'}:strong")
