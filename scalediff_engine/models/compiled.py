"""Compiling the blocks that a model repeats, once for all of them, with a cache on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

# Resolutions x native or not x one prompt or two: more than the eight that are usual.
_VARIANTS = 64


def compile_blocks(blocks: Iterable[nn.Module], cache_folder: str | None = None) -> None:
    """Compile blocks that share their code; each shape of their input compiles once.

    Args:
        blocks: repeated blocks, whatever surrounds them stays as it is
        cache_folder: keeps what was compiled between runs; None = the system's temporary folder
    """
    if cache_folder is not None:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache_folder
    dynamo: Any = torch._dynamo.config  # noqa: SLF001
    dynamo.recompile_limit = max(dynamo.recompile_limit, _VARIANTS)
    dynamo.accumulated_recompile_limit = max(dynamo.accumulated_recompile_limit, 4 * _VARIANTS)
    for block in blocks:
        block.forward = torch.compile(block.forward, dynamic=False)


def use_plain(blocks: Iterable[nn.Module]) -> None:
    """Undo ``compile_blocks``."""
    for block in blocks:
        block.__dict__.pop("forward", None)
