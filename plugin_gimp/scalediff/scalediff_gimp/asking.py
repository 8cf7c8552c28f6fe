"""Questions with a window of their own; asked only where the user started it."""

from __future__ import annotations

from typing import Any

import gi

from .plugin_common.words import Words
from .waiting import NotInstalled


def convert_indexed(say: Words) -> bool:
    """Ask whether an indexed image may become RGB."""
    gtk = _gtk()
    box = _box(
        gtk,
        gtk.MessageType.QUESTION,
        say("This image has indexed colors, and a result has more than they are."),
        say("Convert it to RGB when the result is inserted? Undo takes that back too."),
    )
    box.add_button(say("Cancel"), gtk.ResponseType.CANCEL)
    box.add_button(say("Convert to RGB"), gtk.ResponseType.OK)
    box.set_default_response(gtk.ResponseType.OK)
    return _answer(gtk, box) == gtk.ResponseType.OK


def try_again(problem: NotInstalled, say: Words) -> bool:
    """Say how the engine is installed; gives whether to try again."""
    gtk = _gtk()
    box = _box(
        gtk,
        gtk.MessageType.INFO,
        say("ScaleDiff works with a program of its own, which is not installed yet."),
        say(
            "Install it once; the instructions take a few minutes. Then try again: it is "
            "found and started by itself.\n\n{problem}",
            problem=str(problem),
        )
        + "\n\n"
        + INSTRUCTIONS,
    )
    box.add_button(say("Close"), gtk.ResponseType.CLOSE)
    box.add_button(say("Try Again"), gtk.ResponseType.OK)
    box.set_default_response(gtk.ResponseType.OK)
    return _answer(gtk, box) == gtk.ResponseType.OK


# Commands are the same in every language.
INSTRUCTIONS = "cd scalediff\npython3 installer/run.py serve"


def _gtk() -> Any:
    gi.require_version("GimpUi", "3.0")
    gi.require_version("Gtk", "3.0")
    from gi.repository import GimpUi, Gtk

    GimpUi.init("scalediff")
    return Gtk


def _box(gtk: Any, kind: Any, text: str, more: str) -> Any:
    box = gtk.MessageDialog(message_type=kind, buttons=gtk.ButtonsType.NONE, text=text)
    box.format_secondary_text(more)
    box.set_title("ScaleDiff")
    box.set_keep_above(True)
    for child in box.get_message_area().get_children():
        child.set_selectable(True)
    return box


def _answer(gtk: Any, box: Any) -> Any:
    try:
        return box.run()
    finally:
        box.destroy()
        while gtk.events_pending():
            gtk.main_iteration()
