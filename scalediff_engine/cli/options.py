"""Options that several commands have, each with its words of help, defined once."""

from __future__ import annotations

from typing import Annotated

import typer

MethodName = Annotated[
    str,
    typer.Option(
        "--method",
        metavar="NAME",
        help="scalediff: detail by diffusion. fast: seconds, crisp edges, nothing invented.",
    ),
]
ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME",
        help="A family's name (see `scalediff models`), a file, a folder, or a name of the hub.",
    ),
]
Lora = Annotated[
    list[str] | None,
    typer.Option(
        "--lora",
        metavar="FILE[:WEIGHT]",
        help="A LoRA for the model and how strongly it acts, 1 unless said; may be repeated.",
    ),
]
TextEncodersFrom = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="File, folder or name of a full model, for parts that --model lacks.",
    ),
]
Negative = Annotated[str, typer.Option(metavar="TEXT", help="What it must not show.")]
PresetName = Annotated[
    str,
    typer.Option(
        "--preset", metavar="NAME", help="fast, balanced or best: how much time may be spent."
    ),
]
Creativity = Annotated[
    float | None, typer.Option(metavar="0..1", help="0 keeps every detail, 1 invents freely.")
]
Steps = Annotated[
    int | None, typer.Option(metavar="N", help="Steps per stage; else the preset's or the model's.")
]
Guidance = Annotated[
    float | None,
    typer.Option(metavar="G", help="How closely the prompt is followed; 1 = no guidance."),
]
GuidanceInterval = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Noise levels (sigma/alpha) with classifier-free guidance, or `all`.",
    ),
]
AttentionKind = Annotated[
    str,
    typer.Option("--attention", metavar="KIND", help="npa, direct or multidiffusion."),
]
NoLfm = Annotated[bool, typer.Option("--no-lfm", help="Without Latent Frequency Mixing.")]
NoSg = Annotated[bool, typer.Option("--no-sg", help="Without Structure Guidance.")]
NoJitter = Annotated[
    bool, typer.Option("--no-jitter", help="Without moving the attention's tiles.")
]
DeviceName = Annotated[
    str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:0, mps or xpu.")
]
MaxMemory = Annotated[
    float | None, typer.Option(metavar="GIB", help="Stay within this; what cannot is refused.")
]
Quality = Annotated[int | None, typer.Option(metavar="1..100", help="Of JPEG and WebP results.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing results.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show the plan: sizes, memory, time.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
