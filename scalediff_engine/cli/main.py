"""The outermost layer: whatever happens inside, one sentence and an exit code come out."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from scalediff_engine import __version__
from scalediff_engine.base.errors import ScaleDiffError, UsageError
from scalediff_engine.cli import streams
from scalediff_engine.cli.defaults import YES
from scalediff_engine.cli.interrupt import EXIT_CODE, Answer, Interrupts
from scalediff_engine.models.environment import hush_libraries, share_the_processor

if TYPE_CHECKING:
    from scalediff_engine.cli.app import Action

EXIT_STDOUT_CLOSED = 141  # what a shell reports for a program that SIGPIPE ended


def run() -> None:
    """Run the program with the process's own arguments and end the process."""
    arguments = sys.argv[1:]
    as_json = "--json" in arguments or os.environ.get("SCALEDIFF_JSON", "0") in YES
    interrupts = Interrupts(before_leaving=lambda: _last_words(as_json), announce=_announce)
    interrupts.install()
    streams.prepare()
    hush_libraries()
    share_the_processor()
    _hide_late_interrupts()
    code = run_guarded(arguments, interrupts, as_json=as_json)
    interrupts.answer = Answer.IGNORE  # the interpreter's own end prints tracebacks if disturbed
    sys.exit(code)


def run_guarded(arguments: list[str], interrupts: Interrupts, *, as_json: bool) -> int:
    """Parse and act; gives the exit code of whatever came of it."""
    try:
        action = parse(arguments)
        as_json = as_json or getattr(action, "is_json", False)
        return action(interrupts)
    except streams.StdoutClosed:
        streams.abandon_stdout()
        return EXIT_STDOUT_CLOSED
    except KeyboardInterrupt:
        _last_words(as_json)
        return EXIT_CODE
    except ScaleDiffError as error:
        return _refuse(error, as_json)
    except Exception as error:  # noqa: BLE001 - the outermost layer
        if interrupts.happened:  # a library turned the interrupt into an error of its own
            _last_words(as_json)
            return EXIT_CODE
        from scalediff_engine.cli.logs import crash_error

        return _refuse(crash_error(error, arguments), as_json)


def parse(arguments: list[str]) -> Action:
    """Turn arguments into what is to be done.

    Raises:
        UsageError: the arguments make no sense.
    """
    if arguments[:1] in (["--version"], ["-V"]):
        return _show_version
    import typer  # here, after the interrupt handler stands
    from typer.core import TyperGroup
    from typer.main import get_command

    from scalediff_engine.cli.app import app

    command, words, name = get_command(app), arguments or ["--help"], "scalediff"
    if isinstance(command, TyperGroup) and words[0] in command.commands:
        # straight to the command: the group would import pydantic (100 ms) for its own --help
        name = f"scalediff {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    try:
        outcome = command.main(args=words, prog_name=name, standalone_mode=False)
    except typer.TyperException as error:
        raise UsageError(_parser_sentence(error.format_message())) from error
    if callable(outcome):
        return cast("Action", outcome)
    code = outcome if isinstance(outcome, int) else 0
    return lambda _: code  # --help and --version have done all there is


def _show_version(_: Interrupts) -> int:
    streams.to_stdout(f"scalediff {__version__}")
    return 0


def _parser_sentence(message: str) -> str:
    message = " ".join(message.split()).rstrip(".")
    end = "" if message.endswith("?") else "."
    return f"{message}{end} See --help."


def _refuse(error: ScaleDiffError, as_json: bool) -> int:
    """Report an error that ends the whole run."""
    from scalediff_engine.cli.events import Failed, Failure, Summary
    from scalediff_engine.cli.report import Reporting, make_reporter

    failure = Failure(None, error)
    reporter = make_reporter(Reporting(json=as_json, quiet=True))
    try:
        reporter.tell(Failed(failure, batch=False))
        reporter.tell(
            Summary(
                total=0,
                planned=0,
                done=0,
                skipped=0,
                failures=(failure,),
                seconds=0.0,
                exit_code=error.exit_code,
            )
        )
    except (streams.StdoutClosed, ScaleDiffError):
        streams.abandon_stdout()
    return error.exit_code


def _last_words(as_json: bool) -> None:
    """Say that the user stopped it; below Python's streams, which may be in the midst of a line."""
    try:
        if as_json:
            from scalediff_engine.cli.events import Summary
            from scalediff_engine.cli.report_json import json_line

            nothing = Summary(0, 0, 0, 0, (), 0.0, EXIT_CODE, cancelled=True)
            os.write(1, json_line(nothing).encode() + b"\n")
        _write_line(b"scalediff: Cancelled.\n")
    except OSError:
        pass


def _announce() -> None:
    """Say that the work is about to stop; below Python's streams, and from any thread."""
    with suppress(OSError):
        _write_line(b"scalediff: Stopping after this step; press Ctrl-C again to stop at once.\n")


def _write_line(line: bytes) -> None:
    clear = b"\r" + b" " * 78 + b"\r" if os.isatty(2) else b""
    os.write(2, clear + line)


def _hide_late_interrupts() -> None:
    """Keep quiet about interrupts where Python can only print; ``Interrupts`` remembers them."""
    shown = sys.unraisablehook

    def hide_interrupts(problem: sys.UnraisableHookArgs) -> None:
        if problem.exc_type is not KeyboardInterrupt:
            shown(problem)

    sys.unraisablehook = hide_interrupts
