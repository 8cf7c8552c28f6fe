"""``scalediff serve``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from scalediff_engine.cli import options
from scalediff_engine.cli.interrupt import Action, Interrupts


def serve(
    port: Annotated[int, typer.Option(metavar="N", help="On 127.0.0.1; 0 = one that is free.")] = 0,
    idle_minutes: Annotated[
        float, typer.Option(metavar="N", help="Ends when idle for so long; 0 = never.")
    ] = 30.0,
    home: options.Home = None,
    log_level: Annotated[
        str,
        typer.Option(
            metavar="LEVEL",
            help="debug, info, warning or error.",
            autocompletion=lambda: list(options.LOG_LEVELS),
        ),
    ] = "info",
) -> Action:
    """Run the engine that editors and dialogs talk to; they also start it by themselves.

    It listens on this computer alone, and only to programs of this user.

    Exit codes: 0 it was told to end, or had nothing to do; 8 it cannot run here; 9 there is one
    already.
    """

    def act(_: Interrupts) -> int:
        from scalediff_engine.cli.serve import run_serve

        return run_serve(port, idle_minutes, home, log_level)

    return act
