"""Defaults of options from the environment and from a file.

The command line goes before the environment, the environment before the file, and the file before
what is built in. An option's key is its long name without dashes: ``max-memory`` in the file,
``SCALEDIFF_MAX_MEMORY`` in the environment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

from scalediff_engine.base.errors import UsageError

PREFIX = "SCALEDIFF_"
FILE_VARIABLE = "SCALEDIFF_CONFIG"

YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off"})

# Options whose variables are read where they are needed, with rules of their own.
READ_ELSEWHERE = frozenset({"home", "theme"})

# Options of which one excludes the others: a default gives way to any of them that goes before it.
EXCLUSIVE = (
    frozenset({"scale", "size"}),
    frozenset({"output", "output-dir"}),
    frozenset({"overwrite", "skip-existing"}),
    frozenset({"json", "print0"}),
    frozenset({"quiet", "verbose"}),
    frozenset({"session", "recent", "models", "welcome", "pictures"}),
)


@dataclass(frozen=True)
class OptionSpec:
    """An option, as far as a default for it has to be understood.

    Attributes:
        key: its long name without dashes
        is_flag: on or off
        is_list: may be repeated
    """

    key: str
    is_flag: bool = False
    is_list: bool = False

    @property
    def variable(self) -> str:
        """Name of the environment variable."""
        return PREFIX + self.key.upper().replace("-", "_")


class Default(NamedTuple):
    """A value, and the variable or the file that it is from."""

    value: object
    origin: str


def find_defaults(
    command: str,
    options: Collection[OptionSpec],
    given: Collection[str],
    environ: Mapping[str, str],
    file: Mapping[str, Any],
    file_name: str,
) -> dict[str, Default]:
    """Return the default of each option that has one.

    Args:
        command: its table in the file goes before the file's top level
        options: of the command
        given: keys on the command line
        environ: the environment; an empty variable counts as none
        file: see ``read_file``
        file_name: for error messages

    Raises:
        UsageError: a value of the wrong type.
    """
    from_environment = {
        option.key: Default(_from_variable(option, environ[option.variable]), option.variable)
        for option in options
        if environ.get(option.variable) and option.key not in READ_ELSEWHERE
    }
    known = {option.key: option for option in options}
    table = {key: value for key, value in file.items() if not isinstance(value, dict)}
    table |= file.get(command, {})
    from_file = {
        key: Default(_from_file(known[key], value, file_name), file_name)
        for key, value in table.items()
        if key in known and not (key in READ_ELSEWHERE and environ.get(known[key].variable))
    }
    found: dict[str, Default] = {}
    stronger = set(given)
    for layer in (from_environment, from_file):
        taken = {key: value for key, value in layer.items() if not _excluded(key, stronger)}
        found |= taken
        stronger |= taken.keys()
    return found


def read_file(file: Path, keys: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """Read a TOML file: keys of any command, and a table of keys for a command.

    Args:
        file: the file
        keys: of the options of each command

    Raises:
        UsageError: it cannot be read, is no TOML, or has an unknown key.
    """
    import tomllib

    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"Cannot read {file}: {reason}.") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is not valid TOML: {error}.") from error
    every = frozenset[str]().union(*keys.values())
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            if key not in keys:
                raise _unknown(f"[{key}]", "table", key, keys, file)
            inner = cast("dict[str, Any]", value)
            found[key] = _checked(inner, keys[key], file, f" in [{key}]")
        else:
            found |= _checked({key: value}, every, file, "")
    return found


def default_file() -> Path:
    """Return the file that is read unless another one is named; it need not exist."""
    import platformdirs

    return Path(platformdirs.user_config_dir("scalediff", appauthor=False)) / "config.toml"


def _checked(
    table: Mapping[str, Any], keys: Collection[str], file: Path, place: str
) -> dict[str, Any]:
    found = {key.replace("_", "-"): value for key, value in table.items()}
    for key in found:
        if key not in keys:
            raise _unknown(f'"{key}"{place}', "key", key, keys, file)
    return found


def _unknown(shown: str, what: str, key: str, known: Collection[str], file: Path) -> UsageError:
    import difflib

    close = difflib.get_close_matches(key, known, 1)
    guess = f' Did you mean "{close[0]}"?' if close else " See --help for the options."
    return UsageError(f"{file} has an unknown {what} {shown}.{guess}")


def _excluded(key: str, stronger: Collection[str]) -> bool:
    return key in stronger or any(
        key in group and not group.isdisjoint(stronger) for group in EXCLUSIVE
    )


def _from_variable(option: OptionSpec, text: str) -> object:
    if option.is_flag:
        word = text.strip().lower()
        if word not in YES | NO:
            raise UsageError(f'{option.variable} is "{text}"; set it to 1 or 0.')
        return word in YES
    # a path may hold any other separator
    return text.splitlines() if option.is_list else text


def _from_file(option: OptionSpec, value: object, file: str) -> object:
    if option.is_flag is not isinstance(value, bool):
        kind = "true or false" if option.is_flag else "a number or a string"
        raise UsageError(f'{file}: "{option.key}" must be {kind}.')
    if option.is_list:
        items = cast("list[object]", value) if isinstance(value, list) else [value]
        return [str(item) for item in items]
    if not isinstance(value, bool | int | float | str):
        raise UsageError(f'{file}: "{option.key}" must be a number or a string.')
    return value if isinstance(value, bool) else str(value)
