"""The region of a `linalg.generic`: the scalar that a value has at an index.

Chapter: ir/lowering.
Sources: MLIR, "'linalg' Dialect" (properties of `linalg.generic`).
Real: `linalg-fuse-elementwise-ops` finds by pattern rewriting what is asked for here.

`Body.at(value, index)` is the central function; `index` is in the loop dimensions.
    elementwise ops    the same index, one arith op (16-bit floats: by way of float32)
    broadcast, transpose, reshape by ones, slice, reverse    another index, no op
    gather, dynamic slices    an index with computed parts (`gathers.py`)
    reduce, dot        a generic of their own, read here like an input
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import UnsupportedError
from minidl.ir.lowering.gathers import COMPUTED
from minidl.ir.lowering.indexing import INDEX, Index, lowered, only_moves, tensor_type
from minidl.ir.lowering.scalars import KEEPS_16, SCALAR, constant, convert, is_16, out_element
from minidl.ir.mlir.attributes import Affine
from minidl.ir.mlir.core import Block, Operation, Value
from minidl.ir.mlir.location import UNKNOWN, Location, fuse
from minidl.ir.mlir.spec import Builder, has_trait
from minidl.ir.mlir.types import ScalarType, TensorType, f32, index, tensor

EXPENSIVE = frozenset(
    [
        "stablehlo.exponential",
        "stablehlo.exponential_minus_one",
        "stablehlo.log",
        "stablehlo.log_plus_one",
        "stablehlo.logistic",
        "stablehlo.tanh",
        "stablehlo.sine",
        "stablehlo.cosine",
        "stablehlo.tan",
        "stablehlo.sqrt",
        "stablehlo.rsqrt",
        "stablehlo.cbrt",
        "stablehlo.power",
        "stablehlo.divide",
        "stablehlo.remainder",
        "stablehlo.atan2",
    ]
)
Wanted = tuple[Value, Index, Location | None]


class Body:
    """A region under construction over loop dimensions of the given sizes.

    inputs     (tensor, index) → number of the block argument, in order
    locations  of each input: the moves that led to it
    shapes     tensors read for their size alone → the dimensions they show
    symbols    computed places: in an index, numbered after the loop dimensions
    """

    def __init__(self, tensors: dict[Value, Value], outer: Builder, sizes: Sequence[int]) -> None:
        self.tensors, self.outer, self.sizes = tensors, outer, list(sizes)
        self.block = Block()
        self.builder = Builder(self.block)
        self.inputs: dict[tuple[Value, Index], int] = {}
        self.locations: list[Location] = []
        self.shapes: dict[TensorType, Index] = {}
        self.memo: dict[tuple[Value, Index], Value] = {}
        self.symbols: list[Value] = []
        self.places: dict[tuple[Value, Index], Index] = {}

    # -- operands of the generic ---------------------------------------------------

    def show_sizes(self, dims: Sequence[int], element: ScalarType) -> None:
        """An unread operand for those of `dims` whose size no input shows."""
        shown = {e.as_dim for _, where in self.inputs for e in where}
        hidden = [d for d in dims if d not in shown]
        if hidden:
            self.shapes[tensor([self.sizes[d] for d in hidden], element)] = tuple(
                map(Affine.dim, hidden)
            )
            self.block.add_arg(element)
            self.locations.append(UNKNOWN)

    def operands(self) -> tuple[list[Value], list[Index]]:
        """The tensors the generic reads and the index of each."""
        made = []
        for (v, where), location in zip(self.inputs, self.locations):
            self.outer.location = location
            made.append(self._seen(v, where))
        made += [
            self.outer.create("tensor.empty", result_types=[shape]).result for shape in self.shapes
        ]
        return made, [*(where for _, where in self.inputs), *self.shapes.values()]

    def _seen(self, value: Value, where: Index) -> Value:
        """The tensor, cut to the loop sizes where a plain dimension reads only its front."""
        made = self.tensors[value]
        type_ = tensor_type(made)
        cut = [
            n if e.as_dim is None else self.sizes[e.as_dim]
            for e, n in zip(where, type_.dims, strict=True)
        ]
        if cut == list(type_.dims):
            return made
        window = {"offsets": (0,) * len(cut), "sizes": tuple(cut), "strides": (1,) * len(cut)}
        to = tensor(cut, type_.element)
        return self.outer.create("tensor.extract_slice", [made], window, [to]).result

    # -- scalars --------------------------------------------------------------------

    def at(self, value: Value, where: Index) -> Value:
        """The scalar `value[where]`; producers first, by a stack of our own."""
        stack: list[Wanted] = [(value, where, None)]
        while stack:
            current = stack[-1]
            if current[:2] in self.memo:
                self._also(current)
                stack.pop()
                continue
            missing = [w for w in self._needs(current) if w[:2] not in self.memo]
            if missing:
                stack.extend(reversed(missing))
            else:
                self.memo[current[:2]] = self._make(*current)
                stack.pop()
        return self.memo[value, where]

    def _needs(self, wanted: Wanted) -> list[Wanted]:
        """What must be there before this element can be made."""
        value, where, via = wanted
        op = value.op
        if op is None or value in self.tensors:
            return []
        if only_moves(op):
            moved = fuse(via, op.location) if via else op.location
            return [(op.operands[0], INDEX[op.name](op, where), moved)]
        if op.name in COMPUTED:
            return self._computed_needs(op, where, via)
        if not is_scalar_op(op):
            return []
        return [(v, where if tensor_type(v).rank == len(where) else (), None) for v in op.operands]

    def _computed_needs(self, op: Operation, where: Index, via: Location | None) -> list[Wanted]:
        """The numbers a place is computed of; when they are there, the element at that place."""
        row = COMPUTED[op.name]
        asked = row.asks(op, where)
        wants: list[Wanted] = [(*a, None) for a in asked]
        if any(a not in self.memo for a in asked):
            return wants
        key = (op.result, where)
        moved = fuse(via, op.location) if via else op.location
        if key not in self.places:
            self.builder.location = moved
            self.places[key] = row.place(self, op, where, [self.memo[a] for a in asked])
        if row.guard:
            wants.append((op.operands[1], (), None))
        return [*wants, (op.operands[0], self.places[key], moved)]

    def symbol(self, place: Value) -> Affine:
        """An index computed in the region, as part of an index."""
        self.symbols.append(place)
        return Affine.dim(len(self.sizes) + len(self.symbols) - 1)

    def _also(self, wanted: Wanted) -> None:
        """A second way to the same element: its moves are not forgotten."""
        value, where, via = wanted
        if via:
            self._stands_for(self.memo[value, where], via)

    def _stands_for(self, made: Value, location: Location) -> None:
        """What makes or reads this scalar does so for the op at `location`, too."""
        if made.op is not None:
            made.op.location = fuse(made.op.location, location)
        else:
            self.locations[made.index] = fuse(self.locations[made.index], location)

    def _make(self, value: Value, where: Index, via: Location | None) -> Value:
        op = value.op
        if op is None or value in self.tensors:
            return self._input(value, where, via)
        needs = self._needs((value, where, via))
        if only_moves(op):
            return self._moved(needs[0])
        if op.name in COMPUTED:
            return self._computed(op, where, needs)
        b = self.builder
        b.location = fuse(op.location, via) if via else op.location
        if op.name == "stablehlo.constant":
            return self.scalar(op, [])
        if op.name == "stablehlo.iota":
            return self._iota(op, where)
        if not is_scalar_op(op):
            raise UnsupportedError(
                f"{op.name} cannot be part of a fusion",
                op=op.name,
                hint="stage: linalg; elementwise, moving, reduce, dot, concatenate and pad can",
            )
        made = self.scalar(op, [self.memo[w[:2]] for w in needs])
        self._stands_for(made, b.location)
        return made

    def _moved(self, source: Wanted) -> Value:
        """A move is no op: its place goes to what it moved."""
        self._also(source)
        return self.memo[source[:2]]

    def _computed(self, op: Operation, where: Index, needs: list[Wanted]) -> Value:
        """The element found, or what stands where there is none."""
        found, row = self._moved(needs[-1]), COMPUTED[op.name]
        if row.guard is None:
            return found
        numbers, other = [self.memo[w[:2]] for w in needs[:-2]], self.memo[needs[-2][:2]]
        inside = row.guard(self, op, where, numbers)
        return self.builder.value("arith.select", inside, found, other)

    def scalar(self, op: Operation, operands: list[Value]) -> Value:
        """One arith op, or a few; 16-bit floats are computed in float32, rounded once."""
        if op.name == "stablehlo.constant":
            return _splat(self.builder, op, out_element(op))
        b, element, out = self.builder, tensor_type(op.operands[0]).element, out_element(op)
        if op.name in KEEPS_16 or not any(is_16(tensor_type(v).element) for v in op.operands):
            return SCALAR[op.name](b, op, element, *operands)
        wide = [
            convert(b, x, tensor_type(v).element, f32) if is_16(tensor_type(v).element) else x
            for v, x in zip(op.operands, operands, strict=True)
        ]
        made = SCALAR[op.name](b, op, f32 if is_16(element) else element, *wide)
        return convert(b, made, f32, out) if is_16(out) else made

    def _input(self, value: Value, where: Index, via: Location | None) -> Value:
        if any(d >= len(self.sizes) for e in where for d, _ in e.terms):
            return self._extract(value, where)
        self.inputs[value, where] = len(self.inputs)
        self.locations.append(via or UNKNOWN)
        return self.block.add_arg(lowered(tensor_type(value)).element)

    def _extract(self, value: Value, where: Index) -> Value:
        """An element of a whole tensor, at an index that is computed here."""
        element = lowered(tensor_type(value)).element
        at = [self.affine(e) for e in where]
        if not tensor_type(value).size:
            return constant(self.builder, 0, element)  # never reached: nothing is there
        operands = [self.tensors[value], *at]
        return self.builder.create("tensor.extract", operands, None, [element]).result

    def _iota(self, op: Operation, where: Index) -> Value:
        b, element = self.builder, out_element(op)
        i = self.affine(where[op["iota_dimension"]])
        i64 = ScalarType("i64")
        wide = b.create("arith.index_cast", [i], result_types=[i64]).result
        return convert(b, wide, i64, element)

    def affine(self, e: Affine) -> Value:
        """An affine expression as index arithmetic."""
        b = self.builder
        total: Value | None = None
        for d, c in e.terms:
            loop = d < len(self.sizes)
            term = b.value("linalg.index", dim=d) if loop else self.symbols[d - len(self.sizes)]
            if c != 1:
                term = b.value("arith.muli", term, constant(b, c, index))
            total = term if total is None else b.value("arith.addi", total, term)
        if total is None or e.const:
            offset = constant(b, e.const, index)
            total = offset if total is None else b.value("arith.addi", total, offset)
        return total


def is_inline(op: Operation) -> bool:
    """Whether it can be made element by element inside the loops of what reads it."""
    return is_scalar_op(op) or op.name in COMPUTED


def is_scalar_op(op: Operation) -> bool:
    """Whether each element of the result needs just one element of every operand."""
    return has_trait(op, "elementwise") or (
        op.name == "stablehlo.optimization_barrier" and len(op.operands) == 1
    )


def _splat(b: Builder, op: Operation, element: Any) -> Value:
    if not op["value"].is_splat:
        raise UnsupportedError(
            "a constant that is not a splat must be an argument of its fusion", op=op.name
        )
    return constant(b, op["value"].item, element)
