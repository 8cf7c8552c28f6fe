"""``scalediff bench speed``: direct attention, MultiDiffusion and NPA side by side, in one run."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, register_flop_formula

from scalediff_engine.bench.random_parts import load_random
from scalediff_engine.geometry import Grid, Offset, Size
from scalediff_engine.memory.footprint import GIB
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.method.multidiffusion import average_views
from scalediff_engine.models import families
from scalediff_engine.models.attention_op import layer_of
from scalediff_engine.models.model import Condition, Model, Words

_MATRIX = 8192
_KINDS = ("direct", "multidiffusion", "npa")


@dataclass
class Speed:
    """What was measured, as it goes into the JSON file.

    Attributes:
        facts: device, model, versions, the device's measured peak in TFLOP/s
        rows: one dictionary a measurement
    """

    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


@torch.inference_mode()
def measure_speed(
    family: str,
    *,
    random_weights: bool,
    sizes: tuple[int, ...] = (2048, 4096),
    kinds: tuple[str, ...] = _KINDS,
    device: str = "auto",
    compiled: bool = True,
    repeats: int = 5,
    tell: Callable[[str], None] = print,
) -> Speed:
    """Measure a family's model.

    Args:
        family: a name, or with real weights a path
        random_weights: full-size random weights instead of real ones
        sizes: sides of square pictures, in pixels
        kinds: of attention
        device: see ``models.device.pick_device``
        compiled: compile repeated blocks for NPA, and show the warm-up
        repeats: measured steps, of which the median counts
        tell: hears of each measurement as it is made
    """
    model = load_random(family, device) if random_weights else families.load(family, device)
    speed = Speed(
        {
            "model": family,
            "weights": "random" if random_weights else "real",
            "device": _device_name(model.device),
            "torch": torch.__version__,
            "peak_tflops": matrix_peak(model.device),
        }
    )
    bench = _Bench(model, speed, repeats, tell)
    for size in sizes:
        for kind in kinds:
            bench.step(size, kind, batch=1 if model.facts.guided_sigmas is None else 2)
    if compiled:
        model.compile()
        for size in sizes:
            bench.step(size, "npa", batch=1 if model.facts.guided_sigmas is None else 2, note=True)
    for size in sizes:
        bench.autoencoder(size)
    return speed


class _Bench:
    def __init__(
        self, model: Model, speed: Speed, repeats: int, tell: Callable[[str], None]
    ) -> None:
        self._model = model
        self._speed = speed
        self._repeats = repeats
        self._tell = tell
        self._condition: Condition = model.condition("", "")
        model.arrange(MemoryPlan())

    def step(self, side: int, kind: str, *, batch: int, note: bool = False) -> None:
        """Measure one denoising step; ``note`` marks the compiled one."""
        model = self._model
        grid = Size(side, side).grid(model.facts.latent_factor)
        level = model.schedule.level(model.facts.train_timesteps * 2 // 5)
        channels = model.preview_matrix.shape[0] - 1
        z = torch.randn(1, channels, grid.rows, grid.cols, device=model.device)
        words = self._condition.positive
        if batch == 2:
            words = Words.together(self._condition.positive, self._condition.negative)
        guidance = model.facts.stage_defaults(1)[0].guidance
        native = model.facts.native.grid(model.facts.latent_factor)

        def evaluate(part: Tensor) -> Tensor:
            return model.predict(part, level, words, guidance)

        generator = torch.Generator().manual_seed(0)
        npa = kind == "npa"
        context: Any = model.neighborhood_attention(grid) if npa else nullcontext()
        with context as tiling:

            def run() -> None:
                if npa:  # as in a real run: the tiling moves at every step
                    tiling.offset = _offset(native, generator)
                if kind == "multidiffusion":
                    average_views(z, native, evaluate)
                else:
                    evaluate(z)

            began = time.perf_counter()
            run()
            _wait(model.device)
            first_s = time.perf_counter() - began
            flops = None
            if not note:
                with FlopCounterMode(display=False) as counter:
                    run()
                flops = counter.get_total_flops()
            median_s, peak = _timed(run, model.device, self._repeats)
        self._add(
            {
                "what": "step",
                "attention": kind,
                "compiled": note,
                "side": side,
                "batch": batch,
                "seconds": median_s,
                "first_seconds": first_s,
                "peak_gib": peak,
                "tflop": None if flops is None else flops / 1e12,
            }
        )

    def autoencoder(self, side: int) -> None:
        """Measure encoding and decoding."""
        model = self._model
        pixels = torch.rand(1, 3, side, side) * 2 - 1
        z = model.encode(pixels)
        for what, run in (
            ("encode", lambda: model.encode(pixels)),
            ("decode", lambda: model.decode(z)),
        ):
            run()
            seconds, peak = _timed(run, model.device, 2)
            self._add({"what": what, "side": side, "seconds": seconds, "peak_gib": peak})

    def _add(self, row: dict[str, Any]) -> None:
        if row.get("tflop"):
            rate = row["tflop"] / row["seconds"]
            row["share_of_peak"] = rate / self._speed.facts["peak_tflops"]
        self._speed.rows.append(row)
        self._tell(json.dumps({k: _short(v) for k, v in row.items() if v is not None}))


def matrix_peak(device: torch.device) -> float:
    """Measure what the device's matrix units give, in TFLOP/s."""
    side = _MATRIX if device.type != "cpu" else 1024
    dtype = torch.bfloat16 if device.type != "cpu" else torch.float32
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    seconds, _ = _timed(lambda: a @ b, device, 9)
    return 2 * side**3 / seconds / 1e12


def write_json(speed: Speed, path: Path) -> None:
    """Write what was measured."""
    path.write_text(json.dumps({"facts": speed.facts, "rows": speed.rows}, indent=1) + "\n")


def _timed(run: Callable[[], object], device: torch.device, repeats: int) -> tuple[float, float]:
    """Median seconds and peak GiB of ``repeats`` runs."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    seconds: list[float] = []
    for _ in range(repeats):
        _wait(device)
        began = time.perf_counter()
        run()
        _wait(device)
        seconds.append(time.perf_counter() - began)
    peak = torch.cuda.max_memory_allocated(device) / GIB if device.type == "cuda" else 0.0
    return sorted(seconds)[len(seconds) // 2], peak


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _offset(native: Grid, generator: torch.Generator) -> Offset:
    row, col = (int(torch.randint(n // 2, (), generator=generator)) for n in native)
    return Offset(row, col)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _short(value: Any) -> Any:  # noqa: ANN401
    return round(value, 4) if isinstance(value, float) else value


@register_flop_formula(torch.ops.scalediff.neighborhood_attention, get_raw=True)
def _attention_flop(
    query: Tensor, key: Tensor, value: Tensor, heads: int, number: int, **_: object
) -> int:
    keys = min(layer_of(number).window.cells, query.shape[1])
    return 4 * query.numel() * keys


@register_flop_formula(torch.ops.scalediff.joint_neighborhood_attention, get_raw=True)
def _joint_attention_flop(
    image: list[Tensor], text: list[Tensor], rotary: list[Tensor], number: int, **_: object
) -> int:
    layer = layer_of(number)
    words = text[0].shape[1]
    patches = layer.grid.cells / (layer.window.cells / 4)
    channels = image[0].shape[2] * image[0].shape[3]
    queries = image[0].shape[1] + patches * words
    return int(4 * queries * (layer.window.cells + words) * channels)
