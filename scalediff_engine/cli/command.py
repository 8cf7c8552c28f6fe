"""A command of the program: sections in its help, defaults, and options that all commands have."""

# ruff: noqa: ANN401 - typer's own types of contexts and parameters are private

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from scalediff_engine.base.errors import UsageError
from scalediff_engine.cli.defaults import (
    FILE_VARIABLE,
    Default,
    OptionSpec,
    default_file,
    find_defaults,
    read_file,
)
from scalediff_engine.cli.interrupt import Action, Interrupts

GENERAL = "General"
CONTEXT_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"]}

# these name the file itself, belong to one call, or are no settings
_NEVER_DEFAULTS = frozenset(
    {"help", "config", "no-config", "session", "install-completion", "show-completion"}
)


class Command(TyperCommand):
    """A command with ``-h``, ``-v``, ``--log-file`` and ``--config`` that returns an ``Action``."""

    def __init__(self, name: str | None, **settings: Any) -> None:
        settings["context_settings"] = CONTEXT_SETTINGS | (settings.get("context_settings") or {})
        settings["params"] = [*(settings.get("params") or ()), *_general_params()]
        super().__init__(name, **settings)

    def options(self) -> dict[str, OptionSpec]:
        """Return the options that can have a default elsewhere, by the names of parameters."""
        found: dict[str, OptionSpec] = {}
        for param in self.params:
            key = _key(param)
            if param.param_type_name == "option" and key not in _NEVER_DEFAULTS:
                is_flag = bool(getattr(param, "is_flag", False))
                found[param.name] = OptionSpec(key, is_flag, bool(getattr(param, "multiple", 0)))
        return found

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, with the defaults of the environment and of the file.

        Raises:
            UsageError: one of these makes no sense.
        """
        given: dict[str, Any] = {}
        if not ctx.resilient_parsing:
            opts, _, _ = self.make_parser(ctx).parse_args(args=list(args))
            given = {name: value for name, value in opts.items() if value not in (None, (), [])}
        if ctx.resilient_parsing or "help" in given:
            return super().parse_args(ctx, args)
        options = self.options()
        defaults = self._defaults(ctx, given, options)
        ctx.meta[__name__] = defaults
        names = {option.key: name for name, option in options.items()}
        ctx.default_map = {names[key]: default.value for key, default in defaults.items()}
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            name = "" if error.param is None else error.param.name
            if name in ctx.default_map and name not in given:
                key = options[name].key
                reason = f"{error.message.rstrip('.')} (--{key})."
                raise UsageError(f"{defaults[key].origin}: {reason}") from error
            raise

    def invoke(self, ctx: Any) -> Run:
        """Return what there is to do."""
        general = {param.name: ctx.params.pop(param.name) for param in _general_params()}
        defaults: Mapping[str, Default] = ctx.meta[__name__]
        try:
            action: Action = super().invoke(ctx)
        except UsageError as error:
            raise UsageError(_with_origin(str(error), defaults)) from error
        return Run(
            action,
            is_json=bool(ctx.params.get("json")),
            verbosity=general["verbose"],
            log_file=None if general["log_file"] is None else Path(general["log_file"]),
            origins={key: default.origin for key, default in defaults.items()},
        )

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options in sections: typer does so with rich alone, which is slow to import."""
        general = {"help", *(param.name for param in _general_params())}
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            name, words = record
            section = getattr(param, "rich_help_panel", None) or "Options"
            if param.name in general:
                section = GENERAL
            if param.param_type_name == "argument":
                section, name = "Arguments", name.split(" <")[0]  # no types of Python
            sections.setdefault(section, []).append((name, words))
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def _defaults(
        self, ctx: Any, given: Mapping[str, Any], options: Mapping[str, OptionSpec]
    ) -> dict[str, Default]:
        keys = {_key(param) for param in self.params if param.name in given}
        file = _file(given, os.environ)
        table = {} if file is None else read_file(file, _keys_of_commands())
        command = ctx.command_path.split()[1:2]  # "scalediff upscale", "scalediff bench speed"
        name = command[0] if command else str(self.name)
        return find_defaults(name, options.values(), keys, os.environ, table, str(file))


@dataclass(frozen=True)
class Run:
    """What a command line came to: an action, and how to report it.

    Attributes:
        action: does it and returns the exit code
        is_json: the user wants JSON
        verbosity: how often ``-v`` was given
        log_file: file for the log, or None
        origins: variable or file of each option that was set there
    """

    action: Action
    is_json: bool = False
    verbosity: int = 0
    log_file: Path | None = None
    origins: Mapping[str, str] = field(default_factory=dict[str, str])

    def __call__(self, interrupts: Interrupts) -> int:
        """Do it; returns the exit code."""
        if not self.verbosity and self.log_file is None:
            return self.action(interrupts)
        from scalediff_engine.cli.logs import logging_to

        with logging_to(self.verbosity, self.log_file, sys.argv[1:], self.origins):
            return self.action(interrupts)


def _general(
    verbose: Annotated[
        int,
        typer.Option(
            "-v", "--verbose", count=True, show_default=False, help="Say more; -vv: all details."
        ),
    ] = 0,
    log_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Append a detailed log to this file.")
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Read defaults from this TOML file, not from the usual."),
    ] = None,
    no_config: Annotated[
        bool, typer.Option("--no-config", help="Read no defaults from a file.")
    ] = False,
) -> None:
    """Hold the options that every command has."""


@cache
def _general_params() -> tuple[Any, ...]:
    app = typer.Typer(add_completion=False)
    app.command()(_general)
    return tuple(get_command(app).params)


def _keys_of_commands() -> dict[str, set[str]]:
    from scalediff_engine.cli.app import app

    def keys(command: Any) -> set[str]:
        if isinstance(command, Command):
            return {option.key for option in command.options().values()}
        return set[str]().union(*map(keys, command.commands.values()))

    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return {name: keys(command) for name, command in group.commands.items()}


def _file(given: Mapping[str, Any], environ: Mapping[str, str]) -> Path | None:
    """Return the file of defaults; None = none is wanted, or the usual one does not exist.

    Raises:
        UsageError: a file was named, and none is wanted.
    """
    named = given.get("config")
    if given.get("no_config"):
        if named is not None:
            raise UsageError("--config and --no-config cannot be used together.")
        return None
    named = named or environ.get(FILE_VARIABLE)
    if named is not None:
        return Path(named)
    usual = default_file()
    return usual if usual.is_file() else None


def _key(param: Any) -> str:
    """Return an option's long name without dashes; an argument's name."""
    longest = max(param.opts, key=len, default=str(param.name))
    return longest.lstrip("-")


def _with_origin(sentence: str, defaults: Mapping[str, Default]) -> str:
    """Say where the value of an option is from that a sentence speaks of."""
    words = {word.strip(".,;:()'\"") for word in sentence.split()}
    origins = [d.origin for key, d in defaults.items() if f"--{key}" in words]
    return f"{sentence} (Set in {', '.join(dict.fromkeys(origins))}.)" if origins else sentence
