"""Measures a model on held-out pictures: the VAE alone, x2 in one stage, x4 in two.

    python eval.py --model deliver --images pictures --mode vae
    python eval.py --model deliver --images pictures --mode x2 --grid '[{"t_start": 120}]'
    python eval.py --model deliver --images pictures --mode x4 --grid '[{"t_start2": 60}]'

A grid is a JSON list of settings; names that end in 2 are those of the second stage. The upscaler
here is a compact copy of the method: SDEdit from the enlarged picture, Neighborhood Patch
Attention, Latent Frequency Mixing, Structure Guidance. Every row has PSNR, SSIM, Laplacian
sharpness and the power of three rings of frequency against the original, and the same for bicubic
and for bicubic with an unsharp mask.
"""

import argparse
import glob
import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from common import alphas_cumprod, band_powers, lowpass, psnr
from diffusers import AutoencoderKL, UNet2DConditionModel
from PIL import Image, ImageDraw
from safetensors.torch import load_file

NATIVE = 64  # latents at the native size


class WindowAttention:
    """Self-attention in which a block of queries sees the native-size window around it."""

    grid, order = (NATIVE, NATIVE), {}

    def _places(self, rows, columns, window):
        key = (rows, columns, window)
        if key not in self.order:
            index = torch.arange(rows * columns).view(rows, columns)
            patch, queries, keys = window // 2, [], []
            for y in range(0, rows, patch):
                for x in range(0, columns, patch):
                    y0 = min(max(y - window // 4, 0), rows - window)
                    x0 = min(max(x - window // 4, 0), columns - window)
                    queries.append(index[y : y + patch, x : x + patch].reshape(-1))
                    keys.append(index[y0 : y0 + window, x0 : x0 + window].reshape(-1))
            queries, keys = torch.stack(queries), torch.stack(keys)
            self.order[key] = queries, keys, torch.argsort(queries.reshape(-1))
        return self.order[key]

    def __call__(self, attn, h, encoder_hidden_states=None, attention_mask=None, temb=None, **_):
        n, tokens, _ = h.shape
        rows, columns = self.grid
        ratio = round((rows * columns / tokens) ** 0.5)
        rows, columns, window = rows // ratio, columns // ratio, NATIVE // ratio

        def heads(t):
            return t.view(n, tokens, attn.heads, -1).transpose(1, 2)

        q, k, v = heads(attn.to_q(h)), heads(attn.to_k(h)), heads(attn.to_v(h))
        if rows <= window and columns <= window:
            out = F.scaled_dot_product_attention(q, k, v)
        else:
            qi, ki, back = (i.to(h.device) for i in self._places(rows, columns, window))
            depth, m = q.shape[-1], len(qi)

            def pick(t, i):
                t = t[:, :, i.reshape(-1)].view(n, attn.heads, m, -1, depth)
                return t.transpose(1, 2).reshape(n * m, attn.heads, -1, depth)

            out = F.scaled_dot_product_attention(pick(q, qi), pick(k, ki), pick(v, ki))
            out = out.view(n, m, attn.heads, -1, depth).transpose(1, 2)
            out = out.reshape(n, attn.heads, tokens, depth)[:, :, back]
        out = attn.to_out[0](out.transpose(1, 2).reshape(n, tokens, -1))
        return attn.to_out[1](out)


class Model:
    """VAE, U-Net and prompt tokens of one folder."""

    def __init__(self, folder, dev):
        self.dev = dev
        self.vae = AutoencoderKL.from_pretrained(f"{folder}/vae", torch_dtype=torch.float32)
        self.unet = UNet2DConditionModel.from_pretrained(
            f"{folder}/unet", torch_dtype=torch.float32
        )
        for m in (self.vae, self.unet):
            m.eval().requires_grad_(False).to(dev).to(memory_format=torch.channels_last)
        self.tokens = load_file(f"{folder}/class_tokens.safetensors")["class_tokens"].float()
        with open(f"{folder}/class_tokens.json") as f:
            self.names = json.load(f)["names"]
        self.scale = self.vae.config.scaling_factor
        self.abar = alphas_cumprod().to(dev)
        own = dict(self.unet.attn_processors)
        self.window = WindowAttention()
        self.unet.set_attn_processor(
            {k: self.window if "attn1" in k else v for k, v in own.items()}
        )

    def prompt(self, *names):
        rows = [self.tokens[self.names.index(n)] for n in names]
        return torch.cat(rows, 0)[None].to(self.dev)

    def encode(self, x):
        x = x.contiguous(memory_format=torch.channels_last)
        return self.vae.encode(x).latent_dist.mean * self.scale

    def decode(self, z):
        z = (z / self.scale).contiguous(memory_format=torch.channels_last)
        return self.vae.decode(z).sample.clamp(-1, 1)


@torch.no_grad()
def stage(
    model,
    x,
    content,
    factor=2,
    t_start=120,
    steps=6,
    guidance=1.0,
    power=1.0,
    lfm=0.0,
    sg=0.25,
    sg_weight=1.0,
    seed=0,
):
    """One stage of the method. `power` 1 spaces the timesteps evenly, 2 quadratically."""
    abar = model.abar
    up = F.interpolate(x, scale_factor=factor, mode="bicubic").clamp(-1, 1)
    z_ref = model.encode(up)
    if lfm:
        z_lu = F.interpolate(model.encode(x), scale_factor=factor, mode="bicubic")
        z_ref = z_ref + lowpass(z_lu, lfm) - lowpass(z_ref, lfm)
    model.window.grid = tuple(z_ref.shape[-2:])
    ts = [max(1, round(t_start * (1 - i / steps) ** power)) for i in range(steps)]
    noise = torch.randn(z_ref.shape, generator=torch.Generator().manual_seed(seed)).to(model.dev)
    start = abar[ts[0]]
    z = start.sqrt() * z_ref + (1 - start).sqrt() * noise
    positive, negative = model.prompt(content, "sharp"), model.prompt("null", "soft")
    low = lowpass(z_ref, sg) if sg else None
    for i, t in enumerate(ts):
        a, following = abar[t], abar[ts[i + 1]] if i + 1 < steps else abar.new_tensor(1.0)
        zi = z.contiguous(memory_format=torch.channels_last)
        if guidance == 1:
            e = model.unet(zi, t, positive).sample
        else:
            pair = torch.cat([negative, positive])
            e0, e1 = model.unet(torch.cat([zi, zi]), t, pair).sample.chunk(2)
            e = e0 + guidance * (e1 - e0)
        z0 = (z - (1 - a).sqrt() * e) / a.sqrt()
        if sg:
            gamma = sg_weight * (1 - a) / (1 - start)
            z0 = z0 + gamma * (low - lowpass(z0, sg))
            e = (z - a.sqrt() * z0) / (1 - a).sqrt()
        z = following.sqrt() * z0 + (1 - following).sqrt() * e
    return model.decode(z)


def upscale(model, x, factor, content, settings):
    """x2 in one stage, x4 in two; settings that end in 2 hold for the second stage."""
    second = {k[:-1]: v for k, v in settings.items() if k.endswith("2")}
    first = {k: v for k, v in settings.items() if not k.endswith("2")}
    y = stage(model, x, content, **first)
    return stage(model, y, content, **{**first, **second}) if factor == 4 else y


# ------------------------------------------------------------------------------------ measures


def ssim(a, b):
    """SSIM of the luma, with a gaussian window of 11 pixels."""
    a, b = ((v.mean(1, keepdim=True) + 1) / 2 for v in (a, b))
    k = torch.exp(-((torch.arange(11, device=a.device) - 5.0) ** 2) / 4.5)
    k = k / k.sum()
    k = (k[:, None] * k[None])[None, None]

    def f(v):
        return F.conv2d(v, k)

    ma, mb = f(a), f(b)
    va, vb, c = f(a * a) - ma**2, f(b * b) - mb**2, f(a * b) - ma * mb
    top = (2 * ma * mb + 1e-4) * (2 * c + 9e-4)
    return (top / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))).mean().item()


def sharpness(x):
    """Mean absolute Laplacian of the luma, in steps of 1/255."""
    luma = x.mean(1, keepdim=True) * 127.5
    k = torch.tensor([[0, 1.0, 0], [1, -4, 1], [0, 1, 0]], device=x.device)[None, None]
    return F.conv2d(luma, k).abs().mean().item()


def measure(y, truth):
    """The row of figures of one picture."""
    share = (band_powers(y) / band_powers(truth))[0].tolist()
    return dict(psnr=psnr(y, truth).item(), ssim=ssim(y, truth), sharp=sharpness(y), bands=share)


def unsharp(x, sigma=1.5, amount=1.0):
    """The cheap rival: bicubic, then an unsharp mask."""
    r = torch.arange(-5, 6, device=x.device).float()
    k = torch.exp(-0.5 * (r / sigma) ** 2)
    k = k / k.sum()
    kernel = (k[:, None] * k[None]).expand(3, 1, 11, 11)
    blurred = F.conv2d(F.pad(x, (5,) * 4, mode="reflect"), kernel, groups=3)
    return (x + amount * (x - blurred)).clamp(-1, 1)


def to_picture(t):
    array = ((t[0].permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5).round().byte().cpu().numpy()
    return Image.fromarray(array)


def pictures(folder, size, names, dev):
    """Centre crops of at most `size` pixels, a multiple of 32 a side."""
    for path in sorted(glob.glob(folder + "/*.png")):
        name = os.path.basename(path)[:-4]
        if names and not any(name.startswith(k) for k in names):
            continue
        array = np.asarray(Image.open(path).convert("RGB"))
        h, w = (min(size, s) // 32 * 32 for s in array.shape[:2])
        y, x = (array.shape[0] - h) // 2, (array.shape[1] - w) // 2
        t = torch.from_numpy(array[y : y + h, x : x + w].copy()).float()
        yield name, (t.permute(2, 0, 1)[None] / 127.5 - 1).to(dev)


def mean_row(rows):
    keys = rows[0].keys()
    return {k: np.mean([r[k] for r in rows], 0).round(4).tolist() for k in keys}


def sheet(cells, path, crop, zoom):
    """Centre crops side by side, labelled."""
    images = []
    for label, t in cells:
        h, w = t.shape[-2:]
        c = min(crop or h, h, w)
        y, x = (h - c) // 2, (w - c) // 2
        im = to_picture(t[..., y : y + c, x : x + c]).resize((c * zoom, c * zoom), Image.NEAREST)
        draw = ImageDraw.Draw(im)
        draw.rectangle((0, 0, 6 * len(label) + 4, 13), fill=(0, 0, 0))
        draw.text((2, 1), label, fill=(255, 255, 0))
        images.append(im)
    out = Image.new("RGB", (sum(i.width for i in images), images[0].height))
    x = 0
    for im in images:
        out.paste(im, (x, 0))
        x += im.width
    out.save(path)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--model", default="deliver")
    ap.add_argument("--images", default="heldout")
    ap.add_argument("--mode", default="x2", choices=("vae", "x2", "x4"))
    ap.add_argument("--names", default="", help="beginnings of file names, comma-separated")
    ap.add_argument("--size", type=int, default=512)
    ap.add_argument("--grid", default="[{}]")
    ap.add_argument("--out", default="evalout")
    ap.add_argument("--sheets", action="store_true")
    ap.add_argument("--crop", type=int, default=0)
    ap.add_argument("--zoom", type=int, default=1)
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--dev", default="cpu")
    ap.add_argument("--brief", action="store_true", help="print the means only")
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    os.makedirs(a.out, exist_ok=True)
    dev = torch.device(a.dev)
    model = Model(a.model, dev)
    names = a.names.split(",") if a.names else None
    grid = json.loads(a.grid)
    rows = {}

    def note(label, picture, row):
        rows.setdefault(label, []).append(row)
        if not a.brief:
            print(picture, label, {k: np.round(v, 3).tolist() for k, v in row.items()}, flush=True)

    for name, truth in pictures(a.images, a.size, names, dev):
        if a.mode == "vae":
            with torch.no_grad():
                begun = time.time()
                z = model.encode(truth)
                middle = time.time()
                y = model.decode(z)
            facts = dict(encode=middle - begun, decode=time.time() - middle)
            original = sharpness(truth)
            note("vae", name, {**measure(y, truth), **facts, "original_sharp": original})
            continue
        factor = int(a.mode[1])
        x = F.interpolate(truth, scale_factor=1 / factor, mode="bicubic", antialias=True)
        x = x.clamp(-1, 1)
        up = F.interpolate(x, scale_factor=factor, mode="bicubic").clamp(-1, 1)
        rival = unsharp(up, sigma=0.75 * factor)
        note("original", name, measure(truth, truth))
        note("bicubic", name, measure(up, truth))
        note("bicubic + unsharp", name, measure(rival, truth))
        cells = [("bicubic", up), ("unsharp", rival)]
        for settings in grid:
            label = " ".join(f"{k}={v}" for k, v in settings.items()) or "defaults"
            begun = time.time()
            y = upscale(model, x, factor, name.split("_")[1], settings)
            note(label, name, {**measure(y, truth), "seconds": time.time() - begun})
            cells.append((label, y))
        if a.sheets:
            cells.append(("original", truth))
            sheet(cells, f"{a.out}/{a.mode}_{name}.png", a.crop, a.zoom)
    for label, each in rows.items():
        print("MEAN", f"{len(each)}", label, json.dumps(mean_row(each)), flush=True)


if __name__ == "__main__":
    main()
