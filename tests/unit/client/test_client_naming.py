"""The pattern that results are named by, without anybody's sentences."""

from __future__ import annotations

import pytest

from scalediff_engine.client.naming import (
    FIELDS,
    BadPattern,
    Pattern,
    PatternTrouble,
    SourceStems,
    scale_word,
)

WORDS = dict(zip(FIELDS, ("cat", "jpg", "4", "400", "200", "sdxl", "7"), strict=True))


def test_fields_are_filled() -> None:
    assert Pattern("{stem}_x{scale}").fill(WORDS) == "cat_x4"
    assert Pattern("{{{stem}}}-{width}x{height}.{model}.{seed}").fill(WORDS) == (
        "{cat}-400x200.sdxl.7"
    )


@pytest.mark.parametrize(
    ("text", "trouble", "detail"),
    [
        (" ", PatternTrouble.EMPTY, ""),
        ("a/b", PatternTrouble.SEPARATOR, ""),
        ("{stem", PatternTrouble.BRACE, ""),
        ("{stam}", PatternTrouble.FIELD, "stam"),
        ("{stem!r:>9}", PatternTrouble.FIELD, "stem!r:>9"),
    ],
)
def test_what_is_wrong_is_told(text: str, trouble: PatternTrouble, detail: str) -> None:
    with pytest.raises(BadPattern) as refused:
        Pattern(text)
    assert (refused.value.trouble, refused.value.detail) == (trouble, detail)


def test_a_name_of_dots_is_none() -> None:
    with pytest.raises(BadPattern) as refused:
        Pattern("{stem}").fill({**WORDS, "stem": ".."})
    assert refused.value.trouble is PatternTrouble.NO_NAME


def test_a_result_is_known_by_its_name() -> None:
    assert Pattern("{stem}_x{scale}").matches("cat_x2.5")
    assert not Pattern("{stem}_x{scale}").matches("cat_xl")


def test_the_scale_is_short() -> None:
    assert scale_word((100, 50), (267, 133)) == "2.67"
    assert scale_word((100, 50), (400, 200)) == "4"


def stems(*names: str) -> SourceStems:
    found = SourceStems()
    for name in names:
        found.add("/in", name)
    return found


def is_result(found: SourceStems, stem: str, pattern: str = "{stem}_x{scale}") -> bool:
    return found.is_result_name(Pattern(pattern), "/in", stem, is_found=False)


def test_a_result_is_told_by_the_stem_of_a_source_beside_it() -> None:
    found = stems("cat", "cat_x4", "dog_x4", "x4_x4_x4")
    assert is_result(found, "cat_x4")
    assert is_result(found, "cat_x4_x2")
    for other in ("cat", "dog_x4", "x4_x4_x4"):
        assert not is_result(found, other)
    pattern = Pattern("{stem}_x{scale}")
    assert not found.is_result_name(pattern, "/elsewhere", "cat_x4", is_found=False)


def test_a_result_in_a_folder_needs_no_source() -> None:
    pattern = Pattern("{stem}_x{scale}")
    assert stems().is_result_name(pattern, "/in", "cat_x4", is_found=True)
    assert not stems().is_result_name(pattern, "/in", "cat", is_found=True)


def test_a_result_in_another_format_has_the_stem_of_its_source() -> None:
    assert is_result(stems("cat", "cat"), "cat", "{stem}")
    assert not is_result(stems("cat", "dog"), "cat", "{stem}")
    assert is_result(stems("cat", "cat_jpg"), "cat_jpg", "{stem}_{ext}")


def test_results_with_the_default_name_are_known_whatever_the_pattern_is_now() -> None:
    assert is_result(stems("cat", "cat_x4"), "cat_x4", "big {stem}")
    assert stems().is_result_name(Pattern("big {stem}"), "/in", "cat_x4", is_found=True)
