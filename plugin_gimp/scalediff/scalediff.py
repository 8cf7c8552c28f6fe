#!/usr/bin/env python3
"""ScaleDiff for GIMP 3: what GIMP starts."""

import sys
from pathlib import Path

if not (Path(__file__).parent / "scalediff_gimp" / "client").is_dir():
    sys.exit(
        "This folder of the ScaleDiff plug-in is incomplete: it comes from a clone. "
        "Run `python3 installer/plugins.py` there and copy it again."
    )

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp
from scalediff_gimp.plugin import ScaleDiff

Gimp.main(ScaleDiff.__gtype__, sys.argv)
