"""CHLO ops that compute in the types they are given: broadcasts, bits, top_k, ragged_dot.

Chapter: ir/stablehlo.
Sources: StableHLO, "'chlo' Dialect"; IEEE 754-2019, 5.3.1 (nextUp); NumPy, "Broadcasting".
Real: `ChloLegalizeToStablehlo.cpp`; XLA keeps `TopK` and `RaggedDot` as ops of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import UnsupportedError
from minidl.ir.chlo.formula import Expr, Kit
from minidl.ir.chlo.table import FORMULAS, exactly
from minidl.ir.mlir.attributes import DotDims
from minidl.ir.mlir.core import Block, Operation, Region
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import ScalarType, TensorType, i32, i64, tensor, ui64

# -- broadcasting ------------------------------------------------------------------------


def _spread(k: Kit, x: Expr, shape: tuple[int, ...], dims: Sequence[int]) -> Expr:
    """x over a larger shape; nothing is made when it has that shape."""
    if x.type.shape == shape:
        return x
    out = tensor(shape, x.element)
    return k.to("broadcast_in_dim", x, out, broadcast_dimensions=tuple(dims))


def _aligned(k: Kit, op: Operation, x: Expr, shape: tuple[int, ...]) -> Expr:
    """The operand of smaller rank stands at the dimensions named, else at the last ones."""
    named = op.get("broadcast_dimensions")
    rank = len(x.type.shape)
    if named is None or rank == len(shape):
        named = range(len(shape) - rank, len(shape))
    return _spread(k, x, shape, named)


def _broadcasting(short: str) -> Any:
    def row(k: Kit, op: Operation, *xs: Expr) -> Any:
        shape = op.results[0].type.dims  # type: ignore[attr-defined]
        same = [_aligned(k, op, x, shape) for x in xs]
        if short in _FORMULAS:
            return tuple(
                Expr(k, v)
                for v in k.builder.create(
                    f"chlo.{short}", [x.value for x in same], {}, [v.type for v in op.results]
                ).results
            )
        kept = {
            n: v for n, v in op.attributes.items() if n in ("comparison_direction", "compare_type")
        }
        return k.op(short, *same, **kept)

    return row


_FORMULAS = ("next_after", "polygamma", "zeta")  # not StableHLO's own: formulas in their turn
BROADCAST = tuple(
    """add and atan2 compare complex divide maximum minimum multiply next_after or polygamma
    power remainder select shift_left shift_right_arithmetic shift_right_logical subtract xor
    zeta""".split()  # noqa: SIM905
)
for _short in BROADCAST:
    FORMULAS[f"chlo.broadcast_{_short}"] = _broadcasting(_short)


@exactly("chlo.constant")
def constant(k: Kit, op: Operation) -> Expr:
    return k.op("constant", value=op["value"])


@exactly("chlo.constant_like")
def constant_like(k: Kit, op: Operation, x: Expr) -> Expr:
    value = op["value"]
    return k.constant(getattr(value, "value", value), x.type)


# -- bits --------------------------------------------------------------------------------


@exactly("chlo.mulhi")
def mulhi(k: Kit, op: Operation, x: Expr, y: Expr) -> Expr:
    """The upper half of the product of two integers, which has twice their bits."""
    bits, unsigned = x.element.bits, x.element.is_unsigned
    if bits < 64:
        wide = ui64 if unsigned else i64
        product = k.convert(x, wide) * k.convert(y, wide)
        shift = "shift_right_logical" if unsigned else "shift_right_arithmetic"
        return k.convert(k.op(shift, product, k.constant(bits, product.type)), x.element)
    high = _mulhi_64(k, *(k.bits(v, ui64) for v in (x, y)))
    if unsigned:
        return high
    # as unsigned, a negative x is x + 2⁶⁴: that adds y to the upper half
    made = k.bits(high, x.element)
    made = made - k.where(x < 0, y, 0)
    return made - k.where(y < 0, x, 0)


def _mulhi_64(k: Kit, x: Expr, y: Expr) -> Expr:
    """By halves of 32 bits: four products, their carries added in between."""

    def down(v: Expr) -> Expr:
        return k.op("shift_right_logical", v, k.constant(32, v.type))

    mask = (1 << 32) - 1
    x1, x0, y1, y0 = down(x), x & mask, down(y), y & mask
    middle = x1 * y0 + down(x0 * y0)
    other = x0 * y1 + (middle & mask)
    return x1 * y1 + down(middle) + down(other)


@exactly("chlo.next_after")
def next_after(k: Kit, op: Operation, x: Expr, y: Expr) -> Expr:
    """The float beside x on the way to y: the next integer when floats are read as bits."""
    word = ScalarType(f"i{x.element.bits}")
    least = -(1 << (x.element.bits - 1))
    xi, yi = k.bits(x, word), k.bits(y, word)
    sign, size_x, size_y = xi & least, xi & ~least, yi & ~least
    inwards = (size_x > size_y) | sign.differs(yi & least)
    moved = xi + k.where(inwards, k.constant(-1, xi.type), k.constant(1, xi.type))
    from_zero = k.where(size_y.same(0), yi, (yi & least) | 1)
    made = k.where(size_x.same(0), from_zero, k.where(x.same(y), yi, moved))
    nan = x.differs(x) | y.differs(y)
    return k.where(nan, x + y, k.bits(made, x.element))


# -- top_k -------------------------------------------------------------------------------


def _descending(element: ScalarType) -> Region:
    """A comparator of (value, index) pairs: the greater value first."""
    block = Block([tensor((), e) for e in (element, element, i32, i32)])
    builder = Builder(block)
    attributes: dict[str, Any] = {"comparison_direction": "GT"}
    if element.is_float:
        attributes["compare_type"] = "TOTALORDER"
    before = builder.create("stablehlo.compare", block.args[:2], attributes)
    builder.create("stablehlo.return", before.results)
    return Region([block])


@exactly("chlo.top_k")
def top_k(k: Kit, op: Operation, x: Expr) -> tuple[Expr, ...]:
    """The greatest along the last dimension, and where they stood; equal ones in order."""
    dims, last = x.type.dims, x.type.rank - 1
    places = k.builder.create(
        "stablehlo.iota", [], {"iota_dimension": last}, [tensor(dims, i32)]
    ).result
    made = k.builder.create(
        "stablehlo.sort",
        [x.value, places],
        {"dimension": last, "is_stable": True},
        regions=[_descending(x.element)],
    )
    limit = (*dims[:-1], op["k"])
    return tuple(
        k.op("slice", Expr(k, v), start_indices=(0,) * len(dims), limit_indices=limit,
             strides=(1,) * len(dims))
        for v in made.results
    )  # fmt: skip


# -- ragged_dot --------------------------------------------------------------------------


@exactly("chlo.ragged_dot")
def ragged_dot(k: Kit, op: Operation, x: Expr, y: Expr, sizes: Expr) -> Expr:
    """Groups along the ragged dimension of lhs; group g begins at Σ sizes[:g].

    free         each group of rows times its own matrix of rhs, laid below each other
    contracting  a product for each group, of the terms in it, in front of each other
    batching     groups of whole products: the product as it is
    """
    dims = op["ragged_dot_dimension_numbers"]
    (ragged,), dot = dims.lhs_ragged, dims.dot
    if sizes.type.rank != 1:
        raise UnsupportedError(
            f"chlo.ragged_dot has a formula for one list of group sizes, got {sizes.type}",
            op=op.name,
            hint="mask lhs and use stablehlo.dot_general",
        )
    out = op.results[0].type
    assert isinstance(out, TensorType)
    if ragged in dot.lhs_batching:
        return _dot(k, out, x, y, dot)
    masked = _groups(k, x, sizes, ragged)
    if ragged in dot.lhs_contracting:
        one = tensor((1, *out.dims[1:]), out.element)
        flat = tensor(out.dims[1:], out.element)
        made = [k.to("reshape", _dot(k, flat, rows, y, dot), one) for rows in masked]
        return k.op("concatenate", *made, dimension=0) if made else k.constant(0, out)
    total = k.constant(0, out)
    for g, rows in enumerate(masked):
        total = total + _dot(k, out, rows, _group(k, y, dims.rhs_group[0], g), dims.without_group())
    return total


def _groups(k: Kit, x: Expr, sizes: Expr, d: int) -> list[Expr]:
    """For each group the tensor with everything outside it 0."""
    row = _rows(k, x, sizes, d)
    end, out = _spread(k, k.constant(0, tensor((), sizes.element)), x.type.dims, ()), []
    for g in range(sizes.type.dims[0]):
        start, end = end, end + _spread(k, _element(k, sizes, g), x.type.dims, ())
        out.append(k.where((row >= start) & (row < end), x, 0))
    return out


def _rows(k: Kit, x: Expr, sizes: Expr, d: int) -> Expr:
    made = k.builder.create(
        "stablehlo.iota", [], {"iota_dimension": d}, [tensor(x.type.shape, sizes.element)]
    )
    return Expr(k, made.result)


def _element(k: Kit, x: Expr, i: int) -> Expr:
    one = k.op("slice", x, start_indices=(i,), limit_indices=(i + 1,), strides=(1,))
    return k.to("reshape", one, tensor((), x.element))


def _group(k: Kit, y: Expr, d: int, g: int) -> Expr:
    """rhs[g] along dimension d, which goes."""
    dims = y.type.dims
    start = tuple(g if i == d else 0 for i in range(len(dims)))
    limit = tuple(g + 1 if i == d else n for i, n in enumerate(dims))
    one = k.op("slice", y, start_indices=start, limit_indices=limit, strides=(1,) * len(dims))
    return k.to("reshape", one, tensor(dims[:d] + dims[d + 1 :], y.element))


def _dot(k: Kit, out: TensorType, x: Expr, y: Expr, dims: DotDims) -> Expr:
    attributes: dict[str, Any] = {"dot_dimension_numbers": dims}
    made = k.builder.create("stablehlo.dot_general", [x.value, y.value], attributes, [out])
    return Expr(k, made.result)
