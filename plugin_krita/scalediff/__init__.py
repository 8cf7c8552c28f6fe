"""ScaleDiff in Krita: select, upscale, a new layer."""

from __future__ import annotations

from krita import DockWidgetFactory, DockWidgetFactoryBase, Krita

from .docker import ScaleDiffDocker
from .extension import ScaleDiffExtension

_app = Krita.instance()
_plugin = ScaleDiffExtension(_app)
_app.addExtension(_plugin)
_app.addDockWidgetFactory(
    DockWidgetFactory(
        "scalediff_docker", DockWidgetFactoryBase.DockRight, lambda: ScaleDiffDocker(_plugin)
    )
)
