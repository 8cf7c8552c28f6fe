"""Training pictures: crops, small ones as people have them made from these, and how clean they are.

How clean a source is goes into the prompt. Four figures: noise of the luma and of the colours,
steps at the borders of 8x8 blocks, and the balance of the two finest bands of detail (low where a
picture is blurred, high where it is noisy or has halos). `Condition` turns them into a change of
the prompt's quality tokens; without it the prompt is as it was.

All pictures are (n, 3, h, w) in [-1, 1]; the settings are drawn once for the n pictures of a call,
so a batch is made in several calls.
"""

import io
import itertools
import os
import random
import tarfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from common import LABELS, enlarge, jpeg_like, reduce_with, shrink, to_float, uniform
from PIL import Image

GROUPS, ROUGH_GROUPS = 8, 3  # of a batch; one kind of damage for each group
ROUGH_CUTOFF = 0.25  # of the lock to a damaged source
CELL = 32  # pixels; side of the squares whose detail is known

# The first three are what most programs shrink with.
CLEAN = ("bicubic",) * 6 + ("box",) * 5 + ("lanczos",) * 5 + ("triangle",) * 2 + ("mitchell",) * 2
ROUGH = (*CLEAN, "0.45", "0.6", "0.75", "0.9")


def one_of(names):
    return names[int(uniform(0, len(names) - 1e-6))]


def chance(share):
    return uniform(0, 1) < share


def reduced(x, h, w, kernel):
    """The picture reduced with a named kernel, or a gaussian of that many small pixels."""
    return shrink(x, h, w) if kernel == "bicubic" else reduce_with(x, h, w, kernel)


def gaussian(x, down, across, angle=0.0):
    """Blurred by a gaussian, `down` and `across` pixels wide, turned by `angle` (radians)."""
    half = max(1, round(2.5 * max(down, across)))
    place = torch.arange(-half, half + 1, device=x.device, dtype=torch.float32)
    u = place[:, None] * torch.cos(torch.tensor(angle)) + place * torch.sin(torch.tensor(angle))
    v = place * torch.cos(torch.tensor(angle)) - place[:, None] * torch.sin(torch.tensor(angle))
    kernel = torch.exp(-0.5 * ((u / down) ** 2 + (v / across) ** 2))
    kernel = (kernel / kernel.sum()).expand(3, 1, -1, -1)
    return F.conv2d(F.pad(x, (half,) * 4, mode="reflect"), kernel, groups=3)


def blurred(x):
    """A lens or a movement; at most as wide as a later reduction leaves visible."""
    wide = uniform(0.4, 2.4)
    return gaussian(x, wide, wide * uniform(0.3, 1.0), uniform(0, 3.14))


def softened(x, factor):
    """A picture without the detail that a reduction by `factor` takes away."""
    h, w = x.shape[-2:]
    return enlarge(shrink(x, round(h / factor), round(w / factor)), h, w)


def noisy(x):
    """Noise of a sensor (grey, coloured, or growing with the light) or of a print."""
    sigma = 2 / 255 * 1.5 * (25 / 1.5) ** uniform(0, 1)
    noise = torch.randn_like(x)
    kind = uniform(0, 1)
    if kind < 0.25:
        noise = noise[:, :1].expand_as(x)
    elif kind < 0.45:
        noise = noise * (x / 2 + 0.5).clamp(0.02, 1).sqrt() * 1.4
    elif kind < 0.6:
        noise = gaussian(noise, *(uniform(0.5, 1.2) for _ in range(2)))
        noise = noise / noise.std()
    return x + sigma * noise


def haloed(x):
    """Sharpened too much, with halos along edges."""
    radius = uniform(0.5, 1.6)
    return x + uniform(0.4, 1.8) * (x - gaussian(x, radius, radius))


def compressed(x):
    """A JPEG file of quality 30 to 95, its blocks anywhere."""
    dy, dx = (int(uniform(0, 8)) if chance(0.4) else 0 for _ in range(2))
    x = F.pad(x, (dx, 0, dy, 0), mode="replicate").clamp(-1, 1)
    return jpeg_like(x, uniform(30, 95), chance(0.6))[..., dy:, dx:]


def in_8_bits(x):
    return ((x.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


def clean_source(x, h, w):
    """The picture reduced, as a careful program does it."""
    return in_8_bits(reduced(x, h, w, one_of(CLEAN)))


def rough_source(x, h, w):
    """The picture reduced and damaged: blur, noise, halos and compression in any order."""
    if chance(0.35):
        x = blurred(x)
    if chance(0.3):  # by way of another size
        part = uniform(0.2, 0.8)
        between = (round(a + (b - a) * part) for a, b in zip(x.shape[-2:], (h, w)))
        x = reduced(x, *between, one_of(ROUGH))
    x = reduced(x, h, w, one_of(ROUGH))
    steps = [s for s, share in ((noisy, 0.45), (haloed, 0.2), (compressed, 0.55)) if chance(share)]
    for i in torch.randperm(len(steps)).tolist():
        x = steps[i](x)
    if compressed in steps and chance(0.3):
        x = compressed(x)
    return in_8_bits(x)


FIGURES = 4
_CENTRE = (3.2, 0.5, 0.4, -0.2)
_SPAN = (1.5, 1.0, 0.25, 0.4)


def _noise(plane):
    """Standard deviation from the median diagonal detail of 2x2 pixels, in 1/255: (n,)."""
    a, b, c, d = (plane[:, i::2, j::2] for i in (0, 1) for j in (0, 1))
    h, w = d.shape[-2:]
    diagonal = (a[:, :h, :w] - b[:, :h, :w] - c[:, :h, :w] + d) / 2
    return diagonal.abs().flatten(1).median(1).values / 0.6745 * 127.5


def _blocks(luma):
    """Log of the greatest mean step over an 8-pixel grid to the mean of all: (n,)."""
    found = []
    for plane in (luma, luma.mT):
        step = (plane[:, :, 1:] - plane[:, :, :-1]).abs()
        # a step that differs from those beside it; an edge of the picture's own seldom does
        step = (step[..., 1:-1] - (step[..., :-2] + step[..., 2:]) / 2).clamp(min=0).mean(1)
        if step.shape[1] < 8:  # too small to have a border of blocks
            found.append(torch.ones_like(step[:, 0]))
            continue
        whole = step[:, : step.shape[1] // 8 * 8].unflatten(1, (-1, 8)).mean(1)
        found.append(whole.amax(1) / (whole.mean(1) + 1e-4))
    return torch.stack(found).mean(0).clamp(min=1).log()


def figures(x):
    """(n, 3, h, w) in [-1, 1] -> (n, 4), each about within -1..1. At least 8 pixels a side."""
    x = x.float()
    luma = 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    colour = torch.maximum(_noise(x[:, 2] - luma), _noise(x[:, 0] - luma))
    half = F.avg_pool2d(luma[:, None], 2)
    quarter = F.avg_pool2d(half, 2)

    def detail(fine, coarse):
        again = F.interpolate(coarse, size=fine.shape[-2:], mode="bilinear")
        return (fine - again).abs().mean((1, 2, 3)) + 1e-3

    balance = (detail(luma[:, None], half) / detail(half, quarter)).log()
    found = (_noise(luma) + 0.25).log2(), (colour + 0.25).log2(), _blocks(luma), balance
    centre, span = x.new_tensor(_CENTRE), x.new_tensor(_SPAN)
    return ((torch.stack(found, 1) - centre) / span).clamp(-2, 2)


class Condition(nn.Module):
    """Figures -> what is added to the prompt's quality tokens, (n, tokens, dim); zero at first."""

    def __init__(self, tokens, dim, hidden=32):
        super().__init__()
        self.inner = nn.Linear(FIGURES, hidden)
        self.outer = nn.Linear(hidden, tokens * dim)
        self.shape = tokens, dim
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, found):
        return self.outer(F.silu(self.inner(found))).unflatten(1, self.shape)


class Pictures:
    """Whole pictures on the device, and crops of them at many scales."""

    def __init__(self, folder, dev, seed, least):
        self.folder, self.dev, self.rng = folder, dev, random.Random(seed)
        self.least = least  # of a picture's sides, pixels
        self.read, self.items, self.weights = set(), [], []
        self.load_new()

    def load_new(self):
        """Reads the archives that are new in the folder."""
        for archive in sorted(self.folder.glob("pictures_*.tar")):
            if archive.name in self.read:
                continue
            self.read.add(archive.name)
            with tarfile.open(archive) as tar:
                files = [(m.name, tar.extractfile(m).read()) for m in tar.getmembers()]
            with ThreadPoolExecutor(min(16, os.cpu_count())) as pool:
                for array, detail, label in pool.map(self._decoded, files):
                    if min(array.shape[:2]) < self.least:
                        continue
                    picture = torch.from_numpy(array).permute(2, 0, 1).contiguous().to(self.dev)
                    self.items.append((picture, detail, label))
                    self.weights.append((array.shape[0] * array.shape[1]) ** 0.5)

    @staticmethod
    def _decoded(file):
        """Pixels, mean detail of each square of `CELL` pixels, label."""
        array = np.array(Image.open(io.BytesIO(file[1])).convert("RGB"))
        luma = array.astype(np.float32).mean(2)
        fine = np.abs(luma[1:, 1:] * 2 - luma[:-1, 1:] - luma[1:, :-1]) / 2
        h, w = (side // CELL * CELL for side in fine.shape)
        cells = fine[:h, :w].reshape(h // CELL, CELL, w // CELL, CELL).mean((1, 3))
        return array, cells, LABELS[file[0].split("_")[1].split(".")[0]]

    def _corner(self, height, width, side, detail):
        """Corner of a crop: mostly the liveliest of three places."""
        places = [
            (self.rng.randint(0, height - side), self.rng.randint(0, width - side))
            for _ in range(3)
        ]
        if self.rng.random() < 0.35:
            return places[0]
        n = max(1, side // CELL)

        def lively(place):
            y, x = (v // CELL for v in place)
            return detail[y : y + n, x : x + n].mean()

        return max(places, key=lively)

    def crops(self, n, side):
        """(n, 3, side, side) in [-1, 1] and the list of their labels."""
        found, labels = [], []
        for picture, detail, label in self.rng.choices(self.items, self.weights, k=n):
            height, width = picture.shape[-2:]
            least = max(side / min(height, width), 0.3)
            scale = 1.0 if self.rng.random() < 0.3 else least ** self.rng.random()
            cut = min(round(side / scale), height, width)
            y, x = self._corner(height, width, cut, detail)
            crop = to_float(picture[:, y : y + cut, x : x + cut])[None]
            crop = crop if cut == side else shrink(crop, side, side)
            found.append(crop.flip(3) if self.rng.random() < 0.5 else crop)
            labels.append(label)
        return torch.cat(found), labels


class Batches:
    """Originals and what is made of them: clean sources first, then damaged ones."""

    def __init__(self, batch, side):
        self.side = side
        groups = min(GROUPS, batch)
        self.each = batch // groups
        self.clean = groups - max(1, round(groups * ROUGH_GROUPS / GROUPS))
        self.rough = groups - self.clean
        # what each part is locked by, and where it ends
        self.parts = ((1.0, self.clean * self.each), (ROUGH_CUTOFF, groups * self.each))

    @torch.no_grad()
    def made(self, pictures, factor):
        """(originals, sources, labels); pictures as bytes."""
        small = self.side // factor
        originals, sources, labels = [], [], []
        for group in range(self.clean + self.rough):
            x, label = pictures.crops(self.each, self.side)
            if chance(0.1):
                x = softened(x, factor * uniform(1.0, 2.5))
            make = clean_source if group < self.clean else rough_source
            originals.append(x)
            sources.append(make(x, small, small))
            labels += label
        return to_bytes(torch.cat(originals)), to_bytes(torch.cat(sources)), torch.tensor(labels)


def to_bytes(x):
    return ((x + 1) * 127.5).round().clamp(0, 255).byte().cpu()


def factor_of(step):
    """Three of four steps are at x4."""
    return 4 if random.Random(step).random() < 0.75 else 2


def fill(queue, folder, batches, dev, seed, first, stride):
    """Puts the batches of every `stride`-th step into a queue; runs in a separate process."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    pictures = Pictures(folder, dev, seed, batches.side)
    for step in itertools.count(first, stride):
        if step % 50 < stride:
            pictures.load_new()
        queue.put(batches.made(pictures, factor_of(step)))


class Loaders:
    """Processes that make batches while the training runs: it waits for the processor."""

    def __init__(self, a, batches, dev, rank, first):
        context = torch.multiprocessing.get_context("spawn")
        self.dev, self.number = dev, a.loaders
        self.queues = [context.Queue(3) for _ in range(a.loaders)]
        for i, queue in enumerate(self.queues):
            seed = 2000 + 100 * rank + i + first
            rest = (queue, a.pictures, batches, dev, seed, first + i, a.loaders)
            context.Process(target=fill, args=rest, daemon=True).start()
        self.first = first

    def batch(self, step):
        """(originals, sources, labels) of a step, on the device."""
        queue = self.queues[(step - self.first) % self.number]
        originals, sources, labels = (t.to(self.dev) for t in queue.get(timeout=600))
        return to_float(originals), to_float(sources), labels
