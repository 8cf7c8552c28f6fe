from __future__ import annotations

import itertools
import math

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
)
from torch import Tensor

from scalediff_engine.method.noise import (
    CLEAN,
    DiscreteSchedule,
    FlowSchedule,
    Level,
    Prediction,
    Schedule,
    Spacing,
    add_noise,
    evenly_spaced_levels,
    predict_clean,
    scheduler_timesteps,
    seeded_noise,
    step_to,
    structure_gamma,
)


def sdxl_alphas() -> Tensor:
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    return torch.cumprod(1 - betas, 0)


SCHEDULES: list[Schedule] = [
    DiscreteSchedule(sdxl_alphas()),
    DiscreteSchedule(sdxl_alphas(), Prediction.V),
    FlowSchedule(mu=1.15),
]


def model_output(z0: Tensor, eps: Tensor, level: Level, prediction: Prediction) -> Tensor:
    """What a perfect model of this kind would say."""
    match prediction:
        case Prediction.EPSILON:
            return eps
        case Prediction.V:
            return level.alpha * eps - level.sigma * z0
        case Prediction.FLOW:
            return eps - z0


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["epsilon", "v", "flow"])
def test_a_perfect_models_output_gives_the_clean_latent_at_every_level(schedule: Schedule) -> None:
    generator = torch.Generator().manual_seed(0)
    z0, eps = (torch.randn(1, 4, 8, 8, generator=generator, dtype=torch.double) for _ in range(2))
    for t in (1, 30, 400, 999):
        level = schedule.level(t)
        z_t = add_noise(z0, eps, level)
        output = model_output(z0, eps, level, schedule.prediction)
        assert torch.allclose(predict_clean(z_t, output, level, schedule.prediction), z0)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["epsilon", "v", "flow"])
def test_a_perfect_model_leads_back_to_the_clean_latent(schedule: Schedule) -> None:
    generator = torch.Generator().manual_seed(0)
    z0, eps = (torch.randn(1, 4, 8, 8, generator=generator) for _ in range(2))
    levels = evenly_spaced_levels(schedule, 600, 7)
    z_t = add_noise(z0, eps, levels[0])
    for level, following in itertools.pairwise(levels):
        assert torch.allclose(z_t, add_noise(z0, eps, level), atol=1e-4)
        z_t = step_to(z_t, z0, level, following)
    assert torch.equal(z_t, z0)


def test_a_step_equals_diffusers_ddim() -> None:
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
    )
    scheduler.set_timesteps(50)
    schedule = DiscreteSchedule(scheduler.alphas_cumprod)
    generator = torch.Generator().manual_seed(0)
    z_t, eps = (torch.randn(1, 4, 8, 8, generator=generator) for _ in range(2))
    level, following = schedule.level(400), schedule.level(380)
    z0 = predict_clean(z_t, eps, level, Prediction.EPSILON)
    theirs = scheduler.step(eps, 400, z_t).prev_sample
    assert torch.allclose(step_to(z_t, z0, level, following), theirs, atol=1e-5)


def test_a_step_equals_diffusers_euler_for_flows() -> None:
    mu = 1.15
    scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    scheduler.set_timesteps(sigmas=[0.9, 0.6, 0.3], mu=mu)
    schedule = FlowSchedule(mu=mu)
    level, following = schedule.level(900), schedule.level(600)
    assert math.isclose(level.sigma, float(scheduler.sigmas[0]), abs_tol=1e-6)
    assert math.isclose(level.timestep, float(scheduler.timesteps[0]), abs_tol=1e-3)
    generator = torch.Generator().manual_seed(0)
    z_t, velocity = (torch.randn(1, 4, 8, 8, generator=generator) for _ in range(2))
    z0 = predict_clean(z_t, velocity, level, Prediction.FLOW)
    theirs = scheduler.step(velocity, scheduler.timesteps[0], z_t).prev_sample
    assert torch.allclose(step_to(z_t, z0, level, following), theirs, atol=1e-5)


def test_levels_start_at_t_start_itself_and_end_clean() -> None:
    levels = evenly_spaced_levels(SCHEDULES[0], 60, 6)
    assert [level.timestep for level in levels] == [60, 50, 40, 30, 20, 10, 0]
    assert levels[-1] == CLEAN
    assert evenly_spaced_levels(SCHEDULES[0], 0, 0) == ()


def test_gamma_is_one_at_the_start_and_fades_to_nothing() -> None:
    for schedule in SCHEDULES[:2]:
        levels = evenly_spaced_levels(schedule, 400, 20)
        gammas = [structure_gamma(level, levels[0], schedule.prediction) for level in levels]
        assert gammas[0] == 1
        assert gammas[-1] == 0
        assert gammas == sorted(gammas, reverse=True)
        abar = sdxl_alphas()
        by_page = (1 - float(abar[200])) / (1 - float(abar[400]))
        assert math.isclose(gammas[10], by_page, rel_tol=1e-5)


def test_gamma_of_a_flow_is_its_sigma() -> None:
    levels = evenly_spaced_levels(FlowSchedule(), 600, 6)
    assert math.isclose(structure_gamma(levels[0], levels[0], Prediction.FLOW), 0.6)
    assert structure_gamma(levels[-1], levels[0], Prediction.FLOW) == 0


def test_noise_depends_on_the_seed_alone() -> None:
    def draw(seed: int) -> Tensor:
        return seeded_noise((1, 4, 8, 8), torch.Generator().manual_seed(seed))

    assert torch.equal(draw(7), draw(7))
    assert not torch.equal(draw(7), draw(8))


# diffusers' own, with numpy 2
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", ["leading", "linspace", "trailing"])
@pytest.mark.parametrize("steps", [4, 30, 50])
@pytest.mark.parametrize("offset", [0, 1])
def test_a_whole_schedule_takes_the_timesteps_and_levels_of_diffusers_euler(
    name: str, steps: int, offset: int
) -> None:
    theirs = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        timestep_spacing=name,
        steps_offset=offset,
    )
    theirs.set_timesteps(steps)
    timesteps = scheduler_timesteps(Spacing(name), steps, offset=offset)
    assert timesteps == pytest.approx(theirs.timesteps.tolist(), abs=1e-3)
    schedule = DiscreteSchedule(theirs.alphas_cumprod)
    levels = [schedule.level(t) for t in timesteps]
    ours = [level.sigma / level.alpha for level in levels]
    assert ours == pytest.approx(theirs.sigmas[:-1].tolist(), rel=1e-5)
    assert all(math.isclose(math.hypot(level.alpha, level.sigma), 1) for level in levels)


def test_the_levels_of_a_flow_are_not_rounded_to_whole_timesteps() -> None:
    theirs = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    theirs.set_timesteps(sigmas=[1 - i / 30 for i in range(30)], mu=1.15)
    levels = evenly_spaced_levels(FlowSchedule(mu=1.15), 1000, 30)
    assert [level.sigma for level in levels] == pytest.approx(theirs.sigmas.tolist(), abs=1e-6)


@pytest.mark.parametrize("mu", [0.0, 0.5, 1.15, *(math.log(shift) for shift in range(2, 20))])
def test_a_flow_begins_at_noise_and_nothing_else(mu: float) -> None:
    first = FlowSchedule(mu=mu).level(1000)
    assert (first.timestep, first.alpha, first.sigma) == (1000, 0, 1)
