"""``scalediff bench speed``: direct attention, MultiDiffusion and NPA side by side, in one run."""

from __future__ import annotations

import gc
import itertools
import math
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, flop_registry, register_flop_formula

from scalediff_engine import __version__
from scalediff_engine.base.geometry import Grid, Offset, Size
from scalediff_engine.bench.random_components import load_random
from scalediff_engine.families import registry as families
from scalediff_engine.memory.device_info import find_device, number_cards_by_slot
from scalediff_engine.memory.plan import UNLIMITED, MemoryBudget
from scalediff_engine.method.guidance import average_views
from scalediff_engine.method.kernel import triton_works
from scalediff_engine.method.patches import axis_patches
from scalediff_engine.models.attention_op import LayerTiling, layer_of
from scalediff_engine.models.device import empty_cache, forget_peak, peak_bytes, pick_dtype
from scalediff_engine.models.model import Model, PromptEmbeddings
from scalediff_engine.pipeline.loop import run_stages
from scalediff_engine.planning.plan import Plan, plan_upscale, stage_loads
from scalediff_engine.planning.progress import Meter
from scalediff_engine.planning.settings import Attention, Settings
from scalediff_engine.spec.footprint import GIB

KINDS = tuple(kind.value for kind in (Attention.DIRECT, Attention.MULTIDIFFUSION, Attention.NPA))

_MATRIX = 8192
# Where in the schedule a step is measured; it makes no difference to its time.
_LEVEL = 0.4
# Pictures for which compiling is always worth it.
_MANY = 1_000_000

Row = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What is to be measured.

    Attributes:
        model: a family's name, or with real weights what ``store.locate`` finds a model by
        random_weights: full-size random weights: time and memory do not depend on the values
        sizes: sides of square pictures, in pixels
        kinds: of attention, of ``KINDS``
        device: see ``models.device.pick_device``
        repeats: measured steps, of which the median counts
        compiles: NPA is measured compiled too, with its warm-up, where there is a compiler
        whole: whole upscales from the native size to these sides
        few_steps: whole upscales also as a distilled model does them, four steps without guidance
        limits_gib: whole upscales also under these limits of memory
    """

    model: str
    random_weights: bool = False
    sizes: Sequence[int] = (2048, 4096)
    kinds: Sequence[str] = KINDS
    device: str = "auto"
    repeats: int = 5
    compiles: bool = True
    whole: Sequence[int] = (4096,)
    few_steps: bool = False
    limits_gib: Sequence[float] = ()


@dataclass
class Speed:
    """What was measured, as it goes into the JSON file.

    Attributes:
        facts: device, model, versions, the device's measured peak in TFLOP/s
        rows: one dictionary a measurement
    """

    facts: Row = field(default_factory=dict[str, Any])
    rows: list[Row] = field(default_factory=list[Row])


def measure_speed(request: Request, tell: Callable[[Row], None]) -> Speed:
    """Measure a model.

    Args:
        request: what
        tell: hears of each measurement as it is made

    Raises:
        ModelMissing, ModelError, UsageError: see ``families.registry.load``.
    """
    number_cards_by_slot()
    if request.random_weights:
        model = load_random(request.model, request.device)
    else:
        model = families.load(request.model, request.device)
    with torch.inference_mode():
        return _Bench(model, request, tell).run()


class _Bench:
    def __init__(self, model: Model, request: Request, tell: Callable[[Row], None]) -> None:
        self._model = model
        self._request = request
        self._tell = tell
        self._guided = model.facts.guided_sigmas is not None
        self._compiled = False
        self._tflop: dict[tuple[int, str], float] = {}
        count_attention()
        self._speed = Speed(
            {
                "model": model.facts.name,
                "weights": "random" if request.random_weights else "real",
                "device": _device_name(model.device),
                "torch": torch.__version__,
                "scalediff": __version__,
                "peak_tflops": matrix_peak(model.device),
            }
        )
        self._condition = model.condition("", "")
        model.arrange(UNLIMITED)

    def run(self) -> Speed:
        request = self._request
        for side in request.sizes:
            for kind in request.kinds:
                self._step(side, kind)
        if request.compiles and triton_works(self._model.device):  # else nothing is compiled
            self._model.compile()
            self._compiled = True
            for side in request.sizes:
                self._step(side, Attention.NPA.value, compiled=True)
            self._warm_up_again()
        for side in request.sizes:
            self._autoencoder(side)
        self._wholes()
        return self._speed

    def _step(self, side: int, kind: str, *, compiled: bool = False) -> None:
        evaluations = 2 if self._guided else 1
        measured = self._run_step(side, kind)
        first = next(measured)
        if not compiled:  # compiled code does not tell, and computes the same
            with FlopCounterMode(display=False) as counter:
                next(measured)
            self._tflop[side, kind] = counter.get_total_flops() / 1e12
        tflop = self._tflop.get((side, kind))
        seconds, peak = _timed(lambda: next(measured), self._model.device, self._request.repeats)
        measured.close()
        row: Row = {
            "what": "step",
            "attention": kind,
            "compiled": compiled,
            "side": side,
            "batch": evaluations,
            "seconds": seconds,
            "peak_gib": peak,
        }
        if compiled:
            row["warm_up_seconds"] = first - seconds
        if tflop is not None:
            row["tflop"] = tflop
            row["share_of_peak"] = tflop / seconds / self._speed.facts["peak_tflops"]
        self._add(row)

    def _warm_up_again(self) -> None:
        """Forget what is compiled and have it found on disk, as the next process will."""
        import torch._dynamo

        torch._dynamo.reset()
        for side in self._request.sizes:
            measured = self._run_step(side, Attention.NPA.value)
            first, second = next(measured), next(measured)
            measured.close()
            self._add({"what": "warm-up from disk", "side": side, "seconds": first - second})

    def _run_step(self, side: int, kind: str) -> Any:  # noqa: ANN401 - a generator of seconds
        """Steps of one size, for as long as they are asked for; each gives its seconds."""
        model, facts = self._model, self._model.facts
        grid = Size(side, side).grid(facts.latent_factor)
        native = facts.native.grid(facts.latent_factor)
        level = model.schedule.level(round(facts.train_timesteps * _LEVEL))
        z = torch.randn(1, model.facts.latent_channels, *grid, device=model.device)
        words = self._condition.positive
        if self._guided:
            words = PromptEmbeddings.batched(self._condition.positive, self._condition.negative)
        guidance = facts.stage_defaults(1)[0].guidance
        generator = torch.Generator().manual_seed(0)
        npa = kind == Attention.NPA.value

        def evaluate(part: Tensor) -> Tensor:
            return model.predict(part, level, words, guidance)

        context: Any = model.neighborhood_attention(grid) if npa else nullcontext()
        with context as tiling:
            while True:
                if npa:  # as in a real run: the tiling moves at every step
                    tiling.offset = _offset(native, generator)
                _wait(model.device)
                began = time.perf_counter()
                if kind == Attention.MULTIDIFFUSION.value:
                    average_views(z, native, evaluate)
                else:
                    evaluate(z)
                _wait(model.device)
                yield time.perf_counter() - began

    def _autoencoder(self, side: int) -> None:
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

    def _wholes(self) -> None:
        always = Settings(guided_sigmas=(0.0, math.inf)) if self._guided else Settings()
        for side in self._request.whole:
            self._whole("upscale", side, always)
            if self._guided and self._model.facts.guided_sigmas != always.guided_sigmas:
                self._whole("upscale, guidance in its interval", side, Settings())
            if self._request.few_steps:
                self._whole("upscale, 4 steps, no guidance", side, Settings(steps=4, guidance=1.0))
            for limit in self._request.limits_gib:
                self._whole("upscale", side, always, limit)

    def _whole(
        self, what: str, side: int, settings: Settings, limit_gib: float | None = None
    ) -> None:
        """A whole upscale of a picture of the native size, as ``scalediff upscale`` runs it."""
        model = self._model
        native = model.facts.native
        limit = None if limit_gib is None else int(limit_gib * GIB)
        # whether it is compiled was decided above and not here
        many = _MANY if self._compiled else 0
        device = find_device(self._request.device)
        room = MemoryBudget(device, limit, compiled_before=True, pictures=many)
        plan = plan_upscale(native, Size(side, side), model.facts, settings, room)
        plan = replace(plan, compiled=self._compiled)
        source = torch.rand(1, 3, native.height, native.width) * 2 - 1
        self._warm_whole(source, plan, settings)
        loads = stage_loads(plan, model.facts, settings)
        steps = [stage.steps for stage in plan.stages]
        stages: list[float] = []

        def hear(progress: Any) -> None:  # noqa: ANN401
            if progress.stage > len(stages):
                _wait(model.device)
                stages.append(time.perf_counter())

        meter = Meter(model.facts.footprint, loads, steps, hear)
        _collect(model.device)
        began = time.perf_counter()
        run_stages(source, plan, settings, model, meter)
        _wait(model.device)
        ended = time.perf_counter()
        peak = peak_bytes(model.device)
        marks = [*stages, ended]
        row: Row = {
            "what": what,
            "side": side,
            "limit_gib": limit_gib,
            "steps": steps,
            "seconds": ended - began,
            "stage_seconds": [b - a for a, b in itertools.pairwise(marks)],
        }
        if peak is not None:
            row["peak_gib"] = peak / GIB
            row["predicted_gib"] = plan.cost.peak_bytes / GIB
        self._add(row)

    def _warm_whole(self, source: Tensor, plan: Plan, settings: Settings) -> None:
        """Half the steps, so that weights lie as planned and every shape is compiled."""
        # fewer would all be guided where only those in an interval are
        stages = tuple(replace(stage, steps=-(-stage.steps // 2)) for stage in plan.stages)
        plan = replace(plan, stages=stages)
        loads = stage_loads(plan, self._model.facts, settings)
        steps = [stage.steps for stage in stages]
        meter = Meter(self._model.facts.footprint, loads, steps, lambda _: None)
        run_stages(source, plan, settings, self._model, meter)

    def _add(self, row: Row) -> None:
        self._speed.rows.append(row)
        self._tell(row)


def matrix_peak(device: torch.device) -> float:
    """Measure what the device's matrix units give in the type that models run in, in TFLOP/s."""
    side = _MATRIX if device.type != "cpu" else 1024
    a, b = (torch.randn(side, side, device=device, dtype=pick_dtype(device)) for _ in range(2))
    seconds, _ = _timed(lambda: a @ b, device, 9)
    return 2 * side**3 / seconds / 1e12


def _timed(
    run: Callable[[], object], device: torch.device, repeats: int
) -> tuple[float, float | None]:
    """Median seconds and peak GiB of ``repeats`` runs."""
    _collect(device)
    seconds: list[float] = []
    for _ in range(repeats):
        _wait(device)
        began = time.perf_counter()
        run()
        _wait(device)
        seconds.append(time.perf_counter() - began)
    peak = peak_bytes(device)
    return sorted(seconds)[len(seconds) // 2], None if peak is None else peak / GIB


def _collect(device: torch.device) -> None:
    """Begin a measurement of memory with nothing left over."""
    gc.collect()
    empty_cache(device)
    forget_peak(device)


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _offset(native: Grid, generator: torch.Generator) -> Offset:
    row, col = (int(torch.randint(n // 2, (), generator=generator)) for n in native)
    return Offset(row, col)


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or device.type


def count_attention() -> None:
    """Register both operators, once; and plain attention where PyTorch counts it as nothing."""
    operators: Any = torch.ops.scalediff
    aten: Any = torch.ops.aten
    formulas: dict[Any, Any] = {
        operators.neighborhood_attention: _attention_flop,
        operators.joint_neighborhood_attention: _joint_attention_flop,
        aten._scaled_dot_product_flash_attention_for_cpu: _plain_attention_flop,
        aten._scaled_dot_product_attention_math_for_mps: _plain_attention_flop,
    }
    for operator, formula in formulas.items():
        if operator not in flop_registry:
            register_flop_formula(operator, get_raw=True)(formula)


def _attention_flop(
    query: Tensor, key: Tensor, value: Tensor, heads: int, number: int, **_: object
) -> int:
    return 4 * query.numel() * _keys(layer_of(number))


def _joint_attention_flop(
    image: list[Tensor], text: list[Tensor], displacement: list[Tensor], number: int, **_: object
) -> int:
    layer = layer_of(number)
    words = text[0].shape[1]
    patches = math.prod(map(len, map(axis_patches, layer.grid, layer.window, layer.offset)))
    batch, tokens, heads, dim = image[0].shape
    return 4 * batch * (tokens + patches * words) * (_keys(layer) + words) * heads * dim


def _keys(layer: LayerTiling) -> int:
    """Keys of a window, which is no larger than the grid."""
    return math.prod(map(min, layer.window, layer.grid))


def _plain_attention_flop(query: Tensor, key: Tensor, *_: object, **__: object) -> int:
    """See ``scaled_dot_product_attention``: (B, heads, N, D) and (B, heads, M, D)."""
    return 4 * query.numel() * key.shape[-2]
