"""The one model that is loaded, kept from job to job for as long as the jobs want the same."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable

import torch

from scalediff_engine.families import registry as families
from scalediff_engine.memory.device_info import ReclaimableMemory, held_by
from scalediff_engine.models.device import cap_memory, empty_cache
from scalediff_engine.models.model import Model
from scalediff_engine.planning.settings_parsing import ModelChoice
from scalediff_engine.store.locate import locate

# A process has one limit; "none" has to lift that of the job before.
_NO_LIMIT = sys.maxsize


class LoadedModel:
    """Holds no model, or one."""

    def __init__(self) -> None:
        self._key: tuple[ModelChoice, int | None] | None = None
        self._model: Model | None = None

    def has(self, choice: ModelChoice, limit_bytes: int | None) -> bool:
        """Whether this model is loaded."""
        return self._model is not None and self._key == (choice, limit_bytes)

    def make_room_for(self, choice: ModelChoice, limit_bytes: int | None) -> None:
        """Let go of a model that is another one than this."""
        if self._key != (choice, limit_bytes):
            self.free()

    def held(self) -> ReclaimableMemory:
        """Say what this process holds and the next job will use: its memory is not taken twice."""
        device_bytes = 0
        if self._model is not None and self._model.device.type == "cuda":
            device_bytes = torch.cuda.memory_reserved(self._model.device)
        return ReclaimableMemory(held_by(os.getpid()).host_bytes, device_bytes)

    def get(
        self, choice: ModelChoice, limit_bytes: int | None, on_loading: Callable[[bool], None]
    ) -> Model:
        """Give the model, loaded.

        Args:
            choice: which, and where
            limit_bytes: that it may use of a device's memory; None = what is free
            on_loading: called before (False) and after (True) it is loaded, if it has to be

        Raises:
            ModelError: it is not there or cannot be used.
            UsageError: there is no such device.
        """
        if self._model is not None and self.has(choice, limit_bytes):
            return self._model
        self.free()
        on_loading(False)
        rest = (
            None
            if choice.text_encoders_from is None
            else locate(choice.text_encoders_from, families.FAMILIES)
        )
        model = families.load(choice.name, choice.device, choice.loras, rest)
        cap_memory(model.device, _NO_LIMIT if limit_bytes is None else limit_bytes)
        self._key, self._model = (choice, limit_bytes), model
        on_loading(True)
        return model

    def rest(self) -> None:
        """Give back what a job needed and the model does not."""
        gc.collect()
        if self._model is not None:
            empty_cache(self._model.device)

    def free(self) -> None:
        """Let go of the model, if there is one."""
        if self._model is None:
            return
        device = self._model.device
        self._key = self._model = None
        gc.collect()
        empty_cache(device)
