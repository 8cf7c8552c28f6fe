"""The commands and their options: words only, each command hands back what there is to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from scalediff_engine.cli.interrupt import Interrupts

# Each command gives the work as a function: the parser is out of the way when it starts, and cannot
# turn its errors into something else.
Action = Callable[[Interrupts], int]

app = typer.Typer(
    name="scalediff",
    help="Upscale pictures with a diffusion model: files, folders, any size.",
    # as an option it would make `scalediff --help` import pydantic; `main` answers it
    epilog="scalediff --version says which version this is.",
    add_completion=False,
    rich_markup_mode=None,  # plain help takes half as long to appear
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def upscale(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT", help="Pictures, or folders of pictures.")
    ],
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="The result's file.")
    ] = None,
    output_dir: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder for the results; else beside each input."),
    ] = None,
    scale: Annotated[
        float | None, typer.Option(metavar="N", help="How much larger, 1 to 32.  [default: 4]")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="The result's size in pixels.")
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="See `scalediff models`.")
    ] = "embedded",
    prompt: Annotated[
        str, typer.Option(metavar="TEXT", help="What the picture shows, if that helps.")
    ] = "",
    negative: Annotated[str, typer.Option(metavar="TEXT", help="What it must not show.")] = "",
    creativity: Annotated[
        float | None, typer.Option(metavar="0..1", help="0 keeps every detail, 1 invents freely.")
    ] = None,
    structure: Annotated[
        float, typer.Option(metavar="0..1", help="How firmly shapes of the source are kept.")
    ] = 1.0,
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="Steps per stage; else the model's own.")
    ] = None,
    guidance: Annotated[
        float | None, typer.Option(metavar="G", help="Classifier-free guidance, 1 = none.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same input: same result.")] = 0,
    attention: Annotated[
        str, typer.Option(metavar="KIND", help="npa, direct or multidiffusion.")
    ] = "npa",
    no_lfm: Annotated[
        bool, typer.Option("--no-lfm", help="Without Latent Frequency Mixing.")
    ] = False,
    no_sg: Annotated[bool, typer.Option("--no-sg", help="Without Structure Guidance.")] = False,
    no_jitter: Annotated[
        bool, typer.Option("--no-jitter", help="Without moving the attention's tiles.")
    ] = False,
    no_source_lock: Annotated[
        bool, typer.Option("--no-source-lock", help="Let colours drift from the source's.")
    ] = False,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:0, mps or xpu.")
    ] = "auto",
    max_memory: Annotated[
        float | None, typer.Option(metavar="GIB", help="Refuse work that needs more.")
    ] = None,
    recursive: Annotated[
        bool, typer.Option("-r", "--recursive", help="Also the folders in folders.")
    ] = False,
    name: Annotated[
        str,
        typer.Option(
            metavar="PATTERN",
            help="Results' names; fields: stem, scale, width, height, model, seed.",
        ),
    ] = "{stem}_x{scale}",
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="KIND", help="png, webp, jpeg or tiff; else the input's."),
    ] = None,
    quality: Annotated[
        int | None, typer.Option(metavar="1..100", help="Of JPEG and WebP results.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing results.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave pictures alone that have a result.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the plan: sizes, memory, time.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
) -> Action:
    """Enlarge pictures and sharpen them at their new size.

    A result is NAME_x4.EXT beside its input unless told otherwise; existing files stay as they are.

    Exit codes: 0 done, 2 wrong usage, 3 unusable input, 4 no such model, 5 not enough memory,
    6 some files of several failed, 7 the result cannot be written, 130 cancelled.
    """
    from scalediff_engine.cli.naming import NamePattern
    from scalediff_engine.cli.request import (
        Destination,
        Enlargement,
        UpscaleRequest,
        existing_from_flags,
    )
    from scalediff_engine.cli.values import (
        check_device,
        gib_to_bytes,
        parse_attention,
        parse_size,
    )
    from scalediff_engine.pipeline.settings import Settings

    request = UpscaleRequest(
        inputs=tuple(Path(path) for path in inputs),
        enlargement=Enlargement(scale, None if size is None else parse_size(size)),
        destination=Destination(
            file=None if output is None else Path(output),
            folder=None if output_dir is None else Path(output_dir),
            pattern=NamePattern(name),
            format=format_,
            quality=quality,
            existing=existing_from_flags(overwrite=overwrite, skip_existing=skip_existing),
        ),
        settings=Settings(
            prompt=prompt,
            negative=negative,
            creativity=creativity,
            structure=structure,
            steps=steps,
            guidance=guidance,
            seed=seed,
            attention=parse_attention(attention),
            latent_frequency_mixing=not no_lfm,
            structure_guidance=not no_sg,
            jitter=not no_jitter,
            source_lock=not no_source_lock,
        ),
        model=model,
        device=check_device(device),
        recursive=recursive,
        max_memory_bytes=None if max_memory is None else gib_to_bytes(max_memory),
        dry_run=dry_run,
    )

    def act(interrupts: Interrupts) -> int:
        from scalediff_engine.cli.work import run_upscale

        return run_upscale(request, interrupts, json=json, quiet=quiet)

    return act


@app.command()
def info(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A picture.")],
    json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> Action:
    """Say what a picture file holds, and how it was made if it is a result."""

    def act(_: Interrupts) -> int:
        from scalediff_engine.cli.info import show_info

        return show_info(Path(file), json=json)

    return act


@app.command()
def models(
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> Action:
    """List the models that --model takes."""

    def act(_: Interrupts) -> int:
        from scalediff_engine.cli.model_list import show_models

        return show_models(json=json)

    return act
