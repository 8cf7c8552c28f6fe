from __future__ import annotations

import dataclasses
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from scalediff_engine.client import places as places_module
from scalediff_engine.client.errors import UnsafeEngineFile
from scalediff_engine.client.files import make_private, open_private
from scalediff_engine.client.places import (
    EngineRecord,
    Places,
    default_home,
    is_alive,
    parse_command,
    process_space,
    read_command,
    read_engine,
    remove_engine,
    write_command,
    write_engine,
)

posix = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")


@pytest.fixture
def home(tmp_path: Path) -> Places:
    return Places(tmp_path / "home")


def record(pid: int = 0, word: str = "secret") -> EngineRecord:
    return EngineRecord(pid or os.getpid(), 4321, word, 1, "0.1", 5.0, process_space())


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        return process.pid


USER = Path("/home/ann")


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({}, "linux", USER / ".local/share/scalediff"),
        ({"XDG_DATA_HOME": "/sandbox"}, "linux", USER / ".local/share/scalediff"),
        ({}, "darwin", USER / "Library/Application Support/scalediff"),
        ({"LOCALAPPDATA": "/w/Local"}, "win32", Path("/w/Local/scalediff")),
        ({}, "win32", USER / "AppData/Local/scalediff"),
        ({"SCALEDIFF_HOME": "/else"}, "linux", Path("/else")),
        ({"SCALEDIFF_HOME": ""}, "linux", USER / ".local/share/scalediff"),
    ],
)
def test_every_host_sees_the_same_home(
    environ: dict[str, str], platform: str, expected: Path
) -> None:
    assert default_home(environ, platform, USER) == expected


def test_what_is_written_is_read(home: Places) -> None:
    write_engine(home, record())
    assert read_engine(home) == record()
    assert [file.name for file in home.run.iterdir()] == ["engine.json"]


def test_a_second_engine_replaces_the_first(home: Places) -> None:
    write_engine(home, record(word="first"))
    write_engine(home, record(word="second"))
    found = read_engine(home)
    assert found == record(word="second")


@posix
def test_nobody_else_can_read_it_from_its_first_byte_on(
    home: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    really = os.open

    def looked_at(*arguments: Any) -> int:
        descriptor = really(*arguments)
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(os, "open", looked_at)
    before = os.umask(0)
    try:
        write_engine(home, record())
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert stat.S_IMODE(home.engine_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.run.stat().st_mode) == 0o700


@posix
def test_a_folder_that_was_open_to_others_is_closed(home: Places) -> None:
    home.run.mkdir(parents=True)
    home.run.chmod(0o755)
    write_engine(home, record())
    assert stat.S_IMODE(home.run.stat().st_mode) == 0o700


def test_there_is_none_where_nothing_was_written(home: Places) -> None:
    assert read_engine(home) is None


GOOD = {"pid": 1, "port": 1, "token": "t", "protocol": 1, "version": "0", "started_at": 0}


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"null",
        b"[" * 60000,
        b'{"pid": 1}',
        json.dumps({**GOOD, "pid": "1"}).encode(),
        json.dumps({**GOOD, "port": 0}).encode(),
        json.dumps({**GOOD, "port": 65536}).encode(),
        json.dumps(GOOD).encode()[:-1],
        b" " * (1 << 17) + json.dumps(GOOD).encode(),
    ],
)
def test_a_damaged_file_counts_as_none(home: Places, damaged: bytes) -> None:
    write_engine(home, record())
    home.engine_file.write_bytes(damaged)
    assert read_engine(home) is None


def test_a_folder_in_its_place_counts_as_none(home: Places) -> None:
    home.engine_file.mkdir(parents=True, mode=0o700)
    assert read_engine(home) is None


def test_what_a_dead_process_left_counts_as_none(home: Places) -> None:
    write_engine(home, record(pid=dead_pid()))
    assert read_engine(home) is None


def test_process_numbers_of_another_sandbox_are_not_judged(home: Places) -> None:
    elsewhere = dataclasses.replace(record(pid=dead_pid()), pid_space="pid:[1]")
    write_engine(home, elsewhere)
    assert read_engine(home) == elsewhere


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
def test_a_file_that_others_may_touch_is_refused_with_a_sentence(home: Places, mode: int) -> None:
    write_engine(home, record())
    home.engine_file.chmod(mode)
    with pytest.raises(UnsafeEngineFile, match=r"Others may .* not used") as caught:
        read_engine(home)
    assert caught.value.problem.code == "engine-file-unsafe"
    assert "secret" not in str(caught.value)


@posix
def test_a_file_of_another_user_is_refused(home: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    write_engine(home, record())
    mine = os.geteuid()
    monkeypatch.setattr(places_module.os, "geteuid", lambda: mine + 1)
    with pytest.raises(UnsafeEngineFile, match="belongs to another user"):
        read_engine(home)


@posix
def test_a_link_is_refused(home: Places, tmp_path: Path) -> None:
    write_engine(Places(tmp_path / "other"), record())
    home.run.mkdir(parents=True)
    home.engine_file.symlink_to(tmp_path / "other" / "run" / "engine.json")
    with pytest.raises(UnsafeEngineFile, match="is a link"):
        read_engine(home)


def test_an_engine_removes_its_own_file_alone(home: Places) -> None:
    write_engine(home, record(word="another"))
    remove_engine(home, record(word="mine"))
    assert home.engine_file.exists()
    remove_engine(home, record(word="another"))
    assert not home.engine_file.exists()
    remove_engine(home, record(word="another"))


def test_a_draft_of_a_process_that_had_our_number_is_no_obstacle(home: Places) -> None:
    home.run.mkdir(parents=True)
    (home.run / f"engine.json.{os.getpid()}.tmp").write_text("old")
    write_engine(home, record())
    assert read_engine(home) == record()


def test_readers_see_the_old_or_the_new_but_never_a_half(home: Places) -> None:
    write_engine(home, record(word="0"))
    seen: list[bool] = []
    end = threading.Event()

    def read() -> None:
        while not end.is_set():
            seen.append(read_engine(home) is not None)

    reader = threading.Thread(target=read)
    reader.start()
    for token in range(300):
        write_engine(home, record(word=str(token) * 1000))
    end.set()
    reader.join()
    assert seen
    assert all(seen)


def test_the_command_is_read_as_it_was_written(home: Places) -> None:
    home.home.mkdir()
    assert read_command(home) is None
    write_command(home, ["/a b/python", "-m", "scalediff_engine"])
    assert read_command(home) == ["/a b/python", "-m", "scalediff_engine"]


@posix
def test_a_command_that_others_could_have_written_is_not_run(home: Places) -> None:
    home.home.mkdir()
    write_command(home, ["/bin/true"])
    home.command_file.chmod(0o666)
    with pytest.raises(UnsafeEngineFile, match="Others may change"):
        read_command(home)


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'"x"', b"[1]", b'["a", 1]', b"\xff"])
def test_what_is_no_list_of_words_is_no_command(text: bytes) -> None:
    assert parse_command(text) is None


def test_this_process_is_alive_and_an_ended_one_is_not() -> None:
    assert is_alive(os.getpid())
    assert not is_alive(dead_pid())
    assert not is_alive(0)
    assert not is_alive(-1)
    assert not is_alive(10**30)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="told by /proc")
def test_a_process_that_has_ended_and_was_not_waited_for_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()  # until it has ended
    for _ in range(200):
        if not is_alive(process.pid):
            break
        threading.Event().wait(0.01)
    assert not is_alive(process.pid)
    process.stdout.close()
    process.wait()


@posix
def test_new_folders_and_files_are_the_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_private(tmp_path / "share" / "scalediff" / "log")
        with open_private(tmp_path / "share" / "scalediff" / "log" / "a.log") as log:
            log.write(b"first")
    finally:
        os.umask(before)
    made = [tmp_path / "share", *(tmp_path / "share").rglob("*")]
    assert {oct(path.stat().st_mode & 0o777) for path in made if path.is_dir()} == {"0o700"}
    (file,) = (path for path in made if path.is_file())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)  # of an earlier version
    with open_private(file) as log:
        log.write(b", second")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == b"first, second"


@posix
def test_a_private_file_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "a.log").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="link"):
        open_private(tmp_path / "a.log")
    assert (tmp_path / "victim").read_text() == "precious"
