"""What goes wrong on this computer is said in a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtWidgets import QApplication

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import Problem
from scalediff_engine.ui.engine_gateway import EngineGateway, as_problem
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
    gateway = EngineGateway(cast("Client", OnAFullDisk()), workers)
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
