"""Trains the fast single-pass upscaler for one scale, from the corpus to ONNX.

    python train_fast.py --corpus corpus.tar --scale 2 --out fast
    python train_fast.py --corpus corpus.tar --scale 4 --out fast

Most small pictures are clean reductions (bicubic, box, Lanczos), since that is what a picture from
a camera, a program or the web usually is; the others are blurred, noisy, JPEG-coded, or all of it.
The loss is L1 plus L1 of the spectrum. `fast/xN.pt` is written every half minute with all that a
run needs to go on; `fast/xN.txt` is the log, `fast/xN.onnx` the result.
"""

import argparse
import math
import os
import time

import torch
import torch.nn.functional as F
from common import (
    TILE,
    Clock,
    Optimiser,
    jpeg_like,
    load_corpus,
    lr_at,
    reduce_with,
    uniform,
)
from fast_net import FastNet, export

CLEAN_SHARE = 0.66  # of every batch
CLEAN = (("bicubic", 0.6), ("box", 0.2), ("lanczos", 0.2))
DEGRADED_GROUPS = 4  # of every batch, each degraded in its own way


def arguments():
    ap = argparse.ArgumentParser()
    ap.add_argument("--corpus", default="corpus.tar", help="tar files, comma-separated")
    ap.add_argument("--limit", type=int, help="read only this many tiles")
    ap.add_argument("--scale", type=int, required=True, choices=(2, 4))
    ap.add_argument("--out", default="fast")
    ap.add_argument("--seconds", type=float, default=180, help="with the reading of the corpus")
    ap.add_argument("--max-steps", type=int, default=10**9)
    ap.add_argument("--bs", type=int, default=64)
    ap.add_argument("--size", type=int, default=192, help="side of a crop of the original")
    ap.add_argument("--channels", type=int, default=64)
    ap.add_argument("--blocks", type=int, default=12)
    ap.add_argument("--lr", type=float, default=1.5e-3)
    ap.add_argument("--spectrum", type=float, default=0.1, help="weight of the spectrum")
    ap.add_argument("--optimiser", default="muon", choices=("muon", "adam"))
    ap.add_argument("--report", type=int, default=250)
    ap.add_argument("--save-every", type=float, default=30, help="seconds")
    ap.add_argument("--seed", type=int, default=0)
    return ap.parse_args()


# --------------------------------------------------------------------------------------- data


class Crops:
    """Random crops of the tiles: flipped, turned, a third of them from a larger part."""

    def __init__(self, tiles, valid, size, device):
        self.tiles, self.valid = tiles.to(device), valid.to(device)
        self.size, self.device = size, device

    def _cut(self, count, side):
        rows = torch.randint(len(self.tiles), (count,), device=self.device)
        room = (self.valid[rows] - side).clamp(min=0) + 1
        place = (torch.rand(count, 2, device=self.device) * room).long()
        span = torch.arange(side, device=self.device)
        y = (place[:, 0, None] + span)[:, None, :, None]
        x = (place[:, 1, None] + span)[:, None, None, :]
        channel = torch.arange(3, device=self.device)[None, :, None, None]
        return self.tiles[rows[:, None, None, None], channel, y, x].float() / 255

    def batch(self, count):
        """-> [count, 3, size, size], 0..1."""
        large = count // 3
        side = min(TILE, int(self.size * uniform(1.2, 2.0)))
        far = F.interpolate(
            self._cut(large, side), size=(self.size,) * 2, mode="bicubic", antialias=True
        )
        x = torch.cat([self._cut(count - large, self.size), far.clamp(0, 1)])
        x = x[torch.randperm(count, device=self.device)]
        parts = list(x.chunk(4))
        for i, part in enumerate(parts):
            part = part.flip(-1) if i % 2 else part
            parts[i] = part.transpose(-1, -2) if i // 2 else part
        x = torch.cat(parts)
        return x.flip(-2) if uniform(0, 1) < 0.5 else x


def reduce(x, scale, kernel):
    """Antialiased reduction by `scale`, 0..1."""
    h, w = x.shape[-2] // scale, x.shape[-1] // scale
    if kernel == "bicubic":
        return F.interpolate(x, size=(h, w), mode="bicubic", antialias=True).clamp(0, 1)
    if kernel == "box":
        return F.avg_pool2d(x, scale)
    return (reduce_with(x * 2 - 1, h, w, kernel) + 1) / 2


def blur(x, sigma, ratio, angle):
    """Gaussian blur, `sigma` pixels along `angle` and `ratio` times that across it."""
    half = max(2, math.ceil(3 * sigma))
    span = torch.arange(-half, half + 1, device=x.device, dtype=x.dtype)
    c, s = math.cos(angle), math.sin(angle)
    along, across = (c * span[None] + s * span[:, None]), (c * span[:, None] - s * span[None])
    kernel = torch.exp(-0.5 * ((along / sigma) ** 2 + (across / (sigma * ratio)) ** 2))
    kernel = (kernel / kernel.sum()).expand(3, 1, -1, -1)
    return F.conv2d(F.pad(x, (half,) * 4, mode="reflect"), kernel, groups=3)


def degrade(x, scale):
    """A small picture as one finds them: a little soft, noisy, JPEG-coded."""
    if uniform(0, 1) < 0.4:
        x = blur(x, uniform(0.2, 0.7) * scale, uniform(0.4, 1), uniform(0, math.pi))
    kernels = ("bicubic", "bicubic", "box", "triangle", "mitchell", "lanczos")
    small = reduce(x, scale, kernels[int(uniform(0, len(kernels) - 1e-6))])
    if uniform(0, 1) < 0.4:
        grain = torch.randn_like(small if uniform(0, 1) < 0.5 else small[:, :1])
        level = uniform(0.5, 6) / 255
        bright = (small + 0.1).sqrt() if uniform(0, 1) < 0.5 else 1.0  # shot noise
        small = small + grain * level * bright
    if uniform(0, 1) < 0.6:
        subsample = uniform(0, 1) < 0.7
        small = (jpeg_like(small.clamp(0, 1) * 2 - 1, uniform(60, 97), subsample) + 1) / 2
    return small


def make_small(x, scale):
    """The network's inputs for originals [N, 3, H, W]: clean ones first, then degraded ones."""
    clean = round(len(x) * CLEAN_SHARE)
    sizes = [round(clean * share) for _, share in CLEAN[1:]]
    sizes = [clean - sum(sizes), *sizes]
    groups = x[:clean].split(sizes)
    small = [reduce(g, scale, name) for g, (name, _) in zip(groups, CLEAN) if len(g)]
    rest = x[clean:]
    small += [degrade(g, scale) for g in rest.chunk(DEGRADED_GROUPS) if len(g)]
    return (torch.cat(small).clamp(0, 1) * 255).round() / 255


# -------------------------------------------------------------------------------------- watch


def luma(x):
    return x[:, 0] * 0.299 + x[:, 1] * 0.587 + x[:, 2] * 0.114


def psnr(a, b):
    """Mean over pictures of the RGB and the luma PSNR, without a margin of 8 pixels."""
    a, b = a.clamp(0, 1)[..., 8:-8, 8:-8], b[..., 8:-8, 8:-8]
    rgb = (a - b).pow(2).mean((1, 2, 3))
    grey = (luma(a) - luma(b)).pow(2).mean((1, 2))
    return [(-10 * m.clamp(min=1e-9).log10()).mean().item() for m in (rgb, grey)]


@torch.no_grad()
def validate(net, originals, scale):
    small = (reduce(originals, scale, "bicubic") * 255).round() / 255
    ours = torch.cat([net(part).float() for part in small.split(4)])
    return psnr(ours, originals), psnr(net.bicubic(small), originals)


# ------------------------------------------------------------------------------------ training


def loss_of(result, target, weight):
    difference = result.float() - target
    spectrum = torch.fft.rfft2(difference, norm="ortho").abs().mean()
    return difference.abs().mean() + weight * spectrum


class Average:
    """Exponential moving average of the weights; short at first, then about 700 steps long."""

    def __init__(self, net, decay=0.9985):
        self.decay = decay
        self.source = list(net.parameters())
        self.weights = [p.detach().clone() for p in self.source]

    @torch.no_grad()
    def update(self, step):
        torch._foreach_lerp_(self.weights, self.source, 1 - min(self.decay, step / (step + 10)))

    def state(self, net):
        return {n: w.clone() for (n, _), w in zip(net.named_parameters(), self.weights)}


def save(path, data):
    torch.save(data, path + ".part")
    os.replace(path + ".part", path)


def main():
    began = time.time()
    a = arguments()
    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(a.seed)
    os.makedirs(a.out, exist_ok=True)
    name = os.path.join(a.out, f"x{a.scale}")
    (tiles, valid, _), (held, _) = load_corpus(a.corpus, a.limit)
    fits = (valid >= a.size).all(1)
    crops = Crops(tiles[fits], valid[fits], a.size, device)
    held = held[:16].to(device).float() / 255
    net = FastNet(a.scale, a.channels, a.blocks).to(device, memory_format=torch.channels_last)
    optimiser = Optimiser(
        list(net.named_parameters()),
        cuda,
        muon=a.optimiser == "muon",
        outer=("head", "tail"),
        weight_decay=0.0,
    )
    average = Average(net)
    step, before = 0, 0.0
    if os.path.exists(name + ".pt"):
        saved = torch.load(name + ".pt", map_location=device, weights_only=True)
        net.load_state_dict(saved["weights"])
        optimiser.load_state_dict(saved["optimiser"])
        for w, p in zip(average.weights, saved["average"].values()):
            w.copy_(p)
        step, before = saved["step"], saved["seconds"]
        torch.manual_seed(a.seed + step)  # other crops than those before
    watcher = FastNet(**net.config).to(device).eval()
    log = open(name + ".txt", "a")

    def say(text):
        print(f"x{a.scale} {text}", flush=True)
        log.write(text + "\n")
        log.flush()

    def checkpoint(seconds):
        data = dict(
            config=net.config,
            weights=net.state_dict(),
            average=average.state(net),
            optimiser=optimiser.state_dict(),
            step=step,
            seconds=seconds,
        )
        save(name + ".pt", data)

    count = sum(p.numel() for p in net.parameters())
    say(f"{vars(a)} torch {torch.__version__} {device}")
    say(f"{count} parameters, {len(crops.tiles)} tiles, {time.time() - began:.1f} s to read them")
    clock = Clock(a.seconds - (time.time() - began), before)
    saved_at, total = clock.passed(), torch.zeros((), device=device)
    while clock.share() < 1 and step < a.max_steps:
        target = crops.batch(a.bs).contiguous(memory_format=torch.channels_last)
        small = make_small(target, a.scale).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=cuda):
            result = net(small)
        loss = loss_of(result, target, a.spectrum)
        optimiser.zero_grad()
        loss.backward()
        share = max(clock.share(), step / a.max_steps)
        optimiser.step(lr_at(share, a.lr), clip=0.5)
        step += 1
        average.update(step)
        total += loss.detach()
        if step % a.report == 0:
            watcher.load_state_dict(average.state(net))
            ours, bicubic = validate(watcher, held, a.scale)
            say(
                f"{step} {clock.passed():.1f}s loss {total.item() / a.report:.5f} held-back tiles: "
                f"rgb {ours[0]:.3f} luma {ours[1]:.3f} dB "
                f"(bicubic {bicubic[0]:.3f} {bicubic[1]:.3f})"
            )
            total.zero_()
        if clock.passed() - saved_at > a.save_every:
            saved_at = clock.passed()
            checkpoint(saved_at)
    checkpoint(clock.passed())
    say(f"done: {step} steps, {clock.passed():.1f} s")
    watcher.load_state_dict(average.state(net))
    export(watcher.cpu().float(), name + ".onnx")


if __name__ == "__main__":
    main()
