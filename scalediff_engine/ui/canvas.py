"""What becomes of an editor's document when a result is accepted; the editor offers, it decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

OFFERED_OPTION = "canvas_choices"
CHOSEN_OPTION = "canvas"


class Canvas(Enum):
    """What may become of a document; the value is the word on the wire."""

    KEEP = "keep"
    GROW = "grow"
    SCALE = "scale"
    NEW = "new"


@dataclass(frozen=True)
class CanvasChoice:
    """What an editor offers, in its order, and the one that is chosen."""

    offered: tuple[Canvas, ...]
    chosen: Canvas


def offered_by(options: Mapping[str, str]) -> CanvasChoice | None:
    """Read what a host's options offer; none = there is nothing to choose.

    Words that nobody here knows are passed over: the host may be newer than the dialog.
    """
    known = {canvas.value: canvas for canvas in Canvas}
    words = [word.strip() for word in options.get(OFFERED_OPTION, "").split(",")]
    offered = tuple(dict.fromkeys(known[word] for word in words if word in known))
    if not offered:
        return None
    begun = known.get(options.get(CHOSEN_OPTION, ""))
    return CanvasChoice(offered, begun if begun in offered else offered[0])
