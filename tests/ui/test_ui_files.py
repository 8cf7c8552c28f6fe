"""Picture files of the stand-alone dialog: depth, colours and metadata are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.images import reader, writer
from scalediff_engine.images.picture import ColourModel, Depth, Metadata
from scalediff_engine.images.picture import Picture as Floats
from scalediff_engine.images.recipe import read_recipe
from scalediff_engine.ui.files import FileProblem, PictureFiles, free_name, lossless_ending
from scalediff_engine.ui.picture import Picture, make_picture

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def floats(model: ColourModel, depth: Depth, *, has_alpha: bool) -> Floats:
    rng = np.random.default_rng(1)
    pixels = rng.random((6, 9, model.value), np.float32)
    if depth.is_float:
        pixels[0, 0] = 2.5
    alpha = rng.random((6, 9), np.float32) if has_alpha else None
    icc = PROFILE if model is ColourModel.RGB else None
    return Floats(pixels, alpha, depth, icc, Metadata(dpi=(300.0, 300.0)))


def larger(picture: Picture) -> Picture:
    """As an engine gives it back: the same kind, twice the size."""
    header = replace(picture.header, width=2 * picture.width, height=2 * picture.height)
    types: dict[str, Any] = {"u8": "u1", "u16": "<u2", "f16": "<f2", "f32": "<f4"}
    shape = (picture.height, picture.width, header.channels)
    array: NDArray[Any] = picture.samples.view(types[header.depth]).reshape(shape)
    doubled = np.ascontiguousarray(array.repeat(2, 0).repeat(2, 1))
    return make_picture(header, picture.icc, doubled.reshape(-1).view(np.uint8))


@pytest.mark.parametrize(
    ("name", "model", "depth", "has_alpha", "saved"),
    [
        ("a.png", ColourModel.RGB, Depth.U8, True, ".png"),
        ("b.png", ColourModel.RGB, Depth.U16, False, ".png"),
        ("c.png", ColourModel.GREY, Depth.U16, True, ".png"),
        ("d.tif", ColourModel.RGB, Depth.U16, True, ".tif"),
        ("e.tif", ColourModel.RGB, Depth.F32, False, ".tif"),
        ("f.tif", ColourModel.GREY, Depth.F16, False, ".tif"),
        ("g.tif", ColourModel.CMYK, Depth.U8, False, ".tif"),
    ],
)
def test_depth_colours_and_metadata_are_kept(
    tmp_path: Path, name: str, model: ColourModel, depth: Depth, has_alpha: bool, saved: str
) -> None:
    source = tmp_path / name
    before = floats(model, depth, has_alpha=has_alpha)
    writer.write(before, source)
    files = PictureFiles()
    picture = files.read(source)
    assert (picture.width, picture.height) == (9, 6)
    assert picture.header.depth == depth.value
    result = larger(picture)
    assert lossless_ending(source, result.header) == saved
    target = tmp_path / f"out{saved}"
    files.write(result, '{"seed": 5}', target, source)
    after = reader.read(target)
    assert (after.depth, after.model, after.icc) == (depth, model, before.icc)
    exact = reader.read(source)
    assert (after.pixels[::2, ::2] == exact.pixels).all()
    if exact.alpha is not None:
        assert after.alpha is not None
        assert (after.alpha[::2, ::2] == exact.alpha).all()
    assert after.metadata.dpi == pytest.approx((300.0, 300.0), rel=1e-3)
    assert read_recipe(target) == {"seed": 5}
    left = {file.name for file in tmp_path.iterdir()}
    assert left == {name, target.name}


def test_without_a_recipe_no_metadata_are_written(tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    before = floats(ColourModel.RGB, Depth.U8, has_alpha=False)
    writer.write(before, source)
    files = PictureFiles()
    files.write(larger(files.read(source)), None, target, source)
    after = reader.read(target)
    assert after.metadata == Metadata()
    assert after.icc == before.icc
    assert read_recipe(target) is None


def test_a_lossy_source_becomes_a_lossless_result(tmp_path: Path) -> None:
    source = tmp_path / "x.jpg"
    writer.write(floats(ColourModel.RGB, Depth.U8, has_alpha=False), source)
    header = PictureFiles().read(source).header
    assert lossless_ending(source, header) == ".png"
    assert lossless_ending(source, replace(header, model="cmyk")) == ".tif"


def test_what_is_no_picture_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(b"no picture")
    with pytest.raises(FileProblem, match=r"x\.png is not a picture"):
        PictureFiles().read(file)
    with pytest.raises(FileProblem, match="does not exist"):
        PictureFiles().read(tmp_path / "none.png")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    there = tmp_path / "x.png"
    there.write_text("mine")
    result = make_picture(PixelHeader(2, 2, "rgb", "u8"), b"", np.zeros(12, np.uint8))
    with pytest.raises(FileProblem, match=r"x\.png is there already, and stays as it is"):
        PictureFiles().write(result, None, there)
    assert there.read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["x.png"]


def test_a_folder_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    result = make_picture(PixelHeader(2, 2, "rgb", "u8"), b"", np.zeros(12, np.uint8))
    with pytest.raises(FileProblem, match=r"The folder .* does not exist"):
        PictureFiles().write(result, None, tmp_path / "none" / "x.png")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK", "I;16", "LA", "1"])
def test_every_kind_of_picture_is_read(tmp_path: Path, mode: str) -> None:
    file = tmp_path / f"x.{'tif' if mode == 'CMYK' else 'png'}"
    Image.new(mode, (5, 3)).save(file)
    found = PictureFiles().read(file)
    assert (found.width, found.height) == (5, 3)
    assert (found.header.alpha == "straight") == (mode in ("RGBA", "LA"))


def test_a_picture_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (5, 3)).save(tmp_path / "x.jpg", exif=exif)
    assert PictureFiles().read(tmp_path / "x.jpg").width == 3


def test_a_free_name_is_found(tmp_path: Path) -> None:
    source = tmp_path / "cat.jpg"
    assert free_name(source, 4.0).name == "cat_x4.png"
    (tmp_path / "cat_x4.png").touch()
    (tmp_path / "cat_x4-2.png").touch()
    assert free_name(source, 4.0).name == "cat_x4-3.png"
    assert free_name(source, 2.5).name == "cat_x2.5.png"
