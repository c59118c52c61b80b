"""Elementwise StableHLO: constants, arithmetic, comparison, selection, conversion.

Chapter: ir/stablehlo.
Sources: StableHLO specification, one section an op; constraints by their labels.
Real: the same constraints are C++ traits, `SameOperandsAndResultShape` and others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import ScalarType, TensorType, Type, i1, tensor
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import COMPARE_TYPE, COMPARISON, I64, TYPE, Kind
from minidl.ir.text.printer import dense_text


def tensors(name: str, types: Sequence[Type]) -> list[TensorType]:
    """The types as tensors with static shapes, or a teaching error."""
    for i, t in enumerate(types):
        if not isinstance(t, TensorType):
            raise ShapeError(f"operand {i} of {name} is {t}, expected a tensor", op=name)
    return list(types)  # type: ignore[arg-type]


def same_types(name: str, types: Sequence[Type]) -> TensorType:
    first, *rest = tensors(name, types)
    for i, t in enumerate(rest, 1):
        if t is not first:
            raise ShapeError(
                f"{name} wants operands of one type, got {first} and {t} (operand {i})",
                op=name,
                hint="StableHLO broadcasts and converts nothing by itself; minidl.numpy does",
            )
    return first


_ALLOWED = {
    "float": lambda e: e.is_float,
    "number": lambda e: e.name != "i1",
    "bits": lambda e: e.is_integer,
    "signed": lambda e: e.is_float or not e.is_unsigned,
    "any": lambda e: True,
}


def same(name: str, elements: str) -> Any:
    """Shape rule: all operands and the result have one type, its element allowed."""

    def infer(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
        first = same_types(name, types)
        if not _ALLOWED[elements](first.element):
            raise ShapeError(
                f"{name} is not defined on {first.element} (it takes {elements} elements)", op=name
            )
        return [first]

    return infer


_UNARY = {
    "float": "exponential exponential_minus_one log log_plus_one logistic tanh sine cosine tan "
    "sqrt rsqrt cbrt ceil floor round_nearest_even round_nearest_afz",
    "signed": "abs sign",
    "number": "negate",
    "bits": "not popcnt count_leading_zeros",
}
_BINARY = {
    "any": "add multiply maximum minimum",
    "number": "subtract divide remainder power",
    "float": "atan2",
    "bits": "and or xor shift_left shift_right_logical shift_right_arithmetic",
}
_COMMUTATIVE = ("add", "multiply", "maximum", "minimum", "and", "or", "xor")

for elements, names in _UNARY.items():
    for short in names.split():
        full = f"stablehlo.{short}"
        define(
            full,
            "operand",
            infer=same(full, elements),
            form="%operand {} :same",
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
            traits="pure elementwise" + commutative,
        )


def _infer_compare(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    return [tensor(same_types("stablehlo.compare", types).dims, i1)]


define(
    "stablehlo.compare",
    "lhs rhs",
    attributes={"comparison_direction": COMPARISON, "compare_type?": COMPARE_TYPE},
    infer=_infer_compare,
    form="$comparison_direction , %lhs , %rhs [ , $compare_type ]?compare_type {} :fn",
    traits="pure elementwise",
)


def _infer_finite(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    (x,) = tensors("stablehlo.is_finite", types)
    if not x.element.is_float:
        raise ShapeError(f"stablehlo.is_finite wants floats, got {x}", op="stablehlo.is_finite")
    return [tensor(x.dims, i1)]


define(
    "stablehlo.is_finite",
    "x",
    infer=_infer_finite,
    form="%x {} :fn",
    traits="pure elementwise",
)


def _infer_select(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    name = "stablehlo.select"
    pred, *cases = tensors(name, types)
    out = same_types(name, cases)
    if pred.element is not i1 or (pred.rank and pred.shape != out.shape):
        raise ShapeError(
            f"{name} wants a predicate tensor<i1> or one of the shape of {out}, got {pred}",
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
    traits="pure elementwise",
)
define(
    "stablehlo.clamp",
    "min operand max",
    infer=lambda types, attributes, regions: [tensors("stablehlo.clamp", types)[1]],
    form="%min , %operand , %max {} :same",
    traits="pure elementwise",
)


def convert_type(name: str) -> Any:
    """Shape rule of convert and bitcast_convert: the element comes as `to`, not kept."""

    def infer(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
        (x,) = tensors(name, types)
        to = attributes.pop("to", x.element)
        assert isinstance(to, ScalarType)
        return [tensor(x.dims, to)]

    return infer


for full in ("stablehlo.convert", "stablehlo.bitcast_convert"):
    define(
        full,
        "operand",
        infer=convert_type(full),
        form="%operand {} :same" if full.endswith(".convert") else "%operand {} :fn",
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
    return [value.type]


define(
    "stablehlo.constant",
    attributes={"value": DENSE},
    infer=_infer_constant,
    form="{} $value",
    traits="pure constant",
)
define(
    "stablehlo.iota",
    attributes={"iota_dimension": I64, "type?": TYPE},
    form="dim = $iota_dimension {} :results",
    traits="pure",
)
