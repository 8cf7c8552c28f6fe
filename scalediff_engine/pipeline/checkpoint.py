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

from scalediff_engine.base.errors import CheckpointUnusable

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
        found = {"z_t": self.z_t, "generator": self.generator}
        if self.z_ref_low is not None:
            found["z_ref_low"] = self.z_ref_low
        layout = {name: _layout(tensor) for name, tensor in found.items()}
        tensors = {name: found[name].permute(axes).contiguous() for name, axes in layout.items()}
        at = {"stage": self.stage, "step": self.step, "memory": self.memory, "layout": layout}
        return save(tensors, {"version": _VERSION, "job": self.job, "at": json.dumps(at)})

    @staticmethod
    def from_bytes(data: bytes) -> Checkpoint:
        """Read what ``to_bytes`` gave.

        Raises:
            CheckpointUnusable: it is damaged, or from another version of the program.
        """
        try:
            found = load(data)
            about = _metadata(data)
            if about["version"] != _VERSION:
                raise CheckpointUnusable(
                    f"The checkpoint is of format {about['version']} and this program reads "
                    f"{_VERSION}; the job has to begin again."
                )
            at = json.loads(about["at"])
            tensors = {
                name: _laid_out(tensor, at["layout"][name]) for name, tensor in found.items()
            }
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


def _layout(tensor: Tensor) -> list[int]:
    """The axes as they lie in memory, the one with the largest stride first."""
    return sorted(range(tensor.ndim), key=lambda axis: -tensor.stride(axis))


def _laid_out(stored: Tensor, layout: list[int]) -> Tensor:
    """The tensor as it lay in memory, and at the beginning of an allocation.

    What is computed from it rounds differently for another layout or alignment.
    """
    if sorted(layout) != list(range(stored.ndim)):
        raise ValueError(f"{layout} are not the axes of a tensor with {stored.ndim}")
    return stored.clone().permute([layout.index(axis) for axis in range(stored.ndim)])


def _metadata(data: bytes) -> dict[str, str]:
    size = int.from_bytes(data[:8], "little")
    return dict(json.loads(data[8 : 8 + size])["__metadata__"])
