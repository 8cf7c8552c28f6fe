"""Who tells the user what happens: a bar for people, lines for logs, JSON for programs.

Standard output carries results' paths only (or, with ``--json``, one object a line; or the table of
``--dry-run``); everything else goes to standard error.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import NamedTuple, Protocol

from scalediff_engine.cli.events import Event


class Reporter(Protocol):
    """Hears of every event of a run, in order."""

    def tell(self, event: Event) -> None:
        """Pass on one event."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was, wherever the run stopped."""
        ...


class Reporting(NamedTuple):
    """How the user wants to hear of it.

    Attributes:
        json: one object a line
        quiet: no progress
        print0: the paths of results end with NUL
        has_paths: results' paths go to standard output; not where a result itself goes there
    """

    json: bool = False
    quiet: bool = False
    print0: bool = False
    has_paths: bool = True


def make_reporter(reporting: Reporting) -> Reporter:
    """Return the reporter for these options and this terminal."""
    reporter = _make_reporter(reporting)
    if logging.getLogger("scalediff_engine").isEnabledFor(logging.DEBUG):
        from scalediff_engine.cli.report_json import LogReporter

        return LogReporter(reporter)
    return reporter


def _make_reporter(reporting: Reporting) -> Reporter:
    if reporting.json:
        from scalediff_engine.cli.report_json import JsonReporter

        return JsonReporter(quiet=reporting.quiet)
    from scalediff_engine.cli.report_text import PlainReporter

    path_end = "\0" if reporting.print0 else "\n"
    end = path_end if reporting.has_paths else None
    if reporting.quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return PlainReporter(quiet=reporting.quiet, path_end=end)
    from scalediff_engine.cli.report_text import BarReporter

    return BarReporter(path_end=end)
