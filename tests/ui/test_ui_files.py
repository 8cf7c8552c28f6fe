"""Picture files, read and written with Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_gateway import picture
from PIL import Image

from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.ui.files import (
    FileProblem,
    free_name,
    read_with_pillow,
    write_with_pillow,
)
from scalediff_engine.ui.picture import make_picture


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK", "I;16", "LA", "1"])
def test_every_kind_of_picture_is_read(tmp_path: Path, mode: str) -> None:
    file = tmp_path / f"x.{'tif' if mode == 'CMYK' else 'png'}"
    Image.new(mode, (5, 3)).save(file)
    found = read_with_pillow(file)
    assert (found.width, found.height) == (5, 3)
    assert found.header.depth == "u8"
    assert (found.header.alpha == "straight") == (mode in ("RGBA", "LA"))


def test_a_picture_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (5, 3)).save(tmp_path / "x.jpg", exif=exif)
    assert read_with_pillow(tmp_path / "x.jpg").width == 3


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"x" * 50])
def test_what_is_no_picture_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(FileProblem, match=r"x\.png cannot be read"):
        read_with_pillow(tmp_path / "x.png")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    before = picture(20, 10)
    write_with_pillow(before, '{"seed": 1}', tmp_path / "x.png")
    after = read_with_pillow(tmp_path / "x.png")
    assert (after.samples == before.samples).all()
    with Image.open(tmp_path / "x.png") as opened:
        assert opened.info["scalediff"] == '{"seed": 1}'
    assert [file.name for file in tmp_path.iterdir()] == ["x.png"]


def test_deep_pictures_are_written_as_they_are_seen(tmp_path: Path) -> None:
    samples = np.full(4 * 2 * 3, 0x8080, np.uint16).view(np.uint8)
    deep = make_picture(PixelHeader(4, 2, "rgb", "u16", order="bgr"), b"", samples)
    write_with_pillow(deep, None, tmp_path / "x.png")
    assert (read_with_pillow(tmp_path / "x.png").samples == 0x80).all()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("mine")
    with pytest.raises(FileProblem, match="there already"):
        write_with_pillow(picture(), None, tmp_path / "x.png")
    assert (tmp_path / "x.png").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="cannot be written"):
        write_with_pillow(picture(), None, tmp_path / "none" / "x.png")


def test_a_free_name_is_found(tmp_path: Path) -> None:
    source = tmp_path / "cat.jpg"
    assert free_name(source, 4.0).name == "cat_x4.png"
    (tmp_path / "cat_x4.png").touch()
    (tmp_path / "cat_x4-2.png").touch()
    assert free_name(source, 4.0).name == "cat_x4-3.png"
    assert free_name(source, 2.5).name == "cat_x2.5.png"
