"""Trains the small factor-4 AutoencoderKL.

Loss: L1, a Laplacian pyramid, squared error, a weak KL term, and three terms that make latents
behave under scaling, which ScaleDiff's latent frequency mixing and structure guidance need:
decoding a halved latent gives the halved picture, decoding an enlarged latent gives the enlarged
picture, and the low band of an enlarged latent is that of the enlarged picture's latent. In the
last part of the run a texture term asks for the local energy of the finest detail, so that the
decoder does not answer doubt with blur.

The network does not start from noise but from a linear code (`linear_start`): the encoder begins
as a principal-component transform of 4x4 pixel blocks, which this architecture can express exactly.

    torchrun --standalone --nproc_per_node 2 train_vae.py --corpus corpus.tar --out ckpt
"""

import argparse
import json
import os
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from common import (
    CROP,
    LATENT_CHANNELS,
    VAE_CONFIG,
    VAE_FACTOR,
    Clock,
    Optimiser,
    Processes,
    band_powers,
    enlarge,
    half_tiles,
    load_corpus,
    lowpass,
    lr_at,
    psnr,
    shrink,
    swap_in,
    to_float,
    uniform,
)
from diffusers import AutoencoderKL


def arguments():
    ap = argparse.ArgumentParser()
    ap.add_argument("--corpus", default="corpus.tar", help="tar files, comma-separated")
    ap.add_argument("--limit", type=int, help="read only this many tiles")
    ap.add_argument("--out", default="ckpt")
    ap.add_argument("--seconds", type=float, default=400)
    ap.add_argument("--max-steps", type=int, default=10**9)
    ap.add_argument("--bs", type=int, default=32, help="crops per process and step")
    ap.add_argument("--size", type=int, default=192)
    ap.add_argument("--lr", type=float, default=1e-3)
    ap.add_argument("--blocks", default="32,64,128")
    ap.add_argument("--optimiser", default="muon", choices=("muon", "adam"))
    ap.add_argument("--start", default="linear", choices=("linear", "random"))
    ap.add_argument("--kl", type=float, default=5e-4)
    ap.add_argument("--half", type=float, default=0.12, help="weight of the halved latents")
    ap.add_argument("--double", type=float, default=0.25, help="weight of the enlarged latents")
    ap.add_argument("--band", type=float, default=0.1, help="weight of the low-band agreement")
    ap.add_argument("--texture", type=float, default=0.4, help="weight of the texture term")
    ap.add_argument("--texture-from", type=float, default=0.6, help="share of the run")
    ap.add_argument("--no-compile", action="store_true")
    ap.add_argument("--report", type=int, default=250)
    return ap.parse_args()


# ------------------------------------------------------------------------------- linear start


def block_code(pictures, power=0.5):
    """Principal components of 4x4 pixel blocks -> (directions [16, 48], mean [48]).

    Each direction is scaled so that its coefficient's standard deviation s becomes s ** power:
    fine detail keeps a say in the latents' noise, and coarse structure stays the larger part.
    """
    f = VAE_FACTOR
    n, _, h, w = pictures.shape
    blocks = pictures.view(n, 3, h // f, f, w // f, f).permute(0, 2, 4, 3, 5, 1)
    x = blocks.reshape(-1, f * f * 3).double()  # order: row, column, colour
    mean = x.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((x - mean).T))
    order = values.argsort(descending=True)[:LATENT_CHANNELS]
    spread = values[order].clamp(min=1e-8).sqrt()
    return (vectors[:, order] * spread ** (power - 1)).T.float(), mean.float()


@torch.no_grad()
def linear_start(vae, pictures, big=6.0):
    """Writes a linear block code into the encoder and makes every residual branch start at zero.

    The trunk (first convolution, strided convolutions, shortcuts) carries the pixels of a block
    to the last layer in channels of their own. Group normalisation and SiLU before the last
    convolution are undone exactly: silu(u) - silu(-u) = u for channels in pairs (u, -u), and a
    few large constant channels in each group make its standard deviation independent of the
    picture.
    """
    for m in vae.modules():
        if type(m).__name__ == "ResnetBlock2D":
            m.conv2.weight.mul_(0.05)
            m.conv2.bias.zero_()
    code, mean = (t.to(pictures.device) for t in block_code(pictures))
    enc = vae.encoder
    groups = vae.config.norm_num_groups

    def exact(conv, rows, taps):
        """conv[row] = sum of weight * input[channel] at (dy, dx) of the kernel, nothing else."""
        conv.weight[rows] = 0
        conv.bias[rows] = 0
        for row, channel, dy, dx, weight in taps:
            conv.weight[row, channel, dy, dx] = weight

    exact(enc.conv_in, slice(0, 3), [(c, c, 1, 1, 1.0) for c in range(3)])
    # Strided convolutions pad below and on the right only: their taps (0, 0)..(1, 1) are a cell.
    first, second = (enc.down_blocks[i].downsamplers[0].conv for i in (0, 1))
    taps = [
        ((dy * 2 + dx) * 3 + c, c, dy, dx, 1.0) for dy in (0, 1) for dx in (0, 1) for c in (0, 1, 2)
    ]
    exact(first, slice(0, 12), taps)
    shortcut = enc.down_blocks[1].resnets[0].conv_shortcut
    exact(shortcut, slice(0, 12), [(c, c, 0, 0, 1.0) for c in range(12)])
    taps = [
        ((dy * 2 + dx) * 12 + c, c, dy, dx, 1.0)
        for dy in (0, 1)
        for dx in (0, 1)
        for c in range(12)
    ]
    exact(second, slice(0, 48), taps)
    # Channel order in the trunk now: outer row, outer column, inner row, inner column, colour.
    place = []
    for oy in (0, 1):
        for ox in (0, 1):
            for iy in (0, 1):
                for ix in (0, 1):
                    first = ((oy * 2 + iy) * 4 + ox * 2 + ix) * 3
                    place += range(first, first + 3)
    width = vae.config.block_out_channels[2]
    per_group = width // groups
    pairs_each = LATENT_CHANNELS // groups
    shortcut = enc.down_blocks[2].resnets[0].conv_shortcut
    plus, minus, constant = [], [], []
    for g in range(groups):
        base = g * per_group
        plus += [base + i for i in range(pairs_each)]
        minus += [base + pairs_each + i for i in range(pairs_each)]
        constant += [base + 2 * pairs_each, base + 2 * pairs_each + 1]
    for k in range(LATENT_CHANNELS):
        row = code[k][place]
        for channel, sign in ((plus[k], 1.0), (minus[k], -1.0)):
            shortcut.weight[channel] = 0
            shortcut.weight[channel, :48, 0, 0] = sign * row
            shortcut.bias[channel] = -sign * (code[k] @ mean)
    last = enc.mid_block.resnets[1].conv2
    for i, channel in enumerate(constant):
        shortcut.weight[channel] = 0
        shortcut.bias[channel] = 0
        last.weight[channel] = 0
        last.bias[channel] = big if i % 2 == 0 else -big
    spread = {}
    norm = enc.conv_norm_out
    hook = norm.register_forward_pre_hook(lambda m, a: spread.update(x=a[0].float()))
    enc(pictures[:16])
    hook.remove()
    x = spread["x"].unflatten(1, (groups, per_group))
    std = x.std((2, 3, 4)).mean(0)  # of every group
    norm.weight[:] = std.repeat_interleave(per_group)
    norm.bias.zero_()
    out = enc.conv_out
    out.weight[:LATENT_CHANNELS] = 0
    out.bias[:LATENT_CHANNELS] = 0
    for k in range(LATENT_CHANNELS):
        out.weight[k, plus[k], 1, 1] = 1
        out.weight[k, minus[k], 1, 1] = -1
    out.weight[LATENT_CHANNELS:] *= 0.1
    out.bias[LATENT_CHANNELS:] = -5
    for conv in (vae.quant_conv, vae.post_quant_conv):
        conv.weight[:, :, 0, 0] = torch.eye(conv.weight.shape[0], device=conv.weight.device)
        conv.bias.zero_()
    # Decoder: the last group norm sees a few constants too, so that contrast passes through it.
    dec = vae.decoder
    width = vae.config.block_out_channels[0]
    per_group = width // groups
    last = dec.up_blocks[2].resnets[1].conv2
    for g in range(groups):
        for i, sign in ((per_group - 2, 1.0), (per_group - 1, -1.0)):
            last.weight[g * per_group + i] = 0
            last.bias[g * per_group + i] = sign * big / 2


# --------------------------------------------------------------------------------------- loss


class Pyramid(nn.Module):
    """Laplacian pyramid distance, and the texture distance on its finest level."""

    def __init__(self):
        super().__init__()
        k = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0])
        kernel = (k[:, None] * k[None] / 256)[None, None]
        self.register_buffer("kernel", kernel.repeat(3, 1, 1, 1))

    def blur(self, x):
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), self.kernel, groups=3)

    def forward(self, a, b, weights=(1.0, 0.8, 0.6)):
        difference, total = a - b, 0.0
        for weight in weights:
            low = self.blur(difference)
            total = total + (difference - low).abs().mean() * weight
            difference = low[..., ::2, ::2]
        return total

    def texture(self, a, b):
        """Difference of the local energy of the finest detail, over windows of 8x8 pixels."""

        def energy(x):
            fine = (x - self.blur(x)).mean(1, keepdim=True)
            return (F.avg_pool2d(fine.pow(2), 8, 4) + 1e-5).sqrt()

        return (energy(a) - energy(b)).abs().mean()


def mosaic(t):
    """Four half-size pieces side by side: [4n, C, h, w] -> [n, C, 2h, 2w]."""
    n, c, h, w = t.shape
    t = t.view(n // 4, 2, 2, c, h, w).permute(0, 3, 1, 4, 2, 5)
    return t.reshape(n // 4, c, 2 * h, 2 * w)


def windows(x, rows, columns, size):
    """Cuts one size x size window out of every picture, each at its own place."""
    n, c = x.shape[:2]
    span = torch.arange(size, device=x.device)
    i = torch.arange(n, device=x.device)[:, None, None, None]
    ch = torch.arange(c, device=x.device)[None, :, None, None]
    return x[
        i, ch, (rows[:, None] + span)[:, None, :, None], (columns[:, None] + span)[:, None, None]
    ]


# ------------------------------------------------------------------------------------ training


def main():
    a = arguments()
    cuda = torch.cuda.is_available()
    procs = Processes(cuda)
    dev = torch.device("cuda", torch.cuda.current_device()) if cuda else torch.device("cpu")
    begun = time.time()

    def say(*words):
        if procs.rank == 0:
            print(f"[vae {time.time() - begun:6.1f}]", *words, flush=True)

    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    os.makedirs(a.out, exist_ok=True)
    (tiles, valid, _), (held, _) = load_corpus(a.corpus, a.limit)
    tiles, valid, held = tiles.to(dev), valid.to(dev), to_float(held.to(dev))
    small, _ = half_tiles(tiles, valid)
    say("tiles", len(tiles), "halved", len(small), "validation", len(held))

    torch.manual_seed(0)
    config = dict(VAE_CONFIG, block_out_channels=tuple(int(b) for b in a.blocks.split(",")))
    vae = AutoencoderKL(**config).to(dev)
    if a.start == "linear":
        sample = to_float(small[torch.randperm(len(small), device=dev)[:256]])
        linear_start(vae, sample)
    vae = vae.to(memory_format=torch.channels_last)
    say("parameters", sum(p.numel() for p in vae.parameters()) / 1e6, "M")

    class Encoder(nn.Module):
        def forward(self, x):
            return vae.quant_conv(vae.encoder(x))

    class Decoder(nn.Module):
        def forward(self, z):
            return vae.decoder(vae.post_quant_conv(z))

    encode, decode, pyramid = Encoder(), Decoder(), Pyramid().to(dev)
    if cuda and not a.no_compile:
        encode, decode = torch.compile(encode), torch.compile(decode)

    def autocast():
        return torch.autocast(dev.type, torch.bfloat16, enabled=cuda)

    size, latent = a.size, a.size // VAE_FACTOR
    torch.manual_seed(100 + procs.rank)

    def batch(n):
        """N crops; 30 % from the halved tiles, 20 % look enlarged (the upscaler encodes such)."""
        m = int(n * 0.3)
        i = torch.randint(len(small), (m,), device=dev)
        j = torch.randint(len(tiles), (n - m,), device=dev)
        corner = (torch.rand(m, 2, device=dev) * (CROP - size + 1)).long()
        first = windows(small[i], corner[:, 0], corner[:, 1], size)
        room = (valid[j] - size).clamp(min=0) + 1
        corner = (torch.rand(n - m, 2, device=dev) * room).long()
        second = windows(tiles[j], corner[:, 0], corner[:, 1], size)
        x = to_float(torch.cat([first, second])[torch.randperm(n, device=dev)])
        if uniform(0, 1) < 0.5:
            x = x.flip(3)
        if uniform(0, 1) < 0.15:
            x = x.flip(2)
        soft, f = n // 5, uniform(1.5, 3.5)
        reduced = shrink(x[:soft], round(size / f), round(size / f))
        return torch.cat([x[soft:], enlarge(reduced, size, size)])

    params = list(vae.parameters())
    current = list(vae.state_dict().values())
    ema = [v.detach().clone() for v in current]

    def save(name, scale=1.0, **facts):
        back = [v.clone() for v in current]
        with torch.no_grad():
            torch._foreach_copy_(current, ema)
            vae.register_to_config(scaling_factor=float(scale))
            vae.save_pretrained(f"{a.out}/{name}.tmp")
            swap_in(f"{a.out}/{name}.tmp", f"{a.out}/{name}")
            torch._foreach_copy_(current, back)
        if facts:
            with open(f"{a.out}/vae_train.json", "w") as f:
                json.dump(facts, f, indent=1)

    @torch.no_grad()
    def validate(label):
        """EMA weights on centre crops of the validation tiles."""
        back = [v.clone() for v in current]
        torch._foreach_copy_(current, ema)
        o = (held.shape[-1] - CROP) // 2
        x = held[..., o : o + CROP, o : o + CROP]
        z = vae.quant_conv(vae.encoder(x)).chunk(2, 1)[0]
        y = vae.decoder(vae.post_quant_conv(z)).clamp(-1, 1)
        up = F.interpolate(z[..., 16:48, 16:48], scale_factor=2, mode="bicubic")
        big = enlarge(x[..., 64:192, 64:192], CROP, CROP)
        yb = vae.decoder(vae.post_quant_conv(up)).clamp(-1, 1)
        p, powers = psnr(y, x), (band_powers(y) / band_powers(x)).mean(0).tolist()
        zb = vae.quant_conv(vae.encoder(big)).chunk(2, 1)[0]
        low = (lowpass(up, 0.25) - lowpass(zb, 0.25)).pow(2).mean() / zb.var()
        say(
            f"{label}: psnr {p.mean():.2f} median {p.median():.2f} band powers",
            [round(v, 3) for v in powers],
            f"enlarged latent {psnr(yb, big).mean():.2f} dB, low band error {low.item():.4f}",
            f"latent std {z.std().item():.3f}",
            [round(v, 2) for v in z.std((0, 2, 3)).tolist()],
        )
        torch._foreach_copy_(current, back)

    if cuda and not a.no_compile:
        m = a.bs // 6
        with autocast():
            h = encode(batch(a.bs + m).contiguous(memory_format=torch.channels_last))
            z = torch.randn(a.bs + a.bs // 4 + m, LATENT_CHANNELS, latent, latent, device=dev)
            z = z.requires_grad_().contiguous(memory_format=torch.channels_last)
            (h.float().mean() + decode(z).float().mean()).backward()
        vae.zero_grad(set_to_none=True)
        say("compiled")
    procs.start(cuda)
    procs.share(current)
    torch._foreach_copy_(ema, current)
    outer = ("conv_in", "conv_out", "quant_conv")
    optimiser = Optimiser(
        list(vae.named_parameters()), cuda, a.optimiser == "muon", outer, 1e-4, (0.9, 0.99)
    )
    validate("start")
    clock, step, share, last_save, last_check = Clock(a.seconds), 0, 0.0, time.time(), 0.0
    while step < a.max_steps:
        x = batch(a.bs)
        m = a.bs // 6
        cut = latent // 2
        corner = torch.randint(0, latent - cut + 1, (m, 2), device=dev)
        part = windows(x[:m], corner[:, 0] * VAE_FACTOR, corner[:, 1] * VAE_FACTOR, size // 2)
        big = enlarge(part, size, size)
        with autocast():
            h = encode(torch.cat([x, big]).contiguous(memory_format=torch.channels_last)).float()
            mean, logvar = h.chunk(2, 1)
            mean, mean_big, logvar = mean[: a.bs], mean[a.bs :], logvar[: a.bs].clamp(-14, 4)
            std = (0.5 * logvar).exp()
            z = mean + std * torch.randn_like(mean)
            q = a.bs // 4
            noise = torch.rand(q, 1, 1, 1, device=dev) * 0.12 * torch.randn_like(z[-q:])
            z = torch.cat([z[:-q], z[-q:] + noise])
            halved = mosaic(F.interpolate(z, scale_factor=0.5, mode="bilinear", antialias=True))
            piece = windows(z[:m], corner[:, 0], corner[:, 1], cut)
            doubled = F.interpolate(piece, size=(latent, latent), mode="bicubic")
            z_all = torch.cat([z, halved, doubled]).contiguous(memory_format=torch.channels_last)
            out = decode(z_all).float()
        x_half = mosaic(shrink(x, size // 2, size // 2))
        y, y_half, y_big = out[: a.bs], out[a.bs : -m], out[-m:]
        kl = 0.5 * (mean.pow(2) + std.pow(2) - 1 - logvar).mean()
        loss = (y - x).abs().mean() + pyramid(y, x) + 2 * (y - x).pow(2).mean() + a.kl * kl
        loss = loss + a.half * ((y_half - x_half).abs().mean() + 0.5 * pyramid(y_half, x_half))
        loss = loss + a.double * ((y_big - big).abs().mean() + pyramid(y_big, big))
        gap = lowpass(mean_big, 0.25) - lowpass(doubled, 0.25)
        band = gap.pow(2).mean() / mean.detach().var()
        loss = loss + a.band * band
        if share > a.texture_from:
            ramp = min(1.0, (share - a.texture_from) / 0.1)
            loss = loss + a.texture * ramp * pyramid.texture(y, x)
        optimiser.zero_grad()
        loss.backward()
        common = procs.mean_grads(params, clock.share())
        if step % 8 == 0 or procs.world < 2:
            share = float(common)
        if share >= 0.995:
            break
        lr = lr_at(share, a.lr)
        norm = optimiser.step(lr)
        step += 1
        torch._foreach_lerp_(ema, current, 1 - min(0.998, (1 + step) / (10 + step)))
        if step % a.report == 0 or step <= 2:
            say(
                f"step {step} loss {loss.item():.4f} psnr {psnr(y, x).mean():.2f}",
                f"half {psnr(y_half, x_half).mean():.2f} double {psnr(y_big, big).mean():.2f}",
                f"band {band.item():.4f} kl {kl.item():.2f} noise {std.mean().item():.3f}",
                f"norm {norm.item():.2f} lr {lr:.1e}",
                f"{step * a.bs * procs.world / clock.passed():.0f} crops/s",
            )
        if procs.rank == 0 and share > last_check + 0.1:
            last_check = share
            validate(f"check at {share:.2f}, step {step}")
        if procs.rank == 0 and time.time() - last_save > 60:
            last_save = time.time()
            save("vae_partial")
    seconds = clock.passed()
    if procs.rank == 0:
        validate("end")
        torch._foreach_copy_(current, ema)
        with torch.no_grad(), autocast():
            code = [
                vae.quant_conv(vae.encoder(batch(a.bs))).float().chunk(2, 1)[0] for _ in range(16)
            ]
        scale = 1 / torch.cat(code).std().item()
        save(
            "vae",
            scale,
            steps=step,
            seconds=round(seconds, 1),
            crops=step * a.bs * procs.world,
            crop=size,
            batch=a.bs * procs.world,
            processes=procs.world,
            scaling_factor=scale,
            device=torch.cuda.get_device_name() if cuda else "cpu",
            settings=vars(a),
        )
        open(f"{a.out}/VAE_DONE", "w").close()
    say("done", step, "steps", round(seconds), "s")
    if procs.dist:
        if cuda:
            torch.cuda.synchronize()
        os._exit(0)


if __name__ == "__main__":
    main()
