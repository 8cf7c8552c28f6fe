"""Trains the model that ships further, on exactly the few steps that the program takes.

Two phases. In the first (`--regression` seconds) the difference from the original alone counts, and
a critic learns to tell results from originals. In the second the critic has a say: the generator
also follows its judgement and matches its features. Both see the result as the program's user does,
decoded and locked to the source, at x2 and x4. Weights of the two phases can be averaged
(`measure.py`).

Sources are clean (bicubic, box, Lanczos and others) or damaged (`degradation.py`); the prompt says
how clean they are, by the picture itself (`degradation.py`). A damaged source is locked at its
lowest frequencies only, so that it can be restored. Some originals are made soft, softer than their
sources can hide: they stay soft.

The gradients of the critic's two terms are scaled, at the result, to shares of that of the plain
difference, so no weights need to be found.

All GPUs of a machine take part:

    torchrun --standalone --nproc_per_node gpu train.py --pictures FOLDER --init .. --out OUT

`--init` is the folder of the embedded model or one that this script wrote. OUT/state.pt is
continued if it is there. OUT has averaged and raw weights, 16 bit, in files below 16 MiB, saved
every `--save` seconds and when the script is told to stop (SIGTERM). Archives that appear in
`--pictures` later are read, too.
"""

import argparse
import copy
import json
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from common import (
    CROP,
    LABELS,
    VAE_FACTOR,
    Clock,
    Optimiser,
    Processes,
    alphas_cumprod,
    lr_at,
    psnr,
    to_float,
    uniform,
)
from degradation import Batches, Loaders, factor_of, figures, in_8_bits, reduced
from fast_net import load as load_fast
from few_steps import STAGES, Coder, Generator, Upscaler, resized
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn.utils.parametrizations import spectral_norm

FILE_BYTES = 15 * 2**20
BEST_DB = 50  # differences beyond it are not seen


def arguments():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--pictures", type=Path, required=True, help="folder of pictures_*.tar")
    ap.add_argument(
        "--held", type=Path, help="folder of tiles to choose with, for checks on the way"
    )
    ap.add_argument("--init", type=Path, required=True, help="folder of earlier weights")
    ap.add_argument("--vae", type=Path, default=Path(__file__).parent.parent / "vae")
    ap.add_argument("--fast", default=str(Path(__file__).parents[2] / "upscalers" / "x2.onnx"))
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument("--seconds", type=float, default=1200)
    ap.add_argument("--regression", type=float, default=480, help="seconds of the first phase")
    ap.add_argument("--max-steps", type=int, default=10**9)
    ap.add_argument("--batch", type=int, default=32, help="crops per process and step")
    ap.add_argument("--loaders", type=int, default=2, help="processes that make batches, per GPU")
    ap.add_argument("--side", type=int, default=256, help="of a crop, pixels")
    ap.add_argument("--lr", type=float, default=4e-4, help="of the first phase")
    ap.add_argument("--adversarial-lr", type=float, default=1e-4)
    ap.add_argument("--critic-lr", type=float, default=5e-4)
    ap.add_argument("--adversarial", type=float, default=0.5, help="share of the critic's gradient")
    ap.add_argument("--matching", type=float, default=1.0, help="share of its features' gradient")
    ap.add_argument("--save", type=float, default=120, help="seconds between two savings")
    ap.add_argument("--report", type=int, default=100, help="steps between two lines of the log")
    ap.add_argument("--no-compile", action="store_true")
    return ap.parse_args()


# -------------------------------------------------------------------------------------- critic


class Critic(nn.Module):
    """Judges patches of three sizes of a picture, beside its source enlarged.

    (n, 3, H, W) twice -> the judgements of each size, and the features between.
    """

    def __init__(self, width=64):
        super().__init__()

        def conv(a, b, kernel, stride=1):
            return spectral_norm(nn.Conv2d(a, b, kernel, stride, (kernel - 1) // 2))

        w = width
        self.layers = nn.ModuleList(
            [
                nn.Sequential(conv(24, w, 3), nn.LeakyReLU(0.2), conv(w, w, 3)),
                conv(w, 2 * w, 4, 2),
                conv(2 * w, 4 * w, 4, 2),
                conv(4 * w, 4 * w, 3),
            ]
        )
        self.heads = nn.ModuleList([conv(c * w, 1, 3) for c in (1, 2, 4, 4)])

    def forward(self, picture, seen):
        x = F.pixel_unshuffle(torch.cat([picture, seen], 1), 2)
        features, judgements = [], []
        for layer, head in zip(self.layers, self.heads):
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
            judgements.append(head(x).float())
        return judgements, features


def veiled(x):
    """With noise of half an 8-bit step, so that whole numbers tell nothing."""
    return x + (torch.rand_like(x) - 0.5) / 127.5


def shifted(*pictures):
    """Parts at one place, drawn anew each time: the critic's raster is not the decoder's."""
    y, x = (int(uniform(0, VAE_FACTOR - 1e-6)) for _ in range(2))
    h, w = (side - VAE_FACTOR for side in pictures[0].shape[-2:])
    return [p[..., y : y + h, x : x + w] for p in pictures]


def critic_loss(real, made):
    """Hinge loss over all sizes of patches."""
    return sum(F.relu(1 - r).mean() + F.relu(1 + m).mean() for r, m in zip(real, made)) / len(real)


def matching_loss(made, real):
    """Mean difference of features, each layer in units of its own size."""
    pairs = zip(made, real)
    return sum((m - r).abs().float().mean() / r.abs().float().mean() for m, r in pairs) / len(real)


# --------------------------------------------------------------------------------------- files


def save_half(stem, state):
    """Saves tensors in 16 bits as stem-1.safetensors and so on, each below 16 MiB."""
    parts, filled = [{}], 0
    for name, tensor in state.items():
        half = tensor.detach().half().cpu().contiguous()
        if filled + half.nbytes > FILE_BYTES:
            parts, filled = [*parts, {}], 0
        parts[-1][name] = half
        filled += half.nbytes
    for i, part in enumerate(parts, 1):
        save_file(part, f"{stem}-{i}.safetensors.part")
        os.replace(f"{stem}-{i}.safetensors.part", f"{stem}-{i}.safetensors")


def load_half(stem):
    """What `save_half` saved; empty if there is nothing."""
    state = {}
    for file in sorted(Path(stem).parent.glob(f"{Path(stem).name}-*.safetensors")):
        state.update(load_file(file))
    return {name: tensor.float() for name, tensor in state.items()}


def load_generator(folder, name="average"):
    """The generator of a folder of this script, or of the embedded model."""
    net = Generator()
    state = load_half(folder / name)
    if state:
        net.load_state_dict(state)
        return net
    net.unet.load_state_dict(load_file(folder / "unet" / "diffusion_pytorch_model.safetensors"))
    tokens = load_file(folder / "class_tokens.safetensors")["class_tokens"]
    net.tokens.data.copy_(tokens.float())
    return net


# --------------------------------------------------------------------------------------- train


def held_tiles(folder, side, dev):
    """The middles of the tiles in a folder that are large enough."""
    found = []
    for file in sorted(folder.glob("*.png")):
        array = np.asarray(Image.open(file).convert("RGB"))
        top, left = ((length - side) // 2 for length in array.shape[:2])
        if min(top, left) >= 0:
            found.append(array[top : top + side, left : left + side])
    return to_float(torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).to(dev))


class Parts:
    """The frozen networks, and an upscaler around any generator."""

    def __init__(self, a, dev):
        self.coder, self.dev = Coder(a.vae, dev), dev
        self.fast_net = load_fast(a.fast).to(dev, memory_format=torch.channels_last)
        self.fast_net.requires_grad_(False)
        self.abar = alphas_cumprod().to(dev)

    def encode(self, x):
        vae, scale = self.coder.vae, self.coder.scale
        with self.coder.autocast():
            x = x.contiguous(memory_format=torch.channels_last)
            return vae.quant_conv(vae.encoder(x)).chunk(2, 1)[0].float() * scale

    def decode(self, z):
        vae, scale = self.coder.vae, self.coder.scale
        with self.coder.autocast():
            z = (z / scale).contiguous(memory_format=torch.channels_last)
            return vae.decoder(vae.post_quant_conv(z)).float()

    def fast(self, x):
        with self.coder.autocast():
            return self.fast_net(x.contiguous(memory_format=torch.channels_last)).float()

    def upscaler(self, net, side=None):
        """`side`: compiled for results of this size, in pixels; None = not compiled."""

        def predict(z, t, prompt):
            with self.coder.autocast():
                return net(z, t, prompt)

        encode, decode = self.encode, self.decode
        if side:
            predict = torch.compile(predict, dynamic=False)
            encode = _compiled_at(side, encode)
            decode = _compiled_at(side // VAE_FACTOR, decode)
        return Upscaler(predict, encode, decode, self.fast, self.abar)


def _compiled_at(side, function):
    """Compiled for tensors of one width, where compiling pays."""
    compiled = torch.compile(function, dynamic=False)
    return lambda x: (compiled if x.shape[-1] == side else function)(x)


def steps_of(factor, rng):
    """The program's stages; now and then those of its other presets and creativities."""
    if rng.random() < 0.75:
        return STAGES[factor]
    steps, strength = rng.choice((2, 3, 4, 5)), rng.choice((0.6, 1.0, 1.0, 1.5))
    return tuple((round(t * strength), steps) for t, _ in STAGES[factor])


@torch.no_grad()
def check(parts, net, tiles):
    """PSNR over bicubic's on the tiles, for three ways of shrinking, and at x2."""
    state = torch.random.get_rng_state()
    torch.manual_seed(7)
    upscaler, told = parts.upscaler(net), []

    for factor, kernel in ((4, "bicubic"), (4, "box"), (4, "lanczos"), (2, "bicubic")):
        gain = []
        for x in tiles.split(16):
            h, w = (side // factor for side in x.shape[-2:])
            source = in_8_bits(reduced(x, h, w, kernel))
            content = torch.full((len(x),), LABELS["photo"], device=x.device)
            y = upscaler(source, net.prompt(content, figures(source)), STAGES[factor])
            plain = resized(source, *x.shape[-2:]).clamp(-1, 1)
            gain.append(psnr(y, x).clamp(max=BEST_DB) - psnr(plain, x).clamp(max=BEST_DB))
        gain = torch.cat(gain)
        told.append(f"x{factor} {kernel} {gain.mean():+.2f} (worst {gain.min():+.1f})")
    torch.random.set_rng_state(state)
    return " | ".join(told)


def main():
    a = arguments()
    cuda = torch.cuda.is_available()
    procs = Processes(cuda)
    dev = torch.device("cuda", torch.cuda.current_device()) if cuda else torch.device("cpu")
    begun = time.time()

    def say(*words):
        if procs.rank == 0:
            print(f"[train {time.time() - begun:6.1f}]", *words, flush=True)

    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    a.out.mkdir(parents=True, exist_ok=True)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    torch.manual_seed(2000 + procs.rank)
    batches = Batches(a.batch, a.side)
    held = held_tiles(a.held, min(a.side, CROP), dev) if a.held and procs.rank == 0 else None
    parts = Parts(a, dev)
    net = load_generator(a.init).to(dev, memory_format=torch.channels_last)
    critic = Critic().to(dev, memory_format=torch.channels_last)
    if earlier := load_half(a.init / "critic"):
        critic.load_state_dict(earlier)
    average = copy.deepcopy(net).requires_grad_(False)
    optimiser = Optimiser(list(net.named_parameters()), cuda, False, (), 0.0, (0.6, 0.99))
    judge = Optimiser(list(critic.named_parameters()), cuda, False, (), 0.0, (0.5, 0.99))
    upscaler = parts.upscaler(net, a.side if cuda and not a.no_compile else None)
    params, judge_params = list(net.parameters()), list(critic.parameters())
    step, before = 0, 0.0
    if (a.out / "state.pt").exists():
        state = torch.load(a.out / "state.pt", map_location=dev)
        for name, part in (("net", net), ("average", average), ("critic", critic)):
            part.load_state_dict(state[name])
        optimiser.load_state_dict(state["optimiser"])
        judge.load_state_dict(state["judge"])
        step, before = state["step"], state["seconds"]
    say(sum(p.numel() for p in params) / 1e6, "M parameters",
        sum(p.numel() for p in judge_params) / 1e6, "M of the critic, step", step)  # fmt: skip
    loaders = Loaders(a, batches, dev, procs.rank, step)
    procs.start(cuda)
    procs.share([*net.state_dict().values(), *critic.state_dict().values()])

    def batch(step):
        originals, sources, labels = loaders.batch(step)
        n, pick = len(labels), torch.rand(len(labels), device=dev)
        content = torch.where(pick < 0.5, LABELS["photo"], torch.where(pick < 0.85, labels, 0))
        told = (torch.rand(n, device=dev) < 0.9).float()
        return originals, sources, content, told

    def pull(result, original, seen, weight):
        """The gradient at the result, and what it is made of."""
        result = result.detach().requires_grad_()
        plain = (result - original).abs().mean()
        (gradient,) = torch.autograd.grad(plain, result)
        if not weight:
            return gradient, plain.detach()
        with parts.coder.autocast():
            judged_part, original, seen = shifted(result, original, seen)
            with torch.no_grad():
                _, real = critic(veiled(original), seen)
            judgements, features = critic(veiled(judged_part), seen)
        judged = -sum(j.mean() for j in judgements)
        matched = matching_loss(features, real)
        size = gradient.norm()
        for loss, share in ((judged, a.adversarial), (matched, a.matching)):
            (more,) = torch.autograd.grad(loss, result, retain_graph=loss is judged)
            gradient = gradient + weight * share * size / (more.norm() + 1e-12) * more
        return gradient, plain.detach()

    def generate(step, stages):
        originals, sources, content, told = batch(step)
        with torch.no_grad():
            seen = resized(sources, *originals.shape[-2:]).clamp(-1, 1)
        prompt = net.prompt(content, figures(sources), told)
        return upscaler(sources, prompt, stages, batches.parts), originals, seen

    def save(stem="average"):
        save_half(a.out / stem, average.state_dict())
        if stem != "average":
            return
        save_half(a.out / "raw", net.state_dict())
        save_half(a.out / "critic", critic.state_dict())
        facts = dict(
            steps=step,
            seconds=round(clock.passed(), 1),
            processes=procs.world,
            crops=step * a.batch * procs.world,
            device=torch.cuda.get_device_name() if cuda else "cpu",
            settings={k: str(v) for k, v in vars(a).items()},
        )
        (a.out / "train.json").write_text(json.dumps(facts, indent=1))
        state = dict(net=net.state_dict(), average=average.state_dict(), step=step)
        state.update(critic=critic.state_dict(), seconds=clock.passed())
        state.update(optimiser=optimiser.state_dict(), judge=judge.state_dict())
        torch.save(state, a.out / "state.pt.part")
        os.replace(a.out / "state.pt.part", a.out / "state.pt")

    if held is not None:
        say("before:", check(parts, average, held))
    for factor in (4, 2):  # compiles; not counted
        source = torch.zeros(a.batch, 3, a.side // factor, a.side // factor, device=dev)
        content = torch.zeros(a.batch, dtype=torch.long, device=dev)
        prompt = net.prompt(content, figures(source))
        result = upscaler(source, prompt, STAGES[factor], batches.parts)
        original = torch.zeros_like(result)
        result.backward(pull(result, original, original, 1.0)[0])
        optimiser.zero_grad()
        judge.zero_grad()
    say("compiled")
    clock = Clock(a.seconds, before)
    share = clock.share()
    turn = min(1.0, a.regression / a.seconds)
    is_second = share >= turn
    last_save, last_time, last_step = time.time(), time.time(), step
    sums = torch.zeros(4, device=dev)
    current, averaged = list(net.state_dict().values()), list(average.state_dict().values())
    while step < a.max_steps:
        rng = random.Random(-1 - step)
        factor = factor_of(step)
        weight = (1.0 if factor == 4 else 0.5) if is_second else 0.0
        result, original, seen = generate(step, steps_of(factor, rng))
        optimiser.zero_grad()
        gradient, plain = pull(result, original, seen, weight)
        result.backward(gradient)
        common = procs.mean_grads(params, 1e3 if stop else clock.share())
        # the first phase ends at a small learning rate, so that its weights are finished ones
        if is_second:
            rate = lr_at((share - turn) / (1 - turn), a.adversarial_lr, 0.02, 0.05)
        else:
            rate = lr_at(share / turn, a.lr, 0.02, 0.05)
        norm = optimiser.step(rate, 5.0)
        result, original, seen = shifted(result.detach(), original, seen)
        judge.zero_grad()
        with parts.coder.autocast():
            real, _ = critic(veiled(original), seen)
            made, _ = critic(veiled(result), seen)
            judged = critic_loss(real, made)
        judged.backward()
        procs.mean_grads(judge_params, 0.0)
        judge.step(a.critic_lr * min(1.0, (step + 1) / 200), 5.0)
        step += 1
        with torch.no_grad():
            keep = min(0.999, (1 + step) / (20 + step))
            torch._foreach_lerp_(averaged, current, 1 - keep)
            sums += torch.stack([plain, judged.detach(), norm, torch.ones_like(plain)])
        if step % 8 == 0 or procs.world < 2:
            share = float(common)
            if share >= 1:
                break
            if not is_second and share >= turn:
                is_second = True
                say("second phase at step", step)
                if procs.rank == 0:
                    save("regression")
        if step % a.report == 0 or step <= 2:
            mean = (sums / sums[3]).tolist()
            sums.zero_()
            rate = (step - last_step) * a.batch * procs.world / (time.time() - last_time)
            last_step, last_time = step, time.time()
            say(f"step {step} difference {mean[0]:.4f} critic {mean[1]:.3f} norm {mean[2]:.4f}",
                f"{rate:.0f} crops/s")  # fmt: skip
            if not mean[0] < 10:
                raise FloatingPointError(f"the loss is {mean[0]} at step {step}")
        if time.time() - last_save > a.save:
            last_save = time.time()
            if procs.rank == 0:
                save()
                if held is not None:
                    say(f"step {step}:", check(parts, average, held))
    if procs.rank == 0:
        save()
        if held is not None:
            say("end:", check(parts, average, held))
    say("done", step, "steps", round(clock.passed()), "s")
    if procs.dist and cuda:
        torch.cuda.synchronize()
        os._exit(0)


if __name__ == "__main__":
    main()
