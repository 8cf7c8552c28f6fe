"""What was chosen last, kept in Krita's own settings."""

from __future__ import annotations

from typing import Optional

from .api import Application
from .client import codec
from .client.messages import UpscaleSettings
from .plugin_common.placement import Canvas

_GROUP = "scalediff"
_LATEST = "latest"
_CANVAS = "canvas-for-"


def recall(app: Application, what: str) -> Optional[UpscaleSettings]:
    """Give what was accepted last; none if nothing was, or nothing that makes sense here.

    Args:
        app: Krita
        what: kind of upscale, such as ``layer``
    """
    try:
        return codec.loads(UpscaleSettings, app.readSetting(_GROUP, what, "").encode())
    except ValueError:
        return None


def latest(app: Application) -> str:
    """Give what was done last; empty if nothing was."""
    return app.readSetting(_GROUP, _LATEST, "")


def recall_canvas(app: Application, default: Canvas) -> Canvas:
    """Return what was chosen last for the document where ``default`` is the first choice."""
    held = app.readSetting(_GROUP, _CANVAS + default.value, "")
    return Canvas(held) if held in {one.value for one in Canvas} else default


def remember_canvas(app: Application, default: Canvas, chosen: Canvas) -> None:
    """Keep what was chosen for the document where ``default`` is the first choice."""
    app.writeSetting(_GROUP, _CANVAS + default.value, chosen.value)


def remember(app: Application, what: str, settings: UpscaleSettings, wish: str = "") -> None:
    """Keep it for the next time, also after Krita was closed.

    Args:
        app: Krita
        what: kind of upscale
        settings: that were accepted
        wish: what was done by that; empty = ``what``
    """
    app.writeSetting(_GROUP, what, codec.dumps(settings).decode())
    app.writeSetting(_GROUP, _LATEST, wish or what)
