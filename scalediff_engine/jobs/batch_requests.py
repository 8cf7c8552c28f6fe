"""What a batch and its files must be, as far as that can be told without looking at a file."""

from __future__ import annotations

import os.path
from collections.abc import Sequence

from scalediff_engine.base.errors import UsageError
from scalediff_engine.client.batches import FILES_AT_ONCE, BatchFile, BatchRequest


def check_request(request: BatchRequest) -> None:
    """Pass if a batch makes sense.

    Raises:
        UsageError: the quality is out of its range.
    """
    if request.quality is not None and not 1 <= request.quality <= 100:
        raise UsageError(f"The quality is {request.quality} and must be within 1..100.")


def check_files(files: Sequence[BatchFile]) -> None:
    """Pass if files can be added to a batch.

    Raises:
        UsageError: there are too many at once, or one is not named by an absolute path.
    """
    if len(files) > FILES_AT_ONCE:
        raise UsageError(f"{len(files)} files came at once; at most {FILES_AT_ONCE} may.")
    for path in (path for file in files for path in (file.source, file.target)):
        if not os.path.isabs(path) or "\0" in path:  # noqa: PTH117 - thousands of them
            raise UsageError(f"A file of a batch needs an absolute path, not '{path[:200]}'.")
