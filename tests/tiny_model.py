"""The real classes and the real loading, but small: native size 64 px, random weights."""

from __future__ import annotations

from dataclasses import replace

from scalediff_engine.base.geometry import Size
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.spec.family import FamilyFacts

TINY: FamilyFacts = replace(EMBEDDED, name="tiny", native=Size(64, 64))
