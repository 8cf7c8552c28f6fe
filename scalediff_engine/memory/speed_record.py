"""What this machine took for earlier runs, remembered in the user's cache; all may be deleted."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from scalediff_engine.base.settings import fields_of, load_json, save_json
from scalediff_engine.memory.device_info import guessed_gflop_per_second
from scalediff_engine.spec.footprint import Cost

# A smaller or shorter run measures the overhead of its start rather than the machine.
SMALLEST_RUN_GFLOP = 100.0
SHORTEST_RUN_SECONDS = 1.0
NEWEST_WEIGHT = 0.4
LEAST_RATIO = 0.7


def cache_folder() -> Path:
    """Give the user's cache folder of this program; it need not exist."""
    return Path(platformdirs.user_cache_dir("scalediff", False))


def compiled_folder() -> Path:
    """Give the folder for compiled code."""
    return cache_folder() / "compiled"


def default_file() -> Path:
    """Give the file in the user's cache folder."""
    return cache_folder() / "speed.json"


@dataclass(frozen=True)
class SpeedRecord:
    """The remembered figures; a missing, damaged or unwritable file only costs accuracy."""

    file: Path

    def measured(self, device: str, model: str) -> float | None:
        """Give this machine's speed in GFLOP/s, or None if it has not been measured."""
        return self._read().get(_key(device, model))

    def gflop_per_second(self, device: str, model: str) -> float:
        """Give this machine's speed, guessed for a CPU as long as it has not been measured."""
        return self.measured(device, model) or guessed_gflop_per_second()

    def memory_scale(self, device: str, model: str) -> float:
        """Give what runs took beside the weights, as a multiple of what was predicted."""
        return _moderate(self._read().get(_memory_key(device, model), 1.0))

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
        self._mix({_key(device, model) for device in devices}, gflop / seconds)

    def add_memory(
        self, devices: Iterable[str], model: str, cost: Cost, measured_bytes: int
    ) -> None:
        """Remember what a run really took of the device's memory.

        Args:
            devices, model: see ``add``
            cost: what was predicted with ``memory_scale``
            measured_bytes: at the peak; a run under another plan than the predicted one is so far
                off that it is not remembered
        """
        predicted = cost.peak_bytes - cost.fixed_bytes
        ratio = (measured_bytes - cost.fixed_bytes) / predicted if predicted > 0 else 0.0
        if not LEAST_RATIO <= ratio <= 1 / LEAST_RATIO:
            return
        devices = set(devices)
        for device in devices:
            scale = self.memory_scale(device, model) * ratio
            self._mix({_memory_key(device, model)}, _moderate(scale))

    def _mix(self, keys: set[str], newest: float) -> None:
        """Move remembered figures towards the newest one."""
        figures = self._read()
        for key in keys:
            known = figures.get(key)
            mixed = newest if known is None else known + NEWEST_WEIGHT * (newest - known)
            figures[key] = round(mixed, 3)
        with suppress(OSError):
            save_json(self.file, dict(sorted(figures.items())))

    def _read(self) -> dict[str, float]:
        stored = fields_of(load_json(self.file))
        return {
            key: float(value)
            for key, value in stored.items()
            if type(value) in (int, float) and math.isfinite(value) and value > 0
        }


def _key(device: str, model: str) -> str:
    return f"{model} on {device}"


def _moderate(scale: float) -> float:
    return min(max(scale, 0.5), 2.0)


def _memory_key(device: str, model: str) -> str:
    return f"{model} on {device}, memory"
