"""``scalediff bench ...``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from scalediff_engine.cli.command import CONTEXT_SETTINGS, Command
from scalediff_engine.cli.interrupt import Action, Interrupts

bench_app = typer.Typer(
    help="Measure this machine.", rich_markup_mode=None, context_settings=CONTEXT_SETTINGS
)


@bench_app.callback()
def bench() -> None:
    """Measure this machine."""


@bench_app.command(cls=Command)
def speed(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A family's name, a file or a folder.")
    ],
    random_weights: Annotated[
        bool,
        typer.Option(
            "--random-weights", help="A family at full size with random weights: as fast, no files."
        ),
    ] = False,
    sizes: Annotated[
        str, typer.Option(metavar="N,N", help="Sides of the pictures for single steps.")
    ] = "2048,4096",
    attention: Annotated[
        str, typer.Option(metavar="KIND,KIND", help="Kinds of attention to compare.")
    ] = "direct,multidiffusion,npa",
    whole: Annotated[
        str, typer.Option(metavar="N,N", help="Sides of whole upscales; none if empty.")
    ] = "4096",
    few_steps: Annotated[
        bool, typer.Option("--few-steps", help="Whole upscales in four steps without guidance too.")
    ] = False,
    max_memory: Annotated[
        str, typer.Option(metavar="GIB,GIB", help="Whole upscales within these limits too.")
    ] = "",
    repeats: Annotated[int, typer.Option(metavar="N", help="Measured steps each.")] = 5,
    no_compile: Annotated[
        bool, typer.Option("--no-compile", help="Nothing compiled, and no warm-up.")
    ] = False,
    device: Annotated[str, typer.Option(metavar="NAME", help="See `scalediff upscale`.")] = "auto",
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="JSON with everything.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> Action:
    """Measure direct attention, MultiDiffusion and this program's attention side by side."""

    def act(_: Interrupts) -> int:
        from scalediff_engine.bench.speed import Request
        from scalediff_engine.cli import bench as measuring

        request = Request(
            model,
            random_weights=random_weights,
            sizes=measuring.sides(sizes),
            kinds=measuring.kinds(attention),
            device=device,
            repeats=max(1, repeats),
            compiles=not no_compile,
            whole=measuring.sides(whole),
            few_steps=few_steps,
            limits_gib=measuring.limits(max_memory),
        )
        return measuring.run_bench_speed(request, output, as_json=json)

    return act
