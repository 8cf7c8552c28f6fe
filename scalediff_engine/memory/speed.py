"""What this machine really did: GFLOP/s per device and model, remembered between runs."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from scalediff_engine.memory.probe import guessed_gflop_per_second

# A smaller or shorter run measures the overhead of its start rather than the machine.
SMALLEST_RUN_GFLOP = 100.0
SHORTEST_RUN_SECONDS = 1.0
NEWEST_WEIGHT = 0.4


def default_file() -> Path:
    """Give the file in the user's cache folder."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("scalediff", False)) / "speed.json"


@dataclass(frozen=True)
class SpeedRecord:
    """The remembered speeds; a missing, damaged or unwritable file only costs accuracy."""

    file: Path

    def gflop_per_second(self, device: str, model: str) -> float:
        """Give this machine's speed, guessed as long as it has not been measured."""
        return self._read().get(_key(device, model)) or guessed_gflop_per_second()

    def add(self, devices: Iterable[str], model: str, gflop: float, seconds: float) -> None:
        """Remember a run.

        Args:
            devices: the device that ran it, under each name it may be asked for ("auto", "cpu")
            model: the family's name
            gflop: the plan's work
            seconds: what it took; runs too small to tell are not remembered
        """
        if seconds < SHORTEST_RUN_SECONDS or not gflop >= SMALLEST_RUN_GFLOP:
            return
        speeds = self._read()
        for key in {_key(device, model) for device in devices}:
            newest = gflop / seconds
            known = speeds.get(key)
            mixed = newest if known is None else known + NEWEST_WEIGHT * (newest - known)
            speeds[key] = round(mixed, 3)
        self._write(speeds)

    def _read(self) -> dict[str, float]:
        try:
            stored: Any = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(stored, dict):
            return {}
        return {
            key: float(value)
            for key, value in cast(dict[str, Any], stored).items()
            if type(value) in (int, float) and math.isfinite(value) and value > 0
        }

    def _write(self, speeds: dict[str, float]) -> None:
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.file.parent, prefix=".speed-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as stream:
                    json.dump(speeds, stream, indent=1, sort_keys=True)
                Path(temporary).replace(self.file)
            except BaseException:
                with suppress(OSError):
                    Path(temporary).unlink()
                raise


def _key(device: str, model: str) -> str:
    return f"{model} on {device}"
