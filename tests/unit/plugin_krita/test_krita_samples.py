from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_krita.scalediff.client.pixels import PixelHeader
from plugin_krita.scalediff.samples import Unusable, apply_mask, repack, visible_bounds

TYPES = {"u8": "<u1", "u16": "<u2", "f16": "<f2", "f32": "<f4"}


def test_what_is_in_kritas_order_is_not_copied() -> None:
    header = PixelHeader(1, 1, "rgb", "u8", "straight", "bgr")
    samples = bytearray(b"BGRA")
    assert repack(header, samples) == (header, samples)
    assert repack(header, samples)[1] is samples


@pytest.mark.parametrize(
    ("depth", "opaque"), [("u8", 255), ("u16", 65535), ("f16", 1.0), ("f32", 1.0)]
)
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_an_alpha_is_added_and_the_order_becomes_kritas(
    depth: str, opaque: float, order: str
) -> None:
    values = np.arange(6).reshape(2, 3).astype(TYPES[depth])
    header, packed = repack(PixelHeader(2, 1, "rgb", depth, "none", order), values.tobytes())
    assert (header.alpha, header.order) == ("straight", "bgr" if depth[0] == "u" else "rgb")
    expected = values if order == header.order else values[:, ::-1]
    found = np.frombuffer(packed, TYPES[depth]).reshape(2, 4)
    assert (found[:, :3] == expected).all()
    assert (found[:, 3] == opaque).all()


def test_an_alpha_that_is_there_stays() -> None:
    _, packed = repack(PixelHeader(1, 1, "rgb", "u8", "straight", "rgb"), b"RGBA")
    assert bytes(packed) == b"BGRA"


def test_grey_and_cmyk_get_an_alpha_too() -> None:
    assert bytes(repack(PixelHeader(1, 1, "grey", "u8"), b"G")[1]) == b"G\xff"
    assert bytes(repack(PixelHeader(1, 1, "cmyk", "u8"), b"CMYK")[1]) == b"CMYK\xff"


@pytest.mark.parametrize(("depth", "alpha"), [("u32", "none"), ("u8", "premultiplied")])
def test_what_krita_has_no_layers_for(depth: str, alpha: str) -> None:
    with pytest.raises(Unusable, match=depth):
        repack(PixelHeader(1, 1, "rgb", depth, alpha), bytes(64))


@given(
    st.sampled_from(sorted(TYPES)),
    st.sampled_from(["rgb", "grey"]),
    st.booleans(),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 2**32 - 1),
)
def test_a_mask_goes_into_the_alpha_and_nowhere_else(
    depth: str, model: str, is_opaque: bool, width: int, height: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    header = PixelHeader(width, height, model, depth, "straight")
    shape, kind = (height, width, header.channels), TYPES[depth]
    most = {"u8": 255, "u16": 65535}.get(depth, 1)
    picture = (chance.random(shape) * most).astype(kind)
    if is_opaque:
        picture[..., -1] = most
    mask = chance.choice(np.array([0, 1, 127, 254, 255], np.uint8), (height, width))
    samples = bytearray(picture.tobytes())
    apply_mask(header, samples, mask.tobytes())
    found = np.frombuffer(samples, kind).reshape(shape)
    assert (found[..., :-1] == picture[..., :-1]).all()
    exact = picture[..., -1].astype(np.float64) * mask / 255
    allowed = 0.5 if depth[0] == "u" else 5e-4
    assert (np.abs(found[..., -1].astype(np.float64) - exact) <= allowed + 1e-9).all()


def test_full_and_empty_are_exact_in_every_depth() -> None:
    for depth, one in (("u16", 65535), ("f32", 1.0), ("f16", 1.0)):
        kind = {"u16": "H", "f32": "f", "f16": "e"}[depth]
        samples = bytearray(struct.pack(f"<4{kind}", one, one, one, one))
        apply_mask(PixelHeader(2, 1, "grey", depth, "straight"), samples, bytes([0, 255]))
        assert struct.unpack(f"<4{kind}", samples) == (one, 0, one, one)


@given(
    st.sampled_from(["u8", "u16", "f32"]),
    st.integers(1, 6),
    st.integers(1, 5),
    st.integers(0, 2**32 - 1),
)
def test_the_bounds_of_what_is_visible(depth: str, width: int, height: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    picture = np.ones((height, width, 4), TYPES[depth])
    picture[..., 3] = chance.random((height, width)) < 0.2
    sizes = picture.itemsize * 4, picture.itemsize
    found = visible_bounds(picture.tobytes(), width, *sizes)
    ys, xs = np.nonzero(picture[..., 3])
    if len(ys) == 0:
        assert found is None
    else:
        wide, high = np.ptp(xs) + 1, np.ptp(ys) + 1
        assert found == (xs.min(), ys.min(), wide, high)
