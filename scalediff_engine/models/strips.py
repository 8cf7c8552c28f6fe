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
from functools import reduce
from itertools import pairwise, zip_longest
from operator import add
from typing import Protocol

from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from scalediff_engine.models.group_norm import Affine, Sums, affine_of, apply_affine, pixel_sums
from scalediff_engine.models.slabs import Kept, Rows, Shape

# Tensors of a strip that are alive at once, in units of its widest one: input, normalised input,
# convolution's output and workspace, residual.
_LIVE_TENSORS = 5
# Index arithmetic of convolution kernels is 32 bits wide.
_MOST_ELEMENTS = 2**30
_FEWEST_ROWS = 8
# Slabs that would fill the working memory.
_SLABS = 96


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


@dataclass(frozen=True)
class _Memory:
    """How much of it there is, and how pictures are kept in it.

    Attributes:
        working_bytes: None = as much as is wanted
        slab_bytes: of the slabs in which a picture goes while the next one comes; None = there is
            room for both, and each is one slab
    """

    working_bytes: int | None
    slab_bytes: int | None = None

    @property
    def least_strip_bytes(self) -> int:
        """What is left to strips by all that is kept."""
        assert self.working_bytes is not None
        return self.working_bytes // (4 if self.slab_bytes is None else 10)

    def strip_bytes(self, kept_bytes: int) -> int:
        """For all that is alive while a strip is computed, beside what is kept meanwhile."""
        assert self.working_bytes is not None
        rest = max(self.least_strip_bytes, self.working_bytes - kept_bytes)
        return min(rest, self.working_bytes // 4)

    def holds(self, kept_bytes: int) -> bool:
        """Whether pictures of so many bytes may be kept at once."""
        working = self.working_bytes
        return working is None or kept_bytes <= working - self.least_strip_bytes

    def both(self, source_bytes: int, out_bytes: int) -> int:
        """Bytes at most while one picture is made from another that nobody needs afterwards."""
        if self.slab_bytes is None:
            return source_bytes + out_bytes
        # a slab is being filled, and a strip may lie in two others
        return max(source_bytes, out_bytes) + 3 * self.slab_bytes


def _plan(layers: Sequence[Layer | Whole], picture: Tensor, working_bytes: int | None) -> _Memory:
    """Tell whether the working memory holds every two successive pictures."""
    memory = _Memory(working_bytes)
    height, width = picture.shape[2:]
    row_bytes = [1]
    picture_bytes = [0]  # the first one is the caller's, and the last one will be
    for layer in layers[:-1]:
        if not isinstance(layer, Whole):
            height, width = layer.out_height(height), layer.out_height(width)
            row_bytes.append(width * layer.out_channels * picture.element_size())
            picture_bytes.append(height * row_bytes[-1])
    if working_bytes is None or all(memory.holds(a + b) for a, b in pairwise(picture_bytes)):
        return memory
    # all slabs have one size: where one was, another one fits
    rows = max(1, working_bytes // _SLABS // max(row_bytes))
    return _Memory(working_bytes, rows * max(row_bytes))


@dataclass
class _Segment:
    """Layers between one kept picture and the next."""

    source: Kept
    layers: list[Layer] = field(default_factory=list[Layer])
    affines: list[list[Affine]] = field(default_factory=list[list[Affine]])

    def shape(self, upto: int) -> Shape:
        """Shape of the input of layer ``upto``."""
        shape = self.source.shape
        for layer in self.layers[:upto]:
            height, width = layer.out_height(shape.height), layer.out_height(shape.width)
            shape = Shape(height, width, layer.out_channels)
        return shape

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
    memory = _plan(layers, picture, working_bytes)
    kept = Kept.of(picture, ours=False)
    pending: list[Layer] = []
    for layer, following in zip_longest(layers, layers[1:]):
        if isinstance(layer, Whole):
            kept = Kept.of(layer.function(kept.whole()), ours=True)
            continue
        pending.append(layer)
        last = following is None
        if last or isinstance(following, Whole) or _may_be_kept(pending, kept, memory):
            kept, pending = _make(pending, kept, memory, last=last), []
    return kept.whole()


def _may_be_kept(layers: list[Layer], source: Kept, memory: _Memory) -> bool:
    """Whether there is room for the output of a segment while it is made."""
    if _is_in_place(layers, source):
        return True
    out = source.empty(_Segment(source, layers).shape(len(layers)), None)
    return memory.holds(memory.both(source.bytes, out.bytes))


def _is_in_place(layers: list[Layer], source: Kept) -> bool:
    """Whether a segment's output may take the place of its source."""
    (layer, *others) = layers
    return not others and isinstance(layer, Residual) and layer.shortcut is None and source.ours


def _make(layers: list[Layer], source: Kept, memory: _Memory, *, last: bool) -> Kept:
    """Run a segment and keep its output."""
    segment = _Segment(source, layers, [[] for _ in layers])
    out = source.empty(segment.shape(len(layers)), None if last else memory.slab_bytes)
    out_bytes = 0 if last else out.bytes  # in the end it is the caller's
    block = layers[-1]
    if isinstance(block, Residual):
        in_place = _is_in_place(layers, source)
        middle_bytes = out.bytes if in_place else memory.both(out.bytes, out_bytes)
        kept_bytes = source.bytes + middle_bytes
        if memory.holds(kept_bytes):
            return _residual(block, segment, source if in_place else out, memory, kept_bytes)
    _gather(segment, memory)
    strip = _strip_rows(segment, len(layers), memory, memory.both(source.bytes, out_bytes))
    return _fill(out, strip, lambda rows: segment.rows(len(layers), rows), segment.release)


def _residual(
    block: Residual, segment: _Segment, out: Kept, memory: _Memory, kept_bytes: int
) -> Kept:
    """Run a segment that ends in a residual block, whose middle is kept.

    Its second normalisation's statistics are those of the middle, which is computed only once.
    """
    _gather(segment, memory, all_but=1)
    source, at = segment.source, len(segment.layers) - 1
    strip = _strip_rows(segment, at + 1, memory, kept_bytes)
    middle = _fill(
        source.empty(out.shape, memory.slab_bytes), strip, lambda rows: segment.probe(at, 1, rows)
    )
    assert middle.sums is not None
    affine = affine_of(block.norm2, middle.sums)

    def second_half(rows: Rows) -> Tensor:
        have = rows.wider(1, out.shape.height)
        x = segment.rows(at, rows)
        return block.second_half(middle.read(have), have, x, rows, rows, affine)

    def release(before: int) -> None:
        middle.release(before - 1)
        if out is not source:
            segment.release(before)

    return _fill(out, strip, second_half, release)


def _gather(segment: _Segment, memory: _Memory, all_but: int = 0) -> None:
    """Find out what the normalisations of a segment come to, all but so many at the end."""
    norms = [(upto, norm) for upto, layer in enumerate(segment.layers) for norm in layer.norms]
    for upto, norm in norms[: len(norms) - all_but]:
        affines = segment.affines[upto]
        first = upto == 0 and not affines
        sums = segment.source.sums if first else None
        affines.append(affine_of(norm, sums or _probe(segment, upto, len(affines), memory)))


def _probe(segment: _Segment, upto: int, norm: int, memory: _Memory) -> Sums:
    """Gather the sums of what a normalisation inside a segment sees."""
    strip = _strip_rows(segment, upto + 1, memory, segment.source.bytes)
    strips = _strips(segment.shape(upto).height, strip)
    return reduce(add, (pixel_sums(segment.probe(upto, norm, rows)) for rows in strips))


def _fill(
    out: Kept,
    strip: int,
    compute: Callable[[Rows], Tensor],
    release: Callable[[int], None] | None = None,
) -> Kept:
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


def _strip_rows(segment: _Segment, upto: int, memory: _Memory, kept_bytes: int) -> int:
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
    if memory.working_bytes is not None:
        bytes_a_row = elements_a_row * segment.source.element_bytes * _LIVE_TENSORS
        rows = min(rows, memory.strip_bytes(kept_bytes) // bytes_a_row)
    return int(max(_FEWEST_ROWS, min(rows, shape.height)))
