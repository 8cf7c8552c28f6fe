"""What a user does in Krita, and what must come of it; see ``driver.py``."""

from __future__ import annotations

from . import (
    again,
    around,
    blending,
    canvases,
    changes,
    colours,
    giving_up,
    kinds,
    refusals,
    troubles,
)
from .parts import SCENARIOS

__all__ = [
    "SCENARIOS",
    "again",
    "around",
    "blending",
    "canvases",
    "changes",
    "colours",
    "giving_up",
    "kinds",
    "refusals",
    "troubles",
]
