"""Running convolutional layers over a large picture in strips of rows, exactly.

A strip is computed from the rows that it depends on, and group normalisation uses the statistics
of the whole picture, so the result is that of the whole picture at once: no seams, no strip that
is lighter than the next. Where a layer's output fits into the working memory it is kept; where it
does not, the rows that the next layers need are computed again for each pass that gathers the
statistics of one more normalisation. Arithmetic is paid instead of memory, and on a GPU there is
plenty of it.

Every picture here is a single one: (1, C, H, W), channels last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from scalediff_engine.models.group_norm import Affine, Sums, affine_of, apply_affine, pixel_sums

# Tensors of a strip that are alive at once, in units of its widest one: input, normalised input,
# convolution's output and workspace, residual.
_LIVE_TENSORS = 5
# Index arithmetic of convolution kernels is 32 bits wide.
_MOST_ELEMENTS = 2**30
_FEWEST_ROWS = 8


class Rows(NamedTuple):
    """Rows ``start:stop`` of a picture."""

    start: int
    stop: int

    def wider(self, by: int, height: int) -> Rows:
        """These rows and ``by`` more on both sides, as far as there are any."""
        return Rows(max(0, self.start - by), min(height, self.stop + by))


class Layer(Protocol):
    """A layer that can compute some rows of its output from some rows of its input."""

    @property
    def norms(self) -> Sequence[nn.GroupNorm]:
        """Normalisations, in the order in which their statistics can be known."""
        ...

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        ...

    @property
    def widest(self) -> float:
        """The most channels of a tensor inside, times its pixels for one of the output."""
        ...

    def out_height(self, height: int) -> int:
        """Rows of the output for an input of ``height`` rows; columns follow the same rule."""
        ...

    def needs(self, rows: Rows, height: int) -> Rows:
        """Which input rows output ``rows`` depend on; ``height`` is the input's."""
        ...

    def run(self, x: Tensor, have: Rows, rows: Rows, height: int, affines: list[Affine]) -> Tensor:
        """Compute output ``rows`` from the input's rows ``have``."""
        ...

    def probe_needs(self, norm: int, rows: Rows, height: int) -> Rows:
        """Which input rows the input of a normalisation depends on."""
        ...

    def probe(
        self, norm: int, x: Tensor, have: Rows, rows: Rows, height: int, affines: list[Affine]
    ) -> Tensor:
        """Compute ``rows`` of what normalisation ``norm`` sees; the ones before it are known."""
        ...


def conv_rows(conv: nn.Conv2d, x: Tensor, have: Rows, rows: Rows) -> Tensor:
    """Compute ``rows`` of a 3x3 convolution from ``have``, which are a row more on each side.

    At the picture's own border there is no row more, and zeros are what the layer sees there.
    """
    y = conv(x)
    return y[:, :, rows.start - have.start : y.shape[2] - (have.stop - rows.stop)]


@dataclass
class Convolution:
    """A 3x3 convolution, after normalisation and SiLU if there is a norm."""

    conv: nn.Conv2d
    norm: nn.GroupNorm | None = None

    def __post_init__(self) -> None:
        self.norms = () if self.norm is None else (self.norm,)
        self.out_channels = self.conv.out_channels
        self.widest = max(self.conv.in_channels, self.conv.out_channels)

    def out_height(self, height: int) -> int:
        """See ``Layer``."""
        return height

    def needs(self, rows: Rows, height: int) -> Rows:
        """See ``Layer``."""
        return rows.wider(1, height)

    def run(self, x: Tensor, have: Rows, rows: Rows, height: int, affines: list[Affine]) -> Tensor:
        """See ``Layer``."""
        if affines:
            x = apply_affine(x, affines[0], activate=True)
        return conv_rows(self.conv, x, have, rows)

    def probe_needs(self, norm: int, rows: Rows, height: int) -> Rows:
        """See ``Layer``."""
        return rows

    def probe(
        self, norm: int, x: Tensor, have: Rows, rows: Rows, height: int, affines: list[Affine]
    ) -> Tensor:
        """See ``Layer``."""
        return x


@dataclass
class Residual:
    """diffusers' residual block without a time embedding."""

    norm1: nn.GroupNorm
    conv1: nn.Conv2d
    norm2: nn.GroupNorm
    conv2: nn.Conv2d
    shortcut: nn.Conv2d | None

    def __post_init__(self) -> None:
        self.norms = (self.norm1, self.norm2)
        self.out_channels = self.conv2.out_channels
        self.widest = max(self.conv1.in_channels, self.conv1.out_channels)

    def out_height(self, height: int) -> int:
        """See ``Layer``."""
        return height

    def needs(self, rows: Rows, height: int) -> Rows:
        """See ``Layer``."""
        return rows.wider(2, height)

    def run(self, x: Tensor, have: Rows, rows: Rows, height: int, affines: list[Affine]) -> Tensor:
        """See ``Layer``."""
        middle = rows.wider(1, height)
        h = self.probe(1, x, have, middle, height, affines)
        return self.second_half(h, middle, x, have, rows, affines[1])

    def probe_needs(self, norm: int, rows: Rows, height: int) -> Rows:
        """See ``Layer``."""
        return rows.wider(norm, height)

    def probe(
        self, norm: int, x: Tensor, have: Rows, rows: Rows, height: int, affines: list[Affine]
    ) -> Tensor:
        """See ``Layer``."""
        if norm == 0:
            return x
        return conv_rows(self.conv1, apply_affine(x, affines[0], activate=True), have, rows)

    def second_half(
        self, h: Tensor, h_rows: Rows, x: Tensor, have: Rows, rows: Rows, affine: Affine
    ) -> Tensor:
        """Go from the first convolution's output, and the input, to the block's output."""
        y = conv_rows(self.conv2, apply_affine(h, affine, activate=True), h_rows, rows)
        x = x[:, :, rows.start - have.start : rows.stop - have.start]
        return y.add_(x if self.shortcut is None else self.shortcut(x))


@dataclass
class Doubling:
    """Nearest-neighbour enlargement by two and a 3x3 convolution."""

    conv: nn.Conv2d
    norms: Sequence[nn.GroupNorm] = ()

    def __post_init__(self) -> None:
        self.out_channels = self.conv.out_channels
        self.widest = max(self.conv.in_channels, self.conv.out_channels)

    def out_height(self, height: int) -> int:
        """See ``Layer``."""
        return 2 * height

    def needs(self, rows: Rows, height: int) -> Rows:
        """See ``Layer``."""
        wider = rows.wider(1, 2 * height)
        return Rows(wider.start // 2, -(-wider.stop // 2))

    def run(self, x: Tensor, have: Rows, rows: Rows, height: int, affines: list[Affine]) -> Tensor:
        """See ``Layer``."""
        enlarged = interpolate(x, scale_factor=2.0, mode="nearest")
        return conv_rows(self.conv, enlarged, Rows(2 * have.start, 2 * have.stop), rows)

    def probe_needs(self, norm: int, rows: Rows, height: int) -> Rows:
        """Nothing to probe: there is no normalisation."""
        raise NotImplementedError

    def probe(
        self, norm: int, x: Tensor, have: Rows, rows: Rows, height: int, affines: list[Affine]
    ) -> Tensor:
        """Nothing to probe: there is no normalisation."""
        raise NotImplementedError


@dataclass
class Halving:
    """A 3x3 convolution of stride two, padded with zeros at the right and at the bottom."""

    conv: nn.Conv2d
    norms: Sequence[nn.GroupNorm] = ()

    def __post_init__(self) -> None:
        self.out_channels = self.conv.out_channels
        self.widest = 4 * self.conv.in_channels  # four input pixels to one of the output

    def out_height(self, height: int) -> int:
        """See ``Layer``."""
        return height // 2

    def needs(self, rows: Rows, height: int) -> Rows:
        """See ``Layer``."""
        return Rows(2 * rows.start, min(height, 2 * rows.stop + 1))

    def run(self, x: Tensor, have: Rows, rows: Rows, height: int, affines: list[Affine]) -> Tensor:
        """See ``Layer``."""
        return self.conv(pad(x, (0, 1, 0, 2 * rows.stop + 1 - have.stop)))

    def probe_needs(self, norm: int, rows: Rows, height: int) -> Rows:
        """Nothing to probe: there is no normalisation."""
        raise NotImplementedError

    def probe(
        self, norm: int, x: Tensor, have: Rows, rows: Rows, height: int, affines: list[Affine]
    ) -> Tensor:
        """Nothing to probe: there is no normalisation."""
        raise NotImplementedError


@dataclass
class Whole:
    """A layer that needs the whole picture and gives one of the same shape (attention)."""

    function: Callable[[Tensor], Tensor]


@dataclass
class _Kept:
    """A picture in memory, and its sums where they were gathered while it was made."""

    pixels: Tensor
    sums: Sums | None = None
    ours: bool = False  # nobody else needs it: it may be overwritten


@dataclass
class _Segment:
    """Layers between one kept picture and the next."""

    source: _Kept
    layers: list[Layer] = field(default_factory=list[Layer])
    affines: list[list[Affine]] = field(default_factory=list[list[Affine]])

    def height(self, upto: int) -> int:
        """Rows of the input of layer ``upto``."""
        height = self.source.pixels.shape[2]
        for layer in self.layers[:upto]:
            height = layer.out_height(height)
        return height

    def width(self, upto: int) -> int:
        """Columns of the input of layer ``upto``."""
        width = self.source.pixels.shape[3]
        for layer in self.layers[:upto]:
            width = layer.out_height(width)
        return width

    def rows(self, upto: int, rows: Rows) -> Tensor:
        """Compute rows of the input of layer ``upto``."""
        if upto == 0:
            return self.source.pixels[:, :, rows.start : rows.stop]
        layer, height = self.layers[upto - 1], self.height(upto - 1)
        have = layer.needs(rows, height)
        x = self.rows(upto - 1, have)
        return layer.run(x, have, rows, height, self.affines[upto - 1])


def run_layers(
    layers: Sequence[Layer | Whole], picture: Tensor, working_bytes: int | None
) -> Tensor:
    """Run layers one after the other.

    Args:
        layers: see above
        picture: (1, C, H, W), channels last; stays as it is
        working_bytes: to use beside the input and the output; None = keep every layer's output

    Returns:
        (1, C', H', W') of the last layer.
    """
    kept = _Kept(picture)
    pending: list[Layer] = []
    for index, layer in enumerate(layers):
        if isinstance(layer, Whole):
            kept, pending = _make(pending, kept, working_bytes), []
            kept = _Kept(layer.function(kept.pixels), ours=True)
            continue
        pending.append(layer)
        last = index + 1 == len(layers)
        in_place = len(pending) == 1 and _is_in_place(layer, kept)
        if not in_place and not last and not isinstance(layers[index + 1], Whole):
            segment = _Segment(kept, pending)
            height, width = segment.height(len(pending)), segment.width(len(pending))
            bytes_out = height * width * layer.out_channels * picture.element_size()
            if working_bytes is not None and bytes_out + _size(kept) > working_bytes * 3 // 4:
                continue
        kept, pending = _make(pending, kept, working_bytes), []
    return kept.pixels


def _size(kept: _Kept) -> int:
    return kept.pixels.numel() * kept.pixels.element_size() if kept.ours else 0


def _make(layers: list[Layer], source: _Kept, working_bytes: int | None) -> _Kept:
    """Run a segment; its output is kept."""
    if not layers:
        return source
    if len(layers) == 1 and isinstance(layers[0], Residual):
        layer = layers[0]
        pixels = source.pixels.shape[2] * source.pixels.shape[3]
        middle = pixels * layer.out_channels * source.pixels.element_size()
        in_place = _is_in_place(layer, source)
        need = _size(source) + middle * (1 if in_place else 2)
        if working_bytes is None or need <= working_bytes * 7 // 8:
            return _residual(layer, source, working_bytes, in_place=in_place)
        if in_place:
            return _narrow_residual(layer, source, working_bytes)
    segment = _Segment(source, layers, [[] for _ in layers])
    for upto, layer in enumerate(layers):
        for norm, module in enumerate(layer.norms):
            sums = source.sums if upto == norm == 0 else None
            if sums is None:
                sums = _probe(segment, upto, norm, working_bytes)
            segment.affines[upto].append(affine_of(module, sums))
    return _fill(
        lambda rows: segment.rows(len(layers), rows),
        (segment.height(len(layers)), segment.width(len(layers)), layers[-1].out_channels),
        _strip_rows(segment, len(layers), working_bytes),
        source.pixels,
    )


def _probe(segment: _Segment, upto: int, norm: int, working_bytes: int | None) -> Sums:
    """Gather the sums of what a normalisation inside a segment sees."""
    layer, height = segment.layers[upto], segment.height(upto)
    total: Sums | None = None
    for rows in _strips(height, _strip_rows(segment, upto + 1, working_bytes)):
        have = layer.probe_needs(norm, rows, height)
        x = segment.rows(upto, have)
        sums = pixel_sums(layer.probe(norm, x, have, rows, height, segment.affines[upto]))
        total = sums if total is None else total + sums
    assert total is not None
    return total


def _residual(
    layer: Residual, source: _Kept, working_bytes: int | None, *, in_place: bool
) -> _Kept:
    """A residual block with its middle kept: each convolution runs once."""
    x = source.pixels
    height, width = x.shape[2:]
    segment = _Segment(source, [layer], [[]])
    strip = _strip_rows(segment, 1, working_bytes)
    sums = source.sums or _probe(segment, 0, 0, working_bytes)
    affines = [affine_of(layer.norm1, sums)]

    def first_half(rows: Rows) -> Tensor:
        have = rows.wider(1, height)
        return layer.probe(1, x[:, :, have.start : have.stop], have, rows, height, affines)

    middle = _fill(first_half, (height, width, layer.out_channels), strip, x)
    assert middle.sums is not None
    affine = affine_of(layer.norm2, middle.sums)

    def second_half(rows: Rows) -> Tensor:
        have = rows.wider(1, height)
        h = middle.pixels[:, :, have.start : have.stop]
        return layer.second_half(h, have, x[:, :, rows.start : rows.stop], rows, rows, affine)

    shape = (height, width, layer.out_channels)
    return _fill(second_half, shape, strip, x, into=x if in_place else None)


def _is_in_place(layer: Layer, source: _Kept) -> bool:
    """Whether a layer's output may take the place of its input."""
    return isinstance(layer, Residual) and layer.shortcut is None and source.ours


def _narrow_residual(layer: Residual, source: _Kept, working_bytes: int) -> _Kept:
    """A residual block in the place of its input, with nothing kept beside it.

    Its first convolution runs twice: for the statistics, and strip by strip for the second one.
    """
    x = source.pixels
    height = x.shape[2]
    segment = _Segment(source, [layer], [[]])
    strip = _strip_rows(segment, 1, working_bytes)
    segment.affines[0].append(
        affine_of(layer.norm1, source.sums or _probe(segment, 0, 0, working_bytes))
    )
    segment.affines[0].append(affine_of(layer.norm2, _probe(segment, 0, 1, working_bytes)))
    halo = 2  # rows above a strip that its two convolutions see
    above = x[:, :, :0]
    total: Sums | None = None
    for rows in _strips(height, strip):
        have = layer.needs(rows, height)
        # the rows above were overwritten when their own turn came
        inside = x[:, :, rows.start : have.stop]
        around = torch.cat([above, inside], dim=2) if above.shape[2] else inside
        above = x[:, :, max(0, rows.stop - halo) : rows.stop].clone()
        part = layer.run(around, have, rows, height, segment.affines[0])
        x[:, :, rows.start : rows.stop] = part
        sums = pixel_sums(part)
        total = sums if total is None else total + sums
    return _Kept(x, total, ours=True)


def _fill(
    compute: Callable[[Rows], Tensor],
    shape: tuple[int, int, int],
    strip: int,
    like: Tensor,
    into: Tensor | None = None,
) -> _Kept:
    """Compute a picture of (height, width, channels) strip by strip, and its sums on the way."""
    height, width, channels = shape
    if into is None:
        into = torch.empty(
            (1, channels, height, width),
            dtype=like.dtype,
            device=like.device,
            memory_format=torch.channels_last,
        )
    total: Sums | None = None
    for rows in _strips(height, strip):
        part = compute(rows)
        into[:, :, rows.start : rows.stop] = part
        sums = pixel_sums(part)
        total = sums if total is None else total + sums
    return _Kept(into, total, ours=True)


def _strips(height: int, strip: int) -> Iterator[Rows]:
    for start in range(0, height, strip):
        yield Rows(start, min(height, start + strip))


def _strip_rows(segment: _Segment, upto: int, working_bytes: int | None) -> int:
    """How many rows of the output of layer ``upto - 1`` may be computed at once."""
    height, width = segment.height(upto), segment.width(upto)
    widest = max(
        layer.widest * segment.width(i + 1) * segment.height(i + 1) / (width * height)
        for i, layer in enumerate(segment.layers[:upto])
    )
    elements_a_row = widest * width
    rows = _MOST_ELEMENTS // elements_a_row
    if working_bytes is not None:
        bytes_a_row = elements_a_row * segment.source.pixels.element_size() * _LIVE_TENSORS
        rows = min(rows, working_bytes // 4 // bytes_a_row)
    return int(max(_FEWEST_ROWS, min(rows, height)))
