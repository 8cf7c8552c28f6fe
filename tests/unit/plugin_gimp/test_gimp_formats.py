from __future__ import annotations

import fake_gimp  # noqa: F401 - so that the plug-in can be imported
import numpy as np
import pytest
from scalediff_gimp.formats import Curve, Encoding, encoding_of, in_rgb_order, read_encoding

from scalediff_engine.client.pixels import SAMPLE_BYTES, PixelHeader

NAMES = {
    "R'G'B'A u8": Encoding("rgb", "u8", "straight", Curve.PROFILE),
    "RGB float": Encoding("rgb", "f32", "none", Curve.LINEAR),
    "R~G~B~A half": Encoding("rgb", "f16", "straight", Curve.PERCEPTUAL),
    "YA double": Encoding("grey", "f64", "straight", Curve.LINEAR),
    "Y' u16": Encoding("grey", "u16", "none", Curve.PROFILE),
    "Y~A u32": Encoding("grey", "u32", "straight", Curve.PERCEPTUAL),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_read_and_given_back(name: str) -> None:
    assert read_encoding(name) == NAMES[name]
    assert NAMES[name].babl_name == name


@pytest.mark.parametrize("name", ["CMYK u8", "R'G'B'A", "R'GB u8", "RGB u64", "\\indexed-42"])
def test_what_no_layer_has_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not known"):
        read_encoding(name)


def test_a_result_of_another_editor_is_described() -> None:
    header = PixelHeader(2, 2, "rgb", "u8", "premultiplied")
    assert encoding_of(header).babl_name == "R'aG'aB'aA u8"
    with pytest.raises(ValueError, match="CMYK"):
        encoding_of(PixelHeader(2, 2, "cmyk", "u8"))


@pytest.mark.parametrize("depth", SAMPLE_BYTES)
@pytest.mark.parametrize("alpha", ["none", "straight"])
def test_blue_before_red_is_turned_round(depth: str, alpha: str) -> None:
    header = PixelHeader(5, 3, "rgb", depth, alpha, order="bgr")
    kind = {"u": "u", "f": "f"}[depth[0]] + str(SAMPLE_BYTES[depth])
    pixels = np.arange(15 * header.channels).astype(kind).reshape(15, header.channels)
    want = pixels.copy()
    want[:, [0, 2]] = pixels[:, [2, 0]]
    assert in_rgb_order(header, bytearray(pixels.tobytes())) == want.tobytes()
