"""The method without one of its parts each, over several seeds, with error bars.

``python -m scalediff_engine.bench.ablations PICTURE... --name shipped --json FILE`` runs them,
picture by picture, and can be stopped and started again: what is in the file is not run twice.
``python -m scalediff_engine.bench.ablations --tables FILE --output docs`` renews the tables
``ablations NAME x4`` and so on in ``quality.md``. The first needs torch, diffusers and Pillow only.

``--model FOLDER`` takes another model in the layout of the embedded one; ``--stage 200:12:4`` says
where its stages start, in how many steps and with which guidance (once for each stage, the last for
all further ones).
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from scalediff_engine.base.geometry import Size
from scalediff_engine.bench.baselines import DIRECT, OUR_OWN, SCALEDIFF, ablations
from scalediff_engine.bench.metrics import SeamScore, colour_shift, powers, psnr_db
from scalediff_engine.bench.page import cut_to, prompt_of, renew_table, small_of
from scalediff_engine.client.files import whole_file
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.images.picture import Pixels
from scalediff_engine.planning.settings import Settings
from scalediff_engine.spec.family import FamilyFacts, StageDefaults

SCALES = (4, 8)


@dataclass(frozen=True)
class Cell:
    """One row of the table on one picture with one seed."""

    name: str
    scale: int
    picture: str
    seed: int
    psnr_db: float
    power_mid: float
    power_top: float
    colour_shift: float
    at_borders: float
    beside: float
    seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Run them, or make the tables of what was run."""
    parser = argparse.ArgumentParser(description=__doc__, prog="ablations")
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--json", type=Path, help="what is measured goes here")
    parser.add_argument("--tables", type=Path, action="append", help="a file that was measured")
    parser.add_argument("--output", type=Path, default=Path("docs"))
    parser.add_argument("--name", default="shipped", help="of the tables")
    parser.add_argument("--model", type=Path, help="a folder; the embedded model unless given")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", type=int, action="append", help="4 and 8 unless given")
    parser.add_argument("--stage", type=stage, action="append", metavar="T:STEPS:GUIDANCE")
    parser.add_argument("--mixing-lowpass", type=float)
    parser.add_argument("--guidance-lowpass", type=float)
    parser.add_argument("--bicubic-start", action="store_true", help="never begin with the network")
    parser.add_argument(
        "--paper",
        action="store_true",
        help="the paper's method: without jitter and source lock, and without their rows",
    )
    options = parser.parse_args(arguments)
    _renew(options.tables or (), options.output / "quality.md")
    if options.pictures and options.json is None:
        parser.error("--json FILE is missing: what is measured must go somewhere.")
    if options.pictures:
        _measure(options)


def stage(text: str) -> StageDefaults:
    """Read ``T:STEPS:GUIDANCE``."""
    t_start, steps, guidance = text.split(":")
    return StageDefaults(int(t_start), int(steps), float(guidance))


def plain_settings(options: argparse.Namespace, seed: int) -> Settings:
    """Return the settings of the first row; the other rows change one of them."""
    ours = not options.paper
    return Settings(
        seed=seed,
        begins_with_network=not options.bicubic_start,
        jitter=ours,
        source_lock=ours,
    )


def changed(facts: FamilyFacts, options: argparse.Namespace) -> FamilyFacts:
    """The family's numbers with those that were given instead."""
    if options.stage:
        table = tuple(tuple(options.stage[: n + 1]) for n in range(len(options.stage)))
        facts = replace(facts, stage_table=table)
    if options.mixing_lowpass is not None:
        facts = replace(facts, mixing_lowpass=options.mixing_lowpass)
    if options.guidance_lowpass is not None:
        facts = replace(facts, guidance_lowpass=options.guidance_lowpass)
    return facts


def _measure(options: argparse.Namespace) -> None:
    from scalediff_engine.families.embedded.model import FOLDER, load_embedded
    from scalediff_engine.models.device import pick_device

    facts, folder = changed(EMBEDDED, options), options.model or FOLDER
    model = load_embedded(facts, pick_device(options.device), folder)
    about = {
        "name": options.name,
        "weights": model.weights_hash,
        "native": facts.native.width,
        "stages": [[asdict(s) for s in row] for row in facts.stage_table],
        "mixing_lowpass": facts.mixing_lowpass,
        "guidance_lowpass": facts.guidance_lowpass,
        "paper": options.paper,
        "begins_with_network": facts.begins_with_network and not options.bicubic_start,
    }
    cells: list[Cell] = []
    if options.json.is_file():
        known = json.loads(options.json.read_text())
        if known["about"] != about:
            raise SystemExit(f"{options.json} was made with other weights or settings; remove it.")
        cells = [Cell(**cell) for cell in known["cells"]]
    done = {(c.name, c.scale, c.picture, c.seed) for c in cells}
    for scale in options.scale or SCALES:
        for path in options.pictures:
            original = cut_to(opened(path), scale)
            small = small_of(original, scale)
            for seed in range(options.seeds):
                plain = plain_settings(options, seed)
                for rival in ablations(model, plain):
                    if (rival.name, scale, path.stem, seed) in done:
                        continue
                    if options.paper and rival.name in OUR_OWN:
                        continue
                    begun = time.perf_counter()
                    target = Size(original.shape[1], original.shape[0])
                    result = rival.run(small, target, prompt_of(path))
                    seconds = time.perf_counter() - begun
                    key = (rival.name, scale, path.stem, seed)
                    patch_px = facts.native.width // 2
                    cells.append(cell_of(key, result, original, patch_px, seconds))
                kept = {"about": about, "cells": [asdict(c) for c in cells]}
                _write(options.json, json.dumps(kept, indent=0))
            print(path.name, f"x{scale}", len(cells), flush=True)  # noqa: T201


def opened(path: Path) -> Pixels:
    """An 8-bit sRGB file as (H, W, 3), 0..1; without profiles, which these pictures do not have."""
    with Image.open(path) as file:
        return np.asarray(file.convert("RGB"), np.float32) / np.float32(255)


def cell_of(
    key: tuple[str, int, str, int],
    result: Pixels,
    original: Pixels,
    patch_px: int,
    seconds: float,
) -> Cell:
    """Measure one result; ``key`` is name, scale, picture and seed."""
    mid, top = powers(result, original)
    seams = SeamScore()
    seams.add(result, patch_px)
    return Cell(
        *key,
        psnr_db=psnr_db(result, original),
        power_mid=mid,
        power_top=top,
        colour_shift=colour_shift(result, original),
        at_borders=seams.at_borders,
        beside=seams.beside,
        seconds=seconds,
    )


def _write(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode())


def _renew(paths: Sequence[Path], page: Path) -> None:
    """Files of the same name are parts of one table."""
    tables: dict[str, list[Cell]] = {}
    for path in paths:
        known = json.loads(path.read_text())
        for cell in (Cell(**cell) for cell in known["cells"]):
            name = f"ablations {known['about']['name']} x{cell.scale}"
            tables.setdefault(name, []).append(cell)
    for name, cells in tables.items():
        renew_table(page, name, table(cells))


HEAD = "| | PSNR dB | difference dB | between seeds | {} | colour shift /255 | seams |"
POWERS = ("power 1/8-1/4", "difference", "power 1/4-1/2", "difference")


def table(cells: Sequence[Cell]) -> str:
    """One scale: means, and differences to the first row with their standard errors.

    What not every row has, a picture with a seed, is in none of them.
    """
    names = list(dict.fromkeys(cell.name for cell in cells))
    pictures, seeds = len({c.picture for c in cells}), len({c.seed for c in cells})
    had = [{(c.picture, c.seed) for c in cells if c.name == name} for name in names]
    common = set.intersection(*had)
    cells = [cell for cell in cells if (cell.picture, cell.seed) in common]
    first = [cell for cell in cells if cell.name == SCALEDIFF]
    whole = [cell for cell in cells if cell.name == DIRECT]
    lines = [HEAD.format(" | ".join(POWERS)), "|" + " --- |" * 10]
    for name in names:
        rows = [cell for cell in cells if cell.name == name]
        plain = name == SCALEDIFF
        figures = [
            f"{_mean(rows, 'psnr_db'):.2f}",
            "" if plain else difference(rows, first, "psnr_db").said("{:+.2f}", "{:.2f}"),
            f"{_between_seeds(rows):.3f}",
            *(
                text
                for key in ("power_mid", "power_top")
                for text in (
                    f"{_mean(rows, key):.0%}",
                    "" if plain else difference(rows, first, key).said("{:+.1%}", "{:.1%}"),
                )
            ),
            f"{_mean(rows, 'colour_shift'):.2f}",
            f"{_seam(rows) / _seam(whole):.3f}" if whole else "-",
        ]
        lines.append(f"| {name} | {' | '.join(figures)} |")
    asked = pictures * seeds
    missing = "" if len(common) == asked else f" ({len(common)} of the {asked} combinations)"
    lines.append(f"\n{pictures} pictures, {seeds} seeds{missing}.")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences, and its standard error over pictures; None = one picture."""

    mean: float
    error: float | None

    def said(self, mean: str, error: str) -> str:
        """For a table, with formats of both."""
        beside = "-" if self.error is None else error.format(self.error)
        return f"{mean.format(self.mean)} ± {beside}"


def difference(rows: Sequence[Cell], first: Sequence[Cell], key: str) -> Difference:
    """Difference of a row to the first on the same picture with the same seed.

    The seeds of a picture are averaged before the error is taken: they are no new pictures.
    """
    base = {(c.picture, c.seed): getattr(c, key) for c in first}
    by_picture: dict[str, list[float]] = {}
    for c in rows:
        if (c.picture, c.seed) in base:
            found = getattr(c, key) - base[c.picture, c.seed]
            by_picture.setdefault(c.picture, []).append(found)
    means = np.array([np.mean(found) for found in by_picture.values()])
    error = float(means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 1 else None
    return Difference(float(means.mean()), error)


def _between_seeds(rows: Sequence[Cell]) -> float:
    """Standard deviation, over seeds, of the table's PSNR on the pictures that every seed has."""
    seeds = sorted({c.seed for c in rows})
    had = {seed: {c.picture for c in rows if c.seed == seed} for seed in seeds}
    common = set.intersection(*had.values())
    if not common:
        return math.nan
    means = [
        _mean([c for c in rows if c.seed == seed and c.picture in common], "psnr_db")
        for seed in seeds
    ]
    return float(np.std(means, ddof=1)) if len(means) > 1 else 0.0


def _mean(rows: Sequence[Cell], key: str) -> float:
    """Every picture counts the same, also where some of its seeds are missing."""
    by_picture: dict[str, list[float]] = {}
    for cell in rows:
        by_picture.setdefault(cell.picture, []).append(getattr(cell, key))
    return float(np.mean([np.mean(found) for found in by_picture.values()]))


def _seam(rows: Sequence[Cell]) -> float:
    return sum(c.at_borders for c in rows) / sum(c.beside for c in rows)


if __name__ == "__main__":
    main()
