"""ScaleDiff as a plug-in of GIMP: which procedures there are, and what happens when one runs."""

from __future__ import annotations

import dataclasses
import traceback
from contextlib import suppress
from typing import Any

from gi.repository import Gimp, GLib, GObject

from . import arguments, procedures, upscaling
from .checked import Complaint, GivenUp
from .client import codec, start
from .client.messages import UpscaleSettings
from .plugin_common.placement import Canvas
from .plugin_common.words import Words
from .procedures import IN_PLACE, IN_PLACE_SCALE, RECENT, REPEAT, UPSCALE, VISIBLE
from .status_bar import StatusBar
from .upscaling import Call, Outcome
from .waiting import LeftAlone
from .wishes import Wishes, from_arguments, to_arguments

_SETTINGS = (
    "scale",
    "model",
    "prompt",
    "negative",
    "preset",
    "creativity",
    "structure",
    "seed",
    "settings",
)
_Status = Gimp.PDBStatusType


class ScaleDiff(Gimp.PlugIn):
    """See ``procedures`` for what it can do."""

    def do_set_i18n(self, _name: str) -> bool:
        """Say that the words are translated here."""
        return False

    def do_query_procedures(self) -> list[str]:
        """Name the procedures."""
        return list(procedures.ALL)

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        """Describe a procedure."""
        say, told = _words(), procedures.ALL[name]
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, _run, say)
        procedure.set_image_types("RGB*, GRAY*, INDEXED*" if told.needs_image else "*")
        mask = Gimp.ProcedureSensitivityMask
        procedure.set_sensitivity_mask(
            mask.DRAWABLE | mask.DRAWABLES | mask.NO_DRAWABLES if told.needs_image else mask.ALWAYS
        )
        procedure.set_menu_label(say(told.label))
        procedure.add_menu_path(procedures.MENU)
        procedure.set_documentation(say(told.blurb), say(told.help), name)
        procedure.set_attribution("ScaleDiff", "Apache License 2.0", "2026")
        told.add_arguments(procedure, say)
        arguments.add_answers(procedure, say)
        return procedure


def _run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Any,
    drawables: Any,
    config: Gimp.ProcedureConfig,
    say: Any = None,
) -> Any:
    """Do what a procedure is for; whatever goes wrong becomes its error."""
    say = say or _words()
    bar = StatusBar(say("Starting ScaleDiff..."))  # first of all: a sign of life
    # what GIMP refuses is said here, in the words of what was to be done
    procedure.get_plug_in().set_pdb_error_handler(Gimp.PDBErrorHandler.PLUGIN)
    call = Call(
        image,
        list(drawables or ()),
        say,
        start.connect,
        bar,
        with_dialogs=run_mode == Gimp.RunMode.INTERACTIVE,
        may_convert=bool(config.get_property("convert-indexed")),
        visible=procedure.get_name() == VISIBLE,
        was_shown=image is not None and upscaling.is_shown(image),
    )
    try:
        outcome = _outcome(procedure.get_name(), call, run_mode, config)
    except GivenUp:
        return procedure.new_return_values(_Status.CANCEL, None)
    except LeftAlone:
        Gimp.message(say("The upscale goes on by itself. Insert Recent Result will have it."))
        return procedure.new_return_values(_Status.CANCEL, None)
    except Complaint as reason:
        return procedure.new_return_values(_Status.EXECUTION_ERROR, GLib.Error(reason.said(say)))
    except Exception as error:  # noqa: BLE001 - GIMP would not say that there was one
        traceback.print_exc()
        told = say("The plug-in failed: {error}.", error=repr(error))
        return procedure.new_return_values(_Status.EXECUTION_ERROR, GLib.Error(told))
    if outcome.inserted.is_new and call.with_dialogs:
        with suppress(TypeError):  # GIMP has no windows
            Gimp.Display.new(outcome.inserted.image)
    Gimp.displays_flush()
    for note in outcome.notes if call.with_dialogs else ():
        Gimp.message(note)
    answer = procedure.new_return_values(_Status.SUCCESS, None)
    _put(answer, 1, outcome.inserted.image)
    _put(answer, 2, outcome.inserted.layers[0])
    return answer


def _outcome(
    name: str, call: Call, run_mode: Gimp.RunMode, config: Gimp.ProcedureConfig
) -> Outcome:
    interactive = run_mode == Gimp.RunMode.INTERACTIVE
    if name == RECENT:
        if not interactive:
            raise Complaint(call.say("Insert Recent Result needs a user: run it interactively."))
        return upscaling.insert_recent(call)
    if name == REPEAT:
        last = upscaling.recall_newest((UPSCALE, VISIBLE, IN_PLACE))
        if last is None:
            raise Complaint(call.say("Nothing was upscaled yet that could be repeated."))
        which, wishes = last
        return upscaling.repeat(dataclasses.replace(call, visible=which == VISIBLE), wishes)
    if not interactive:
        return upscaling.upscale(*_told(name, call, config))
    in_place = name == IN_PLACE
    begin = upscaling.recall(name)
    if begin is None and in_place:
        begin = Wishes(UpscaleSettings(scale=IN_PLACE_SCALE), Canvas.IN_PLACE)
    outcome = upscaling.upscale_by_dialog(call, begin, Canvas.IN_PLACE if in_place else None)
    if outcome.wishes is not None:
        upscaling.keep(name, outcome.wishes)
        _tell_gimp(config, name, outcome.wishes)
    return outcome


def _told(name: str, call: Call, config: Gimp.ProcedureConfig) -> tuple[Call, Wishes]:
    """Read what a script wants."""
    try:
        settings = from_arguments(arguments.values_of(config, _SETTINGS))
    except (ValueError, codec.Malformed) as error:
        raise Complaint(str(error)) from error
    if name == IN_PLACE:
        return call, Wishes(settings, Canvas.IN_PLACE)
    visible = call.visible or config.get_property("source") == "visible"
    canvas = Canvas(config.get_property("canvas"))
    return dataclasses.replace(call, visible=visible), Wishes(settings, canvas)


def _tell_gimp(config: Gimp.ProcedureConfig, name: str, wishes: Wishes) -> None:
    """Let GIMP remember what was chosen, for runs with the last values."""
    for argument, value in to_arguments(wishes.settings).items():
        config.set_property(argument, value)
    if name != IN_PLACE:
        config.set_property("canvas", wishes.canvas.value)


def _put(answer: Gimp.ValueArray, index: int, value: object) -> None:
    answer.remove(index)
    answer.insert(index, GObject.Value(type(value), value))


def _words() -> Words:
    names = GLib.get_language_names()
    return Words(names[0] if names else "")
