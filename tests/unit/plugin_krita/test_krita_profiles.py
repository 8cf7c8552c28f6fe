from __future__ import annotations

import io
import struct

from fake_krita import FakeApp, FakeDocument
from PIL import Image, ImageCms

from plugin_krita.scalediff.profiles import Profiles, described, profile_in
from plugin_krita.scalediff.spaces import Space


def test_the_profile_of_a_png_is_found() -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "png", icc_profile=icc)
    assert profile_in(file.getvalue()) == icc
    assert described(icc) == "sRGB built-in"


def test_a_png_without_one_has_none() -> None:
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "png")
    assert profile_in(file.getvalue()) == b""
    assert profile_in(b"") == b""


def test_an_old_description_is_read_and_a_damaged_one_is_none() -> None:
    body = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"Mine\0"
    tags = struct.pack(">I4sII", 1, b"desc", 144, len(body))
    icc = bytes(128) + tags + body
    assert described(icc) == "Mine"
    for length in range(len(icc) - 6):
        assert described(icc[:length]) is None or length > 144


def test_a_profile_is_exported_once() -> None:
    app = FakeApp()
    asked: list[str] = []

    class Exporting(FakeDocument):
        def exportImage(self, file: str, options: object) -> bool:  # noqa: N802
            asked.append(file)
            return super().exportImage(file, options)

    def create(*arguments: object) -> FakeDocument:
        made = Exporting(app=app)
        app.open.append(made)
        return made

    app.createDocument = create
    profiles = Profiles(app, dict)
    space = Space("RGBA", "U8", "x.icc")
    assert profiles.bytes_of(space) == profiles.bytes_of(space) == b""
    assert len(asked) == 1
    assert app.open == []


def test_no_profile_is_srgb() -> None:
    profiles = Profiles(FakeApp(), dict)
    assert profiles.name_of(b"", "rgb", "U8") == "sRGB-elle-V2-srgbtrc.icc"
    assert profiles.name_of(b"", "grey", "U8") == "Gray-D50-elle-V2-srgbtrc.icc"
