"""ScaleDiff in Krita: select, upscale, a new layer."""

from __future__ import annotations

from pathlib import Path

from krita import DockWidgetFactory, DockWidgetFactoryBase, Krita

if not (Path(__file__).parent / "client").is_dir():
    raise ImportError(
        "This folder of the ScaleDiff plug-in is incomplete: it comes from a clone. "
        "Run `python3 installer/plugins.py` there and copy it again."
    )

from .docker import ScaleDiffDocker
from .extension import ScaleDiffExtension

_app = Krita.instance()
_plugin = ScaleDiffExtension(_app)
_app.addExtension(_plugin)
_app.addDockWidgetFactory(
    DockWidgetFactory(
        "scalediff_docker",
        DockWidgetFactoryBase.DockPosition.DockRight,
        lambda: ScaleDiffDocker(_plugin),
    )
)
