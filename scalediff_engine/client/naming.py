"""How results are called: a pattern with fields, such as ``{stem}_x{scale}``, filled for each.

The command line and the folder dialog share it; each has sentences of its own for a wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from string import Formatter
from typing import Optional

DEFAULT_PATTERN = "{stem}_x{scale}"

# what a field can look like in a finished name
_FIELD_SHAPES = {
    "stem": ".+",
    "ext": "[^.]*",  # of the source, without its dot
    "scale": r"[0-9]+(?:\.[0-9]+)?",
    "width": "[0-9]+",
    "height": "[0-9]+",
    "model": ".+",
    "seed": "[0-9]+",
}
FIELDS = tuple(_FIELD_SHAPES)
_SEPARATORS = ("/", "\\", "\0")


class PatternTrouble(Enum):
    """What is wrong with a pattern."""

    EMPTY = "empty"
    SEPARATOR = "separator"
    BRACE = "brace"  # one without its partner
    FIELD = "field"  # unknown; the detail is what stands between the braces
    NO_NAME = "no name"  # nothing but dots and spaces came of it; the detail is that


class BadPattern(ValueError):
    """A pattern that cannot be used.

    Attributes:
        trouble: what is wrong
        detail: see ``PatternTrouble``
    """

    def __init__(self, trouble: PatternTrouble, detail: str = "") -> None:
        super().__init__(f"{trouble.value}: {detail}")
        self.trouble = trouble
        self.detail = detail


@dataclass(frozen=True)
class Pattern:
    """A pattern, checked when it is made.

    Attributes:
        text: the pattern
        pieces: literal texts, each with the field after it

    Raises:
        BadPattern: an unknown field, a brace too many, a path separator, or nothing at all.
    """

    text: str = DEFAULT_PATTERN
    pieces: tuple[tuple[str, Optional[str]], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise BadPattern(PatternTrouble.EMPTY)
        if any(character in self.text for character in _SEPARATORS):
            raise BadPattern(PatternTrouble.SEPARATOR)
        object.__setattr__(self, "pieces", _pieces(self.text))

    def fill(self, words: Mapping[str, str]) -> str:
        """Give the name of one result, without its ending.

        Args:
            words: what each of ``FIELDS`` stands for

        Raises:
            BadPattern: the name came out as nothing but dots and spaces.
        """
        name = "".join(text + (words[field] if field else "") for text, field in self.pieces)
        if not name.strip(". "):
            raise BadPattern(PatternTrouble.NO_NAME, name)
        return name

    def matches(self, stem: str, source: Optional[str] = None) -> bool:
        """Whether a file called ``stem`` (without ending) could have been named by this pattern.

        Args:
            stem: of the file
            source: stem of the picture that it would be a result of; none = of any
        """
        shapes = _FIELD_SHAPES if source is None else {**_FIELD_SHAPES, "stem": re.escape(source)}
        shape = "".join(
            re.escape(text) + (shapes[field] if field else "") for text, field in self.pieces
        )
        return re.fullmatch(shape, stem, re.DOTALL) is not None


class SourceStems:
    """Stems of pictures, by folder: tells by its name which file could be a result of one."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, int]] = {}

    def add(self, folder: str, stem: str) -> None:
        """Add a picture.

        Args:
            folder: that results of the picture may be in
            stem: of the picture
        """
        counts = self._counts.setdefault(folder, {})
        counts[stem] = counts.get(stem, 0) + 1

    def is_result_name(self, pattern: Pattern, folder: str, stem: str, *, is_found: bool) -> bool:
        """Whether a picture is named like a result, by a pattern or by the default one.

        Args:
            pattern: of this run
            folder: of the picture
            stem: of the picture
            is_found: it was found in a folder; a picture that was named itself is a result only
                if its source was added too
        """
        return any(
            (is_found and found.matches(stem)) or self._has_source_of(found, folder, stem)
            for found in (pattern, Pattern())
        )

    def _has_source_of(self, pattern: Pattern, folder: str, stem: str) -> bool:
        """Whether a picture, itself one of those added, could be a result of another one."""
        counts = self._counts.get(folder, {})
        return pattern.matches(stem) and any(
            source in stem and (source != stem or count > 1) and pattern.matches(stem, source)
            for source, count in counts.items()
        )


def scale_word(source: tuple[int, int], target: tuple[int, int]) -> str:
    """Give the factor between two sizes as people write it: 4, 1.5, 2.67."""
    return f"{round(max(target[0] / source[0], target[1] / source[1]), 2):g}"


def _pieces(text: str) -> tuple[tuple[str, Optional[str]], ...]:
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        raise BadPattern(PatternTrouble.BRACE) from error
    for _, name, specification, conversion in parsed:
        if name is not None and (name not in _FIELD_SHAPES or specification or conversion):
            shown = name + (f"!{conversion}" if conversion else "")
            shown += f":{specification}" if specification else ""
            raise BadPattern(PatternTrouble.FIELD, shown)
    return tuple((literal, name) for literal, name, _, _ in parsed)
