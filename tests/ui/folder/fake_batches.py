"""Batches whose answers are the test's to give, and threads that are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fake_gateway import Questions
from PIL import Image

from scalediff_engine.client.batches import (
    BatchInfo,
    BatchItem,
    BatchState,
    Existing,
    FileState,
)
from scalediff_engine.client.messages import UpscaleSettings
from scalediff_engine.ui.folder.batch_model import BatchGateway
from scalediff_engine.ui.workers import Ticket


class FakeBatches(Questions, BatchGateway):
    """See ``folder.gateway.BatchGateway``; answers nothing by itself."""

    def __init__(self) -> None:
        Questions.__init__(self)

    def create(self, request: Any, files: Any, tell: Any, done: Any, failed: Any) -> Ticket:
        return self.ask("create", (request, list(files)), done, failed, tell)

    def items(self, batch_id: str, since: int, tell: Any, done: Any, failed: Any) -> Ticket:
        return self.ask("items", (batch_id, since), done, failed, tell)

    def watch(self, batch_id: str, tell: Any, done: Any, failed: Any) -> Ticket:
        return self.ask("watch", (batch_id,), done, failed, tell)


class AtOnce:
    """Threads that are none: whatever is asked is done before the call returns."""

    def run(
        self,
        work: Callable[[Ticket], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> Ticket:
        ticket = Ticket()
        try:
            value = work(ticket)
        except Exception as error:  # noqa: BLE001 - as the threads do
            failed(error)
        else:
            done(value)
        return ticket

    def follow(
        self,
        work: Callable[[Ticket, Callable[[Any], None]], None],
        tell: Callable[[Any], None],
        done: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> Ticket:
        ticket = Ticket()
        try:
            work(ticket, tell)
        except Exception as error:  # noqa: BLE001 - as the threads do
            failed(error)
        else:
            done()
        return ticket


def batch(batch_id: str = "b1", state: BatchState = BatchState.RUNNING, **fields: Any) -> BatchInfo:
    """A batch with sensible fields."""
    return BatchInfo(
        **{
            "id": batch_id,
            "state": state,
            "title": "holiday",
            "settings": UpscaleSettings(scale=4.0),
            "existing": Existing.SKIP,
            "quality": None,
            "created_at": 0.0,
            "events": 1,
            "counts": {"waiting": 2},
            **fields,
        }
    )


def item(index: int, state: FileState = FileState.WAITING, **fields: Any) -> BatchItem:
    """A file of a batch."""
    return BatchItem(
        **{
            "index": index,
            "source": f"/pictures/holiday/{index}.png",
            "target": f"/pictures/holiday/{index}_x4.png",
            "state": state,
            **fields,
        }
    )


def save_picture(file: Path, width: int = 32, height: int = 24, seed: int = 0) -> Path:
    """Write a small picture of noise."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(file)
    return file
