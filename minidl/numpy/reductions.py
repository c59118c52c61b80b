"""Reductions: sum, mean, max and their kin, over axes.

Chapter: xla/frontend.
Sources: NumPy, "Mathematical functions: sums, products"; StableHLO, "reduce".
Real JAX: `jax.numpy.reductions`.
"""

from __future__ import annotations

from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.mlir.types import ScalarType, f32, i1, i32
from minidl.numpy import promotion
from minidl.numpy.promotion import array_of, axes_of, axis_of, shape_of
from minidl.xla.frontend import lax
from minidl.xla.frontend.spans import here

Array = Any


def _reduce(name: str, short: str, x: Array, axis: Any, keepdims: bool) -> Array:
    shape = shape_of(x)
    axes = axes_of(name, axis, len(shape))
    out = lax.reduce(short, x, axes) if axes else promotion.owned(x, x)
    if keepdims:
        out = lax.reshape(out, [1 if d in axes else n for d, n in enumerate(shape)])
    return out


def _summable(name: str, x: Any) -> Array:
    """Narrow integers and booleans are summed in 32 bits."""
    x = array_of(name, x)
    element = promotion.element_of(x)
    if element.is_float or element.bits >= 32:
        return x
    return lax.convert(x, ScalarType("ui32") if element.is_unsigned and element is not i1 else i32)


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """The sum along `axis` (all of them by default)."""
    return _reduce("sum", "add", _summable("sum", x), axis, keepdims)


def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """The product along `axis`."""
    return _reduce("prod", "multiply", _summable("prod", x), axis, keepdims)


def _not_empty(name: str, x: Array, axis: Any) -> Array:
    shape = shape_of(x)
    if 0 in [shape[d] for d in axes_of(name, axis, len(shape))]:
        raise here(
            ShapeError,
            f"minidl.numpy.{name} of no elements has no value (shape {list(shape)})",
            hint="an axis of size 0 cannot be reduced this way",
        )
    return x


def max(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """The greatest element along `axis`; NaN wins."""
    x = _not_empty("max", array_of("max", x), axis)
    return _reduce("max", "maximum", x, axis, keepdims)


def min(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """The least element along `axis`; NaN wins."""
    x = _not_empty("min", array_of("min", x), axis)
    return _reduce("min", "minimum", x, axis, keepdims)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """Whether one element is not zero."""
    return _reduce("any", "or", lax.convert(array_of("any", x), i1), axis, keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """Whether no element is zero."""
    return _reduce("all", "and", lax.convert(array_of("all", x), i1), axis, keepdims)


def _count(x: Array, axis: Any) -> int:
    shape, out = shape_of(x), 1
    for d in axes_of("mean", axis, len(shape)):
        out *= shape[d]
    return out


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """The sum divided by the number of elements."""
    x = array_of("mean", x, floats=True)
    return _narrowed(_mean(_widened(x), axis, keepdims), x)


def _mean(x: Array, axis: Any, keepdims: bool) -> Array:
    total = sum(x, axis, keepdims)
    return lax.divide(total, lax.full_like(total, _count(x, axis)))


def _widened(x: Array) -> Array:
    """16-bit floats in 32 bits: their sum may not fit where their mean does."""
    return lax.convert(x, f32) if promotion.element_of(x).bits == 16 else x


def _narrowed(x: Array, like: Array) -> Array:
    return lax.convert(x, promotion.element_of(like), getattr(like, "weak", False))


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """The mean square distance from the mean."""
    x = array_of("var", x, floats=True)
    wide = _widened(x)
    centre = promotion.broadcast(_mean(wide, axis, keepdims=True), shape_of(x))
    gap = lax.subtract(wide, centre)
    return _narrowed(_mean(lax.multiply(gap, gap), axis, keepdims), x)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """The square root of `var`."""
    return lax.sqrt(var(x, axis, keepdims))


def _arg(name: str, short: str, x: Any, axis: Any) -> Array:
    """The first index at which the extreme stands: the least of the indices that qualify."""
    x = _not_empty(name, array_of(name, x), axis)
    if axis is None:
        x, axis = lax.reshape(x, [x.size]), 0
    d = axis_of(name, axis, len(shape_of(x)))
    shape = shape_of(x)
    best = promotion.broadcast(_reduce(name, short, x, d, True), shape)
    hit = lax.compare("EQ", x, best)
    if promotion.element_of(x).is_float:
        hit = lax.or_(hit, lax.compare("NE", x, x))
    place = lax.select(hit, lax.iota(i32, shape, d), lax.full(shape, shape[d], i32))
    return lax.reduce("minimum", place, (d,))


def argmax(x: Any, axis: Any = None) -> Array:
    """The index (int32) of the first greatest element."""
    return _arg("argmax", "maximum", x, axis)


def argmin(x: Any, axis: Any = None) -> Array:
    """The index (int32) of the first least element."""
    return _arg("argmin", "minimum", x, axis)
