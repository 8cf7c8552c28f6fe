"""Everything that the quality tables compare: plain filters, ScaleDiff, and its ablations.

Nothing here reads files or profiles, so that it runs where only torch and diffusers are installed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter

from scalediff_engine.base.geometry import Size
from scalediff_engine.images.lock import source_lock
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.resample import Kernel, resize
from scalediff_engine.models.model import Model
from scalediff_engine.pipeline.loop import run_stages
from scalediff_engine.planning.plan import plan_upscale
from scalediff_engine.planning.progress import meter_for
from scalediff_engine.planning.settings import Attention, Settings
from scalediff_engine.upscalers.enlarge import enlarge_to

BICUBIC = "bicubic"
UNSHARP = "bicubic + unsharp mask"
SCALEDIFF = "ScaleDiff"
FAST = "fast"
DIRECT = "- direct attention"
OUR_OWN = ("- no jitter", "- no source lock")  # parts that are not in the paper
UNSHARP_PERCENT = 150  # what Pillow and most programs begin with


@dataclass(frozen=True)
class Baseline:
    """A named way from a small picture, (h, w, 3) sRGB, to a large one; told a prompt too."""

    name: str
    run: Callable[[Pixels, Size, str], Pixels]


def filters() -> tuple[Baseline, ...]:
    """Ways without any model."""
    return (
        Baseline(BICUBIC, _filter(Kernel.BICUBIC)),
        Baseline("Lanczos", _filter(Kernel.LANCZOS)),
        Baseline(UNSHARP, lambda pixels, target, _: unsharp(pixels, target)),
    )


def upscalers(model: Model, seed: int) -> tuple[Baseline, ...]:
    """What the program offers."""
    return (
        Baseline(SCALEDIFF, _scalediff(model, Settings(seed=seed))),
        Baseline(FAST, lambda pixels, target, _: enlarge_to(pixels, target)),
    )


def ablations(model: Model, plain: Settings) -> tuple[Baseline, ...]:
    """The method, and the method without one of its parts each.

    Args:
        model: runs all of them
        plain: of the first row; the others change one thing
    """
    rows = {
        SCALEDIFF: plain,
        DIRECT: replace(plain, attention=Attention.DIRECT),
        "- MultiDiffusion": replace(plain, attention=Attention.MULTIDIFFUSION),
        "- no LFM": replace(plain, latent_frequency_mixing=False),
        "- no SG": replace(plain, structure_guidance=False),
        OUR_OWN[0]: replace(plain, jitter=False),
        OUR_OWN[1]: replace(plain, source_lock=False),
    }
    return tuple(Baseline(name, _scalediff(model, settings)) for name, settings in rows.items())


def unsharp(pixels: Pixels, target: Size) -> Pixels:
    """Bicubic and an unsharp mask as wide as the enlargement's blur: its factor, in pixels."""
    large = np.clip(resize(pixels, target), 0, 1)
    mask = ImageFilter.UnsharpMask(
        radius=target.width / pixels.shape[1], percent=UNSHARP_PERCENT, threshold=0
    )
    sharp = Image.fromarray(np.round(large * 255).astype(np.uint8)).filter(mask)
    return np.asarray(sharp, np.float32) / np.float32(255)


def enlarged(pixels: Pixels, target: Size, settings: Settings, model: Model) -> Pixels:
    """What the program makes of an 8-bit sRGB picture, without its colour management.

    Args:
        pixels: (h, w, 3) sRGB, 0..1
    """
    plan = plan_upscale(Size(pixels.shape[1], pixels.shape[0]), target, model.facts, settings)
    source = torch.from_numpy(pixels).permute(2, 0, 1)[None] * 2 - 1
    meter = meter_for(plan, model.facts, settings, lambda _: None)
    made = run_stages(source, plan, settings, model, meter)
    result = ((made[0].permute(1, 2, 0) + 1) / 2).float().cpu().numpy()
    if settings.source_lock:
        return source_lock(pixels, result)
    return np.clip(result, 0, 1)


def _filter(kernel: Kernel) -> Callable[[Pixels, Size, str], Pixels]:
    return lambda pixels, target, _: np.clip(resize(pixels, target, kernel=kernel), 0, 1)


def _scalediff(model: Model, settings: Settings) -> Callable[[Pixels, Size, str], Pixels]:
    return lambda pixels, target, prompt: enlarged(
        pixels, target, replace(settings, prompt=prompt), model
    )


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
