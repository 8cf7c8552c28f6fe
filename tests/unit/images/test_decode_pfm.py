from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalediff_engine.base.errors import UnreadablePicture
from scalediff_engine.images.picture import Depth
from scalediff_engine.images.reader import load, probe


@pytest.mark.parametrize(("kind", "channels"), [("Pf", 1), ("PF", 3)])
@pytest.mark.parametrize(("scale", "order"), [("-1.0", "<f4"), ("1.0", ">f4"), ("-1e0", "<f4")])
def test_float_maps_are_read_from_the_bottom_up(
    tmp_path: Path, kind: str, channels: int, scale: str, order: str
) -> None:
    samples = np.random.default_rng(0).normal(0, 3, (9, 11, channels)).astype(np.float32)
    path = tmp_path / "a.pfm"
    path.write_bytes(f"{kind}\n11 9\n{scale}\n".encode() + samples[::-1].astype(order).tobytes())
    found, header = load(path), probe(path)
    np.testing.assert_array_equal(found.picture.pixels, samples)
    assert found.picture.depth is header.depth is Depth.F32
    assert (found.picture.size, found.picture.model) == (header.size, header.model)


@pytest.mark.parametrize("data", [b"PF\n11 9\n", b"PF\n3 2\n-1\n" + bytes(71), b"PF\nx y\n-1\n"])
def test_damaged_float_maps_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.pfm").write_bytes(data)
    with pytest.raises(UnreadablePicture, match="damaged"):
        load(tmp_path / "a.pfm")
