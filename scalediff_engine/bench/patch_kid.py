"""Patch-KID: how far patches of results are from those of the originals, to a network.

The kernel inception distance (Bińkowski et al. 2018): the squared maximum mean discrepancy of
features under the cubic kernel ``(x.y / d + 1) ** 3``, without bias. Unlike PSNR it asks whether
patches look like those of real pictures, and not whether each pixel is right. Features are not
Inception's but those of any network in an ONNX file, see ``feature_net``; figures of other
networks, patches or pictures are not comparable.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalediff_engine.images.picture import Pixels

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
