"""CHLO's op rows: names, types, text.

Chapter: ir/stablehlo.
Sources: StableHLO, "'chlo' Dialect" (generated from ChloOps.td).
Real: the same names; the kernel of complex asin is not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.chlo.structure import BROADCAST
from minidl.ir.mlir.attributes import DotDims
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import TensorType, Type, i1, i32, tensor
from minidl.ir.stablehlo.elementwise import DENSE, tensors
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import ANY, I64, INTS, Kind, enum_kind, list_of

# -- elementwise ---------------------------------------------------------------------------


def _print_arrow(op: Operation, printer: Any) -> str:
    """`chlo.erf %0 {…} : tensor<4xf32> -> tensor<4xf32>`."""
    names, rest = ", ".join(map(printer.name, op.operands)), printer.attr_dict(op)
    ins = ", ".join(str(v.type) for v in op.operands)
    return f"{op.name} {names}{rest and ' '}{rest} : {ins} -> {op.result.type}"


def _parse_arrow(p: Any) -> Parts:
    parts = Parts(operands=p.value_list(), attributes=p.attr_dict())
    p.expect(":")
    parts.operand_types = p.type_list()
    p.expect("->")
    parts.result_types = [p.type()]
    return parts


def _elementwise(name: str, floats: bool, to_bool: bool = False) -> Any:
    """Shape rule: one shape and element for all operands; the result has it, or is i1."""

    def infer(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
        xs = tensors(name, types)
        for x in xs:
            if x is not xs[0] or x.element.is_integer == floats:
                got = ", ".join(map(str, xs))
                kind = "floats" if floats else "integers"
                raise ShapeError(f"{name} wants tensors of {kind}, of one type, got {got}", op=name)
        return [tensor(xs[0].shape, i1) if to_bool else xs[0]]

    return infer


_UNARY = (
    "acos acosh asin asinh atan atanh bessel_i1e conj cosh digamma erf erf_inv erfc lgamma sinh "
    "square tan"
)
for _names, _operands, _floats, _to_bool in (
    (_UNARY, "operand", True, False),
    ("is_inf is_neg_inf is_pos_inf", "operand", True, True),
    ("next_after polygamma zeta", "lhs rhs", True, False),
    ("mulhi", "lhs rhs", False, False),
):
    for _short in _names.split():
        define(
            f"chlo.{_short}",
            _operands,
            infer=_elementwise(f"chlo.{_short}", _floats, _to_bool),
            form=Custom(_print_arrow, _parse_arrow),
            traits="pure elementwise",
        )

# -- broadcasting --------------------------------------------------------------------------


def broadcast_shape(name: str, xs: Sequence[TensorType], dims: Any) -> list[int]:
    """The shape that all operands spread to, aligned at the last dimensions or at `dims`."""
    rank = max(x.rank for x in xs)
    out = [1] * rank
    for x in xs:
        at = dims if dims is not None and x.rank < rank else range(rank - x.rank, rank)
        if len(at) != x.rank or not all(0 <= d < rank for d in at) or list(at) != sorted(set(at)):
            raise ShapeError(f"{name}: broadcast_dimensions {list(at)} for {x}", op=name)
        for d, n in zip(at, x.dims, strict=True):
            if n != 1 and out[d] not in (1, n):
                got = ", ".join(map(str, xs))
                raise ShapeError(f"{name}: {got} do not spread to one shape", op=name)
            out[d] = n if n != 1 else out[d]
    return out


def _infer_broadcast(name: str) -> Any:
    short = name.removeprefix("chlo.broadcast_")

    def infer(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
        xs = tensors(name, types)
        if not all(x.is_static for x in xs):
            raise ShapeError(f"{name} of {', '.join(map(str, xs))}: sizes must be known", op=name)
        values = xs[1:] if short == "select" else xs
        if any(x.element is not values[0].element for x in values):
            raise ShapeError(f"{name} of {', '.join(map(str, xs))}: one element", op=name)
        shape = broadcast_shape(name, xs, attributes.get("broadcast_dimensions"))
        element = i1 if short == "compare" else values[0].element
        if short == "complex":
            element = type(element)(f"complex<{element}>")
        return [tensor(shape, element)]

    return infer


_COMPARE = {
    "comparison_direction": enum_kind("chlo", "comparison_direction", "EQ NE GE GT LE LT"),
    "compare_type?": enum_kind(
        "chlo", "comparison_type", "FLOAT TOTALORDER SIGNED UNSIGNED NOTYPE"
    ),
}
for _short in BROADCAST:
    _select = _short == "select"
    define(
        f"chlo.broadcast_{_short}",
        "pred on_true on_false" if _select else "lhs rhs",
        attributes=(
            {}
            if _select
            else {"broadcast_dimensions?": INTS, **(_COMPARE if _short == "compare" else {})}
        ),
        infer=_infer_broadcast(f"chlo.broadcast_{_short}"),
        form=("%pred , %on_true , %on_false {} :fn" if _select else "%lhs , %rhs {} :fn"),
        traits="pure",
    )

# -- constants -----------------------------------------------------------------------------

define(
    "chlo.constant",
    attributes={"value": DENSE},
    infer=lambda types, attributes, regions: [attributes["value"].type],
    form="{} $value",
    traits="pure",
)
define(
    "chlo.constant_like",
    "operand",
    attributes={"value": ANY},
    infer=lambda types, attributes, regions: list(types),
    traits="pure",
)

# -- top_k, ragged_dot ---------------------------------------------------------------------


def _infer_top_k(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    (x,) = tensors("chlo.top_k", types)
    k = attributes["k"]
    if not x.rank or (x.shape[-1] is not None and not 0 <= k <= x.shape[-1]):
        raise ShapeError(f"chlo.top_k: the {k} greatest of {x}", op="chlo.top_k")
    shape = (*x.shape[:-1], k)
    return [tensor(shape, x.element), tensor(shape, i32)]


def _print_top_k(op: Operation, printer: Any) -> str:
    (x,) = op.operands
    rest = printer.attr_dict(op, frozenset(["k"]))
    outs = ", ".join(str(v.type) for v in op.results)
    head = f"chlo.top_k({printer.name(x)}, k = {op['k']}){rest and ' '}{rest}"
    return f"{head} : {x.type} -> ({outs})"


def _parse_top_k(p: Any) -> Parts:
    p.expect("(")
    parts = Parts(operands=[p.value_name()])
    for word in (",", "k", "="):
        p.expect(word)
    parts.attributes["k"] = p.integer()
    p.expect(")")
    parts.attributes.update(p.attr_dict())
    p.expect(":")
    parts.operand_types = [p.type()]
    p.expect("->")
    p.expect("(")
    parts.result_types = p.comma_list(p.type, ")")
    return parts


define(
    "chlo.top_k",
    "operand",
    attributes={"k": I64},
    infer=_infer_top_k,
    form=Custom(_print_top_k, _parse_top_k),
    traits="pure",
)


@dataclass(frozen=True, slots=True)
class RaggedDims:
    """`dot`'s numbers with the group dimension of rhs among them, and what is ragged."""

    dot: DotDims
    lhs_ragged: tuple[int, ...] = ()
    rhs_group: tuple[int, ...] = ()

    def without_group(self) -> DotDims:
        """The numbers for one group: rhs has lost its group dimension."""

        def down(dims: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(d - sum(g < d for g in self.rhs_group) for d in dims)

        x = self.dot
        return DotDims(
            x.lhs_batching, down(x.rhs_batching), x.lhs_contracting, down(x.rhs_contracting)
        )


_FIELDS = {
    "lhs_batching_dimensions": lambda v: v.dot.lhs_batching,
    "rhs_batching_dimensions": lambda v: v.dot.rhs_batching,
    "lhs_contracting_dimensions": lambda v: v.dot.lhs_contracting,
    "rhs_contracting_dimensions": lambda v: v.dot.rhs_contracting,
    "lhs_ragged_dimensions": lambda v: v.lhs_ragged,
    "rhs_group_dimensions": lambda v: v.rhs_group,
}


def _ragged_text(v: RaggedDims, pretty: bool) -> str:
    fields = [f"{name} = {list(get(v))}" for name, get in _FIELDS.items() if get(v)]
    return f"#chlo.ragged_dot<{', '.join(fields)}>"


def _parse_ragged(p: Any, pretty: bool) -> RaggedDims:
    got = p.struct("chlo", "ragged_dot", {name: name for name in _FIELDS})
    *dot, ragged, group = (tuple(got.get(name, ())) for name in _FIELDS)
    return RaggedDims(DotDims(*dot), ragged, group)


def _infer_ragged(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    """As dot_general where rows are ragged; the groups in front where the sum is."""
    name, dims = "chlo.ragged_dot", attributes["ragged_dot_dimension_numbers"]
    x, y, sizes = tensors(name, types)
    dot = dims.dot
    ranks_fit = all(
        len(set(used)) == len(used) and all(0 <= d < t.rank for d in used)
        for t, used in (
            (x, dot.lhs_batching + dot.lhs_contracting),
            (y, dot.rhs_batching + dot.rhs_contracting + dims.rhs_group),
            (x, dims.lhs_ragged),
        )
    )
    paired = dot.lhs_batching + dot.lhs_contracting
    one = len(dims.lhs_ragged) == 1 and sizes.rank and sizes.element.is_integer
    if not ranks_fit or not one or len(dims.rhs_group) != (dims.lhs_ragged[0] not in paired):
        raise ShapeError(f"{name} of {x}, {y} and {sizes} by {_ragged_text(dims, False)}", op=name)
    if dims.rhs_group and y.shape[dims.rhs_group[0]] != sizes.shape[-1]:
        raise ShapeError(f"{name}: {sizes} for the groups of {y}", op=name)
    free_x = [d for d in range(x.rank) if d not in dot.lhs_batching + dot.lhs_contracting]
    used_y = dot.rhs_batching + dot.rhs_contracting + dims.rhs_group
    free_y = [d for d in range(y.rank) if d not in used_y]
    shape = [x.shape[d] for d in (*dot.lhs_batching, *free_x)] + [y.shape[d] for d in free_y]
    groups = [sizes.shape[-1]] if dims.lhs_ragged[0] in dot.lhs_contracting else []
    return [tensor(groups + shape, x.element)]


define(
    "chlo.ragged_dot",
    "lhs rhs group_sizes",
    attributes={
        "ragged_dot_dimension_numbers": Kind("ragged_dot", _ragged_text, _parse_ragged),
        "precision_config?": list_of(enum_kind("chlo", "precision", "DEFAULT HIGH HIGHEST")),
    },
    infer=_infer_ragged,
    traits="pure",
)
