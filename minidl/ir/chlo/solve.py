"""Triangular systems and Cholesky's factor as loops over rows and columns.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "cholesky", "triangular_solve"; G. Golub and C. Van Loan,
"Matrix Computations", 3.1.2 (substitution), 4.2.5 (Cholesky by columns).
Real: XLA's `TriangularSolveExpander` and `CholeskyExpander` make loops over blocks of both.

Each round is a dot of what is known with a row of the matrix; the matrices of a batch go
side by side.  The triangle that the op does not read is masked, so that nothing there
(an infinity, a NaN) reaches a result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minidl.ir.chlo.formula import Expr, Kit
from minidl.ir.chlo.plain import PLAIN, in_float32
from minidl.ir.chlo.scan import put_at, slice_at
from minidl.ir.mlir.attributes import DotDims
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import TensorType, i64, tensor
from minidl.ir.stablehlo.reduction import reducer

Step = Callable[[Kit, Expr, Expr], Expr]


def repeated(k: Kit, n: int, start: Expr, step: Step) -> Expr:
    """step(k, i, x) for i = 0 … n-1, from x = start."""
    if n == 0:
        return start
    zero = k.constant(0, tensor((), i64))
    types = [zero.type, start.type]
    cond, body = Block(types), Block(types)
    test = Kit(Builder(cond), types[0])
    test.builder.create("stablehlo.return", [(Expr(test, cond.args[0]) < n).value])
    inner = Kit(Builder(body), types[0])
    i, x = (Expr(inner, v) for v in body.args)
    inner.builder.create("stablehlo.return", [(i + 1).value, step(inner, i, x).value])
    regions = [Region([cond]), Region([body])]
    loop = k.builder.create("stablehlo.while", [zero.value, start.value], {}, None, regions)
    return Expr(k, loop.results[1])


def _numbered(k: Kit, type_: TensorType, d: int) -> Expr:
    """The place of each element along dimension d."""
    out = tensor(type_.shape, i64)
    return Expr(k, k.builder.create("stablehlo.iota", [], {"iota_dimension": d}, [out]).result)


def _spread(k: Kit, x: Expr, type_: TensorType) -> Expr:
    """x along a last dimension of its own; an index everywhere."""
    dims = tuple(range(x.type.rank))
    return k.to("broadcast_in_dim", x, tensor(type_.shape, x.element), broadcast_dimensions=dims)


def _turned(k: Kit, x: Expr) -> Expr:
    """The last two dimensions exchanged."""
    r = x.type.rank
    return k.op("transpose", x, permutation=(*range(r - 2), r - 1, r - 2))


def _dot(k: Kit, x: Expr, y: Expr, at: tuple[int, int], out: TensorType) -> Expr:
    batch = tuple(range(x.type.rank - 1 - (x.type.rank > y.type.rank)))
    dims = DotDims(batch, batch, (at[0],), (at[1],))
    made = k.builder.create(
        "stablehlo.dot_general", [x.value, y.value], {"dot_dimension_numbers": dims}, [out]
    )
    return Expr(k, made.result)


@PLAIN.rule("stablehlo.triangular_solve")
@in_float32
def triangular_solve(k: Kit, op: Operation, a: Expr, b: Expr) -> Sequence[Value]:
    """Substitution, from the row with one unknown on."""
    left, lower, r = bool(op["left_side"]), bool(op["lower"]), a.type.rank
    if (op["transpose_a"] == "NO_TRANSPOSE") != left:  # x·A = b is Aᵀ·xᵀ = bᵀ
        a, lower = _turned(k, a), not lower
    b = b if left else _turned(k, b)
    n, row = a.type.dims[-1], r - 2
    one, other = _numbered(k, a.type, r - 1), _numbered(k, a.type, r - 2)
    known = k.where(one < other if lower else one > other, a, k.constant(0, a.type))

    def step(k: Kit, i: Expr, x: Expr) -> Expr:
        at = i if lower else (n - 1) - i
        rhs = slice_at(k, b, row, at)
        sums = _dot(k, x, slice_at(k, known, row, at), (row, row), rhs.type)
        left_over = rhs - sums
        if not op["unit_diagonal"]:
            pivot = slice_at(k, slice_at(k, a, row, at), row, at)
            left_over = left_over / _spread(k, pivot, rhs.type)
        return put_at(k, x, left_over, row, at)

    x = repeated(k, n, k.constant(0, b.type), step)
    return [(x if left else _turned(k, x)).value]


@PLAIN.rule("stablehlo.cholesky")
@in_float32
def cholesky(k: Kit, op: Operation, a: Expr) -> Sequence[Value]:
    """By columns; NaN in the whole triangle where there is no root."""
    lower, r = bool(op.get("lower", False)), a.type.rank
    a = a if lower else _turned(k, a)
    line = tensor(a.type.shape[:-1], a.element)

    def step(k: Kit, j: Expr, out: Expr) -> Expr:
        done = _dot(k, out, slice_at(k, out, r - 2, j), (r - 1, r - 2), line)
        column = slice_at(k, a, r - 1, j) - done
        pivot = slice_at(k, column, r - 2, j)
        below = _numbered(k, line, r - 2) >= k.to(
            "broadcast_in_dim", j, tensor(line.shape, i64), broadcast_dimensions=()
        )
        root = _spread(k, k.sqrt(pivot), line)
        return put_at(k, out, k.where(below, column / root, k.constant(0, line)), r - 1, j)

    made = repeated(k, a.type.dims[-1], k.constant(0, a.type), step)
    nan = k.where(_broken(k, made), k.constant(float("nan"), a.type), made)
    triangle = _numbered(k, a.type, r - 2) >= _numbered(k, a.type, r - 1)
    made = k.where(triangle, nan, made)
    return [(made if lower else _turned(k, made)).value]


def _broken(k: Kit, x: Expr) -> Expr:
    """For each element whether its matrix holds a NaN."""
    wrong, r = x.differs(x), x.type.rank
    none = k.constant(False, tensor((), wrong.element))
    made = k.builder.create(
        "stablehlo.reduce", [wrong.value, none.value], {"dimensions": (r - 2, r - 1)},
        regions=[reducer("stablehlo.or", wrong.element)],
    )  # fmt: skip
    return _spread(k, Expr(k, made.result), x.type)
