"""Repeat a piece of work under the next smaller memory plan when memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence

from torch import Tensor

from scalediff_engine.base.errors import NotEnoughMemory
from scalediff_engine.memory.oom import is_out_of_memory
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.models.device import empty_cache
from scalediff_engine.models.model import Model


class OomRetry:
    """Runs pieces of work on a model, each as often as the list of plans allows.

    Args:
        model: told of every plan
        plans: from the one that was chosen to the smallest
        begin_at: index of the first one that may be tried
    """

    def __init__(self, model: Model, plans: Sequence[MemoryPlan], begin_at: int = 0) -> None:
        self._model = model
        self._plans = plans
        self._index = min(begin_at, len(plans) - 1)
        model.arrange(self.plan)

    @property
    def plan(self) -> MemoryPlan:
        """The plan that holds at the moment; it never grows back during a job."""
        return self._plans[self._index]

    @property
    def index(self) -> int:
        """Of ``plan`` among the plans."""
        return self._index

    def run(self, work: Callable[[MemoryPlan], Tensor]) -> Tensor:
        """Do ``work``, which must leave its inputs as they are.

        Raises:
            NotEnoughMemory: even the smallest plan does not fit.
        """
        while True:
            try:
                return work(self.plan)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = _reason(error)
            # Out here the exception is gone, and with it the frames that hold the tensors.
            gc.collect()
            empty_cache(self._model.device)
            if self._index + 1 == len(self._plans):
                raise NotEnoughMemory(
                    f"The memory of {self._model.device} ran out even under the smallest plan "
                    f"({reason}). A smaller size, or closing other programs, would help."
                )
            self._index += 1
            self._model.arrange(self.plan)


def _reason(error: BaseException) -> str:
    """What happened and how much was asked for, without the advice that follows it."""
    first_line = str(error).strip().partition("\n")[0]
    return ". ".join(first_line.split(". ")[:2]).rstrip(".") or type(error).__name__
