"""What was chosen last, kept in Krita's own settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .api import Application
from .client import codec
from .client.messages import UpscaleSettings
from .plugin_common.placement import Canvas

_GROUP = "scalediff"
_LATEST = "latest"


@dataclass(frozen=True)
class Last:
    """An upscale that was accepted."""

    settings: UpscaleSettings
    canvas: Canvas


def recall(app: Application, what: str) -> Optional[Last]:
    """Give what was accepted last; none if nothing was, or nothing that makes sense here.

    Args:
        app: Krita
        what: kind of upscale, such as ``layer``
    """
    canvas, _, settings = app.readSetting(_GROUP, what, "").partition(" ")
    try:
        return Last(codec.loads(UpscaleSettings, settings.encode()), Canvas(canvas))
    except ValueError:
        return None


def latest(app: Application) -> str:
    """Give what was done last; empty if nothing was."""
    return app.readSetting(_GROUP, _LATEST, "")


def remember(app: Application, what: str, last: Last, wish: str = "") -> None:
    """Keep it for the next time, also after Krita was closed.

    Args:
        app: Krita
        what: kind of upscale
        last: it
        wish: what was done by that; empty = ``what``
    """
    text = f"{last.canvas.value} {codec.dumps(last.settings).decode()}"
    app.writeSetting(_GROUP, what, text)
    app.writeSetting(_GROUP, _LATEST, wish or what)
