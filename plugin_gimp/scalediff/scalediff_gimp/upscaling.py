"""One call of the plug-in, from the image to the layers."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional

from gi.repository import Gimp

from . import asking
from .checked import Complaint, GivenUp, must
from .client.client import Client
from .client.environment import display_variables
from .client.messages import UpscaleSettings
from .inserting import Inserted, insert, new_image
from .plugin_common import errand
from .plugin_common.errand import Errand, Fetched, Manner, Option
from .plugin_common.placement import Canvas, Rect, default_canvas, follow
from .plugin_common.words import Words
from .results import Result, recent_result, result_of
from .status_bar import StatusBar
from .taking import Taken, place_of, take_layers, take_visible
from .waiting import NotInstalled, wait
from .wishes import Wishes, canvas_for, in_place, remember, remembered

HOST = "gimp"
CHOICES = (Canvas.KEEP, Canvas.GROW, Canvas.SCALE, Canvas.NEW)


@dataclass(frozen=True)
class Call:
    """What a call is about.

    Attributes:
        image: of GIMP; none = there is none
        drawables: that are selected
        say: the user's language
        connect: finds or starts the engine
        bar: that shows how it stands
        with_dialogs: whether the user may be asked
        may_convert: whether an indexed image may become RGB without asking
        visible: whether the visible image is meant, and no layer
        was_shown: whether the image had a window at the beginning
    """

    image: Any
    drawables: Sequence[Gimp.Drawable]
    say: Words
    connect: Callable[[], Client]
    bar: StatusBar
    with_dialogs: bool = False
    may_convert: bool = False
    visible: bool = False
    was_shown: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a call ended.

    Attributes:
        inserted: the layers
        wishes: what they were made by, as far as it was chosen
        notes: what the user should know of it
    """

    inserted: Inserted
    wishes: Optional[Wishes] = None
    notes: tuple[str, ...] = ()


def upscale(call: Call, wishes: Wishes) -> Outcome:
    """Upscale without a dialog.

    Raises:
        Complaint: it cannot be, and why; the image is as it was.
    """
    return _upscale(call, _take(call, wishes.canvas), wishes)


def repeat(call: Call, last: Wishes) -> Outcome:
    """Upscale without a dialog what is there now, as something else was upscaled last.

    Raises:
        Complaint: it cannot be, and why; the image is as it was.
    """
    taken = _take(call, last.canvas)
    canvas = canvas_for(last, _default_canvas(taken))
    return _upscale(call, taken, dataclasses.replace(last, canvas=canvas))


def _upscale(call: Call, taken: Sequence[Taken], wishes: Wishes) -> Outcome:
    was_indexed = _is_indexed(call.image)
    results: list[Result] = []
    for index, each in enumerate(taken):
        fetched = _made(call, each, wishes, _which(index, len(taken)))
        results.append(result_of(each, fetched, wishes.canvas, call.say))
    return _insert(call, taken, results, wishes, was_indexed=was_indexed)


def upscale_by_dialog(call: Call, begin: Optional[Wishes], canvas: Optional[Canvas]) -> Outcome:
    """Upscale as the user chooses in the dialog; more layers than one follow the first.

    Args:
        call: see there
        begin: what the dialog begins with; none = what it was used with last
        canvas: what becomes of the image; none = the user chooses

    Raises:
        GivenUp: nothing is wanted.
        LeftAlone: the job goes on by itself.
        Complaint: it cannot be, and why; the image is as it was.
    """
    taken = _take(call, canvas)
    was_indexed = _is_indexed(call.image)
    default = _default_canvas(taken)
    manner = _manner(call, begin, canvas, default)
    first = _by_dialog(call, lambda: errand.dialog(call.connect, taken[0].material, manner))
    chosen = canvas or _canvas(first)
    wishes = Wishes(first.job.settings, chosen, default)
    others = _for_others(first, chosen)
    results = [result_of(taken[0], first, chosen, call.say)]
    for index, each in enumerate(taken[1:], 1):
        fetched = _made(call, each, others, _which(index, len(taken)))
        results.append(result_of(each, fetched, chosen, call.say))
    return _insert(call, taken, results, wishes, was_indexed=was_indexed)


def insert_recent(call: Call) -> Outcome:
    """Insert a result of the last day, which the user picks.

    Raises:
        GivenUp: nothing is wanted.
        Complaint: it cannot be, and why; the image is as it was.
    """
    manner = _manner(call, None, None, Canvas.KEEP)
    fetched = _by_dialog(call, lambda: errand.recent(call.connect, manner))
    result = recent_result(fetched)
    call.bar.close()
    image = call.image
    if image is None:
        return _outcome(call, new_image(result))
    _require_ready(call, Canvas.KEEP)
    layers = [each for each in call.drawables if isinstance(each, Gimp.Layer)]
    if layers:
        result = dataclasses.replace(result, layer=layers[0], blends_as_source=False)
    return _outcome(call, insert(image, [result], Canvas.KEEP))


def last_file(name: str) -> Path:
    """Give the file that keeps what a procedure was used with last."""
    return Path(Gimp.directory()) / f"{name}.json"


def recall(name: str) -> Optional[Wishes]:
    """Give what a procedure was used with last; none = it was not."""
    return remembered(last_file(name))


def recall_newest(names: Sequence[str]) -> Optional[tuple[str, Wishes]]:
    """Give which procedure was used last, and with what; none = none of them was."""
    files = {name: last_file(name) for name in names}
    there = [name for name in names if files[name].is_file()]
    for name in sorted(there, key=lambda name: files[name].stat().st_mtime_ns, reverse=True):
        wishes = recall(name)
        if wishes is not None:
            return name, wishes
    return None


def keep(name: str, wishes: Wishes) -> None:
    """Write down what a procedure was used with."""
    remember(wishes, last_file(name))


def _insert(
    call: Call,
    taken: Sequence[Taken],
    results: Sequence[Result],
    wishes: Wishes,
    *,
    was_indexed: bool,
) -> Outcome:
    """Put results where their sources are now, or into a new image where that is not known.

    Raises:
        GivenUp: the user does not want the image to be converted.
        Complaint: it cannot be, and why; the image is as it was.
    """
    call.bar.close()
    _require_ready(call, wishes.canvas, was_indexed)
    image, canvas = call.image, wishes.canvas
    if canvas is Canvas.NEW:
        return _outcome(call, insert(image, results, canvas), wishes)
    areas = [_area_now(image, each) for each in taken]
    followed = [
        dataclasses.replace(result, area=area)
        for result, area in zip(results, areas)
        if area is not None
    ]
    if len(followed) < len(results):
        name = next(each.material.title for each, area in zip(taken, areas) if area is None)
        text = (
            "The size of '{name}' was changed during the upscale. The result is in a new image; "
            "upscale again to get it in its place."
        )
        made = insert(image, results, Canvas.NEW)
        return _outcome(call, made, wishes, call.say(text, name=name))
    try:
        return _outcome(call, insert(image, followed, canvas), wishes)
    except Complaint as reason:
        if not call.with_dialogs:
            raise
        note = f"{reason.said(call.say)} {call.say('The result is in a new image.')}"
        return _outcome(call, insert(image, results, Canvas.NEW), wishes, note)


def _area_now(image: Gimp.Image, taken: Taken) -> Optional[Rect]:
    """Return where something that was taken is now; none = its source has another size."""
    return follow(taken.area, taken.place, place_of(image, taken.layer), is_whole=True)


def _outcome(
    call: Call, inserted: Inserted, wishes: Optional[Wishes] = None, *notes: str
) -> Outcome:
    if not inserted.has_recipes:
        notes += (call.say("The new layer is complete, but its recipe could not be saved."),)
    return Outcome(inserted, wishes, notes)


def _default_canvas(taken: Sequence[Taken]) -> Canvas:
    """Return what becomes of the image if nothing else was chosen: of several, the first counts."""
    return default_canvas(taken[0].area, taken[0].place.canvas)


def _take(call: Call, canvas: Optional[Canvas]) -> list[Taken]:
    if call.visible or not call.drawables:
        taken = [take_visible(call.image, call.say)]
    else:
        taken = take_layers(call.image, call.drawables, call.say)
    if canvas is not Canvas.NEW and _is_indexed(call.image):
        _require_conversion(call)
    return taken


def _is_indexed(image: Gimp.Image) -> bool:
    return bool(image.get_base_type() == Gimp.ImageBaseType.INDEXED)


def is_shown(image: Gimp.Image) -> bool:
    """Tell whether an image has a window.

    Nothing of GIMP says so. But it lets an image take over the windows of another only if it has
    none itself; the other one here has none to give.
    """
    other = must(Gimp.Image.new(1, 1, Gimp.ImageBaseType.RGB), "The image could not be looked for")
    try:
        return not Gimp.displays_reconnect(other, image)
    finally:
        other.delete()


def _require_ready(call: Call, canvas: Canvas, was_indexed: bool = False) -> None:
    """Pass if the image is there to be seen, and may be changed as that needs.

    As long as a plug-in runs that knows an image, GIMP keeps it after its window was closed.

    Args:
        call: see there
        canvas: what becomes of the image
        was_indexed: whether it was so at the beginning, and the user asked about it then
    """
    if not call.image.is_valid() or (call.was_shown and not is_shown(call.image)):
        raise Complaint(
            call.say(
                "The image was closed. Its result is kept for a day: Insert Recent Result has it."
            )
        )
    if canvas is not Canvas.NEW and _is_indexed(call.image) and not was_indexed:
        _require_conversion(call)


def _require_conversion(call: Call) -> None:
    """Pass if an indexed image may be converted."""
    if call.may_convert:
        return
    if not call.with_dialogs:
        raise Complaint(
            call.say(
                "This image has indexed colors. Convert it to RGB (Image > Mode > RGB), let the "
                "argument 'convert-indexed' be true, or choose the canvas 'new'."
            )
        )
    if not asking.convert_indexed(call.say):
        raise GivenUp


def _made(call: Call, taken: Taken, wishes: Wishes, which: str) -> Fetched:
    """Have one thing upscaled without a dialog."""
    settings = in_place(wishes.settings) if wishes.canvas is Canvas.IN_PLACE else wishes.settings

    def begin() -> Errand:
        return errand.upscale(call.connect, taken.material, settings, {})

    return _insisting(call, lambda: wait(begin(), call.bar, call.say, which))


def _by_dialog(call: Call, begin: Callable[[], Errand]) -> Fetched:
    return _insisting(call, lambda: wait(begin(), call.bar, call.say))


def _insisting(call: Call, attempt: Callable[[], Fetched]) -> Fetched:
    """Try again when there was no engine, as long as the user wants to."""
    try:
        return attempt()
    except NotInstalled as problem:
        if not call.with_dialogs:
            raise
        if not asking.try_again(problem, call.say):
            raise GivenUp from problem
    return _insisting(call, attempt)


def _manner(
    call: Call, begin: Optional[Wishes], canvas: Optional[Canvas], default: Canvas
) -> Manner:
    options = {Option.LANGUAGE: call.say.language, Option.WHEN_HOST_GOES: "cancel"}
    theme = _theme()
    if theme:
        options[Option.THEME] = theme
    settings = None if begin is None else begin.settings
    if canvas is Canvas.IN_PLACE:
        # of the fast method too: the user may choose the other one in the dialog
        settings = dataclasses.replace(settings or UpscaleSettings(scale=2.0), source_lock=False)
    if canvas is None:
        options[Option.CANVAS_CHOICES] = ",".join(each.value for each in CHOICES)
        options[Option.CANVAS] = canvas_for(begin, default).value
    return Manner(HOST, settings, display_variables(os.environ), options)


def _canvas(fetched: Fetched) -> Canvas:
    """Read what the user chose; what nobody knows keeps the canvas."""
    said = fetched.options.get(Option.CANVAS, "")
    return next((each for each in CHOICES if each.value == said), Canvas.KEEP)


def _for_others(first: Fetched, canvas: Canvas) -> Wishes:
    """Give what the other layers get: a size in pixels was meant for the first alone."""
    job, settings = first.job, first.job.settings
    if settings.width is not None or settings.height is not None:
        scale = max(1.0, job.width / job.source_width)
        settings = dataclasses.replace(settings, width=None, height=None, scale=scale)
    return Wishes(settings, canvas)


def _which(index: int, count: int) -> str:
    return f"{index + 1}/{count}: " if count > 1 else ""


def _theme() -> str:
    """Give ``dark`` or ``light`` if GIMP says which it is."""
    said = str(Gimp.gimprc_query("theme-color-scheme") or "").strip()
    return {"dark": "dark", "gray": "dark", "light": "light"}.get(said, "")
