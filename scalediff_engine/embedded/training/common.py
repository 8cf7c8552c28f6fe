"""Shared pieces: model configurations, the corpus, picture operations, optimisers, the clock.

Two settings of the environment matter, and `torchrun` writes both: RANK and WORLD_SIZE (with
LOCAL_RANK). Without them everything runs in one process, on the CPU if there is no GPU.
"""

import io
import math
import os
import random
import shutil
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

TILE = 384  # side of a corpus tile, pixels
CROP = 256  # native picture size of the U-Net
LATENT_CHANNELS = 16
VAE_FACTOR = 4
LATENT_CROP = CROP // VAE_FACTOR

VAE_CONFIG = dict(
    in_channels=3,
    out_channels=3,
    latent_channels=LATENT_CHANNELS,
    sample_size=CROP,
    down_block_types=("DownEncoderBlock2D",) * 3,
    up_block_types=("UpDecoderBlock2D",) * 3,
    block_out_channels=(32, 64, 128),
    layers_per_block=1,
    norm_num_groups=4,
    act_fn="silu",
    mid_block_add_attention=False,
    scaling_factor=1.0,
    force_upcast=False,
)
UNET_CONFIG = dict(
    sample_size=LATENT_CROP,
    in_channels=LATENT_CHANNELS,
    out_channels=LATENT_CHANNELS,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    mid_block_type="UNetMidBlock2DCrossAttn",
    block_out_channels=(64, 96, 192),
    layers_per_block=1,
    attention_head_dim=(2, 3, 6),  # this class reads it as the NUMBER of heads: 32 channels each
    cross_attention_dim=128,
    norm_num_groups=16,
    use_linear_projection=True,
)
SCHEDULER_CONFIG = dict(
    _class_name="DDIMScheduler",
    beta_schedule="scaled_linear",
    beta_start=0.00085,
    beta_end=0.012,
    num_train_timesteps=1000,
    prediction_type="epsilon",
    clip_sample=False,
    set_alpha_to_one=False,
    steps_offset=1,
    timestep_spacing="leading",
)

# A prompt is 4 content tokens (null, photo, painting, texture), then 4 quality tokens
# (null, sharp, soft).
TOKEN_NAMES = ["null", "photo", "painting", "texture", "sharp", "soft"]
TOKENS_EACH, TOKEN_DIM = 4, 128
LABELS = {"photo": 1, "painting": 2, "texture": 3}
SHARP, SOFT = 4, 5

# Tiles of corpus.tar that are left out of training: cut from pictures under the GFDL, or from ones
# whose licence is open (CORPUS.md).
LEFT_OUT = frozenset((Path(__file__).parent / "left_out.txt").read_text().split())
VALIDATION_EVERY = 60  # every 60th tile is kept back to watch the training


def alphas_cumprod():
    """The cumulative products of SDXL's (scaled linear) noise schedule."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()


# ------------------------------------------------------------------------------------- corpus


def load_corpus(archives, limit=None):
    """Reads WebP tiles from tar files (comma-separated names).

    Returns the training part (uint8 [N, 3, 384, 384], smaller tiles padded by reflection; valid
    sizes [N, 2]; labels [N]) and the validation tiles (full-size ones only).
    """
    items = []
    for archive in archives.split(","):
        with tarfile.open(archive) as tar:
            for member in tar.getmembers():
                name = os.path.basename(member.name)
                if member.isfile() and name not in LEFT_OUT:
                    items.append((name, tar.extractfile(member).read()))
    items = sorted(items)[:limit]
    random.Random(5).shuffle(items)

    def decode(item):
        array = np.asarray(Image.open(io.BytesIO(item[1])).convert("RGB"))
        h, w = array.shape[:2]
        if (h, w) != (TILE, TILE):
            array = np.pad(array, ((0, TILE - h), (0, TILE - w), (0, 0)), mode="reflect")
        return array.transpose(2, 0, 1), (h, w), LABELS[item[0].split("_")[1].split(".")[0]]

    with ThreadPoolExecutor(min(16, os.cpu_count())) as pool:
        rows = list(pool.map(decode, items))
    tiles = torch.from_numpy(np.stack([r[0] for r in rows]))
    valid = torch.tensor([r[1] for r in rows])
    labels = torch.tensor([r[2] for r in rows])
    kept = torch.zeros(len(rows), dtype=torch.bool)
    kept[::VALIDATION_EVERY] = True
    kept &= (valid == TILE).all(1)
    return (tiles[~kept], valid[~kept], labels[~kept]), (tiles[kept], labels[kept])


def half_tiles(tiles, valid, size=CROP, chunk=128):
    """Antialiased copies of the full tiles at 256 px, a second scale, and their rows."""
    full = (valid == TILE).all(1).nonzero()[:, 0]
    out = []
    for rows in full.split(chunk):
        small = F.interpolate(
            tiles[rows].float(), size=(size, size), mode="bicubic", antialias=True
        )
        out.append(small.round().clamp(0, 255).byte())
    return torch.cat(out), full


def to_float(bytes_):
    """uint8 -> float in [-1, 1]."""
    return bytes_.float().div_(127.5).sub_(1)


# ------------------------------------------------------------------------- picture operations


def shrink(x, h, w):
    """Antialiased bicubic reduction."""
    return F.interpolate(x, size=(h, w), mode="bicubic", antialias=True).clamp(-1, 1)


def enlarge(x, h, w, mode="bicubic"):
    """Plain enlargement, as the upscaler does it in RGB."""
    return F.interpolate(x, size=(h, w), mode=mode).clamp(-1, 1)


def lowpass(z, share):
    """Keeps the frequencies below `share` times Nyquist (antialiased down, then up)."""
    h, w = z.shape[-2:]
    size = max(1, int(h * share)), max(1, int(w * share))
    small = F.interpolate(z, size=size, mode="bilinear", antialias=True)
    return F.interpolate(small, size=(h, w), mode="bilinear")


def _kernel(name, x):
    a = x.abs()
    if name == "lanczos":
        value = torch.sinc(x) * torch.sinc(x / 3) * (a < 3)
    elif name == "mitchell":
        near = 7 / 6 * a**3 - 2 * a**2 + 8 / 9
        far = -7 / 18 * a**3 + 2 * a**2 - 10 / 3 * a + 16 / 9
        value = torch.where(a < 1, near, torch.where(a < 2, far, torch.zeros_like(a)))
    elif name == "triangle":
        value = (1 - a).clamp(min=0)
    elif name == "box":
        value = (a <= 0.5).float()
    else:  # a gaussian; the name carries its sigma in source pixels of the small picture
        value = torch.exp(-0.5 * (a / float(name)) ** 2)
    return value


_MATRICES = {}


def reduce_with(x, h, w, kernel):
    """Reduces a picture with a named kernel (lanczos, mitchell, triangle, box, or a gaussian)."""

    def matrix(n_in, n_out):
        key = (n_in, n_out, kernel, x.device)
        if key not in _MATRICES:
            ratio = n_in / n_out
            centre = (torch.arange(n_out, device=x.device) + 0.5) * ratio
            place = torch.arange(n_in, device=x.device) + 0.5
            weights = _kernel(kernel, (place[None] - centre[:, None]) / ratio)
            _MATRICES[key] = weights / weights.sum(1, keepdim=True)
        return _MATRICES[key]

    rows, columns = matrix(x.shape[-2], h), matrix(x.shape[-1], w)
    return (rows @ x @ columns.T).clamp(-1, 1)


# Quantisation tables of the JPEG standard's annex K, luma and chroma.
_LUMA = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56
14 17 22 29 51 87 80 62 18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92
49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"""
_CHROMA = (
    """17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99
47 66 99 99 99 99 99 99"""
    + " 99" * 32
)


def _table(text, device):
    return torch.tensor([float(v) for v in text.split()], device=device).view(8, 8)


def _quantise(plane, table):
    """8x8 DCT, rounding to the table's steps, and back, for a plane of values around zero."""
    n, c, h, w = plane.shape
    i = torch.arange(8, device=plane.device)
    dct = torch.cos((2 * i[None] + 1) * i[:, None] * math.pi / 16) * 0.5
    dct[0] *= 0.5**0.5
    blocks = plane.view(n, c, h // 8, 8, w // 8, 8).transpose(3, 4)
    coefficients = dct @ blocks @ dct.T
    coefficients = (coefficients / table).round() * table
    return (dct.T @ coefficients @ dct).transpose(3, 4).reshape(n, c, h, w)


def jpeg_like(x, quality, subsample=True):
    """What a JPEG file of this quality does to a picture in [-1, 1] (no entropy coding)."""
    h, w = x.shape[-2:]
    x = F.pad(x, (0, -w % 16, 0, -h % 16), mode="replicate") * 127.5
    r, g, b = x.unbind(1)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    chroma = torch.stack([(b - y) * 0.564, (r - y) * 0.713], 1)
    step = 50 / quality if quality < 50 else 2 - quality / 50
    luma_table = (_table(_LUMA, x.device) * step).round().clamp(min=1)
    chroma_table = (_table(_CHROMA, x.device) * step).round().clamp(min=1)
    y = _quantise(y[:, None], luma_table)[:, 0]
    if subsample:
        small = _quantise(F.avg_pool2d(chroma, 2), chroma_table)
        chroma = F.interpolate(small, scale_factor=2, mode="bilinear")
    else:
        chroma = _quantise(chroma, chroma_table)
    b, r = chroma[:, 0] / 0.564 + y, chroma[:, 1] / 0.713 + y
    g = (y - 0.299 * r - 0.114 * b) / 0.587
    return (torch.stack([r, g, b], 1)[..., :h, :w] / 127.5).clamp(-1, 1)


def uniform(low, high):
    """One random number from torch's generator."""
    return low + (high - low) * torch.rand(()).item()


def degrade_small(x, h, w, strength):
    """Makes the small input picture: `strength` 0 is a clean bicubic reduction, 1 the full mix."""
    if uniform(0, 1) > strength:
        return shrink(x, h, w)
    pick = uniform(0, 1)
    if pick < 0.3:
        small = shrink(x, h, w)
    else:
        names = ("lanczos", "mitchell", "triangle", "box", "0.45", "0.6", "0.75")
        small = reduce_with(x, h, w, names[min(int((pick - 0.3) / 0.1), 6)])
    if uniform(0, 1) < 0.3:
        small = small + torch.randn_like(small) * uniform(0.002, 0.03)
    if uniform(0, 1) < 0.45:
        small = jpeg_like(small, uniform(55, 97), uniform(0, 1) < 0.6)
    return small.clamp(-1, 1)


# ------------------------------------------------------------------------------------ measures


def band_powers(x):
    """Power of the luma in the rings 1/16-1/8, 1/8-1/4 and 1/4-1/2 cycles per pixel: [N, 3]."""
    luma = x.float().mean(1)
    luma = luma - luma.mean((1, 2), keepdim=True)
    h, w = luma.shape[-2:]
    window = torch.hann_window(h, device=x.device)[:, None] * torch.hann_window(w, device=x.device)
    power = torch.fft.fft2(luma * window).abs() ** 2
    fy = torch.fft.fftfreq(h, device=x.device)[:, None]
    fx = torch.fft.fftfreq(w, device=x.device)[None]
    radius = (fy**2 + fx**2).sqrt()
    rings = ((1 / 16, 1 / 8), (1 / 8, 1 / 4), (1 / 4, 1 / 2))
    return torch.stack([power[:, (radius >= a) & (radius < b)].sum(1) for a, b in rings], 1)


def psnr(a, b):
    """Peak signal-to-noise ratio of each picture, for values in [-1, 1]."""
    return 10 * torch.log10(4 / (a.float() - b.float()).pow(2).mean((1, 2, 3)).clamp(min=1e-9))


# ------------------------------------------------------------------- optimiser, clock, processes


def _orthogonalise(g, rounds=5):
    """Newton-Schulz iteration towards the nearest (semi-)orthogonal matrices, batched."""
    x = g.bfloat16() if g.is_cuda else g.float()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(rounds):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return x.float()


class Muon:
    """Momentum with orthogonalised updates for weight matrices and convolution kernels.

    Kernels of one shape are handled together. The step has the size that Adam's usually has, so
    one learning rate serves both optimisers.
    """

    def __init__(self, params, momentum=0.95, weight_decay=0.01):
        self.momentum, self.weight_decay = momentum, weight_decay
        shapes = {}
        for p in params:
            shapes.setdefault(tuple(p.shape), []).append(p)
        self.groups = [(ps, self._buffer(ps)) for ps in shapes.values()]

    @staticmethod
    def _buffer(ps):
        return torch.zeros(len(ps), *ps[0].flatten(1).shape, device=ps[0].device)

    @torch.no_grad()
    def step(self, lr):
        for ps, buffer in self.groups:
            g = torch.stack([p.grad.flatten(1) for p in ps])
            buffer.lerp_(g, 1 - self.momentum)
            g = g.lerp(buffer, self.momentum)
            rows, columns = g.shape[1:]
            u = _orthogonalise(g.mT).mT if rows > columns else _orthogonalise(g)
            u = u * (0.2 * max(rows, columns) ** 0.5)
            for p, du in zip(ps, u.unbind(0)):
                p.mul_(1 - lr * self.weight_decay).sub_(lr * du.view(p.shape))

    def state_dict(self):
        return [buffer for _, buffer in self.groups]

    def load_state_dict(self, state):
        for (_, buffer), saved in zip(self.groups, state):
            buffer.copy_(saved)


class Optimiser:
    """Muon for the inner weight matrices, AdamW for everything else; clips the gradient."""

    def __init__(self, named, cuda, muon=True, outer=(), weight_decay=0.01, betas=(0.9, 0.98)):
        inner = [p for n, p in named if muon and p.ndim >= 2 and not any(o in n for o in outer)]
        chosen = {id(p) for p in inner}
        rest = [p for _, p in named if id(p) not in chosen]
        self.params = [p for _, p in named]
        self.muon = Muon(inner, weight_decay=weight_decay) if inner else None
        self.adam = torch.optim.AdamW(
            rest, lr=1e-3, betas=betas, weight_decay=weight_decay, fused=cuda
        )

    def step(self, lr, clip=1.0):
        norm = torch.nn.utils.clip_grad_norm_(self.params, clip)
        for group in self.adam.param_groups:
            group["lr"] = lr
        self.adam.step()
        if self.muon:
            self.muon.step(lr)
        return norm

    def zero_grad(self):
        for p in self.params:
            p.grad = None

    def state_dict(self):
        return dict(adam=self.adam.state_dict(), muon=self.muon and self.muon.state_dict())

    def load_state_dict(self, state):
        self.adam.load_state_dict(state["adam"])
        if self.muon:
            self.muon.load_state_dict(state["muon"])


def lr_at(share, base, warm=0.02, end=0.01):
    """A short linear warm-up, then half a cosine, by the share of the time that has passed."""
    if share < warm:
        return base * (share + 1e-3) / warm
    return base * (end + (1 - end) * 0.5 * (1 + math.cos(math.pi * (share - warm) / (1 - warm))))


class Processes:
    """Averages gradients over the processes of one machine and keeps their clocks equal."""

    def __init__(self, cuda):
        self.rank = int(os.environ.get("RANK", 0))
        self.world = int(os.environ.get("WORLD_SIZE", 1))
        self.dist = None
        if cuda:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))

    def start(self, cuda):
        if self.world < 2:
            return
        import torch.distributed as dist

        dist.init_process_group("nccl" if cuda else "gloo")
        self.dist = dist

    def share(self, tensors):
        """Copies rank 0's tensors to every rank."""
        if self.dist:
            for t in tensors:
                self.dist.broadcast(t, 0)

    def mean_grads(self, params, share):
        """Averages the gradients in one message; returns the mean of the ranks' clocks."""
        if not self.dist:
            return torch.tensor(share)
        grads = [p.grad for p in params]
        clock = torch.tensor([share], device=grads[0].device)
        flat = torch.cat([g.reshape(-1) for g in grads] + [clock])
        self.dist.all_reduce(flat)
        flat /= self.world
        start = 0
        for g in grads:
            g.copy_(flat[start : start + g.numel()].view(g.shape))
            start += g.numel()
        return flat[-1]


class Clock:
    """The share of `seconds` that has passed, counting `before` seconds of an earlier run."""

    def __init__(self, seconds, before=0.0):
        self.start, self.seconds = time.time() - before, seconds

    def passed(self):
        return time.time() - self.start

    def share(self):
        return min(1.0, self.passed() / self.seconds)


def swap_in(temporary, final):
    """Replaces a folder of finished files in one step, so that a copy made meanwhile is whole."""
    if os.path.exists(final):
        os.rename(final, final + ".old")
    os.rename(temporary, final)
    shutil.rmtree(final + ".old", ignore_errors=True)


class Sampler:
    """The upscaler's stage in short: noise the start, DDIM steps, structure guidance."""

    def __init__(self, net, abar, coder):
        self.net, self.abar, self.coder = net, abar, coder

    @torch.no_grad()
    def __call__(
        self, z_ref, content, t_start, steps, guidance=1.0, power=1.0, band=0.25, quality=SHARP
    ):
        n, dev, abar = len(z_ref), z_ref.device, self.abar
        ts = [max(1, round(t_start * (1 - i / steps) ** power)) for i in range(steps)]
        a = abar[ts[0]]
        z = a.sqrt() * z_ref + (1 - a).sqrt() * torch.randn_like(z_ref)
        low = lowpass(z_ref, band)
        wanted = torch.full((n,), quality, device=dev)
        for i, t in enumerate(ts):
            a, following = abar[t], abar[ts[i + 1]] if i + 1 < steps else abar.new_tensor(1.0)
            time_ = torch.full((n,), t, device=dev)
            with self.coder.autocast():
                e = self.net(z, time_, content, wanted).float()
                if guidance != 1:
                    none, soft = torch.zeros_like(content), torch.full_like(content, SOFT)
                    low_e = self.net(z, time_, none, soft).float()
                    e = low_e + guidance * (e - low_e)
            z0 = (z - (1 - a).sqrt() * e) / a.sqrt()
            z0 = z0 + (1 - a) / (1 - abar[ts[0]]) * (low - lowpass(z0, band))
            e = (z - a.sqrt() * z0) / (1 - a).sqrt()
            z = following.sqrt() * z0 + (1 - following).sqrt() * e
        return z
