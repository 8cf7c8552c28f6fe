"""The plug-in's modules without Krita: what is in its folder, but not what Krita runs first."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from installer.plugins import build

PLUGIN = Path(__file__).parents[3] / "plugin_krita" / "scalediff"

build()
if "plugin_krita.scalediff" not in sys.modules:
    outer, package = ModuleType("plugin_krita"), ModuleType("plugin_krita.scalediff")
    outer.__path__ = [str(PLUGIN.parent)]
    package.__path__ = [str(PLUGIN)]
    sys.modules |= {"plugin_krita": outer, "plugin_krita.scalediff": package}
sys.path.append(str(Path(__file__).parent))
