"""What each room may import, proven by importing it in a fresh process."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIGHT = [
    "scalediff_engine.errors",
    "scalediff_engine.geometry",
    "scalediff_engine.fast.picture",
    "scalediff_engine.memory.cards",
    "scalediff_engine.memory.choose",
    "scalediff_engine.memory.device",
    "scalediff_engine.memory.footprint",
    "scalediff_engine.memory.plan",
    "scalediff_engine.memory.speed",
    "scalediff_engine.method.stages",
    "scalediff_engine.models.families",
    "scalediff_engine.pipeline.plan",
    "scalediff_engine.pipeline.progress",
    "scalediff_engine.pipeline.settings",
]


@pytest.mark.parametrize("module", LIGHT)
def test_planning_never_imports_torch(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('torch', 'diffusers') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
