"""One of the two networks that ship, x2 or x4, run on a part of a picture."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.images.picture import Pixels
from scalediff_engine.upscalers.spec import SCALES

FOLDER = Path(__file__).parent


class Network(Protocol):
    """What enlarges parts of a picture by a whole number.

    Attributes:
        scale: result pixels for one input pixel, per side
    """

    @property
    def scale(self) -> int:
        """See above."""
        ...

    def region(self, pixels: Pixels, wanted: Box) -> Pixels:
        """A part of what the network makes of the whole picture.

        Args:
            pixels: (H, W, 3) float32 sRGB, 0..1: the whole input
            wanted: in pixels of the result, inside of ``scale`` times the input

        Returns:
            (wanted.size.height, wanted.size.width, 3) float32, 0..1; the same values, up to
            rounding, whatever the part.
        """
        ...


class OnnxNetwork:
    """A network in a file, for ONNX Runtime on the processor.

    Args:
        path: an ONNX file that ``fast_net.py`` wrote: (1, 3, H, W) 0..1 in and out, and metadata
            that say its scale, what sides must divide by, and how far a pixel looks
        threads: of this process to use; 0 = one for each core

    Raises:
        ModelMissing: there is no such file.
        ModelError: onnxruntime is not installed, or the file is damaged.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        if not path.is_file():
            raise _missing(path)
        self._session = _session(path, threads)
        about: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        try:
            self.scale, self.fold, self.reach = (int(about[k]) for k in ("scale", "fold", "reach"))
        except (KeyError, ValueError):
            raise ModelError(
                f"{path.name} is no network of the fast upscaler: it does not say its scale."
            ) from None

    def region(self, pixels: Pixels, wanted: Box) -> Pixels:
        """See :class:`Network`."""
        height, width = pixels.shape[:2]
        read = self._read_box(wanted, Size(width, height).padded(self.fold))
        part = pixels[read.top : read.bottom, read.left : read.right]
        # the last cell of an odd side is completed by its own border
        lacking = ((0, read.size.height - part.shape[0]), (0, read.size.width - part.shape[1]))
        part = np.pad(np.clip(part, 0, 1), (*lacking, (0, 0)), mode="edge")
        planes = np.ascontiguousarray(part.transpose(2, 0, 1)[None], dtype=np.float32)
        result: Any = self._session.run(None, {"picture": planes})[0]
        top, left = wanted.top - read.top * self.scale, wanted.left - read.left * self.scale
        found = result[0, :, top : top + wanted.size.height, left : left + wanted.size.width]
        return np.clip(found.transpose(1, 2, 0), 0, 1)

    def _read_box(self, wanted: Box, padded: Size) -> Box:
        """What the part depends on, in input pixels, from and to whole cells."""
        cells = Box(
            wanted.left // self.scale,
            wanted.top // self.scale,
            -(-wanted.right // self.scale),
            -(-wanted.bottom // self.scale),
        ).grown(self.reach)
        fold = self.fold
        whole = Box(
            cells.left // fold * fold,
            cells.top // fold * fold,
            -(-cells.right // fold) * fold,
            -(-cells.bottom // fold) * fold,
        )
        return whole.within(padded)


@lru_cache(maxsize=4)
def shipped(scale: int, threads: int = 0) -> OnnxNetwork:
    """The network that ships for 2x or 4x; loaded once.

    Raises:
        ModelMissing, ModelError: see :class:`OnnxNetwork`.
    """
    return OnnxNetwork(_shipped_path(scale), threads)


@lru_cache(maxsize=1)
def shipped_hash() -> str:
    """Give what tells these networks from later ones: SHA-256 of x2.onnx and x4.onnx in a row.

    Raises:
        ModelMissing: one of them is not there.
    """
    digest = hashlib.sha256()
    for scale in SCALES:
        try:
            digest.update(_shipped_path(scale).read_bytes())
        except OSError:
            raise _missing(_shipped_path(scale)) from None
    return digest.hexdigest()


def _shipped_path(scale: int) -> Path:
    return FOLDER / f"x{scale}.onnx"


def _missing(path: Path) -> ModelMissing:
    return ModelMissing(
        f"The fast upscaler's file {path.name} is not in {path.parent}. "
        "Installing the program again puts it there."
    )


def _session(path: Path, threads: int) -> Any:  # noqa: ANN401 - onnxruntime has no types
    try:
        runtime: Any = import_module("onnxruntime")
    except ImportError:
        raise ModelError(
            "The fast upscaler needs onnxruntime, which is not installed here. "
            "`pip install onnxruntime` adds it."
        ) from None
    states: Any = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    damaged = (states.Fail, states.InvalidProtobuf, states.InvalidGraph, states.InvalidArgument)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # it would keep what a tile took, beside a model that is loaded, and is no quicker
    options.enable_cpu_mem_arena = False
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except damaged:
        raise ModelError(
            f"The fast upscaler's file {path.name} is damaged. "
            "Installing the program again replaces it."
        ) from None
