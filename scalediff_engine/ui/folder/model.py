"""The folder dialog without its widgets: find, choose, hand over, follow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path

from scalediff_engine.batch.conflicts import ResultNames
from scalediff_engine.batch.naming import Destination
from scalediff_engine.client.batch_client import BatchClient
from scalediff_engine.client.batches import (
    BatchFile,
    BatchInfo,
    BatchItems,
    BatchList,
    BatchRequest,
    BatchState,
)
from scalediff_engine.client.messages import Problem
from scalediff_engine.ui.folder.batch_model import Act, BatchGateway, BatchModel
from scalediff_engine.ui.folder.estimate import Estimator
from scalediff_engine.ui.folder.input_model import (
    SOME_SIZE,
    InputModel,
)
from scalediff_engine.ui.folder.rows import Rows
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.workers import Later, Ticket, Workers

_UNFINISHED = (BatchState.RUNNING, BatchState.PAUSED)


class Phase(Enum):
    """Where the dialog stands."""

    CHOOSING = "choosing"
    HANDING_OVER = "handing over"
    FOLLOWING = "following"
    ENDED = "ended"


class FolderModel:
    """Many pictures, what is to become of them, and the batch that does it.

    Args:
        gateway: to the engine
        batches: to its batches
        later: calls something after a while
        workers: threads
        inputs: files and folders
        memory: what was chosen last
        keep: writes down what was chosen
        destination: what was chosen last
        clock: seconds, monotonic

    Attributes:
        phase: where it stands
        listing: what is to be upscaled and where results go
        upscale: the settings
        batch: that is followed
        handed_over: files that the engine has got so far
        left_out: files that the engine was not asked for, since they had troubles
        unfinished: batches of an earlier dialog
        problem: the last thing that went wrong
        changed: told whenever anything here but the rows is different
        rows_changed: told when the rows are another batch's, or the search's again
        ended: told once, when the dialog is over
    """

    def __init__(
        self,
        gateway: Gateway,
        batches: BatchGateway,
        later: Later,
        workers: Workers,
        inputs: Iterable[Path],
        memory: Memory,
        keep: Callable[[Memory, Destination], None],
        destination: Destination | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gateway = gateway
        self._batches = batches
        self._later = later
        self._keep = keep
        self._clock = clock
        self._handing = Ticket()
        self.phase = Phase.CHOOSING
        self.upscale = UpscaleModel(gateway, later, SOME_SIZE, memory)
        self.input = InputModel(
            later,
            workers,
            inputs,
            self.upscale,
            Estimator(gateway, later),
            destination or Destination(),
        )
        self.batch: BatchModel | None = None
        self.handed_over = 0
        self.left_out = 0
        self.unfinished: tuple[BatchInfo, ...] = ()
        self.problem: Problem | None = None
        self.changed = Observers()
        self.rows_changed = Observers()
        self.ended = Observers()
        self.input.changed.add(self.changed.tell)
        self.input.failed.add(self._on_problem)

    @property
    def rows(self) -> Rows:
        """What the table shows."""
        return self.input.rows if self.batch is None else self.batch.rows

    @property
    def can_start(self) -> bool:
        """Whether the engine may be asked."""
        return self.phase is Phase.CHOOSING and self.input.is_ready

    def begin(self) -> None:
        """Look for pictures, and for batches of an earlier dialog."""
        self.upscale.begin()
        self._batches.call(self._on_batches, self._on_problem, BatchClient.batches)
        self.input.scan()

    def add(self, paths: Iterable[Path]) -> None:
        """Look for pictures in these too, before the start."""
        if self.phase is Phase.CHOOSING:
            self.input.add(paths)

    def remove(self, indexes: Iterable[int]) -> None:
        """Leave files out, before the start."""
        if self.phase is Phase.CHOOSING:
            self.input.remove(indexes)

    # The batch

    def start(self) -> None:
        """Hand all pictures over that have no trouble; the others stay in the list as they are."""
        if not self.can_start:
            return
        rows, chosen = self.input.rows, self.input.destination
        wanted = rows.startable()
        settings = self.upscale.start()
        self._keep(self.upscale.memory, chosen)
        request = BatchRequest(settings, self.input.title, chosen.existing, chosen.quality)
        files = [BatchFile(rows.entries[index].path, rows.target(index)) for index in wanted]
        entries = [rows.entries[index] for index in wanted]
        self._go(Phase.HANDING_OVER)
        self.handed_over, self.left_out = 0, len(rows.entries) - len(wanted)

        def done(info: BatchInfo) -> None:
            followed = Rows(entries)
            followed.set_targets(ResultNames([file.target for file in files]))
            self._follow(info, followed)

        self._handing = self._batches.create(
            request, files, self._on_handed_over, done, self._on_not_handed_over
        )

    def give_up(self) -> None:
        """Do not hand over, after all."""
        if self.phase is Phase.HANDING_OVER:
            self._handing.cancel()
            self._go(Phase.CHOOSING)

    def show_batch(self, batch_id: str) -> None:
        """Follow a batch of an earlier dialog."""
        info = next((found for found in self.unfinished if found.id == batch_id), None)
        if info is not None and self.phase is Phase.CHOOSING:
            self.left_out = 0
            self._follow(info, Rows())

    def choose_again(self) -> None:
        """Go back to the pictures; a batch that is not over goes on and can be shown again."""
        batch = self.batch
        if self.phase is not Phase.FOLLOWING or batch is None:
            return
        batch.close()
        self.batch = None
        others = tuple(info for info in self.unfinished if info.id != batch.info.id)
        self.unfinished = others if batch.is_over else (batch.info, *others)
        self._go(Phase.CHOOSING)
        self.rows_changed.tell()
        self.input.again()

    def end(self) -> None:
        """End the dialog; a batch goes on in the engine."""
        if self.phase is not Phase.ENDED:
            self._handing.cancel()
            self._go(Phase.ENDED)
            self.ended.tell()

    def pause_and_end(self) -> None:
        """Pause the batch, and end the dialog once the engine knows."""
        batch = self.batch
        if batch is None:
            self.end()
        else:
            # the program ends with the last answer, and this must have been said by then
            self._batches.call(
                lambda _: self.end(),
                self._on_problem,
                BatchClient.act,
                batch.info.id,
                Act.PAUSE.value,
            )

    def close(self) -> None:
        """Let go of everything that is under way, and leave the batch as it is."""
        self.input.close()
        self.upscale.close()
        self.input.estimator.close()
        if self.batch is not None:
            self.batch.close()

    def _go(self, phase: Phase) -> None:
        self.phase, self.problem = phase, None
        self.changed.tell()

    def _on_problem(self, problem: Problem) -> None:
        self.problem = problem
        self.changed.tell()

    def _on_batches(self, found: BatchList) -> None:
        self.unfinished = tuple(info for info in found.batches if info.state in _UNFINISHED)
        for info in self.unfinished:
            self._batches.call(
                self._follow_if_ours(info),
                lambda _: None,
                BatchClient.batch_items,
                info.id,
                count=1,
            )
        self.changed.tell()

    def _follow_if_ours(self, info: BatchInfo) -> Callable[[BatchItems], None]:
        """Show a batch at once that is about what this dialog was opened for."""

        def look(found: BatchItems) -> None:
            if not found.items or self.phase is not Phase.CHOOSING:
                return
            source = Path(found.items[0].source)
            if any(path == source or path in source.parents for path in self.input.inputs):
                self._follow(info, Rows())

        return look

    def _follow(self, info: BatchInfo, rows: Rows) -> None:
        self.batch = BatchModel(self._gateway, self._batches, self._later, info, rows, self._clock)
        self.batch.changed.add(self.changed.tell)
        self._go(Phase.FOLLOWING)
        self.rows_changed.tell()
        self.batch.begin()

    def _on_handed_over(self, count: int) -> None:
        self.handed_over = count
        self.changed.tell()

    def _on_not_handed_over(self, problem: Problem) -> None:
        self._go(Phase.CHOOSING)
        self._on_problem(problem)
