"""arith and math: scalar and vector arithmetic, one machine operation a row.

Chapter: ir/lowering.
Sources: MLIR, "'arith' Dialect", "'math' Dialect".
Real: the same ops; integers are signless there, the op says how they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from minidl.core.errors import ShapeError, VerifyError
from minidl.ir.mlir.attributes import Dense, Typed
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import ScalarType, Type, VectorType, i1
from minidl.ir.text.form import Custom, Parts, bare
from minidl.ir.text.kinds import FAST, FCMP, ICMP, Kind, flags, numbered
from minidl.ir.text.printer import attribute_text


def like_first(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    return [types[0]]


def element(t: Type) -> ScalarType:
    """The element of a vector, a tensor, or the scalar itself."""
    e = getattr(t, "element", t)
    if not isinstance(e, ScalarType):
        raise ShapeError(f"{t} has no elements to compute with")
    return e


def _floats(e: ScalarType) -> bool:
    return e.is_float or e.is_small_float


def _integers(e: ScalarType) -> bool:
    return not _floats(e) and not e.is_complex


def alike(name: str, kind: str) -> Any:
    """Shape rule: operands and result of one type, its elements floats or integers."""
    wanted = {"floats": _floats, "integers": _integers}[kind]

    def infer(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
        first, *rest = types
        if not wanted(element(first)):
            raise ShapeError(
                f"{name} is for {kind}, got {first}",
                op=name,
                hint="floats and integers have ops of different names here, as addf and addi",
            )
        for t in rest:
            if t is not first:
                raise ShapeError(f"{name} wants operands of one type, got {first}, {t}", op=name)
        return [first]

    return infer


def truth(name: str, kind: str) -> Any:
    """Shape rule: operands of one type; a true or false for each element."""
    check = alike(name, kind)

    def infer(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
        (t,) = check(types, attributes, regions)
        return [VectorType(t.shape, i1) if isinstance(t, VectorType) else i1]

    return infer


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
            infer=alike(f"arith.{short}", "floats" if flag == "fast" else "integers"),
            form=f"%lhs , %rhs {_FLAGS[flag][1]} {{}} :same",
            traits="pure scalar" + (" commutative" if short in _COMMUTES.split() else ""),
        )


def unary(name: str, rule: Any = alike, types: str = ":same") -> None:
    """A row of one operand, a float, with fast-math flags."""
    known, words = _FLAGS["fast"]
    define(
        name,
        "x",
        attributes=known,
        infer=rule(name, "floats"),
        form=f"%x {words} {{}} {types}",
        traits="pure scalar",
    )


unary("arith.negf")
define(
    "arith.cmpi",
    "lhs rhs",
    attributes={"predicate": numbered("predicate", ICMP)},
    infer=truth("arith.cmpi", "integers"),
    form="$predicate , %lhs , %rhs {} :first",
    traits="pure scalar",
)
define(
    "arith.cmpf",
    "lhs rhs",
    attributes={"predicate": numbered("predicate", f"false {FCMP} true"), "fastmath?": FASTMATH},
    infer=truth("arith.cmpf", "floats"),
    form="$predicate , %lhs , %rhs [ fastmath ~$fastmath ]?fastmath {} :first",
    traits="pure scalar",
)


def _sum_and_carry(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    return [types[0], *truth("arith.addui_extended", "integers")(types, attributes, regions)]


define(
    "arith.addui_extended",
    "lhs rhs",
    infer=_sum_and_carry,
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

Cast = Callable[[ScalarType, ScalarType], bool]
CASTS: dict[str, tuple[str, Cast]] = {
    "extf": ("a wider float", lambda x, y: _floats(x) and _floats(y) and x.bits < y.bits),
    "truncf": ("a narrower float", lambda x, y: _floats(x) and _floats(y) and x.bits > y.bits),
    "sitofp uitofp": ("a float of an integer", lambda x, y: _fixed(x) and _floats(y)),
    "fptosi fptoui": ("an integer of a float", lambda x, y: _floats(x) and _fixed(y)),
    "extsi extui": ("a wider integer", lambda x, y: _fixed(x) and _fixed(y) and x.bits < y.bits),
    "trunci": ("a narrower integer", lambda x, y: _fixed(x) and _fixed(y) and x.bits > y.bits),
    "bitcast": ("as many bits", lambda x, y: "index" not in (x.name, y.name) and x.bits == y.bits),
    "index_cast index_castui": (
        "an index of an integer, or back",
        lambda x, y: _integers(x) and _integers(y) and (x.name == "index") != (y.name == "index"),
    ),
}


def _fixed(e: ScalarType) -> bool:
    """An integer of a number of bits, which `index` is not."""
    return _integers(e) and e.name != "index"


def _verify_cast(op: Operation, what: str, fits: Cast) -> None:
    x, y = op.operands[0].type, op.result.type
    if getattr(x, "shape", None) != getattr(y, "shape", None):
        raise VerifyError(f"{op.name} from {x} to {y}: a cast keeps the shape", op=op.name)
    if not fits(element(x), element(y)):
        raise VerifyError(f"{op.name} from {x} to {y}: it makes {what}", op=op.name)


for names, (what, fits) in CASTS.items():
    for short in names.split():
        known, words = _FLAGS["wraps" if short == "trunci" else ""]
        define(
            f"arith.{short}",
            "x",
            attributes=known,
            form=f"%x {words} {{}} :to",
            verify=partial(_verify_cast, what=what, fits=fits),
            traits="pure scalar",
        )


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
    form=bare(_print_select, _parse_select),
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
    rest = printer.attr_dict(op, frozenset(["value"]))
    return f"arith.constant {rest}{rest and ' '}{text}"


def _number(p: Any, pretty: bool = False) -> Any:
    """A number with its type; `true` is `1 : i1`."""
    value = p.attribute()
    return Typed(int(value), i1) if isinstance(value, bool) else value


def _parse_constant(p: Any) -> Parts:
    return Parts(operands=[], attributes={**p.attr_dict(), "value": _number(p)})


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
    unary(f"math.{short}", rule=truth, types=":first")
for short in ["absi", "ctpop", "ctlz", "cttz"]:
    rule = alike(f"math.{short}", "integers")
    define(f"math.{short}", "x", infer=rule, form="%x {} :same", traits="pure scalar")
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
        infer=alike(f"math.{short}", "floats"),
        form=" , ".join(f"%{x}" for x in operands.split()) + f" {_FLAGS['fast'][1]} {{}} :same",
        traits="pure scalar",
    )
define(
    "math.ipowi",
    "lhs rhs",
    infer=alike("math.ipowi", "integers"),
    form="%lhs , %rhs {} :same",
    traits="pure",
)
define("math.fpowi", "lhs rhs", infer=like_first, form="%lhs , %rhs {} :operands", traits="pure")
