"""Replace samples that no model can use (NaN, infinity), and say so."""

from __future__ import annotations

import numpy as np

from scalediff_engine.images.colour import profile_problem
from scalediff_engine.images.picture import Picture, Pixels

_WORTH_TELLING = 0.01  # samples outside 0..1; fewer are the overshoot of a filter


def with_finite(plane: Pixels) -> tuple[Pixels, int]:
    """Give a plane with 0 for what is infinite or no number, and how many samples that were.

    Args:
        plane: of any shape; it comes back itself where all is well
    """
    finite = np.isfinite(plane)
    bad = plane.size - int(finite.sum())
    return (np.where(finite, plane, np.float32(0)), bad) if bad else (plane, 0)


def remarks(picture: Picture, bad: int = 0) -> tuple[str, ...]:
    """Say what is odd about a picture.

    Args:
        picture: finite
        bad: samples that were not
    """
    notes: tuple[str, ...] = ()
    if picture.depth.is_float:
        if bad:
            notes += (f"{bad} samples were no finite numbers and became 0.",)
        outside = float(((picture.pixels < 0.0) | (picture.pixels > 1.0)).mean())
        if outside >= _WORTH_TELLING:
            notes += (
                f"{outside:.0%} of its values lie outside 0..1 ({picture.pixels.min():.3g} to "
                f"{picture.pixels.max():.3g}): they are kept and enlarged, but not sharpened.",
            )
    problem = profile_problem(picture)
    return notes if problem is None else (*notes, problem)
