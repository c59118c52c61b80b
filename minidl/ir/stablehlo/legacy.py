"""StableHLO that newer programs write otherwise: dot, broadcast, einsum, torch_index_select.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "Operations" (its list of ops "Not in HLO").
Real: JAX stopped emitting them; `dot_general`, `broadcast_in_dim`, `gather` replace them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import Type, tensor
from minidl.ir.stablehlo.elementwise import tensors
from minidl.ir.text.kinds import I64, INTS, PRECISION, STR


def _infer_dot(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    """Vectors and matrices: the last dimension of lhs by the first of rhs."""
    x, y = tensors("stablehlo.dot", types)
    if not (0 < x.rank < 3 and 0 < y.rank < 3) or x.shape[-1] != y.shape[0]:
        raise ShapeError(f"stablehlo.dot of {x} and {y}", op="stablehlo.dot")
    return [tensor(x.shape[:-1] + y.shape[1:], x.element)]


def _infer_broadcast(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    (x,) = tensors("stablehlo.broadcast", types)
    return [tensor(tuple(attributes["broadcast_sizes"]) + x.shape, x.element)]


_SUBSCRIPTS = re.compile(r"[A-Za-z]*(,[A-Za-z]*)?->[A-Za-z]*", re.ASCII).fullmatch


def _infer_einsum(name: str) -> Any:
    def infer(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
        xs, config = tensors(name, types), attributes["einsum_config"]
        ins, _, out = config.partition("->")
        letters = ins.split(",")
        if not _SUBSCRIPTS(config) or [len(s) for s in letters] != [x.rank for x in xs]:
            raise ShapeError(f"{name} of {', '.join(map(str, xs))} by {config[:60]!r}", op=name)
        sizes: dict[str, int | None] = {}
        for letter, n in zip("".join(letters), [n for x in xs for n in x.shape], strict=True):
            if sizes.setdefault(letter, n) != n:
                raise ShapeError(f"{name}: {letter} is {sizes[letter]} and {n}", op=name)
        if not set(out) <= sizes.keys() or len(set(out)) != len(out):
            raise ShapeError(f"{name} by {config[:60]!r}: the result's letters", op=name)
        return [tensor(tuple(sizes[letter] for letter in out), xs[0].element)]

    return infer


def _infer_select(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    name = "stablehlo.torch_index_select"
    x, index = tensors(name, types)
    d, batch = attributes["dim"], attributes["batch_dims"]
    if not 0 <= batch <= min(d, index.rank) or not d < x.rank or not index.element.is_integer:
        raise ShapeError(f"{name} of {x} at {index}: dim {d}, batch_dims {batch}", op=name)
    if x.shape[:batch] != index.shape[:batch]:
        raise ShapeError(f"{name}: {x} and {index} differ in a batch dimension", op=name)
    return [tensor(x.shape[:d] + index.shape[batch:] + x.shape[d + 1 :], x.element)]


define(
    "stablehlo.dot",
    "lhs rhs",
    attributes={"precision_config?": PRECISION},
    infer=_infer_dot,
    form="%lhs , %rhs [ , precision = $precision_config ]?precision_config {} :fn",
    traits="pure",
)
define(
    "stablehlo.broadcast",
    "operand",
    attributes={"broadcast_sizes": INTS},
    infer=_infer_broadcast,
    form="%operand , sizes = $broadcast_sizes {} :fn",
    traits="pure",
)
define(
    "stablehlo.einsum",
    "lhs rhs",
    attributes={"einsum_config": STR},
    infer=_infer_einsum("stablehlo.einsum"),
    form="%lhs , %rhs , config = $einsum_config {} :fn",
    traits="pure",
)
define(
    "stablehlo.unary_einsum",
    "operand",
    attributes={"einsum_config": STR},
    infer=_infer_einsum("stablehlo.unary_einsum"),
    form="%operand , config = $einsum_config {} :fn",
    traits="pure",
)
define(
    "stablehlo.torch_index_select",
    "operand index",
    attributes={"dim": I64, "batch_dims": I64},
    infer=_infer_select,
    traits="pure",
)
define(
    "stablehlo.set_dimension_size",
    "operand size",
    attributes={"dimension": I64},
    form="%operand , %size , dim = $dimension {} :fn",
    traits="pure",
)
