"""What of a job is on disk while it runs, so that it goes on after whatever happens."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from scalediff_engine.base.errors import CheckpointUnusable, OutputError
from scalediff_engine.base.files import write_whole
from scalediff_engine.jobs import spool
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.pipeline.checkpoint import Checkpoint, Checkpoints
from scalediff_engine.planning.plan import Plan

_DIGEST_BYTES = hashlib.sha256().digest_size

_log = logging.getLogger(__name__)


class Keeper:
    """Keeps one job's plan and checkpoint.

    Args:
        folder: of the job
        identity: what stands for its source, settings and model
        every_s: seconds between two checkpoints
        is_wanted: asked after each step whether one is wanted out of turn
        clock: seconds, monotonic

    Attributes:
        kept_as_wanted: one was saved, or tried to be, because it was wanted
    """

    def __init__(
        self,
        folder: Path,
        identity: str,
        every_s: float,
        is_wanted: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.kept_as_wanted = False
        self._folder = folder
        self._identity = identity
        self._every_s = every_s
        self._is_wanted = is_wanted
        self._clock = clock
        self._newest_s = clock()
        self._wanted = False
        self._complained = False

    def plan(self, fresh: Plan) -> Plan:
        """Give the plan under which the job was begun, or else keep this one.

        The picture depends on what is chosen for the memory that is free, in its last bits; so a
        job that goes on does so as it began.
        """
        path = self._folder / spool.PLAN
        try:
            kept = json.loads(path.read_bytes())
            if kept["job"] == self._identity:
                memory = tuple(_memory_plan(plan) for plan in kept["memory"])
                if not memory:
                    raise ValueError("there is no plan for memory")
                return replace(fresh, memory=memory, compiled=_bool(kept["compiled"]))
            _log.warning("The plan that was kept is another job's.")
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            _log.warning("The plan that was kept is damaged (%s).", type(error).__name__)
        self._write(spool.PLAN, json.dumps({"job": self._identity, **_chosen(fresh)}).encode())
        return fresh

    def checkpoints(self, plan: Plan) -> Checkpoints:
        """Give what to go on from, if there is something, and where the next ones go."""
        # under another plan it would end with other last bits
        job = _sha256(self._identity + json.dumps(_chosen(plan)))
        try:
            begun = self._read()
            return Checkpoints(job, self._is_due, self._save, begun)
        except CheckpointUnusable as error:
            _log.warning("%s", error)
            return Checkpoints(job, self._is_due, self._save)

    def _read(self) -> Checkpoint | None:
        try:
            data = (self._folder / spool.CHECKPOINT).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CheckpointUnusable(
                f"The checkpoint cannot be read ({error.strerror}); the job begins again."
            ) from error
        digest, rest = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if hashlib.sha256(rest).digest() != digest:
            raise CheckpointUnusable("The checkpoint is damaged; the job begins again.")
        return Checkpoint.from_bytes(rest)

    def _is_due(self) -> bool:
        self._wanted = self._is_wanted()
        return self._wanted or self._clock() - self._newest_s >= self._every_s

    def _save(self, checkpoint: Checkpoint) -> None:
        data = checkpoint.to_bytes()
        self._write(spool.CHECKPOINT, hashlib.sha256(data).digest() + data)
        self._newest_s = self._clock()
        self.kept_as_wanted = self.kept_as_wanted or self._wanted

    def _write(self, name: str, data: bytes) -> None:
        """Keep a file; without it a job only loses more if it is interrupted."""
        try:
            write_whole(self._folder / name, data, overwrite=True, private=True)
        except OutputError as error:
            if not self._complained:
                _log.warning("The job cannot be kept on disk, and goes on without: %s", error)
            self._complained = True


def identity_of(recipe: str, source: Path) -> str:
    """Give what stands for a job.

    Args:
        recipe: model, settings and stages
        source: file of the picture
    """
    with source.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return _sha256(recipe + content)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _chosen(plan: Plan) -> dict[str, Any]:
    return {"memory": [asdict(memory) for memory in plan.memory], "compiled": plan.compiled}


def _memory_plan(kept: Any) -> MemoryPlan:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(kept, dict):
        raise ValueError(f"{kept!r} is no plan")
    for value in kept.values():
        if value is not None and type(value) is not int:
            raise ValueError(f"{value!r} is no number of bytes, pixels or bits")
    return MemoryPlan(**kept)


def _bool(kept: object) -> bool:
    if not isinstance(kept, bool):
        raise ValueError(f"{kept!r} is neither true nor false")
    return kept
