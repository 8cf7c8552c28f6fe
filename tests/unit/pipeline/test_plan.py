from __future__ import annotations

import math
from dataclasses import replace

import pytest

from scalediff_engine.base.errors import NotEnoughMemory, UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.families.sdxl.spec import SDXL
from scalediff_engine.planning.plan import plan_upscale, target_size
from scalediff_engine.planning.settings import Attention, Settings
from scalediff_engine.spec.footprint import GIB, require_fit


def test_a_scale_or_a_size_gives_the_target() -> None:
    assert target_size(Size(257, 431), scale=3) == Size(771, 1293)
    assert target_size(Size(10, 10), scale=1.26) == Size(13, 13)
    assert target_size(Size(1024, 333), size=Size(2000, 650)) == Size(2000, 650)


@pytest.mark.parametrize("scale", [0.0, -1.0, 0.5, 33.0, 1e9, math.nan, math.inf])
def test_absurd_scales_are_refused_with_the_range(scale: float) -> None:
    with pytest.raises(UsageError, match="between 1 and 32"):
        target_size(Size(100, 100), scale=scale)


def test_a_size_below_the_source_is_refused() -> None:
    with pytest.raises(UsageError, match="90x200 is smaller than the picture"):
        target_size(Size(100, 100), size=Size(90, 200))


def test_a_size_too_far_away_or_too_large_is_refused() -> None:
    with pytest.raises(UsageError, match="a factor of 100"):
        target_size(Size(10, 10), size=Size(10, 1000))
    with pytest.raises(UsageError, match="2,500 MP"):
        target_size(Size(25_000, 25_000), size=Size(50_000, 50_000))


def test_neither_or_both_is_refused() -> None:
    for scale, size in ((None, None), (2.0, Size(20, 20))):
        with pytest.raises(UsageError, match="exactly one"):
            target_size(Size(10, 10), scale=scale, size=size)


def plan(source: tuple[int, int], scale: float, settings: Settings) -> list[tuple[int, int, float]]:
    size = Size(*source)
    planned = plan_upscale(size, target_size(size, scale=scale), EMBEDDED, settings)
    return [(stage.t_start, stage.steps, stage.guidance) for stage in planned.stages]


def test_stages_take_the_familys_own_defaults() -> None:
    one, two = EMBEDDED.stage_table
    as_tuples = [[(s.t_start, s.steps, s.guidance) for s in row] for row in (one, two)]
    assert plan((256, 256), 2, Settings()) == as_tuples[0]
    assert plan((256, 256), 4, Settings()) == as_tuples[1]
    assert plan((256, 256), 8, Settings()) == [*as_tuples[1], as_tuples[1][-1]]


def test_creativity_moves_the_start_and_nothing_else() -> None:
    default = plan((256, 256), 2, Settings())[0]
    same = plan((256, 256), 2, Settings(creativity=EMBEDDED.default_creativity))[0]
    most = plan((256, 256), 2, Settings(creativity=1))[0]
    none = plan((256, 256), 2, Settings(creativity=0))[0]
    assert same == default
    assert most == (EMBEDDED.t_start_limit, *default[1:])
    assert none[:2] == (0, 0)


def test_there_are_never_more_steps_than_timesteps() -> None:
    assert plan((256, 256), 2, Settings(steps=500))[0][1] == EMBEDDED.stage_table[0][0].t_start


@pytest.mark.parametrize(
    "wrong",
    [
        {"creativity": -0.1},
        {"creativity": math.nan},
        {"structure": 1.5},
        {"steps": 0},
        {"guidance": 31},
        {"seed": -1},
        {"seed": 2**63},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must be between"):
        replace(Settings(), **wrong)


def test_cost_grows_linearly_with_pixels() -> None:
    sizes = [Size(256, 256), Size(512, 512), Size(1024, 1024)]
    gflop = [plan_upscale(size, size.scaled(2), EMBEDDED, Settings()).cost.gflop for size in sizes]
    assert math.isclose(gflop[1] / gflop[0], 4, rel_tol=0.01)
    assert math.isclose(gflop[2] / gflop[1], 4, rel_tol=0.01)


def test_multidiffusion_costs_more_and_no_guidance_less() -> None:
    size = Size(512, 512)

    def gflop(settings: Settings) -> float:
        return plan_upscale(size, size.scaled(2), EMBEDDED, settings).cost.gflop

    # 49 views of 256 on 1024 are 3.06 times the pixels
    assert gflop(Settings(attention=Attention.MULTIDIFFUSION)) > 1.5 * gflop(Settings())
    steps = gflop(Settings(guidance=2, steps=8)) - gflop(Settings(guidance=2, steps=4))
    assert gflop(Settings(guidance=1, steps=8)) - gflop(Settings(guidance=1, steps=4)) < 0.6 * steps


def test_guidance_of_one_or_less_is_no_guidance() -> None:
    size = Size(512, 512)
    for guidance in (0, 0.5, 1):
        stage = plan_upscale(size, size.scaled(2), SDXL, Settings(guidance=guidance)).stages[0]
        assert not stage.guides(1.0)
    assert plan_upscale(size, size.scaled(2), SDXL, Settings(guidance=2)).stages[0].guides(1.0)


def test_a_job_that_does_not_fit_is_refused_with_a_size_that_does() -> None:
    size = Size(2048, 2048)
    planned = plan_upscale(size, size.scaled(4), EMBEDDED, Settings())
    with pytest.raises(NotEnoughMemory, match=r"8192x8192 needs .* has 4.0 GiB to use") as error:
        require_fit(planned.cost, 4 * GIB, planned.target, "cpu")
    width = int(str(error.value).split("use. ")[1].split("x")[0])
    fitting = plan_upscale(size, Size(width, width), EMBEDDED, Settings())
    require_fit(fitting.cost, 4 * GIB, fitting.target, "cpu")
    with pytest.raises(NotEnoughMemory, match="Not even a small picture"):
        require_fit(planned.cost, GIB // 4, planned.target, "cpu")
