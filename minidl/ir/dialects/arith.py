"""arith and math: scalar and vector arithmetic, one machine operation a row.

Chapter: ir/lowering.
Sources: MLIR, "'arith' Dialect", "'math' Dialect".
Real: the same ops; integers are signless there, the op says how they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import VerifyError
from minidl.ir.mlir.attributes import Dense, Typed
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import Type, VectorType, i1
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import FAST, FCMP, ICMP, Kind, flags, numbered
from minidl.ir.text.printer import attribute_text


def like_first(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    return [types[0]]


def _truth(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    t = types[0]
    return [VectorType(t.shape, i1) if isinstance(t, VectorType) else i1]


FASTMATH = flags("arith", "fastmath", FAST, ",")
OVERFLOW = flags("arith", "overflow", "nsw nuw")
_FLAGS: dict[str, tuple[dict[str, Any], str]] = {  # which flags an op may carry → its form's part
    "": ({}, ""),
    "fast": ({"fastmath?": FASTMATH}, "[ fastmath ~$fastmath ]?fastmath"),
    "wraps": ({"overflowFlags?": OVERFLOW}, "[ overflow ~$overflowFlags ]?overflowFlags"),
}
_BINARY = {
    "fast": "addf subf mulf divf remf maximumf minimumf maxnumf minnumf",
    "wraps": "addi subi muli shli",
    "": "divsi divui shrsi shrui remsi remui ceildivsi ceildivui floordivsi "
    "andi ori xori maxsi maxui minsi minui",
}
_COMMUTES = (
    "addf mulf maximumf minimumf maxnumf minnumf addi muli andi ori xori maxsi maxui minsi minui"
)
for flag, names in _BINARY.items():
    for short in names.split():
        define(
            f"arith.{short}",
            "lhs rhs",
            attributes=_FLAGS[flag][0],
            infer=like_first,
            form=f"%lhs , %rhs {_FLAGS[flag][1]} {{}} :same",
            traits="pure scalar" + (" commutative" if short in _COMMUTES.split() else ""),
        )


def unary(name: str, infer: Any = like_first, types: str = ":same") -> None:
    """A row of one operand, with fast-math flags."""
    known, words = _FLAGS["fast"]
    define(
        name,
        "x",
        attributes=known,
        infer=infer,
        form=f"%x {words} {{}} {types}",
        traits="pure scalar",
    )


unary("arith.negf")
define(
    "arith.cmpi",
    "lhs rhs",
    attributes={"predicate": numbered("predicate", ICMP)},
    infer=_truth,
    form="$predicate , %lhs , %rhs {} :first",
    traits="pure scalar",
)
define(
    "arith.cmpf",
    "lhs rhs",
    attributes={"predicate": numbered("predicate", f"false {FCMP} true"), "fastmath?": FASTMATH},
    infer=_truth,
    form="$predicate , %lhs , %rhs [ fastmath ~$fastmath ]?fastmath {} :first",
    traits="pure scalar",
)
define(
    "arith.addui_extended",
    "lhs rhs",
    infer=lambda types, attributes, regions: [types[0], *_truth(types, attributes, regions)],
    form="%lhs , %rhs {} :results",
    traits="pure",
)
for short in ("mulsi_extended", "mului_extended"):
    define(
        f"arith.{short}",
        "lhs rhs",
        infer=lambda types, attributes, regions: [types[0], types[0]],
        form="%lhs , %rhs {} :first",
        traits="pure",
    )

CASTS = "extf truncf sitofp uitofp fptosi fptoui extsi extui trunci bitcast index_cast index_castui"


def _verify_cast(op: Operation) -> None:
    x, y = op.operands[0].type, op.result.type
    if getattr(x, "shape", None) != getattr(y, "shape", None):
        raise VerifyError(f"{op.name} from {x} to {y}: a cast keeps the shape", op=op.name)


for short in CASTS.split():
    define(f"arith.{short}", "x", form="%x {} :to", verify=_verify_cast, traits="pure scalar")


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


def _number(p: Any, pretty: bool = False) -> Any:
    """A number with its type; `true` is `1 : i1`."""
    value = p.attribute()
    return Typed(int(value), i1) if isinstance(value, bool) else value


def _parse_constant(p: Any) -> Parts:
    return Parts(operands=[], attributes={"value": _number(p)})


define(
    "arith.constant",
    attributes={"value": Kind("number", lambda v, pretty: attribute_text(v), _number)},
    infer=_constant_type,
    form=Custom(_print_constant, _parse_constant),
    traits="pure constant scalar",
)

_MATH = (
    "exp exp2 expm1 log log2 log10 log1p tanh sinh cosh asin acos atan asinh acosh atanh sqrt "
    "rsqrt sin cos tan erf erfc absf ceil floor roundeven round trunc cbrt"
)
for short in _MATH.split():
    unary(f"math.{short}")
for short in ["isnan", "isinf", "isfinite", "isnormal"]:
    unary(f"math.{short}", infer=_truth, types=":first")
for short in ["absi", "ctpop", "ctlz", "cttz"]:
    define(f"math.{short}", "x", infer=like_first, form="%x {} :same", traits="pure scalar")
for short, operands in (
    ("powf", "lhs rhs"),
    ("atan2", "lhs rhs"),
    ("copysign", "lhs rhs"),
    ("fma", "a b c"),
):
    define(
        f"math.{short}",
        operands,
        attributes=_FLAGS["fast"][0],
        infer=like_first,
        form=" , ".join(f"%{x}" for x in operands.split()) + f" {_FLAGS['fast'][1]} {{}} :same",
        traits="pure scalar",
    )
define("math.ipowi", "lhs rhs", infer=like_first, form="%lhs , %rhs {} :same", traits="pure")
define("math.fpowi", "lhs rhs", infer=like_first, form="%lhs , %rhs {} :operands", traits="pure")
