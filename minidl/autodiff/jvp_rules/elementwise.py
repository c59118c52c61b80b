"""Tangents of elementwise ops: for each operand, one term; their sum is the tangent.

Chapter: autodiff/jax; autodiff/modes.
Sources: any table of derivatives; ties of maximum share the derivative as in JAX.

g is the tangent of the operand, y the result; x, a, b are operands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl import numpy as mnp
from minidl.autodiff.jvp_rules import JVP
from minidl.ir.mlir.types import TensorType
from minidl.xla.frontend import lax

Array = Any
Term = Callable[..., Array]


def partials(name: str, *terms: Term) -> None:
    """A row from one term for each operand: `term(g, out, *operands)`."""

    def row(op: Any, out: Array, xs: list[Array], ts: list[Array]) -> Array:
        total = None
        for term, t in zip(terms, ts, strict=True):
            if t is not None:
                part = term(t, out, *xs)
                total = part if total is None else lax.add(total, part)
        return total

    JVP[f"stablehlo.{name}"] = row


def _wins(a: Array, b: Array) -> Array:
    """1 where a > b, ½ where they tie, else 0."""
    half = lax.select(lax.compare("EQ", a, b), lax.full_like(a, 0.5), lax.full_like(a, 0))
    return lax.select(lax.compare("GT", a, b), lax.full_like(a, 1), half)


def _truncated(x: Array) -> Array:
    return mnp.sign(x) * mnp.floor(mnp.abs(x))


def _power_x(g: Array, y: Array, x: Array, n: Array) -> Array:
    """n·xⁿ⁻¹, and 0 where n is 0, also at x = 0."""
    lower = mnp.where(n == 0, 1, n - 1)
    return g * (n * mnp.power(x, lower))


def _power_n(g: Array, y: Array, x: Array, n: Array) -> Array:
    """xⁿ·log x; x = 0 counts as 1 in the logarithm."""
    return g * (mnp.log(mnp.where(x == 0, 1, x)) * y)


partials("negate", lambda g, y, x: -g)
partials("exponential", lambda g, y, x: g * y)
partials("exponential_minus_one", lambda g, y, x: g * (y + 1))
partials("log", lambda g, y, x: g / x)
partials("log_plus_one", lambda g, y, x: g / (x + 1))
partials("logistic", lambda g, y, x: g * (y * (1 - y)))
partials("tanh", lambda g, y, x: g * (1 - y * y))
partials("sine", lambda g, y, x: g * mnp.cos(x))
partials("cosine", lambda g, y, x: g * -mnp.sin(x))
partials("tan", lambda g, y, x: g * (1 + y * y))
partials("sqrt", lambda g, y, x: g * (0.5 / y))
partials("rsqrt", lambda g, y, x: g * (-0.5 * (y / x)))
partials("cbrt", lambda g, y, x: g * (1 / (3 * (y * y))))
partials("abs", lambda g, y, x: g * mnp.sign(x))

partials("add", lambda g, y, a, b: g, lambda g, y, a, b: g)
partials("subtract", lambda g, y, a, b: g, lambda g, y, a, b: -g)
partials("multiply", lambda g, y, a, b: g * b, lambda g, y, a, b: a * g)
partials("divide", lambda g, y, a, b: g / b, lambda g, y, a, b: g * -(y / b))
partials("maximum", lambda g, y, a, b: g * _wins(a, b), lambda g, y, a, b: g * _wins(b, a))
partials("minimum", lambda g, y, a, b: g * _wins(b, a), lambda g, y, a, b: g * _wins(a, b))
partials("power", _power_x, _power_n)
partials("remainder", lambda g, y, a, b: g, lambda g, y, a, b: g * -_truncated(a / b))
partials(
    "atan2",
    lambda g, y, a, b: g * (b / (a * a + b * b)),
    lambda g, y, a, b: g * -(a / (a * a + b * b)),
)


@JVP.rule(
    *("stablehlo.sign", "stablehlo.floor", "stablehlo.ceil", "stablehlo.bitcast_convert"),
    *("stablehlo.round_nearest_even", "stablehlo.round_nearest_afz"),
)
def flat(op: Any, out: Array, xs: list[Array], ts: list[Array]) -> None:
    """Piecewise constant: the derivative is zero wherever it exists."""


@JVP.rule("stablehlo.convert")
def convert(op: Any, out: Array, xs: list[Array], ts: list[Array]) -> Array:
    """Between floats it is linear (rounding is not differentiated)."""
    return lax.convert(ts[0], out.element)


@JVP.rule("stablehlo.select")
def select(op: Any, out: Array, xs: list[Array], ts: list[Array]) -> Array:
    pred, *cases = xs
    return lax.select(pred, *(zeros_unless(t, x) for t, x in zip(ts[1:], cases, strict=True)))


@JVP.rule("stablehlo.clamp")
def clamp(op: Any, out: Array, xs: list[Array], ts: list[Array]) -> Array:
    """The tangent of whichever of low, x, high was taken; bounds may be scalars."""
    low, x, high = (mnp.broadcast_to(v, out.shape) for v in xs)
    taken = (x < low, (x >= low) & (x <= high), x > high)
    total = None
    for t, mask in zip(ts, taken, strict=True):
        if t is not None:
            part = mnp.broadcast_to(t, out.shape) * lax.convert(mask, out.element)
            total = part if total is None else lax.add(total, part)
    return total


def zeros_unless(t: Array | None, x: Array) -> Array:
    """The tangent, or zeros of the type of x."""
    return lax.full_like(x, 0) if t is None else t


def is_float(type_: Any) -> bool:
    return isinstance(type_, TensorType) and type_.element.is_float
