"""Dimension numbers: which element of an operand an output element comes from.

Chapter: ir/dimension_numbers.
Sources: StableHLO specification, "gather", "scatter", "convolution", "reduce_window".
Real: XLA's `GatherDimensionNumbers`, `ScatterDimensionNumbers`,
`ConvolutionDimensionNumbers`, `Window` (xla_data.proto).

Everything here is arithmetic on indices.  An index is an int, or a NumPy array of
many ints at once: the formulas are the same.  Shape rules, `evaluate`, the lowering
and the book's pictures all ask this one file.

    o  an output position along one dimension      n  the base's size along it
    k  a position within the window                K  how many numbers a start index has
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Index = Any  # an int, or an array of ints
Shape = tuple[int, ...]


# -- windows -------------------------------------------------------------------------


def dilated(n: int, dilation: int) -> int:
    """The size of n elements with `dilation - 1` holes between neighbours."""
    return (n - 1) * dilation + 1 if n else 0


@dataclass(frozen=True, slots=True)
class WindowDim:
    """A window along one dimension.

    Of size 2, its elements 2 apart (window_dilation), moved by 2 (stride); the base a b c
    has holes (base_dilation 2), two places of padding before it and one behind (low, high):

        · · a · b · c ·
        0   1                output 0 sees padding and a
            0   1            output 1 sees a and b
                0   1        output 2 sees b and c
    """

    size: int
    stride: int = 1
    low: int = 0
    high: int = 0
    base_dilation: int = 1
    window_dilation: int = 1
    reversed: bool = False

    @property
    def span(self) -> int:
        """The window's length with its holes."""
        return dilated(self.size, self.window_dilation)

    def padded(self, n: int) -> int:
        """The base's length with its holes and its padding (negative padding cuts)."""
        return self.low + dilated(n, self.base_dilation) + self.high

    def outputs(self, n: int) -> int:
        """At how many places the window fits."""
        room = self.padded(n) - self.span
        return 0 if self.padded(n) <= 0 or room < 0 else room // self.stride + 1

    def kept(self, n: int) -> tuple[slice, slice]:
        """The base elements that negative padding leaves, and where they come to stand."""
        step = self.base_dilation
        first = max(0, -(self.low // step))
        count = max(0, min(n - 1, (self.padded(n) - 1 - self.low) // step) - first + 1)
        start = self.low + first * step if count else 0
        return slice(first, first + count), slice(start, start + count * step, step)

    def place(self, o: Index, k: Index) -> Index:
        """Where element k of window o stands, counted from base element 0 with its holes."""
        k = self.size - 1 - k if self.reversed else k
        return o * self.stride + k * self.window_dilation - self.low

    def source(self, o: Index, k: Index, n: int) -> tuple[Index, Any]:
        """(base element under element k of window o, whether there is one)."""
        at = self.place(o, k)
        i = at // self.base_dilation
        return i, (at % self.base_dilation == 0) & (i >= 0) & (i < n)


Window = tuple[WindowDim, ...]


def window_of(
    sizes: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Sequence[Sequence[int]] | None = None,
    base_dilations: Sequence[int] | None = None,
    window_dilations: Sequence[int] | None = None,
    reversal: Sequence[bool] | None = None,
) -> Window:
    """A window from the attributes of an op; what is absent has its default."""
    ones, rank = (1,) * len(sizes), len(sizes)
    columns = zip(
        sizes,
        strides or ones,
        padding or ((0, 0),) * rank,
        base_dilations or ones,
        window_dilations or ones,
        reversal or (False,) * rank,
        strict=True,
    )
    return tuple(WindowDim(n, s, lo, hi, b, w, r) for n, s, (lo, hi), b, w, r in columns)


def pad_of(low: Sequence[int], high: Sequence[int], interior: Sequence[int]) -> Window:
    """`pad` as a window of one element: interior padding is a base dilation less one."""
    columns = zip(low, high, interior, strict=True)
    return tuple(WindowDim(1, 1, lo, hi, i + 1) for lo, hi, i in columns)


def output_sizes(window: Window, shape: Sequence[int]) -> Shape:
    """At how many places the window fits along each dimension."""
    return tuple(dim.outputs(n) for dim, n in zip(window, shape, strict=True))


def clamp_start(start: Index, slice_size: int, size: int) -> Index:
    """The start nearest to `start` at which a slice of that size is inside."""
    return np.minimum(np.maximum(start, 0), size - slice_size)


# -- gather and scatter --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GatherDims:
    """What each dimension of operand, start indices and result is for.

    offset_dims                   result dimensions that walk within a slice
    collapsed_slice_dims          operand dimensions of which a slice has one element
    operand_batching_dims         operand dimensions that go along with …
    start_indices_batching_dims   … these of the start indices
    start_index_map               the operand dimension of each number of a start index
    index_vector_dim              along which dimension a start index lies
    """

    offset_dims: Shape = ()
    collapsed_slice_dims: Shape = ()
    operand_batching_dims: Shape = ()
    start_indices_batching_dims: Shape = ()
    start_index_map: Shape = ()
    index_vector_dim: int = 0

    def batch_dims(self, result_rank: int) -> Shape:
        """The result dimensions that choose a start index."""
        return others(result_rank, self.offset_dims)

    def window_dims(self, operand_rank: int) -> Shape:
        """The operand dimensions that `offset_dims` walk, in their order."""
        return others(operand_rank, self.collapsed_slice_dims + self.operand_batching_dims)

    def index_size(self, starts: Sequence[int]) -> int:
        """K: how many numbers a start index has, for start indices of that shape."""
        return starts[self.index_vector_dim] if self.index_vector_dim < len(starts) else 1

    def batch_sizes(self, starts: Sequence[int]) -> Shape:
        """The shape of start indices without the dimension a start index lies along."""
        return tuple(n for d, n in enumerate(starts) if d != self.index_vector_dim)

    def result_shape(self, starts: Sequence[int], slice_sizes: Sequence[int]) -> Shape:
        """Offset sizes at `offset_dims`, batch sizes at the other dimensions."""
        offsets = iter([slice_sizes[d] for d in self.window_dims(len(slice_sizes))])
        batches = iter(self.batch_sizes(starts))
        rank = len(self.offset_dims) + len(self.batch_sizes(starts))
        return tuple(next(offsets if d in self.offset_dims else batches) for d in range(rank))

    def start_position(self, batch_index: Sequence[Index], k: Index, starts_rank: int) -> Any:
        """Where number k of a start index stands in the start indices."""
        d = self.index_vector_dim
        return (*batch_index[:d], *((k,) if d < starts_rank else ()), *batch_index[d:])

    def full_start(self, start: Sequence[Index], operand_rank: int) -> list[Index]:
        """A start index with one number for each operand dimension; 0 where it has none."""
        full: list[Index] = [0] * operand_rank
        for number, d in zip(start, self.start_index_map, strict=True):
            full[d] = number
        return full

    def operand_index(
        self, result_index: Sequence[Index], start: Sequence[Index]
    ) -> tuple[Index, ...]:
        """Start + offset + batch position: the operand element of a result element.

        `start` has a number for each operand dimension (`full_start`), clamped or not.
        """
        index = list(start)
        for d, walk in zip(self.window_dims(len(start)), self.offset_dims, strict=True):
            index[d] = index[d] + result_index[walk]
        batch = [result_index[d] for d in self.batch_dims(len(result_index))]
        pairs = zip(self.operand_batching_dims, self.start_indices_batching_dims, strict=True)
        for d, at in pairs:
            index[d] = index[d] + batch[at - (at > self.index_vector_dim)]
        return tuple(index)

    def access(
        self,
        index: Sequence[Index],
        starts: Any,
        shape: Sequence[int],
        slice_sizes: Sequence[int] | None = None,
    ) -> Access:
        """Where the element `index` of a result lies in an operand of that shape.

        `starts` is the array of start indices.  A gather says its `slice_sizes`, and a start
        is moved until the slice is inside; a scatter does not (the same numbers, read as
        "where the element `index` of the updates goes").
        """
        batch = [index[d] for d in self.batch_dims(len(index))]
        count = self.index_size(starts.shape)
        found = [starts[self.start_position(batch, k, starts.ndim)] for k in range(count)]
        start = self.full_start(found, len(shape))
        if slice_sizes is not None:
            each = zip(start, slice_sizes, shape, strict=True)
            start = [clamp_start(at, size, n) for at, size, n in each]
        return Access(tuple(batch), tuple(found), tuple(start), self.operand_index(index, start))


@dataclass(frozen=True, slots=True)
class Access:
    """How one element, or many at once, found its place.

    batch   which start index it belongs to
    found   the numbers of that start index, as they are
    start   one for each operand dimension, inside when they were clamped
    index   start + offset + batch position: the operand element
    """

    batch: tuple[Index, ...]
    found: tuple[Index, ...]
    start: tuple[Index, ...]
    index: tuple[Index, ...]


@dataclass(frozen=True, slots=True)
class ScatterDims:
    """`GatherDims` read backwards: an update goes where a gather would have read."""

    update_window_dims: Shape = ()
    inserted_window_dims: Shape = ()
    input_batching_dims: Shape = ()
    scatter_indices_batching_dims: Shape = ()
    scatter_dims_to_operand_dims: Shape = ()
    index_vector_dim: int = 0

    @property
    def gather(self) -> GatherDims:
        """The gather whose reads are this scatter's writes."""
        return GatherDims(
            self.update_window_dims,
            self.inserted_window_dims,
            self.input_batching_dims,
            self.scatter_indices_batching_dims,
            self.scatter_dims_to_operand_dims,
            self.index_vector_dim,
        )


def others(rank: int, dims: Iterable[int]) -> Shape:
    """The dimensions of 0 … rank−1 that are not among `dims`."""
    taken = set(dims)
    return tuple(d for d in range(rank) if d not in taken)


# -- convolution ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConvDims:
    """Where batch, features and space lie in input, kernel and output.

    Written `[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]`: each list has a letter or the
    number of a spatial dimension for each dimension of that array.
    """

    input_batch: int
    input_feature: int
    input_spatial: Shape
    kernel_input_feature: int
    kernel_output_feature: int
    kernel_spatial: Shape
    output_batch: int
    output_feature: int
    output_spatial: Shape

    @property
    def input(self) -> Shape:
        """The input's dimensions in the order batch, space, features."""
        return (self.input_batch, *self.input_spatial, self.input_feature)

    @property
    def kernel(self) -> Shape:
        """The kernel's dimensions in the order space, input features, output features."""
        return (*self.kernel_spatial, self.kernel_input_feature, self.kernel_output_feature)

    @property
    def output(self) -> Shape:
        """The output's dimensions in the order batch, space, features."""
        return (self.output_batch, *self.output_spatial, self.output_feature)

    def letters(self) -> tuple[list[str], list[str], list[str]]:
        """What each dimension of input, kernel and output is: `["b", "0", "1", "f"]` …"""
        space = [str(i) for i in range(len(self.input_spatial))]
        return (
            spell(self.input, ["b", *space, "f"]),
            spell(self.kernel, [*space, "i", "o"]),
            spell(self.output, ["b", *space, "f"]),
        )

    def output_shape(
        self, lhs: Sequence[int], rhs: Sequence[int], window: Window, batch_groups: int = 1
    ) -> Shape:
        """Sizes of the output, whose window runs over the input's spatial dimensions."""
        spatial = output_sizes(window, [lhs[d] for d in self.input_spatial])
        sizes = (
            lhs[self.input_batch] // batch_groups,
            *spatial,
            rhs[self.kernel_output_feature],
        )
        return tuple(n for _, n in sorted(zip(self.output, sizes, strict=True)))


def spell(dims: Sequence[int], names: Sequence[str]) -> list[str]:
    """The names in the order of the dimensions they belong to."""
    return [name for _, name in sorted(zip(dims, names, strict=True))]
