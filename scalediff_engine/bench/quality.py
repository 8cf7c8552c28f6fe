"""Shrink pictures, upscale them back, compare with the original: tables and crops.

``python -m scalediff_engine.bench.quality PICTURE... --features features.onnx --output docs``

Writes ``quality.json`` and the crops, and renews the tables between the markers in ``quality.md``.
A picture named ``..._painting.png`` or ``..._texture.png`` gets that prompt. ``feature_net`` writes
the file for patch-KID; without it that column stays empty. The best and the worst three are told by
the PSNR's difference to bicubic.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from scalediff_engine.base.geometry import Size
from scalediff_engine.bench.baselines import (
    BICUBIC,
    FAST,
    SCALEDIFF,
    UNSHARP,
    Baseline,
    filters,
    upscalers,
)
from scalediff_engine.bench.metrics import FeatureNet, KidScore, Measures, measure, shown
from scalediff_engine.bench.page import cut_to, prompt_of, renew_table, save_crop, small_of
from scalediff_engine.families import registry as families
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.reader import read

SCALES = (2, 4)
CROP_RIVALS = (BICUBIC, "Lanczos", UNSHARP, FAST, SCALEDIFF)
CHOSEN = 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, prog="quality")
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, default=Path("docs"))
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=int, action="append", help="2 and 4 unless given")
    parser.add_argument("--features", type=Path, help="network of patch-KID, see feature_net")
    options = parser.parse_args(arguments)
    rivals = (*filters(), *upscalers(families.load(options.model), options.seed))
    net = FeatureNet(options.features) if options.features else None
    page: Path = options.output / "quality.md"
    results: dict[str, object] = {}
    for scale in options.scale or SCALES:
        rows, found = _compare(options.pictures, scale, rivals, net, options.output / "quality")
        results[f"x{scale}"] = rows
        results[f"pictures x{scale}"] = {
            stem: {name: asdict(one) for name, one in measures.items()}
            for stem, measures in found.items()
        }
        renew_table(page, f"x{scale}", _table(rows))
        renew_table(page, f"pictures x{scale}", pictures_table(found))
        renew_table(page, f"chosen x{scale}", chosen(found, scale))
    known = options.output / "quality" / "quality.json"
    before = json.loads(known.read_text()) if known.is_file() else {}
    known.write_text(json.dumps(before | results, indent=1))


Found = dict[str, dict[str, Measures]]  # by picture, then by rival


def _compare(
    paths: Sequence[Path],
    scale: int,
    rivals: Sequence[Baseline],
    net: FeatureNet | None,
    crops: Path,
) -> tuple[list[dict[str, object]], Found]:
    found: Found = {}
    seconds: dict[str, list[float]] = {rival.name: [] for rival in rivals}
    scores = KidScore(net)
    for path in paths:
        original = cut_to(read(path).pixels, scale)
        target = Size(original.shape[1], original.shape[0])
        small = small_of(original, scale)
        results: dict[str, Pixels] = {}
        for rival in rivals:
            start = time.perf_counter()
            results[rival.name] = rival.run(small, target, prompt_of(path))
            seconds[rival.name].append(time.perf_counter() - start)
        found[path.stem] = {name: measure(made, original) for name, made in results.items()}
        scores.add(original, results)
        panels = {name: results[name] for name in CROP_RIVALS} | {"original": original}
        save_crop(crops / f"{path.stem}_x{scale}.webp", small, panels)
        brief = (f"{name}={one.psnr_db:.2f}" for name, one in found[path.stem].items())
        print(path.name, f"x{scale}", *brief, flush=True)  # noqa: T201
    rows: list[dict[str, object]] = []
    for name, times in seconds.items():
        measures = [asdict(one[name]) for one in found.values()]
        score = scores.of(name)
        rows.append(
            {
                "name": name,
                **{key: float(np.mean([m[key] for m in measures])) for key in measures[0]},
                "kid": shown(score),
                "seconds": float(np.mean(times)),
                "pictures": len(paths),
            }
        )
    return rows, found


COLUMNS = {
    "": "{name}",
    "PSNR dB": "{psnr_db:.2f}",
    "SSIM": "{ssim:.3f}",
    "power 1/8-1/4": "{power_mid:.0%}",
    "power 1/4-1/2": "{power_top:.0%}",
    "colour shift /255": "{colour_shift:.2f}",
    "patch-KID x1000": "{kid}",
    "s": "{seconds:.1f}",
}


def _table(rows: Sequence[dict[str, object]]) -> str:
    lines = [
        " | ".join(COLUMNS),
        " | ".join("---" for _ in COLUMNS),
        *(" | ".join(COLUMNS.values()).format(**row) for row in rows),
    ]
    return "".join(f"| {line} |\n" for line in lines)


def ranked(found: Found) -> list[tuple[str, float]]:
    """Pictures and ScaleDiff's PSNR less bicubic's, the best first."""
    gains = {s: one[SCALEDIFF].psnr_db - one[BICUBIC].psnr_db for s, one in found.items()}
    return sorted(gains.items(), key=lambda item: -item[1])


def pictures_table(found: Found) -> str:
    """Every picture: PSNR of every rival, and what ScaleDiff gains and adds; the best first."""
    names = list(next(iter(found.values())))
    heads = ["picture", *(f"{name} PSNR" for name in names), "ScaleDiff - bicubic"]
    heads += ["ScaleDiff power 1/8-1/4", "ScaleDiff power 1/4-1/2"]
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    for stem, gain in ranked(found):
        one = found[stem]
        figures = [f"{one[name].psnr_db:.2f}" for name in names]
        figures += [f"{gain:+.2f}"]
        figures += [f"{one[SCALEDIFF].power_mid:.0%}", f"{one[SCALEDIFF].power_top:.0%}"]
        lines.append(f"| {stem} | {' | '.join(figures)} |")
    return "\n".join(lines) + "\n"


def chosen(found: Found, scale: int) -> str:
    """The crops of the best and of the worst pictures, as the page shows them."""
    order = ranked(found)
    count = min(CHOSEN, len(order) // 2)
    groups = {"best": order[:count], "worst": order[len(order) - count :][::-1]}
    lines: list[str] = []
    for word, group in groups.items():
        lines.append(f"The {word} by PSNR over bicubic: ")
        lines[-1] += ", ".join(f"{stem} ({gain:+.2f} dB)" for stem, gain in group) + ".\n"
        lines += [f"![{stem} x{scale}, {word}](quality/{stem}_x{scale}.webp)" for stem, _ in group]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
