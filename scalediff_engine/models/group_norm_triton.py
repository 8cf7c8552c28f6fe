"""The kernels behind ``group_norm``; imported only where Triton is."""

import triton
import triton.language as tl


@triton.jit
def sums_kernel(
    x,
    add,
    parts,
    pixels,
    channels,
    batch,
    HAS_ADD: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
):
    """Sum ROWS pixels of a picture, and their squares, into (2, programs, batch, channels)."""
    program = tl.program_id(0)
    item = tl.program_id(2)
    channel = tl.program_id(1) * BLOCK_CHANNELS + tl.arange(0, BLOCK_CHANNELS)
    inside = channel < channels
    addend = tl.zeros((BLOCK_CHANNELS,), dtype=tl.float32)
    if HAS_ADD:
        addend = tl.load(add + item * channels + channel, mask=inside, other=0).to(tl.float32)
    total = tl.zeros((BLOCK_ROWS, BLOCK_CHANNELS), dtype=tl.float32)
    squares = tl.zeros((BLOCK_ROWS, BLOCK_CHANNELS), dtype=tl.float32)
    for start in range(0, ROWS, BLOCK_ROWS):
        row = program * ROWS + start + tl.arange(0, BLOCK_ROWS)
        mask = (row < pixels)[:, None] & inside[None, :]
        place = (item.to(tl.int64) * pixels + row)[:, None] * channels + channel[None, :]
        value = tl.load(x + place, mask=mask, other=0).to(tl.float32) + addend[None, :]
        value = tl.where(mask, value, 0.0)
        total += value
        squares += value * value
    programs = tl.num_programs(0)
    out = (program * batch + item) * channels + channel
    tl.store(parts + out, tl.sum(total, axis=0), mask=inside)
    out += programs * batch * channels
    tl.store(parts + out, tl.sum(squares, axis=0), mask=inside)


@triton.jit
def affine_kernel(
    x,
    scale,
    shift,
    out,
    pixels,
    channels,
    ACTIVATE: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
):
    """Scale and shift by channel, then SiLU if ACTIVATE."""
    item = tl.program_id(2)
    row = tl.program_id(0) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)
    channel = tl.program_id(1) * BLOCK_CHANNELS + tl.arange(0, BLOCK_CHANNELS)
    inside = channel < channels
    mask = (row < pixels)[:, None] & inside[None, :]
    place = (item.to(tl.int64) * pixels + row)[:, None] * channels + channel[None, :]
    factor = tl.load(scale + item * channels + channel, mask=inside, other=0)
    addend = tl.load(shift + item * channels + channel, mask=inside, other=0)
    value = tl.load(x + place, mask=mask, other=0).to(tl.float32)
    value = value * factor[None, :] + addend[None, :]
    if ACTIVATE:
        value = value * tl.sigmoid(value)
    tl.store(out + place, value.to(out.dtype.element_ty), mask=mask)


@triton.jit
def add_kernel(
    x,
    y,
    bias,
    pixels,
    channels,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
):
    """Add a picture and a bias by channel to ``x``, in place."""
    row = tl.program_id(0) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)
    channel = tl.program_id(1) * BLOCK_CHANNELS + tl.arange(0, BLOCK_CHANNELS)
    inside = channel < channels
    mask = (row < pixels)[:, None] & inside[None, :]
    place = row.to(tl.int64)[:, None] * channels + channel[None, :]
    value = tl.load(x + place, mask=mask, other=0).to(tl.float32)
    value += tl.load(y + place, mask=mask, other=0).to(tl.float32)
    value += tl.load(bias + channel, mask=inside, other=0).to(tl.float32)[None, :]
    tl.store(x + place, value.to(x.dtype.element_ty), mask=mask)
