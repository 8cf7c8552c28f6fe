"""The commands and their options: words only, each command hands back what there is to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scalediff_engine.cli import options
from scalediff_engine.cli.app_bench import bench_app
from scalediff_engine.cli.app_dialog import dialog
from scalediff_engine.cli.app_doctor import doctor
from scalediff_engine.cli.app_serve import serve
from scalediff_engine.cli.interrupt import Action, Interrupts

app = typer.Typer(
    name="scalediff",
    help="Upscale pictures with a diffusion model, or make new ones: files, folders, any size.",
    # as an option it would make `scalediff --help` import pydantic; `main` answers it
    epilog="scalediff --version says which version this is.",
    add_completion=False,
    rich_markup_mode=None,  # plain help takes half as long to appear
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(bench_app, name="bench")
app.command()(serve)
app.command()(dialog)
app.command()(doctor)


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
    method: options.MethodName = "scalediff",
    model: options.ModelName = "embedded",
    lora: options.Lora = None,
    text_encoders_from: options.TextEncodersFrom = None,
    prompt: Annotated[
        str, typer.Option(metavar="TEXT", help="What the picture shows, if that helps.")
    ] = "",
    negative: options.Negative = "",
    preset: options.PresetName = "balanced",
    creativity: options.Creativity = None,
    structure: Annotated[
        float, typer.Option(metavar="0..1", help="How firmly shapes of the source are kept.")
    ] = 1.0,
    steps: options.Steps = None,
    guidance: options.Guidance = None,
    guidance_interval: options.GuidanceInterval = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same input: same result.")] = 0,
    attention: options.AttentionKind = "npa",
    no_lfm: options.NoLfm = False,
    no_sg: options.NoSg = False,
    no_jitter: options.NoJitter = False,
    no_source_lock: Annotated[
        bool, typer.Option("--no-source-lock", help="Let colours drift from the source's.")
    ] = False,
    device: options.DeviceName = "auto",
    max_memory: options.MaxMemory = None,
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
    quality: options.Quality = None,
    overwrite: options.Overwrite = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave pictures alone that have a result.")
    ] = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> Action:
    """Enlarge pictures and sharpen them at their new size.

    A result is NAME_x4.EXT beside its input unless told otherwise; existing files stay as they are.

    Exit codes: 0 done, 2 wrong usage, 3 unusable input, 4 no such model, 5 not enough memory,
    6 some files of several failed, 7 the result cannot be written, 130 cancelled.
    """
    from scalediff_engine.batch.naming import NamePattern
    from scalediff_engine.cli import values
    from scalediff_engine.cli.request import (
        Destination,
        Enlargement,
        UpscaleRequest,
        existing_from_flags,
    )
    from scalediff_engine.planning.settings import Settings
    from scalediff_engine.planning.wishes import ModelChoice

    request = UpscaleRequest(
        inputs=tuple(Path(path) for path in inputs),
        enlargement=Enlargement(scale, None if size is None else values.parse_size(size)),
        recursive=recursive,
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
            preset=values.parse_preset(preset),
            creativity=creativity,
            structure=structure,
            steps=steps,
            guidance=guidance,
            guided_sigmas=values.parse_interval(guidance_interval),
            seed=seed,
            attention=values.parse_attention(attention),
            latent_frequency_mixing=not no_lfm,
            structure_guidance=not no_sg,
            jitter=not no_jitter,
            source_lock=not no_source_lock,
            method=values.parse_method(method),
        ),
        model=ModelChoice(
            name=model,
            device=values.check_device(device),
            loras=tuple(values.parse_lora(text) for text in lora or ()),
            text_encoders_from=text_encoders_from,
        ),
        max_memory_bytes=None if max_memory is None else values.gib_to_bytes(max_memory),
        dry_run=dry_run,
    )

    def act(interrupts: Interrupts) -> int:
        from scalediff_engine.cli.work import run_upscale

        return run_upscale(request, interrupts, json=json, quiet=quiet)

    return act


@app.command()
def generate(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What the picture shows.")],
    size: Annotated[str, typer.Option(metavar="WxH", help="Its size in pixels, any size at all.")],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="The result's file.")
    ],
    model: options.ModelName = "",
    lora: options.Lora = None,
    text_encoders_from: options.TextEncodersFrom = None,
    negative: options.Negative = "",
    preset: options.PresetName = "balanced",
    base_steps: Annotated[
        int | None, typer.Option(metavar="N", help="Steps of the first picture, made from noise.")
    ] = None,
    steps: options.Steps = None,
    guidance: options.Guidance = None,
    guidance_interval: options.GuidanceInterval = None,
    creativity: options.Creativity = None,
    structure: Annotated[
        float,
        typer.Option(metavar="0..1", help="How firmly shapes of the first picture are kept."),
    ] = 1.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed, another picture.")] = 0,
    attention: options.AttentionKind = "npa",
    no_lfm: options.NoLfm = False,
    no_sg: options.NoSg = False,
    no_jitter: options.NoJitter = False,
    device: options.DeviceName = "auto",
    max_memory: options.MaxMemory = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="KIND", help="png, webp, jpeg or tiff; as FILE ends."),
    ] = None,
    quality: options.Quality = None,
    overwrite: options.Overwrite = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Do nothing where the result is there already.")
    ] = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> Action:
    """Make a new picture from words, as large as you like.

    It is made at the size that the model knows and then enlarged in stages, as `upscale` does it.
    The model that comes with the program only enlarges: --model takes a Stable Diffusion 1.5, 2.1
    or XL or a FLUX.1 of yours.
    """
    from scalediff_engine.cli import values
    from scalediff_engine.cli.request import (
        Destination,
        GenerateRequest,
        existing_from_flags,
    )
    from scalediff_engine.planning.settings import Settings
    from scalediff_engine.planning.wishes import ModelChoice

    request = GenerateRequest(
        size=values.parse_size(size),
        destination=Destination(
            file=Path(output),
            format=format_,
            quality=quality,
            existing=existing_from_flags(overwrite=overwrite, skip_existing=skip_existing),
        ),
        settings=Settings(
            prompt=prompt,
            negative=negative,
            preset=values.parse_preset(preset),
            creativity=creativity,
            structure=structure,
            steps=steps,
            base_steps=base_steps,
            guidance=guidance,
            guided_sigmas=values.parse_interval(guidance_interval),
            seed=seed,
            attention=values.parse_attention(attention),
            latent_frequency_mixing=not no_lfm,
            structure_guidance=not no_sg,
            jitter=not no_jitter,
        ),
        model=ModelChoice(
            name=model,
            device=values.check_device(device),
            loras=tuple(values.parse_lora(text) for text in lora or ()),
            text_encoders_from=text_encoders_from,
        ),
        max_memory_bytes=None if max_memory is None else values.gib_to_bytes(max_memory),
        dry_run=dry_run,
    )

    def act(interrupts: Interrupts) -> int:
        from scalediff_engine.cli.work import run_generate

        return run_generate(request, interrupts, json=json, quiet=quiet)

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
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="A file, a folder, or a name of the hub."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> Action:
    """List the models that --model takes and those on this machine, or say what one is."""

    def act(_: Interrupts) -> int:
        if model is None:
            from scalediff_engine.cli.model_list import show_models

            return show_models(json=json)
        from scalediff_engine.cli.model_report import show_model

        return show_model(model, json=json)

    return act
