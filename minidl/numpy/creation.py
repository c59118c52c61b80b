"""Arrays from nothing, and from Python: zeros, ones, full, arange, eye, array.

Chapter: xla/frontend.
Sources: NumPy, "Array creation routines"; default dtypes are 32 bits wide.
Real JAX: `jax.numpy.zeros` and its kin; a trace stages them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.core.errors import ShapeError, TraceError
from minidl.ir.mlir.types import ScalarType, f32, i1, i32
from minidl.numpy import promotion
from minidl.xla.frontend import dtypes, lax
from minidl.xla.frontend.bind import as_tracer, tracing
from minidl.xla.frontend.spans import here
from minidl.xla.frontend.tracer import Tracer
from minidl.xla.frontend.trees import flatten

Array = Any


def _shape(name: str, shape: Any) -> tuple[int, ...]:
    return promotion.sizes_of(f"numpy.{name}", shape)


def _element(dtype: Any, default: ScalarType) -> ScalarType:
    return default if dtype is None else dtypes.element(dtype)


def full(shape: Any, value: Any, dtype: Any = None) -> Array:
    """One value everywhere; the dtype of the value unless given."""
    promotion.check("full", value)
    element = _element(dtype, promotion.element_of(value))
    out, value = _shape("full", shape), promotion.to_typing(value, (element, False))
    if promotion.joint_shape("full", [out, promotion.shape_of(value)]) != out:
        raise here(
            ShapeError,
            f"minidl.numpy.full: a value of shape {list(promotion.shape_of(value))} does not "
            f"fill {list(out)}",
            hint="a number fills every shape",
        )
    return promotion.broadcast(value, out)


def zeros(shape: Any, dtype: Any = None) -> Array:
    """Zeros, float32 by default."""
    return lax.full(_shape("zeros", shape), 0, _element(dtype, f32))


def ones(shape: Any, dtype: Any = None) -> Array:
    """Ones, float32 by default."""
    return lax.full(_shape("ones", shape), 1, _element(dtype, f32))


def zeros_like(x: Any, dtype: Any = None) -> Array:
    return full_like(x, 0, dtype)


def ones_like(x: Any, dtype: Any = None) -> Array:
    return full_like(x, 1, dtype)


def full_like(x: Any, value: Any, dtype: Any = None) -> Array:
    """One value in the shape (and dtype) of x."""
    promotion.check("full_like", x)
    return full(promotion.shape_of(x), value, _element(dtype, promotion.element_of(x)))


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Array:
    """start, start + step, … below stop; int32, or float32 if any bound is a float."""
    if stop is None:
        start, stop = 0, start
    for bound in (start, stop, step):
        if isinstance(bound, Tracer):
            raise here(
                TraceError,
                "minidl.numpy.arange needs its bounds while tracing: they decide the shape",
                hint="use x.shape[0], or make the bound a static argument of jit",
            )
        promotion.check("arange", bound)
    if step == 0:
        raise here(TraceError, "minidl.numpy.arange cannot advance by a step of 0")
    integers = all(isinstance(b, (int, np.integer)) for b in (start, stop, step))
    element = _element(dtype, i32 if integers else f32)
    count = max(0, math.ceil((stop - start) / step))
    line = lax.iota(element, (count,), 0)
    if step != 1:
        line = lax.multiply(line, lax.full((count,), step, element))
    return line if start == 0 else lax.add(line, lax.full((count,), start, element))


def linspace(start: float, stop: float, num: int = 50, dtype: Any = None) -> Array:
    """num evenly spaced numbers, both ends included."""
    element = _element(dtype, f32)
    line = lax.iota(element, (num,), 0)
    step = (stop - start) / max(num - 1, 1)
    return lax.add(
        lax.multiply(line, lax.full((num,), step, element)), lax.full((num,), start, element)
    )


def tri(n: int, m: int | None = None, k: int = 0, dtype: Any = None) -> Array:
    """Ones at and below diagonal k."""
    shape = (n, n if m is None else m)
    rows = lax.add(lax.iota(i32, shape, 0), lax.full(shape, k, i32))
    return lax.convert(lax.compare("GE", rows, lax.iota(i32, shape, 1)), _element(dtype, f32))


def eye(n: int, m: int | None = None, dtype: Any = None) -> Array:
    """Ones on the diagonal."""
    shape = (n, n if m is None else m)
    same = lax.compare("EQ", lax.iota(i32, shape, 0), lax.iota(i32, shape, 1))
    return lax.convert(same, _element(dtype, f32))


identity = eye


def array(x: Any, dtype: Any = None) -> Array:
    """An array from nested lists, numbers, arrays or traced values.

    Python floats give float32, ints int32; ragged lists are refused.
    """
    if isinstance(x, (list, tuple)):
        leaves = flatten(x)[0]
        if any(isinstance(leaf, Tracer) for leaf in leaves):
            return _stacked(x, dtype)
        x = _from_lists(x, leaves, dtype)
    promotion.check("array", x)
    typing = (dtypes.element(dtype), False) if dtype is not None else promotion.typing_of(x)
    out = promotion.to_typing(x, (typing[0], False))
    if tracing():
        return as_tracer(out)
    return np.array(out)


asarray = array


def _from_lists(x: Any, leaves: list[Any], dtype: Any) -> np.ndarray[Any, Any]:
    try:
        made = np.array(x)
    except ValueError:
        made = np.array(None)
    if made.dtype.kind in "OUSVMmc":
        raise here(
            TraceError,
            "minidl.numpy.array cannot make an array of these lists: they are ragged "
            "or hold something that is no number",
            hint="rows of one length make an array; pad ragged data first",
        )
    if dtype is None and leaves and all(isinstance(v, (int, float)) for v in leaves):
        dtype = {"b": i1, "i": i32, "u": i32, "f": f32}[made.dtype.kind]
        return dtypes.as_array(made, (dtype, False))
    return made


def _stacked(x: Any, dtype: Any) -> Array:
    from minidl.numpy.shaping import stack

    return stack([array(row, dtype) for row in x])
