"""Measures weights on the tiles to choose with: PSNR over bicubic, colours, octaves, patch-KID.

A candidate is FOLDER or FOLDER:NAME (average, raw, regression), or a mean of two, 0.3*A+0.7*B.
Sources are shrunk by different filters, or damaged. Runs the program's steps by `few_steps.py` on
the middle 256 pixels of each tile, where the program's attention is the same; `FILE` is written by
`scalediff_engine.bench.metrics`.

    python measure.py --held held/choosing --features FILE .. OUT "0.3*OUT:regression+0.7*OUT"
"""

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
from common import LABELS, band_powers, jpeg_like, psnr
from degradation import figures, in_8_bits, reduced
from few_steps import STAGES, resized
from PIL import Image
from train import BEST_DB, Parts, held_tiles, load_generator

SIDE = 256
ROUGH = {"jpeg30": 30, "noise": None}


def arguments():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("candidates", nargs="+")
    ap.add_argument("--held", type=Path, required=True)
    ap.add_argument("--features", type=Path)
    ap.add_argument("--vae", type=Path, default=Path(__file__).parent.parent / "vae")
    ap.add_argument("--fast", default=str(Path(__file__).parents[2] / "upscalers" / "x2.onnx"))
    ap.add_argument("--factor", type=int, default=4)
    ap.add_argument("--sources", default="bicubic,box,lanczos")
    ap.add_argument("--cutoff", type=float, default=1.0, help="of the lock")
    ap.add_argument("--plain", action="store_true", help="do not tell how clean the source is")
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--limit", type=int, help="this many tiles, evenly chosen")
    ap.add_argument("--pictures", type=Path, help="folder for the results")
    ap.add_argument("--json", type=Path)
    return ap.parse_args()


def generator(candidate):
    """The weights of a candidate."""

    def one(text):
        share, _, place = text.rpartition("*")
        folder, _, name = place.partition(":")
        return float(share or 1), load_generator(Path(folder), name or "average")

    found = [one(text) for text in candidate.split("+")]
    net = found[0][1]
    states = [(share, other.state_dict()) for share, other in found]
    net.load_state_dict({k: sum(share * s[k] for share, s in states) for k in states[0][1]})
    return net.requires_grad_(False).eval()


def source_of(x, name, factor):
    h, w = (side // factor for side in x.shape[-2:])
    if name not in ROUGH:
        return in_8_bits(reduced(x, h, w, name))
    small = reduced(x, h, w, "bicubic")
    if name == "noise":
        small = small + torch.randn_like(small) * 2 * 10 / 255
    else:
        small = jpeg_like(in_8_bits(small), ROUGH[name])
    return in_8_bits(small)


def features_of(net, pictures):
    return np.concatenate([net.features(p) for p in as_pixels(pictures)])


def as_pixels(x):
    return (x.permute(0, 2, 3, 1).float().cpu().numpy() + 1) / 2


@torch.no_grad()
def results(parts, net, source, a):
    torch.manual_seed(100 + a.seed)
    upscaler = parts.upscaler(net)
    made = []
    for part in source.split(10):
        content = torch.full((len(part),), LABELS["photo"], device=part.device)
        found = None if a.plain else figures(part)
        whole = ((a.cutoff, None),)
        made.append(upscaler(part, net.prompt(content, found), STAGES[a.factor], whole))
    return torch.cat(made)


def main():
    a = arguments()
    dev = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    parts = Parts(a, dev)
    tiles = held_tiles(a.held, SIDE, dev)
    if a.limit:
        tiles = tiles[torch.linspace(0, len(tiles) - 1, a.limit).long()]
    eye, originals = None, None
    if a.features:
        from scalediff_engine.bench.metrics import FeatureNet, kid

        eye = FeatureNet(a.features)
        originals = features_of(eye, tiles)
        unit = np.sqrt((originals**2).mean())
    nets = {c: generator(c).to(dev) for c in a.candidates}
    rows = []
    for name in a.sources.split(","):
        random.seed(1), torch.manual_seed(1)
        source = source_of(tiles, name, a.factor)
        plain = resized(source, *tiles.shape[-2:]).clamp(-1, 1)
        base = psnr(plain, tiles).clamp(max=BEST_DB)
        ways = {"bicubic": lambda source, plain=plain: plain}
        ways["fast"] = lambda source: fast_only(parts, source, a.factor)
        for c, net in nets.items():
            ways[c] = lambda source, net=net: results(parts, net, source, a)
        for way, run in ways.items():
            begun = time.time()
            y = run(source)
            gain = psnr(y, tiles).clamp(max=BEST_DB) - base
            power = (band_powers(y) / band_powers(tiles)).median(0).values.tolist()
            row = dict(
                source=name,
                way=way,
                psnr=psnr(y, tiles).clamp(max=BEST_DB).mean().item(),
                over_bicubic=gain.mean().item(),
                worst=gain.min().item(),
                middle=power[1],
                finest=power[2],
                colour=((y - tiles).mean((2, 3)).abs().amax(1) * 127.5).mean().item(),
            )
            if eye:
                score = kid(features_of(eye, y) / unit, originals / unit)
                row.update(kid=1000 * score.mean, error=1000 * score.error)
            rows.append(row)
            shown = {k: round(v, 2) for k, v in row.items() if not isinstance(v, str)}
            print(
                f"x{a.factor} {name:8} {way[-40:]:40} {shown} {time.time() - begun:.0f} s",
                flush=True,
            )
            if a.pictures:
                folder = a.pictures / f"{name}_{list(ways).index(way)}"
                folder.mkdir(parents=True, exist_ok=True)
                for i, picture in enumerate(as_pixels(y)):
                    array = np.round(picture.clip(0, 1) * 255).astype(np.uint8)
                    Image.fromarray(array).save(folder / f"{i:02d}.webp", lossless=True)
    if a.json:
        a.json.write_text(json.dumps(rows, indent=0))


@torch.no_grad()
def fast_only(parts, source, factor):
    x = source
    while factor > 1:
        x, factor = parts.upscaler(None).doubled(x), factor // 2
    return x


if __name__ == "__main__":
    main()
