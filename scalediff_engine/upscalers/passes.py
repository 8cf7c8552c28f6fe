"""Which networks make a factor, one after another (plain arithmetic: plans ask for it)."""

from __future__ import annotations

import math

from scalediff_engine.base.geometry import Size

SCALES = (2, 4)
# What is missing to the size is made by resampling if it is no more than this.
_SMALL_REST = 1.1


def passes_for(factor: float) -> tuple[int, ...]:
    """Which networks to run one after another for a factor: 8 is (4, 2), 3 is (4,), 1 is ()."""
    passes: list[int] = []
    small, large = SCALES
    while factor > _SMALL_REST if passes else factor > 1:
        passes.append(small if factor <= small * _SMALL_REST else large)
        factor /= passes[-1]
    return tuple(passes)


def pass_sizes(now: Size, size: Size) -> list[tuple[int, Size]]:
    """Give the scale of each network that is run, and the size that comes of it.

    Args:
        now: of the picture
        size: of the result; the last pass makes it exactly, whatever its network makes
    """
    passes = passes_for(max(size.width / now.width, size.height / now.height))
    sizes = [now.scaled(math.prod(passes[: i + 1])) for i in range(len(passes) - 1)] + [size]
    return list(zip(passes, sizes, strict=False))  # without a pass there is a size all the same
