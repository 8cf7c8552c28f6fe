from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scalediff_engine.cli.doctor import run_doctor
from scalediff_engine.client.messages import JobInfo, JobState, Priority, UpscaleSettings
from scalediff_engine.client.places import EngineRecord, Places, write_command, write_engine
from scalediff_engine.jobs.database import JobStore
from scalediff_engine.jobs.record import Record
from scalediff_engine.server.dialog import own_command


def a_job() -> Record:
    settings = UpscaleSettings(prompt="the face of my neighbour", steps=17)
    info = JobInfo(
        "a" * 32, JobState.FAILED, settings, "b" * 32, 1, 2, 3, 4, Priority.EDITOR,
        "holiday in Rome", True, 1.0, 2.0, 1,
    )  # fmt: skip
    return Record(info, 1)


def test_it_says_how_things_stand_in_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_doctor(None, str(tmp_path / "not there yet"), json=False) == 0
    said = capsys.readouterr().out
    for word in ("device", "GiB free", "not running", "scalediff serve"):
        assert word in said
    assert not (tmp_path / "not there yet").exists()  # looking changes nothing


def test_it_names_itself_as_what_starts_the_engine_until_another_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_doctor(None, str(tmp_path), json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["command"], said["is_command_known"]) == (own_command(), False)
    write_command(Places(tmp_path), [sys.executable, "-m", "installed"])
    run_doctor(None, str(tmp_path), json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["command"], said["is_command_known"]) == (
        [sys.executable, "-m", "installed"],
        True,
    )


def test_a_folders_name_cannot_break_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_doctor(None, str(tmp_path / "a\x1b[2J\nb"), json=False)
    assert r"a\x1b[2J\nb" in capsys.readouterr().out


def test_it_says_so_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_doctor(None, str(tmp_path), json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["event"] == "doctor"
    assert said["is_well"] is True
    assert said["free_bytes"] > 0


def test_an_engine_that_does_not_answer_is_told_and_is_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = Places(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as alive:
        write_engine(
            places,
            EngineRecord(
                pid=alive.pid, port=1, token="t" * 40, protocol=1, version="0", started_at=0.0
            ),
        )
        assert run_doctor(None, str(tmp_path), json=False) == 8
        assert alive.stdin is not None
        alive.stdin.close()
    assert "engine" in capsys.readouterr().out


def test_a_bundle_without_an_engine_has_the_jobs_but_nothing_personal(tmp_path: Path) -> None:
    places = Places(tmp_path / "home")
    store = JobStore(places.data / "jobs.sqlite")
    store.put(a_job())
    store.close()
    places.log.mkdir(parents=True)
    (places.log / "engine.log").write_text(
        "at work on holiday in Rome\narguments: ['upscale', '--prompt', 'x']\n"
    )
    file = tmp_path / "bundle.zip"
    assert run_doctor(str(file), str(places.home), json=False) == 0
    with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as archive:
        everything = "\n".join(archive.read(name).decode() for name in archive.namelist())
    assert '"steps": 17' in everything
    for secret in ("neighbour", "Rome", "--prompt"):
        assert secret not in everything


def test_a_job_that_is_not_there_is_no_reason_to_make_a_store(tmp_path: Path) -> None:
    run_doctor(str(tmp_path / "bundle.zip"), str(tmp_path / "home"), json=False)
    assert not (tmp_path / "home" / "data").exists()


def test_a_list_of_jobs_that_was_set_aside_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Places(tmp_path).data
    run_doctor(None, str(tmp_path), json=False)
    assert "set aside" not in capsys.readouterr().out
    data.mkdir()
    (data / "jobs.sqlite").write_bytes(b"no database" * 100)
    JobStore(data / "jobs.sqlite").close()
    run_doctor(None, str(tmp_path), json=False)
    said = capsys.readouterr().out
    assert "set aside" in said
    assert "jobs.sqlite.damaged-" in said
