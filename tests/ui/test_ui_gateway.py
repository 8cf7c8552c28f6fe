"""What goes wrong on this computer is said in a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtWidgets import QApplication

from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import ClientError
from scalediff_engine.client.messages import Problem
from scalediff_engine.ui.gateway import ClientGateway, Gateway, as_problem
from scalediff_engine.ui.workers import Workers

FULL = Path("/dev/full")


class OnAFullDisk:
    """A client that writes where nothing fits."""

    def save_result(self, job_id: str, file: Path) -> None:
        with FULL.open("wb", buffering=0) as opened:
            opened.write(b"result")


@pytest.mark.skipif(not FULL.exists(), reason="no full disk at hand")
def test_a_full_disk_is_said_with_its_place_and_what_helps(
    app: QApplication, wait_until: Callable[..., None]
) -> None:
    workers, told = Workers(1), list[Problem]()
    gateway = Gateway(cast("Client", OnAFullDisk()), workers)
    gateway.result("j1", lambda _: None, told.append)
    wait_until(lambda: bool(told))
    assert told[0].message.startswith("The disk is full (")
    assert "scalediff-dialog-" in told[0].message
    assert told[0].message.endswith("Make room there and try again.")
    workers.close()
    gateway.close()


def test_a_file_that_cannot_be_read_is_named(app: QApplication, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        os.listdir(tmp_path / "none")  # noqa: PTH208 - for its error
    assert as_problem(caught.value).message == (
        f"{tmp_path / 'none'} cannot be read or written: No such file or directory."
    )


class InputModel:
    """A client that gives what it was asked with."""

    def items(self, name: str, *, since: int = 0) -> str:
        if not name:
            raise ClientError("There is no such thing.", "not-found")
        return f"{name} since {since}"


def test_a_call_gives_what_the_clients_method_returns_or_why_it_cannot(
    app: QApplication, wait_until: Callable[..., None]
) -> None:
    workers, done, failed = Workers(1), list[str](), list[Problem]()
    gateway = ClientGateway(InputModel(), workers)
    gateway.call(done.append, failed.append, InputModel.items, "b1", since=3)
    gateway.call(done.append, failed.append, InputModel.items, "")
    wait_until(lambda: bool(done and failed))
    workers.close()
    assert done == ["b1 since 3"]
    assert failed == [Problem("not-found", "There is no such thing.")]
