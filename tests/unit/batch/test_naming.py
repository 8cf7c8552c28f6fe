from __future__ import annotations

import pytest

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.folder_scan import Source
from scalediff_engine.batch.naming import Destination, NameValues, result_name
from scalediff_engine.cli.outputs import output_path
from scalediff_engine.cli.values import parse_pattern
from scalediff_engine.client.naming import Pattern

VALUES = NameValues(Size(100, 50), Size(400, 200), "embedded", 7)


def name_of(pattern: str, values: NameValues = VALUES) -> str:
    return result_name("in/cat.JPG", Pattern(pattern), None, values)[0].removesuffix(".JPG")


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
    assert name_of(pattern) == name


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
    assert name_of("{scale}", NameValues(Size(100, 50), target, "m", 0)) == scale


@pytest.mark.parametrize(
    "pattern", ["{stam}", "{stem:>9}", "{stem!r}", "{}", "{0}", "{stem.upper}", "{stem[0]}"]
)
def test_a_field_that_does_not_exist_is_refused_with_those_that_do(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"stem, ext, scale, width, height, model, seed\.$"):
        parse_pattern(pattern)


@pytest.mark.parametrize("pattern", ["out/{stem}", "..\\{stem}", "a\0b"])
def test_a_pattern_cannot_lead_out_of_the_folder(pattern: str) -> None:
    with pytest.raises(UsageError, match="path separator"):
        parse_pattern(pattern)


@pytest.mark.parametrize("pattern", ["{stem", "stem}", "{stem}}"])
def test_a_lonely_brace_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="brace"):
        parse_pattern(pattern)


@pytest.mark.parametrize("pattern", ["", "   "])
def test_an_empty_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        parse_pattern(pattern)


def test_a_name_of_dots_is_refused() -> None:
    with pytest.raises(UsageError, match="no file name"):
        output_path(Source("in/cat.JPG"), Destination(pattern=".."), VALUES)


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
    assert Pattern(pattern).matches(stem) is expected


def test_every_name_that_a_pattern_makes_matches_it() -> None:
    for text in ("{stem}_x{scale}", "{seed}{stem}{model}", "{width}.{height}"):
        assert Pattern(text).matches(name_of(text))
