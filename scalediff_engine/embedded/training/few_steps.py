"""The program's way from a small picture to a large one, in few steps, with gradients.

Each stage doubles the picture with the fast network, encodes it, mixes in the lowest band of the
enlarged latent, adds noise, takes the few steps with structure guidance, decodes, and locks the
result to the source: what `pipeline/loop.py` does with pictures no larger than the model's native
size. All resampling is by matrices, so that its gradient is a matrix product too.
"""

from functools import lru_cache

import torch
import torch.nn as nn
import torch.nn.functional as F
from common import (
    SHARP,
    TOKEN_DIM,
    TOKEN_NAMES,
    TOKENS_EACH,
    UNET_CONFIG,
    enlarge,
    shrink,
    uniform,
)
from degradation import Condition
from diffusers import AutoencoderKL, UNet2DConditionModel
from fast_net import load as load_fast

MIXING, GUIDANCE = 1 / 32, 1 / 4  # low-passes, as the program has them
LOCK_ROUNDS = 3
STAGES = {2: ((10, 3),), 4: ((20, 3), (30, 4))}  # (t_start, steps), as the program has them


@lru_cache(maxsize=256)
def _matrix(n_in, n_out, mode, antialias, device):
    # one column for each input; beside it the other axis keeps its size
    unit = torch.eye(n_in, device=device)[None, None]
    made = F.interpolate(unit, size=(n_out, n_in), mode=mode, antialias=antialias)
    return made[0, 0]


@lru_cache(maxsize=64)
def _lowpass_matrix(n, share, device):
    small = max(1, int(n * share))
    down = _matrix(n, small, "bilinear", True, device)
    return _matrix(small, n, "bilinear", False, device) @ down


def _by(rows, columns, x):
    with torch.autocast(x.device.type, enabled=False):
        return rows @ x.float() @ columns.T


def resized(x, h, w, mode="bicubic", antialias=True):
    """Bicubic resize as Pillow does it, or another one of `interpolate`."""
    rows = _matrix(x.shape[-2], h, mode, antialias, x.device)
    return _by(rows, _matrix(x.shape[-1], w, mode, antialias, x.device), x)


def lowpass(z, share):
    h, w = z.shape[-2:]
    return _by(_lowpass_matrix(h, share, z.device), _lowpass_matrix(w, share, z.device), z)


def locked(x, source, cutoff=1.0):
    """`x` with the low frequencies of `source`: all that it has, or the share `cutoff` of them."""
    h, w = (max(1, round(side * cutoff)) for side in source.shape[-2:])
    wanted = resized(source, h, w)
    for _ in range(LOCK_ROUNDS):
        x = x + resized(wanted - resized(x, h, w), *x.shape[-2:])
    return x


class Generator(nn.Module):
    """The U-Net, its table of prompt tokens, and the condition on the source's cleanliness."""

    def __init__(self):
        super().__init__()
        self.unet = UNet2DConditionModel(**UNET_CONFIG)
        self.tokens = nn.Parameter(torch.zeros(len(TOKEN_NAMES), TOKENS_EACH, TOKEN_DIM))
        self.condition = Condition(TOKENS_EACH, TOKEN_DIM)

    def prompt(self, content, found=None, told=None, quality=SHARP):
        """(n, 8, 128); `found` are the source's figures, `told` a share of them (n,) to use."""
        chosen = self.tokens[quality].expand(len(content), -1, -1)
        if found is not None:
            change = self.condition(found)
            chosen = chosen + (change if told is None else change * told[:, None, None])
        return torch.cat([self.tokens[content], chosen], 1)

    def forward(self, z, t, prompt):
        return self.unet(z, t, encoder_hidden_states=prompt).sample


class Upscaler:
    """Runs the stages.

    `predict` is (z, t, prompt) -> epsilon; `encode` and `decode` are the autoencoder's in the
    scaled latent space; `fast` is the fast x2 network on values 0..1.
    """

    def __init__(self, predict, encode, decode, fast, abar):
        self.predict, self.encode, self.decode = predict, encode, decode
        self.fast, self.abar = fast, abar

    def doubled(self, x):
        h, w = x.shape[-2:]
        part = (x.clamp(-1, 1) + 1) / 2
        part = F.pad(part, (0, w % 2, 0, h % 2), mode="replicate")
        return self.fast(part)[..., : 2 * h, : 2 * w].float().clamp(0, 1) * 2 - 1

    def stage(self, x, z, prompt, t_start, steps):
        """The picture and its latent, twice as large."""
        z_ru = self.encode(self.doubled(x))
        z_lu = resized(z, *z_ru.shape[-2:], antialias=False)
        z_ref = z_ru + lowpass(z_lu - z_ru, MIXING)
        if torch.is_grad_enabled() and not z_ref.requires_grad:
            z_ref.requires_grad_()  # or the U-Net would be compiled twice, for both cases
        low = lowpass(z_ref, GUIDANCE)
        times = [max(1, round(t_start * (1 - i / steps))) for i in range(steps)]
        levels = [self.abar[t] for t in times] + [self.abar.new_tensor(1.0)]
        first = levels[0]
        z = first.sqrt() * z_ref + (1 - first).sqrt() * torch.randn_like(z_ref)
        for t, a, following in zip(times, levels, levels[1:]):
            time = torch.full((len(z),), t, device=z.device)
            e = self.predict(z.contiguous(memory_format=torch.channels_last), time, prompt).float()
            z0 = (z - (1 - a).sqrt() * e) / a.sqrt()
            z0 = z0 + (1 - a) / (1 - first) * (low - lowpass(z0, GUIDANCE))
            e = (z - a.sqrt() * z0) / (1 - a).sqrt()
            z = following.sqrt() * z0 + (1 - following).sqrt() * e
        return self.decode(z), z

    def __call__(self, source, prompt, stages, parts=((1.0, None),)):
        """Enlarges `source` by 2 for each stage.

        `parts`: (cutoff of the lock, end of the part) of the batch's parts, in their order.
        """
        with torch.no_grad():
            z = self.encode(source)
        x = source
        for t_start, steps in stages:
            x, z = self.stage(x, z, prompt, t_start, steps)
            begin, done = 0, []
            for cutoff, end in parts:
                done.append(locked(x[begin:end], source[begin:end], cutoff))
                begin = end
            x = torch.cat(done)
        return x.clamp(-1, 1)


class Coder:
    """Encodes (posterior mean) and decodes in the scaled latent space."""

    def __init__(self, folder, dev):
        self.vae = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32).to(dev).eval()
        self.vae.to(memory_format=torch.channels_last).requires_grad_(False)
        self.scale = self.vae.config.scaling_factor
        self.dev = dev

    def autocast(self):
        return torch.autocast(self.dev.type, torch.bfloat16, enabled=self.dev.type == "cuda")

    def encode(self, x):
        with self.autocast():
            x = x.contiguous(memory_format=torch.channels_last)
            h = self.vae.quant_conv(self.vae.encoder(x)).float()
        return h.chunk(2, 1)[0] * self.scale

    def decode(self, z):
        with self.autocast():
            z = (z / self.scale).contiguous(memory_format=torch.channels_last)
            return self.vae.decoder(self.vae.post_quant_conv(z)).float().clamp(-1, 1)


class Enlarger:
    """Enlarges pictures in [-1, 1] as the upscaler's stages do: mostly by the fast x2 network."""

    def __init__(self, checkpoint, dev, share=0.8):
        self.net = load_fast(checkpoint).to(dev) if checkpoint else None
        self.share = share if checkpoint else 0.0

    @torch.no_grad()
    def __call__(self, x, side):
        if uniform(0, 1) >= self.share:
            return enlarge(x, side, side, "bilinear" if uniform(0, 1) < 0.05 else "bicubic")
        fold, own = self.net.fold, x.shape[-1]
        padded = F.pad(x, (0, -own % fold, 0, -own % fold), mode="replicate")
        with torch.autocast(x.device.type, torch.bfloat16, enabled=x.is_cuda):
            big = self.net(padded / 2 + 0.5).float().clamp(0, 1) * 2 - 1
        made = own * self.net.scale
        if made == side:
            return big[..., :made, :made]
        return (shrink if made > side else enlarge)(big[..., :made, :made], side, side)
