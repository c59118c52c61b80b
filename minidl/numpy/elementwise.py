"""Elementwise functions: NumPy's names, one StableHLO op each where there is one.

Chapter: xla/frontend.
Sources: NumPy, "Mathematical functions"; StableHLO specification.
Real JAX: `jax.numpy.ufuncs`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.ir.mlir.types import i1
from minidl.numpy import promotion
from minidl.numpy.promotion import array_of, operands
from minidl.xla.frontend import lax

Array = Any


def _unary(name: str, op: Callable[[Any], Any], floats: bool = False) -> Callable[[Any], Any]:
    def function(x: Any) -> Array:
        return op(array_of(name, x, floats))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`stablehlo.{op.__name__}` of every element."
    return function


def _whole(name: str, op: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def function(x: Any) -> Array:
        x = array_of(name, x)
        return op(x) if promotion.element_of(x).is_float else promotion.owned(x, x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`stablehlo.{op.__name__}` of every element; integers are whole."
    return function


def _binary(
    name: str, op: Callable[[Any, Any], Any], floats: bool = False
) -> Callable[[Any, Any], Any]:
    def function(x: Any, y: Any) -> Array:
        return op(*operands(name, (x, y), floats))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`stablehlo.{op.__name__}` of broadcast, promoted operands."
    return function


def _compare(name: str, direction: str) -> Callable[[Any, Any], Any]:
    def function(x: Any, y: Any) -> Array:
        return lax.compare(direction, *operands(name, (x, y)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`stablehlo.compare {direction}` of broadcast, promoted operands."
    return function


exp, expm1 = _unary("exp", lax.exponential, True), _unary("expm1", lax.exponential_minus_one, True)
log, log1p = _unary("log", lax.log, True), _unary("log1p", lax.log_plus_one, True)
sin, cos, tan = (
    _unary(n, f, True) for n, f in (("sin", lax.sine), ("cos", lax.cosine), ("tan", lax.tan))
)
tanh, sqrt, cbrt = (
    _unary(n, f, True) for n, f in (("tanh", lax.tanh), ("sqrt", lax.sqrt), ("cbrt", lax.cbrt))
)
rint = _unary("rint", lax.round_nearest_even, True)
floor, ceil = _whole("floor", lax.floor), _whole("ceil", lax.ceil)
round = _whole("round", lax.round_nearest_even)
isfinite = _unary("isfinite", lax.is_finite, True)
negative = _unary("negative", lax.negate)
invert = bitwise_not = _unary("invert", lax.not_)

add, subtract = _binary("add", lax.add), _binary("subtract", lax.subtract)
multiply, divide = _binary("multiply", lax.multiply), _binary("divide", lax.divide, True)
true_divide = divide
maximum, minimum = _binary("maximum", lax.maximum), _binary("minimum", lax.minimum)
arctan2 = _binary("arctan2", lax.atan2, True)
bitwise_and, bitwise_or = _binary("bitwise_and", lax.and_), _binary("bitwise_or", lax.or_)
bitwise_xor = _binary("bitwise_xor", lax.xor)
left_shift = _binary("left_shift", lax.shift_left)
equal, not_equal = _compare("equal", "EQ"), _compare("not_equal", "NE")
less, less_equal = _compare("less", "LT"), _compare("less_equal", "LE")
greater, greater_equal = _compare("greater", "GT"), _compare("greater_equal", "GE")


def abs(x: Any) -> Array:
    """|x|; an unsigned integer is its own."""
    x = array_of("abs", x)
    return promotion.owned(x, x) if promotion.element_of(x).is_unsigned else lax.absolute(x)


absolute = abs


def sign(x: Any) -> Array:
    """−1, 0 or 1."""
    x = array_of("sign", x)
    if not promotion.element_of(x).is_unsigned:
        return lax.sign(x)
    return lax.convert(lax.compare("NE", x, lax.full_like(x, 0)), promotion.element_of(x))


def right_shift(x: Any, y: Any) -> Array:
    """Arithmetic for signed types, logical for unsigned."""
    x, y = operands("right_shift", (x, y))
    unsigned = promotion.element_of(x).is_unsigned
    return (lax.shift_right_logical if unsigned else lax.shift_right_arithmetic)(x, y)


def remainder(x: Any, y: Any) -> Array:
    """x mod y with the sign of y, as Python's %; 0 for an integer mod 0."""
    x, y = operands("remainder", (x, y))
    rest, zero = lax.remainder(x, y), lax.full_like(x, 0)
    if not promotion.element_of(x).is_float:
        rest = lax.select(lax.compare("EQ", y, zero), zero, rest)
    if promotion.element_of(x).is_unsigned:
        return rest
    signs = lax.compare("NE", lax.compare("LT", rest, zero), lax.compare("LT", y, zero))
    wrong = lax.and_(lax.compare("NE", rest, zero), signs)
    return lax.select(wrong, lax.add(rest, y), rest)


mod = remainder


def floor_divide(x: Any, y: Any) -> Array:
    """The quotient rounded toward −∞, as Python's //."""
    x, y = operands("floor_divide", (x, y))
    element = promotion.element_of(x)
    if element.is_float:
        return _floor_of_floats(x, y)
    quotient = lax.divide(x, y)
    if element.is_unsigned:
        return quotient
    zero = lax.full_like(x, 0)
    signs = lax.compare("NE", lax.compare("LT", x, zero), lax.compare("LT", y, zero))
    inexact = lax.compare("NE", lax.multiply(quotient, y), x)
    return lax.select(
        lax.and_(signs, inexact), lax.subtract(quotient, lax.full_like(x, 1)), quotient
    )


def _floor_of_floats(x: Array, y: Array) -> Array:
    """(x − rest)/y is whole but for its rounding; one less where the rest has y's other sign."""
    rest, zero, one = lax.remainder(x, y), lax.full_like(x, 0), lax.full_like(x, 1)
    whole = lax.round_nearest_even(lax.divide(lax.subtract(x, rest), y))
    signs = lax.compare("NE", lax.compare("LT", rest, zero), lax.compare("LT", y, zero))
    less_one = lax.and_(lax.compare("NE", rest, zero), signs)
    out = lax.select(less_one, lax.subtract(whole, one), whole)
    return lax.select(lax.compare("EQ", y, zero), lax.divide(x, y), out)


def power(x: Any, y: Any) -> Array:
    """x to the y; a Python integer exponent becomes multiplications."""
    if isinstance(y, int) and not isinstance(y, bool):
        x = array_of("power", x)
        if y >= 0 or promotion.element_of(x).is_float:
            return promotion.owned(_integer_power(x, y), x)
    return lax.power(*operands("power", (x, y)))


def _integer_power(x: Array, n: int) -> Array:
    """By squaring: about log2 n multiplications."""
    if n < 0:
        return lax.divide(lax.full_like(x, 1), _integer_power(x, -n))
    result = None
    while n:
        if n & 1:
            result = x if result is None else lax.multiply(result, x)
        n >>= 1
        x = lax.multiply(x, x) if n else x
    return lax.full_like(x, 1) if result is None else result


def square(x: Any) -> Array:
    """x·x."""
    return power(x, 2)


def reciprocal(x: Any) -> Array:
    """1/x."""
    return divide(1, x)


def where(condition: Any, x: Any, y: Any) -> Array:
    """x where the condition is true, else y; both are computed."""
    x, y = operands("where", (x, y))
    c = array_of("where", condition)
    if promotion.element_of(c) is not i1:
        c = lax.convert(c, i1)
    shapes = [promotion.shape_of(v) for v in (c, x)]
    shape = promotion.joint_shape("where", shapes)
    return lax.select(*(promotion.broadcast(v, shape) for v in (c, x, y)))


def clip(x: Any, low: Any = None, high: Any = None) -> Array:
    """x limited to low … high."""
    if low is None and high is None:
        return promotion.owned(x, x)
    if low is not None:
        x = maximum(low, x)
    return x if high is None else minimum(high, x)


def isnan(x: Any) -> Array:
    """Whether an element is not a number."""
    x = array_of("isnan", x, floats=True)
    return lax.compare("NE", x, x)


def _logical(name: str, op: Callable[..., Any]) -> Callable[..., Any]:
    def function(*xs: Any) -> Array:
        truths = [lax.convert(array_of(name, x), i1) for x in xs]
        shape = promotion.joint_shape(name, [promotion.shape_of(t) for t in truths])
        return op(*(promotion.broadcast(t, shape) for t in truths))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`stablehlo.{op.__name__.strip('_')}` of truth values."
    return function


logical_and, logical_or = _logical("logical_and", lax.and_), _logical("logical_or", lax.or_)
logical_not, logical_xor = _logical("logical_not", lax.not_), _logical("logical_xor", lax.xor)


def logaddexp(x: Any, y: Any) -> Array:
    """log(eˣ + eʸ) without overflow."""
    x, y = operands("logaddexp", (x, y), floats=True)
    top, gap = lax.maximum(x, y), lax.negate(lax.absolute(lax.subtract(x, y)))
    out = lax.add(top, lax.log_plus_one(lax.exponential(gap)))
    return lax.select(lax.compare("NE", gap, gap), lax.add(x, y), out)  # ∞ − ∞, or a NaN
