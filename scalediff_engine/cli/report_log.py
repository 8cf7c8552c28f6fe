"""Events of a run in the log, beside what the user sees of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scalediff_engine.cli.events import Advanced, Event, Failed, Loading, Planned
from scalediff_engine.cli.logs import SHOWN
from scalediff_engine.cli.report_json import json_object

if TYPE_CHECKING:
    from scalediff_engine.cli.report import Reporter

_log = logging.getLogger(__name__)


class LogReporter:
    """Logs each event, and passes it on.

    Args:
        reporter: shows the events to the user
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def tell(self, event: Event) -> None:
        """Log and pass on one event."""
        level = logging.DEBUG if isinstance(event, Advanced) else logging.INFO
        # the reporter shows the others
        extra = {SHOWN: not isinstance(event, Planned | Loading)}
        fields = json_object(event)
        words = " ".join(f"{key}={value}" for key, value in fields.items() if key != "event")
        _log.log(level, "%s %s", fields["event"], words, extra=extra)
        if isinstance(event, Failed):
            _log.debug("traceback", exc_info=event.failure.error)
        self._reporter.tell(event)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._reporter.close()
