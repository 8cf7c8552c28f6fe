"""How query patches tile an axis and which window of keys each one sees.

Pure integer arithmetic, one axis at a time; rows and columns are independent.
"""

from __future__ import annotations

from typing import NamedTuple


class Patch(NamedTuple):
    """Queries ``start:stop`` of an axis and the first key of their window."""

    start: int
    stop: int
    window_start: int


def axis_patches(length: int, window: int, offset: int) -> tuple[Patch, ...]:
    """Tile ``length`` tokens with patches of half a window, the tiling shifted by ``offset``.

    The window of the patch that starts at ``r`` starts at ``clamp(r - window/4, 0, length -
    window)``: centred on the patch and pushed inward at the border. Of an odd window, the patch is
    the smaller half, and one more key lies above it than below. With an offset the first and the
    last patch are ragged; their window is that of the whole patch they are a part of. Neighbours
    that the border pushes into the same window are one patch: so an offset does not make more of
    them.

    Args:
        length: tokens along the axis
        window: keys that one patch sees along the axis, at least 2
        offset: start of the first whole patch, any integer (taken modulo half a window)

    Returns:
        Patches in order, without gap or overlap, of at most ``window - window // 4``
        queries. A single patch when the window covers the axis.

    Raises:
        ValueError: the window is smaller than 2.

    Source: ScaleDiff (arXiv 2510.25818), section 3.1; ragged borders and odd windows are ours.
    """
    if window < 2:
        raise ValueError(f"A window needs a length of at least 2, not {window}.")
    if length <= window:
        return (Patch(0, length, 0),)
    size = window // 2
    first = offset % size
    last_window = length - window
    patches: list[Patch] = []
    for r in range(first - size if first else 0, length, size):
        start, stop = max(0, r), min(length, r + size)
        window_start = min(max(r - (window - size) // 2, 0), last_window)
        if patches and patches[-1].window_start == window_start:
            start = patches.pop().start
        patches.append(Patch(start, stop, window_start))
    return tuple(patches)
