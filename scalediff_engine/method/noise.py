"""Noise levels: how much signal and noise a latent holds, and what a model's output says of it.

A noisy latent is ``z_t = alpha * z_0 + sigma * eps`` in every family; they differ in alpha(t),
sigma(t) and in what the model predicts. Stepping with a predicted clean latent is then the same
for all: it is DDIM for eps- and v-prediction and Euler for flow matching.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Spacing(Enum):
    """How a scheduler spreads its steps over the training timesteps, by diffusers' names."""

    LEADING = "leading"
    LINSPACE = "linspace"
    TRAILING = "trailing"


class Prediction(Enum):
    """What a model's output is."""

    EPSILON = "epsilon"
    V = "v_prediction"
    FLOW = "flow"


class Level(NamedTuple):
    """``z_t = alpha * z_0 + sigma * eps``; ``timestep`` is what the model hears of it."""

    timestep: float
    alpha: float
    sigma: float


CLEAN = Level(timestep=0.0, alpha=1.0, sigma=0.0)


class Schedule(Protocol):
    """Where a family's levels come from."""

    @property
    def prediction(self) -> Prediction:
        """What the model's output is."""
        ...

    def level(self, t: float) -> Level:
        """Return the level at training timestep ``t``."""
        ...


@dataclass(frozen=True)
class DiscreteSchedule:
    """Variance preserving: a table of abar over the training timesteps.

    Attributes:
        alphas_cumprod: (timesteps,) abar, falling
    """

    alphas_cumprod: Tensor
    prediction: Prediction = Prediction.EPSILON

    def level(self, t: float) -> Level:
        """Return alpha = sqrt(abar_t) and sigma = sqrt(1 - abar_t).

        Between two timesteps, sigma / alpha is interpolated linearly, as Euler schedulers do.
        """
        below = math.floor(t)
        abar = float(self.alphas_cumprod[below])
        alpha, sigma = math.sqrt(abar), math.sqrt(1 - abar)
        if t == below:
            return Level(float(t), alpha, sigma)
        above = self.level(below + 1)
        ratio = sigma / alpha
        ratio += (t - below) * (above.sigma / above.alpha - ratio)
        alpha = 1 / math.hypot(1, ratio)
        return Level(t, alpha, ratio * alpha)


@dataclass(frozen=True)
class FlowSchedule:
    """Rectified flow: sigma from 0 to 1, bent by a shift ``mu``.

    Attributes:
        mu: ``log`` of the shift; models compute it for the base sequence length at every stage
        timesteps: length of the training schedule
    """

    mu: float = 0.0
    timesteps: int = 1000
    prediction: Prediction = Prediction.FLOW

    def level(self, t: float) -> Level:
        """Return sigma = e^mu / (e^mu + 1/s - 1) with s = t / timesteps, alpha = 1 - sigma."""
        if t <= 0:
            return CLEAN
        shift = math.exp(self.mu)
        sigma = shift / (shift + (self.timesteps / t - 1))  # exactly 1 at the last timestep
        return Level(sigma * self.timesteps, 1 - sigma, sigma)


def evenly_spaced_levels(schedule: Schedule, t_start: int, steps: int) -> tuple[Level, ...]:
    """Return ``steps`` levels from ``t_start`` itself, evenly towards 0, then the clean one.

    Tables have whole timesteps, so theirs are rounded; a flow's are not.

    Returns:
        ``steps + 1`` levels; empty when ``steps`` is 0.
    """
    if steps == 0:
        return ()
    timesteps = [t_start * (1 - i / steps) for i in range(steps)]
    if schedule.prediction is not Prediction.FLOW:
        timesteps = [max(1, round(t)) for t in timesteps]
    return (*(schedule.level(t) for t in timesteps), CLEAN)


def scheduler_timesteps(
    spacing: Spacing, steps: int, *, offset: int = 0, train_timesteps: int = 1000
) -> tuple[float, ...]:
    """Return the timesteps, falling, at which a published scheduler runs a whole schedule.

    Args:
        spacing: ``timestep_spacing`` of the scheduler's configuration
        steps: evaluations of the model, at most ``train_timesteps``
        offset: ``steps_offset`` of the configuration; only ``leading`` uses it
        train_timesteps: length of the training schedule

    Source: Lin et al. 2023 (arXiv 2305.08891), table 2; diffusers' Euler schedulers.
    """
    match spacing:
        case Spacing.LEADING:
            stride = train_timesteps // steps
            rising = [min(i * stride + offset, train_timesteps - 1) for i in range(steps)]
            return tuple(float(t) for t in reversed(rising))
        case Spacing.LINSPACE:
            last = train_timesteps - 1
            return tuple(last * (1 - i / max(1, steps - 1)) for i in range(steps))
        case Spacing.TRAILING:
            stride = train_timesteps / steps
            return tuple(float(round(train_timesteps - i * stride) - 1) for i in range(steps))


def add_noise(z0: Tensor, eps: Tensor, level: Level) -> Tensor:
    """Diffuse a clean latent to a level; (B, C, rows, cols) each."""
    return level.alpha * z0 + level.sigma * eps


def predict_clean(z_t: Tensor, output: Tensor, level: Level, prediction: Prediction) -> Tensor:
    """Read the clean latent out of a model's output; (B, C, rows, cols) each."""
    match prediction:
        case Prediction.EPSILON:
            return (z_t - level.sigma * output) / level.alpha
        case Prediction.V:
            return level.alpha * z_t - level.sigma * output
        case Prediction.FLOW:
            return z_t - level.sigma * output


def noise_in(z_t: Tensor, z0: Tensor, level: Level) -> Tensor:
    """Give the noise that turns ``z0`` into ``z_t`` at this level; (B, C, rows, cols) each."""
    return (z_t - level.alpha * z0) / level.sigma


def step_to(z_t: Tensor, z0: Tensor, level: Level, following: Level) -> Tensor:
    """Go from one level to the following one, deterministically, along ``z0``.

    Args:
        z_t: (B, C, rows, cols) at ``level``
        z0: (B, C, rows, cols) clean latent, guided or not
        level, following: noise falls from one to the other
    """
    if following.sigma == 0:
        return z0
    return following.alpha * z0 + following.sigma * noise_in(z_t, z0, level)


def structure_gamma(level: Level, start: Level, prediction: Prediction) -> float:
    """Give the weight of Structure Guidance, which fades to 0 with the noise.

    For eps and v ``(1 - abar_t) / (1 - abar_start)``, which is 1 at the start; for flow
    ``sigma_t``, which is 1 only where the noise is all there is (method page, section 1).
    """
    if prediction is Prediction.FLOW:
        return level.sigma
    return level.sigma**2 / start.sigma**2


def seeded_noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draw float32 noise for a whole latent from a seeded CPU generator.

    Drawn on the CPU and at once, so that devices, tiling and memory plans do not change it.
    """
    return torch.randn(shape, generator=generator, dtype=torch.float32)
