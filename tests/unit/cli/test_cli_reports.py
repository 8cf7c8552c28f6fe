from __future__ import annotations

import json
import logging
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cli_fakes import FACTS, progress

from scalediff_engine.base.errors import InputMissing
from scalediff_engine.base.geometry import Size
from scalediff_engine.cli.batch import plan_table
from scalediff_engine.cli.events import (
    Advanced,
    Event,
    Failed,
    Failure,
    Finished,
    Job,
    Loading,
    Note,
    Numbered,
    Planned,
    Skipped,
    Summary,
)
from scalediff_engine.cli.report import Reporting, make_reporter
from scalediff_engine.cli.report_json import JsonReporter, json_line, json_object
from scalediff_engine.cli.report_text import BarReporter, PlainReporter, stage_words
from scalediff_engine.planning.plan import plan_upscale
from scalediff_engine.planning.plan_generate import plan_generate
from scalediff_engine.planning.progress import Phase
from scalediff_engine.planning.settings import Settings
from scalediff_engine.spec.family import StageDefaults

MAKING = replace(FACTS, base=StageDefaults(999, 9, 2.0))
PLAN = plan_upscale(Size(64, 48), Size(256, 192), FACTS, Settings())
JOB = Job(Path("in/a.png"), Path("in/a_x4.png"), PLAN, 12.34567)
WORK = Numbered(JOB, 2, 3)
STAGE = {
    "from_noise": False,
    "t_start": 100,
    "steps": 4,
    "guidance": 2.0,
    "guided_sigmas": [0.0, None],
}
MISSING = Failure(Path("b.png"), InputMissing("There is no file b.png."))


def test_each_event_is_an_object_with_stable_fields() -> None:
    assert json_object(Planned(WORK, "toy", "auto")) == {
        "event": "plan",
        "file": 2,
        "files": 3,
        "input": "in/a.png",
        "output": "in/a_x4.png",
        "source": [64, 48],
        "target": [256, 192],
        "model": "toy",
        "device": "auto",
        "stages": [
            {"canvas": [128, 96], **STAGE},
            {"canvas": [256, 192], **STAGE},
        ],
        "peak_bytes": PLAN.cost.peak_bytes,
        "gflop": round(PLAN.cost.gflop, 3),
        "seconds": 12.346,
        "notes": [],
    }
    assert json_object(Note("Full.")) == {"event": "note", "message": "Full."}
    assert json_object(Loading("Toy")) == {"event": "loading", "model": "Toy"}
    assert json_object(Advanced(WORK, progress(1, 3), 4.0, 9.0)) == {
        "event": "progress",
        "file": 2,
        "files": 3,
        "input": "in/a.png",
        "phase": "denoise",
        "stage": 1,
        "stages": 2,
        "step": 1,
        "steps": 3,
        "fraction": 0.3333,
        "seconds_left": 4.0,
        "batch_seconds_left": 9.0,
    }
    assert json_object(Finished(WORK, 11.5, ("Lost.",))) == {
        "event": "result",
        "file": 2,
        "files": 3,
        "input": "in/a.png",
        "output": "in/a_x4.png",
        "size": [256, 192],
        "seconds": 11.5,
        "notes": ["Lost."],
    }
    assert json_object(Skipped(Path("a"), Path("b"), "output-exists")) == {
        "event": "skipped",
        "input": "a",
        "output": "b",
        "reason": "output-exists",
    }
    assert json_object(Failed(MISSING, batch=True)) == {
        "event": "error",
        "input": "b.png",
        "code": "input-missing",
        "message": "There is no file b.png.",
        "exit_code": 3,
    }
    assert json_object(Summary(5, 3, 2, 1, (MISSING,), 1.5, 6)) == {
        "event": "summary",
        "total": 5,
        "planned": 3,
        "done": 2,
        "skipped": 1,
        "failed": 1,
        "not_started": 0,
        "seconds": 1.5,
        "cancelled": False,
        "dry_run": False,
        "exit_code": 6,
    }


def test_a_line_is_ascii_whatever_the_file_is_called() -> None:
    line = json_line(Skipped(Path("Käse\n\udce9"), None, "own-result"))
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["input"] == "Käse\n\udce9"


ODD = Path("in/a\x1b[2J\nb.png")
SHOWN = r"in/a\x1b[2J\nb.png"
ODD_WORK = Numbered(Job(ODD, ODD, PLAN, 12.0, ("Small.",)), 1, 2)
ODD_FAILURE = Failure(ODD, InputMissing(f"There is no file {ODD}."))
ODD_EVENTS = [
    Planned(ODD_WORK, "toy", "cpu"),
    Advanced(ODD_WORK, progress(0, 4), 9.0, 9.0),
    Finished(ODD_WORK, 4.0, ("Lost.",)),
    Skipped(ODD, ODD, "output-exists"),
    Skipped(None, ODD, "output-exists"),
    Note(f"The disk with {ODD} is full."),
    Failed(ODD_FAILURE, batch=True),
    Summary(3, 1, 1, 1, (ODD_FAILURE,), 1.5, 6),
]


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)


@pytest.mark.parametrize("event", ODD_EVENTS, ids=lambda event: type(event).__name__)
def test_a_terminal_never_obeys_the_name_of_a_file(
    event: Event, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_terminal(monkeypatch)
    PlainReporter().tell(event)
    out, err = capsys.readouterr()
    lines = (out + err).splitlines()
    assert all(SHOWN in line for line in lines)
    assert lines
    assert "\x1b" not in out + err
    assert SHOWN in plan_table([ODD_WORK.job])


def test_a_program_gets_the_exact_name(capsys: pytest.CaptureFixture) -> None:
    PlainReporter(quiet=True).tell(Finished(ODD_WORK, 4.0, ()))
    assert capsys.readouterr().out == f"{ODD}\n"
    assert json_object(Finished(ODD_WORK, 4.0, ()))["output"] == str(ODD)
    assert json_object(Failed(ODD_FAILURE, batch=True))["message"] == f"There is no file {ODD}."


@pytest.mark.parametrize("columns", [12, 30, 60, 80, 200])
def test_a_narrow_terminal_keeps_the_percentage(
    columns: int, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    long_name = Path("a picture of a very long name, as cameras and people make them.png")
    work = Numbered(Job(long_name, long_name, PLAN, 9000.0), 12, 345)
    reporter = BarReporter()
    reporter.tell(Advanced(work, progress(45, 100), 5000.0, 90000.0))
    reporter.close()
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err))
    shown = [line for line in lines if line.strip()]
    assert shown
    assert "45 %" in shown[-1]
    assert all(len(line) <= columns for line in shown)


def test_json_errors_are_sentences_on_standard_error_too(capsys: pytest.CaptureFixture) -> None:
    JsonReporter().tell(Failed(MISSING, batch=True))
    out, err = capsys.readouterr()
    assert json.loads(out)["code"] == "input-missing"
    assert err == "scalediff: There is no file b.png.\n"


def tell_a_run(reporter: PlainReporter) -> None:
    for step in range(101):
        reporter.tell(Advanced(WORK, progress(step, 100), 4.0, 9.0))
    reporter.tell(Finished(WORK, 11.5, ("No alpha.",)))
    reporter.tell(Skipped(Path("c.png"), Path("c_x4.png"), "output-exists"))
    reporter.tell(Failed(MISSING, batch=True))
    reporter.tell(Summary(3, 1, 1, 1, (MISSING,), 1.5, 6))


def test_plain_lines_are_few_and_results_alone_go_to_standard_output(
    capsys: pytest.CaptureFixture,
) -> None:
    tell_a_run(PlainReporter())
    out, err = capsys.readouterr()
    assert out == "in/a_x4.png\n"
    lines = err.splitlines()
    assert lines[0] == "2/3 in/a.png: 64x48 to 256x192, about 12 s"
    assert lines[1] == "2/3 stage 1/2, step 10/100, 10%, 4.0 s left"
    assert len(lines) == 1 + 10 + 5
    assert lines[-5:] == [
        "2/3 in/a.png: 12 s",
        "in/a_x4.png: No alpha.",
        "c.png skipped: c_x4.png already exists.",
        "scalediff: There is no file b.png.",
        "scalediff: 1 done, 1 skipped, 1 failed: b.png (input-missing).",
    ]


def test_quiet_leaves_results_and_errors(capsys: pytest.CaptureFixture) -> None:
    tell_a_run(PlainReporter(quiet=True))
    out, err = capsys.readouterr()
    assert out == "in/a_x4.png\n"
    assert err.splitlines() == [
        "scalediff: There is no file b.png.",
        "scalediff: 1 done, 1 skipped, 1 failed: b.png (input-missing).",
    ]


def test_the_paths_of_results_can_end_with_nul_or_stay_away(capsys: pytest.CaptureFixture) -> None:
    tell_a_run(PlainReporter(quiet=True))
    lines = capsys.readouterr().out
    tell_a_run(PlainReporter(quiet=True, path_end="\0"))
    assert capsys.readouterr().out == lines.replace("\n", "\0") != ""
    tell_a_run(PlainReporter(quiet=True, path_end=None))
    assert capsys.readouterr().out == ""


def test_options_choose_how_paths_end(capsys: pytest.CaptureFixture) -> None:
    ends = {Reporting(): "\n", Reporting(print0=True): "\0", Reporting(has_paths=False): None}
    for reporting, end in ends.items():
        tell_a_run(make_reporter(reporting))
        out = capsys.readouterr().out
        assert out.endswith(end) if end else not out


def test_every_event_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "scalediff_engine"):
        tell_a_run(make_reporter(Reporting(quiet=True)))
    kinds = [record.message.split()[0] for record in caplog.records]
    assert {"progress", "result"} <= set(kinds)


def test_a_single_file_needs_no_summary(capsys: pytest.CaptureFixture) -> None:
    PlainReporter().tell(Summary(1, 1, 1, 0, (), 1.5, 0))
    PlainReporter().tell(Summary(1, 1, 0, 0, (MISSING,), 1.5, 3))
    assert capsys.readouterr() == ("", "")


def test_a_full_disk_says_how_many_files_were_not_started(capsys: pytest.CaptureFixture) -> None:
    PlainReporter().tell(Summary(4, 4, 1, 0, (MISSING,), 1.5, 7, not_started=2))
    assert capsys.readouterr().err == (
        "scalediff: 1 done, 1 failed: b.png (input-missing), 2 not started: the disk is full.\n"
    )


def test_an_interrupt_is_one_line(capsys: pytest.CaptureFixture) -> None:
    PlainReporter().tell(Summary(3, 3, 2, 0, (), 1.5, 130, cancelled=True))
    assert capsys.readouterr().err == "scalediff: Cancelled. 2 of 3 files done.\n"


def test_a_failure_in_a_batch_says_which_file(capsys: pytest.CaptureFixture) -> None:
    PlainReporter().tell(Failed(Failure(Path("c.png"), InputMissing("Gone.")), batch=True))
    PlainReporter().tell(Failed(Failure(Path("c.png"), InputMissing("Gone.")), batch=False))
    assert capsys.readouterr().err == "scalediff: c.png: Gone.\nscalediff: Gone.\n"


def test_the_table_has_a_line_for_each_stage_and_a_total() -> None:
    lines = plan_table([JOB, JOB]).splitlines()
    assert lines[0].split() == [
        *("INPUT", "SIZE", "RESULT", "STAGE", "CANVAS", "FROM", "STEPS", "MEMORY", "TIME"),
        "OUTPUT",
    ]
    first = "in/a.png 64x48 256x192 1 128x96 100 4 1.0 GiB 12 s in/a_x4.png"
    assert lines[1].split() == first.split()
    assert lines[2].split() == ["2", "256x192", "100", "4"]
    assert lines[2].index("256x192") == lines[0].index("CANVAS")
    assert lines[5] == "2 pictures, at most 1.0 GiB, about 25 s in all."
    assert len(lines) == 6


def test_a_size_of_other_proportions_is_remarked_on(capsys: pytest.CaptureFixture) -> None:
    plan = plan_upscale(Size(64, 48), Size(192, 192), FACTS, Settings())
    work = Numbered(Job(Path("a.png"), Path("b.png"), plan, 1.0), 1, 1)
    PlainReporter().tell(Planned(work, "toy", "auto"))
    note = "192x192 has other proportions than 64x48: the result is taller by a factor of 1.33."
    assert capsys.readouterr().err == f"a.png: {note}\n"
    assert json_object(Planned(work, "toy", "auto"))["notes"] == [note]


def test_rounding_to_whole_pixels_is_not_remarked_on(capsys: pytest.CaptureFixture) -> None:
    plan = plan_upscale(Size(1001, 667), Size(2000, 1333), FACTS, Settings())
    PlainReporter().tell(Planned(Numbered(Job(Path("a"), Path("b"), plan, 1), 1, 1), "toy", "cpu"))
    assert capsys.readouterr() == ("", "")


def test_quiet_json_leaves_progress_out(capsys: pytest.CaptureFixture) -> None:
    reporter = JsonReporter(quiet=True)
    reporter.tell(Loading("Toy"))
    reporter.tell(Advanced(WORK, progress(1, 3), 4.0, 9.0))
    reporter.tell(Finished(WORK, 11.5, ()))
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == [
        "result"
    ]


def test_a_cancelled_json_run_says_so_on_both_streams(capsys: pytest.CaptureFixture) -> None:
    JsonReporter().tell(Summary(3, 3, 2, 0, (), 1.5, 130, cancelled=True))
    out, err = capsys.readouterr()
    assert json.loads(out)["cancelled"] is True
    assert err == "scalediff: Cancelled. 2 of 3 files done.\n"


def new_picture() -> Numbered:
    plan = plan_generate(Size(256, 192), MAKING, Settings(prompt="a tree"))
    return Numbered(Job(None, Path("tree.png"), plan, 5.0, ("Small.",)), 1, 1)


def test_a_new_picture_has_no_input_and_no_source() -> None:
    planned = json_object(Planned(new_picture(), "toy", "cpu"))
    assert (planned["input"], planned["source"], planned["target"]) == (None, None, [256, 192])
    assert [stage["from_noise"] for stage in planned["stages"]] == [True, False, False]
    assert planned["notes"] == ["Small."]
    finished = json_object(Finished(new_picture(), 2.0, ()))
    assert (finished["input"], finished["output"]) == (None, "tree.png")
    assert json_object(Skipped(None, Path("tree.png"), "output-exists"))["input"] is None


def test_a_new_picture_is_spoken_of_by_its_file(capsys: pytest.CaptureFixture) -> None:
    reporter = PlainReporter()
    work = new_picture()
    reporter.tell(Planned(work, "toy", "cpu"))
    reporter.tell(Advanced(work, progress(0, 4), 5.0, 5.0))
    reporter.tell(Finished(work, 4.0, ("A LoRA.",)))
    reporter.tell(Skipped(None, Path("tree.png"), "output-exists"))
    out, err = capsys.readouterr()
    assert out == "tree.png\n"
    assert err.splitlines() == [
        "tree.png: Small.",
        "1/1 tree.png: a new picture of 256x192, about 5.0 s",
        "1/1 tree.png: 4.0 s",
        "tree.png: A LoRA.",
        "tree.png already exists; nothing was done.",
    ]


def test_the_table_begins_a_new_picture_with_noise() -> None:
    lines = plan_table([new_picture().job]).splitlines()
    first = "- - 256x192 1 64x48 noise 9 1.0 GiB 5.0 s tree.png"
    assert lines[1].split() == first.split()
    assert [line.split()[2] for line in lines[2:]] == ["100", "100"]


def test_warming_up_is_said_for_it_takes_its_time(capsys: pytest.CaptureFixture) -> None:
    warming = replace(progress(0, 4), phase=Phase.WARM_UP)
    reporter = PlainReporter()
    reporter.tell(Advanced(WORK, progress(0, 4), 9.0, 9.0))
    reporter.tell(Advanced(WORK, warming, 9.0, 9.0))
    line = capsys.readouterr().err.splitlines()[1]
    assert line == "2/3 stage 1/2, warming up (the model is compiled for this size)"
    assert json_object(Advanced(WORK, warming, 9.0, 9.0))["phase"] == "warm_up"
    assert stage_words(warming, " ") == "stage 1/2 warming up"
    assert stage_words(progress(1, 4), " ") == "stage 1/2 step 1/4"
