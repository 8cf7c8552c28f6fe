"""Faces and text: what an enlarged picture still says, beside how close its pixels are.

``python -m scalediff_engine.bench.faces_text PICTURE... --ocr FILE --face FOLDER --output docs``

Text: lines in several fonts are drawn, shrunk, enlarged by every rival and read by a recogniser;
the share of characters that it gets wrong. ``--ocr`` takes PP-OCRv4's recogniser, which the wheel
of ``rapidocr-onnxruntime`` (Apache 2.0) has as ``models/ch_PP-OCRv4_rec_infer.onnx``.

Faces: ``--face`` takes the folder ``model`` of the npm package ``@vladmandic/face-api`` (MIT).
``EYES`` says in which pictures there are faces and where: ``0957_photo.png`` is one
of the test pictures, ``obama.jpg`` and ``biden.jpg`` are official portraits that the source archive
of ``face_recognition`` 1.3.0 has among its tests.

Renews the tables ``text`` and ``faces`` of ``quality.md``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from importlib import import_module
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.bench.baselines import Baseline, filters, upscalers
from scalediff_engine.bench.metrics import psnr_db
from scalediff_engine.bench.page import cut_to, renew_table, save_crop, small_of
from scalediff_engine.families import registry as families
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.reader import read
from scalediff_engine.images.resample import resize

SCALES = (2, 4)
LINES = (
    "The quick brown fox jumps over",
    "Chapter 17: a winter at sea, 1843",
    "Vertical shafts and gold foil",
)
FONTS = ("DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSansMono.ttf", "DejaVuSerif-Italic.ttf")
SOURCE_EMS = (5, 7, 10)  # pixels of the font's size in the source
_OCR_HEIGHT = 48

EYES: dict[str, Eyes] = {
    "0957_photo": ((203, 101), (249, 102)),
    "obama": ((446, 216), (550, 214)),
    "biden": ((511, 300), (644, 300)),
}
FACE_PX = 160
EYES_PX = 46  # apart in the original, and so 11 in the source at x4
_EYES_DOWN = 0.43
SHOWN = "0957_photo"  # the licences of the crops on the page are those of the test pictures


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, prog="faces_text")
    parser.add_argument("pictures", nargs="*", type=Path, help="with faces")
    parser.add_argument("--output", type=Path, default=Path("docs"))
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--ocr", type=Path)
    parser.add_argument("--face", type=Path)
    options = parser.parse_args(arguments)
    rivals = (*filters(), *upscalers(families.load(options.model), 0))
    page, crops = options.output / "quality.md", options.output / "quality"
    if options.ocr:
        renew_table(page, "text", _text(rivals, Reader(options.ocr), crops))
    if options.face:
        renew_table(page, "faces", _faces(options.pictures, rivals, FaceNet(options.face), crops))


class Reader:
    """Reads one line of text; the recogniser's letters are in its file.

    Args:
        path: (1, 3, 48, W) -1..1 to (1, T, letters + 2), the first for none and the last for space
    """

    def __init__(self, path: Path) -> None:
        runtime: Any = import_module("onnxruntime")
        self._session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        letters = self._session.get_modelmeta().custom_metadata_map["character"]
        self._letters = ["", *letters.splitlines(), " "]

    def read(self, pixels: Pixels) -> str:
        """Read (H, W, 3), 0..1, the best letter of each place."""
        width = round(pixels.shape[1] * _OCR_HEIGHT / pixels.shape[0])
        picture = Image.fromarray(np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8))
        scaled = np.asarray(picture.resize((width, _OCR_HEIGHT), Image.Resampling.BILINEAR))
        planes = (scaled[..., ::-1].astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
        name = self._session.get_inputs()[0].name
        best = self._session.run(None, {name: np.ascontiguousarray(planes)})[0][0].argmax(1)
        kept = [n for n, before in zip(best, [0, *best], strict=False) if n != before]
        return "".join(self._letters[n] for n in kept)


def drawn_line(words: str, font: str, em_px: int, scale: int) -> Pixels:
    """A line of dark text on paper, sides that divide by 4 x ``scale``."""
    face = ImageFont.truetype(font, em_px)
    _, _, right, bottom = face.getbbox(words)
    margin, unit = em_px // 2, 4 * scale
    width, height = (-(-int(n + 2 * margin) // unit) * unit for n in (right, bottom))
    sheet = Image.new("RGB", (width, height), (250, 248, 240))
    ImageDraw.Draw(sheet).text((margin, (height - bottom) // 2), words, (30, 28, 32), face)
    return np.asarray(sheet, np.float32) / np.float32(255)


def stacked(lines: Sequence[Pixels]) -> tuple[Pixels, list[Box]]:
    """One page of lines, and where each is."""
    width = max(line.shape[1] for line in lines)
    sheet = np.empty((sum(line.shape[0] for line in lines), width, 3), np.float32)
    sheet[:] = lines[0][0, 0]
    boxes: list[Box] = []
    top = 0
    for line in lines:
        height, across = line.shape[:2]
        sheet[top : top + height, :across] = line
        boxes.append(Box(0, top, across, top + height))
        top += height
    return sheet, boxes


def edits(found: str, wanted: str) -> int:
    """Fewest letters to put in, take out or change (Levenshtein)."""
    row = list(range(len(wanted) + 1))
    for i, letter in enumerate(found, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(wanted, 1):
            change = before + (letter != other)
            before = row[j]
            row[j] = min(before + 1, row[j - 1] + 1, change)
    return row[-1]


def wrong_share(
    reader: Reader, pixels: Pixels, boxes: Sequence[Box], words: Sequence[str]
) -> float:
    """Share of the characters of a page that are read wrongly; spaces do not count."""
    wrong = total = 0
    for box, line in zip(boxes, words, strict=True):
        found = reader.read(pixels[box.top : box.bottom, box.left : box.right])
        wanted = line.replace(" ", "")
        wrong += min(edits(found.replace(" ", ""), wanted), len(wanted))
        total += len(wanted)
    return wrong / total


def _text(rivals: Sequence[Baseline], reader: Reader, crops: Path) -> str:
    heads = ["", *(f"x{s}, {em} px" for s in SCALES for em in SOURCE_EMS)]
    rows: dict[str, list[str]] = {"original": [], **{rival.name: [] for rival in rivals}}
    words = [line for _ in FONTS for line in LINES]
    for scale in SCALES:
        for em in SOURCE_EMS:
            lines = [drawn_line(w, font, em * scale, scale) for font in FONTS for w in LINES]
            original, boxes = stacked(lines)
            small = small_of(original, scale)
            target = Size(original.shape[1], original.shape[0])
            panels = {rival.name: rival.run(small, target, "sharp photo") for rival in rivals}
            panels["original"] = original
            for name in rows:
                rows[name].append(f"{wrong_share(reader, panels[name], boxes, words):.0%}")
            save_crop(crops / f"text_{em}px_x{scale}.webp", small, panels, (0, 0))
            print("text", f"x{scale}", em, flush=True)  # noqa: T201
    return _lines(heads, rows)


def face_of(pixels: Pixels, eyes: Eyes) -> tuple[Pixels, Eyes, tuple[int, int]]:
    """Reduce a picture until its eyes are ``EYES_PX`` apart, and say where the face is.

    The whole picture is kept: alone, a face is smaller than the model's native size and would be
    enlarged in fewer stages than it ever is in a picture.

    Returns:
        (H, W, 3) with sides that divide by all ``SCALES``, where in it the eyes are, and the top
        and left of the ``FACE_PX`` square around the face.
    """
    scale = min(1.0, EYES_PX / float(np.hypot(*np.subtract(eyes[1], eyes[0]))))
    height, width = pixels.shape[:2]
    if scale < 1:
        pixels = np.clip(resize(pixels, Size(round(width * scale), round(height * scale))), 0, 1)
    (x0, y0), (x1, y1) = (np.array(eyes) * scale).tolist()
    corner = (y0 + y1) / 2 - FACE_PX * _EYES_DOWN, (x0 + x1) / 2 - FACE_PX / 2
    step = max(SCALES)  # so that the square is one in the small pictures, too
    pixels = cut_to(pixels, step)
    top, left = (
        max(0, min(round(at / step) * step, side - FACE_PX))
        for at, side in zip(corner, pixels.shape[:2], strict=True)
    )
    return pixels, ((x0, y0), (x1, y1)), (top, left)


def _faces(paths: Sequence[Path], rivals: Sequence[Baseline], net: FaceNet, crops: Path) -> str:
    heads = [""]
    rows: dict[str, list[str]] = {rival.name: [] for rival in rivals}
    known: dict[str, NDArray[np.float32]] = {}
    for path in paths:
        original, eyes, (top, left) = face_of(read(path).pixels[..., :3], EYES[path.stem])
        face = np.s_[top : top + FACE_PX, left : left + FACE_PX]
        known[path.stem] = net.features(chip(original, eyes))
        for scale in SCALES:
            heads += [f"{path.stem} x{scale}: PSNR dB", "distance"]
            small = small_of(original, scale)
            panels: dict[str, Pixels] = {}
            for rival in rivals:
                made = rival.run(small, Size(original.shape[1], original.shape[0]), "sharp photo")
                panels[rival.name] = made
                far = np.linalg.norm(net.features(chip(made, eyes)) - known[path.stem])
                rows[rival.name] += [
                    f"{psnr_db(made[face], original[face]):.2f}",
                    f"{far:.2f}{'' if far < SAME_PERSON else ' (another person)'}",
                ]
            if path.stem == SHOWN:
                panels["original"] = original
                name = f"face_{path.stem}_x{scale}.webp"
                save_crop(crops / name, small, panels, (top, left), FACE_PX)
            print("face", path.stem, f"x{scale}", flush=True)  # noqa: T201
    pairs = [np.linalg.norm(known[a] - known[b]) for a, b in combinations(known, 2)]
    apart = f"\nOriginals of two people are at least {min(pairs):.2f} apart.\n" if pairs else ""
    return _lines(heads, rows) + apart


def _lines(heads: Sequence[str], rows: dict[str, list[str]]) -> str:
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    lines += [f"| {name} | {' | '.join(figures)} |" for name, figures in rows.items()]
    return "\n".join(lines) + "\n"


SAME_PERSON = 0.6
SIDE_PX = 150
_EYES_APART = 0.38  # of the side
_INPUT_EYES_DOWN = 0.33
_MEAN = (122.782, 117.001, 104.298)
_BLOCKS = (
    *("conv32_1", "conv32_2", "conv32_3"),
    *("conv64_down", "conv64_1", "conv64_2", "conv64_3"),
    *("conv128_down", "conv128_1", "conv128_2"),
    *("conv256_down", "conv256_1", "conv256_2", "conv256_down_out"),
)


Eyes = tuple[tuple[float, float], tuple[float, float]]  # centres, (x, y) in pixels, left to right


def chip(pixels: Pixels, eyes: Eyes) -> Pixels:
    """Cut out a face as the network was trained to see it: eyes level and in the same places.

    Args:
        pixels: (H, W, 3) sRGB, 0..1
        eyes: in ``pixels``
    """
    (left, top), (right, bottom) = eyes
    across, down = (right - left) / _EYES_APART, (bottom - top) / _EYES_APART
    middle = (left + right) / 2, (top + bottom) / 2
    at = SIDE_PX / 2, SIDE_PX * _INPUT_EYES_DOWN
    a, b = across / SIDE_PX, down / SIDE_PX
    back = (a, -b, middle[0] - a * at[0] + b * at[1], b, a, middle[1] - b * at[0] - a * at[1])
    picture = Image.fromarray(np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    size, kind = (SIDE_PX, SIDE_PX), Image.Transform.AFFINE
    turned = picture.transform(size, kind, back, Image.Resampling.BICUBIC)
    return np.asarray(turned, np.float32) / np.float32(255)


class FaceNet:
    """The network, loaded.

    Args:
        folder: ``model`` of the package
    """

    def __init__(self, folder: Path) -> None:
        listed = json.loads((folder / "face_recognition_model-weights_manifest.json").read_text())
        data = b"".join((folder / name).read_bytes() for name in listed[0]["paths"])
        self._weights: dict[str, Tensor] = {}
        at = 0
        for entry in listed[0]["weights"]:
            count, how = int(np.prod(entry["shape"])), entry.get("quantization")
            if how is None:
                values = np.frombuffer(data, np.float32, count, at).copy()
            else:
                values = np.frombuffer(data, np.uint8, count, at).astype(np.float32)
                values = values * np.float32(how["scale"]) + np.float32(how["min"])
            self._weights[entry["name"]] = torch.from_numpy(values.reshape(entry["shape"]))
            at += count * (4 if how is None else 1)

    @torch.inference_mode()
    def features(self, pixels: Pixels) -> NDArray[np.float32]:
        """What tells a face: (128,) from (150, 150, 3) sRGB, 0..1, see ``chip``."""
        x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None] * 255
        x = (x - torch.tensor(_MEAN)[:, None, None]) / 255
        x = functional.relu(self._conv(x, "conv32_down", stride=2))
        x = functional.max_pool2d(x, 3, 2)
        for name in _BLOCKS:
            x = self._block(x, name)
        return (x.mean((2, 3)) @ self._weights["fc"])[0].numpy()

    def _block(self, x: Tensor, name: str) -> Tensor:
        stride = 2 if "down" in name else 1
        made = functional.relu(self._conv(x, f"{name}/conv1", stride))
        made = self._conv(made, f"{name}/conv2")
        if stride == 2:
            x = functional.avg_pool2d(x, 2, 2)
            lacking = (0, x.shape[3] - made.shape[3], 0, x.shape[2] - made.shape[2])
            made = functional.pad(made, lacking)
            x = functional.pad(x, (0, 0, 0, 0, 0, made.shape[1] - x.shape[1]))
        return functional.relu(x + made)

    def _conv(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        filters = self._weights[f"{name}/conv/filters"].permute(3, 2, 0, 1)
        bias = self._weights[f"{name}/conv/bias"]
        x = functional.conv2d(x, filters, bias, stride, padding=1 if stride == 1 else 0)
        scale = self._weights[f"{name}/scale/weights"][:, None, None]
        return x * scale + self._weights[f"{name}/scale/biases"][:, None, None]


if __name__ == "__main__":
    main()
