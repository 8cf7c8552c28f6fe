"""The kernel behind ``kernel``; imported only where Triton is."""

import triton
import triton.language as tl
from triton.runtime.errors import OutOfResources

__all__ = ["OutOfResources", "attention_kernel", "double_kernel"]


@triton.jit
def double_kernel(x, y, SIZE: tl.constexpr):
    """Double ``SIZE`` numbers; says whether kernels can be made and run here at all."""
    places = tl.arange(0, SIZE)
    tl.store(y + places, 2 * tl.load(x + places))


@triton.jit
def _attend(q, k, v, total, largest, out, inside, scale, WHOLE: tl.constexpr):
    """One step over some keys: (queries, keys) scores, softmax on the way."""
    scores = tl.dot(q, tl.trans(k)) * scale
    if not WHOLE:
        scores = tl.where(inside[None, :], scores, -float("inf"))
    new_largest = tl.maximum(largest, tl.max(scores, 1))
    weights = tl.math.exp2(scores - new_largest[:, None])
    shrink = tl.math.exp2(largest - new_largest)
    total = total * shrink + tl.sum(weights, 1)
    out = tl.dot(weights.to(v.dtype), v, out * shrink[:, None])
    return total, new_largest, out


@triton.jit
def attention_kernel(
    query,
    key,
    value,
    out,
    table,
    text_key,
    text_value,
    query_item,
    query_token,
    query_head,
    key_item,
    key_token,
    key_head,
    value_item,
    value_token,
    value_head,
    out_item,
    out_token,
    out_head,
    text_key_patch,
    text_key_token,
    text_key_head,
    text_value_token,
    text_value_head,
    heads,
    grid_cols,
    scale,
    WORDS: tl.constexpr,
    WINDOW_COLS: tl.constexpr,
    WINDOW_KEYS: tl.constexpr,
    DEPTH: tl.constexpr,
    QUERIES: tl.constexpr,
    KEYS: tl.constexpr,
):
    """Attend from up to QUERIES queries of one patch, of one item and head.

    A row of ``table`` says which: token of the patch's first query, columns of the patch, tokens
    from one of its rows to the next, the first of the queries that are meant, how many the patch
    has, token of its window's first key, the patch's number, nothing.
    """
    item = (tl.program_id(1) // heads).to(tl.int64)
    head = (tl.program_id(1) % heads).to(tl.int64)
    tile = table + tl.program_id(0) * 8
    first = tl.load(tile).to(tl.int64)
    patch_cols = tl.load(tile + 1)
    row_stride = tl.load(tile + 2)
    begin = tl.load(tile + 3)
    count = tl.load(tile + 4)
    first_key = tl.load(tile + 5).to(tl.int64)
    patch = tl.load(tile + 6).to(tl.int64)

    channel = tl.arange(0, DEPTH)
    local = begin + tl.arange(0, QUERIES)
    present = (local < count)[:, None]
    token = first + (local // patch_cols) * row_stride + local % patch_cols
    place = item * query_item + token * query_token + head * query_head
    q = tl.load(query + place[:, None] + channel[None, :], mask=present, other=0.0)

    largest = tl.full((QUERIES,), -float("inf"), dtype=tl.float32)
    total = tl.zeros((QUERIES,), dtype=tl.float32)
    summed = tl.zeros((QUERIES, DEPTH), dtype=tl.float32)

    if WORDS > 0:
        words_key = text_key + patch * text_key_patch + head * text_key_head
        words_value = text_value + head * text_value_head
        for start in range(0, WORDS, KEYS):
            word = start + tl.arange(0, KEYS)
            inside = word < WORDS
            mask = inside[:, None]
            spot = word[:, None] * text_key_token + channel[None, :]
            k = tl.load(words_key + spot, mask=mask, other=0.0)
            spot = word[:, None] * text_value_token + channel[None, :]
            v = tl.load(words_value + spot, mask=mask, other=0.0)
            total, largest, summed = _attend(
                q, k, v, total, largest, summed, inside, scale, WORDS % KEYS == 0
            )

    window_key = key + item * key_item + head * key_head + first_key * key_token
    window_value = value + item * value_item + head * value_head + first_key * value_token
    for start in range(0, WINDOW_KEYS, KEYS):
        at = start + tl.arange(0, KEYS)
        step = (at // WINDOW_COLS) * grid_cols + at % WINDOW_COLS
        inside = at < WINDOW_KEYS
        spot_key = step[:, None] * key_token + channel[None, :]
        spot_value = step[:, None] * value_token + channel[None, :]
        whole: tl.constexpr = WINDOW_KEYS % KEYS == 0
        if whole:
            k = tl.load(window_key + spot_key)
            v = tl.load(window_value + spot_value)
        else:
            k = tl.load(window_key + spot_key, mask=inside[:, None], other=0.0)
            v = tl.load(window_value + spot_value, mask=inside[:, None], other=0.0)
        total, largest, summed = _attend(q, k, v, total, largest, summed, inside, scale, whole)

    place = item * out_item + token * out_token + head * out_head
    result = (summed / total[:, None]).to(out.dtype.element_ty)
    tl.store(out + place[:, None] + channel[None, :], result, mask=present)
