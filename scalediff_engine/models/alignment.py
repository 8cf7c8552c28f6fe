"""Weights where the processor likes them, whatever the file that they came out of."""

from __future__ import annotations

import torch
from torch import nn

ALIGNMENT_BYTES = 64


@torch.no_grad()
def align(model: nn.Module) -> None:
    """Copy weights that are views of a file and begin anywhere to where allocations begin.

    A matrix product on a CPU rounds differently for another alignment, so the same weights out of
    a folder and out of a single file would give two pictures that differ in their last bits.

    Args:
        model: in main memory; its weights are replaced
    """
    for weight in model.parameters():
        if weight.data_ptr() % ALIGNMENT_BYTES:
            weight.data = weight.data.clone()
