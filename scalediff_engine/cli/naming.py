"""How results are called: a pattern with fields, filled for each picture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import Formatter

from scalediff_engine.errors import UsageError
from scalediff_engine.geometry import Size

DEFAULT_PATTERN = "{stem}_x{scale}"

# what a field can look like in a finished name
_FIELD_SHAPES = {
    "stem": ".+",
    "scale": r"[0-9]+(?:\.[0-9]+)?",
    "width": "[0-9]+",
    "height": "[0-9]+",
    "model": ".+",
    "seed": "[0-9]+",
}
_FORBIDDEN = ("/", "\\", "\0")


@dataclass(frozen=True)
class NameValues:
    """What the fields of one result stand for."""

    stem: str
    source: Size
    target: Size
    model: str
    seed: int

    @property
    def scale(self) -> str:
        """The factor as people write it: 4, 1.5, 2.67."""
        factor = max(self.target.width / self.source.width, self.target.height / self.source.height)
        return f"{round(factor, 2):g}"


@dataclass(frozen=True)
class NamePattern:
    """A pattern such as ``{stem}_x{scale}``, checked when it is made.

    Raises:
        UsageError: an unknown field, a brace too many, a path separator, or nothing at all.
    """

    text: str = DEFAULT_PATTERN

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise UsageError("--name is empty; '{stem}_x{scale}' is the usual one.")
        if any(character in self.text for character in _FORBIDDEN):
            raise UsageError(
                f"--name '{self.text}' has a path separator; "
                "it names files only, --output-dir says where they go."
            )
        _pieces(self.text)

    def fill(self, values: NameValues) -> str:
        """Give the name of one result, without its ending.

        Raises:
            UsageError: the name came out as nothing but dots and spaces.
        """
        words = {
            "stem": values.stem,
            "scale": values.scale,
            "width": str(values.target.width),
            "height": str(values.target.height),
            "model": values.model,
            "seed": str(values.seed),
        }
        name = "".join(
            literal + (words[field] if field else "") for literal, field in _pieces(self.text)
        )
        if not name.strip(". "):
            raise UsageError(
                f"--name '{self.text}' makes the name '{name}', which is no file name."
            )
        return name

    def matches(self, stem: str) -> bool:
        """Whether a file called ``stem`` (without ending) could have been named by this pattern."""
        shape = "".join(
            re.escape(literal) + (_FIELD_SHAPES[field] if field else "")
            for literal, field in _pieces(self.text)
        )
        return re.fullmatch(shape, stem, re.DOTALL) is not None


def _pieces(text: str) -> list[tuple[str, str | None]]:
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        raise UsageError(
            f"--name '{text}' has a brace without its partner; {{{{ and }}}} are plain braces."
        ) from error
    for _, field, specification, conversion in parsed:
        if field is not None and (field not in _FIELD_SHAPES or specification or conversion):
            shown = field + (f"!{conversion}" if conversion else "")
            shown += f":{specification}" if specification else ""
            known = ", ".join(_FIELD_SHAPES)
            raise UsageError(f"--name has no field '{{{shown}}}'; the fields are {known}.")
    return [(literal, field) for literal, field, _, _ in parsed]
