from __future__ import annotations

from pathlib import Path

import pytest

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.naming import NamePattern, NameValues

VALUES = NameValues(Path("in/cat.JPG"), Size(100, 50), Size(400, 200), "embedded", 7)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{stem}_x{scale}", "cat_x4"),
        ("{stem}-{width}x{height}", "cat-400x200"),
        ("{model}.{seed}.{stem}", "embedded.7.cat"),
        ("{stem}_{ext}", "cat_JPG"),
        ("{{{stem}}}", "{cat}"),
        ("fixed", "fixed"),
    ],
)
def test_a_pattern_is_filled_with_what_its_fields_stand_for(pattern: str, name: str) -> None:
    assert NamePattern(pattern).fill(VALUES) == name


@pytest.mark.parametrize(
    ("target", "scale"),
    [
        (Size(400, 200), "4"),
        (Size(150, 75), "1.5"),
        (Size(267, 133), "2.67"),
        (Size(100, 100), "2"),
        (Size(3200, 1600), "32"),
    ],
)
def test_the_scale_reads_as_people_write_it(target: Size, scale: str) -> None:
    assert NameValues(Path("a.png"), Size(100, 50), target, "m", 0).scale == scale


@pytest.mark.parametrize(
    "pattern", ["{stam}", "{stem:>9}", "{stem!r}", "{}", "{0}", "{stem.upper}", "{stem[0]}"]
)
def test_a_field_that_does_not_exist_is_refused_with_those_that_do(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"stem, ext, scale, width, height, model, seed\.$"):
        NamePattern(pattern)


@pytest.mark.parametrize("pattern", ["out/{stem}", "..\\{stem}", "a\0b"])
def test_a_pattern_cannot_lead_out_of_the_folder(pattern: str) -> None:
    with pytest.raises(UsageError, match="path separator"):
        NamePattern(pattern)


@pytest.mark.parametrize("pattern", ["{stem", "stem}", "{stem}}"])
def test_a_lonely_brace_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="brace"):
        NamePattern(pattern)


@pytest.mark.parametrize("pattern", ["", "   "])
def test_an_empty_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        NamePattern(pattern)


def test_a_name_of_dots_is_refused() -> None:
    with pytest.raises(UsageError, match="no file name"):
        NamePattern("..").fill(VALUES)


@pytest.mark.parametrize(
    ("pattern", "stem", "expected"),
    [
        ("{stem}_x{scale}", "cat_x4", True),
        ("{stem}_x{scale}", "cat_x1.5", True),
        ("{stem}_x{scale}", "cat_x4_x2", True),
        ("{stem}_x{scale}", "cat", False),
        ("{stem}_x{scale}", "_x4", False),
        ("{stem}_x{scale}", "cat_x4b", False),
        ("{stem}_{width}x{height}", "cat_400x200", True),
        ("{stem}_{width}x{height}", "cat_400", False),
        ("(big) {stem}", "(big) cat", True),
        ("(big) {stem}", "big cat", False),
    ],
)
def test_names_that_the_pattern_makes_are_recognised(
    pattern: str, stem: str, expected: bool
) -> None:
    assert NamePattern(pattern).pattern.matches(stem) is expected


def test_every_name_that_a_pattern_makes_matches_it() -> None:
    for text in ("{stem}_x{scale}", "{seed}{stem}{model}", "{width}.{height}"):
        pattern = NamePattern(text)
        assert pattern.pattern.matches(pattern.fill(VALUES))
