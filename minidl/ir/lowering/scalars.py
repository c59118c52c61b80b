"""SCALAR: what one element of an elementwise StableHLO op is, in arith and math.

Chapter: ir/lowering.
Sources: StableHLO specification; MLIR, "'arith' Dialect", "'math' Dialect".
Real: `StablehloToArith`/`mapStablehloOpToStdScalarOp` in StableHLO's linalg lowering.

A row is `row(builder, op, element, *values) -> value`; `element` is the StableHLO
element of the operands, which still knows its sign (arith's integers do not).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.core.rules import RuleTable
from minidl.ir.mlir.attributes import Typed
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import ScalarType, TensorType, f32, i1

Row = Callable[..., Value]
KEEPS_16 = frozenset(
    f"stablehlo.{n}"
    for n in ("select", "convert", "bitcast_convert", "optimization_barrier", "reduce_precision")
)  # these take 16-bit floats as they are
SCALAR: RuleTable[Row] = RuleTable("scalar", "the lowering to linalg")


def signless(element: ScalarType) -> ScalarType:
    """ui32 → i32: below StableHLO the op, not the type, knows the sign."""
    return ScalarType(element.name[1:]) if element.name.startswith("ui") else element


def is_16(element: ScalarType) -> bool:
    """Whether elements are 16-bit floats, which are stored but not computed with."""
    return element.name in ("f16", "bf16")


def constant(b: Builder, value: Any, element: ScalarType) -> Value:
    """`arith.constant`; integers wrap into the signless range."""
    element = signless(element)
    if element.is_float:
        return b.value("arith.constant", value=Typed(float(value), element))
    number = int(value)
    if element.name not in ("i1", "index"):
        half = 1 << (element.bits - 1)
        number = (number + half) % (2 * half) - half
    return b.value("arith.constant", value=Typed(number, element))


def _by_kind(floats: str | None, signed: str, unsigned: str, boolean: str | None = None) -> Row:
    """One op by the kind of the element."""

    def row(b: Builder, op: Operation, element: ScalarType, *xs: Value) -> Value:
        if element.is_float and floats:
            return b.value(floats, *xs)
        if element.name == "i1" and boolean:
            return b.value(boolean, *xs)
        return b.value(unsigned if element.is_unsigned else signed, *xs)

    return row


def _math(name: str) -> Row:
    return lambda b, op, element, *xs: b.value(f"math.{name}", *xs)


_KINDS: dict[str, tuple[Any, ...]] = {
    "add": ("arith.addf", "arith.addi", "arith.addi", "arith.ori"),
    "subtract": ("arith.subf", "arith.subi", "arith.subi"),
    "multiply": ("arith.mulf", "arith.muli", "arith.muli", "arith.andi"),
    "maximum": ("arith.maximumf", "arith.maxsi", "arith.maxui", "arith.ori"),
    "minimum": ("arith.minimumf", "arith.minsi", "arith.minui", "arith.andi"),
    "and": (None, "arith.andi", "arith.andi"),
    "or": (None, "arith.ori", "arith.ori"),
    "xor": (None, "arith.xori", "arith.xori"),
}
for _name, _ops in _KINDS.items():
    SCALAR[f"stablehlo.{_name}"] = _by_kind(*_ops)
for _name, _math_name in {
    "exponential": "exp",
    "exponential_minus_one": "expm1",
    "log": "log",
    "log_plus_one": "log1p",
    "tanh": "tanh",
    "sqrt": "sqrt",
    "rsqrt": "rsqrt",
    "sine": "sin",
    "cosine": "cos",
    "tan": "tan",
    "cbrt": "cbrt",
    "ceil": "ceil",
    "floor": "floor",
    "round_nearest_even": "roundeven",
    "round_nearest_afz": "round",
    "atan2": "atan2",
    "popcnt": "ctpop",
    "count_leading_zeros": "ctlz",
}.items():
    SCALAR[f"stablehlo.{_name}"] = _math(_math_name)


@SCALAR.rule("stablehlo.negate")
def _negate(b: Builder, op: Operation, element: ScalarType, x: Value) -> Value:
    if element.is_float:
        return b.value("arith.negf", x)
    return b.value("arith.subi", constant(b, 0, element), x)


@SCALAR.rule("stablehlo.not")
def _not(b: Builder, op: Operation, element: ScalarType, x: Value) -> Value:
    return b.value("arith.xori", x, constant(b, -1 if element is not i1 else 1, element))


@SCALAR.rule("stablehlo.abs")
def _abs(b: Builder, op: Operation, element: ScalarType, x: Value) -> Value:
    return b.value("math.absf" if element.is_float else "math.absi", x)


@SCALAR.rule("stablehlo.sign")
def _sign(b: Builder, op: Operation, element: ScalarType, x: Value) -> Value:
    if not element.is_float:
        one, zero, minus = (constant(b, n, element) for n in (1, 0, -1))
        positive = b.value("arith.cmpi", x, zero, predicate="sgt")
        negative = b.value("arith.cmpi", x, zero, predicate="slt")
        return b.value(
            "arith.select", positive, one, b.value("arith.select", negative, minus, zero)
        )
    zero = constant(b, 0.0, element)
    same = b.value("arith.cmpf", x, zero, predicate="ueq")
    one = b.value("math.copysign", constant(b, 1.0, element), x)
    return b.value("arith.select", same, x, one)


@SCALAR.rule("stablehlo.logistic")
def _logistic(b: Builder, op: Operation, element: ScalarType, x: Value) -> Value:
    one = constant(b, 1.0, element)
    e = b.value("math.exp", b.value("arith.negf", x))
    return b.value("arith.divf", one, b.value("arith.addf", one, e))


@SCALAR.rule("stablehlo.power")
def _power(b: Builder, op: Operation, element: ScalarType, x: Value, y: Value) -> Value:
    """Integers wrap; a negative exponent leaves ±1 and makes all else 0.

    `math.ipowi` reads the exponent with a sign: one of 2^(n−1) or more is replaced by
    a smaller one of the same power (odd numbers have an order that divides 2^(n−2); an even
    one is 0 from the n-th power on).
    """
    if element.is_float:
        return b.value("math.powf", x, y)
    zero, quarter = constant(b, 0, element), 1 << (element.bits - 2)
    negative = b.value("arith.cmpi", y, zero, predicate="slt")
    if element.is_unsigned:
        low = b.value("arith.andi", y, constant(b, quarter - 1, element))
        less = b.value("arith.ori", low, constant(b, quarter, element))
        return b.value("math.ipowi", x, b.value("arith.select", negative, less, y))
    odd = b.value("arith.andi", y, constant(b, 1, element))
    made = b.value("math.ipowi", x, b.value("arith.select", negative, odd, y))
    plus, minus = (
        b.value("arith.cmpi", x, constant(b, n, element), predicate="ne") for n in (1, -1)
    )
    vanishes = b.value("arith.andi", negative, b.value("arith.andi", plus, minus))
    return b.value("arith.select", vanishes, zero, made)


def _guarded(divide: str, at_zero: Callable[..., Value]) -> Row:
    """Signed division whose two undefined cases are defined first."""

    def row(b: Builder, op: Operation, element: ScalarType, x: Value, y: Value) -> Value:
        if element.is_float:
            return b.value(f"arith.{divide}f", x, y)
        zero, one = constant(b, 0, element), constant(b, 1, element)
        by_zero = b.value("arith.cmpi", y, zero, predicate="eq")
        unsafe = by_zero
        if not element.is_unsigned:
            least = constant(b, -(1 << (element.bits - 1)), element)
            minus = constant(b, -1, element)
            both = b.value(
                "arith.andi",
                b.value("arith.cmpi", x, least, predicate="eq"),
                b.value("arith.cmpi", y, minus, predicate="eq"),
            )
            unsafe = b.value("arith.ori", by_zero, both)
        safe = b.value("arith.select", unsafe, one, y)
        sign = "ui" if element.is_unsigned else "si"
        made = b.value(f"arith.{divide}{sign}", x, safe)
        return b.value("arith.select", by_zero, at_zero(b, element, x), made)

    return row


SCALAR["stablehlo.divide"] = _guarded("div", lambda b, element, x: constant(b, -1, element))
SCALAR["stablehlo.remainder"] = _guarded("rem", lambda b, element, x: x)


def _shift(name: str) -> Row:
    """Amounts of the width or more shift everything out."""

    def row(b: Builder, op: Operation, element: ScalarType, x: Value, n: Value) -> Value:
        width = constant(b, element.bits, element)
        inside = b.value("arith.cmpi", n, width, predicate="ult")
        last = constant(b, element.bits - 1, element)
        amount = b.value("arith.select", inside, n, last)
        made = b.value(f"arith.{name}", x, amount)
        if name == "shrsi":
            return made
        return b.value("arith.select", inside, made, constant(b, 0, element))

    return row


SCALAR["stablehlo.shift_left"] = _shift("shli")
SCALAR["stablehlo.shift_right_logical"] = _shift("shrui")
SCALAR["stablehlo.shift_right_arithmetic"] = _shift("shrsi")

_FLOAT = {"EQ": "oeq", "NE": "une", "LT": "olt", "LE": "ole", "GT": "ogt", "GE": "oge"}
_ORDER = {"LT": "lt", "LE": "le", "GT": "gt", "GE": "ge"}


@SCALAR.rule("stablehlo.compare")
def _compare(b: Builder, op: Operation, element: ScalarType, x: Value, y: Value) -> Value:
    direction = op["comparison_direction"]
    if element.is_float and op.get("compare_type") == "TOTALORDER":
        element = ScalarType(f"i{element.bits}")
        x, y = (_total_order(b, element, v) for v in (x, y))
    if element.is_float:
        return b.value("arith.cmpf", x, y, predicate=_FLOAT[direction])
    if direction in ("EQ", "NE"):
        return b.value("arith.cmpi", x, y, predicate=direction.lower())
    sign = "u" if element.is_unsigned else "s"
    return b.value("arith.cmpi", x, y, predicate=sign + _ORDER[direction])


def _total_order(b: Builder, bits: ScalarType, x: Value) -> Value:
    """Bits that order −NaN < −inf < … < −0 < +0 < … < +NaN as signed integers."""
    plain = b.create("arith.bitcast", [x], result_types=[bits]).result
    sign = b.value("arith.shrsi", plain, constant(b, bits.bits - 1, bits))
    flip = b.value("arith.andi", sign, constant(b, (1 << (bits.bits - 1)) - 1, bits))
    return b.value("arith.xori", plain, flip)


@SCALAR.rule("stablehlo.is_finite")
def _is_finite(b: Builder, op: Operation, element: ScalarType, x: Value) -> Value:
    inf = constant(b, float("inf"), element)
    return b.value("arith.cmpf", b.value("math.absf", x), inf, predicate="one")


@SCALAR.rule("stablehlo.select")
def _select(b: Builder, op: Operation, element: ScalarType, p: Value, x: Value, y: Value) -> Value:
    return b.value("arith.select", p, x, y)


@SCALAR.rule("stablehlo.clamp")
def _clamp(b: Builder, op: Operation, element: ScalarType, lo: Value, x: Value, hi: Value) -> Value:
    largest = SCALAR["stablehlo.maximum"](b, op, element, x, lo)
    return SCALAR["stablehlo.minimum"](b, op, element, largest, hi)


def out_element(op: Operation) -> ScalarType:
    type_ = op.results[0].type
    assert isinstance(type_, TensorType)
    return type_.element


@SCALAR.rule("stablehlo.convert")
def _convert(b: Builder, op: Operation, element: ScalarType, x: Value) -> Value:
    return convert(b, x, element, out_element(op))


def convert(b: Builder, x: Value, source: ScalarType, to: ScalarType) -> Value:
    """To i1 by ≠ 0; narrowing integers truncates; floats of 16 bits meet all but f64 as f32."""
    target = signless(to)
    if source is to or signless(source) is target:
        return x
    if x.op is not None and x.op.name == "arith.constant" and is_16(source) and to is f32:
        return constant(b, x.op["value"].value, f32)
    if (is_16(source) and to is not f32) or (is_16(to) and source.name not in ("f32", "f64")):
        return convert(b, convert(b, x, source, f32), f32, to)
    if to is i1:
        zero = constant(b, 0, source)
        if source.is_float:
            return b.value("arith.cmpf", x, zero, predicate="une")
        return b.value("arith.cmpi", x, zero, predicate="ne")
    return b.create(f"arith.{_cast(source, to)}", [x], result_types=[target]).result


def _cast(source: ScalarType, to: ScalarType) -> str:
    """The name of the one op that converts."""
    if source.is_float and to.is_float:
        return "extf" if to.bits > source.bits else "truncf"
    if source.is_float:
        return "fptoui" if to.is_unsigned else "fptosi"
    if to.is_float:
        return "uitofp" if source.is_unsigned else "sitofp"
    if to.bits < source.bits:
        return "trunci"
    return "extui" if source.is_unsigned else "extsi"


@SCALAR.rule("stablehlo.bitcast_convert")
def _bitcast(b: Builder, op: Operation, element: ScalarType, x: Value) -> Value:
    target = signless(out_element(op))
    if x.type is target:
        return x
    return b.create("arith.bitcast", [x], result_types=[target]).result


_FIELDS = {"f16": (5, 10), "bf16": (8, 7), "f32": (8, 23), "f64": (11, 52)}


@SCALAR.rule("stablehlo.reduce_precision")
def _reduce_precision(b: Builder, op: Operation, element: ScalarType, x: Value) -> Value:
    """On the bits: round the mantissa to even, then what is out of range is inf or 0."""
    e_bits, m_bits = _FIELDS[element.name]
    bits, cut = ScalarType(f"i{element.bits}"), m_bits - op["mantissa_bits"]

    def number(n: int) -> Value:
        return constant(b, n, bits)

    given = made = b.create("arith.bitcast", [x], result_types=[bits]).result
    if cut > 0:
        last = b.value("arith.shrui", made, number(cut))
        bias = b.value("arith.andi", last, number(1))
        bias = b.value("arith.addi", bias, number((1 << (cut - 1)) - 1))
        made = b.value("arith.addi", made, bias)
        made = b.value("arith.andi", made, number(-(1 << cut)))
    inf = ((1 << e_bits) - 1) << m_bits
    if op["exponent_bits"] < e_bits:
        middle, reach = (1 << (e_bits - 1)) - 1, (1 << (op["exponent_bits"] - 1)) - 1
        exponent = b.value("arith.andi", made, number(inf))
        sign = b.value("arith.andi", given, number(-(1 << (element.bits - 1))))
        above = number((middle + reach) << m_bits)
        over = b.value("arith.cmpi", exponent, above, predicate="ugt")
        below = number((middle - reach) << m_bits)
        under = b.value("arith.cmpi", exponent, below, predicate="ule")
        infinite = b.value("arith.ori", sign, number(inf))
        made = b.value("arith.select", over, infinite, made)
        made = b.value("arith.select", under, sign, made)
    size = b.value("arith.andi", given, number((1 << (element.bits - 1)) - 1))
    nan = b.value("arith.cmpi", size, number(inf), predicate="ugt")
    made = b.value("arith.select", nan, given, made)
    return b.create("arith.bitcast", [made], result_types=[element]).result


@SCALAR.rule("stablehlo.real")
def _real(b: Builder, op: Operation, element: ScalarType, x: Value) -> Value:
    """Of a real number, itself; complex types are refused by name."""
    return x


@SCALAR.rule("stablehlo.imag")
def _imag(b: Builder, op: Operation, element: ScalarType, x: Value) -> Value:
    return constant(b, 0, element)


@SCALAR.rule("stablehlo.optimization_barrier")
def _barrier(b: Builder, op: Operation, element: ScalarType, x: Value) -> Value:
    return x
