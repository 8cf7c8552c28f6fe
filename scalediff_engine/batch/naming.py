"""How results are called, in the words of the command line; see ``wire.naming``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.naming import (
    DEFAULT_PATTERN,
    FIELDS,
    BadPattern,
    Pattern,
    PatternTrouble,
    scale_word,
)

__all__ = ["DEFAULT_PATTERN", "NamePattern", "NameValues"]


@dataclass(frozen=True)
class NameValues:
    """What the fields of one result stand for.

    Attributes:
        file: the source
    """

    file: Path
    source: Size
    target: Size
    model: str
    seed: int

    @property
    def scale(self) -> str:
        """The factor as people write it: 4, 1.5, 2.67."""
        return scale_word(self.source, self.target)


@dataclass(frozen=True)
class NamePattern:
    """A pattern such as ``{stem}_x{scale}``, checked when it is made.

    Raises:
        UsageError: an unknown field, a brace too many, a path separator, or nothing at all.
    """

    text: str = DEFAULT_PATTERN

    def __post_init__(self) -> None:
        try:
            Pattern(self.text)
        except BadPattern as error:
            raise _usage_error(self.text, error) from error

    def fill(self, values: NameValues) -> str:
        """Give the name of one result, without its ending.

        Raises:
            UsageError: the name came out as nothing but dots and spaces.
        """
        words = {
            "stem": values.file.stem,
            "ext": values.file.suffix[1:],
            "scale": values.scale,
            "width": str(values.target.width),
            "height": str(values.target.height),
            "model": values.model,
            "seed": str(values.seed),
        }
        try:
            return Pattern(self.text).fill(words)
        except BadPattern as error:
            raise _usage_error(self.text, error) from error

    @property
    def pattern(self) -> Pattern:
        """The checked pattern."""
        return Pattern(self.text)


def _usage_error(text: str, error: BadPattern) -> UsageError:
    sentences = {
        PatternTrouble.EMPTY: "--name is empty; '{stem}_x{scale}' is the usual one.",
        PatternTrouble.SEPARATOR: (
            f"--name '{text}' has a path separator; "
            "it names files only, --output-dir says where they go."
        ),
        PatternTrouble.BRACE: (
            f"--name '{text}' has a brace without its partner; {{{{ and }}}} are plain braces."
        ),
        PatternTrouble.FIELD: (
            f"--name has no field '{{{error.detail}}}'; the fields are {', '.join(FIELDS)}."
        ),
        PatternTrouble.NO_NAME: (
            f"--name '{text}' makes the name '{error.detail}', which is no file name."
        ),
    }
    return UsageError(sentences[error.trouble])
