"""The face recogniser of ``@vladmandic/face-api``: dlib's network, 128 numbers for a face.

Two pictures of one person are mostly less than 0.6 apart, if both are cut out by the eyes.
Read from the package's ``face_recognition_model.bin`` (8-bit weights with a scale and an offset
each) and run by torch, so no browser is needed.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from scalediff_engine.images.picture import Pixels

SAME_PERSON = 0.6
SIDE_PX = 150
_EYES_APART = 0.38  # of the side
_EYES_DOWN = 0.33
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
    at = SIDE_PX / 2, SIDE_PX * _EYES_DOWN
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
