"""``scalediff plugins``: the plug-ins of the editors on this computer."""

from __future__ import annotations

import json
from pathlib import Path

from scalediff_engine.base.editors import Editor, Host, find_hosts, this_computer
from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.plugins import State, Status, install, remove, status
from scalediff_engine.cli import streams
from scalediff_engine.cli.streams import one_line
from scalediff_engine.client.places import Places, default_home
from scalediff_engine.server.dialog import remember_command

_BROKEN = 1


def run_install(editor: Editor | None, home: str | None, *, as_json: bool) -> int:
    """Install the plug-in into the editors; gives the exit code.

    Raises:
        UsageError: no editor was found and none was named.
        OutputError: a folder cannot be written.
    """
    hosts = _hosts(editor)
    if not hosts:
        raise UsageError(
            "Neither Krita nor GIMP 3 was found. Start the editor once, or name it to install the "
            "plug-in all the same: scalediff plugins install krita"
        )
    for host in hosts:
        install(host)
        again = "" if editor is None and not host.is_found else f"; start {host.editor.label} again"
        _show(status(host), again, as_json=as_json)
    remember_command(Places(default_home() if home is None else Path(home).absolute()))
    return 0


def run_status(editor: Editor | None, *, as_json: bool) -> int:
    """Show how the plug-in is in each editor; gives the exit code."""
    found = [status(host) for host in _hosts(editor)]
    for each in found:
        _show(each, as_json=as_json)
    if not found and not as_json:
        streams.to_stderr("Neither Krita nor GIMP 3 was found.")
    return _BROKEN if any(each.state is State.BROKEN for each in found) else 0


def run_remove(editor: Editor | None, *, as_json: bool) -> int:
    """Remove the plug-in from the editors; gives the exit code.

    Raises:
        OutputError: it cannot be removed.
    """
    for host in _hosts(editor):
        was_there = remove(host)
        if as_json:
            _show(status(host), as_json=True)
        else:
            streams.to_stdout(f"{host.name}: {'removed' if was_there else 'it was not installed'}")
    return 0


def sentence_of(found: Status) -> str:
    """Return how the plug-in is, with what is wrong and what helps."""
    host = found.host
    if not host.is_found and found.state is State.ABSENT:
        return f"{host.name}: the editor was not found"
    loaded = ", loaded at the last start" if found.is_loaded else ""
    parts = [f"{host.name}: {found.state}{loaded}", *found.problems]
    if found.state is State.BROKEN:
        parts.append(f"`scalediff plugins install {host.editor}` repairs it.")
    return ". ".join(part.removesuffix(".") for part in parts)


def _hosts(editor: Editor | None) -> tuple[Host, ...]:
    if editor is not None:
        return find_hosts(this_computer(), (editor,))
    return tuple(host for host in find_hosts(this_computer()) if host.is_found)


def _show(found: Status, more: str = "", *, as_json: bool) -> None:
    host = found.host
    if as_json:
        facts = {
            "event": "plugin",
            "editor": host.editor,
            "name": host.name,
            "folder": str(host.plugins),
            "is_found": host.is_found,
            "state": found.state,
            "is_loaded": found.is_loaded,
            "problems": found.problems,
        }
        streams.to_stdout(json.dumps(facts))
    else:
        streams.to_stdout(one_line(f"{sentence_of(found)}{more}"))
        if found.state is not State.ABSENT:
            streams.to_stdout(one_line(f"  in {host.plugins}"))
