"""How clean a source is, measured on the source itself, and what the model's prompt says of it.

Four figures: noise of the luma and of the colours, steps at the borders of 8x8 blocks, and the balance
of the two finest bands of detail (low where a picture is blurred, high where it is noisy or has halos).
`Condition` turns them into a change of the prompt's quality tokens; without it the prompt is as it was.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

FIGURES = 4
_CENTRE = (3.2, 0.5, 0.4, -0.2)
_SPAN = (1.5, 1.0, 0.25, 0.4)


def _noise(plane):
    """Standard deviation from the median diagonal detail of 2x2 pixels, in 1/255: (n,)."""
    a, b, c, d = (plane[:, i::2, j::2] for i in (0, 1) for j in (0, 1))
    h, w = d.shape[-2:]
    diagonal = (a[:, :h, :w] - b[:, :h, :w] - c[:, :h, :w] + d) / 2
    return diagonal.abs().flatten(1).median(1).values / 0.6745 * 127.5


def _blocks(luma):
    """Log of the greatest mean step over an 8-pixel grid to the mean of all: (n,)."""
    found = []
    for plane in (luma, luma.mT):
        step = (plane[:, :, 1:] - plane[:, :, :-1]).abs()
        # a step that differs from those beside it; an edge of the picture's own seldom does
        step = (step[..., 1:-1] - (step[..., :-2] + step[..., 2:]) / 2).clamp(min=0).mean(1)
        if step.shape[1] < 8:  # too small to have a border of blocks
            found.append(torch.ones_like(step[:, 0]))
            continue
        whole = step[:, : step.shape[1] // 8 * 8].unflatten(1, (-1, 8)).mean(1)
        found.append(whole.amax(1) / (whole.mean(1) + 1e-4))
    return torch.stack(found).mean(0).clamp(min=1).log()


def figures(x):
    """(n, 3, h, w) in [-1, 1] -> (n, 4), each about within -1..1. At least 8 pixels a side."""
    x = x.float()
    luma = 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    colour = torch.maximum(_noise(x[:, 2] - luma), _noise(x[:, 0] - luma))
    half = F.avg_pool2d(luma[:, None], 2)
    quarter = F.avg_pool2d(half, 2)

    def detail(fine, coarse):
        again = F.interpolate(coarse, size=fine.shape[-2:], mode="bilinear")
        return (fine - again).abs().mean((1, 2, 3)) + 1e-3

    balance = (detail(luma[:, None], half) / detail(half, quarter)).log()
    found = (_noise(luma) + 0.25).log2(), (colour + 0.25).log2(), _blocks(luma), balance
    centre, span = x.new_tensor(_CENTRE), x.new_tensor(_SPAN)
    return ((torch.stack(found, 1) - centre) / span).clamp(-2, 2)


class Condition(nn.Module):
    """Figures -> what is added to the prompt's quality tokens, (n, tokens, dim); zero at first."""

    def __init__(self, tokens, dim, hidden=32):
        super().__init__()
        self.inner = nn.Linear(FIGURES, hidden)
        self.outer = nn.Linear(hidden, tokens * dim)
        self.shape = tokens, dim
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, found):
        return self.outer(F.silu(self.inner(found))).unflatten(1, self.shape)
