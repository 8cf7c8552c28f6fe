"""What the folder dialog asks of the engine besides ``ui.gateway``; answers come the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from scalediff_engine.client.batches import BatchFile, BatchInfo, BatchItem, BatchList, BatchRequest
from scalediff_engine.ui.gateway import Act, Failed
from scalediff_engine.ui.ticket import Ticket


class BatchGateway(Protocol):
    """The engine's batches, as the dialog sees them."""

    def create(
        self,
        request: BatchRequest,
        files: Sequence[BatchFile],
        tell: Callable[[int], None],
        done: Callable[[BatchInfo], None],
        failed: Failed,
    ) -> Ticket:
        """Hand over a batch and begin it; ``tell`` hears how many files were handed over.

        Given up or failed in between, nothing of it is left.
        """
        ...

    def batches(self, done: Callable[[BatchList], None], failed: Failed) -> Ticket:
        """Ask which batches there are."""
        ...

    def first_item(
        self, batch_id: str, done: Callable[[BatchItem | None], None], failed: Failed
    ) -> Ticket:
        """Ask for a batch's first file."""
        ...

    def act(
        self, batch_id: str, act: Act, done: Callable[[BatchInfo], None], failed: Failed
    ) -> Ticket:
        """Stop a batch, or let it go on."""
        ...

    def items(
        self,
        batch_id: str,
        since: int,
        tell: Callable[[list[BatchItem]], None],
        done: Callable[[], None],
        failed: Failed,
    ) -> Ticket:
        """Ask for the files that changed after event ``since``, in portions."""
        ...

    def watch(
        self,
        batch_id: str,
        tell: Callable[[BatchInfo], None],
        done: Callable[[], None],
        failed: Failed,
    ) -> Ticket:
        """Follow a batch."""
        ...

    def remove(self, batch_id: str, done: Callable[[], None], failed: Failed) -> Ticket:
        """Forget a batch; its results stay."""
        ...
