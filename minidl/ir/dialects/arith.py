"""arith and math: scalar and vector arithmetic, one machine operation a row.

Chapter: ir/lowering.
Sources: MLIR, "'arith' Dialect", "'math' Dialect".
Real: the same ops; integers are signless there, the op says how they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.ir.mlir.attributes import Dense, Typed
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import Type, VectorType, i1
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import Kind
from minidl.ir.text.printer import attribute_text


def like_first(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    return [types[0]]


def _truth(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    t = types[0]
    return [VectorType(t.shape, i1) if isinstance(t, VectorType) else i1]


_BINARY = (
    "addf subf mulf divf remf maximumf minimumf addi subi muli divsi divui remsi remui "
    "andi ori xori shli shrsi shrui maxsi maxui minsi minui"
)
_COMMUTES = [
    "addf",
    "mulf",
    "maximumf",
    "minimumf",
    "addi",
    "muli",
    "andi",
    "ori",
    "xori",
    "maxsi",
    "maxui",
    "minsi",
    "minui",
]
for short in _BINARY.split():
    define(
        f"arith.{short}",
        "lhs rhs",
        infer=like_first,
        form="%lhs , %rhs {} :results",
        traits="pure scalar" + (" commutative" if short in _COMMUTES else ""),
    )
define("arith.negf", "x", infer=like_first, form="%x {} :results", traits="pure scalar")

WORD = Kind("predicate", lambda v, pretty: v, lambda p, pretty: p.word())
for short in ("cmpf", "cmpi"):
    define(
        f"arith.{short}",
        "lhs rhs",
        attributes={"predicate": WORD},
        infer=_truth,
        form="$predicate , %lhs , %rhs {} :first",
        traits="pure scalar",
    )

CASTS = "extf truncf sitofp uitofp fptosi fptoui extsi extui trunci bitcast index_cast index_castui"


def _print_cast(op: Operation, printer: Any) -> str:
    x = op.operands[0]
    return f"{op.name} {printer.name(x)} : {x.type} to {op.result.type}"


def parse_cast(p: Any) -> Parts:
    """`%x : from to into`."""
    parts = Parts(operands=[p.value_name()])
    p.expect(":")
    parts.operand_types = [p.type()]
    p.expect("to")
    parts.result_types = [p.type()]
    return parts


for short in CASTS.split():
    define(f"arith.{short}", "x", form=Custom(_print_cast, parse_cast), traits="pure scalar")


def _print_select(op: Operation, printer: Any) -> str:
    cond = op.operands[0].type
    lead = f"{cond}, " if isinstance(cond, VectorType) else ""
    names = ", ".join(map(printer.name, op.operands))
    return f"arith.select {names} : {lead}{op.result.type}"


def _parse_select(p: Any) -> Parts:
    parts = Parts(operands=p.value_list())
    p.expect(":")
    types = p.type_list()
    cond = types[0] if len(types) == 2 else i1
    parts.operand_types, parts.result_types = [cond, types[-1], types[-1]], [types[-1]]
    return parts


define(
    "arith.select",
    "cond on_true on_false",
    infer=lambda types, attributes, regions: [types[1]],
    form=Custom(_print_select, _parse_select),
    traits="pure scalar",
)


def _constant_type(types: Any, attributes: dict[str, Any], regions: Any) -> list[Type]:
    value = attributes["value"]
    if isinstance(value, Dense):
        return [value.type]
    assert isinstance(value, Typed)
    return [value.type]


def _print_constant(op: Operation, printer: Any) -> str:
    value = op["value"]
    text = attribute_text(value)
    if isinstance(value, Typed) and value.type is i1:
        text = "true" if value.value else "false"
    return f"arith.constant {text}"


def _parse_constant(p: Any) -> Parts:
    value = p.attribute()
    if isinstance(value, bool):
        value = Typed(int(value), i1)
    return Parts(operands=[], attributes={"value": value})


define(
    "arith.constant",
    attributes={
        "value": Kind("number", lambda v, p_: attribute_text(v), lambda p, q: p.attribute())
    },
    infer=_constant_type,
    form=Custom(_print_constant, _parse_constant),
    traits="pure constant scalar",
)

_MATH = (
    "exp expm1 log log1p tanh sqrt rsqrt sin cos tan erf absf absi ceil floor roundeven round "
    "cbrt ctpop ctlz"
)
for short in _MATH.split():
    define(f"math.{short}", "x", infer=like_first, form="%x {} :results", traits="pure scalar")
for short in ("powf", "ipowi", "atan2", "copysign"):
    define(
        f"math.{short}",
        "lhs rhs",
        infer=like_first,
        form="%lhs , %rhs {} :results",
        traits="pure scalar",
    )
define("math.fma", "a b c", infer=like_first, form="%a , %b , %c {} :results", traits="pure scalar")
