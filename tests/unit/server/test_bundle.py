"""What goes into a report, and what must not."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from scalediff_engine.client.messages import (
    DeviceInfo,
    JobInfo,
    JobState,
    Lora,
    Priority,
    UpscaleSettings,
)
from scalediff_engine.server import bundle
from scalediff_engine.server.bundle import Personal, pack, scrub

ADA = Personal(
    home="/home/ada",
    names=("ada", "difference-engine"),
    words=("a castle by the sea", "Portrait of Grace", "sea", "äöü"),
    tokens=("t0ken-of-this-engine",),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/ada/models/x.safetensors", "~/models/x.safetensors"),
        ("'/home/ada'", "'~'"),
        ("/home/grace/y", "~/y"),
        ("/Users/Ada Lovelace/y", "~ Lovelace/y"),
        ("C:\\Users\\Ada\\y", "~\\y"),
        ("C:\\\\Users\\\\Ada\\\\y", "~\\\\y"),
        ("user ada on difference-engine", "user <name> on <name>"),
        ("an adaptive cascade", "an adaptive cascade"),
        ("prompt: a castle by the sea.", "prompt: <text>."),
        ("the sea, the season", "the <text>, the season"),
        ('{"prompt": "\\u00e4\\u00f6\\u00fc"}', '{"prompt": "<text>"}'),
        ("Portrait of Grace.kra", "<text>.kra"),
        ("x t0ken-of-this-engine y", "x <token> y"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer <token>"),
        ('{"token": "abc"}', '{"token": "<token>"}'),
        ("TOKEN=abc", "TOKEN=<token>"),
        ("hf_abcdefghijkl", "<token>"),
        ("tokens per second: 5", "tokens per second: 5"),
        (
            "job 0123456789abcdef0123456789abcdef: done",
            "job 0123456789abcdef0123456789abcdef: done",
        ),
    ],
)
def test_what_is_personal_is_taken_out(text: str, expected: str) -> None:
    assert scrub(text, ADA) == expected


def job() -> JobInfo:
    settings = UpscaleSettings(
        prompt="a castle by the sea",
        negative="blurry ghosts",
        model="/mnt/models/My Secret Model.safetensors",
        loras=[Lora("/mnt/loras/My Secret Style.safetensors", 0.5)],
        text_encoders_from="org/name",
        scale=2.0,
    )
    return JobInfo(
        id="0" * 32,
        state=JobState.DONE,
        settings=settings,
        image="1" * 32,
        source_width=1,
        source_height=1,
        width=2,
        height=2,
        priority=Priority.EDITOR,
        title="Portrait of Grace",
        keep=True,
        created_at=0,
        updated_at=0,
        events=3,
        recipe='{"prompt": "a castle by the sea"}',
    )


def unpacked(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_a_bundle_has_what_helps_and_nothing_personal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "_names", lambda: ("ada",))
    monkeypatch.setenv("HOME", "/somewhere/else/ada")
    log = tmp_path / "log"
    log.mkdir()
    (log / "engine.log").write_text("ada began 'a castle by the sea' in /somewhere/else/ada/x\n")
    (log / "worker.log.1").write_bytes(b"\xff\xfe Portrait of Grace, blurry ghosts\n")
    (log / "notes.txt").write_text("not ours")
    files = unpacked(pack([log], [job()], DeviceInfo("a card", 5), ["t0ken"]))
    assert set(files) == {
        "versions.json",
        "device.json",
        "jobs.json",
        "log/engine.log",
        "log/worker.log.1",
    }
    assert files["log/engine.log"] == "<name> began '<text>' in ~/x\n"
    assert json.loads(files["device.json"]) == {"name": "a card", "free_bytes": 5}
    (told,) = json.loads(files["jobs.json"])
    assert told["settings"]["scale"] == 2.0
    assert told["settings"]["model"] == "<file>.safetensors"
    assert told["settings"]["text_encoders_from"] == "org/name"
    assert json.loads(files["versions.json"])["packages"]["fastapi"]
    everything = "".join(files.values())
    for word in ("castle", "Grace", "ghosts", "Secret", "ada", "t0ken"):
        assert word not in everything


def test_of_a_long_log_the_end_is_taken_from_a_line_on(tmp_path: Path) -> None:
    lines = "".join(f"line {number} of many\n" for number in range(100_000))
    (tmp_path / "engine.log").write_text(lines)
    told = unpacked(pack([tmp_path], [], None, []))["log/engine.log"]
    assert len(told) <= 2**20
    assert told.startswith("line ")
    assert told.endswith("line 99999 of many\n")
    assert json.loads(unpacked(pack([tmp_path], [], None, []))["device.json"]) is None


def test_a_machine_without_logs_has_a_bundle_too(tmp_path: Path) -> None:
    assert "versions.json" in unpacked(pack([tmp_path / "none"], [], None, []))
