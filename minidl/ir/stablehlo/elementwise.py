"""Elementwise StableHLO: constants, arithmetic, comparison, selection, conversion.

Chapter: ir/stablehlo.
Sources: StableHLO specification, one section an op; constraints by their labels.
Real: the same constraints are C++ traits, `SameOperandsAndResultShape` and others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import ScalarType, ShapedType, TensorType, Type, i1, runs, tensor
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import COMPARE_TYPE, COMPARISON, I64, TYPE, Kind
from minidl.ir.text.printer import dense_text


def tensors(name: str, types: Sequence[Type]) -> list[TensorType]:
    """The types as tensors with static shapes, or a teaching error."""
    for i, t in enumerate(types):
        if not isinstance(t, TensorType):
            raise ShapeError(f"operand {i} of {name} is {t}, expected a tensor", op=name)
    return list(types)  # type: ignore[arg-type]


def same_types(name: str, types: Sequence[Type], label: str = "C1") -> TensorType:
    first, *rest = tensors(name, types)
    for i, t in enumerate(rest, 1):
        if t is not first:
            raise ShapeError(
                f"{name} wants operands of one type, got {first} and {t} (operand {i}) ({label})",
                op=name,
                hint="StableHLO broadcasts and converts nothing by itself; minidl.numpy does",
            )
    return first


def _is_carried(e: ScalarType) -> bool:
    """Elements that no engine here runs: complex, quantized and narrow ones."""
    return not runs(e)


def _is_real(e: ScalarType) -> bool:
    return e.is_float or e.is_small_float


_ALLOWED: dict[str, Callable[[ScalarType], bool]] = {
    "real": _is_real,
    "float": lambda e: _is_real(e) or e.is_complex,
    "number": lambda e: e.name not in ("i1", "index"),
    "bits": lambda e: e.is_integer and e.name != "index",
    "integer": lambda e: e.is_integer and e.name not in ("i1", "index"),
    "signed": lambda e: e.name != "index" and (not e.is_integer or not e.is_unsigned),
    "any": lambda e: e.name != "index",
}


def check_element(name: str, x: ShapedType, elements: str, label: str = "I1") -> None:
    """The element type is one that the op's table of inputs allows."""
    quantized = x.element.name.startswith("!")  # nothing here judges these
    if not (_ALLOWED[elements](x.element) or quantized):
        raise ShapeError(
            f"{name} is not defined on {x.element} (it takes {elements} elements) ({label})",
            op=name,
        )


def same(name: str, elements: str) -> Any:
    """Shape rule: all operands and the result have one type, its element allowed."""

    def infer(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
        first = same_types(name, types)
        check_element(name, first, elements)
        return [first]

    return infer


def _infer_abs(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    """The absolute value of a complex number is a float of half its bits."""
    (x,) = tensors("stablehlo.abs", types)
    check_element("stablehlo.abs", x, "signed")
    part = x.element.name.removeprefix("complex<").removesuffix(">")
    return [tensor(x.shape, ScalarType(part))]


_UNARY = {
    "float": "exponential exponential_minus_one log log_plus_one logistic tanh sine cosine tan "
    "sqrt rsqrt cbrt",
    "real": "ceil floor round_nearest_even round_nearest_afz",
    "signed": "abs sign",
    "number": "negate",
    "bits": "not",
    "integer": "popcnt count_leading_zeros",
}
_BINARY = {
    "any": "add multiply maximum minimum",
    "number": "subtract divide remainder power",
    "float": "atan2",
    "bits": "and or xor",
    "integer": "shift_left shift_right_logical shift_right_arithmetic",
}
_COMMUTATIVE = ("add", "multiply", "maximum", "minimum", "and", "or", "xor")

for elements, names in _UNARY.items():
    for short in names.split():
        full = f"stablehlo.{short}"
        define(
            full,
            "operand",
            infer=_infer_abs if short == "abs" else same(full, elements),
            form="%operand {} :same",
            made="C1",
            traits="pure elementwise",
        )
for elements, names in _BINARY.items():
    for short in names.split():
        full = f"stablehlo.{short}"
        commutative = " commutative" if short in _COMMUTATIVE else ""
        define(
            full,
            "lhs rhs",
            infer=same(full, elements),
            form="%lhs , %rhs {} :same",
            made="C1",
            traits="pure elementwise" + commutative,
        )


def _infer_compare(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    name = "stablehlo.compare"
    x, y = tensors(name, types)
    if x.element is not y.element:
        raise ShapeError(f"{name} of {x.element} and {y.element}: one element type (C1)", op=name)
    if x.shape != y.shape:
        raise ShapeError(f"{name} of {x} and {y}: one shape (C2)", op=name)
    return [tensor(x.dims, i1)]


def _verify_compare(op: Operation) -> None:
    """The type of comparison, where it is written, is that of the elements."""
    kind, (x, _) = op.get("compare_type"), tensors(op.name, [v.type for v in op.operands])
    if kind is None or kind == "NOTYPE" or _is_carried(x.element):
        return
    wanted = ["UNSIGNED" if x.element.is_unsigned else "SIGNED"]
    if x.element.is_float:
        wanted = ["FLOAT", "TOTALORDER"]
    if kind not in wanted:
        raise ShapeError(
            f"{op.name} of {x.element} compares {' or '.join(wanted)}, not {kind} (C3)", op=op.name
        )


define(
    "stablehlo.compare",
    "lhs rhs",
    attributes={"comparison_direction": COMPARISON, "compare_type?": COMPARE_TYPE},
    infer=_infer_compare,
    form="$comparison_direction , %lhs , %rhs [ , $compare_type ]?compare_type {} :fn",
    verify=_verify_compare,
    made="C2",
    traits="pure elementwise",
)


def _infer_finite(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    (x,) = tensors("stablehlo.is_finite", types)
    check_element("stablehlo.is_finite", x, "real")
    return [tensor(x.dims, i1)]


define(
    "stablehlo.is_finite",
    "x",
    infer=_infer_finite,
    form="%x {} :fn",
    made="C1",
    traits="pure elementwise",
)


def _infer_select(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    name = "stablehlo.select"
    pred, *cases = tensors(name, types)
    out = same_types(name, cases, "C2")
    if pred.element is not i1:
        raise ShapeError(f"{name} chooses by booleans, got {pred} (I1)", op=name)
    if pred.rank and pred.shape != out.shape:
        raise ShapeError(
            f"{name} wants a predicate tensor<i1> or one of the shape of {out}, got {pred} (C1)",
            op=name,
        )
    return [out]


def _print_select(op: Operation, printer: Any) -> str:
    names = ", ".join(map(printer.name, op.operands))
    rest = printer.attr_dict(op)
    types = f"{op.operands[0].type}, {op.result.type}"
    return f"stablehlo.select {names}{rest and ' ' + rest} : {types}"


def _parse_select(p: Any) -> Parts:
    parts = Parts(operands=p.value_list(), attributes=p.attr_dict())
    p.expect(":")
    if p.at("("):
        function = p.function_type()
        parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
        return parts
    pred = p.type()
    p.expect(",")
    case = p.type()
    parts.operand_types, parts.result_types = [pred, case, case], [case]
    return parts


define(
    "stablehlo.select",
    "pred on_true on_false",
    infer=_infer_select,
    form=Custom(_print_select, _parse_select),
    made="C2",
    traits="pure elementwise",
)


def _infer_clamp(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    name = "stablehlo.clamp"
    low, x, high = tensors(name, types)
    for what, bound, label in (("min", low, "C1"), ("max", high, "C2")):
        if bound.rank and bound.shape != x.shape:
            raise ShapeError(
                f"{name}: {what} {bound} is no scalar and not like {x} ({label})", op=name
            )
    if not low.element is x.element is high.element:
        raise ShapeError(f"{name} of {low}, {x} and {high}: one element type (C3)", op=name)
    return [x]


define(
    "stablehlo.clamp",
    "min operand max",
    infer=_infer_clamp,
    form="%min , %operand , %max {} :same",
    made="C4",
    traits="pure elementwise",
)


def _infer_convert(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    """The element comes as `to`, not kept."""
    (x,) = tensors("stablehlo.convert", types)
    to = attributes.pop("to", x.element)
    assert isinstance(to, ScalarType)
    return [tensor(x.dims, to)]


define(
    "stablehlo.convert",
    "operand",
    infer=_infer_convert,
    form="%operand {} :same",
    made="C1",
    traits="pure elementwise",
)


def _verify_bitcast(op: Operation) -> None:
    """Wider elements are made of the last dimension, narrower ones make a new one."""
    x, y = tensors(op.name, [op.operands[0].type, op.result.type])
    if _is_carried(x.element) or _is_carried(y.element):
        return
    wide, narrow = (x, y) if x.element.bits >= y.element.bits else (y, x)
    parts = wide.element.bits // narrow.element.bits
    want = wide.shape if parts == 1 else (*wide.shape, parts)
    if narrow.shape != want or wide.element.bits % narrow.element.bits:
        raise ShapeError(f"{op.name} from {x} to {y}: the bits do not fit (C1)", op=op.name)


define(
    "stablehlo.bitcast_convert",
    "operand",
    form="%operand {} :fn",
    verify=_verify_bitcast,
    traits="pure elementwise",
)

DENSE = Kind(
    "dense",
    lambda v, pretty: f"{dense_text(v)} : {v.type}",
    lambda p, pretty: p.dense(),
)


def _infer_constant(types: Any, attributes: dict[str, Any], regions: Any) -> list[Type]:
    value = attributes["value"]
    assert isinstance(value, Dense)
    check_element("stablehlo.constant", value.type, "any", "C1")
    return [value.type]


define(
    "stablehlo.constant",
    attributes={"value": DENSE},
    infer=_infer_constant,
    form="{} $value",
    made="C1",
    traits="pure constant",
)


def _verify_iota(op: Operation) -> None:
    (out,) = tensors(op.name, [op.result.type])
    check_element(op.name, out, "number", "O1")
    if not 0 <= op["iota_dimension"] < out.rank:
        raise ShapeError(
            f"{op.name} counts along dimension {op['iota_dimension']}, {out} has {out.rank} (C1)",
            op=op.name,
        )


define(
    "stablehlo.iota",
    attributes={"iota_dimension": I64, "type?": TYPE},
    form="dim = $iota_dimension {} :results",
    verify=_verify_iota,
    traits="pure",
)
