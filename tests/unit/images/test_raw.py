"""Pixels of the wire to a picture and back, in every form that they can have."""

from __future__ import annotations

import io
import itertools
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scalediff_engine.base.errors import (
    InputError,
    InputMissing,
    PictureTooLarge,
    UnreadablePicture,
)
from scalediff_engine.base.geometry import Size
from scalediff_engine.client import pixels as wire
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.images import raw
from scalediff_engine.images.picture import Depth, Picture
from scalediff_engine.images.raw import read_header, read_pixels, write_pixels

TYPES = {"u8": "u1", "u16": "<u2", "u32": "<u4", "f16": "<f2", "f32": "<f4", "f64": "<f8"}
INTEGERS = ("u8", "u16", "u32")

FORMS = [
    PixelHeader(5, 3, model, depth, alpha, order)
    for model, depth, alpha, order in itertools.product(
        wire.COLOURS, wire.SAMPLE_BYTES, wire.ALPHAS, wire.ORDERS
    )
    if order == "rgb" or model == "rgb"
]
forms = st.builds(
    lambda form, width, height: replace(form, width=width, height=height),
    st.sampled_from(FORMS),
    st.integers(1, 9),
    st.integers(1, 9),
)
in_a_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300
)


def random_samples(header: PixelHeader, seed: int) -> NDArray[Any]:
    """(H, W, channels) of anything that the depth can hold within reason."""
    rng = np.random.default_rng(seed)
    shape = (header.height, header.width, header.channels)
    dtype = np.dtype(TYPES[header.depth])
    if dtype.kind == "u":
        samples = rng.integers(0, 2 ** (8 * dtype.itemsize), shape, dtype.newbyteorder("="))
        samples[rng.random(shape) < 0.2] = 0  # also alpha
    else:
        samples = rng.normal(0.5, 1, shape)
        if header.alpha != "none":
            samples[..., -1] = rng.integers(0, 5, shape[:2]) / 4
    samples = samples.astype(dtype)
    if header.alpha == "premultiplied":  # no colour is brighter than what covers the ground
        covered = np.minimum(samples[..., :-1], samples[..., -1:])
        samples[..., :-1] = np.where(samples[..., -1:] > 0, covered, 0)
    return samples


def stored(header: PixelHeader, samples: NDArray[Any], icc: bytes = b"") -> bytes:
    return wire.to_prefix(replace(header, icc_bytes=len(icc)), icc) + samples.tobytes()


def file_of(folder: Path, data: bytes) -> Path:
    path = folder / "a.pixels"
    path.write_bytes(data)
    return path


def written(picture: Picture, like: PixelHeader) -> bytes:
    stream = io.BytesIO()
    write_pixels(picture, like, stream)
    return stream.getvalue()


def samples_in(data: bytes) -> tuple[PixelHeader, NDArray[Any]]:
    start = wire.PREFIX_BYTES + wire.header_length(data)
    header = wire.read_header(data[wire.PREFIX_BYTES : start])
    shape = (header.height, header.width, header.channels)
    samples = np.frombuffer(data[start + header.icc_bytes :], TYPES[header.depth])
    return header, samples.reshape(shape)


def test_there_are_as_many_forms_as_the_wire_has() -> None:
    assert len(FORMS) == 4 * len(wire.SAMPLE_BYTES) * len(wire.ALPHAS)


@in_a_folder
@given(header=forms, seed=st.integers(0, 10**6))
def test_what_came_in_goes_out(header: PixelHeader, seed: int, tmp_path: Path) -> None:
    samples = random_samples(header, seed)
    data = stored(header, samples)
    found = read_pixels(file_of(tmp_path, data))
    assert found.picture.size == Size(header.width, header.height)
    back = written(found.picture, found.header)
    if header.depth == "u32":  # a float32 has 24 bits
        _, again = samples_in(back)
        assert np.abs(again.astype(float) - samples).max() <= 2**8
    elif header.depth == "f64" or (header.depth == "f32" and header.alpha == "premultiplied"):
        assert np.allclose(samples_in(back)[1], samples, rtol=3e-7, atol=0)
    elif header.depth == "f16" and header.alpha == "premultiplied":
        assert np.allclose(samples_in(back)[1], samples, rtol=1e-3)
    else:
        assert back == data


@in_a_folder
@given(header=forms, seed=st.integers(0, 10**6), width=st.integers(1, 30))
def test_a_result_of_another_size_has_the_same_header_otherwise(
    header: PixelHeader, seed: int, width: int, tmp_path: Path
) -> None:
    icc = bytes(imagecodecs.cms_profile("adobergb"))
    found = read_pixels(file_of(tmp_path, stored(header, random_samples(header, seed), icc)))
    assert found.picture.icc == icc
    channels = wire.COLOURS[header.model]
    alpha = None if header.alpha == "none" else np.ones((2, width), np.float32)
    larger = replace(found.picture, pixels=np.ones((2, width, channels), np.float32), alpha=alpha)
    after, samples = samples_in(written(larger, found.header))
    assert after == replace(header, width=width, height=2, icc_bytes=len(icc))
    top = 1 if header.depth.startswith("f") else np.iinfo(TYPES[header.depth]).max
    assert (samples == top).all()


@pytest.mark.parametrize(("depth", "held"), [("u8", Depth.U8), ("u16", Depth.U16)])
def test_whole_numbers_become_shares(depth: str, held: Depth, tmp_path: Path) -> None:
    top = np.iinfo(TYPES[depth]).max
    samples = np.array([[[0], [top]]], TYPES[depth])
    picture = read_pixels(
        file_of(tmp_path, stored(PixelHeader(2, 1, "grey", depth), samples))
    ).picture
    assert picture.pixels.ravel().tolist() == [0, 1]
    assert (picture.depth, picture.alpha, picture.icc) == (held, None, None)


def test_krita_has_blue_first(tmp_path: Path) -> None:
    header = PixelHeader(1, 1, "rgb", "u8", "straight", "bgr")
    found = read_pixels(file_of(tmp_path, stored(header, np.array([[[51, 102, 255, 204]]], "u1"))))
    assert found.picture.pixels[0, 0] == pytest.approx([1, 0.4, 0.2])
    assert found.picture.alpha is not None
    assert found.picture.alpha[0, 0] == pytest.approx(0.8)


def test_colours_that_were_multiplied_by_alpha_are_divided_by_it(tmp_path: Path) -> None:
    header = PixelHeader(4, 1, "grey", "f32", "premultiplied")
    pairs = [[0.25, 0.5], [0.0, 0.0], [0.5, 0.0], [2.0, 1.0]]
    path = file_of(tmp_path, stored(header, np.array([pairs], "<f4")))
    found = read_pixels(path).picture
    assert found.pixels.ravel().tolist() == [0.5, 0, 0, 2]
    whole = replace(header, depth="u8", width=2)
    bright = np.array([[[200, 100], [7, 0]]], "u1")  # brighter than it can be
    found = read_pixels(file_of(tmp_path, stored(whole, bright))).picture
    assert found.pixels.ravel().tolist() == [1, 0]


@pytest.mark.parametrize("depth", ["f16", "f32", "f64"])
def test_what_is_no_finite_number_becomes_0_and_is_told(depth: str, tmp_path: Path) -> None:
    for alpha in wire.ALPHAS:
        header = PixelHeader(3, 2, "rgb", depth, alpha)
        samples = np.full((2, 3, header.channels), 0.5, TYPES[depth])
        samples[0, 0] = np.nan
        samples[1, 1, 0] = np.inf
        samples[1, 2, -1] = -np.inf
        found = read_pixels(file_of(tmp_path, stored(header, samples)))
        planes = [found.picture.pixels, *([] if alpha == "none" else [found.picture.alpha])]
        assert all(np.isfinite(plane).all() for plane in planes)
        assert (
            found.notes[0] == f"{header.channels + 2} samples were no finite numbers and became 0."
        )


def test_values_beyond_float32_are_no_finite_numbers(tmp_path: Path) -> None:
    samples = np.array([[[1e300], [0.5]]], "<f8")
    found = read_pixels(file_of(tmp_path, stored(PixelHeader(2, 1, "grey", "f64"), samples)))
    assert found.picture.pixels.ravel().tolist() == [0, 0.5]
    assert "1 samples" in found.notes[0]


def test_a_profile_that_cannot_be_used_is_told_and_kept(tmp_path: Path) -> None:
    path = file_of(
        tmp_path, stored(PixelHeader(1, 1, "grey", "u8"), np.zeros((1, 1, 1), "u1"), b"x")
    )
    found = read_pixels(path)
    assert "profile is damaged" in found.notes[0]
    assert found.picture.icc == b"x"


# --- what lies


def sound() -> bytes:
    header = PixelHeader(4, 3, "rgb", "u16", "straight")
    return stored(header, random_samples(header, 0), b"profile")


@in_a_folder
@given(cut=st.integers(0, len(sound()) - 1))
def test_a_file_that_ends_too_early_is_refused(cut: int, tmp_path: Path) -> None:
    path = file_of(tmp_path, sound()[:cut])
    for read in (read_header, read_pixels):
        with pytest.raises(UnreadablePicture) as caught:
            read(path)
        assert str(tmp_path) not in str(caught.value)


@in_a_folder
@given(more=st.binary(min_size=1, max_size=50))
def test_a_file_that_goes_on_too_long_is_refused(more: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnreadablePicture, match="its header says 96 bytes"):
        read_pixels(file_of(tmp_path, sound() + more))


@in_a_folder
@given(data=st.binary(max_size=200))
def test_anything_else_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnreadablePicture):
        read_pixels(file_of(tmp_path, data))


@in_a_folder
@given(
    field=st.sampled_from(["width", "height", "icc_bytes", "model", "depth", "alpha", "order"]),
    value=st.one_of(
        st.integers(-(10**12), 10**12), st.none(), st.sampled_from(["cmyk", "u8", "bgr", "", "x"])
    ),
)
def test_a_header_that_lies_is_refused(field: str, value: Any, tmp_path: Path) -> None:
    data = sound()
    length = wire.header_length(data)
    header = json.loads(data[8 : 8 + length])
    assume(header[field] != value)
    header[field] = value
    text = json.dumps(header).encode()
    lying = data[:4] + len(text).to_bytes(4, "little") + text + data[8 + length :]
    if field == "order" and value == "bgr":  # which nobody can tell
        read_pixels(file_of(tmp_path, lying))
        return
    with pytest.raises(UnreadablePicture):
        read_pixels(file_of(tmp_path, lying))


def test_too_many_pixels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureTooLarge, match="4x3"):
        read_pixels(file_of(tmp_path, sound()), max_pixels=11)


def test_a_file_that_is_not_there_is_told_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(InputMissing) as caught:
        read_pixels(tmp_path / "gone")
    assert str(tmp_path) not in str(caught.value)
    with pytest.raises(InputError):
        read_pixels(tmp_path)


def test_a_file_that_is_cut_off_while_it_is_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of(tmp_path, sound())
    blocks = raw._blocks

    def cutting(header: PixelHeader) -> Any:
        path.write_bytes(sound()[:-1])
        return blocks(header)

    monkeypatch.setattr(raw, "_blocks", cutting)
    with pytest.raises(UnreadablePicture, match="ends too early"):
        read_pixels(path)


def test_a_large_picture_is_in_memory_once(tmp_path: Path) -> None:
    header = PixelHeader(3000, 2000, "rgb", "u16", "straight")
    path = file_of(tmp_path, stored(header, np.zeros((2000, 3000, 4), "<u2")))
    picture_bytes = 4 * 2000 * 3000 * 4
    tracemalloc.start()
    found = read_pixels(path)
    reading_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    before_bytes = tracemalloc.get_traced_memory()[0]
    with (tmp_path / "out").open("wb") as file:
        write_pixels(found.picture, found.header, file)
    writing_bytes = tracemalloc.get_traced_memory()[1] - before_bytes
    tracemalloc.stop()
    assert reading_bytes < picture_bytes + 100e6
    assert writing_bytes < 100e6
    assert (tmp_path / "out").read_bytes() == path.read_bytes()
