"""Measures candidate settings of the sampler on the tiles that no training saw, and names the best.

A candidate is one T:STEPS:GUIDANCE for each stage, with commas between them. The best has the
lowest patch-KID among those that are no worse in PSNR than bicubic on the mean, and nowhere more
than 2 dB (in smooth tiles, at 40 dB, that is hardly seen); where none is, the best PSNR.

    python choose_settings.py --corpus CORPUS --folder deliver --scale 4 --features features.onnx \
        --device cuda 30:5:1,40:4:1 30:5:1,40:4:1.15
"""

import argparse
import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import load_corpus

WORST_DB, SIDE = -2.0, 384
worker = {}


def arguments():
    ap = argparse.ArgumentParser()
    ap.add_argument("candidates", nargs="+")
    ap.add_argument("--corpus", required=True, help="as the training had it")
    ap.add_argument("--folder", type=Path, required=True)
    ap.add_argument("--scale", type=int, required=True)
    ap.add_argument("--features", type=Path, required=True)
    ap.add_argument("--device", default="auto")
    ap.add_argument("--processes", type=int, default=1)
    ap.add_argument("--bicubic-start", action="store_true")
    ap.add_argument("--json", type=Path)
    return ap.parse_args()


def begin(a):
    """Loads a worker's model."""
    import torch

    from scalediff_engine.families.embedded.model import load_embedded
    from scalediff_engine.families.embedded.spec import EMBEDDED
    from scalediff_engine.models.device import pick_device

    torch.set_num_threads(1)
    worker.update(a=a, facts=EMBEDDED)
    worker["model"] = load_embedded(EMBEDDED, pick_device(a.device), a.folder)


def measured(job):
    """(candidate, tile, PSNR, bicubic's, powers, features, the original's features)."""
    from scalediff_engine.base.geometry import Size
    from scalediff_engine.bench.ablations import stage
    from scalediff_engine.bench.baselines import enlarged, filters
    from scalediff_engine.bench.metrics import FeatureNet, powers, psnr_db
    from scalediff_engine.bench.page import small_of
    from scalediff_engine.planning.settings import Settings

    candidate, number, original, label = job
    a, model, target = worker["a"], worker["model"], Size(SIDE, SIDE)
    stages = [stage(part) for part in candidate.split(",")]
    table = tuple(tuple(stages[: n + 1]) for n in range(len(stages)))
    model.facts = replace(worker["facts"], stage_table=table)
    settings = Settings(
        seed=number, prompt=f"sharp {label}", begins_with_network=not a.bicubic_start
    )
    small = small_of(original, a.scale)
    result = enlarged(small, target, settings, model)
    bicubic = filters()[0].run(small, target, "")
    net = worker.setdefault("net", FeatureNet(a.features))
    one = psnr_db(result, original), psnr_db(bicubic, original), powers(result, original)
    return candidate, number, *one, net.features(result), net.features(original)


def main():
    a = arguments()
    from scalediff_engine.bench.metrics import kid

    _, (held, labels) = load_corpus(a.corpus)
    names = "", "photo", "painting", "texture"
    tiles = [
        np.ascontiguousarray(t.permute(1, 2, 0).numpy().astype(np.float32) / 255) for t in held
    ]
    jobs = [(c, i, t, names[labels[i]]) for c in a.candidates for i, t in enumerate(tiles)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(a.processes, begin, (a,)) as pool:
        rows = pool.map(measured, jobs, chunksize=4)
    found, scale = {}, None
    for c in a.candidates:
        mine = [r for r in rows if r[0] == c]
        results, originals = (np.concatenate([r[k] for r in mine]) for k in (5, 6))
        scale = scale or np.sqrt((originals**2).mean())
        gain = np.array([r[2] - r[3] for r in mine])
        score = kid(results / scale, originals / scale)
        power = np.median([r[4] for r in mine], axis=0)
        found[c] = dict(
            psnr=np.mean([r[2] for r in mine]),
            over_bicubic=gain.mean(),
            worst=gain.min(),
            middle=power[0],
            finest=power[1],
            kid=1000 * score.mean,
            kid_error=1000 * score.error,
        )
        print(f"x{a.scale}", c, {k: round(float(v), 3) for k, v in found[c].items()}, flush=True)
    fit = [c for c, f in found.items() if f["over_bicubic"] >= 0 and f["worst"] >= WORST_DB]
    best = (
        min(fit, key=lambda c: found[c]["kid"])
        if fit
        else max(found, key=lambda c: found[c]["psnr"])
    )
    print("best:", best)
    if a.json:
        a.json.write_text(json.dumps(dict(found=found, best=best), indent=1, default=float))


if __name__ == "__main__":
    main()
