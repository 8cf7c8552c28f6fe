from __future__ import annotations

import pytest

from scalediff_engine.base.errors import PictureTooLarge, UnreadablePicture
from scalediff_engine.base.geometry import Size
from scalediff_engine.images.exif import Orientation
from scalediff_engine.images.formats import require_area, shown


def test_the_limit_is_told_with_the_numbers() -> None:
    require_area(Size(100, 100), 10_000, "a.png")
    with pytest.raises(
        PictureTooLarge, match=r"a\.png is 2000x1000, 2 million pixels; the limit is 1\.5 million\."
    ):
        require_area(Size(2000, 1000), 1_500_000, "a.png")


def test_a_picture_without_pixels_is_refused() -> None:
    with pytest.raises(UnreadablePicture, match="0x5"):
        require_area(Size(0, 5), 100, "a.png")


@pytest.mark.parametrize("how", Orientation)
def test_turned_pictures_swap_their_sides(how: Orientation) -> None:
    assert shown(Size(3, 2), how) == (Size(2, 3) if how >= 5 else Size(3, 2))
