"""Which sizes the picture passes through on its way to the target."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scalediff_engine.base.geometry import Size

# A source whose sides are within this factor of the native size counts as sharp at that size:
# enlarging it so little leaves nothing for a stage at native size to mend.
SHARP_ENOUGH = 1.25


@dataclass(frozen=True)
class StageSizes:
    """The padded sizes of a run.

    All canvases show the same (padded) picture: going from one to the next is a plain resize, and
    only the last is cropped.

    Attributes:
        start: what is encoded first; close to the source, or to the native size when the source
            is smaller than that
        canvases: one for each diffusion stage, the last is the target rounded up
        target: the size that the caller asked for
    """

    start: Size
    canvases: tuple[Size, ...]
    target: Size

    @property
    def canvas(self) -> Size:
        """The last canvas, which holds the target in its top left corner."""
        return self.canvases[-1]


def stage_sizes(source: Size, target: Size, *, native: Size, multiple: int | Size) -> StageSizes:
    """Give the sizes of every stage to ``target``, each at most about twice the one before.

    Args:
        source: of the picture that exists
        target: what was asked for, any size at all
        native: what the model was trained at
        multiple: canvases are multiples of it in pixels, of one number or of one per axis

    Returns:
        Sizes with a stage at the start size itself when the source had to be enlarged to reach
        the native area (unless that would cost a stage more), else with enlarging stages only
        (one at the target if it is no larger than the source).

    Source: the stage rule is ScaleDiff's (arXiv 2510.25818, section 3); any size, the stage at
    native size and the padding are ours.
    """
    across, down = Size.of_both(multiple)
    canvas = target.padded(multiple)
    to_native = math.sqrt(native.area / source.area)
    to_target = min(target.width / source.width, target.height / source.height)
    enlarge = 1.0 if to_native <= SHARP_ENOUGH else max(1.0, min(to_native, to_target))
    # a stage at the native size must not come on top of those that the way takes without it
    if 1 + _doublings(source, target, enlarge) > max(1, _doublings(source, target, 1.0)):
        enlarge = 1.0
    count = _doublings(source, target, enlarge)
    refine_start = enlarge > 1.0 or count == 0
    # how much of the way the start lies at, per axis
    start_part = (
        min(1.0, source.width * enlarge / target.width),
        min(1.0, source.height * enlarge / target.height),
    )
    first = 0 if refine_start else 1
    sizes = [
        Size(
            _round_to(canvas.width * start_part[0] ** (1 - k / max(1, count)), across),
            _round_to(canvas.height * start_part[1] ** (1 - k / max(1, count)), down),
        )
        for k in range(count)
    ] + [canvas]
    return StageSizes(start=sizes[0], canvases=tuple(sizes[first:]), target=target)


def _doublings(source: Size, target: Size, enlarge: float) -> int:
    """How many stages of a factor of two at most lead from the enlarged source to the target."""
    remaining = max(target.width / source.width, target.height / source.height) / enlarge
    return max(0, math.ceil(math.log2(remaining) - 1e-6))


def _round_to(value: float, multiple: int) -> int:
    return max(multiple, round(value / multiple) * multiple)
