"""``scalediff doctor``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from scalediff_engine.cli import options
from scalediff_engine.cli.interrupt import Action, Interrupts


def doctor(
    bundle: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Pack logs and facts for a report into this zip file."),
    ] = None,
    home: options.Home = None,
    json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> Action:
    """Say how things stand: device, memory, engine, models, folders.

    A bundle holds logs, versions, the device and the jobs' settings; it leaves out prompts, titles,
    names of people and computers, and the folders that they live in.

    Exit codes: 0 all is well; 7 the bundle cannot be written; 8 something is wrong with the engine.
    """

    def act(_: Interrupts) -> int:
        from scalediff_engine.cli.doctor import run_doctor

        return run_doctor(bundle, home, json=json)

    return act
