"""Small pictures as people have them, made from sharp ones on the device that holds these.

All pictures are (n, 3, h, w) in [-1, 1]; the settings are drawn once for the n pictures of a call, so
a batch is made in several calls.
"""

import torch
import torch.nn.functional as F
from common import enlarge, jpeg_like, reduce_with, shrink, uniform

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
