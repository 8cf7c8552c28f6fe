"""The commands and their options: words only, each command hands back what there is to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scalediff_engine.cli import options
from scalediff_engine.cli.app_bench import bench_app
from scalediff_engine.cli.app_dialog import dialog
from scalediff_engine.cli.app_plugins import plugins_app
from scalediff_engine.cli.command import CONTEXT_SETTINGS, Command
from scalediff_engine.cli.interrupt import Action, Interrupts

app = typer.Typer(
    name="scalediff",
    help="Upscale pictures with a diffusion model, or make new ones: files, folders, any size.",
    # as an option it would make `scalediff --help` import pydantic; `main` answers it
    epilog="scalediff -V, or --version, says which version this is. `scalediff COMMAND -h` lists a "
    "command's options; defaults for them come from SCALEDIFF_* variables and a file, see "
    "docs/command-line.md.",
    rich_markup_mode=None,  # plain help takes half as long to appear
    pretty_exceptions_enable=False,
    context_settings=CONTEXT_SETTINGS,
)


@app.command(cls=Command)
def upscale(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT", help="Pictures or folders of pictures; - is standard input."
        ),
    ],
    output: options.Output = None,
    output_dir: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the results. Default: next to each input.",
            rich_help_panel=options.INPUT_AND_OUTPUT,
        ),
    ] = None,
    recursive: Annotated[
        bool,
        typer.Option(
            "-r",
            "--recursive",
            help="Include subfolders.",
            rich_help_panel=options.INPUT_AND_OUTPUT,
        ),
    ] = False,
    name: Annotated[
        str,
        typer.Option(
            metavar="PATTERN",
            help="Results' names; fields: stem, ext, scale, width, height, model, seed.",
            rich_help_panel=options.INPUT_AND_OUTPUT,
        ),
    ] = "{stem}_x{scale}",
    format_: options.FormatName = None,
    quality: options.Quality = None,
    strip: options.Strip = False,
    overwrite: options.Overwrite = False,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Leave pictures alone that have a result.",
            rich_help_panel=options.INPUT_AND_OUTPUT,
        ),
    ] = False,
    fail_fast: Annotated[
        bool,
        typer.Option(
            "--fail-fast",
            help="Stop at the first file that fails.",
            rich_help_panel=options.INPUT_AND_OUTPUT,
        ),
    ] = False,
    scale: Annotated[
        float | None,
        typer.Option(
            "-s",
            "--scale",
            metavar="N",
            help="How much larger, 1 to 32.  [default: 4]",
            rich_help_panel=options.PICTURE,
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="Size in pixels; 4096x or x3072 keep the proportions, 250% is a factor of 2.5.",
            rich_help_panel=options.PICTURE,
        ),
    ] = None,
    method: options.MethodName = "scalediff",
    prompt: options.Prompt = "",
    negative: options.Negative = "",
    preset: options.PresetName = "balanced",
    creativity: options.Creativity = None,
    structure: options.Structure = 1.0,
    steps: options.Steps = None,
    guidance: options.Guidance = None,
    seed: options.Seed = 0,
    model: options.ModelName = "embedded",
    lora: options.Lora = None,
    text_encoders_from: options.TextEncodersFrom = None,
    device: options.DeviceName = "auto",
    max_memory: options.MaxMemory = None,
    guidance_interval: options.GuidanceInterval = None,
    attention: options.AttentionKind = "npa",
    no_lfm: options.NoLfm = False,
    no_sg: options.NoSg = False,
    no_jitter: options.NoJitter = False,
    no_source_lock: options.NoSourceLock = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
    print0: options.Print0 = False,
    quiet: options.Quiet = False,
) -> Action:
    """Enlarge pictures and sharpen them at their new size.

    A result is NAME_x4.EXT beside its input unless told otherwise; existing files stay as they are.

    Exit codes: 0 done, 2 wrong usage, 3 unusable input, 4 no such model, 5 not enough memory,
    6 some files of several failed, 7 the result cannot be written, 130 cancelled.
    """
    from scalediff_engine.batch.naming import Destination, Place
    from scalediff_engine.cli import values
    from scalediff_engine.cli.request import (
        UpscaleRequest,
        existing_from_flags,
    )
    from scalediff_engine.planning.settings import Attention, Method, Preset, Settings
    from scalediff_engine.planning.settings_parsing import ModelChoice, parse_choice

    request = UpscaleRequest(
        inputs=tuple(values.parse_path(path) for path in inputs),
        enlargement=values.parse_enlargement(scale, size),
        recursive=recursive,
        file=None if output is None else values.parse_path(output),
        destination=Destination(
            place=Place.BESIDE if output_dir is None else Place.FOLDER,
            folder=output_dir or "",
            pattern=values.parse_pattern(name).text,
            format=values.parse_format(format_),
            quality=quality,
            existing=existing_from_flags(overwrite=overwrite, skip_existing=skip_existing),
        ),
        strip=strip,
        settings=Settings(
            prompt=prompt,
            negative=negative,
            preset=parse_choice(Preset, preset, "--preset"),
            creativity=creativity,
            structure=structure,
            steps=steps,
            guidance=guidance,
            guided_sigmas=values.parse_interval(guidance_interval),
            seed=seed,
            attention=parse_choice(Attention, attention, "--attention"),
            latent_frequency_mixing=not no_lfm,
            structure_guidance=not no_sg,
            jitter=not no_jitter,
            source_lock=not no_source_lock,
            method=parse_choice(Method, method, "--method"),
        ),
        model=ModelChoice(
            name=model,
            device=values.check_device(device),
            loras=tuple(values.parse_lora(text) for text in lora or ()),
            text_encoders_from=text_encoders_from,
        ),
        max_memory_bytes=None if max_memory is None else values.gib_to_bytes(max_memory),
        dry_run=dry_run,
        fail_fast=fail_fast,
    )

    def act(interrupts: Interrupts) -> int:
        from scalediff_engine.cli.batch import run_upscale
        from scalediff_engine.cli.report import Reporting

        return run_upscale(request, interrupts, Reporting(json, quiet, print0, output != "-"))

    return act


@app.command(cls=Command)
def generate(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What the picture shows.")],
    size: Annotated[
        str,
        typer.Option(
            metavar="WxH",
            help="Its size in pixels, any size at all.",
            rich_help_panel=options.PICTURE,
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The result's file; - is standard output.",
            rich_help_panel=options.INPUT_AND_OUTPUT,
        ),
    ],
    format_: options.FormatName = None,
    quality: options.Quality = None,
    strip: options.Strip = False,
    overwrite: options.Overwrite = False,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Do nothing if the result exists.",
            rich_help_panel=options.INPUT_AND_OUTPUT,
        ),
    ] = False,
    negative: options.Negative = "",
    preset: options.PresetName = "balanced",
    base_steps: options.BaseSteps = None,
    steps: options.Steps = None,
    guidance: options.Guidance = None,
    creativity: options.Creativity = None,
    structure: options.Structure = 1.0,
    seed: options.Seed = 0,
    model: options.ModelName = "",
    lora: options.Lora = None,
    text_encoders_from: options.TextEncodersFrom = None,
    device: options.DeviceName = "auto",
    max_memory: options.MaxMemory = None,
    guidance_interval: options.GuidanceInterval = None,
    attention: options.AttentionKind = "npa",
    no_lfm: options.NoLfm = False,
    no_sg: options.NoSg = False,
    no_jitter: options.NoJitter = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
    print0: options.Print0 = False,
    quiet: options.Quiet = False,
) -> Action:
    """Make a new picture from words, as large as you like.

    It is made at the size that the model knows and then enlarged in stages, as `upscale` does it.
    The model that comes with the program only enlarges: --model takes a
    larger one of yours; `scalediff models` lists which run.
    """
    from scalediff_engine.batch.naming import Destination
    from scalediff_engine.cli import values
    from scalediff_engine.cli.request import (
        GenerateRequest,
        existing_from_flags,
    )
    from scalediff_engine.planning.settings import Attention, Preset, Settings
    from scalediff_engine.planning.settings_parsing import ModelChoice, parse_choice

    request = GenerateRequest(
        size=values.parse_size(size),
        file=values.parse_path(output),
        destination=Destination(
            format=values.parse_format(format_),
            quality=quality,
            existing=existing_from_flags(overwrite=overwrite, skip_existing=skip_existing),
        ),
        strip=strip,
        settings=Settings(
            prompt=prompt,
            negative=negative,
            preset=parse_choice(Preset, preset, "--preset"),
            creativity=creativity,
            structure=structure,
            steps=steps,
            base_steps=base_steps,
            guidance=guidance,
            guided_sigmas=values.parse_interval(guidance_interval),
            seed=seed,
            attention=parse_choice(Attention, attention, "--attention"),
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
        from scalediff_engine.cli.batch import run_generate
        from scalediff_engine.cli.report import Reporting

        return run_generate(request, interrupts, Reporting(json, quiet, print0, output != "-"))

    return act


@app.command(cls=Command)
def info(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A picture.")],
    json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> Action:
    """Say what a picture file holds, and how it was made if it is a result."""

    def act(_: Interrupts) -> int:
        from scalediff_engine.cli.info import show_info

        return show_info(Path(file), json=json)

    return act


@app.command(cls=Command)
def models(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="A file, a folder, or a Hugging Face repo id."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> Action:
    """List the models that --model takes and those on this machine, or say what one is."""

    def act(_: Interrupts) -> int:
        if model is None:
            from scalediff_engine.cli.model_report import show_models

            return show_models(json=json)
        from scalediff_engine.cli.model_report import show_model

        return show_model(model, json=json)

    return act


app.add_typer(bench_app, name="bench")
app.add_typer(plugins_app, name="plugins")


@app.command(cls=Command)
def serve(
    port: Annotated[int, typer.Option(metavar="N", help="On 127.0.0.1; 0 = one that is free.")] = 0,
    idle_minutes: Annotated[
        float, typer.Option(metavar="N", help="Ends when idle for so long; 0 = never.")
    ] = 30.0,
    home: options.Home = None,
    log_level: Annotated[
        str,
        typer.Option(
            metavar="LEVEL",
            help="debug, info, warning or error.",
            autocompletion=lambda: list(options.LOG_LEVELS),
        ),
    ] = "info",
) -> Action:
    """Run the engine that editors and dialogs talk to; they also start it by themselves.

    It listens on this computer alone, and only to programs of this user.

    Exit codes: 0 it was told to end, or had nothing to do; 8 it cannot run here; 9 there is one
    already.
    """

    def act(_: Interrupts) -> int:
        from scalediff_engine.cli.serve import run_serve

        return run_serve(port, idle_minutes, home, log_level)

    return act


app.command(cls=Command)(dialog)


@app.command(cls=Command)
def doctor(
    bundle: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Pack logs and facts for a report into this zip file."),
    ] = None,
    home: options.Home = None,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="Repair broken plug-ins, and tell editors what starts the engine.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> Action:
    """Say how things stand: device, memory, engine, models, plug-ins, folders.

    A bundle holds logs, versions, the device and the jobs' settings; it leaves out prompts, titles,
    names of people and computers, and the folders that they live in.

    Exit codes: 0 all is well; 7 the bundle or a plug-in cannot be written; 8 something is wrong
    with the engine.
    """

    def act(_: Interrupts) -> int:
        from scalediff_engine.cli.doctor import run_doctor

        return run_doctor(bundle, home, fix=fix, json=json)

    return act
