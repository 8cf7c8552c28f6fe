"""``scalediff plugins ...``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from scalediff_engine.base.editors import Editor
from scalediff_engine.cli import options
from scalediff_engine.cli.command import CONTEXT_SETTINGS, Command
from scalediff_engine.cli.interrupt import Action, Interrupts

plugins_app = typer.Typer(
    help="Install the plug-ins of Krita and GIMP.",
    rich_markup_mode=None,
    context_settings=CONTEXT_SETTINGS,
)

_Editor = Annotated[
    Editor | None, typer.Argument(metavar="[krita|gimp]", help="Default: each that is found.")
]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@plugins_app.callback()
def plugins() -> None:
    """Install the plug-ins of Krita and GIMP."""


@plugins_app.command(cls=Command)
def install(editor: _Editor = None, home: options.Home = None, json: _Json = False) -> Action:
    """Install the plug-in, or another version of it, and enable it in Krita.

    An editor that is named gets it also if it is not found: where it usually looks. Start the
    editor again afterwards.

    Exit codes: 0 done, 2 no editor was found, 7 a folder cannot be written.
    """

    def act(_: Interrupts) -> int:
        from scalediff_engine.cli.plugins import run_install

        return run_install(editor, home, as_json=json)

    return act


@plugins_app.command(cls=Command)
def status(editor: _Editor = None, json: _Json = False) -> Action:
    """Say how the plug-in is in each editor.

    Exit codes: 0 all is well, 1 a plug-in is broken.
    """

    def act(_: Interrupts) -> int:
        from scalediff_engine.cli.plugins import run_status

        return run_status(editor, as_json=json)

    return act


@plugins_app.command(cls=Command)
def remove(editor: _Editor = None, json: _Json = False) -> Action:
    """Remove the plug-in; images, models and results stay.

    Exit codes: 0 done, or there was none; 7 it cannot be removed.
    """

    def act(_: Interrupts) -> int:
        from scalediff_engine.cli.plugins import run_remove

        return run_remove(editor, as_json=json)

    return act
