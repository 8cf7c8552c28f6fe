"""Messages to JSON and back, checked against their annotations."""

from __future__ import annotations

import dataclasses
import json
import sys
import typing
from enum import Enum
from typing import Any, TypeVar, Union

T = TypeVar("T")


class Malformed(ValueError):
    """What came is not the message that was expected; the text says where and why."""


def dumps(message: Any) -> bytes:  # noqa: ANN401 - any of the messages
    """Give a message as JSON in UTF-8.

    Raises:
        Malformed: a text in it is none, such as a file's name that is not UTF-8.
    """
    text = json.dumps(to_object(message), ensure_ascii=False, allow_nan=False)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed("A text has half of a surrogate pair in it.") from error


def to_object(value: Any) -> Any:  # noqa: ANN401 - any of the messages
    """Give a message as what JSON is made of."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_object(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [to_object(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_object(item) for key, item in value.items()}
    return value


def loads(kind: type[T], data: bytes) -> T:
    """Read a message.

    Raises:
        Malformed: no JSON, or not this message.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"This is no JSON: {error}.") from error
    return from_object(kind, found)


def from_object(kind: type[T], found: Any) -> T:  # noqa: ANN401 - whatever JSON holds
    """Turn what JSON is made of into a message; fields that nobody knows are passed over.

    Raises:
        Malformed: a field is missing, or not what it should be.
    """
    return typing.cast("T", _read(kind, found, kind.__name__))


def _read(kind: Any, found: Any, where: str) -> Any:  # noqa: ANN401
    if dataclasses.is_dataclass(kind):
        return _read_message(kind, found, where)
    origin = typing.get_origin(kind)
    if origin is Union:
        inner = next(part for part in typing.get_args(kind) if part is not type(None))
        return None if found is None else _read(inner, found, where)
    if origin is list:
        _require(isinstance(found, list), where, "a list")
        (inner,) = typing.get_args(kind)
        return [_read(inner, item, f"{where}[{i}]") for i, item in enumerate(found)]
    if origin is dict:
        _require(isinstance(found, dict), where, "an object")
        _, inner = typing.get_args(kind)
        return {str(key): _read(inner, item, f"{where}.{key}") for key, item in found.items()}
    if issubclass(kind, Enum):
        words = [member.value for member in kind]
        _require(found in words, where, "one of " + ", ".join(words))
        return kind(found)
    return _read_plain(kind, found, where)


def _read_plain(kind: Any, found: Any, where: str) -> Any:  # noqa: ANN401
    number = isinstance(found, (int, float)) and not isinstance(found, bool)
    if kind is float:
        _require(number and abs(found) <= sys.float_info.max, where, "a number")
        return float(found)
    if kind is int:
        whole = number and (isinstance(found, int) or found.is_integer())
        _require(whole, where, "a whole number")
        return int(found)
    _require(isinstance(found, kind), where, "text" if kind is str else "true or false")
    return found


def _read_message(kind: Any, found: Any, where: str) -> Any:  # noqa: ANN401
    _require(isinstance(found, dict), where, "an object")
    hints = typing.get_type_hints(kind)
    values = {}
    for f in dataclasses.fields(kind):
        if f.name in found:
            values[f.name] = _read(hints[f.name], found[f.name], f"{where}.{f.name}")
        elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            raise Malformed(f"{where}.{f.name} is missing.")
    return kind(**values)


def _require(holds: bool, where: str, what: str) -> None:
    if not holds:
        raise Malformed(f"{where} is not {what}.")
