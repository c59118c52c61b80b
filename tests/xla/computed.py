"""Random programs, part two: windows, computed places, order and control (see `structures`)."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from minidl.ir.dimension_numbers import ConvDims, GatherDims, ScatterDims, others, window_of
from minidl.ir.mlir import types as T
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.spec import Builder
from minidl.ir.stablehlo.reduction import reducer
from tests.xla import structures
from tests.xla.structures import ANY, LARGEST, Choose, Maker

INDICES = [T.i32, T.i32, T.i64, T.ui8]


class Computed(Maker):
    """What `Maker` draws, and the ops that are no plain loop over their result."""

    # -- computed places -------------------------------------------------------------

    def starts(self, x: Value, sizes: Sequence[int]) -> list[Value]:
        """A scalar for each dimension: an argument, or a constant, also out of range."""
        element = self.choose([T.i32, T.i64])
        return [
            self.scalar(element, self.choose([0, 1, n - s, n + 2, -1]))
            if self.choose([0, 1])
            else self.argument(T.tensor((), element))
            for n, s in zip(x.type.dims, sizes)
        ]

    def sizes(self, x: Value) -> tuple[int, ...]:
        return tuple(self.choose([n, n, min(n, 1), n // 2]) for n in x.type.dims)

    def dynamic_slice(self) -> None:
        x = self.pick()
        sizes = self.sizes(x)
        self.add("dynamic_slice", [x, *self.starts(x, sizes)], slice_sizes=sizes)

    def dynamic_update_slice(self) -> None:
        x = self.pick()
        sizes = self.sizes(x)
        update = self.argument(T.tensor(sizes, x.type.element))
        self.add("dynamic_update_slice", [x, update, *self.starts(x, sizes)])

    def places(self, x: Value) -> tuple[GatherDims, tuple[int, ...], tuple[int, ...]] | None:
        """Dimension numbers for `x`, the slice sizes and the shape of the start indices."""
        sizes = list(self.sizes(x))
        dims = range(x.type.rank)
        batching = [d for d in dims if self.choose([0, 0, 0, 1]) and len(dims) < 4]
        for d in batching:
            sizes[d] = min(1, x.type.dims[d])
        free = [d for d in dims if d not in batching]
        collapsed = tuple(d for d in free if sizes[d] == 1 and self.choose([0, 1]))
        into = [free[i] for i in self.order(len(free))][: self.choose(range(len(free) + 1))]
        batch = [x.type.dims[d] for d in batching]
        batch += [self.choose([0, 1, 2, 3]) for _ in range(self.choose([0, 1, 1, 2]))]
        mixed = self.order(len(batch))
        shape = [batch[i] for i in mixed]
        paired = [mixed.index(i) for i in range(len(batching))]
        at = self.choose(range(len(shape) + 1))
        shape.insert(at, len(into))
        if len(into) == 1 and at == len(shape) - 1 and self.choose([0, 1]):
            shape.pop()  # a start index of one number needs no dimension
        window = others(x.type.rank, (*collapsed, *batching))
        rank = len(window) + len(batch)
        offset = sorted(self.order(rank)[: len(window)])
        starts_paired = tuple(p + (p >= at) for p in paired)
        made = GatherDims(
            tuple(offset), collapsed, tuple(batching), starts_paired, tuple(into), at
        )  # fmt: skip
        small = math.prod(made.result_shape(shape, sizes)) <= LARGEST
        return (made, tuple(sizes), tuple(shape)) if small else None

    def gather(self) -> None:
        x = self.pick()
        drawn = self.places(x)
        if drawn is not None:
            dims, sizes, shape = drawn
            starts = self.argument(T.tensor(shape, self.choose(INDICES)))
            self.add("gather", [x, starts], dimension_numbers=dims, slice_sizes=sizes)

    def scatter(self) -> None:
        x = self.pick()
        drawn = self.places(x)
        if drawn is None:
            return
        d, sizes, shape = drawn
        dims = ScatterDims(
            d.offset_dims, d.collapsed_slice_dims, d.operand_batching_dims,
            d.start_indices_batching_dims, d.start_index_map, d.index_vector_dim,
        )  # fmt: skip
        updates = self.argument(T.tensor(d.result_shape(shape, sizes), x.type.element))
        starts = self.argument(T.tensor(shape, self.choose(INDICES)))
        name, bound = self.reduction(x, updates.type.size + 1)
        body = reducer(f"stablehlo.{name}", x.type.element)
        if self.choose([0, 0, 1]):  # the update replaces the element
            _replace(body)
        args = [x, starts, updates]
        bound = max(bound, self.bound[x], structures.START)
        self.add("scatter", args, None, bound, [body], scatter_dimension_numbers=dims)

    # -- windows ---------------------------------------------------------------------

    def reduce_window(self) -> None:
        x = self.pick(lambda v: v.type.size <= LARGEST / 8 and v.type.rank < 4)
        if x is None:
            return
        n = x.type.rank
        sizes, strides, base, dilation = (
            tuple(self.choose(options) for _ in range(n))
            for options in ([1, 1, 2, 3], [1, 1, 2], [1, 1, 2], [1, 1, 2])
        )
        padding = tuple((self.choose([0, 1, 2]), self.choose([0, 1, -1])) for _ in range(n))
        window = window_of(sizes, strides, padding, base, dilation)
        if any(w.padded(size) < 0 for w, size in zip(window, x.type.dims)):
            return
        name, bound = self.reduction(x, math.prod(sizes))
        init = self.scalar(x.type.element)
        body = reducer(f"stablehlo.{name}", x.type.element)
        self.add(
            "reduce_window", [x, init], None, max(bound, self.bound[init]), [body],
            window_dimensions=sizes, window_strides=strides, padding=padding,
            base_dilations=base, window_dilations=dilation,
        )  # fmt: skip

    def convolution(self) -> None:
        x = self.pick(
            lambda v: v.type.rank in (2, 3, 4) and v.type.size <= 200 and v.type.element is not T.i1
        )
        if x is None:
            return
        rank = x.type.rank
        x_at, k_at, out_at = (self.order(rank) for _ in range(3))
        dims = ConvDims(
            x_at[0], x_at[1], x_at[2:], k_at[0], k_at[1], k_at[2:], out_at[0], out_at[1],
            out_at[2:],
        )  # fmt: skip
        batch, features = x.type.dims[x_at[0]], x.type.dims[x_at[1]]
        groups, batches = self.choose([1, 1, features or 1]), 1
        if groups == 1 and batch:
            batches = self.choose([1, 1, batch])
        sizes = [self.choose([1, 2, 3]) for _ in x_at[2:]]
        kernel = [0] * rank
        for d, n in zip(k_at, (features // groups, groups * batches * self.choose([1, 2]), *sizes)):
            kernel[d] = n
        many = range(rank - 2)
        strides, lhs, rhs = (tuple(self.choose([1, 1, 2]) for _ in many) for _ in range(3))
        padding = tuple((self.choose([0, 1]), self.choose([0, 1, 2, -1])) for _ in many)
        reverse = tuple(self.choose([False, False, True]) for _ in many)
        window = window_of(sizes, strides, padding, lhs, rhs)
        if any(w.padded(x.type.dims[d]) < 0 for w, d in zip(window, x_at[2:])):
            return
        terms = math.prod(sizes) * features
        bound = self.sums(x, terms, structures.START)
        if bound is not None and math.prod(kernel) <= LARGEST:
            k = self.argument(T.tensor(kernel, x.type.element))
            self.add(
                "convolution", [x, k], None, bound, dimension_numbers=dims, padding=padding,
                window_strides=strides, lhs_dilation=lhs, rhs_dilation=rhs,
                window_reversal=reverse, feature_group_count=groups, batch_group_count=batches,
            )  # fmt: skip

    # -- bodies and formulas -----------------------------------------------------------

    def map(self) -> None:
        """A body of two ops on elements of one operand or two."""
        x = self.pick(lambda v: v.type.element is not T.i1)
        if x is None:
            return
        operands = [x, *([x] if self.choose([0, 1]) else [])]
        if len(operands) == 2:
            operands[1] = self.partner(x)
        scalar = T.tensor((), x.type.element)
        block = Block([scalar for _ in operands])
        b = Builder(block)
        three = b.value("stablehlo.constant", value=structures.Dense.splat(3, scalar))
        names = ["stablehlo.maximum", "stablehlo.subtract", "stablehlo.minimum"]
        inner = b.value(self.choose(names), block.args[0], three)
        b.create("stablehlo.return", [b.value(self.choose(names), inner, block.args[-1])])
        bound = sum(self.bound[v] for v in operands) + structures.START
        self.add(
            "map", operands, x.type, bound, [Region([block])],
            dimensions=tuple(range(x.type.rank)),
        )  # fmt: skip

    def chlo(self) -> None:
        """CHLO ops whose formulas are exact."""
        x = self.pick(lambda v: v.type.element.is_float)
        if x is None:
            return
        name = self.choose(["square", "is_inf", "is_pos_inf", "is_neg_inf"])
        made = self.b.create(f"chlo.{name}", [x]).result
        self.keep(made, self.bound[x] ** 2 if name == "square" else structures.START)

    # -- order -----------------------------------------------------------------------

    def sort(self) -> None:
        """One operand, or two that are put in the order of the first; without NaN."""
        x = self.pick(lambda v: v.type.rank > 0 and self._ordered(v))
        if x is None:
            return
        others = [v for v in self.values if v.type.dims == x.type.dims][-3:]
        operands = [x, *([self.choose(others)] if self.choose([0, 1]) else [])]
        block = Block([T.tensor((), v.type.element) for v in operands for _ in "ab"])
        direction = self.choose(["LT", "GT"])
        less = Builder(block).value(
            "stablehlo.compare", *block.args[:2], comparison_direction=direction
        )
        block.append(Operation("stablehlo.return", [less]))
        made = self.b.create(
            "stablehlo.sort", operands,
            {"dimension": self.choose(range(x.type.rank)), "is_stable": True},
            [v.type for v in operands], [Region([block])],
        )  # fmt: skip
        for value, old in zip(made.results, operands):
            self.keep(value, self.bound[old])

    def _ordered(self, v: Value) -> bool:
        return not v.type.element.is_float or self.bound[v] < ANY

    def argmax(self) -> None:
        """A reduction of two operands: the largest element and the first place it stands at."""
        x = self.pick(lambda v: v.type.rank > 0 and self._ordered(v))
        if x is None:
            return
        d = self.choose(range(x.type.rank))
        where = T.tensor(x.type.dims, T.i32)
        count = self.b.create("stablehlo.iota", [], {"iota_dimension": d}, [where]).result
        element = x.type.element
        inits = [self.scalar(element, 0), self.scalar(T.i32, 0)]
        made = self.b.create(
            "stablehlo.reduce", [x, count, *inits], {"dimensions": (d,)},
            regions=[_larger(element)],
        )  # fmt: skip
        self.keep(made.results[0], self.bound[x])
        self.keep(made.results[1], ANY)

    # -- control ---------------------------------------------------------------------

    def simple(self, b: Builder, x: Value, beside: Sequence[Value] = ()) -> Value:
        """An op on `x` that keeps its type and its bound; it may read what is beside it."""
        name = self.choose(["reverse", "maximum", "minimum", "negate", "xor", "add"])
        element = x.type.element
        near = [v for v in beside if v.type is x.type]
        far = [v for v in self.values if v.type is x.type]
        y = self.choose(near if near and self.choose([0, 1, 1]) else far or [x])
        if name in ("xor", "add") and element.is_float:
            name = "maximum"
        if name == "negate" and element is not T.i1:
            return b.value("stablehlo.negate", x)
        if name == "reverse" or name == "negate":
            return b.value("stablehlo.reverse", x, dimensions=self.some(range(x.type.rank)))
        self.wide = max(self.wide, self.bound.get(y, structures.START))
        return b.value(f"stablehlo.{name}", *self.choose([(x, y), (y, x)]))

    wide: float = 0

    def whiles(self) -> None:
        """A counted loop that carries one value or two, one of which may stay as it is."""
        carried = [self.pick() for _ in range(self.choose([1, 2, 2]))]
        if len(carried) == 2 and self.choose([0, 1, 1]):
            carried[1] = self.choose([v for v in self.values if v.type is carried[0].type])
        types = [T.tensor((), T.i32), *(v.type for v in carried)]
        cond, body = Block(types), Block(types)
        limit = self.choose([None, None, self.argument(types[0])])
        b = Builder(cond)
        end = limit or b.value("stablehlo.constant", value=structures.Dense.splat(3, types[0]))
        test = b.value("stablehlo.compare", cond.args[0], end, comparison_direction="LT")
        b.create("stablehlo.return", [test])
        b = Builder(body)
        one = b.value("stablehlo.constant", value=structures.Dense.splat(1, types[0]))
        count, *xs = body.args
        self.wide = max(self.bound[v] for v in carried)
        outs = [b.value("stablehlo.add", count, one)]
        outs += [self.simple(b, x, xs) if self.choose([0, 1, 1]) else x for x in xs]
        b.create("stablehlo.return", outs)
        start = self.scalar(T.i32, self.choose([0, 0, 0, 1, 5]))
        made = self.b.create(
            "stablehlo.while", [start, *carried], None, types, [Region([cond]), Region([body])]
        )
        results = made.results
        for value in self.choose([results, results[1:], results[1:2], results[1:2]]):
            self.keep(value, self.wide)

    def case(self) -> None:
        """One to three branches, or `if`; the index may be out of range."""
        x = self.pick()
        kind = self.choose(["case", "case", "if"])
        element = T.i1 if kind == "if" else T.i32
        self.wide = self.bound[x]
        regions = []
        for _ in range(2 if kind == "if" else self.choose([1, 2, 3])):
            block = Block()
            b = Builder(block)
            b.create("stablehlo.return", [self.simple(b, x) if self.choose([0, 1, 1]) else x])
            regions.append(Region([block]))
        scalar = T.tensor((), element)
        number = self.choose([0, 1]) if kind == "if" else self.choose([0, 1, 2, 9, -1])
        index = self.choose([self.argument(scalar), self.scalar(element, number)])
        self.keep(self.b.create(f"stablehlo.{kind}", [index], None, [x.type], regions).result,
                  self.wide)  # fmt: skip


def _replace(body: Region) -> None:
    """The region returns its second argument."""
    block = body.block
    block.terminator.set_operands([block.args[1]])
    block.first.erase()


def _larger(element: T.ScalarType) -> Region:
    """(value, place) of the larger value; of the first place among equals."""
    scalar, place = T.tensor((), element), T.tensor((), T.i32)
    block = Block([scalar, place, scalar, place])
    a, i, x, j = block.args
    b = Builder(block)
    more = b.value("stablehlo.compare", a, x, comparison_direction="GT")
    equal = b.value("stablehlo.compare", a, x, comparison_direction="EQ")
    first = b.value("stablehlo.compare", i, j, comparison_direction="LT")
    keep = b.value("stablehlo.or", more, b.value("stablehlo.and", equal, first))
    outs = [b.value("stablehlo.select", keep, *pair) for pair in ((a, x), (i, j))]
    b.create("stablehlo.return", outs)
    return Region([block])


_NAMES = """gather gather scatter scatter dynamic_slice dynamic_update_slice reduce_window
reduce_window convolution convolution map chlo sort argmax whiles whiles case case"""
KINDS = [*structures.KINDS, *_NAMES.split()]


def draw(choose: Choose, ops: int = 9, first: str | None = None) -> Module:
    """A module of `ops` ops of every kind, after the elementwise op `first`."""
    maker = Computed(choose, structures.first_types(choose))
    if first is not None:
        maker.elementwise(first)
    for _ in range(ops):
        getattr(maker, choose(KINDS))()
    return structures.closed(maker)


def seeded(seed: int, ops: int = 9) -> Module:
    return draw(random.Random(seed).choice, ops)
