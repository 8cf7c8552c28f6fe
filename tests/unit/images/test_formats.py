from __future__ import annotations

from pathlib import Path

import pytest

from scalediff_engine.base.errors import OutputError
from scalediff_engine.base.geometry import Size
from scalediff_engine.images.formats import (
    Format,
    format_for,
    is_picture,
    require_size,
    written_format,
)
from scalediff_engine.images.picture import Depth


@pytest.mark.parametrize("name", ["a.png", "A.JPG", "b.jpeg", "c.tif", "d.WebP", "e.tga", "f.gif"])
def test_pictures_are_recognised_by_extension_in_any_case(name: str) -> None:
    assert is_picture(Path(name))


@pytest.mark.parametrize("name", ["a.txt", "png", "a.png.part", ".png", "a.psd"])
def test_other_files_are_no_pictures(name: str) -> None:
    assert not is_picture(Path(name))


def test_a_result_keeps_the_format_of_its_input_where_we_can_write_it() -> None:
    assert format_for(Path("a.JPEG")) is Format.JPEG
    assert format_for(Path("a.tif")) is Format.TIFF
    assert format_for(Path("a.bmp")) is Format.PNG
    assert written_format(Path("a.bmp")) is None


def test_only_tiff_holds_floats() -> None:
    assert [form for form in Format if Depth.F32 in form.abilities.depths] == [Format.TIFF]


def test_a_picture_too_wide_for_webp_is_refused_before_the_work() -> None:
    require_size(Format.WEBP, Size(16383, 10))
    with pytest.raises(
        OutputError, match="at most 16383 pixels a side and the result has 16384x10"
    ):
        require_size(Format.WEBP, Size(16384, 10))
