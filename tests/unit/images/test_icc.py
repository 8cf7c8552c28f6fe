from __future__ import annotations

import imagecodecs
import pytest
from image_files import cmyk_profile
from PIL import ImageCms

from scalediff_engine.images.colour import model_of, name_of
from scalediff_engine.images.picture import ColourModel


def test_the_header_names_the_colour_model() -> None:
    assert model_of(bytes(imagecodecs.cms_profile("adobergb"))) is ColourModel.RGB
    assert model_of(bytes(imagecodecs.cms_profile("gray", gamma=2.2))) is ColourModel.GREY
    assert model_of(cmyk_profile()) is ColourModel.CMYK
    assert model_of(b"no profile" * 30) is None
    assert model_of(b"") is None


def test_names_of_old_and_new_profiles_are_read() -> None:
    new = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    assert name_of(new.tobytes()) == "sRGB built-in"
    assert name_of(cmyk_profile()) == "Test inks"


@pytest.mark.parametrize("cut", [0, 100, 130, 140, 200, 230])
def test_a_damaged_profile_has_no_name_or_part_of_one(cut: int) -> None:
    name = name_of(cmyk_profile()[:cut])
    assert name is None or "Test inks".startswith(name)
