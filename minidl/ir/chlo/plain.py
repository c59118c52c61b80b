"""StableHLO that stands for plainer StableHLO: bitcasts between widths, dot, einsum, composites.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "batch_norm_training", "bitcast_convert", "composite",
"dynamic_conv", and its list of ops "Not in HLO"; NumPy, "einsum".
Real: `stablehlo-legalize-deprecated-ops`, `stablehlo-legalize-composite-to-call`,
`stablehlo-legalize-to-linalg` (a bitcast between widths is a loop over the parts).

A row is `row(kit, op, *operands)`: the values of the results, or None where the op stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from minidl.core.rules import RuleTable
from minidl.ir.chlo.expand import widened
from minidl.ir.chlo.formula import Expr, Kit
from minidl.ir.dimension_numbers import GatherDims
from minidl.ir.mlir.attributes import DotDims
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import ScalarType, TensorType, f32, tensor
from minidl.ir.stablehlo.reduction import reducer

Row = Callable[..., Sequence[Value] | None]
PLAIN: RuleTable[Row] = RuleTable("plain form", "decompose")


def plainer(op: Operation) -> Sequence[Value] | None:
    """The results of `op` in plainer ops before it, or None: it is plain."""
    types = [v.type for v in (*op.operands, *op.results) if isinstance(v.type, TensorType)]
    kit = Kit(Builder.before_op(op), types[0] if types else tensor((), f32))
    return PLAIN[op.name](kit, op, *(Expr(kit, v) for v in op.operands))


# -- bits --------------------------------------------------------------------------------


def _word(element: ScalarType) -> ScalarType:
    return ScalarType(f"ui{element.bits}")


def _places(k: Kit, type_: TensorType, bits: int) -> Expr:
    """Along the last dimension 0, bits, 2·bits …"""
    made = k.builder.create("stablehlo.iota", [], {"iota_dimension": type_.rank - 1}, [type_])
    return Expr(k, made.result) * k.constant(bits, type_)


@PLAIN.rule("stablehlo.bitcast_convert")
def bitcast_convert(k: Kit, op: Operation, x: Expr) -> Sequence[Value] | None:
    """A wide element is its parts, the lowest bits first; parts are shifted and joined."""
    out = op.results[0].type
    assert isinstance(out, TensorType)
    a, b = x.element.bits, out.element.bits
    if a == b:
        return None
    wide = _word(x.element if a > b else out.element)
    parts = tensor(out.shape if a > b else x.type.shape, wide)
    if a > b:
        kept = tuple(range(x.type.rank))
        same = k.to("broadcast_in_dim", k.bits(x, wide), parts, broadcast_dimensions=kept)
        part = k.op("shift_right_logical", same, _places(k, parts, b))
        if b == 1:
            return [(part & 1).differs(0).value]
        return [k.bits(k.convert(part, _word(out.element)), out.element).value]
    part = k.convert(x if a == 1 else k.bits(x, _word(x.element)), wide)
    moved = k.op("shift_left", part, _places(k, parts, a))
    whole = _reduced(k, moved, (parts.rank - 1,), "stablehlo.or")
    return [k.bits(whole, out.element).value]


def _reduced(k: Kit, x: Expr, dims: Sequence[int], joiner: str = "stablehlo.add") -> Expr:
    """x joined along dimensions, from 0."""
    if not dims:
        return x
    zero = k.constant(0, tensor((), x.element))
    made = k.builder.create(
        "stablehlo.reduce", [x.value, zero.value], {"dimensions": tuple(dims)},
        regions=[reducer(joiner, x.element)],
    )  # fmt: skip
    return Expr(k, made.result)


# -- products ----------------------------------------------------------------------------


def _product(k: Kit, op: Operation, x: Expr, y: Expr, dims: DotDims) -> Expr:
    out = op.results[0].type
    assert isinstance(out, TensorType)
    free_x, free_y = dims.free(x.type.rank, y.type.rank)
    kept = [x.type.dims[d] for d in (*dims.lhs_batching, *free_x)]
    shape = [*kept, *(y.type.dims[d] for d in free_y)]
    made = k.builder.create(
        "stablehlo.dot_general", [x.value, y.value], {"dot_dimension_numbers": dims},
        [tensor(shape, out.element)],
    )  # fmt: skip
    return Expr(k, made.result)


@PLAIN.rule("stablehlo.dot")
def dot(k: Kit, op: Operation, x: Expr, y: Expr) -> Sequence[Value]:
    return [_product(k, op, x, y, DotDims((), (), (x.type.rank - 1,), (0,))).value]


@PLAIN.rule("stablehlo.broadcast")
def broadcast(k: Kit, op: Operation, x: Expr) -> Sequence[Value]:
    out = op.results[0].type
    assert isinstance(out, TensorType)
    dims = tuple(range(out.rank - x.type.rank, out.rank))
    return [k.to("broadcast_in_dim", x, out, broadcast_dimensions=dims).value]


@PLAIN.rule("stablehlo.einsum", "stablehlo.unary_einsum")
def einsum(k: Kit, op: Operation, *xs: Expr) -> Sequence[Value] | None:
    """Letters of one operand alone are summed, then a dot, then letters in the order asked."""
    ins, _, out = op["einsum_config"].partition("->")
    letters = ins.split(",")
    if any(len(set(word)) < len(word) for word in letters):
        return None  # a diagonal
    for i, word in enumerate(letters):
        others = set("".join(letters[:i] + letters[i + 1 :])) | set(out)
        gone = [d for d, c in enumerate(word) if c not in others]
        xs = (*xs[:i], _reduced(k, xs[i], gone), *xs[i + 1 :])
        letters[i] = "".join(c for c in word if c in others)
    if len(xs) == 1:
        made, have = xs[0], letters[0]
    else:
        (a, b), (x, y) = letters, xs
        batch, summed = ([c for c in a if c in b and (c in out) == kept] for kept in (True, False))
        at = [tuple(word.index(c) for c in part) for part in (batch, summed) for word in (a, b)]
        made = _product(k, op, x, y, DotDims(*at))
        have = "".join([*batch, *(c for c in a + b if c not in (*batch, *summed))])
    if have == out:
        return [made.value]
    return [k.op("transpose", made, permutation=tuple(have.index(c) for c in out)).value]


@PLAIN.rule("stablehlo.torch_index_select")
def torch_index_select(k: Kit, op: Operation, x: Expr, index: Expr) -> Sequence[Value]:
    """A gather of slices of one element along `dim`; its starts are clamped."""
    d, n, dims = op["dim"], op["batch_dims"], x.type.dims
    batch, new = tuple(range(n)), index.type.rank - n
    out = op.results[0].type
    assert isinstance(out, TensorType)
    window = tuple(i for i in range(n, out.rank) if not d <= i < d + new)
    numbers = GatherDims(window, (d,), batch, batch, (d,), index.type.rank)
    sizes = tuple(1 if i < n or i == d else size for i, size in enumerate(dims))
    made = k.op("gather", x, index, dimension_numbers=numbers, slice_sizes=sizes)
    return [made.value]


# -- dynamic_conv ------------------------------------------------------------------------


@PLAIN.rule("stablehlo.dynamic_conv")
def dynamic_conv(k: Kit, op: Operation, x: Expr, kernel: Expr, padding: Expr) -> Sequence[Value]:
    """The operand padded by amounts that are data, then a convolution without padding.

    What the window never reaches at the end is not padded, so the padded size is known.
    """
    numbers, out = op["dimension_numbers"], op.results[0].type
    assert isinstance(out, TensorType)
    rank, count = x.type.rank, len(numbers.input_spatial)
    attributes = {n: v for n, v in op.attributes.items() if n != "padding"}
    ones = (1,) * count
    strides, lhs, rhs = (
        tuple(attributes.get(n) or ones) for n in ("window_strides", "lhs_dilation", "rhs_dilation")
    )
    reach = list(x.type.dims)
    for i, d in enumerate(numbers.input_spatial):
        size = kernel.type.dims[numbers.kernel_spatial[i]]
        steps = out.dims[numbers.output_spatial[i]] - 1
        reach[d] = max(0, steps * strides[i] + (size - 1) * rhs[i] + 1)
    zero, none = k.constant(0, tensor((), x.element)), tensor((1,), padding.element)
    low, high, interior = ([k.constant(0, none)] * rank for _ in range(3))
    for i, d in enumerate(numbers.input_spatial):
        n = x.type.dims[d]
        cut = k.op("slice", padding, start_indices=(i, 0), limit_indices=(i + 1, 1), strides=(1, 1))
        low[d] = k.to("reshape", cut, none)
        high[d] = k.constant(reach[d] - max(0, (n - 1) * lhs[i] + 1), none) - low[d]
        interior[d] = k.constant(lhs[i] - 1, none)
    amounts = [k.op("concatenate", *line, dimension=0).value for line in (low, high, interior)]
    padded = k.builder.create(
        "stablehlo.dynamic_pad", [x.value, zero.value, *amounts], None, [tensor(reach, x.element)]
    )
    attributes["lhs_dilation"] = ones
    made = k.builder.create(
        "stablehlo.convolution", [padded.result, kernel.value], attributes, [out]
    )
    return made.results


# -- structure ---------------------------------------------------------------------------


@PLAIN.rule("stablehlo.composite")
def composite(k: Kit, op: Operation, *xs: Expr) -> Sequence[Value]:
    """A call of its decomposition."""
    attributes = {"callee": op["decomposition"]}
    types = [v.type for v in op.results]
    return k.builder.create("func.call", [x.value for x in xs], attributes, types).results


@PLAIN.rule("stablehlo.get_tuple_element")
def get_tuple_element(k: Kit, op: Operation, x: Expr) -> Sequence[Value] | None:
    """An element of a tuple that was made here is what it was made of."""
    found = _part(x.value, op["index"])
    return None if found is None else [found]


def _part(whole: Value, index: int) -> Value | None:
    made = whole.op
    if made is not None and made.name == "stablehlo.get_tuple_element":
        inner = _part(made.operands[0], made["index"])
        return None if inner is None else _part(inner, index)
    return made.operands[index] if made is not None and made.name == "stablehlo.tuple" else None


# -- normalisation -----------------------------------------------------------------------


class _Features:
    """[c] along the feature dimension of x, and sums over all others."""

    def __init__(self, k: Kit, op: Operation) -> None:
        self.k, self.x = k, k.type
        self.d = op["feature_index"]
        self.epsilon = op["epsilon"]
        self.n = math.prod(n for i, n in enumerate(self.x.dims) if i != self.d)

    def spread(self, c: Expr) -> Expr:
        return self.k.to("broadcast_in_dim", c, self.x, broadcast_dimensions=(self.d,))

    def total(self, x: Expr) -> Expr:
        return _reduced(self.k, x, [i for i in range(x.type.rank) if i != self.d])

    def deviation(self, variance: Expr) -> Expr:
        return self.spread(self.k.sqrt(variance + self.epsilon))


def in_float32(row: Row) -> Row:
    """16-bit floats are computed in float32 and rounded once."""

    def wide(k: Kit, op: Operation, *xs: Expr) -> Sequence[Value] | None:
        if k.element.bits != 16:
            return row(k, op, *xs)
        narrow, k = k.element, Kit(k.builder, widened(k.type, f32))
        made = row(k, op, *(k.convert(Expr(k, x.value), f32) for x in xs))
        return made and [k.convert(Expr(k, v), narrow).value for v in made]

    return wide


@PLAIN.rule("stablehlo.batch_norm_inference")
@in_float32
def batch_norm_inference(
    k: Kit, op: Operation, x: Expr, scale: Expr, offset: Expr, mean: Expr, variance: Expr
) -> Sequence[Value]:
    at = _Features(k, op)
    normal = (x - at.spread(mean)) / at.deviation(variance)
    return [(normal * at.spread(scale) + at.spread(offset)).value]


@PLAIN.rule("stablehlo.batch_norm_training")
@in_float32
def batch_norm_training(
    k: Kit, op: Operation, x: Expr, scale: Expr, offset: Expr
) -> Sequence[Value]:
    at = _Features(k, op)
    mean = at.total(x) / at.n
    centred = x - at.spread(mean)
    variance = at.total(centred * centred) / at.n
    made = centred / at.deviation(variance) * at.spread(scale) + at.spread(offset)
    return [made.value, mean.value, variance.value]


@PLAIN.rule("stablehlo.batch_norm_grad")
@in_float32
def batch_norm_grad(
    k: Kit, op: Operation, x: Expr, scale: Expr, mean: Expr, variance: Expr, grad: Expr
) -> Sequence[Value]:
    at = _Features(k, op)
    centred = x - at.spread(mean)
    deviation, total = at.deviation(variance), at.total(grad)
    slope = at.spread(at.total(grad * centred)) * centred / at.spread(variance + at.epsilon)
    inner = grad * at.n - at.spread(total) - slope
    made = at.spread(scale) / deviation / at.n * inner
    return [made.value, at.total(grad * centred / deviation).value, total.value]
