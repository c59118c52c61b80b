"""Distributions from random bits.

Chapter: xla/frontend.
Sources: Giles, "Approximating the erfinv function", GPU Computing Gems 2, 2011 (the
polynomial for float32, also XLA's); Rao's shuffle by sorting random keys.
Real JAX: `jax._src.random.core`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import numpy as mnp
from minidl.core.errors import TraceError
from minidl.ir.mlir.types import ScalarType, f32
from minidl.numpy import promotion
from minidl.random.threefry import bits, check_key, split
from minidl.xla.frontend import dtypes, lax
from minidl.xla.frontend.spans import here

Array = Any
MANTISSA = {"f16": 10, "bf16": 7, "f32": 23, "f64": 52}


def _float(name: str, dtype: Any) -> ScalarType:
    element = f32 if dtype is None else dtypes.element(dtype)
    if not element.is_float:
        raise here(
            TraceError,
            f"minidl.random.{name} makes floats, not {element}",
            hint="use randint for integers",
        )
    return element


def _shape(shape: Any) -> tuple[int, ...]:
    return promotion.sizes_of("random", shape)


def uniform(
    k: Any, shape: Any = (), dtype: Any = None, minval: Any = 0.0, maxval: Any = 1.0
) -> Array:
    """Even over [minval, maxval): random mantissas under the exponent of 1, minus 1."""
    element, shape = _float("uniform", dtype), _shape(shape)
    mantissa, word = MANTISSA[element.name], element.bits
    drawn = 8 if mantissa < 8 else word
    raw = lax.convert(bits(k, shape, drawn), ScalarType(f"ui{word}"))
    raw = lax.shift_right_logical(raw, lax.full_like(raw, drawn - mantissa))
    one = int(np.array(1, element.numpy).view(f"u{word // 8}"))
    raw = lax.or_(raw, lax.full_like(raw, one))
    unit = lax.bitcast_convert(raw, element) - lax.full(shape, 1, element)
    low, high = (promotion.to_typing(v, (element, False)) for v in (minval, maxval))
    scaled = unit * (high - low) + low
    return mnp.maximum(low, scaled)


# Coefficients of Giles' two polynomials, highest power first: w < 5 and w ≥ 5.
CENTRE = (
    *(2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087),
    *(-0.00125372503, -0.00417768164, 0.246640727, 1.50140941),
)
TAIL = (
    *(-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773),
    *(-0.0076224613, 0.00943887047, 1.00167406, 2.83297682),
)


def erf_inv(x: Any) -> Array:
    """The inverse of erf on (−1, 1), accurate to float32; ±1 give ±∞."""
    x = promotion.array_of("erf_inv", x, floats=True)
    element = promotion.element_of(x)
    x = lax.convert(x, f32)
    w = -mnp.log1p(x * -x)
    near = w < 5.0
    w = mnp.where(near, w - 2.5, mnp.sqrt(w) - 3.0)
    p = mnp.where(near, np.float32(CENTRE[0]), np.float32(TAIL[0]))
    for c, t in zip(CENTRE[1:], TAIL[1:], strict=True):
        p = mnp.where(near, np.float32(c), np.float32(t)) + p * w
    edge = mnp.abs(x) == 1
    return lax.convert(mnp.where(edge, x * np.float32(np.inf), p * x), element)


def normal(k: Any, shape: Any = (), dtype: Any = None) -> Array:
    """Standard normal: √2 · erf⁻¹ of an even number in (−1, 1)."""
    element = _float("normal", dtype)
    low = np.nextafter(np.array(-1, np.float32), np.float32(0))
    u = uniform(k, shape, f32, low, 1.0)
    return lax.convert(erf_inv(u) * np.float32(math.sqrt(2)), element)


def bernoulli(k: Any, p: Any = 0.5, shape: Any = None) -> Array:
    """True with probability p."""
    p = promotion.array_of("bernoulli", p, floats=True)
    shape = promotion.shape_of(p) if shape is None else _shape(shape)
    return mnp.less(uniform(k, shape, promotion.element_of(p)), p)


def randint(k: Any, shape: Any, minval: int, maxval: int) -> Array:
    """int32, even over minval … maxval − 1: two words a number, then the remainder."""
    if not all(isinstance(v, (int, np.integer)) for v in (minval, maxval)):
        raise here(TraceError, "minidl.random.randint wants Python integers as bounds")
    shape, span = _shape(shape), max(int(maxval) - int(minval), 1)
    keys = split(k)
    high, low = (bits(keys[i], shape) for i in range(2))
    u = [lax.full(shape, n, ScalarType("ui32")) for n in (span, 2**16 % span)]
    square = lax.remainder(lax.multiply(u[1], u[1]), u[0])
    offset = lax.add(lax.multiply(lax.remainder(high, u[0]), square), lax.remainder(low, u[0]))
    drawn = lax.convert(lax.remainder(offset, u[0]), ScalarType("i32"))
    return lax.add(drawn, lax.full(shape, int(minval), ScalarType("i32")))


def permutation(k: Any, x: Any) -> Array:
    """0 … n−1 in random order for an int n; for an array its rows in random order.

    Rows are sorted by random 32-bit keys, so often that equal keys do not matter.
    """
    check_key("permutation", k)
    if isinstance(x, (int, np.integer)):
        x = mnp.arange(int(x))
    x = promotion.array_of("permutation", x)
    shape = promotion.shape_of(x)
    if not shape:
        raise here(TraceError, "minidl.random.permutation wants an integer or an array of rows")
    for _ in range(math.ceil(3 * math.log(max(1, shape[0])) / math.log(2**32 - 1))):
        pair = split(k)
        k = mnp.take_index(pair, 0)
        order = lax.broadcast_in_dim(bits(mnp.take_index(pair, 1), shape[:1]), shape, (0,))
        x = lax.sort(order, x, dim=0)[1]
    return x


__all__ = ["bernoulli", "erf_inv", "normal", "permutation", "randint", "uniform"]
