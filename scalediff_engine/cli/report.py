"""Who tells the user what happens: a bar for people, lines for logs, JSON for programs.

Standard output carries results' paths only (or, with ``--json``, one object a line; or the table of
``--dry-run``); everything else goes to standard error.
"""

from __future__ import annotations

import os
import sys
from typing import Protocol

from scalediff_engine.cli.events import Event


class Reporter(Protocol):
    """Hears of every event of a run, in order."""

    def tell(self, event: Event) -> None:
        """Pass on one event."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was, wherever the run stopped."""
        ...


def make_reporter(*, json: bool, quiet: bool) -> Reporter:
    """Give the reporter for these options and this terminal."""
    if json:
        from scalediff_engine.cli.report_json import JsonReporter

        return JsonReporter(quiet=quiet)
    from scalediff_engine.cli.report_plain import PlainReporter

    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return PlainReporter(quiet=quiet)
    from scalediff_engine.cli.report_bar import BarReporter

    return BarReporter()
