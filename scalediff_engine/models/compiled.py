"""Compiling the blocks that a model repeats, once for all of them, with a cache on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from scalediff_engine.memory.caches import compiled_folder

# Resolutions x native or not x one prompt or two: more than the eight that are usual.
_VARIANTS = 64


def compile_blocks(blocks: Iterable[nn.Module]) -> None:
    """Compile blocks that share their code; each shape of their input compiles once.

    What was compiled is kept in the user's cache folder, unless the environment names another.

    Args:
        blocks: repeated blocks, whatever surrounds them stays as it is
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(compiled_folder()))
    dynamo: Any = torch._dynamo.config  # pyright: ignore[reportPrivateUsage]
    dynamo.recompile_limit = max(dynamo.recompile_limit, _VARIANTS)
    dynamo.accumulated_recompile_limit = max(dynamo.accumulated_recompile_limit, 4 * _VARIANTS)
    # A block that cannot be compiled (a compiler that fails, no room on the disk or the device)
    # runs uncompiled from its first step on, with a warning. What running compiled code raises is
    # raised still, memory that ran out above all.
    dynamo.suppress_errors = True
    for block in blocks:
        block.forward = torch.compile(block.forward, dynamic=False)


def use_plain(blocks: Iterable[nn.Module]) -> None:
    """Undo ``compile_blocks``."""
    for block in blocks:
        block.__dict__.pop("forward", None)
