"""Options that several commands have, each with its words of help, defined once."""

from __future__ import annotations

from typing import Annotated

import typer

INPUT_AND_OUTPUT = "Input and output"
PICTURE = "What the result looks like"
MODEL = "Model and device"
METHOD = "Parts of the method, for comparisons"
REPORT = "Reports"

PRESETS = ("fast", "balanced", "best")
FORMATS = ("png", "webp", "jpeg", "tiff")
METHODS = ("scalediff", "fast")
ATTENTIONS = ("npa", "direct", "multidiffusion")
DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")
THEMES = ("dark", "light", "contrast")
LOG_LEVELS = ("debug", "info", "warning", "error")


def family_names() -> list[str]:
    """Return the names of families that --model takes, for the shell's completion."""
    from scalediff_engine.families.registry import all_forms

    return [form.name for form in all_forms()]


Output = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="The result's file; - is standard output.",
        rich_help_panel=INPUT_AND_OUTPUT,
    ),
]
FormatName = Annotated[
    str | None,
    typer.Option(
        "-f",
        "--format",
        metavar="KIND",
        help="png, webp, jpeg or tiff. Default: as FILE or the input ends.",
        autocompletion=lambda: list(FORMATS),
        rich_help_panel=INPUT_AND_OUTPUT,
    ),
]
Quality = Annotated[
    int | None,
    typer.Option(
        metavar="1..100", help="Quality of JPEG and WebP.", rich_help_panel=INPUT_AND_OUTPUT
    ),
]
Strip = Annotated[
    bool,
    typer.Option(
        "--strip",
        help="Write no metadata and no recipe; the colour profile stays.",
        rich_help_panel=INPUT_AND_OUTPUT,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace existing results.", rich_help_panel=INPUT_AND_OUTPUT),
]
MethodName = Annotated[
    str,
    typer.Option(
        "--method",
        metavar="NAME",
        help="scalediff: detail by diffusion. fast: seconds, crisp edges, nothing invented.",
        autocompletion=lambda: list(METHODS),
        rich_help_panel=PICTURE,
    ),
]
Prompt = Annotated[
    str,
    typer.Option(
        metavar="TEXT", help="What the picture shows, if that helps.", rich_help_panel=PICTURE
    ),
]
Negative = Annotated[
    str, typer.Option(metavar="TEXT", help="What it must not show.", rich_help_panel=PICTURE)
]
PresetName = Annotated[
    str,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="fast, balanced or best: how much time may be spent.",
        autocompletion=lambda: list(PRESETS),
        rich_help_panel=PICTURE,
    ),
]
Creativity = Annotated[
    float | None,
    typer.Option(
        metavar="0..1", help="0 keeps every detail, 1 invents freely.", rich_help_panel=PICTURE
    ),
]
Structure = Annotated[
    float,
    typer.Option(metavar="0..1", help="How firmly shapes are kept.", rich_help_panel=PICTURE),
]
Steps = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Steps per stage. Default: the preset's or the model's.",
        rich_help_panel=PICTURE,
    ),
]
BaseSteps = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Steps of the first picture, made from noise.",
        rich_help_panel=PICTURE,
    ),
]
Guidance = Annotated[
    float | None,
    typer.Option(
        metavar="G",
        help="How closely the prompt is followed; 1 = no guidance.",
        rich_help_panel=PICTURE,
    ),
]
Seed = Annotated[
    int,
    typer.Option(metavar="N", help="Same seed, same input: same result.", rich_help_panel=PICTURE),
]
ModelName = Annotated[
    str,
    typer.Option(
        "-m",
        "--model",
        metavar="NAME",
        help="A family (see `scalediff models`), a file, a folder, or a Hugging Face repo id.",
        autocompletion=family_names,
        rich_help_panel=MODEL,
    ),
]
Lora = Annotated[
    list[str] | None,
    typer.Option(
        "--lora",
        metavar="FILE[:WEIGHT]",
        help="A LoRA for the model and its weight, 1 by default; may be repeated.",
        rich_help_panel=MODEL,
    ),
]
TextEncodersFrom = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="File, folder or name of a full model, for parts that --model lacks.",
        rich_help_panel=MODEL,
    ),
]
DeviceName = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        help="auto, cpu, cuda, cuda:0, mps or xpu.",
        autocompletion=lambda: list(DEVICES),
        rich_help_panel=MODEL,
    ),
]
MaxMemory = Annotated[
    float | None,
    typer.Option(
        metavar="GIB",
        help="Memory limit; a job that needs more is refused.",
        rich_help_panel=MODEL,
    ),
]
GuidanceInterval = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Noise levels (sigma/alpha) with classifier-free guidance, or `all`.",
        rich_help_panel=METHOD,
    ),
]
AttentionKind = Annotated[
    str,
    typer.Option(
        "--attention",
        metavar="KIND",
        help="npa, direct or multidiffusion.",
        autocompletion=lambda: list(ATTENTIONS),
        rich_help_panel=METHOD,
    ),
]
NoLfm = Annotated[
    bool,
    typer.Option("--no-lfm", help="Without Latent Frequency Mixing.", rich_help_panel=METHOD),
]
NoSg = Annotated[
    bool, typer.Option("--no-sg", help="Without Structure Guidance.", rich_help_panel=METHOD)
]
NoJitter = Annotated[
    bool,
    typer.Option(
        "--no-jitter", help="Without moving the attention's tiles.", rich_help_panel=METHOD
    ),
]
NoSourceLock = Annotated[
    bool,
    typer.Option(
        "--no-source-lock", help="Let colours drift from the source's.", rich_help_panel=METHOD
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Only show the plan: sizes, memory, time.",
        rich_help_panel=REPORT,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON object a line on stdout.", rich_help_panel=REPORT),
]
Print0 = Annotated[
    bool,
    typer.Option(
        "--print0",
        help="End the paths of results with NUL, for `xargs -0`.",
        rich_help_panel=REPORT,
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.", rich_help_panel=REPORT)]
Home = Annotated[
    str | None, typer.Option(metavar="DIR", help="The engine's folder. Default: the user's own.")
]
