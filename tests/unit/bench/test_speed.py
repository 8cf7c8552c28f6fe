"""``bench speed`` on tiny models of the real classes: what is measured, counted and shown."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from tiny_flux import TINY_FLUX, tiny_parts
from tiny_sd import TINY_SDXL, checkpoint_of, load_parts, shared
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.flop_counter import FlopCounterMode

from scalediff_engine.base.errors import ModelMissing
from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.bench import page, random_components, speed
from scalediff_engine.bench.speed import (
    KINDS,
    Request,
    Row,
    Speed,
    count_attention,
    matrix_peak,
    measure_speed,
)
from scalediff_engine.families import registry as families
from scalediff_engine.families.flux.model import FluxModel
from scalediff_engine.families.unet.model import UNetModel
from scalediff_engine.method.npa import (
    joint_neighborhood_patch_attention,
    neighborhood_patch_attention,
)
from scalediff_engine.method.patches import axis_patches
from scalediff_engine.models.attention_op import (
    LayerTiling,
    joint_neighborhood_attention,
    neighborhood_attention,
    numbered,
)
from scalediff_engine.models.model import Model, Tiling
from scalediff_engine.spec.family import FamilySpec, ShippedSettings, StageDefaults
from scalediff_engine.spec.footprint import GIB

CPU = torch.device("cpu")
PEAK_TFLOPS = 0.25
SIDES = {"sdxl": (128, 256), "flux": (64, 128, 192)}


@pytest.fixture(scope="module", autouse=True)
def _quickly() -> Iterator[None]:
    """Without what takes time and cannot be told on such models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "matrix_peak", lambda _: PEAK_TFLOPS)  # pyright: ignore[reportUnknownLambdaType]
        patch.setattr(speed, "_collect", lambda _: None)  # pyright: ignore[reportUnknownLambdaType]
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    folder = shared(tmp_path_factory, "sdxl")
    few = ((StageDefaults(t_start=400, steps=2, guidance=7.5),),)
    parts = load_parts(checkpoint_of(folder, "sdxl"), torch.float32)
    return {
        "sdxl": UNetModel(replace(TINY_SDXL, stage_table=few), parts, CPU, torch.float32),
        "flux": FluxModel(TINY_FLUX, tiny_parts(), CPU, torch.float32),
    }


class Measured:
    """A model's measurements, made once for all tests."""

    def __init__(self, name: str, model: Model) -> None:
        self.sides = SIDES[name]
        self.told: list[Row] = []
        self.loaded: list[tuple[str, str]] = []
        request = Request(
            "some/path",
            sizes=self.sides,
            device="cpu",
            repeats=1,
            whole=self.sides[1:2],
            few_steps=True,
            limits_gib=(2.0,),
        )

        def load(wanted: str, device: str) -> Model:
            self.loaded.append((wanted, device))
            return model

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(families, "load", load)
            self.speed = measure_speed(request, self.told.append)

    def rows(self, what: str) -> list[Row]:
        return [row for row in self.speed.rows if row["what"] == what]

    def tflop(self, kind: str, side: int) -> float:
        return next(
            row["tflop"]
            for row in self.rows("step")
            if (row["attention"], row["side"]) == (kind, side)
        )


@pytest.fixture(scope="module")
def sdxl(models: dict[str, Model]) -> Measured:
    return Measured("sdxl", models["sdxl"])


@pytest.fixture(scope="module")
def flux(models: dict[str, Model]) -> Measured:
    return Measured("flux", models["flux"])


@pytest.fixture(params=["sdxl", "flux"])
def measured(request: pytest.FixtureRequest) -> Measured:
    return request.getfixturevalue(request.param)


def test_every_kind_is_measured_at_every_size(measured: Measured) -> None:
    steps = measured.rows("step")
    found = [(row["side"], row["attention"]) for row in steps]
    assert found == list(product(measured.sides, KINDS))
    assert all(row["seconds"] > 0 and row["tflop"] > 0 for row in steps)
    assert not any(row["compiled"] for row in steps)
    for row in steps:
        rate = row["tflop"] / row["seconds"]
        assert row["share_of_peak"] == pytest.approx(rate / PEAK_TFLOPS)


def test_a_guided_step_is_a_batch_of_two(sdxl: Measured, flux: Measured) -> None:
    assert {row["batch"] for row in sdxl.rows("step")} == {2}
    assert {row["batch"] for row in flux.rows("step")} == {1}


class Compiling:
    """What is asked of a model that stays as it is."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    def __call__(self, *, on: bool = True) -> None:
        self.asked.append(on)


@pytest.mark.parametrize("works", [True, False])
def test_compiled_is_measured_only_where_there_is_a_compiler(
    monkeypatch: pytest.MonkeyPatch, models: dict[str, Model], *, works: bool
) -> None:
    model, compiling = copy.copy(models["flux"]), Compiling()
    monkeypatch.setattr(model, "compile", compiling)
    monkeypatch.setattr(families, "load", lambda *_: model)  # pyright: ignore[reportUnknownLambdaType]
    monkeypatch.setattr(speed, "triton_works", lambda _: works)  # pyright: ignore[reportUnknownLambdaType]
    request = Request("flux", sizes=(64,), kinds=("npa",), repeats=1, whole=(64,), device="cpu")
    rows = measure_speed(request, lambda _: None).rows
    expected = ["step", "encode", "decode", "upscale"]
    if works:
        expected[1:1] = ["step", "warm-up from disk"]
    assert [row["what"] for row in rows] == expected
    assert [row["compiled"] for row in rows if row["what"] == "step"] == [False, True][: 1 + works]
    # the whole upscale, and the few steps before it, leave it as it was
    assert compiling.asked == ([True] * 3 if works else [False] * 2)


def test_the_peak_is_that_of_the_type_that_models_run_in(monkeypatch: pytest.MonkeyPatch) -> None:
    products: list[torch.dtype] = []

    def timed(run: Callable[[], torch.Tensor], *_: object) -> tuple[float, None]:
        products.append(run().dtype)
        return 1.0, None

    monkeypatch.setattr(speed, "_timed", timed)
    monkeypatch.setattr(speed, "pick_dtype", lambda _: torch.float64)  # pyright: ignore[reportUnknownLambdaType]
    assert matrix_peak(CPU) == 2 * 1024**3 / 1e12
    assert products == [torch.float64]


def test_the_autoencoder_is_measured_at_every_size(measured: Measured) -> None:
    for what in ("encode", "decode"):
        assert [row["side"] for row in measured.rows(what)] == list(measured.sides)


def test_whole_upscales_are_measured_in_each_form(sdxl: Measured, flux: Measured) -> None:
    plain, limited = "upscale", ("upscale", 2.0)
    few, interval = "upscale, 4 steps, no guidance", "upscale, guidance in its interval"
    for measured, expected in (
        (sdxl, [(plain, None), (interval, None), (few, None), limited]),
        (flux, [(plain, None), (few, None), limited]),
    ):
        wholes = [row for row in measured.speed.rows if "stage_seconds" in row]
        assert [(row["what"], row["limit_gib"]) for row in wholes] == expected
        assert [row["steps"] for row in wholes if row["what"] == few] == [[4]]
        assert [row["steps"] for row in wholes if row["what"] == plain] == [[2], [2]]
        for row in wholes:
            assert row["side"] == measured.sides[1]
            assert 0 < sum(row["stage_seconds"]) <= row["seconds"]
            assert len(row["stage_seconds"]) == len(row["steps"])


def test_guidance_at_every_noise_level_is_measured_once(
    monkeypatch: pytest.MonkeyPatch, models: dict[str, Model]
) -> None:
    model = copy.copy(models["sdxl"])
    model.facts = replace(model.facts, guided_sigmas=(0.0, math.inf))
    monkeypatch.setattr(families, "load", lambda *_: model)  # pyright: ignore[reportUnknownLambdaType]
    made = measure_speed(Request("sd15", sizes=(), whole=(128,), device="cpu"), lambda _: None)
    assert [row["what"] for row in made.rows] == ["upscale"]


def test_rows_are_told_as_they_are_made_and_facts_say_of_what(measured: Measured) -> None:
    assert measured.told == measured.speed.rows
    assert measured.loaded == [("some/path", "cpu")]
    facts = measured.speed.facts
    assert (facts["weights"], facts["peak_tflops"]) == ("real", PEAK_TFLOPS)
    assert facts["torch"] == torch.__version__


def test_beyond_the_native_size_neighborhoods_need_the_fewest_flops(measured: Measured) -> None:
    native, *larger = measured.sides
    assert len({measured.tflop(kind, native) for kind in KINDS}) == 1
    for side in larger:
        direct, multidiffusion, npa = (measured.tflop(kind, side) for kind in KINDS)
        assert npa < direct
        assert npa < 0.6 * multidiffusion


def test_fluxs_flops_are_those_counted_by_hand(flux: Measured) -> None:
    words, channels, layers, window = 5, 32, 4, 8
    for side in flux.sides[1:]:
        across = side // 4 // 2  # latents, packed two by two
        direct = (across**2 + words) ** 2
        # the tiling starts anywhere; at a few offsets the border makes two patches one
        tilings = {len(axis_patches(across, window, offset)) for offset in range(window // 2)}
        saved: list[float] = []
        for patches in (max(tilings) ** 2, min(tilings) ** 2):
            npa = (across**2 + patches * words) * (window**2 + words)
            saved.append(4 * channels * layers * (direct - npa) / 1e12)
        found = flux.tflop("direct", side) - flux.tflop("npa", side)
        assert 0.999 * saved[0] < found < 1.001 * saved[1]
        assert saved[1] < 1.2 * saved[0]


@pytest.mark.parametrize("offset", [Offset(0, 0), Offset(2, 3), Offset(3, 1)])
@pytest.mark.parametrize("grid", [Grid(24, 24), Grid(32, 16), Grid(6, 40)], ids=str)
def test_what_the_counter_is_told_is_what_is_computed(grid: Grid, offset: Offset) -> None:
    count_attention()
    window, heads, dim, words, number = Grid(8, 8), 2, 8, 12, 10**9
    layer = LayerTiling(Tiling(offset), grid, window, halvings=0)
    image = [torch.randn(2, grid.cells, heads, dim) for _ in range(3)]
    text = [torch.randn(2, words, heads, dim) for _ in range(3)]
    rotary = [torch.randn(grid.cells, dim) for _ in range(2)]
    one = [t[:1] for t in image], [t[:1] for t in text]
    with torch.inference_mode():
        with numbered({number: layer}):
            with FlopCounterMode(display=False) as told:
                neighborhood_attention(*(t.flatten(2) for t in image), heads, number)
            with FlopCounterMode(display=False) as told_jointly:
                joint_neighborhood_attention(*one, rotary, number)
        query, key, value = (t.transpose(1, 2) for t in image)
        tiling: dict[str, Any] = {"grid": grid, "window": window, "offset": offset}
        with FlopCounterMode(display=False) as computed:
            neighborhood_patch_attention(query, key, value, **tiling)
        (query, key, value), texts = ([t.transpose(1, 2) for t in part] for part in one)
        named = dict(zip(("text_query", "text_key", "text_value"), texts, strict=True))
        with FlopCounterMode(display=False) as computed_jointly:
            joint_neighborhood_patch_attention(
                query, key, value, **named, displacement=(rotary[0], rotary[1]), **tiling
            )
    keys = min(grid.rows, window.rows) * window.cols
    by_hand = 4 * 2 * grid.cells * keys * heads * dim
    assert told.get_total_flops() == by_hand == computed.get_total_flops()
    assert told_jointly.get_total_flops() == computed_jointly.get_total_flops()
    # the text is there once for each patch, as question and as key
    assert told_jointly.get_total_flops() > by_hand / 2 * (1 + words / keys)


def test_plain_attention_is_counted_on_the_processor_too() -> None:
    count_attention()
    query, key = torch.randn(2, 3, 50, 8), torch.randn(2, 3, 20, 8)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        scaled_dot_product_attention(query, key, key)
    assert counter.get_total_flops() == 2 * (2 * 2 * 3 * 50 * 20 * 8)


def test_random_weights_are_asked_for_by_the_familys_name(
    monkeypatch: pytest.MonkeyPatch, models: dict[str, Model]
) -> None:
    asked: list[tuple[str, str]] = []

    def load_random(family: str, device: str) -> Model:
        asked.append((family, device))
        return models["flux"]

    monkeypatch.setattr(speed, "load_random", load_random)
    request = Request("flux", random_weights=True, sizes=(), whole=(), device="cpu")
    made = measure_speed(request, lambda _: None)
    assert asked == [("flux", "cpu")]
    assert (made.facts["weights"], made.rows) == ("random", [])


def test_random_weights_give_numbers_of_moderate_size(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = shared(tmp_path_factory, "sdxl")
    tiny = ShippedSettings(folder, (), (77, 64, 32))
    monkeypatch.setattr(FamilySpec, "settings", lambda *_: tiny)  # pyright: ignore[reportUnknownLambdaType]
    model = random_components.load_random("sdxl", "cpu")
    with torch.inference_mode():
        z = model.encode(torch.rand(1, 3, 128, 128) * 2 - 1)
        words = model.condition("", "").positive
        out = model.predict(torch.randn_like(z), model.schedule.level(400), words, 1.0)
        pixels = model.decode(z)
    for tensor in (z, out, pixels):
        assert tensor.isfinite().all()
        assert 0 < tensor.float().std() < 100


@pytest.mark.parametrize("name", ["embedded", "sdxxl", "sdxl/base.safetensors", ""])
def test_what_cannot_be_made_up_is_refused_with_what_can(name: str) -> None:
    with pytest.raises(ModelMissing, match=f"Unknown model '{name}'") as refused:
        random_components.load_random(name, "cpu")
    can = str(refused.value).split("made for: ")[1].rstrip(".").split(", ")
    assert {"sdxl", "flux", "sd15"} <= set(can)
    assert "embedded" not in can


# ----- tables


def tables(text: str) -> list[list[list[str]]]:
    """The cells of each Markdown table."""
    found: list[list[list[str]]] = []
    lines = text.splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if not line.startswith("|"):
            continue
        if not before.startswith("|"):
            found.append([])
        assert line.endswith(" |")
        found[-1].append([cell.strip() for cell in line[1:-1].split("|")])
    return found


def assert_is_a_table(rows: list[list[str]]) -> None:
    head, rule, *body = rows
    assert all(head)
    assert rule == ["---"] * len(head)
    assert body
    assert all(len(row) == len(head) for row in body)


def test_the_tables_have_a_line_for_every_row(measured: Measured) -> None:
    text = page.as_tables(measured.speed)
    found = tables(text)
    for table in found:
        assert_is_a_table(table)
    steps, parts, wholes = found
    assert [row[:2] for row in steps[2:]] == [
        [kind, str(side)] for side, kind in product(measured.sides, KINDS)
    ]
    assert [row[0] for row in parts[2:]] == ["encode", "decode"] * len(measured.sides)
    assert len(steps) + len(parts) + len(wholes) - 6 == len(measured.speed.rows)
    assert measured.speed.facts["model"] in text.splitlines()[0]


def test_the_json_holds_everything(measured: Measured) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    read = json.loads(page.as_json(measured.speed), parse_constant=refuse)
    assert read == {"facts": measured.speed.facts, "rows": measured.speed.rows}


FACTS = {"model": "toy", "weights": "real", "device": "a card", "torch": "2", "peak_tflops": 700.0}


def step(**other: Any) -> Row:
    return {
        "what": "step",
        "attention": "npa",
        "compiled": False,
        "side": 4096,
        "batch": 2,
        "seconds": 0.5,
        "peak_gib": 11.25,
        "tflop": 210.0,
        "share_of_peak": 0.6,
    } | other


def test_what_a_graphics_card_tells_besides_is_shown() -> None:
    whole: Row = {
        "what": "upscale",
        "side": 4096,
        "limit_gib": 8.0,
        "steps": [20, 10],
        "seconds": 33.3,
        "stage_seconds": [11.1, 22.2],
        "peak_gib": 7.25,
        "predicted_gib": 7.5,
    }
    compiled = step(compiled=True, warm_up_seconds=12.5)
    warm: Row = {"what": "warm-up from disk", "side": 4096, "seconds": 3.5}
    found = tables(page.as_tables(Speed(FACTS, [step(), compiled, warm, whole])))
    for table in found:
        assert_is_a_table(table)
    steps, parts, wholes = found
    plain, hot = (dict(zip(steps[0], row, strict=True)) for row in steps[2:])
    assert plain["attention"] == "npa"
    assert "compiled" in hot["attention"]
    assert (plain["of peak"], plain["warm-up s"]) == ("60%", "")
    assert float(hot["warm-up s"]) == 12.5
    assert float(plain["peak GiB"]) == pytest.approx(11.25, rel=0.01)
    assert [row[0] for row in parts[2:]] == ["warm-up from disk"]
    shown = dict(zip(wholes[0], wholes[2], strict=True))
    assert (shown["steps"], shown["limit GiB"]) == ("20 + 10", "8")
    assert float(shown["peak GiB"]) == pytest.approx(7.25, rel=0.01)
    assert float(shown["planned"]) == pytest.approx(7.5, rel=0.01)
    assert [float(s) for s in shown["of them each stage"].split(" + ")] == [11.1, 22.2]


def test_nothing_measured_is_no_table() -> None:
    assert tables(page.as_tables(Speed(FACTS, []))) == []


def test_a_row_is_told_as_one_line_without_what_is_not_known() -> None:
    line = page.row_line(step(peak_gib=None))
    assert "\n" not in line
    assert "npa" in line
    assert "None" not in line
    assert "peak_gib" not in line


def test_on_a_device_that_tells_its_peak_plans_are_shown_beside_it(
    monkeypatch: pytest.MonkeyPatch, models: dict[str, Model]
) -> None:
    monkeypatch.setattr(families, "load", lambda *_: models["flux"])  # pyright: ignore[reportUnknownLambdaType]
    monkeypatch.setattr(speed, "peak_bytes", lambda _: 3 * GIB)  # pyright: ignore[reportUnknownLambdaType]
    request = Request("flux", sizes=(64,), kinds=("npa",), repeats=1, whole=(64,), device="cpu")
    made = measure_speed(request, lambda _: None)
    assert [row["peak_gib"] for row in made.rows] == [3.0] * len(made.rows)
    assert made.rows[-1]["predicted_gib"] > 1
