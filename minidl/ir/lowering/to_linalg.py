"""A fusion as `linalg.generic`: every element by an indexing map.

Chapter: ir/lowering.
Sources: MLIR, "'linalg' Dialect" (properties of `linalg.generic`).
Real: `stablehlo-legalize-to-linalg` makes one generic an op and fuses later
(`linalg-fuse-elementwise-ops`); here the fusion is already decided, so one is made
for each value that must exist in memory.

The central function is `_Body.at(value, index)`: the scalar that `value` has at
`index`, a tuple of affine expressions of the loop dimensions.
    elementwise ops    the same index, one arith op
    broadcast, transpose, reshape by ones, slice, reverse    another index, no op
    reduce, dot        a generic of their own, read here like an input
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import UnsupportedError
from minidl.ir.attributes import Affine, AffineMap, DotDims
from minidl.ir.core import Block, Operation, Region, Value
from minidl.ir.dialects.stablehlo.reduction import reducer_name
from minidl.ir.location import UNKNOWN, Location, fuse
from minidl.ir.lowering.scalars import SCALAR, constant, convert, signless
from minidl.ir.module import Module, finish, function
from minidl.ir.spec import Builder, has_trait
from minidl.ir.types import ScalarType, TensorType, f32, index, tensor

Index = tuple[Affine, ...]
EXPENSIVE = frozenset(
    f"stablehlo.{n}"
    for n in [
        "exponential",
        "exponential_minus_one",
        "log",
        "log_plus_one",
        "logistic",
        "tanh",
        "sine",
        "cosine",
        "tan",
        "sqrt",
        "rsqrt",
        "cbrt",
        "power",
        "divide",
        "remainder",
        "atan2",
    ]
)


def tensor_type(value: Value) -> TensorType:
    assert isinstance(value.type, TensorType)
    return value.type


def lowered(type_: TensorType) -> TensorType:
    return tensor(type_.shape, signless(type_.element))


# -- index maps ---------------------------------------------------------------------


def _broadcast(op: Operation, at: Index) -> Index:
    x = tensor_type(op.operands[0])
    out = tensor_type(op.result)
    dims = op["broadcast_dimensions"]
    return tuple(
        Affine() if x.shape[i] == 1 and out.shape[d] != 1 else at[d] for i, d in enumerate(dims)
    )


def _transpose(op: Operation, at: Index) -> Index:
    order = op["permutation"]
    return tuple(at[order.index(d)] for d in range(len(order)))


def is_unit_reshape(op: Operation) -> bool:
    """Whether a reshape only adds or drops dimensions of size 1."""
    a, b = tensor_type(op.operands[0]).dims, tensor_type(op.result).dims
    return [n for n in a if n != 1] == [n for n in b if n != 1]


def _reshape(op: Operation, at: Index) -> Index:
    out = tensor_type(op.result).dims
    kept = iter([i for i, n in zip(at, out, strict=True) if n != 1])
    return tuple(next(kept) if n != 1 else Affine() for n in tensor_type(op.operands[0]).dims)


def _slice(op: Operation, at: Index) -> Index:
    return tuple(
        i.scaled(s, a) for i, a, s in zip(at, op["start_indices"], op["strides"], strict=True)
    )


def _reverse(op: Operation, at: Index) -> Index:
    shape = tensor_type(op.result).dims
    return tuple(
        i.scaled(-1, shape[d] - 1) if d in op["dimensions"] else i for d, i in enumerate(at)
    )


INDEX = {
    "stablehlo.broadcast_in_dim": _broadcast,
    "stablehlo.transpose": _transpose,
    "stablehlo.reshape": _reshape,
    "stablehlo.slice": _slice,
    "stablehlo.reverse": _reverse,
}


def only_moves(op: Operation) -> bool:
    """Whether the op is nothing but another index of its operand."""
    return op.name in INDEX and (op.name != "stablehlo.reshape" or is_unit_reshape(op))


# -- one generic ----------------------------------------------------------------------


class _Body:
    """The region of one generic, grown on demand from the values it yields."""

    def __init__(self, group: _Group, dims: int) -> None:
        self.group, self.dims = group, dims
        self.block = Block()
        self.builder = Builder(self.block)
        self.inputs: dict[tuple[Value, Index], int] = {}
        self.input_locations: list[Location] = []
        self.memo: dict[tuple[Value, Index], Value] = {}
        self.shapes: dict[TensorType, Index] = {}

    def needs_sizes(self, sizes: Sequence[int], dims: Sequence[int], element: ScalarType) -> None:
        """An unread operand for reduced dimensions whose size no input shows."""
        shown = {e.as_dim for _, where in self.inputs for e in where}
        hidden = [d for d in dims if d not in shown]
        if hidden:
            type_ = tensor([sizes[d] for d in hidden], element)
            self.shapes[type_] = tuple(map(Affine.dim, hidden))
            self.block.add_arg(element)
            self.input_locations.append(UNKNOWN)

    def at(self, value: Value, where: Index, via: Location | None = None) -> Value:
        """The scalar `value[where]`; `via` are the moves passed through on the way."""
        made = self.memo.get((value, where))
        if made is None:
            made = self._at(value, where, via)
            self.memo[value, where] = made
        return made

    def _at(self, value: Value, where: Index, via: Location | None) -> Value:
        op = value.op
        tensor_value = self.group.tensors.get(value)
        if tensor_value is not None or op is None:
            return self._input(value, where, via)
        if only_moves(op):
            location = fuse(via, op.location) if via else op.location
            return self.at(op.operands[0], INDEX[op.name](op, where), location)
        b = self.builder
        b.location = fuse(op.location, via) if via else op.location
        if op.name == "stablehlo.constant":
            if not op["value"].is_splat:
                raise UnsupportedError(
                    "a constant that is not a splat must be an argument of its fusion",
                    op=op.name,
                )
            return constant(b, op["value"].item, op["value"].type.element)
        if op.name == "stablehlo.iota":
            return self._iota(op, where)
        if not has_trait(op, "elementwise") and op.name != "stablehlo.optimization_barrier":
            raise UnsupportedError(
                f"{op.name} cannot be part of a fusion",
                op=op.name,
                hint="stage: linalg; elementwise, moving, reduce and dot ops can",
            )
        operands = []
        for v in op.operands:
            rank = tensor_type(v).rank
            operands.append(self.at(v, where if rank == len(where) else ()))
        b.location = fuse(op.location, via) if via else op.location
        return SCALAR[op.name](b, op, tensor_type(op.operands[0]).element, *operands)

    def _input(self, value: Value, where: Index, via: Location | None) -> Value:
        key = (value, where)
        if key not in self.inputs:
            self.inputs[key] = len(self.inputs)
            self.input_locations.append(via or UNKNOWN)
            return self.block.add_arg(signless(tensor_type(value).element))
        return self.block.args[self.inputs[key]]

    def _iota(self, op: Operation, where: Index) -> Value:
        b = self.builder
        i = self._affine(where[op["iota_dimension"]])
        element = tensor_type(op.result).element
        wide = b.create("arith.index_cast", [i], result_types=[ScalarType("i64")]).result
        return convert(b, wide, ScalarType("i64"), element)

    def _affine(self, e: Affine) -> Value:
        b = self.builder
        total: Value | None = None
        for d, c in e.terms:
            term = b.value("linalg.index", dim=d)
            if c != 1:
                term = b.value("arith.muli", term, constant(b, c, index))
            total = term if total is None else b.value("arith.addi", total, term)
        if total is None or e.const:
            offset = constant(b, e.const, index)
            total = offset if total is None else b.value("arith.addi", total, offset)
        return total


class _Group:
    """The lowering of one fusion: which values are tensors, in which order."""

    def __init__(self, source: Operation, builder: Builder) -> None:
        self.source, self.builder = source, builder
        self.tensors: dict[Value, Value] = {}
        self.pending: list[Value] = []  # elementwise values of one shape, not yet made
        self.blocked: set[Value] = set()  # values that depend on what is pending

    # -- order ------------------------------------------------------------------

    def run(self) -> list[Value]:
        outputs = list(self.source.body.terminator.operands)
        wanted = self._must_exist(outputs)
        for op in self.source.body:
            if op is self.source.body.last or not any(v in wanted for v in op.results):
                continue
            if op.name in ("stablehlo.reduce", "stablehlo.dot_general"):
                self._flush_if_needed(op)
                self._hero(op)
            else:
                self._elementwise(op.result)
        self._flush()
        return [self.tensors[v] for v in outputs]

    def _must_exist(self, outputs: Sequence[Value]) -> set[Value]:
        """Outputs, reductions and dots, and what is expensive and read twice."""
        wanted = {v for v in outputs}
        for op in self.source.body:
            if op.name in ("stablehlo.reduce", "stablehlo.dot_general"):
                wanted.update(op.results)
            elif op.name in EXPENSIVE and len(op.result.users) > 1:
                wanted.add(op.result)
        return wanted

    def _elementwise(self, value: Value) -> None:
        if self.pending and tensor_type(self.pending[0]).shape != tensor_type(value).shape:
            self._flush()
        self.pending.append(value)

    def _flush_if_needed(self, op: Operation) -> None:
        if self.pending:
            self._flush()

    def _flush(self) -> None:
        """One generic for all pending values."""
        values, self.pending = self.pending, []
        if not values:
            return
        shape = tensor_type(values[0]).dims
        body = _Body(self, len(shape))
        here = AffineMap.identity(len(shape)).results
        yields = [body.at(v, here) for v in values]
        outs = [self._empty(tensor_type(v)) for v in values]
        location = fuse(*(v.op.location for v in values if v.op))
        maps = [AffineMap(len(shape), here)] * len(values)
        results = self._generic(body, yields, outs, maps, ["parallel"] * len(shape), location)
        self.tensors.update(zip(values, results, strict=True))

    # -- generics -----------------------------------------------------------------

    def _empty(self, type_: TensorType) -> Value:
        return self.builder.create("tensor.empty", result_types=[lowered(type_)]).result

    def _generic(
        self,
        body: _Body,
        yields: list[Value],
        outs: list[Value],
        out_maps: list[AffineMap],
        iterators: list[str],
        location: Location,
        lanes: bool = False,
    ) -> list[Value]:
        body.builder.location = location
        body.builder.create("linalg.yield", yields)
        extra = len(body.inputs) + len(body.shapes)
        for value in outs[len(body.block.args) - extra :]:
            body.block.add_arg(tensor_type(value).element)
        ins = [self.tensors[v] for v, _ in body.inputs]
        maps = [AffineMap(body.dims, where) for _, where in body.inputs]
        maps += [AffineMap(body.dims, where) for where in body.shapes.values()] + out_maps
        attributes: dict[str, Any] = {
            "indexing_maps": tuple(maps),
            "iterator_types": tuple(iterators),
            "_locations": tuple(body.input_locations),
            "_lanes": lanes,
        }
        for shape in body.shapes:
            ins.append(self.builder.create("tensor.empty", result_types=[shape]).result)
        attributes["operandSegmentSizes"] = (len(ins), len(outs))
        op = self.builder.create(
            "linalg.generic",
            [*ins, *outs],
            attributes,
            [v.type for v in outs],
            [Region([body.block])],
            location=location,
        )
        return op.results

    def _hero(self, op: Operation) -> None:
        made = self._reduce(op) if op.name == "stablehlo.reduce" else self._dot(op)
        self.tensors[op.result] = made

    def _filled(self, type_: TensorType, init: Value, location: Location) -> Value:
        b = self.builder
        b.location = location
        return b.create("linalg.fill", [init, self._empty(type_)], None, [lowered(type_)]).result

    def _reduce(self, op: Operation) -> Value:
        """Kept dimensions first, then the reduced ones."""
        name = reducer_name(op)
        if len(op.operands) != 2 or name is None or name not in SCALAR:
            raise UnsupportedError(
                "reduce with a body that is not one binary op is not lowered",
                op=op.name,
                hint="stage: linalg",
            )
        x = tensor_type(op.operands[0])
        reduced = op["dimensions"]
        kept = [d for d in range(x.rank) if d not in reduced]
        order = [*kept, *reduced]
        where = tuple(Affine.dim(order.index(d)) for d in range(x.rank))
        body = _Body(self, x.rank)
        element = body.at(op.operands[0], where)
        sizes = [x.dims[d] for d in order]
        body.needs_sizes(sizes, range(len(kept), x.rank), signless(x.element))
        out = self._filled(tensor_type(op.result), self._init(op), op.location)
        accumulator = self._accumulator(body, out)
        inner = op.body.first
        assert inner is not None
        init = op.operands[1].op
        known = (init.location,) if init is not None else ()
        body.builder.location = fuse(op.location, inner.location, *known)
        made = SCALAR[name](body.builder, inner, x.element, accumulator, element)
        map_ = AffineMap(x.rank, tuple(Affine.dim(i) for i in range(len(kept))))
        kinds = ["parallel"] * len(kept) + ["reduction"] * len(reduced)
        lanes = x.rank - 1 in reduced
        return self._generic(body, [made], [out], [map_], kinds, op.location, lanes)[0]

    def _accumulator(self, body: _Body, out: Value) -> Value:
        return body.block.add_arg(tensor_type(out).element)

    def _init(self, op: Operation) -> Value:
        """The init of a reduce as a scalar: a constant, or an element of an input."""
        init = op.operands[1]
        source = init.op
        b = self.builder
        b.location = op.location
        if source is not None and source.name == "stablehlo.constant":
            b.location = fuse(op.location, source.location)
            return constant(b, source["value"].item, source["value"].type.element)
        raise UnsupportedError(
            "reduce with an init that is not a constant is not lowered",
            op=op.name,
            hint="stage: linalg; reduce with the identity and combine afterwards",
        )

    def _dot(self, op: Operation) -> Value:
        """Batch, free of lhs, free of rhs, then the contracted dimensions."""
        x, y = tensor_type(op.operands[0]), tensor_type(op.operands[1])
        out_type = tensor_type(op.result)
        dims: DotDims = op["dot_dimension_numbers"]
        k0 = out_type.rank
        lhs, rhs = dot_index(op)
        rank = k0 + len(dims.lhs_contracting)
        body = _Body(self, rank)
        a, c = body.at(op.operands[0], lhs), body.at(op.operands[1], rhs)
        b = self.builder
        b.location = op.location
        k_sizes = [x.dims[d] for d in dims.lhs_contracting]
        body.needs_sizes([*out_type.dims, *k_sizes], range(k0, rank), signless(x.element))
        wide = f32 if out_type.element.name in ("f16", "bf16") else out_type.element
        zero = constant(b, 0, wide)
        out = self._filled(tensor(out_type.shape, wide), zero, op.location)
        accumulator = self._accumulator(body, out)
        body.builder.location = op.location
        a, c = (convert(body.builder, v, t.element, wide) for v, t in ((a, x), (c, y)))
        made = _multiply_add(body.builder, wide, a, c, accumulator)
        map_ = AffineMap(rank, tuple(Affine.dim(i) for i in range(k0)))
        kinds = ["parallel"] * k0 + ["reduction"] * len(dims.lhs_contracting)
        lanes = out_type.rank == 0 or out_type.dims[-1] < 8
        result = self._generic(body, [made], [out], [map_], kinds, op.location, lanes)[0]
        return result if wide is out_type.element else self._narrow(result, op, wide)

    def _narrow(self, value: Value, op: Operation, wide: ScalarType) -> Value:
        """16-bit dots accumulate in float32 and round once, at the end."""
        out = tensor_type(op.result)
        body = _Body(self, out.rank)
        here = AffineMap.identity(out.rank).results
        source = op.result
        self.tensors[source] = value
        body.inputs[source, here] = 0
        body.input_locations.append(op.location)
        x = body.block.add_arg(wide)
        body.builder.location = op.location
        made = convert(body.builder, x, wide, out.element)
        return self._generic(
            body, [made], [self._empty(out)], [AffineMap(out.rank, here)],
            ["parallel"] * out.rank, op.location,
        )[0]  # fmt: skip


def dot_index(op: Operation) -> tuple[Index, Index]:
    """Where a dot reads lhs and rhs: dims are batch, free of lhs, free of rhs, contracted."""
    dims: DotDims = op["dot_dimension_numbers"]
    ranks = [tensor_type(v).rank for v in op.operands]
    free_x, free_y = dims.free(*ranks)
    batch = len(dims.lhs_batching)
    k0 = batch + len(free_x) + len(free_y)
    lhs = _positions(dims.lhs_batching, free_x, dims.lhs_contracting, batch, k0)
    rhs = _positions(dims.rhs_batching, free_y, dims.rhs_contracting, batch + len(free_x), k0)
    return lhs, rhs


def _positions(
    batching: tuple[int, ...],
    free: tuple[int, ...],
    contracting: tuple[int, ...],
    free_at: int,
    k0: int,
) -> Index:
    where = {d: i for i, d in enumerate(batching)}
    where |= {d: free_at + i for i, d in enumerate(free)}
    where |= {d: k0 + i for i, d in enumerate(contracting)}
    return tuple(Affine.dim(where[d]) for d in range(len(where)))


def _multiply_add(b: Builder, element: ScalarType, x: Value, y: Value, acc: Value) -> Value:
    if element.is_float:
        return b.value("math.fma", x, y, acc)
    if element.name == "i1":
        return b.value("arith.ori", acc, b.value("arith.andi", x, y))
    return b.value("arith.addi", acc, b.value("arith.muli", x, y))


# -- the stage ------------------------------------------------------------------------


def fusion_to_linalg(source: Operation, into: Module) -> Operation:
    """The function `source` (a fusion of StableHLO ops) as one of linalg ops."""
    inputs = [lowered(tensor_type(v)) for v in source.body.args]
    made, builder = function(into, source["sym_name"], inputs, (), "private", source.location)
    made.attributes["minidl.fusion"] = source.get("minidl.fusion")
    group = _Group(source, builder)
    group.tensors.update(zip(source.body.args, made.body.args, strict=True))
    finish(builder, group.run())
    return made
