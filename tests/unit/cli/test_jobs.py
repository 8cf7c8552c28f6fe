from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_fakes import FACTS, FakePipes, touch

from scalediff_engine.base.errors import (
    NotEnoughMemory,
    OutputError,
    OutputExists,
    UnreadablePicture,
    UsageError,
)
from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.naming import Destination, Place
from scalediff_engine.cli import logs, outputs
from scalediff_engine.cli.events import Job
from scalediff_engine.cli.jobs import Worklist, make_worklist
from scalediff_engine.cli.report_text import skip_sentence
from scalediff_engine.cli.request import Enlargement, UpscaleRequest
from scalediff_engine.client.batches import Existing
from scalediff_engine.families.sdxl.spec import SDXL
from scalediff_engine.images.formats import Format, Probe
from scalediff_engine.memory.device_info import Device
from scalediff_engine.memory.plan import MemoryBudget
from scalediff_engine.planning.notes import FEW_BITS_NOTE
from scalediff_engine.planning.planner import Resources
from scalediff_engine.spec.footprint import GIB

PLENTY = Resources(8 * GIB, "this machine", lambda cost: cost.gflop / 100)


def plan(*inputs: Path, pipes: FakePipes | None = None, **destination: Any) -> Worklist:
    recursive = destination.pop("recursive", False)
    machine = destination.pop("machine", PLENTY)
    enlargement = destination.pop("enlargement", Enlargement())
    file = destination.pop("file", None)
    if "folder" in destination:
        destination.update(place=Place.FOLDER, folder=str(destination["folder"]))
    destination.setdefault("existing", Existing.KEEP)
    chosen = Destination(**destination)
    request = UpscaleRequest(inputs, enlargement, recursive, file=file, destination=chosen)
    return make_worklist(request, FACTS, pipes or FakePipes(), machine)


def test_a_result_goes_beside_its_input_in_the_same_format(tmp_path: Path) -> None:
    touch(tmp_path, ["a.PNG", "b.jpg", "c.bmp"])
    worklist = plan(tmp_path / "a.PNG", tmp_path / "b.jpg", tmp_path / "c.bmp")
    outputs = [job.output.relative_to(tmp_path).as_posix() for job in worklist.jobs]
    assert outputs == ["a_x4.PNG", "b_x4.jpg", "c_x4.png"]


def test_an_output_folder_mirrors_the_tree(tmp_path: Path) -> None:
    touch(tmp_path, ["in/a.png", "in/one/a.png", "in/one/two/a.png"])
    worklist = plan(tmp_path / "in", folder=tmp_path / "out", recursive=True)
    outputs = [job.output.relative_to(tmp_path / "out").as_posix() for job in worklist.jobs]
    assert outputs == ["a_x4.png", "one/a_x4.png", "one/two/a_x4.png"]


def test_two_inputs_for_one_output_are_refused_and_the_others_are_done(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png", "a.jpg", "c.png"])
    worklist = plan(tmp_path, format=Format.PNG)
    assert [job.source.name for job in worklist.jobs] == ["c.png"]
    assert [failure.path.name for failure in worklist.failures] == ["a.jpg", "a.png"]
    message = str(worklist.failures[0].error)
    assert re.search(r"a\.jpg and .*a\.png would both become .*a_x4\.png", message)
    assert "'{stem}_{ext}_x{scale}'" in message
    touch(tmp_path, ["one/b.png", "two/b.png"])
    worklist = plan(tmp_path / "one", tmp_path / "two", folder=tmp_path / "out")
    assert not worklist.jobs
    assert all("different --output-dir" in str(found.error) for found in worklist.failures)


def test_the_extension_in_the_name_keeps_two_inputs_apart(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png", "a.jpg"])
    worklist = plan(tmp_path, format=Format.PNG, pattern="{stem}_{ext}_x{scale}")
    assert [job.output.name for job in worklist.jobs] == ["a_jpg_x4.png", "a_png_x4.png"]


def test_a_result_never_replaces_its_source_or_another_input(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png", "a_x4.png"])
    worklist = plan(tmp_path / "a.png", pattern="{stem}", existing=Existing.REPLACE)
    assert "its own source" in str(worklist.failures[0].error)
    worklist = plan(tmp_path / "a.png", tmp_path / "a_x4.png", existing=Existing.REPLACE)
    assert "would replace the input" in str(worklist.failures[0].error)
    assert [job.source.name for job in worklist.jobs] == ["a_x4.png"]


def test_existing_results_are_refused_skipped_or_replaced(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png", "a_x4.png"])
    refused = plan(tmp_path / "a.png")
    assert isinstance(refused.failures[0].error, OutputExists)
    skipped = plan(tmp_path / "a.png", existing=Existing.SKIP)
    assert [(s.path.name, s.reason) for s in skipped.skipped] == [("a.png", "output-exists")]
    assert len(plan(tmp_path / "a.png", existing=Existing.REPLACE).jobs) == 1


def test_pictures_in_formats_that_are_not_read_are_counted_and_named(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png", "b.heic", "c.jxl", "notes.txt"])
    worklist = plan(tmp_path)
    assert [job.source.name for job in worklist.jobs] == ["a.png"]
    assert [(s.path.name, s.reason) for s in worklist.skipped] == [
        ("b.heic", "unsupported-format"),
        ("c.jxl", "unsupported-format"),
    ]
    assert worklist.total == 3
    sentence = skip_sentence(worklist.skipped[1])
    assert "c.jxl skipped: JPEG XL files are not supported" in sentence


def test_results_of_an_earlier_run_are_known_by_name_and_recipe(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png", "a_x4.png", "b_x4.png", "made.png"])
    pipes = FakePipes(recipes={"a_x4.png", "made.png"})
    worklist = plan(tmp_path, pipes=pipes, existing=Existing.SKIP)
    reasons = {(s.path.name, s.reason) for s in worklist.skipped}
    assert reasons == {("a.png", "output-exists"), ("a_x4.png", "own-result")}
    assert [job.source.name for job in worklist.jobs] == ["b_x4.png", "made.png"]
    # the first look is for a recipe, only in what is named like a result
    assert pipes.probed[:2] == ["a_x4.png", "b_x4.png"]
    assert sorted(pipes.probed[2:]) == ["a.png", "b_x4.png", "made.png"]


@pytest.mark.parametrize("existing", [Existing.SKIP, Existing.REPLACE])
def test_results_that_a_wildcard_names_are_known_by_recipe_and_source(
    tmp_path: Path, existing: Existing
) -> None:
    names = ["a.png", "a_x2.png", "a_x2_x2.png", "b_x2.png"]
    touch(tmp_path, names)
    pipes = FakePipes(recipes={"a_x2.png", "a_x2_x2.png", "b_x2.png"})
    worklist = plan(*(tmp_path / name for name in names), pipes=pipes, existing=existing)
    assert [(s.path.name, s.reason) for s in worklist.skipped] == [
        ("a_x2.png", "own-result"),
        ("a_x2_x2.png", "own-result"),
    ]
    assert [job.source.name for job in worklist.jobs] == ["a.png", "b_x2.png"]


def test_a_result_without_a_recipe_is_known_by_its_source_when_results_are_skipped(
    tmp_path: Path,
) -> None:
    touch(tmp_path, ["a.png", "a_x2.png", "b_x2.png"])
    two = Enlargement(scale=2)
    inputs = [tmp_path / name for name in ("a.png", "a_x2.png", "b_x2.png")]
    worklist = plan(*inputs, enlargement=two, existing=Existing.SKIP)
    reasons = {(s.path.name, s.reason) for s in worklist.skipped}
    assert reasons == {("a.png", "output-exists"), ("a_x2.png", "own-result")}
    assert [job.source.name for job in worklist.jobs] == ["b_x2.png"]


def test_results_are_known_in_the_folder_that_they_go_to(tmp_path: Path) -> None:
    touch(tmp_path, ["in/a.png", "out/a_x2.png"])
    pipes = FakePipes(recipes={"a_x2.png"})
    inputs = (tmp_path / "in" / "a.png", tmp_path / "out" / "a_x2.png")
    worklist = plan(*inputs, pipes=pipes, folder=tmp_path / "out")
    assert [s.path.name for s in worklist.skipped] == ["a_x2.png"]


@pytest.mark.parametrize(
    ("existing", "note"),
    [
        (Existing.KEEP, "without --overwrite or --skip-existing, this fails"),
        (Existing.REPLACE, "would be replaced"),
    ],
)
def test_a_dry_run_says_what_becomes_of_existing_results_and_refuses_nothing(
    tmp_path: Path, existing: Existing, note: str
) -> None:
    touch(tmp_path, ["a.png", "a_x4.png", "b.png"])
    inputs = (tmp_path / "a.png", tmp_path / "b.png")
    destination = Destination(existing=existing)
    request = UpscaleRequest(inputs, destination=destination, dry_run=True)
    worklist = make_worklist(request, FACTS, FakePipes(), PLENTY)
    assert not worklist.failures
    notes = {job.source.name: job.notes for job in worklist.jobs if job.source}
    assert notes["b.png"] == ()
    assert len(notes["a.png"]) == 1
    assert note in notes["a.png"][0]


def test_results_that_need_more_than_the_free_space_are_noted_for_each_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, ["a.png", "b.jpg", "c.png"])
    pipes = FakePipes({name: Size(20_000, 10_000) for name in ("a.png", "b.jpg", "c.png")})
    machine = replace(PLENTY, available_bytes=10**15)
    once = Enlargement(scale=1)
    jobs = plan(tmp_path, pipes=pipes, machine=machine, enlargement=once).jobs
    monkeypatch.setattr(outputs, "disk_of", lambda path: path.name == "c_x1.png")
    needed = 200_000_000 * (1.6 + 0.4)
    monkeypatch.setattr(outputs, "free_bytes", lambda _: needed - 1)
    assert outputs.room_notes(jobs) == (
        f"The results need about 381.5 MiB, and the disk with {tmp_path} has 381.5 MiB free.",
    )
    monkeypatch.setattr(outputs, "free_bytes", lambda _: needed)
    assert outputs.room_notes(jobs) == ()


def test_a_result_that_is_named_itself_is_upscaled_further(tmp_path: Path) -> None:
    touch(tmp_path, ["a_x4.png"])
    worklist = plan(tmp_path / "a_x4.png", pipes=FakePipes(recipes={"a_x4.png"}))
    assert [job.output.name for job in worklist.jobs] == ["a_x4_x4.png"]


def test_one_bad_file_leaves_the_others(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png", "b.png"])
    pipes = FakePipes({"a.png": UnreadablePicture("a.png is empty.")})
    worklist = plan(tmp_path, pipes=pipes)
    assert [failure.error.code for failure in worklist.failures] == ["picture-unreadable"]
    assert [job.source.name for job in worklist.jobs] == ["b.png"]


def test_work_that_does_not_fit_is_refused_with_a_size_that_would(tmp_path: Path) -> None:
    touch(tmp_path, ["small.png", "large.png"])
    pipes = FakePipes({"large.png": Size(1000, 1000)})
    machine = replace(PLENTY, available_bytes=2 * GIB, limited_by="--max-memory")
    worklist = plan(tmp_path, pipes=pipes, machine=machine)
    assert [job.source.name for job in worklist.jobs] == ["small.png"]
    [failure] = worklist.failures
    assert isinstance(failure.error, NotEnoughMemory)
    assert "--max-memory has 2.0 GiB" in str(failure.error)
    assert "would fit" in str(failure.error)


def test_a_plan_carries_an_estimate_of_its_time(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png"])
    [job] = plan(tmp_path).jobs
    assert job.seconds == pytest.approx(job.plan.cost.gflop / 100)


def test_one_output_file_for_a_folder_of_several_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, ["in/a.png", "in/b.png"])
    with pytest.raises(UsageError, match="2 pictures"):
        plan(tmp_path / "in", file=tmp_path / "c.png")


@pytest.mark.parametrize(
    ("file", "form", "words"),
    [
        ("c.psd", None, "unknown file type"),
        ("c", None, "unknown file type"),
        ("c.png", Format.JPEG, "is png, but --format says jpeg"),
    ],
)
def test_the_format_of_the_output_must_be_clear(
    tmp_path: Path, file: str, form: Format | None, words: str
) -> None:
    touch(tmp_path, ["a.png"])
    [failure] = plan(tmp_path / "a.png", file=tmp_path / file, format=form).failures
    assert isinstance(failure.error, UsageError)
    assert words in str(failure.error)


def test_a_format_that_cannot_hold_the_size_is_refused_before_the_work(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png"])
    pipes = FakePipes({"a.png": Size(5000, 10)})
    [failure] = plan(tmp_path / "a.png", pipes=pipes, format=Format.WEBP).failures
    assert isinstance(failure.error, OutputError)


def test_an_output_folder_that_is_a_file_is_refused_before_the_work(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png", "out"])
    for folder in (tmp_path / "out", tmp_path / "out" / "deeper"):
        [failure] = plan(tmp_path / "a.png", folder=folder).failures
        assert isinstance(failure.error, OutputError)
        assert "is not a folder" in str(failure.error)


def test_an_output_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png", "out.png/x"])
    [failure] = plan(tmp_path / "a.png", file=tmp_path / "out.png").failures
    assert isinstance(failure.error, OutputError)


def test_planning_writes_nothing(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png"])
    plan(tmp_path / "a.png", folder=tmp_path / "out" / "deep")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_damaged_file_that_is_named_like_a_result_is_one_bad_file(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png", "b_x4.png"])
    damaged = UnreadablePicture("b_x4.png is truncated.")
    pipes = FakePipes({"b_x4.png": damaged})
    worklist = plan(tmp_path, pipes=pipes)
    assert [failure.error for failure in worklist.failures] == [damaged]
    assert [job.source.name for job in worklist.jobs] == ["a.png"]


def test_a_defect_while_planning_costs_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "write_crash", lambda *_: tmp_path / "log")
    touch(tmp_path, ["a.png", "b.png"])
    pipes = FakePipes()
    real = pipes.probe

    def probe(path: Path) -> Probe:
        if path.name == "a.png":
            raise ZeroDivisionError
        return real(path)

    pipes.probe = probe  # type: ignore[method-assign]
    worklist = plan(tmp_path, pipes=pipes)
    assert [failure.error.exit_code for failure in worklist.failures] == [1]
    assert [job.source.name for job in worklist.jobs] == ["b.png"]


CARD = Device("Some Card", 24 * GIB, 60 * GIB, 50_000.0, compiles=True)


def large_plans(folder: Path, sizes: dict[str, Size], device: Device) -> list[Job]:
    touch(folder, list(sizes))
    machine = Resources(24 * GIB, "Some Card", lambda _: 1.0, MemoryBudget(device))
    request = UpscaleRequest((folder,), enlargement=Enlargement(scale=2))
    return make_worklist(request, SDXL, FakePipes(dict(sizes)), machine).jobs


def test_pictures_of_one_size_share_what_compiling_costs(tmp_path: Path) -> None:
    alike = {f"{number}.png": Size(1024, 1024) for number in range(40)}
    assert all(job.plan.compiled for job in large_plans(tmp_path / "alike", alike, CARD))
    unlike = {f"{n}.png": Size(1024 + 64 * n, 1024) for n in range(3)}
    assert not any(job.plan.compiled for job in large_plans(tmp_path / "unlike", unlike, CARD))


def test_where_one_picture_needs_8_bit_weights_all_of_the_run_have_them(tmp_path: Path) -> None:
    sizes = {"small.png": Size(512, 512), "large.png": Size(2048, 2048)}
    device = replace(CARD, free_bytes=7 * GIB, host_bytes=GIB)
    jobs = {job.source.name: job for job in large_plans(tmp_path, sizes, device) if job.source}
    bits = {name: {plan.weight_bits for plan in job.plan.memory} for name, job in jobs.items()}
    assert bits == {"small.png": {8}, "large.png": {8}}
    assert all(FEW_BITS_NOTE in job.notes for job in jobs.values())
    alone = large_plans(tmp_path / "alone", {"small.png": Size(512, 512)}, device)
    assert {plan.weight_bits for plan in alone[0].plan.memory} == {16}
