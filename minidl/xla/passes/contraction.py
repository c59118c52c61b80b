"""Contraction: reductions over one element, and the one form of a dot.

Chapter: xla/simplify.
Sources: StableHLO specification, "reduce", "dot_general".
Real: XLA's `DotDecomposer` and `TransposeFolding` bring dots to such a form for Eigen.

After this pass every dot has one contracting dimension k, and reads
    lhs [batch, m…, k] or [batch, k, m…]
    rhs [batch, k, n…]        n is contiguous, so that a kernel runs along it
The order of the sum over k is never changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from minidl.ir.mlir.attributes import DotDims
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.types import tensor
from minidl.ir.rewriting.driver import Made, Pattern, Rewriter
from minidl.ir.rewriting.patterns.match import Rule, dims_of, element_of, made_by, pattern, type_of
from minidl.ir.stablehlo.reduction import joiner

PATTERNS: list[Pattern] = []
DIMS = "dot_dimension_numbers"


def rule(name: str, *ops: str, why: str) -> Callable[[Rule], Rule]:
    return pattern(PATTERNS, name, *ops, why=why)


@rule("reduce of one element", "reduce", why="the op is applied once, to the element and init")
def reduce_units(op: Operation, rw: Rewriter) -> Made:
    body = joiner(op)
    if body is None or len(op.operands) != 2:
        return None
    x, init = op.operands
    out = op.result.type
    wider = x.type.element is not out.element  # type: ignore[attr-defined]
    if wider or any(dims_of(x)[d] != 1 for d in op["dimensions"]):
        return None
    flat = x if x.type is out else rw.create("stablehlo.reshape", [x], None, [out])
    start = rw.create(
        "stablehlo.broadcast_in_dim", [init], {"broadcast_dimensions": ()}, [out]
    )  # fmt: skip
    return rw.create(body, [flat, start])


@rule("transpose of a dot", "transpose", why="x·y = y·x term by term, summed in the same order")
def transpose_dot(op: Operation, rw: Rewriter) -> Made:
    """[batch, m, n] → [batch, n, m] is the dot with its operands exchanged."""
    dot = made_by(op.operands[0], "dot_general")
    if dot is None or len(dot.result.uses) != 1:
        return None
    d, (x, y) = dot[DIMS], dot.operands
    free_x, free_y = d.free(len(dims_of(x)), len(dims_of(y)))
    nb, nx, ny = len(d.lhs_batching), len(free_x), len(free_y)
    order = (*range(nb), *range(nb + nx, nb + nx + ny), *range(nb, nb + nx))
    if op["permutation"] != order:
        return None
    read_along_n = (*d.lhs_batching, *d.lhs_contracting, *free_x) == tuple(range(len(dims_of(x))))
    if not read_along_n and type_of(x).size > type_of(op.result).size:
        return None  # x would have to be transposed instead, and is larger
    swapped = DotDims(d.rhs_batching, d.lhs_batching, d.rhs_contracting, d.lhs_contracting)
    attributes = {**dot.attributes, DIMS: swapped}
    if "precision_config" in attributes:
        attributes["precision_config"] = tuple(reversed(attributes["precision_config"]))
    return rw.create(dot.name, [y, x], attributes, [op.result.type], also=[dot])


@rule("dot of a transpose", "dot_general", why="the dot can read lhs in either order")
def dot_of_transpose(op: Operation, rw: Rewriter) -> Made:
    """Only lhs, of rank 2: its elements are read one by one and reused along n."""
    inner = made_by(op.operands[0], "transpose")
    d = op[DIMS]
    if inner is None or inner["permutation"] != (1, 0):
        return None
    if d.lhs_batching or len(d.lhs_contracting) != 1:
        return None
    k = 1 - d.lhs_contracting[0]
    dims = DotDims((), (), (k,), d.rhs_contracting)
    attributes = {**op.attributes, DIMS: dims}
    operands = [inner.operands[0], op.operands[1]]
    return rw.create(op.name, operands, attributes, [op.result.type], also=[inner])


@rule("dot in one form", "dot_general", why="elements are placed for the kernel, none is computed")
def canonical_dot(op: Operation, rw: Rewriter) -> Made:
    d, (x, y) = op[DIMS], op.operands
    nb = len(d.lhs_batching)
    free_x, free_y = d.free(len(dims_of(x)), len(dims_of(y)))
    right = (*d.rhs_batching, *d.rhs_contracting, *free_y)
    left = (*d.lhs_batching, *free_x, *d.lhs_contracting)
    left_ok = len(d.lhs_contracting) == 1 and left[:nb] == tuple(range(nb)) and (
        d.lhs_contracting[0] in (nb, len(left) - 1)
    )  # fmt: skip
    if left_ok and right == tuple(range(len(right))):
        return None
    k = [dims_of(x)[i] for i in d.lhs_contracting]
    if left_ok:
        lhs, lhs_k = x, d.lhs_contracting[0]
    else:
        kept = [dims_of(x)[i] for i in left[: len(left) - len(k)]]
        lhs, lhs_k = _placed(rw, x, left, [*kept, math.prod(k)]), len(kept)
    kept = [dims_of(y)[i] for i in right]
    rhs = _placed(rw, y, right, [*kept[:nb], math.prod(k), *kept[nb + len(k) :]])
    batch = tuple(range(nb))
    attributes = {**op.attributes, DIMS: DotDims(batch, batch, (lhs_k,), (nb,))}
    return rw.create(op.name, [lhs, rhs], attributes, [op.result.type])


def _placed(rw: Rewriter, x: Value, order: tuple[int, ...], shape: list[int]) -> Value:
    """`x` with its dimensions in that order, then in that shape."""
    if order != tuple(range(len(order))):
        x = rw.create("stablehlo.transpose", [x], {"permutation": order})
    wanted = tensor(shape, element_of(x))
    if type_of(x) is wanted:
        return x
    return rw.create("stablehlo.reshape", [x], None, [wanted])
