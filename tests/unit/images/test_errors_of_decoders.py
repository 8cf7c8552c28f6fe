"""Damaged files: every one either reads or becomes one sentence."""

from __future__ import annotations

import functools
import logging
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_files import noise_u8, saved, tiff
from PIL import Image

from scalediff_engine.base.errors import InputError, PictureTooLarge, UnreadablePicture
from scalediff_engine.images.decoder_errors import decoding
from scalediff_engine.images.reader import probe, read

KINDS = (
    *("PNG", "PNG palette", "PNG 16", "JPEG", "JPEG progressive", "JPEG CMYK", "WEBP", "GIF"),
    *("BMP", "TGA", "TIFF", "TIFF tiles", "TIFF lzw", "TIFF float"),
)
QUICK = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@functools.cache
def _sound(kind: str) -> bytes:
    samples = noise_u8(24, 31, 4) // 2
    image = Image.fromarray(np.ascontiguousarray(samples[..., :3]))
    block = Image.Exif()
    block[0x0112] = 6
    match kind:
        case "PNG palette":
            return saved(image.quantize(9), "PNG", transparency=2)
        case "PNG 16":
            return bytes(imagecodecs.png_encode(samples.astype(np.uint16) * 257))
        case "JPEG progressive":
            return saved(image, "JPEG", progressive=True, exif=block)
        case "JPEG CMYK":
            return saved(image.convert("CMYK"), "JPEG")
        case "TIFF tiles":
            return tiff(samples, tile=(16, 16), compression="deflate", extrasamples=["assocalpha"])
        case "TIFF lzw":
            return tiff(samples[..., :3], photometric="rgb", compression="lzw", rowsperstrip=8)
        case "TIFF float":
            return tiff(samples[..., 0].astype(np.float32), compression="deflate", predictor=True)
        case "JPEG" | "WEBP" | "PNG":
            return saved(image, kind, exif=block)
        case _:
            return saved(image, kind)


def _reads_or_refuses(path: Path, data: bytes) -> bool:
    path.write_bytes(data)
    try:
        probe(path, max_pixels=1_000_000)
        read(path, max_pixels=1_000_000)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_the_undamaged_files_read(tmp_path: Path, kind: str) -> None:
    assert _reads_or_refuses(tmp_path / "a", _sound(kind))


@pytest.mark.parametrize("kind", KINDS)
@QUICK
@given(data=st.data())
def test_flipped_bytes_never_escape(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    damaged = bytearray(_sound(kind))
    reach = data.draw(st.sampled_from([40, 300, len(damaged)]))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, min(reach, len(damaged)) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    _reads_or_refuses(tmp_path / "a", bytes(damaged))


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("BMP", "TGA", "GIF")])
@QUICK
@given(share=st.floats(0, 0.98))
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    sound = _sound(kind)
    kept = min(int(len(sound) * share), len(sound) - 16)  # without an end marker alone it is read
    assert not _reads_or_refuses(tmp_path / "a", sound[:kept])


@pytest.mark.parametrize("kind", ["BMP", "TGA", "GIF"])
def test_half_a_file_of_the_simple_formats_is_refused(tmp_path: Path, kind: str) -> None:
    sound = _sound(kind)
    assert not _reads_or_refuses(tmp_path / "a", sound[: len(sound) // 2])


def test_a_picture_beyond_memory_is_too_large_and_not_damaged() -> None:
    with pytest.raises(PictureTooLarge, match="memory"), decoding(Path("a.png")):
        raise MemoryError


def test_a_decoders_words_come_in_one_line() -> None:
    with pytest.raises(UnreadablePicture) as caught, decoding(Path("a.png")):
        raise ValueError("first\n  second." + "x" * 500)
    assert "first second" in str(caught.value)
    assert len(str(caught.value)) < 200


def test_an_interrupt_and_a_bug_are_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt), decoding(Path("a.png")):
        raise KeyboardInterrupt
    with pytest.raises(NameError), decoding(Path("a.png")):
        raise NameError("a bug")


@pytest.mark.parametrize("name", ["imagecodecs", "tifffile"])
def test_decoders_complain_to_a_configured_log_alone(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = logging.getLogger(name)
    monkeypatch.setattr(log, "handlers", [])
    with decoding(tmp_path):
        pass
    assert [type(handler) for handler in log.handlers] == [logging.NullHandler]  # not lastResort
    assert log.propagate
