"""Neighborhood Patch Attention: every query patch attends to the native-size window around it.

Source: ScaleDiff (arXiv 2510.25818), section 3.1.
"""

from __future__ import annotations

from contextlib import suppress

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.method.kernel import (
    KernelTooLarge,
    Text,
    attend_image,
    attend_text,
    has_kernel,
    window_tokens,
)
from scalediff_engine.method.npa_sdpa import attend_in_pieces
from scalediff_engine.method.patches import PatchGroup, lay_out_patches

NO_OFFSET = Offset(0, 0)

# PyTorch's attention on these goes over the keys bit by bit. Elsewhere it may write the scores out:
# then so many of them at once, half a GiB in 16 bits.
_WITHOUT_SCORES = frozenset({"cpu", "cuda"})
_SCORES = 2**28


def neighborhood_patch_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    grid: Grid,
    window: Grid,
    offset: Offset = NO_OFFSET,
    window_bytes: int | None = None,
) -> Tensor:
    """Let every query patch attend to the window of keys around it.

    Args:
        query: (B, heads, rows*cols, D), tokens row-major over ``grid``; fastest as a transposed
            view of (B, rows*cols, heads, D)
        key, value: as ``query``
        grid: rows x cols of tokens
        window: rows x cols of keys that one patch sees; a patch is half of it per side
        offset: where the tiling starts, in tokens (jitter)
        window_bytes: keys and values to gather at a time; None = all at once

    Returns:
        (B, heads, rows*cols, D), in the order of ``query``. A grid no larger than the window is
        plain attention.

    Raises:
        ValueError: a side of the window is smaller than 2, or the tokens do not fill the grid.

    Source: ScaleDiff (arXiv 2510.25818), section 3.1; ragged patches and the offset are ours.
    """
    _check_tokens(query, grid)
    if grid.fits_in(window):
        return scaled_dot_product_attention(query, key, value)
    if has_kernel(query):
        q, k, v = (t.transpose(1, 2) for t in (query, key, value))
        with suppress(KernelTooLarge):
            return attend_image(q, k, v, grid, window, offset).transpose(1, 2)
    batch = query.shape[0]
    queries, keys, values = (_flat(t) for t in (query, key, value))
    layout = lay_out_patches(
        grid,
        window,
        offset,
        batch=batch,
        patches_at_once=_patches_at_once(key, grid, window, window_bytes),
        device=query.device,
    )
    attended = [
        attend_in_pieces(
            queries.index_select(0, group.queries),
            _windows(keys, group),
            _windows(values, group),
            group.lengths,
        )
        for group in layout.groups
    ]
    out = _joined(attended).index_select(0, layout.places)
    return out.unflatten(0, (batch, -1)).transpose(1, 2)


def joint_neighborhood_patch_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    text_query: Tensor,
    text_key: Tensor,
    text_value: Tensor,
    displacement: tuple[Tensor, Tensor],
    grid: Grid,
    window: Grid,
    offset: Offset = NO_OFFSET,
    window_bytes: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Attend jointly over text and image, each image patch to the text and its own window.

    Image tokens carry rotary positions of the full grid already, and text tokens those that they
    have at the native size. Text is rotated further here, per patch, by as much as the window's
    first token lies away from the native picture's first token, so that text and image stand to
    each other as they do at the native size: wherever the model places its text, and wherever its
    grid begins.

    Args:
        query, key, value: (B, heads, rows*cols, D) image tokens, query and key rotated; fastest
            as transposed views of (B, rows*cols, heads, D)
        text_query, text_key, text_value: (B, heads, T, D), query and key rotated
        displacement: cos and sin, (rows*cols, D) each, of the rotation from the native picture's
            first token to each token, for interleaved pairs of channels; see ``displacement_from``
        grid: rows x cols of image tokens
        window: rows x cols of image keys that one patch sees
        offset: where the tiling starts, in tokens
        window_bytes: keys and values to gather at a time; None = all at once

    Returns:
        (B, heads, rows*cols, D) image tokens; (B, heads, T, D) text tokens, averaged over patches.

    Raises:
        ValueError: a side of the window is smaller than 2, or the tokens do not fill the grid.

    Source: ScaleDiff (arXiv 2510.25818), section 3.1, for joint attention of text and image.
    """
    _check_tokens(query, grid)
    if has_kernel(query):
        image = [t.transpose(1, 2) for t in (query, key, value)]
        texts = [t.transpose(1, 2) for t in (text_query, text_key, text_value)]
        with suppress(KernelTooLarge):
            return _joint_by_kernel(image, texts, displacement, grid, window, offset)
    layout = lay_out_patches(
        grid,
        window,
        offset,
        batch=1,  # one item after the other: no model with such blocks had a second one
        patches_at_once=_patches_at_once(key, grid, window, window_bytes, text_key.shape[2]),
        device=query.device,
    )
    out: list[Tensor] = []
    text_out: list[Tensor] = []
    for item in range(query.shape[0]):
        image = [t[item].transpose(0, 1) for t in (query, key, value)]  # (tokens, heads, D)
        text = [t[item].transpose(0, 1) for t in (text_query, text_key, text_value)]
        attended: list[Tensor] = []
        text_sum = torch.zeros_like(text[0], dtype=torch.float32)
        for group in layout.groups:
            part, part_text = _attend_jointly(group, image, text, displacement)
            attended.append(part)
            text_sum += part_text
        out.append(_joined(attended).index_select(0, layout.places))
        text_out.append((text_sum / layout.patches).to(text_query.dtype))
    return torch.stack(out).transpose(1, 2), torch.stack(text_out).transpose(1, 2)


def displacement_from(
    origin: tuple[Tensor, Tensor], rotary: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the rotation that leads from one position to others.

    Args:
        origin: cos and sin, (D,) each, of the native picture's first token
        rotary: cos and sin, (rows*cols, D) each, of the tokens of a grid

    Returns:
        cos and sin, (rows*cols, D) each, of the difference of the angles.
    """
    (origin_cos, origin_sin), (cos, sin) = origin, rotary
    return cos * origin_cos + sin * origin_sin, sin * origin_cos - cos * origin_sin


def _joint_by_kernel(
    image: list[Tensor],
    texts: list[Tensor],
    displacement: tuple[Tensor, Tensor],
    grid: Grid,
    window: Grid,
    offset: Offset,
) -> tuple[Tensor, Tensor]:
    """See ``joint_neighborhood_patch_attention``; (B, tokens, heads, D) in and out."""
    firsts = window_tokens(grid, window, offset, image[0].device)
    cos, sin = (t[firsts, None, None, :] for t in displacement)  # (patches, 1, 1, D)
    out: list[Tensor] = []
    text_out: list[Tensor] = []
    for item in range(len(image[0])):
        q, k, v = (t[item : item + 1] for t in image)
        text_q, text_k, text_v = (t[item] for t in texts)
        text = Text(_rotate(text_q, cos, sin), _rotate(text_k, cos, sin), text_v)
        out.append(attend_image(q, k, v, grid, window, offset, text))
        of_patches = attend_text(k, v, grid, window, offset, text)
        text_out.append(of_patches.mean(0, dtype=torch.float32).to(text_q.dtype)[None])
    return _joined(out).transpose(1, 2), _joined(text_out).transpose(1, 2)


def _attend_jointly(
    group: PatchGroup,
    image: list[Tensor],
    text: list[Tensor],
    displacement: tuple[Tensor, Tensor],
) -> tuple[Tensor, Tensor]:
    """Give the image's outputs in the order of the group, and the text's summed over patches."""
    words = len(text[0])
    cos, sin = (t[group.windows[:, 0], None, None, :] for t in displacement)  # (patches, 1, 1, D)
    # each patch's text, turned to where its window starts: (patches * T, heads, D)
    text_q, text_k = (_rotate(t, cos, sin).flatten(0, 1) for t in text[:2])
    # Text follows the image in one list of tokens, so that one gather brings both together.
    sources = [
        torch.cat([of_image, of_text])
        for of_image, of_text in zip(image, (text_q, text_k, text[2]), strict=True)
    ]
    of_patch = len(image[0]) + torch.arange(len(text_q), device=text_q.device).view(-1, words)
    of_all = of_patch[:1].expand_as(of_patch)  # values are not turned: one text serves all
    attended = attend_in_pieces(
        sources[0].index_select(0, _questions(group, of_patch)),
        sources[1][torch.cat([of_patch, group.windows], dim=1)],
        sources[2][torch.cat([of_all, group.windows], dim=1)],
        [words + length for length in group.lengths],
    )
    answers: list[Tensor] = []
    text_sum = torch.zeros_like(text[0], dtype=torch.float32)
    token = 0
    for count, length in group.pieces:
        tokens = count * (words + length)
        out = attended[token : token + tokens].unflatten(0, (count, words + length))
        text_sum += out[:, :words].sum(0, dtype=torch.float32)
        answers.append(out[:, words:].flatten(0, 1))
        token += tokens
    return _joined(answers), text_sum


def _windows(tokens: Tensor, group: PatchGroup) -> Tensor:
    """(tokens, heads, D) to (patches, window, heads, D)."""
    return tokens.index_select(0, group.windows.flatten()).unflatten(0, group.windows.shape)


def _questions(group: PatchGroup, of_patch: Tensor) -> Tensor:
    """Indices of the text's and the image's queries, patch after patch."""
    parts: list[Tensor] = []
    patch = token = 0
    for count, length in group.pieces:
        image = group.queries[token : token + count * length].view(count, length)
        parts.append(torch.cat([of_patch[patch : patch + count], image], dim=1).flatten())
        patch, token = patch + count, token + count * length
    return torch.cat(parts)


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _check_tokens(query: Tensor, grid: Grid) -> None:
    if query.shape[2] != grid.cells:
        raise ValueError(f"{query.shape[2]} tokens do not fill a grid of {grid.rows}x{grid.cols}.")


def _flat(tokens: Tensor) -> Tensor:
    """(B, heads, N, D) to (B*N, heads, D), a view where the tokens lie that way in memory."""
    return tokens.transpose(1, 2).flatten(0, 1)


def _patches_at_once(
    key: Tensor, grid: Grid, window: Grid, window_bytes: int | None, words: int = 0
) -> int | None:
    _, heads, _, depth = key.shape
    rows, cols = min(window.rows, grid.rows), min(window.cols, grid.cols)
    keys, queries = rows * cols, min(window.rows // 2, rows) * min(window.cols // 2, cols)
    limits: list[int] = []
    if window_bytes is not None:
        limits.append(window_bytes // (2 * keys * heads * depth * key.element_size()))
    if key.device.type not in _WITHOUT_SCORES:
        limits.append(_SCORES // (heads * (words + queries) * (words + keys)))
    return max(1, min(limits)) if limits else None


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate interleaved channel pairs by the angles of ``cos`` and ``sin``, in float32."""
    pairs = x.float().unflatten(-1, (-1, 2))
    turned = torch.stack([-pairs[..., 1], pairs[..., 0]], dim=-1).flatten(-2)
    return (x.float() * cos + turned * sin).to(x.dtype)
