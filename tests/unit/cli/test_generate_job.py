from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scalediff_engine.base.errors import NotEnoughMemory, OutputError, OutputExists, UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.naming import Destination
from scalediff_engine.cli.jobs import Worklist, make_generate_worklist
from scalediff_engine.cli.request import GenerateRequest
from scalediff_engine.client.batches import Existing
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.families.sdxl.spec import SDXL
from scalediff_engine.images.formats import Format
from scalediff_engine.planning.planner import Resources
from scalediff_engine.planning.settings import Settings
from scalediff_engine.planning.settings_parsing import ModelChoice
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.spec.footprint import GIB

TREE = Settings(prompt="a tree")
PLENTY = Resources(1000 * GIB, "this machine", lambda _: 12.0)


def plan(
    file: Path,
    size: Size = Size(2048, 2048),  # noqa: B008 - a plain value
    *,
    facts: FamilyFacts = SDXL,
    settings: Settings = TREE,
    machine: Resources = PLENTY,
    dry_run: bool = False,
    **destination: Any,
) -> Worklist:
    request = GenerateRequest(
        size,
        file=file,
        destination=Destination(**{"existing": Existing.KEEP, **destination}),
        settings=settings,
        model=ModelChoice("some model"),
        dry_run=dry_run,
    )
    return make_generate_worklist(request, facts, machine)


def test_a_new_picture_is_one_job_without_a_source(tmp_path: Path) -> None:
    [job] = plan(tmp_path / "a.png").jobs
    assert (job.source, job.output, job.subject) == (None, *(tmp_path / "a.png",) * 2)
    assert job.plan.from_noise
    assert (job.seconds, job.notes) == (12.0, ())
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_is_there_is_refused_skipped_or_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(OutputExists, match="--overwrite"):
        plan(tmp_path / "a.png")
    skipped = plan(tmp_path / "a.png", existing=Existing.SKIP)
    assert [(s.path, s.output) for s in skipped.skipped] == [(None, tmp_path / "a.png")]
    assert skipped.jobs == []
    assert len(plan(tmp_path / "a.png", existing=Existing.REPLACE).jobs) == 1
    [job] = plan(tmp_path / "a.png", dry_run=True).jobs
    assert any("already exists" in note for note in job.notes)


@pytest.mark.parametrize(
    ("file", "form", "words"),
    [
        ("a.psd", None, "unknown file type"),
        ("a", None, "unknown file type"),
        ("a.png", Format.TIFF, "is png, but --format says tiff"),
    ],
)
def test_the_file_says_its_format(
    tmp_path: Path, file: str, form: Format | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        plan(tmp_path / file, format=form)


def test_a_format_that_cannot_hold_the_size_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        plan(tmp_path / "a.webp", Size(20_000, 4000))


def test_what_does_not_fit_is_refused_with_a_size_that_would(tmp_path: Path) -> None:
    facts = replace(SDXL, footprint=replace(SDXL.footprint, base_bytes=GIB, bytes_per_pixel=1000))
    small = replace(PLENTY, available_bytes=3 * GIB, limited_by="--max-memory")
    with pytest.raises(NotEnoughMemory, match=r"--max-memory has 3.0 GiB to use. \d+x\d+ would"):
        plan(tmp_path / "a.png", Size(4096, 4096), facts=facts, machine=small)


def test_the_shipped_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot make new ones"):
        plan(tmp_path / "a.png", facts=EMBEDDED)


def test_a_model_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Say --model.*\.safetensors"):
        GenerateRequest(Size(8, 8), file=tmp_path / "a.png", model=ModelChoice(""))


def test_a_picture_too_small_for_the_model_is_remarked_on(tmp_path: Path) -> None:
    [job] = plan(tmp_path / "a.png", Size(160, 128)).jobs
    assert job.notes == (
        "Stable Diffusion XL knows pictures of about 1024x1024; at 160x128 it makes poor ones.",
    )
