"""Which pictures are chosen, what goes between the markers, and how text is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalediff_engine.base.geometry import Size
from scalediff_engine.bench.baselines import BICUBIC, SCALEDIFF, unsharp
from scalediff_engine.bench.faces_text import SIDE_PX, chip, drawn_line, edits, face_of, stacked
from scalediff_engine.bench.metrics import Measures, octave_power
from scalediff_engine.bench.page import renew_table
from scalediff_engine.bench.quality import chosen, ranked
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.resample import resize


def found(**gains: float) -> dict[str, dict[str, Measures]]:
    def one(psnr_db: float) -> Measures:
        return Measures(psnr_db, 0.9, 0.8, 0.4, 0.0)

    return {
        stem: {BICUBIC: one(20 + 9 * (stem == "d")), SCALEDIFF: one(20 + 9 * (stem == "d") + gain)}
        for stem, gain in gains.items()
    }


def test_best_and_worst_are_told_by_the_difference_to_bicubic() -> None:
    pictures = found(a=0.5, b=-1.0, c=2.0, d=0.1)
    assert [stem for stem, _ in ranked(pictures)] == ["c", "a", "d", "b"]
    text = chosen(pictures, 4)
    assert "best by PSNR over bicubic: c (+2.00 dB), a (+0.50 dB)." in text
    assert "worst by PSNR over bicubic: b (-1.00 dB), d (+0.10 dB)." in text
    assert "![b x4, worst](quality/b_x4.webp)" in text


def test_a_table_goes_between_its_own_markers_only(tmp_path: Path) -> None:
    page = tmp_path / "quality.md"
    page.write_text("<!-- table x4 -->\nold\n<!-- end x4 -->\n<!-- table x -->\n<!-- end x -->\n")
    renew_table(page, "x", "| \\1 |\n")
    assert page.read_text() == (
        "<!-- table x4 -->\nold\n<!-- end x4 -->\n<!-- table x -->\n| \\1 |\n<!-- end x -->\n"
    )
    with pytest.raises(SystemExit, match="no place for the table 'x8'"):
        renew_table(page, "x8", "")


def test_an_unsharp_mask_adds_power_to_bicubic() -> None:
    small = np.random.default_rng(0).random((32, 32, 3), np.float32) * 0.2 + 0.4
    plain, sharp = resize(small, Size(64, 64)), unsharp(small, Size(64, 64))
    assert octave_power(sharp, 1 / 8, 1 / 4) > 1.5 * octave_power(plain, 1 / 8, 1 / 4)


@pytest.mark.parametrize(
    ("read", "wanted", "count"), [("", "abc", 3), ("abc", "abc", 0), ("axbd", "abcd", 2)]
)
def test_edits_are_the_fewest(read: str, wanted: str, count: int) -> None:
    assert edits(read, wanted) == edits(wanted, read) == count


def test_lines_of_text_keep_their_places_on_the_page() -> None:
    lines = [drawn_line(words, "DejaVuSans.ttf", 20, 4) for words in ("one", "and another")]
    page, boxes = stacked(lines)
    assert all(side % 16 == 0 for side in page.shape[:2])
    for line, box in zip(lines, boxes, strict=True):
        np.testing.assert_array_equal(page[box.top : box.bottom, : box.right], line)


def dots(*points: tuple[float, float], size: int = 600) -> Pixels:
    rows, cols = np.mgrid[:size, :size]
    near = [np.hypot(cols + 0.5 - x, rows + 0.5 - y) < size / 100 for x, y in points]
    return np.repeat(np.any(near, axis=0)[..., None], 3, axis=2).astype(np.float32)


def middles(pixels: Pixels) -> list[tuple[float, float]]:
    """Of the dots left and right of the middle, (x, y)."""
    rows, cols = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    half = pixels.shape[1] / 2
    sides = [pixels[..., 0] * (cols < half), pixels[..., 0] * (cols >= half)]
    return [
        (float((cols * part).sum() / part.sum()), float((rows * part).sum() / part.sum()))
        for part in sides
    ]


def test_faces_are_cut_with_the_eyes_level_and_in_their_places() -> None:
    eyes = ((250.0, 280.0), (350.0, 310.0))
    face, there, (top, left) = face_of(dots(*eyes), eyes)
    assert not any(side % 4 for side in face.shape[:2])
    np.testing.assert_allclose(middles(face), there, atol=0.5)
    for x, y in there:
        assert top < y < top + 160
        assert left < x < left + 160
    assert np.hypot(*np.subtract(there[1], there[0])) == pytest.approx(46)
    left, right = middles(chip(face, there))
    assert left == pytest.approx((SIDE_PX * 0.31, SIDE_PX * 0.33), abs=0.7)
    assert right == pytest.approx((SIDE_PX * 0.69, SIDE_PX * 0.33), abs=0.7)
