"""Trains the small prompt-conditioned UNet2DConditionModel (epsilon prediction) on latents.

Three kinds of samples:

- plain: a noised sharp latent; prompt (content, sharp) or (content, null);
- soft: a noised latent of an enlarged picture; prompt (content or null, soft) - the negative side;
- pairs: "SDEdit pairs". The upscaler starts from the noised latent of an enlarged picture at some
  timestep s and walks down to 0. On the straight way from there to the sharp picture the latent at
  timestep t is, up to the common factor sqrt(abar), sharp + k * (soft - sharp) + n * e, where n is
  the noise-to-signal ratio of t and k = n(t) / n(s); the epsilon that a DDIM step needs there is
  e + (soft - sharp) / n(s). The pairs are points of such ways, with the prompt (content, sharp).
  `--no-pairs` leaves them out: the plain twin, for ablations of the method without this training.

The enlarged pictures come in three kinds: clean x1.4-2.2; degraded (other kernels, noise, JPEG);
and second-stage pictures: x4 in one go, or x2, through a short pass of the model itself as it is
at that moment, and x2 again. Most are enlarged by the fast network (`--guess`), as the upscaler
does it, the others bicubic. A part of them carries a latent frequency mix as the method defines
it: low band of the enlarged latent, high band of the enlarged picture's latent.

Some groups show pictures that are soft themselves, as many photographs are at their own size: there
the sharp latent is that of a soft picture, and what a model must learn is to leave it alone. Pairs
of such a picture carry no quality token, and neither do a few of the others: "sharp" is said of
pictures that are sharp, so that it never comes to mean "perhaps soft".

Latents live in a ring of groups on the GPU that is refilled all the time, so that every tile
comes back with other sizes, degradations and mirrorings.

    torchrun --standalone --nproc_per_node 2 train_unet.py --corpus corpus.tar --vae ckpt/vae
"""

import argparse
import copy
import json
import os
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from common import (
    CROP,
    LATENT_CHANNELS,
    LATENT_CROP,
    SCHEDULER_CONFIG,
    SHARP,
    SOFT,
    TILE,
    TOKEN_DIM,
    TOKEN_NAMES,
    TOKENS_EACH,
    UNET_CONFIG,
    VAE_FACTOR,
    Clock,
    Optimiser,
    Processes,
    Sampler,
    alphas_cumprod,
    band_powers,
    degrade_small,
    enlarge,
    load_corpus,
    lowpass,
    lr_at,
    psnr,
    shrink,
    swap_in,
    to_float,
    uniform,
)
from diffusers import UNet2DConditionModel
from few_steps import Coder, Enlarger
from safetensors.torch import load_file, save_file

GROUP = 16  # tiles that are refilled together


def arguments():
    ap = argparse.ArgumentParser()
    ap.add_argument("--corpus", default="corpus.tar", help="tar files, comma-separated")
    ap.add_argument("--limit", type=int, help="read only this many tiles")
    ap.add_argument("--vae", default="ckpt/vae")
    ap.add_argument("--out", default="ckpt")
    ap.add_argument("--init", help="folder whose unet/ and class tokens to start from")
    ap.add_argument("--guess", help="the fast x2 network, .pt or .onnx; without it all is bicubic")
    ap.add_argument("--resume", action="store_true", help="go on from OUT/unet_state.pt")
    ap.add_argument("--seconds", type=float, default=720)
    ap.add_argument("--until", type=float, help="end at this time (epoch seconds) instead")
    ap.add_argument("--max-steps", type=int, default=10**9)
    ap.add_argument("--bs", type=int, default=128, help="samples per process and step")
    ap.add_argument("--lr", type=float, default=1e-3)
    ap.add_argument("--passes", type=float, default=3, help="size of the ring, in corpora")
    ap.add_argument("--refill", type=int, default=8, help="steps between two refilled groups")
    ap.add_argument("--soft-originals", type=float, default=0.15, help="share of the groups")
    ap.add_argument("--no-pairs", action="store_true")
    ap.add_argument("--no-compile", action="store_true")
    ap.add_argument("--report", type=int, default=250)
    return ap.parse_args()


class Net(nn.Module):
    """The U-Net with its table of prompt tokens."""

    def __init__(self):
        super().__init__()
        self.unet = UNet2DConditionModel(**UNET_CONFIG)
        nn.init.zeros_(self.unet.conv_out.weight)
        nn.init.zeros_(self.unet.conv_out.bias)
        self.tokens = nn.Parameter(torch.randn(len(TOKEN_NAMES), TOKENS_EACH, TOKEN_DIM) * 0.5)

    def forward(self, z, t, content, quality):
        prompt = torch.cat([self.tokens[content], self.tokens[quality]], 1)
        return self.unet(z, t, encoder_hidden_states=prompt).sample


class Ring:
    """Latents of tiles: the original, its three enlarged versions, their size, label and detail.

    `is_soft` tells which originals were made soft.
    """

    def __init__(self, corpus, coder, sampler, enlarger, groups, a):
        self.tiles, self.valid, self.labels = corpus
        self.soft_originals = a.soft_originals
        self.coder, self.sampler, self.enlarger = coder, sampler, enlarger
        dev, side = self.tiles.device, TILE // VAE_FACTOR
        n = groups * GROUP
        self.z = torch.zeros(n, 4, LATENT_CHANNELS, side, side, dtype=torch.float16, device=dev)
        self.size = torch.zeros(n, 2, dtype=torch.long, device=dev)
        self.label = torch.zeros(n, dtype=torch.long, device=dev)
        self.is_soft = torch.zeros(n, dtype=torch.bool, device=dev)
        self.detail = torch.zeros(n, side, side, dtype=torch.float16, device=dev)
        self.filled, self.next, self.order = 0, 0, []
        k = torch.tensor([0.0545, 0.2442, 0.4026, 0.2442, 0.0545], device=dev)
        self.kernel = (k[:, None] * k[None])[None, None]

    def __len__(self):
        return self.filled

    def _detail(self, x):
        """Mean |luma - gaussian(luma)| on the latent grid, in steps of 1/255."""
        luma = x.mean(1, keepdim=True) * 127.5
        fine = luma - F.conv2d(F.pad(luma, (2,) * 4, mode="reflect"), self.kernel)
        return F.avg_pool2d(fine.abs(), VAE_FACTOR)[:, 0]

    def _frequency_mix(self, z_ru, z_lu):
        """z_ru with the low band of the enlarged latent z_lu, for a part of the group."""
        share = 0.125 if uniform(0, 1) < 0.6 else 0.25
        mixed = z_ru + lowpass(z_lu, share) - lowpass(z_ru, share)
        m = round(0.35 * len(z_ru))
        return torch.cat([mixed[:m], z_ru[m:]])

    def _enlarged(self, x, f, strength):
        """Latent of the picture reduced f times (degraded by `strength`) and enlarged again."""
        side, coder = x.shape[-1], self.coder
        small = degrade_small(x, round(side / f), round(side / f), strength)
        z = coder.encode(self.enlarger(small, side))
        if f == 2:
            z_lu = F.interpolate(coder.encode(small), size=z.shape[-2:], mode="bicubic")
            z = self._frequency_mix(z, z_lu)
        return z

    def _second_stage(self, x, content, quality, use_model):
        """What the second stage starts from: x4 directly, or the enlarged result of a stage."""
        side, coder = x.shape[-1], self.coder
        small = degrade_small(x, side // 4, side // 4, 0.3)
        middle = self.enlarger(small, side // 2)
        if uniform(0, 1) < 0.3:
            return coder.encode(self.enlarger(middle, side))
        z = coder.encode(middle)
        if use_model:
            guidance = 1.0 if uniform(0, 1) < 0.85 else uniform(1.2, 2)
            t_start, power = uniform(15, 90), uniform(1, 1.5)
            z = self.sampler(z, content, t_start, 4, guidance, power, quality=quality)
        big = self.enlarger(coder.decode(z), side)
        z_ru = coder.encode(big)
        return self._frequency_mix(z_ru, F.interpolate(z, size=z_ru.shape[-2:], mode="bicubic"))

    @torch.no_grad()
    def refill(self, use_model):
        """Computes one group of tiles anew, each time at another size and mirrored or not."""
        if len(self.order) < GROUP:
            self.order = torch.randperm(len(self.tiles)).tolist()
        rows = torch.tensor([self.order.pop() for _ in range(GROUP)], device=self.tiles.device)
        x = to_float(self.tiles[rows])
        size, label = self.valid[rows], self.labels[rows]
        full = (size == TILE).all(1)
        side = (TILE, TILE, 320, CROP)[int(uniform(0, 3.999))]
        if not full.all():
            side = TILE  # small tiles are padded: keep the group at its own size, not mirrored
        elif uniform(0, 1) < 0.5:
            x = x.flip(3)
        if side < TILE:
            x = shrink(x, side, side)
        is_soft = uniform(0, 1) < self.soft_originals
        if is_soft:
            small = round(side / uniform(1.3, 3.0))
            x = enlarge(shrink(x, small, small), side, side)
        content = torch.where(torch.rand(GROUP, device=x.device) < 0.3, 0, label)
        clean = 2.0 if uniform(0, 1) < 0.6 else uniform(1.4, 2.2)
        rough = 2.0 if uniform(0, 1) < 0.4 else uniform(1.3, 2.6)
        versions = [
            self.coder.encode(x),
            self._enlarged(x, clean, 0.0),
            self._enlarged(x, rough, 1.0),
            self._second_stage(x, content, 0 if is_soft else SHARP, use_model),
        ]
        latent = side // VAE_FACTOR
        slot = slice(self.next, self.next + GROUP)
        self.z[slot, :, :, :latent, :latent] = torch.stack(versions, 1).half()
        self.size[slot] = (size * side // TILE) // VAE_FACTOR
        self.label[slot] = label
        self.is_soft[slot] = is_soft
        self.detail[slot, :latent, :latent] = self._detail(x).half()
        self.next = (self.next + GROUP) % len(self.z)
        self.filled = max(self.filled, slot.stop)


def main():
    a = arguments()
    cuda = torch.cuda.is_available()
    procs = Processes(cuda)
    dev = torch.device("cuda", torch.cuda.current_device()) if cuda else torch.device("cpu")
    begun = time.time()

    def say(*words):
        if procs.rank == 0:
            print(f"[unet {time.time() - begun:6.1f}]", *words, flush=True)

    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    os.makedirs(a.out, exist_ok=True)
    (tiles, valid, labels), (held, held_labels) = load_corpus(a.corpus, a.limit)
    part = slice(procs.rank, None, procs.world)  # every process has its own part of the tiles
    tiles, valid, labels = tiles[part].to(dev), valid[part].to(dev), labels[part].to(dev)
    held, held_labels = to_float(held.to(dev)), held_labels.to(dev)
    torch.manual_seed(1)
    net = Net().to(dev).to(memory_format=torch.channels_last)
    if a.init:
        weights = load_file(f"{a.init}/unet/diffusion_pytorch_model.safetensors")
        net.unet.load_state_dict(weights)
        tokens = load_file(f"{a.init}/class_tokens.safetensors")["class_tokens"]
        net.tokens.data.copy_(tokens)
    coder, abar = Coder(a.vae, dev), alphas_cumprod().to(dev)
    nsr = ((1 - abar) / abar).sqrt()
    say("tiles", len(tiles), "parameters", sum(p.numel() for p in net.parameters()) / 1e6, "M")
    fast = net
    if cuda and not a.no_compile:
        fast = torch.compile(net)
    params = list(net.parameters())
    current = list(net.state_dict().values())
    ema_net = copy.deepcopy(net).eval().requires_grad_(False)
    ema = list(ema_net.state_dict().values())
    sampler = Sampler(ema_net, abar, coder)
    enlarger = Enlarger(a.guess, dev)

    def draw(n, options):
        return torch.tensor(options, device=dev)[torch.randint(len(options), (n,), device=dev)]

    def loss_of(z_in, k, soft, z_out, t, weight, content, quality):
        """z_in = z_out + k * (soft - z_out); the target leads to z_out."""
        e = torch.randn_like(z_in)
        level = abar[t][:, None, None, None]
        zt = level.sqrt() * z_in + (1 - level).sqrt() * e
        target = (zt - level.sqrt() * z_out) / (1 - level).sqrt()
        with coder.autocast():
            zt = zt.contiguous(memory_format=torch.channels_last)
            p = fast(zt, t, content, quality)
        each = (p.float() - target).pow(2).mean((1, 2, 3)) * weight
        return each.mean(), each.detach()

    if cuda and not a.no_compile:
        z = torch.randn(a.bs, LATENT_CHANNELS, LATENT_CROP, LATENT_CROP, device=dev)
        t = torch.randint(1000, (a.bs,), device=dev)
        ones = torch.ones(a.bs, device=dev)
        loss_of(z, 0, z, z.flip(0), t, ones, t % 4, 4 + t % 2)[0].backward()
        net.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        say("compiled")
    torch.manual_seed(1000 + procs.rank)
    groups = max(2, round(a.passes * len(tiles) / GROUP))
    corpus = tiles, valid, labels
    ring = Ring(corpus, coder, sampler, enlarger, groups, a)
    for i in range(groups if cuda else 2):
        ring.refill(a.init and i % 3 == 0)
    z = ring.z[: len(ring)]
    gap = [(z[:64, k, :, :64, :64] - z[:64, 0, :, :64, :64]).float().std().item() for k in range(4)]
    threshold = torch.stack(
        [d[: s[0], : s[1]].float().mean() for d, s in zip(ring.detail[:256], ring.size[:256])]
    )
    threshold = threshold[threshold > 0].quantile(0.4).item()
    say(
        "ring",
        tuple(z.shape),
        f"std {z[:64, 0, :, :64, :64].float().std().item():.3f}, soft - sharp",
        [round(v, 3) for v in gap],
        f"detail threshold {threshold:.2f}",
    )

    span = torch.arange(LATENT_CROP, device=dev)
    channel = torch.arange(LATENT_CHANNELS, device=dev)[None, :, None, None]
    shares = (0.5, 0.5, 0.0) if a.no_pairs else (0.1, 0.14, 0.76)

    def batch(n):
        plain, soft_n = int(n * shares[0]), int(n * shares[1])
        pair = slice(plain + soft_n, n)
        i = torch.randint(len(ring), (n,), device=dev)
        version = draw(n, [1, 1, 1, 1, 2, 2, 2, 3, 3, 3])
        room = (ring.size[i] - LATENT_CROP).clamp(min=0) + 1
        corner = (torch.rand(n, 2, device=dev) * room).long()
        rows = (corner[:, :1] + span)[:, None, :, None]
        columns = (corner[:, 1:] + span)[:, None, None]
        at = i[:, None, None, None]
        z_sharp = ring.z[at, 0, channel, rows, columns].float()
        z_soft = ring.z[at, version[:, None, None, None], channel, rows, columns].float()
        r, v = torch.rand(n, device=dev), torch.rand(n, device=dev)
        t = torch.where(r < 0.75, v * 400, v * 1000)
        k = torch.zeros(n, device=dev)
        weight = torch.ones(n, device=dev)
        # Where the ways of the pairs start: mostly at 6..90, and where on them we are.
        low = torch.where(r < 0.6, 6, torch.where(r < 0.94, 40, 90))
        high = torch.where(r < 0.6, 40, torch.where(r < 0.94, 90, 250))
        start = low + (high - low) * v
        t[pair] = (start * torch.rand(n, device=dev) ** 1.3)[pair]
        t = t.long().clamp(0, 999)
        start = start.long().clamp(0, 999)
        k[pair] = (nsr[t] / nsr[start]).clamp(max=1)[pair]
        # A fifth of the pairs are at the very start, where the first step is taken.
        first = (torch.rand(n, device=dev) < 0.2) & (k > 0)
        t, k = torch.where(first, start, t), torch.where(first, torch.ones_like(k), k)
        weight[pair] = (nsr[start] / 0.2).pow(2).clamp(0.15, 1)[pair]
        z_out = z_sharp
        is_soft = torch.zeros(n, dtype=torch.bool, device=dev)
        is_soft[plain : plain + soft_n] = True
        z_out = torch.where(is_soft[:, None, None, None], z_soft, z_out)
        z_in = z_out + k[:, None, None, None] * (z_soft - z_out)
        d = ring.detail[i[:, None, None], rows[:, 0], columns[:, 0]].float().mean((1, 2))
        is_sharp = d > threshold
        is_sharp[pair] = ~ring.is_soft[i[pair]]
        quality = torch.where(is_sharp & (torch.rand(n, device=dev) > 0.1), SHARP, 0)
        quality[is_soft] = SOFT
        content = ring.label[i]
        drop = torch.where(is_soft, 0.6, 0.15)
        content = torch.where(torch.rand(n, device=dev) < drop, 0, content)
        kind = torch.zeros(n, dtype=torch.long, device=dev)
        kind[plain:], kind[pair] = 1, 2
        return (z_in, k, z_soft, z_out, t, weight, content, quality), kind

    outer = ("conv_in", "conv_out", "tokens", "time_embedding")
    optimiser = Optimiser(list(net.named_parameters()), cuda, True, outer)

    def save():
        folder = f"{a.out}/unet"
        ema_net.unet.save_pretrained(folder + ".tmp")
        swap_in(folder + ".tmp", folder)
        tokens = {"class_tokens": ema_net.tokens.float().cpu().contiguous()}
        save_file(tokens, f"{a.out}/class_tokens.safetensors")
        facts = dict(
            names=TOKEN_NAMES,
            tokens_each=TOKENS_EACH,
            dim=TOKEN_DIM,
            prompt="4 tokens of null|photo|painting|texture, then 4 tokens of null|sharp|soft",
            positive_default=["photo", "sharp"],
            negative_default=["null", "soft"],
        )
        with open(f"{a.out}/class_tokens.json", "w") as f:
            json.dump(facts, f)
        os.makedirs(f"{a.out}/scheduler", exist_ok=True)
        with open(f"{a.out}/scheduler/scheduler_config.json", "w") as f:
            json.dump(SCHEDULER_CONFIG, f, indent=2)
        facts = dict(
            steps=step,
            seconds=round(clock.passed(), 1),
            samples=step * a.bs * procs.world,
            batch=a.bs * procs.world,
            processes=procs.world,
            device=torch.cuda.get_device_name() if cuda else "cpu",
            settings=vars(a),
        )
        with open(f"{a.out}/unet_train.json", "w") as f:
            json.dump(facts, f, indent=1)
        state = dict(net=net.state_dict(), ema=ema_net.state_dict(), step=step)
        state.update(optimiser=optimiser.state_dict(), seconds=clock.passed())
        torch.save(state, f"{a.out}/unet_state.pt.tmp")
        os.replace(f"{a.out}/unet_state.pt.tmp", f"{a.out}/unet_state.pt")

    def validate(label):
        """One stage x2 of the validation tiles' centres, with the EMA weights."""
        state = torch.random.get_rng_state(), torch.cuda.get_rng_state() if cuda else None
        torch.manual_seed(7)
        o = (TILE - CROP) // 2
        x = held[..., o : o + CROP, o : o + CROP]
        up = Enlarger(a.guess, dev, 1.0)(shrink(x, CROP // 2, CROP // 2), CROP)
        with torch.no_grad():
            z = coder.encode(up)
            line, truth = [], band_powers(x)
            smooth = truth[:, 2].argsort()[: len(x) // 4]

            def told(name, y):
                p = band_powers(y) / truth
                middle, finest = p.median(0).values.tolist()[1:]
                line.append(
                    f"{name} {psnr(y, x).mean():.2f} dB {middle:.2f} {finest:.2f}, smooth quarter"
                    f" {psnr(y[smooth], x[smooth]).mean():.2f} {p[smooth, 2].median():.2f}"
                )

            for t_start, steps in ((10, 3), (10, 6), (30, 5), (30, 10), (60, 6)):
                told(f"{t_start}/{steps}", coder.decode(sampler(z, held_labels, t_start, steps)))
        told("enlarged", up)
        say(label, " | ".join(line))
        torch.random.set_rng_state(state[0])
        if cuda:
            torch.cuda.set_rng_state(state[1])

    procs.start(cuda)
    step, before = 0, 0.0
    if a.resume and os.path.exists(f"{a.out}/unet_state.pt"):
        state = torch.load(f"{a.out}/unet_state.pt", map_location=dev)
        net.load_state_dict(state["net"])
        ema_net.load_state_dict(state["ema"])
        optimiser.load_state_dict(state["optimiser"])
        step, before = state["step"], state["seconds"]
        say("resumed at step", step)
    else:
        procs.share(current)
        with torch.no_grad():
            torch._foreach_copy_(ema, current)
    total = before + max(1.0, a.until - time.time()) if a.until else a.seconds
    clock = Clock(total, before)
    share, last_save, last_check = clock.share(), time.time(), 0.0
    first_step, first_time = step, time.time()
    hist, count = torch.zeros(2, 3, 8, device=dev)
    say("training")
    while step < a.max_steps:
        sample, kind = batch(a.bs)
        loss, each = loss_of(*sample)
        optimiser.zero_grad()
        loss.backward()
        common = procs.mean_grads(params, clock.share())
        if step % 8 == 0 or procs.world < 2:
            share = float(common)
        if share >= 0.997:
            break
        lr = lr_at(share, a.lr)
        norm = optimiser.step(lr)
        step += 1
        with torch.no_grad():
            torch._foreach_lerp_(ema, current, 1 - min(0.9985, (1 + step) / (20 + step)))
            bin_ = sample[4].div(50, rounding_mode="floor").clamp(max=7)
            hist.index_put_((kind, bin_), each, accumulate=True)
            count.index_put_((kind, bin_), torch.ones_like(each), accumulate=True)
        if step % a.refill == 0 and share < 0.97:
            # The model's own pass costs the most: every second group, once it can do something.
            ring.refill((a.init or share > 0.08) and step % (2 * a.refill) == 0)
        if step % a.report == 0 or step <= 2:
            h = (hist / count.clamp(min=1)).tolist()
            rate = (step - first_step) * a.bs * procs.world / (time.time() - first_time)
            say(
                f"step {step} loss {loss.item():.4f} norm {norm.item():.3f} lr {lr:.1e}",
                f"{rate:.0f} samples/s |",
                " | ".join(
                    name + " " + " ".join(f"{v:.3f}" for v in row)
                    for name, row in zip(("plain", "soft", "pair"), h)
                ),
            )
            hist.zero_()
            count.zero_()
        if procs.rank == 0 and share > last_check + 0.45:
            last_check = share
            validate(f"check at {share:.2f}, step {step}:")
        if procs.rank == 0 and time.time() - last_save > 60:
            last_save = time.time()
            save()
    if procs.rank == 0:
        validate("end:")
        save()
        open(f"{a.out}/UNET_DONE", "w").close()
    say("done", step, "steps", round(clock.passed()), "s")
    if procs.dist:
        if cuda:
            torch.cuda.synchronize()
        os._exit(0)


if __name__ == "__main__":
    main()
