from __future__ import annotations

from pathlib import Path

import pytest

from scalediff_engine.base.errors import UnreadablePicture
from scalediff_engine.images import formats
from scalediff_engine.images.formats import is_picture
from scalediff_engine.images.reader import probe


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\0\0\0\x24ftypheic\0\0\0\0mif1", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "HEIC"),
        (b"\xff\x0a\xfa\x1f\x01", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"v/1\x01\x02\0\0\0", "OpenEXR"),
    ],
)
def test_a_format_that_is_not_read_is_named_and_not_called_damaged(
    tmp_path: Path, start: bytes, name: str
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(start + bytes(100))
    with pytest.raises(UnreadablePicture, match=name) as refusal:
        probe(path)
    assert "damaged" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.HEIC", "HEIC"), ("b.jxl", "JPEG XL"), ("c.psd", "Photoshop"), ("d.txt", None)],
)
def test_files_are_known_by_their_extension(name: str, form: str | None) -> None:
    assert formats.by_name(name) == form
    assert not is_picture(Path(name))


def test_a_sound_file_in_a_container_is_not_called_a_damaged_webp(tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + bytes(40))
    with pytest.raises(UnreadablePicture, match="not a picture"):
        probe(tmp_path / "a.webp")
