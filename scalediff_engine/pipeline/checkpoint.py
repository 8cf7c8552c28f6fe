"""Where a job stands between two steps: enough to go on from there, and end with the same picture.

A stage that has begun depends on nothing before it but its noisy latent, the low frequencies that
guide it, and the state of the generator; so a checkpoint is a few megabytes at any size.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from scalediff_engine.errors import CheckpointUnusable

_VERSION = "1"


@dataclass(frozen=True)
class Checkpoint:
    """A job between two steps; tensors are in main memory.

    Attributes:
        job: what stands for the job: one cannot go on from another's checkpoint
        stage: 0-based, of the plan's stages
        step: steps of it that are done
        memory: which of the plan's memory plans holds
        z_t: (1, C, rows, cols) noisy latent
        z_ref_low: of the same shape, what guides its low frequencies; None = nothing does
        generator: state of the generator of all that is random
    """

    job: str
    stage: int
    step: int
    memory: int
    z_t: Tensor
    z_ref_low: Tensor | None
    generator: Tensor

    def to_bytes(self) -> bytes:
        """Give a file's content, in the format of safetensors."""
        tensors = {"z_t": self.z_t.contiguous(), "generator": self.generator}
        if self.z_ref_low is not None:
            tensors["z_ref_low"] = self.z_ref_low.contiguous()
        numbers = {"stage": self.stage, "step": self.step, "memory": self.memory}
        return save(tensors, {"version": _VERSION, "job": self.job, "at": json.dumps(numbers)})

    @staticmethod
    def from_bytes(data: bytes) -> Checkpoint:
        """Read what ``to_bytes`` gave.

        Raises:
            CheckpointUnusable: it is damaged, or from another version of the program.
        """
        try:
            tensors = load(data)
            about = _metadata(data)
            if about["version"] != _VERSION:
                raise CheckpointUnusable(
                    f"The checkpoint is of format {about['version']} and this program reads "
                    f"{_VERSION}; the job has to begin again."
                )
            at = json.loads(about["at"])
            return Checkpoint(
                about["job"],
                int(at["stage"]),
                int(at["step"]),
                int(at["memory"]),
                tensors["z_t"],
                tensors.get("z_ref_low"),
                tensors["generator"],
            )
        except (SafetensorError, KeyError, ValueError, TypeError) as error:
            raise CheckpointUnusable(
                "The checkpoint is damaged; the job has to begin again."
            ) from error


@dataclass(frozen=True)
class Checkpoints:
    """What a run saves, and what it goes on from.

    Attributes:
        job: what stands for the job: the same source, plan, settings and model
        is_due: asked after each step whether a checkpoint is wanted
        save: takes it
        begun: where an earlier run of the same job stood; None = it begins
    """

    job: str = ""
    is_due: Callable[[], bool] = lambda: False
    save: Callable[[Checkpoint], None] = lambda _: None
    begun: Checkpoint | None = None

    def __post_init__(self) -> None:
        if self.begun is not None and self.begun.job != self.job:
            raise CheckpointUnusable(
                "The checkpoint belongs to another job; this one has to begin at its beginning."
            )


NO_CHECKPOINTS = Checkpoints()


def _metadata(data: bytes) -> dict[str, str]:
    size = int.from_bytes(data[:8], "little")
    return dict(json.loads(data[8 : 8 + size])["__metadata__"])
