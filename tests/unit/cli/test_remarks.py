"""Options of the command line that have no effect, and how often this is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_fakes import FACTS
from typer.main import get_command

from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.naming import Destination
from scalediff_engine.cli.app import app
from scalediff_engine.cli.events import Job
from scalediff_engine.cli.remarks import with_notes
from scalediff_engine.cli.report import Reporting
from scalediff_engine.cli.request import UpscaleRequest
from scalediff_engine.planning.notes import SETTINGS
from scalediff_engine.planning.plan import plan_upscale
from scalediff_engine.planning.settings import Settings

PLAN = plan_upscale(Size(64, 48), Size(256, 192), FACTS, Settings())
JOB = Job(Path("a.png"), Path("a_x4.png"), PLAN, 1.0)
NO_SG = Settings(structure=0.5, structure_guidance=False)


def notes(
    destination: Destination | None = None,
    output: str = "a_x4.png",
    reporting: Reporting = Reporting(),  # noqa: B008 - a constant
    **request: Any,
) -> tuple[str, ...]:
    made = UpscaleRequest((Path("a.png"),), destination=destination or Destination(), **request)
    (job,) = with_notes([replace(JOB, output=Path(output))], made, FACTS, reporting)
    return job.notes


def test_an_option_without_effect_is_told_once_a_run() -> None:
    request = UpscaleRequest((Path("a.png"), Path("b.png")), settings=NO_SG)
    first, second = with_notes([JOB, replace(JOB, notes=("Own.",))], request, FACTS, Reporting())
    assert first.notes == ("--structure has no effect with --no-sg.",)
    assert second.notes == ("Own.",)


@pytest.mark.parametrize("ending", ["png", "tif", "jpg", "webp"])
def test_quality_is_for_formats_that_have_one(ending: str) -> None:
    found = notes(Destination(quality=80), f"a_x4.{ending}")
    assert len(found) == (ending in ("png", "tif"))
    assert all(note.startswith("--quality has no effect: ") for note in found)
    assert notes(Destination(), f"a_x4.{ending}") == ()


def test_a_pattern_for_names_is_for_results_without_one() -> None:
    named = Destination(pattern="{stem}-big")
    (note,) = notes(named, file=Path("b.png"))
    assert note.startswith("--name has no effect with --output")
    assert notes(named) == notes(file=Path("b.png")) == ()


def test_subfolders_need_a_folder(tmp_path: Path) -> None:
    assert notes(recursive=True) == ("--recursive has no effect: no folder was named.",)
    request = UpscaleRequest((tmp_path,), recursive=True)
    assert with_notes([JOB], request, FACTS, Reporting())[0].notes == ()


def test_json_has_paths_of_its_own() -> None:
    (note,) = notes(reporting=Reporting(json=True, print0=True))
    assert note.startswith("--print0 has no effect with --json")
    assert notes(reporting=Reporting(json=True)) == notes(reporting=Reporting(print0=True)) == ()


def test_every_option_is_known_to_have_an_effect_always_or_is_in_a_table() -> None:
    group: Any = get_command(app)
    always = {
        *("--output", "--output-dir", "--format", "--strip", "--overwrite", "--skip-existing"),
        *("--fail-fast", "--scale", "--size", "--method", "--max-memory", "--base-steps"),
        *("--dry-run", "--json", "--quiet", "--verbose", "--log-file", "--config", "--no-config"),
    }
    here = {"--quality", "--name", "--recursive", "--print0"}
    known = always | here | {setting.option for setting in SETTINGS}
    options = {
        max(param.opts, key=len)
        for name in ("upscale", "generate")
        for param in group.commands[name].params
        if param.param_type_name == "option"
    }
    assert options == known
