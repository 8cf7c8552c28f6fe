"""The fast single-pass upscaler: one small convolutional network for each of x2 and x4.

Both bodies work at a quarter of the result's size: x4 reads the picture as it is, x2 folds 2x2
pixels into channels first. So a result costs the same with either. A fixed bicubic enlargement is
added to what the network finds, and the last layer starts at zero: training starts at bicubic.

Everything is convolution without normalisation over space, so a pixel of the result depends on
`reach` input pixels around it and on nothing else, and a picture may be worked on in tiles.

    python fast_net.py fast/x2.pt x2.onnx        weights to ONNX, stored in 16 bits
"""

import argparse
import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

FOLD = 4  # result pixels per body cell and side
SKIP_TAPS = 5  # input pixels that the bicubic part reads, per side
FLAT_PX = 5  # side of the neighbourhood that must be flat for bicubic alone
FULL_SPAN = 3 / 255  # with differences this large the network has its full say


def bicubic_phases(scale):
    """Weights of bicubic enlargement (a = -0.5) as a convolution: [3 * scale**2, 1, 5, 5].

    The order of the channels is that of `pixel_shuffle`, every colour by itself.
    """
    offset = (torch.arange(scale, dtype=torch.float64) + 0.5) / scale - 0.5
    x = (torch.arange(SKIP_TAPS, dtype=torch.float64) - SKIP_TAPS // 2 - offset[:, None]).abs()
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    line = torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))
    plane = torch.einsum("ai,bj->abij", line, line).reshape(scale * scale, 1, SKIP_TAPS, SKIP_TAPS)
    return plane.repeat(3, 1, 1, 1).float()


class Block(nn.Module):
    """x + conv(act(conv(x)))."""

    def __init__(self, channels):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        for conv, gain in ((self.first, 1.0), (self.second, 0.1)):
            nn.init.kaiming_normal_(conv.weight, a=0.1)
            nn.init.zeros_(conv.bias)
            with torch.no_grad():
                conv.weight.mul_(gain)

    def forward(self, x):
        return x + self.second(F.leaky_relu(self.first(x), 0.1))


class FastNet(nn.Module):
    """(N, 3, H, W) sRGB 0..1 -> (N, 3, scale * H, scale * W), about 0..1, not clipped.

    H and W are multiples of `fold` (2 for x2, 1 for x4).
    """

    def __init__(self, scale, channels=64, blocks=12):
        super().__init__()
        self.config = dict(scale=scale, channels=channels, blocks=blocks)
        self.scale, self.fold = scale, FOLD // scale
        self.head = nn.Conv2d(3 * self.fold**2, channels, 3, padding=1)
        self.body = nn.ModuleList(Block(channels) for _ in range(blocks))
        self.tail = nn.Conv2d(channels, 3 * FOLD**2, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)
        self.register_buffer("phases", bicubic_phases(scale), persistent=False)

    @property
    def reach(self):
        """Input pixels on each side that a result pixel can depend on."""
        return self.fold * (2 * len(self.body) + 2) + self.fold - 1

    def bicubic(self, x):
        half = SKIP_TAPS // 2
        padded = F.pad(x, (half, half, half, half), mode="replicate")
        with torch.autocast(x.device.type, enabled=False):  # 16 bits would show in flat areas
            return F.pixel_shuffle(F.conv2d(padded, self.phases, groups=3), self.scale)

    def gate(self, x):
        """How much the network changes each result pixel: 0 where all is flat, else 1.

        Without it, a flat area would get a pattern of up to one 8-bit step.
        """
        half = FLAT_PX // 2
        span = F.max_pool2d(x, FLAT_PX, 1, half) + F.max_pool2d(-x, FLAT_PX, 1, half)
        share = (span.amax(1, keepdim=True) / FULL_SPAN).clamp(0, 1)
        return F.pixel_shuffle(share.repeat(1, self.scale**2, 1, 1), self.scale)

    def forward(self, x):
        y = x - 0.5
        y = self.head(F.pixel_unshuffle(y, self.fold) if self.fold > 1 else y)
        for block in self.body:
            y = block(y)
        return F.pixel_shuffle(self.tail(y), FOLD) * self.gate(x) + self.bicubic(x)


def load(path):
    """The network of a training checkpoint (averaged weights) or of what `export` wrote."""
    if str(path).endswith(".onnx"):
        return load_exported(path)
    saved = torch.load(path, map_location="cpu", weights_only=True)
    net = FastNet(**saved["config"])
    net.load_state_dict(saved["average"])
    return net.eval()


def load_exported(path):
    """The network of an ONNX file, with its weights as they were rounded."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    weights = {
        tensor.name.removesuffix(".half"): torch.from_numpy(
            numpy_helper.to_array(tensor).astype(np.float32)
        )
        for tensor in model.graph.initializer
    }
    scale = next(int(e.value) for e in model.metadata_props if e.key == "scale")
    blocks = sum(name.endswith(".first.bias") for name in weights)
    net = FastNet(scale, len(weights["head.bias"]), blocks)
    net.load_state_dict({name: weights[name] for name in net.state_dict()})
    return net.eval()


def export(net, path):
    """Writes ONNX (opset 17, any height and width); weights are stored as float16.

    The graph computes in float32: every weight is cast when the file is loaded.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    with tempfile.TemporaryDirectory() as folder:
        plain = os.path.join(folder, "plain.onnx")
        torch.onnx.export(
            net,
            (torch.rand(1, 3, 32, 48),),
            plain,
            opset_version=17,
            dynamo=False,
            input_names=["picture"],
            output_names=["result"],
            dynamic_axes={
                "picture": {0: "n", 2: "height", 3: "width"},
                "result": {0: "n", 2: "result_height", 3: "result_width"},
            },
        )
        model = onnx.load(plain)
    graph = model.graph
    casts = []
    for tensor in list(graph.initializer):
        array = numpy_helper.to_array(tensor)
        if array.dtype != np.float32 or array.size < 64 or tensor.name.endswith("phases"):
            continue
        stored = numpy_helper.from_array(array.astype(np.float16), tensor.name + ".half")
        casts.append(helper.make_node("Cast", [stored.name], [tensor.name], to=TensorProto.FLOAT))
        graph.initializer.remove(tensor)
        graph.initializer.append(stored)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    for key, value in (
        ("scale", net.scale),
        ("fold", net.fold),
        ("reach", net.reach),
        ("parameters", sum(p.numel() for p in net.parameters())),
    ):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(value)
    model.producer_name, model.doc_string = "scalediff fast_net.py", ""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path + ".part")
    os.replace(path + ".part", path)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("checkpoint")
    ap.add_argument("onnx")
    a = ap.parse_args()
    export(load(a.checkpoint), a.onnx)


if __name__ == "__main__":
    main()
