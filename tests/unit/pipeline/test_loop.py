"""The loop on a tiny random model of the real classes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_model import TINY
from torch import Tensor

from scalediff_engine.base.errors import Cancelled
from scalediff_engine.base.geometry import Grid, Offset, Size
from scalediff_engine.families.embedded.model import EmbeddedModel, load_embedded
from scalediff_engine.method.frequency import lowpass
from scalediff_engine.method.noise import Level
from scalediff_engine.models.model import PromptEmbeddings, Tiling
from scalediff_engine.pipeline import loop
from scalediff_engine.pipeline.canvas import to_canvas
from scalediff_engine.pipeline.loop import run_stages
from scalediff_engine.pipeline.upsampling import Enlarging
from scalediff_engine.planning.plan import plan_upscale, stage_loads
from scalediff_engine.planning.progress import Meter, Phase, Progress, ProgressCallback
from scalediff_engine.planning.settings import Attention, Settings

FEW = Settings(steps=2, guidance=2)


@pytest.fixture(scope="module")
def model(tiny_folder: Path) -> EmbeddedModel:
    return load_embedded(TINY, torch.device("cpu"), tiny_folder)


def picture(width: int, height: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator) * 2 - 1


def run(
    model: EmbeddedModel,
    source: Tensor,
    target: Size,
    settings: Settings = FEW,
    callback: ProgressCallback = lambda _: None,
) -> Tensor:
    size = Size(source.shape[-1], source.shape[-2])
    plan = plan_upscale(size, target, model.facts, settings)
    loads = stage_loads(plan, model.facts, settings)
    meter = Meter(model.facts.footprint, loads, [s.steps for s in plan.stages], callback)
    return run_stages(source, plan, settings, model, meter)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_picture(
    model: EmbeddedModel,
) -> None:
    source = picture(64, 64)
    first, second = (run(model, source, Size(128, 128)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, run(model, source, Size(128, 128), replace(FEW, seed=1)))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((64, 64), (256, 256)),
        ((65, 107), (195, 321)),
        ((16, 16), (128, 128)),
        ((128, 42), (250, 82)),
        ((1, 1), (4, 4)),
        ((300, 4), (600, 8)),
        ((3, 200), (9, 600)),
        ((50, 50), (50, 50)),
    ],
)
@pytest.mark.parametrize("attention", list(Attention))
def test_the_result_has_exactly_the_asked_size(
    model: EmbeddedModel,
    source: tuple[int, int],
    target: tuple[int, int],
    attention: Attention,
) -> None:
    out = run(model, picture(*source), Size(*target), Settings(steps=1, attention=attention))
    assert out.shape == (1, 3, target[1], target[0])
    assert out.isfinite().all()


def test_at_the_native_size_all_kinds_of_attention_are_the_untouched_model(
    model: EmbeddedModel,
) -> None:
    source = picture(64, 64)
    outs = [run(model, source, Size(64, 64), replace(FEW, attention=a)) for a in Attention]
    assert torch.equal(outs[0], outs[1])
    assert torch.equal(outs[0], outs[2])


@pytest.mark.parametrize(
    "change",
    [
        {"attention": Attention.DIRECT},
        {"attention": Attention.MULTIDIFFUSION},
        {"latent_frequency_mixing": False},
        {"structure_guidance": False},
        {"structure": 0.5},
        {"jitter": False},
        {"guidance": 1.0},
        {"prompt": "soft painting"},
        {"negative": "sharp texture"},
    ],
    ids=str,
)
def test_every_switch_changes_the_picture(model: EmbeddedModel, change: dict[str, object]) -> None:
    source = picture(64, 64)
    plain = run(model, source, Size(128, 128))
    assert not torch.equal(plain, run(model, source, Size(128, 128), replace(FEW, **change)))


def test_structure_zero_is_the_same_as_no_structure_guidance(model: EmbeddedModel) -> None:
    source = picture(64, 64)
    zero = run(model, source, Size(128, 128), replace(FEW, structure=0))
    none = run(model, source, Size(128, 128), replace(FEW, structure_guidance=False))
    assert torch.equal(zero, none)


def test_creativity_zero_is_the_bicubic_picture(model: EmbeddedModel) -> None:
    source = picture(65, 70)
    settings = Settings(creativity=0)
    out = run(model, source, Size(130, 140), settings)
    plan = plan_upscale(Size(65, 70), Size(130, 140), TINY, settings)
    expected = to_canvas(source, plan.sizes, plan.sizes.canvas)[..., :140, :130]
    assert torch.equal(out, expected)


def test_with_gamma_forced_to_one_the_results_low_band_is_the_references(
    model: EmbeddedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    references, results = [], []
    diffuse, decode = loop._diffuse, model.decode

    def watched_diffuse(z_ref: Tensor, *args: object) -> tuple[Tensor, Tensor]:
        references.append(z_ref)
        return diffuse(z_ref, *args)

    def watched_decode(z: Tensor) -> Tensor:
        results.append(z)
        return decode(z)

    # from far enough that the model goes astray where nothing guides it
    monkeypatch.setattr(model, "facts", replace(TINY, t_start_limit=600))
    monkeypatch.setattr(loop, "_diffuse", watched_diffuse)
    monkeypatch.setattr(model, "decode", watched_decode)

    def low_band_error() -> float:
        run(model, picture(64, 64), Size(128, 128), Settings(steps=3, creativity=1))
        c = TINY.guidance_lowpass
        difference = lowpass(results.pop(), c) - lowpass(references.pop(), c)
        return float(difference.square().mean().sqrt())

    monkeypatch.setattr(loop, "structure_gamma", lambda *_: 0.0)
    unguided = low_band_error()
    monkeypatch.setattr(loop, "structure_gamma", lambda *_: 1.0)
    # not zero: this low-pass, used twice, takes a little more than once
    assert low_band_error() < 0.25 * unguided


def offsets_of_a_run(
    model: EmbeddedModel, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> list[Offset]:
    """Where the tiling stood at each evaluation."""
    seen: list[Offset] = []
    tilings: list[Tiling] = []
    attach, predict = model.neighborhood_attention, model.predict

    @contextmanager
    def watched_attach(grid: Grid) -> Generator[Tiling]:
        with attach(grid) as tiling:
            tilings.append(tiling)
            yield tiling

    def watched_predict(
        z: Tensor, level: Level, words: PromptEmbeddings, guidance: float
    ) -> Tensor:
        seen.append(tilings[-1].offset)
        return predict(z, level, words, guidance)

    monkeypatch.setattr(model, "neighborhood_attention", watched_attach)
    monkeypatch.setattr(model, "predict", watched_predict)
    run(model, picture(64, 64), Size(128, 128), settings)
    return seen


def test_jitter_moves_the_tiling_within_half_a_window(
    model: EmbeddedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = offsets_of_a_run(model, monkeypatch, Settings(steps=6, guidance=1))
    assert len(seen) == 6
    assert len(set(seen)) > 3
    assert all(0 <= v < 8 for offset in seen for v in offset)


def test_without_jitter_the_tiling_stands_still(
    model: EmbeddedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = offsets_of_a_run(model, monkeypatch, Settings(steps=3, jitter=False))
    assert set(seen) == {Offset(0, 0)}


def progress_of(model: EmbeddedModel, **kwargs: object) -> list[Progress]:
    seen: list[Progress] = []
    run(model, picture(64, 64), Size(256, 256), Settings(steps=3), seen.append, **kwargs)
    return seen


def test_progress_tells_every_step_and_never_falls(model: EmbeddedModel) -> None:
    seen = progress_of(model)
    denoising = [(p.stage, p.step) for p in seen if p.phase is Phase.DENOISE]
    assert denoising == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    fractions = [p.fraction for p in seen]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] < 1  # decoding is still to come
    assert {(p.stages, p.steps) for p in seen} == {(2, 3)}
    assert seen[-1].seconds_left is not None


def test_every_step_has_a_small_preview(model: EmbeddedModel) -> None:
    previews = [p.preview for p in progress_of(model) if p.phase is Phase.DENOISE]
    assert [p.shape for p in previews if p is not None] == [(32, 32, 3)] * 3 + [(64, 64, 3)] * 3


def test_cancelling_at_any_report_gives_the_untouched_model_back(model: EmbeddedModel) -> None:
    before = dict(model._unet.attn_processors)
    reports = len(progress_of(model))
    for stop_at in range(reports):
        seen = []

        def stop(progress: Progress, at: int = stop_at, seen: list[Progress] = seen) -> None:
            seen.append(progress)
            if len(seen) == at + 1:
                raise Cancelled("stopped")

        with pytest.raises(Cancelled):
            run(model, picture(64, 64), Size(256, 256), Settings(steps=3), stop)
        assert len(seen) == stop_at + 1
        assert all(p is before[n] for n, p in model._unet.attn_processors.items())


def test_the_lock_holds_between_stages(
    model: EmbeddedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = picture(64, 64)
    seen: list[Tensor] = []
    doubled = Enlarging.of_stage
    monkeypatch.setattr(
        Enlarging, "of_stage", lambda self, x, *a: (seen.append(x), doubled(self, x, *a))[1]
    )

    def drift_after_the_first_stage(settings: Settings) -> float:
        run(model, source, Size(256, 256), settings)
        shrunk = torch.nn.functional.interpolate(
            seen.pop(), size=(64, 64), mode="bicubic", antialias=True
        )
        return float((shrunk - source).abs().mean())

    free = drift_after_the_first_stage(replace(FEW, source_lock=False))
    assert drift_after_the_first_stage(FEW) < 0.2 * free


def test_the_source_is_not_written_into(model: EmbeddedModel) -> None:
    source = picture(64, 64)
    kept = source.clone()
    run(model, source, Size(128, 128))
    assert torch.equal(source, kept)
