"""Batches of files for tests of a whole engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import fake_worker
from engines import EngineProcess, until

from scalediff_engine.client.batch_client import BatchClient
from scalediff_engine.client.batches import (
    FILES_AT_ONCE,
    BatchFile,
    BatchInfo,
    BatchItem,
    BatchRequest,
    BatchState,
    Existing,
    FileState,
)
from scalediff_engine.client.messages import UpscaleSettings


def sources(folder: Path, count: int) -> list[BatchFile]:
    """Files for the fake worker, each with its own content."""
    folder.mkdir(exist_ok=True)
    files: list[BatchFile] = []
    for number in range(count):
        source = folder / f"{number}.png"
        source.write_bytes(f"picture {number}".encode())
        files.append(BatchFile(str(source), str(folder / "big" / f"{number}_x4.png")))
    return files


def opened(
    client: BatchClient,
    files: Sequence[BatchFile],
    how: str = "",
    existing: Existing = Existing.KEEP,
    settings: UpscaleSettings | None = None,
) -> str:
    """A batch with files, not begun; ``how`` tells the fake worker what to do."""
    request = BatchRequest(settings or UpscaleSettings(prompt=how), "a folder", existing)
    batch = client.open_batch(request)
    for start in range(0, len(files), FILES_AT_ONCE):
        client.add_files(batch.id, files[start : start + FILES_AT_ONCE])
    return batch.id


def begun(
    client: BatchClient,
    files: Sequence[BatchFile],
    how: str = "",
    existing: Existing = Existing.KEEP,
    settings: UpscaleSettings | None = None,
) -> str:
    """A batch that runs."""
    batch = opened(client, files, how, existing, settings)
    client.act(batch, "resume")
    return batch


def finish(client: BatchClient, batch: str) -> BatchInfo:
    """Follow a batch to its end."""
    for _ in client.watch_batch(batch):
        pass
    return client.batch(batch)


def becomes(client: BatchClient, batch: str, state: BatchState) -> BatchInfo:
    """Wait for a state."""

    def ask() -> BatchInfo | None:
        info = client.batch(batch)
        return info if info.state is state else None

    return until(ask, 30)


def states(client: BatchClient, batch: str) -> list[FileState]:
    return [item.state for item in items(client, batch)]


def items(client: BatchClient, batch: str) -> list[BatchItem]:
    return client.batch_items(batch).items


def fake_result(file: BatchFile, steps: int = 4) -> bytes:
    """What the fake worker makes of a file."""
    return fake_worker.result_of(Path(file.source).read_bytes(), steps)


def is_done(file: BatchFile, steps: int = 4) -> bool:
    """Whether a file's result is there and right."""
    target = Path(file.target)
    return target.exists() and target.read_bytes() == fake_result(file, steps)


def jobs_left(running: EngineProcess) -> list[str]:
    """Folders of jobs of files that are still on disk."""
    folders = (running.home / "data" / "spool" / "jobs").iterdir()
    kept = {job.id for job in running.client.jobs().jobs}
    return [path.name for path in folders if path.name not in kept]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
