"""``docs/wire.md`` and the code say the same."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from engine_server import fake_engine

from scalediff_engine.base import errors
from scalediff_engine.client import batches, messages, pixels
from scalediff_engine.server import problems
from scalediff_engine.server.problems import create_app

PAGE = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")
KINDS: list[type[Any]] = [
    kind
    for module in (messages, batches)
    for kind in vars(module).values()
    if inspect.isclass(kind) and kind.__module__ == module.__name__
]
MESSAGES = [*(kind for kind in KINDS if dataclasses.is_dataclass(kind)), pixels.PixelHeader]
ENUMS = [kind for kind in KINDS if issubclass(kind, Enum)]


def section(title: str) -> str:
    """What stands under a title, up to the next."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, f"the page has no section {title}"
    return found[1]


def rows(text: str, header: str) -> list[list[str]]:
    """The cells of the table that begins with a header."""
    _, found, rest = text.partition(f"| {header} |")
    assert found, f"there is no table {header}"
    lines = rest.partition("\n\n")[0].splitlines()[2:]
    return [
        [cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
    ]


def default_of(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        value = field.default
        return json.dumps(value.value if isinstance(value, Enum) else value)
    if field.default_factory is not dataclasses.MISSING:
        return "[]" if field.default_factory() == [] else "{}"
    return ""


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_the_page_has_each_field_of_each_message(kind: type[Any]) -> None:
    told = rows(section(f"`{kind.__name__}`"), "field | type | default | what it is")
    assert [row[:3] for row in told] == [
        [field.name, str(field.type), default_of(field)] for field in dataclasses.fields(kind)
    ]
    assert not [row[0] for row in told if not row[3]]


@pytest.mark.parametrize("kind", ENUMS, ids=lambda kind: kind.__name__)
def test_the_page_has_each_word(kind: type[Enum]) -> None:
    told = rows(section(f"`{kind.__name__}`"), "value")
    assert [row[0] for row in told] == [member.value for member in kind]


def test_the_page_has_no_message_and_no_word_that_does_not_exist() -> None:
    told = set(re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE))
    assert told == {kind.__name__ for kind in (*MESSAGES, *ENUMS)}


def test_the_page_has_each_route_with_its_success(tmp_path: Path) -> None:
    document = create_app(fake_engine(tmp_path)).openapi()
    routes = {
        (method.upper(), path, min(filter(_is_success, operation["responses"])))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    table = rows(section("Endpoints"), "method | path | body | success | answer")
    told = {(row[0], row[1], row[3]) for row in table}
    assert told == routes
    assert len(table) == len(told)


def test_each_route_documents_each_refusal(tmp_path: Path) -> None:
    document = create_app(fake_engine(tmp_path)).openapi()
    refusals = {str(status) for status in problems.DOCUMENTED}
    for operations in document["paths"].values():
        for operation in operations.values():
            told = {status for status in operation["responses"] if not _is_success(status)}
            assert told == refusals


def test_the_page_has_each_status_of_a_refusal() -> None:
    told = rows(section("Endpoints"), "status | when")
    assert {int(row[0]): row[1] for row in told} == problems.DOCUMENTED


def test_the_page_has_each_code_with_its_status() -> None:
    told = rows(section("Endpoints"), "code | status | when")
    expected = {
        kind.code: str(problems.status_of(kind(""))) for kind in _all(errors.ScaleDiffError)
    }
    assert {row[0]: row[1] for row in told} == expected
    assert len(told) == len(expected)


def test_the_page_speaks_of_this_version_and_these_limits() -> None:
    assert f"the version of the wire, `{messages.PROTOCOL}`" in PAGE
    assert messages.PROTOCOL_HEADER in section("The way in")
    told = section("Pixels")
    for value in (
        pixels.MEDIA_TYPE,
        pixels.MAX_HEADER_BYTES,
        pixels.MAX_SIDE,
        pixels.MAGIC.decode(),
    ):
        assert str(value) in told


def _is_success(status: str) -> bool:
    return status.startswith("2")


def _all(kind: type[errors.ScaleDiffError]) -> Iterator[type[errors.ScaleDiffError]]:
    yield kind
    for narrower in kind.__subclasses__():
        if narrower.__module__ == errors.__name__:
            yield from _all(narrower)
