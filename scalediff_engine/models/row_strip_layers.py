"""Running convolutional layers over a large picture in strips of rows, exactly.

A strip is computed from the rows that it depends on, and group normalisation uses the statistics
of the whole picture, so the result is that of the whole picture at once: no seams, no strip that
is lighter than the next. Where a layer's output fits into the working memory it is kept: beside
what it is made from, or slab by slab in its place. Where it does not, the rows that the next layers
need are computed again for each pass that gathers the statistics of one more normalisation.
Arithmetic is paid instead of memory, and on a GPU there is plenty of it.

Every picture here is a single one: (1, C, H, W), channels last.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate, zip_longest
from operator import add

from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from scalediff_engine.models.group_norm import Affine, Sums, affine_of, apply_affine, pixel_sums
from scalediff_engine.models.row_buffer import RowBuffer, Rows, Shape, WorkingMemory, plan_memory

# Tensors of a strip that are alive at once, in units of its widest one: input, normalised input,
# convolution's output and workspace, residual.
_LIVE_TENSORS = 5
# Index arithmetic of convolution kernels is 32 bits wide.
_MOST_ELEMENTS = 2**30
_FEWEST_ROWS = 8


class Layer(ABC):
    """A layer that can compute some rows of its output from some rows of its input.

    Attributes:
        norms: normalisations, in the order in which their statistics can be known
        out_channels: of the output
        widest: the most channels of a tensor inside, times its pixels for one of the output
    """

    norms: Sequence[nn.GroupNorm] = ()
    out_channels: int
    widest: float

    def out_height(self, height: int) -> int:
        """Rows of the output for an input of ``height`` rows; columns follow the same rule."""
        return height

    @abstractmethod
    def needs(self, rows: Rows, height: int) -> Rows:
        """Which input rows output ``rows`` depend on; ``height`` is the input's."""

    @abstractmethod
    def run(self, x: Tensor, have: Rows, rows: Rows, height: int, affines: list[Affine]) -> Tensor:
        """Compute output ``rows`` from the input's rows ``have``."""

    def probe_needs(self, norm: int, rows: Rows, height: int) -> Rows:
        """Which input rows the input of a normalisation depends on."""
        raise NotImplementedError

    def probe(
        self, norm: int, x: Tensor, have: Rows, rows: Rows, height: int, affines: list[Affine]
    ) -> Tensor:
        """Compute ``rows`` of what normalisation ``norm`` sees; the ones before it are known."""
        raise NotImplementedError


def conv_rows(conv: nn.Conv2d, x: Tensor, have: Rows, rows: Rows) -> Tensor:
    """Compute ``rows`` of a 3x3 convolution from ``have``, which are a row more on each side.

    At the picture's own border there is no row more, and zeros are what the layer sees there.
    """
    y = conv(x)
    return y[:, :, rows.start - have.start : y.shape[2] - (have.stop - rows.stop)]


@dataclass
class Convolution(Layer):
    """A 3x3 convolution, after normalisation and SiLU if there is a norm."""

    conv: nn.Conv2d
    norm: nn.GroupNorm | None = None

    def __post_init__(self) -> None:
        self.norms = () if self.norm is None else (self.norm,)
        self.out_channels = self.conv.out_channels
        self.widest = max(self.conv.in_channels, self.conv.out_channels)

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
class Residual(Layer):
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
class Upsample(Layer):
    """Nearest-neighbour enlargement by two and a 3x3 convolution."""

    conv: nn.Conv2d

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


@dataclass
class Downsample(Layer):
    """A 3x3 convolution of stride two, padded with zeros at the right and at the bottom."""

    conv: nn.Conv2d

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


@dataclass
class GlobalLayer:
    """A layer that needs the whole picture and gives one of the same shape (attention)."""

    function: Callable[[Tensor], Tensor]


def _shape_after(before: Shape, layer: Layer | GlobalLayer) -> Shape:
    if isinstance(layer, GlobalLayer):
        return before
    height, width = layer.out_height(before.height), layer.out_height(before.width)
    return Shape(height, width, layer.out_channels)


@dataclass
class _Segment:
    """Layers between one kept picture and the next."""

    source: RowBuffer
    layers: list[Layer]

    def __post_init__(self) -> None:
        self.affines: list[list[Affine]] = [[] for _ in self.layers]  # as far as they are known

    def shape(self, upto: int) -> Shape:
        """Shape of the input of layer ``upto``."""
        return reduce(_shape_after, self.layers[:upto], self.source.shape)

    def rows(self, upto: int, rows: Rows) -> Tensor:
        """Compute rows of the input of layer ``upto``."""
        if upto == 0:
            return self.source.read(rows)
        layer, height = self.layers[upto - 1], self.shape(upto - 1).height
        have = layer.needs(rows, height)
        x = self.rows(upto - 1, have)
        return layer.run(x, have, rows, height, self.affines[upto - 1])

    def probe(self, upto: int, norm: int, rows: Rows) -> Tensor:
        """Compute rows of what a normalisation of layer ``upto`` sees."""
        layer, height = self.layers[upto], self.shape(upto).height
        have = layer.probe_needs(norm, rows, height)
        x = self.rows(upto, have)
        return layer.probe(norm, x, have, rows, height, self.affines[upto])

    def release(self, before: int) -> None:
        """Drop the rows of the source that only rows of the output above ``before`` depend on."""
        rows = Rows(before, before + 1)
        for upto in reversed(range(len(self.layers))):
            rows = self.layers[upto].needs(rows, self.shape(upto).height)
        self.source.release(rows.start)


def run_layers(
    layers: Sequence[Layer | GlobalLayer], picture: Tensor, working_bytes: int | None
) -> Tensor:
    """Run layers one after the other.

    Args:
        layers: see above
        picture: (1, C, H, W), channels last; stays as it is
        working_bytes: to use beside the input and the output; None = keep every layer's output

    Returns:
        (1, C', H', W') of the last layer.
    """
    kept = RowBuffer.of(picture, ours=False)
    _, *made = accumulate(layers[:-1], _shape_after, initial=kept.shape)
    memory = plan_memory(working_bytes, made, picture.element_size())
    pending: list[Layer] = []
    for layer, following in zip_longest(layers, layers[1:]):
        if isinstance(layer, GlobalLayer):
            kept = RowBuffer.of(layer.function(kept.whole()), ours=True)
            continue
        pending.append(layer)
        last = following is None
        if last or isinstance(following, GlobalLayer) or _may_be_kept(pending, kept, memory):
            kept, pending = _make(pending, kept, memory, last=last), []
    return kept.whole()


def _may_be_kept(layers: list[Layer], source: RowBuffer, memory: WorkingMemory) -> bool:
    """Whether there is room for the output of a segment while it is made."""
    out = source.empty(_Segment(source, layers).shape(len(layers)), None)
    return memory.holds(memory.to_make(source.bytes, out.bytes))


def _make(
    layers: list[Layer], source: RowBuffer, memory: WorkingMemory, *, last: bool
) -> RowBuffer:
    """Run a segment and keep its output; what is ours of the source goes."""
    segment = _Segment(source, layers)
    out = source.empty(segment.shape(len(layers)), None if last else memory.slab_bytes)
    out_bytes = 0 if last else out.bytes  # in the end it is the caller's
    block = layers[-1]
    if isinstance(block, Residual):
        in_place = len(layers) == 1 and block.shortcut is None and source.ours
        middle_bytes = out.bytes if in_place else memory.to_make(out.bytes, out_bytes)
        kept_bytes = source.bytes + middle_bytes
        if memory.holds(kept_bytes):
            return _residual(block, segment, source if in_place else out, memory, kept_bytes)
    _gather(segment, memory)
    strip = _strip_rows(segment, len(layers), memory, memory.to_make(source.bytes, out_bytes))
    return _fill(out, strip, lambda rows: segment.rows(len(layers), rows), segment.release)


def _residual(
    block: Residual, segment: _Segment, out: RowBuffer, memory: WorkingMemory, kept_bytes: int
) -> RowBuffer:
    """Run a segment that ends in a residual block, whose middle is kept.

    Its second normalisation's statistics are those of the middle, which is computed only once.
    """
    _gather(segment, memory, all_but=1)
    at = len(segment.layers) - 1
    strip = _strip_rows(segment, at + 1, memory, kept_bytes)
    middle = segment.source.empty(out.shape, memory.slab_bytes)
    _fill(middle, strip, lambda rows: segment.probe(at, 1, rows))
    assert middle.sums is not None
    affine = affine_of(block.norm2, middle.sums)

    def second_half(rows: Rows) -> Tensor:
        have = rows.wider(1, out.shape.height)
        x = segment.rows(at, rows)
        return block.second_half(middle.read(have), have, x, rows, rows, affine)

    return _fill(out, strip, second_half, lambda before: middle.release(before - 1))


def _gather(segment: _Segment, memory: WorkingMemory, all_but: int = 0) -> None:
    """Find out what the normalisations of a segment come to, all but so many at the end."""
    norms = [(upto, norm) for upto, layer in enumerate(segment.layers) for norm in layer.norms]
    for upto, norm in norms[: len(norms) - all_but]:
        affines = segment.affines[upto]
        sees_source = upto == 0 and not affines
        sums = segment.source.sums if sees_source else None
        affines.append(affine_of(norm, sums or _probe(segment, upto, len(affines), memory)))


def _probe(segment: _Segment, upto: int, norm: int, memory: WorkingMemory) -> Sums:
    """Gather the sums of what a normalisation inside a segment sees."""
    strip = _strip_rows(segment, upto + 1, memory, segment.source.bytes)
    strips = _strips(segment.shape(upto).height, strip)
    return reduce(add, (pixel_sums(segment.probe(upto, norm, rows)) for rows in strips))


def _fill(
    out: RowBuffer,
    strip: int,
    compute: Callable[[Rows], Tensor],
    release: Callable[[int], None] | None = None,
) -> RowBuffer:
    """Compute a picture strip by strip, and its sums on the way.

    Args:
        out: to be filled
        strip: rows of a strip
        compute: gives rows of the picture
        release: is told above which row nothing will be computed any more
    """
    sums: list[Sums] = []
    for rows in _strips(out.shape.height, strip):
        part = compute(rows)
        if release is not None:
            release(rows.stop)
        out.write(rows, part)
        sums.append(pixel_sums(part))
        del part  # not beside the next one
    out.sums = reduce(add, sums)
    return out


def _strips(height: int, strip: int) -> Iterator[Rows]:
    for start in range(0, height, strip):
        yield Rows(start, min(height, start + strip))


def _strip_rows(segment: _Segment, upto: int, memory: WorkingMemory, kept_bytes: int) -> int:
    """How many rows of the output of layer ``upto - 1`` may be computed at once."""
    shape = segment.shape(upto)
    widest = 0.0
    for index, layer in enumerate(segment.layers[:upto]):
        inner = segment.shape(index + 1)
        widest = max(
            widest, layer.widest * inner.width * inner.height / (shape.width * shape.height)
        )
    elements_a_row = widest * shape.width
    rows = _MOST_ELEMENTS // elements_a_row
    strip_bytes = memory.strip_bytes(kept_bytes)
    if strip_bytes is not None:
        bytes_a_row = elements_a_row * segment.source.element_bytes * _LIVE_TENSORS
        rows = min(rows, strip_bytes // bytes_a_row)
    return int(max(_FEWEST_ROWS, min(rows, shape.height)))
