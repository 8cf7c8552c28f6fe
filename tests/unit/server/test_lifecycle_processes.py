"""Engines as real processes: how they begin, how they end, what they leave."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest
from engine_processes import channel_to, end_of, kill_the_engine_of, log_of, start, wait_for, within

from scalediff_engine.client.errors import ClientError, EngineNotProven
from scalediff_engine.client.places import (
    EngineRecord,
    Places,
    process_space,
    read_engine,
    write_engine,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def places(tmp_path: Path) -> Generator[Places]:
    places = Places(tmp_path / "home")
    yield places
    kill_the_engine_of(places)


def ask(record: EngineRecord, path: str = "/v1/health", method: str = "GET") -> None:
    channel_to(record).call(method, path, lambda _: None)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_is_the_wish_to_end(places: Places, name: str) -> None:
    process = start(places)
    record = wait_for(places)
    assert record.pid == process.pid
    process.send_signal(getattr(signal, name))
    code, out, err = end_of(process)
    assert (code, err) == (0, "")
    assert f"127.0.0.1:{record.port}" in out
    assert (places.home / "closed").read_text() == "orderly"
    assert not places.engine_file.exists()


def test_shutdown_over_the_wire_ends_it(places: Places) -> None:
    process = start(places)
    ask(wait_for(places), "/v1/shutdown", "POST")
    assert end_of(process)[0] == 0
    assert (places.home / "closed").exists()
    assert not places.engine_file.exists()


def test_a_stream_that_never_ends_does_not_hold_up_the_end(places: Places) -> None:
    process = start(places)
    record = wait_for(places)
    watcher = threading.Thread(target=ask, args=(record, "/v1/stream"))
    watcher.start()
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert end_of(process)[0] == 0
    watcher.join()
    assert "takes too long" not in log_of(places)


@pytest.mark.parametrize("held", ["a thread", "the close"])
def test_what_does_not_let_go_does_not_hold_up_the_end(
    places: Places, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    monkeypatch.setenv("STAND_IN_LAST_ANSWERS_SECONDS", "0.1")
    monkeypatch.setenv("STAND_IN_END_SECONDS", "5" if held == "a thread" else "0.5")
    monkeypatch.setenv("STAND_IN_EXIT_SECONDS", "0.2")
    if held == "the close":
        monkeypatch.setenv("STAND_IN_CLOSING", "1000")
    process = start(places)
    record = wait_for(places)
    if held == "a thread":
        os.mkfifo(places.home / "pipe")
        with socket.create_connection(("127.0.0.1", record.port)) as connection:
            connection.sendall(
                f"GET /v1/hang HTTP/1.1\r\nAuthorization: Bearer {record.token}\r\n\r\n".encode()
            )
            threads = psutil.Process(record.pid).num_threads
            assert within(10, lambda: threads() > 1)
    process.send_signal(signal.SIGTERM)
    code = end_of(process)[0]
    assert code == (0 if held == "a thread" else 8)
    assert (places.home / "closed").exists() == (held == "a thread")
    assert not places.engine_file.exists()
    assert "takes too long" in log_of(places)


def test_it_ends_by_itself_when_nobody_needs_it(places: Places) -> None:
    process = start(places, "idle=1.5")
    record = wait_for(places)
    for _ in range(4):
        time.sleep(0.6)
        asked = time.monotonic()
        ask(record)
    assert end_of(process)[0] == 0
    assert time.monotonic() - asked > 1.5
    assert not places.engine_file.exists()


def test_an_open_connection_keeps_it(places: Places) -> None:
    process = start(places, "idle=1")
    record = wait_for(places)
    watcher = threading.Thread(target=ask, args=(record, "/v1/stream"))
    watcher.start()
    time.sleep(2.5)
    assert process.poll() is None
    ask(record, "/v1/shutdown", "POST")
    watcher.join()
    assert end_of(process)[0] == 0


def test_its_file_is_the_owners_alone_and_its_token_is_new_each_time(places: Places) -> None:
    tokens = set[str]()
    for _ in range(2):
        process = start(places)
        record = wait_for(places)
        assert stat.S_IMODE(places.engine_file.stat().st_mode) == 0o600
        for folder in (places.run, places.log, places.data):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        tokens.add(record.token)
        stranger = EngineRecord(1, record.port, "", record.protocol, "", 0.0)
        with pytest.raises(EngineNotProven):
            ask(stranger)
        process.terminate()
        code, out, err = end_of(process)
        assert code == 0
        assert record.token not in out + err + log_of(places)
    assert len(tokens) == 2
    assert min(map(len, tokens)) >= 43


def test_nothing_listens_beyond_this_computer(places: Places) -> None:
    process = start(places)
    record = wait_for(places)
    addresses = [
        connection.laddr
        for connection in psutil.Process(record.pid).net_connections("all")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert addresses == [("127.0.0.1", record.port)]
    process.terminate()
    end_of(process)


def test_a_second_engine_says_that_there_is_one(places: Places) -> None:
    first = start(places)
    record = wait_for(places)
    code, out, err = end_of(start(places))
    assert (code, out) == (9, "")
    assert err == f"An engine of yours runs already (process {record.pid}).\n"
    assert read_engine(places) == record
    first.terminate()
    assert end_of(first)[0] == 0


def test_of_two_at_the_same_moment_one_wins(places: Places) -> None:
    both = [start(places), start(places)]
    record = wait_for(places)
    assert within(20, lambda: any(process.poll() is not None for process in both))
    loser, winner = sorted(both, key=lambda process: process.poll() is None)
    assert end_of(loser)[0] == 9
    assert winner.pid == record.pid
    ask(record)
    winner.terminate()
    assert end_of(winner)[0] == 0


def test_what_a_killed_engine_left_is_no_obstacle(places: Places) -> None:
    first = start(places)
    old = wait_for(places)
    first.kill()
    end_of(first)
    assert places.engine_file.exists()
    assert places.engine_lock.exists()
    assert read_engine(places) is None
    second = start(places)
    new = wait_for(places)
    assert new.token != old.token
    second.terminate()
    assert end_of(second)[0] == 0
    assert not places.engine_file.exists()


def test_another_engines_file_is_left_alone_at_the_end(places: Places) -> None:
    process = start(places)
    wait_for(places)
    other = EngineRecord(os.getpid(), 1, "other", 1, "0", 0.0, process_space())
    write_engine(places, other)
    process.terminate()
    assert end_of(process)[0] == 0
    assert read_engine(places) == other
    places.engine_file.unlink()


def test_a_port_that_is_taken_is_said(places: Places) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = end_of(start(places, f"port={port}"))
    assert code == 8
    assert err.startswith(f"Port {port} of 127.0.0.1 cannot be used: Address already in use.")
    assert not places.engine_file.exists()


def test_the_file_appears_only_when_the_engine_answers(places: Places) -> None:
    answered: list[bool] = []

    def look() -> None:
        while not answered:
            record = read_engine(places)
            if record is not None:
                try:
                    ask(record)
                    answered.append(True)
                except ClientError:
                    answered.append(False)

    looking = threading.Thread(target=look)
    looking.start()
    process = start(places)
    looking.join(20)
    assert answered == [True]
    process.terminate()
    end_of(process)


def test_the_command_that_starts_it_is_written_down(places: Places) -> None:
    process = start(places)
    wait_for(places)
    assert within(5, places.command_file.exists)
    assert isinstance(json.loads(places.command_file.read_text()), list)
    process.terminate()
    end_of(process)
