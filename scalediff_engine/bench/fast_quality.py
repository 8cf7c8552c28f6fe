"""The fast upscaler beside plain resampling and Real-ESRGAN's small model: tables and crops.

``python -m scalediff_engine.bench.fast_quality PICTURE... --features features.onnx
--real-esrgan FOLDER --output docs``

Renews the tables ``fast x2``, ``fast x4``, their ``means`` and ``fast inputs`` of ``quality.md``;
see ``feature_net`` and ``real_esrgan`` for the two options, without which their figures are left
out.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from scalediff_engine.base.geometry import Size
from scalediff_engine.bench.baselines import NAME as REAL_ESRGAN
from scalediff_engine.bench.baselines import real_esrgan
from scalediff_engine.bench.metrics import FeatureNet, KidScore, measure, psnr_db, shown
from scalediff_engine.bench.page import cut_to, in_8_bits, renew_table, save_crop
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.reader import read
from scalediff_engine.images.resample import Kernel, resize
from scalediff_engine.upscalers.enlarge import enlarge_to

SCALES = (2, 4)
OURS = "fast"
NOISE = 3 / 255
JPEG_QUALITY = 80


@dataclass(frozen=True)
class Row:
    """One method on one picture; ``luma_db`` is the PSNR of the luma, the others as in Measures."""

    psnr_db: float
    luma_db: float
    ssim: float
    power_mid: float
    power_top: float
    seconds: float


def plain(kernel: Kernel) -> Callable[[Pixels, Size], Pixels]:
    """Enlarging with a resampling kernel alone."""
    return lambda small, size: np.clip(resize(small, size, kernel=kernel), 0, 1)


Methods = dict[str, Callable[[Pixels, Size], Pixels]]

METHODS: Methods = {
    "bicubic": plain(Kernel.BICUBIC),
    "Lanczos": plain(Kernel.LANCZOS),
    OURS: enlarge_to,
}


def bicubic_input(original: Pixels, size: Size) -> Pixels:
    """The clean small picture of the main tables."""
    return in_8_bits(resize(original, size))


def box_input(original: Pixels, size: Size) -> Pixels:
    """Means of blocks of pixels, as many programs shrink."""
    return in_8_bits(resize(original, size, kernel=Kernel.BOX))


def jpeg_input(original: Pixels, size: Size) -> Pixels:
    """A small JPEG file."""
    file = io.BytesIO()
    pixels = np.round(bicubic_input(original, size) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(file), np.float32) / np.float32(255)


def noisy_input(original: Pixels, size: Size) -> Pixels:
    """Grain with a standard deviation of three 8-bit steps."""
    small = resize(original, size)
    grain = np.random.default_rng(0).normal(0, NOISE, small.shape)
    return in_8_bits((small + grain).astype(np.float32))


INPUTS = {
    "bicubic": bicubic_input,
    "box": box_input,
    f"JPEG, quality {JPEG_QUALITY}": jpeg_input,
    "grain of 3/255": noisy_input,
}


def compare(
    original: Pixels, small: Pixels, methods: Methods
) -> tuple[dict[str, Row], dict[str, Pixels]]:
    """Every method on one small picture: its figures, and what it made of it."""
    size = Size(original.shape[1], original.shape[0])
    rows: dict[str, Row] = {}
    results: dict[str, Pixels] = {}
    for name, run in methods.items():
        start = time.perf_counter()
        result = results[name] = run(small, size)
        seconds = time.perf_counter() - start
        found = measure(result, original)
        rows[name] = Row(
            psnr_db=found.psnr_db,
            luma_db=psnr_db(_luma(result), _luma(original)),
            ssim=found.ssim,
            power_mid=found.power_mid,
            power_top=found.power_top,
            seconds=seconds,
        )
    return rows, results


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, prog="fast_quality")
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, default=Path("docs"))
    parser.add_argument("--features", type=Path, help="network of patch-KID, see feature_net")
    parser.add_argument("--real-esrgan", type=Path, metavar="FOLDER", help="see real_esrgan")
    options = parser.parse_args(arguments)
    crops: Path = options.output / "quality"
    page: Path = options.output / "quality.md"
    methods = dict(METHODS)
    if options.real_esrgan:
        methods[REAL_ESRGAN] = real_esrgan(options.real_esrgan)
    net = FeatureNet(options.features) if options.features else None
    means: list[str] = []
    for scale in SCALES:
        for kind, make in INPUTS.items():
            clean = make is bicubic_input
            scores = KidScore(net if clean else None)
            found: dict[str, dict[str, Row]] = {}
            for path in options.pictures:
                original = cut_to(read(path).pixels, scale)
                size = Size(original.shape[1] // scale, original.shape[0] // scale)
                small = make(original, size)
                found[path.stem], results = compare(original, small, methods)
                scores.add(original, results)
                if clean:
                    panels = {k: results[k] for k in methods if k != "bicubic"}
                    panels |= {"original": original}
                    save_crop(crops / f"fast_{path.stem}_x{scale}.webp", small, panels)
            if clean:
                renew_table(page, f"fast x{scale}", _table(found))
                renew_table(page, f"fast means x{scale}", _means(found, scores))
            means.append(
                f"| x{scale} | {kind} | "
                + " | ".join(f"{_mean(found, name, 'psnr_db'):.2f}" for name in methods)
                + " |\n"
            )
    head = f"| | input | {' | '.join(methods)} |\n|{' --- |' * (len(methods) + 2)}\n"
    renew_table(page, "fast inputs", head + "".join(means))


def _luma(pixels: Pixels) -> Pixels:
    return pixels @ np.array([0.299, 0.587, 0.114], np.float32)


def _mean(found: dict[str, dict[str, Row]], method: str, key: str) -> float:
    return float(np.mean([getattr(rows[method], key) for rows in found.values()]))


def _table(found: dict[str, dict[str, Row]]) -> str:
    methods = list(next(iter(found.values())))
    parts = [f"{name} {what}" for what in ("PSNR", "SSIM") for name in methods]
    lines = [f"| picture | {' | '.join(parts)} |", "|" + " --- |" * (len(parts) + 1)]
    for stem, rows in found.items():
        figures = [f"{row.psnr_db:.2f}" for row in rows.values()]
        figures += [f"{row.ssim:.3f}" for row in rows.values()]
        lines.append(f"| {stem} | {' | '.join(figures)} |")
    return "\n".join(lines) + "\n"


def _means(found: dict[str, dict[str, Row]], scores: KidScore) -> str:
    heads = ["", "PSNR dB", "luma PSNR dB", "SSIM", "power 1/8-1/4", "power 1/4-1/2"]
    heads += ["patch-KID x1000", "s"]
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    for name in next(iter(found.values())):
        figures = [f"{_mean(found, name, key):.2f}" for key in ("psnr_db", "luma_db")]
        figures += [f"{_mean(found, name, 'ssim'):.3f}"]
        figures += [f"{_mean(found, name, key):.0%}" for key in ("power_mid", "power_top")]
        figures += [shown(scores.of(name)), f"{_mean(found, name, 'seconds'):.2f}"]
        lines.append(f"| {name} | {' | '.join(figures)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
