"""New pictures from tiny models of the real classes with random weights."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler
from tiny_flux import TINY_FLUX, tiny_parts
from tiny_sd import TINY_SDXL, checkpoint_of, load_parts, shared
from torch import Tensor

from scalediff_engine.base.errors import Cancelled
from scalediff_engine.base.geometry import Size
from scalediff_engine.families.flux.model import FluxModel
from scalediff_engine.families.unet.model import UNetModel
from scalediff_engine.images.picture import Depth
from scalediff_engine.method.frequency import enlarge_latent, latent_frequency_mix
from scalediff_engine.method.noise import Level
from scalediff_engine.models.model import PromptEmbeddings
from scalediff_engine.pipeline import loop
from scalediff_engine.pipeline.loop import run_from_noise
from scalediff_engine.pipeline.upscale import generate
from scalediff_engine.planning.plan_generate import plan_generate
from scalediff_engine.planning.progress import Phase, Progress, ProgressCallback, meter_for
from scalediff_engine.planning.settings import Attention, Settings
from scalediff_engine.spec.family import StageDefaults

CPU = torch.device("cpu")
TREE = Settings(prompt="a tree", steps=1, base_steps=2, seed=5)


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> UNetModel:
    checkpoint = checkpoint_of(shared(tmp_path_factory, "sdxl"), "sdxl")
    return UNetModel(TINY_SDXL, load_parts(checkpoint, torch.float32), CPU, torch.float32)


@pytest.fixture(scope="module")
def flux() -> FluxModel:
    return FluxModel(TINY_FLUX, tiny_parts(), CPU, torch.float32)


@pytest.fixture(params=["sdxl", "flux"])
def model(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def run(
    model: Any,
    target: Size,
    settings: Settings = TREE,
    callback: ProgressCallback = lambda _: None,
) -> Tensor:
    plan = plan_generate(target, model.facts, settings)
    return run_from_noise(plan, settings, model, meter_for(plan, model.facts, settings, callback))


def native_of(model: Any) -> Size:
    return model.facts.native


@pytest.mark.parametrize("factor", [(1, 1), (2, 2), (1.7, 1.1), (0.6, 0.4), (2.3, 2.1)])
def test_the_result_has_exactly_the_asked_size(model: Any, factor: tuple[float, float]) -> None:
    native = native_of(model)
    target = Size(round(native.width * factor[0]) + 1, round(native.height * factor[1]))
    out = run(model, target)
    assert out.shape == (1, 3, target.height, target.width)
    assert out.isfinite().all()


def test_the_seed_decides_the_picture(model: Any) -> None:
    target = native_of(model).scaled(1.5)
    first, second = (run(model, target) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, run(model, target, replace(TREE, seed=6)))


def plain_sampling(
    model: Any, z: Tensor, times: list[float], level: Callable[[float], tuple[float, float]]
) -> Tensor:
    """Sampling written out: DDIM or Euler, guidance of 7.5 or embedded 3.5."""
    condition = model.condition("a tree", "")
    for t, following in itertools.pairwise([*times, 0.0]):
        (a, s), (a_next, s_next) = level(t), level(following)
        noisy = model.schedule.level(round(t))
        if isinstance(model, FluxModel):
            v = model.predict(z, noisy, condition.positive, 3.5)
            z = z + (s_next - s) * v
            continue
        positive = model.predict(z, noisy, condition.positive, 7.5)
        negative = model.predict(z, noisy, condition.negative, 7.5)
        eps = negative + 7.5 * (positive - negative)
        z0 = (z - s * eps) / a
        z = a_next * z0 + s_next * eps
    return z


def drawn_noise(channels: int, grid: tuple[int, int]) -> Tensor:
    return torch.randn(1, channels, *grid, generator=torch.Generator().manual_seed(5))


@torch.inference_mode()
def test_at_the_native_size_sdxl_is_sampled_as_it_always_is(sdxl: UNetModel) -> None:
    abar = sdxl.schedule.alphas_cumprod

    def level(t: float) -> tuple[float, float]:
        kept = float(abar[round(t)]) if t else 1.0
        return kept**0.5, (1 - kept) ** 0.5

    settings = Settings(prompt="a tree", base_steps=3, seed=5, guided_sigmas=(0.0, 1e9))
    z = plain_sampling(sdxl, drawn_noise(4, (16, 16)), [667.0, 334.0, 1.0], level)
    assert (sdxl.decode(z) - run(sdxl, Size(128, 128), settings)).abs().max() < 1e-4


@torch.inference_mode()
def test_at_the_native_size_flux_is_sampled_as_it_always_is(flux: FluxModel) -> None:
    def level(t: float) -> tuple[float, float]:
        shift = np.exp(1.15)
        sigma = float(shift / (shift + 1000 / t - 1)) if t else 0.0
        return 1 - sigma, sigma

    settings = Settings(prompt="a tree", base_steps=4, seed=5)
    z = plain_sampling(flux, drawn_noise(16, (16, 16)), [1000.0, 750.0, 500.0, 250.0], level)
    assert (flux.decode(z) - run(flux, Size(64, 64), settings)).abs().max() < 1e-4


def test_the_base_is_the_untouched_model_whatever_its_proportions(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def attach(_: object) -> None:
        raise AssertionError("attached")

    monkeypatch.setattr(model, "neighborhood_attention", attach)
    native = native_of(model)
    wide = Size(native.width * 2, native.height // 2)
    pictures = [run(model, wide, replace(TREE, attention=attention)) for attention in Attention]
    assert torch.equal(pictures[0], pictures[1])
    assert torch.equal(pictures[0], pictures[2])
    with pytest.raises(AssertionError, match="attached"):
        run(model, native.scaled(2))


@torch.inference_mode()
def test_the_next_stage_starts_from_the_latent_and_the_picture_of_the_base(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    references: list[Tensor] = []
    decoded: list[tuple[Tensor, Tensor]] = []
    diffuse, decode = loop._diffuse, model.decode

    def watched_diffuse(z_ref: Tensor, *args: Any) -> tuple[Tensor, Tensor]:
        references.append(z_ref)
        return diffuse(z_ref, *args)

    def watched_decode(z: Tensor) -> Tensor:
        decoded.append((z, decode(z)))
        return decoded[-1][1]

    monkeypatch.setattr(loop, "_diffuse", watched_diffuse)
    monkeypatch.setattr(model, "decode", watched_decode)
    target = native_of(model).scaled(2)
    run(model, target)
    z, x = decoded[0]
    x_up = torch.nn.functional.interpolate(x, size=target, mode="bicubic")
    z_ru = model.encode(x_up)
    z_lu = enlarge_latent(z, (z_ru.shape[-2], z_ru.shape[-1]))
    expected = latent_frequency_mix(z_lu, z_ru, model.facts.mixing_lowpass)
    assert torch.equal(references[0], expected)
    assert not torch.allclose(expected, z_ru, atol=1e-3)


def test_guidance_is_applied_within_its_interval_alone(
    sdxl: UNetModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, int]] = []
    predict = sdxl.predict

    def watched(z: Tensor, level: Any, words: PromptEmbeddings, guidance: float) -> Tensor:
        seen.append((level.timestep, len(words.tokens)))
        return predict(z, level, words, guidance)

    monkeypatch.setattr(sdxl, "predict", watched)
    run(sdxl, Size(128, 128), replace(TREE, base_steps=5, guided_sigmas=(0.6, 4.0)))
    # one prompt at a time: sigma / alpha is 6.6, 2.8, 1.2, 0.5 and 0.04 at these
    assert [t for t, _ in seen] == [801.0, 601.0, 601.0, 401.0, 401.0, 201.0, 1.0]
    assert {n for _, n in seen} == {1}


def test_consistency_models_get_fresh_noise_at_every_step(
    sdxl: UNetModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(sdxl, Size(128, 128))
    monkeypatch.setattr(sdxl, "facts", replace(TINY_SDXL, renoises=True))
    first, second = (run(sdxl, Size(128, 128)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, plain)


def test_progress_counts_the_base_as_the_first_stage_and_never_falls(model: Any) -> None:
    seen: list[Progress] = []
    settings = replace(TREE, steps=2, base_steps=3)
    plan = plan_generate(native_of(model).scaled(2), model.facts, settings)
    picture = generate(plan, settings, model, seen.append)
    assert [(p.phase, p.stage, p.step) for p in seen] == [
        *((Phase.DENOISE, 1, step) for step in (1, 2, 3)),
        (Phase.DECODE, 1, 3),
        (Phase.ENCODE, 2, 0),
        *((Phase.DENOISE, 2, step) for step in (1, 2)),
        (Phase.DECODE, 2, 2),
        (Phase.FINISH, 2, 2),
    ]
    assert {p.stages for p in seen} == {2}
    fractions = [p.fraction for p in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert all(p.preview is not None for p in seen if p.phase is Phase.DENOISE)
    assert picture.size == plan.target
    assert picture.pixels.dtype == np.float32
    assert 0 <= picture.pixels.min() < picture.pixels.max() <= 1
    assert (picture.depth, picture.alpha, picture.icc) == (Depth.U8, None, None)


def test_it_can_be_cancelled_at_any_step(model: Any) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        run(model, native_of(model).scaled(2), TREE, stop)


def test_a_compiled_model_says_that_it_warms_up_before_each_stages_first_step(
    sdxl: UNetModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int]] = []
    monkeypatch.setattr(sdxl, "compile", lambda **_: seen.append(("compile", 0)))
    plan = replace(plan_generate(Size(256, 256), sdxl.facts, TREE), compiled=True)
    generate(plan, TREE, sdxl, lambda p: seen.append((p.phase.name, p.stage)))
    warm = [place for place, (name, _) in enumerate(seen) if name == "WARM_UP"]
    assert seen[0] == ("compile", 0)
    assert [seen[place] for place in warm] == [("WARM_UP", 1), ("WARM_UP", 2)]
    assert [seen[place + 1] for place in warm] == [("DENOISE", 1), ("DENOISE", 2)]


def test_creativity_zero_enlarges_the_base_and_leaves_it_at_that(sdxl: UNetModel) -> None:
    kept = replace(TREE, creativity=0)
    large = run(sdxl, Size(256, 256), kept)
    base = run(sdxl, Size(128, 128), kept)
    expected = torch.nn.functional.interpolate(base, size=(256, 256), mode="bicubic")
    assert torch.equal(large, expected)


def test_zero_terminal_signal_begins_with_noise_alone(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    checkpoint = checkpoint_of(
        shared(tmp_path_factory, "sdxl"),
        "sdxl",
        prediction="v_prediction",
        zero_terminal_snr=True,
    )
    facts = replace(TINY_SDXL, base=StageDefaults(t_start=999, steps=3, guidance=7.5))
    parts = load_parts(checkpoint, torch.float32)
    config = {**parts.scheduler, "timestep_spacing": "trailing"}
    model = UNetModel(facts, replace(parts, scheduler=config), CPU, torch.float32)
    assert model.base_levels(3)[0].alpha < 1e-4
    assert run(model, Size(128, 128), Settings(prompt="a tree")).isfinite().all()


# diffusers' own, with numpy 2
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
def test_the_base_equals_diffusers_euler_with_the_checkpoints_scheduler(
    tmp_path_factory: pytest.TempPathFactory, spacing: str
) -> None:
    folder = shared(tmp_path_factory, "sdxl")
    parts = load_parts(checkpoint_of(folder, "sdxl"), torch.float32)
    config = {**parts.scheduler, "timestep_spacing": spacing, "steps_offset": 1}
    model = UNetModel(TINY_SDXL, replace(parts, scheduler=config), CPU, torch.float32)
    seen: list[Tensor] = []
    decode = model.decode
    model.decode = lambda z: (seen.append(z), decode(z))[1]
    run(model, TINY_SDXL.native, replace(TREE, base_steps=3))

    euler = EulerDiscreteScheduler.from_config({**config, "_class_name": "EulerDiscreteScheduler"})
    euler.set_timesteps(3)
    grid = TINY_SDXL.native.grid(8)
    noise = torch.randn(1, 4, *grid, generator=torch.Generator().manual_seed(TREE.seed))
    words = model.condition(TREE.prompt, "")
    # Euler's own start for trailing steps lacks the signal's share of a thousandth or so
    x = noise * (euler.sigmas[0] ** 2 + 1).sqrt()
    for t in euler.timesteps:
        z = euler.scale_model_input(x, t)
        level = Level(float(t), 1.0, 0.0)
        good, bad = (model.predict(z, level, w, 1) for w in (words.positive, words.negative))
        x = euler.step(bad + 7.5 * (good - bad), t, x).prev_sample
    assert (seen[0] - x).square().mean().sqrt() < 1e-3 * x.std()
