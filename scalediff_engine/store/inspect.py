"""Tell what a model is before anything of it is loaded."""

from __future__ import annotations

from pathlib import Path

from scalediff_engine.base.errors import ModelMissing
from scalediff_engine.spec.checkpoint import Checkpoint
from scalediff_engine.spec.family import Families
from scalediff_engine.store.folder import inspect_folder
from scalediff_engine.store.lora import inspect_lora
from scalediff_engine.store.single_file import inspect_file

__all__ = ["inspect", "inspect_lora"]


def inspect(path: Path, families: Families) -> Checkpoint:
    """Tell what the model at ``path``, a folder of diffusers or a single file, is.

    Headers and settings are read, weights are not; it takes some milliseconds.

    Raises:
        ModelMissing: there is nothing at ``path``.
        ModelError: it is damaged, incomplete, a pickle, or of a family that is not known here.
    """
    if path.is_dir():
        return inspect_folder(path, families)
    if not path.exists() and not path.is_symlink():
        raise ModelMissing(f"{path} does not exist.")
    return inspect_file(path, families)
