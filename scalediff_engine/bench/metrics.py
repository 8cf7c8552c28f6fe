"""How close a result is to the original, in numbers.

All pictures are (H, W, 3) float32 sRGB, 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalediff_engine.images.picture import Pixels

# Octaves of spatial frequency in cycles per pixel; 1/2 is the finest a picture can hold.
OCTAVES = ((1 / 8, 1 / 4), (1 / 4, 1 / 2))


@dataclass(frozen=True)
class Measures:
    """One result beside its original.

    Attributes:
        psnr_db: higher is closer
        ssim: 0..1, higher is closer
        power_mid, power_top: spectral power in the octaves 1/8-1/4 and 1/4-1/2 cycles per pixel,
            as a share of the original's; 1 is right, bicubic loses most of it
        colour_shift: largest difference of a channel's mean, in 1/255
    """

    psnr_db: float
    ssim: float
    power_mid: float
    power_top: float
    colour_shift: float


def measure(result: Pixels, original: Pixels) -> Measures:
    """Compare a result with the picture that it should have been."""
    mid, top = powers(result, original)
    return Measures(
        psnr_db=psnr_db(result, original),
        ssim=_ssim(result, original),
        power_mid=mid,
        power_top=top,
        colour_shift=colour_shift(result, original),
    )


def psnr_db(result: Pixels, original: Pixels) -> float:
    """Peak signal to noise of all channels; any shape."""
    error = float(np.mean((result - original) ** 2, dtype=np.float64))
    return float(10 * np.log10(1 / max(error, 1e-12)))


def colour_shift(result: Pixels, original: Pixels) -> float:
    """Largest difference of a channel's mean, in 1/255."""
    return float(np.abs((result - original).mean((0, 1), dtype=np.float64)).max() * 255)


def powers(result: Pixels, original: Pixels) -> tuple[float, float]:
    """Power in each of the octaves, as a share of the original's."""
    mid, top = (
        octave_power(result, low, high) / octave_power(original, low, high) for low, high in OCTAVES
    )
    return mid, top


def _ssim(result: Pixels, original: Pixels) -> float:
    # here, since a machine that only runs the ablations need not have it
    metrics: Any = import_module("skimage.metrics")
    return float(metrics.structural_similarity(original, result, channel_axis=2, data_range=1.0))


def octave_power(pixels: Pixels, low: float, high: float) -> float:
    """Power of the luma between two frequencies in cycles per pixel, Hann-windowed."""
    luma = pixels.mean(axis=2)
    rows, cols = luma.shape
    window = np.hanning(rows)[:, None] * np.hanning(cols)[None]
    spectrum = np.abs(np.fft.fft2((luma - luma.mean()) * window)) ** 2
    radius = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(cols)[None])
    return float(spectrum[(radius >= low) & (radius < high)].sum())


@dataclass
class SeamScore:
    """Steps between neighbouring pixels across patch borders, against steps beside them.

    Pooled over pictures, since one picture has few borders.
    """

    at_borders: float = 0.0
    beside: float = 0.0

    def add(self, pixels: Pixels, patch_px: int) -> None:
        """Count one result whose patches are ``patch_px`` wide and start in the corner."""
        luma = pixels.mean(axis=2)
        for plane in (luma, luma.T):
            steps = np.abs(np.diff(plane, axis=0)).mean(axis=1)  # step k: row k to k + 1
            borders = np.arange(patch_px, len(plane), patch_px) - 1
            self.at_borders += float(steps[borders].sum())
            self.beside += float(_mean_around(steps, borders).sum())

    @property
    def ratio(self) -> float:
        """1 = no seams; 1.02 = steps across borders are 2% larger than those beside them."""
        return self.at_borders / self.beside


def _mean_around(steps: NDArray[np.floating], borders: NDArray[np.intp]) -> NDArray[np.floating]:
    distances = [d for d in range(-12, 13) if abs(d) > 1]
    around = np.stack([steps[np.clip(borders + d, 0, len(steps) - 1)] for d in distances])
    return around.mean(axis=0)
