"""What the tests of the worker share."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from worker_process import WorkerProcess, worker


@pytest.fixture(scope="module")
def shared_worker(tmp_path_factory: pytest.TempPathFactory) -> Generator[WorkerProcess]:
    """One worker for tests that need no fresh one."""
    with worker(tmp_path_factory.mktemp("shared")) as process:
        yield process
