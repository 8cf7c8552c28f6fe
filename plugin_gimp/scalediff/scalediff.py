#!/usr/bin/env python3
"""ScaleDiff for GIMP 3: what GIMP starts."""

import sys

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp
from scalediff_gimp.plugin import ScaleDiff

Gimp.main(ScaleDiff.__gtype__, sys.argv)
