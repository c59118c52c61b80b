"""Promotion and broadcasting: from what users write to operands of one type and shape.

Chapter: xla/frontend.
Sources: NumPy, "Broadcasting"; JAX documentation, "Type promotion semantics".
Real JAX: `jax._src.numpy.util.promote_args`, `lax.broadcast_in_dim`.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.core.errors import ShapeError, TraceError
from minidl.ir.mlir.types import ScalarType, f32
from minidl.xla.frontend import dtypes, lax
from minidl.xla.frontend.bind import constant, tracing
from minidl.xla.frontend.spans import here
from minidl.xla.frontend.trace import aval_of
from minidl.xla.frontend.tracer import Tracer

Array = Any


def check(name: str, x: Any) -> None:
    """Only tracers, arrays and numbers are operands; lists are trees."""
    if type(x) is np.ndarray or isinstance(x, (Tracer, bool, int, float)):
        return
    if isinstance(x, (list, tuple)):
        raise here(
            TraceError,
            f"minidl.numpy.{name} got a {type(x).__name__}; lists and tuples are trees, not arrays",
            hint="make it an array first: mnp.array(x)",
        )
    aval_of(x, f"an operand of minidl.numpy.{name}")


def typing_of(x: Any) -> dtypes.Typing:
    return (x.element, x.weak) if isinstance(x, Tracer) else dtypes.typing_of(x)


def shape_of(x: Any) -> tuple[int, ...]:
    return x.shape if isinstance(x, Tracer) else np.shape(x)


def to_typing(x: Any, typing: dtypes.Typing) -> Array:
    """The operand in this type; a Python number or array is converted before it is staged."""
    if isinstance(x, Tracer):
        return lax.convert(x, *typing)
    if isinstance(x, np.ndarray) and x.ndim:
        return x if dtypes.typing_of(x)[0] is typing[0] else dtypes.as_array(x, typing)
    array = dtypes.as_array(x, typing)
    return constant(array, typing[1]) if tracing() else array


def wanted(name: str, xs: Sequence[Any], floats: bool = False) -> dtypes.Typing:
    """The common type of operands; with `floats`, integers become float32."""
    for x in xs:
        check(name, x)
    element, weak = dtypes.promote(*map(typing_of, xs))
    return (element, weak) if element.is_float or not floats else (f32, weak)


def array_of(name: str, x: Any, floats: bool = False) -> Array:
    """One operand as a tracer or array."""
    return to_typing(x, wanted(name, [x], floats))


def joint_shape(name: str, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The broadcast shape, or an error that names the dimension."""
    rank = max(map(len, shapes))
    out = []
    for d in range(-rank, 0):
        sizes = {s[d] for s in shapes if len(s) >= -d} - {1}
        if len(sizes) > 1:
            raise here(
                ShapeError,
                f"minidl.numpy.{name} cannot broadcast shapes "
                f"{' and '.join(str(list(s)) for s in shapes)}: dimension {d} has sizes "
                f"{sorted(sizes)}",
                hint="sizes must agree from the right, or be 1",
            )
        out.append(sizes.pop() if sizes else 1)
    return tuple(out)


def broadcast(x: Array, shape: tuple[int, ...]) -> Array:
    """x repeated to `shape`, its dimensions aligned from the right."""
    rank = len(shape_of(x))
    return lax.broadcast_in_dim(x, shape, range(len(shape) - rank, len(shape)))


def operands(name: str, xs: Sequence[Any], floats: bool = False) -> list[Array]:
    """All in one type and shape, ready for an elementwise op."""
    typing = wanted(name, xs, floats)
    shape = joint_shape(name, [shape_of(x) for x in xs])
    return [broadcast(to_typing(x, typing), shape) for x in xs]


def owned(out: Array, x: Any) -> Array:
    """The result of a function that changed nothing: a copy, so that no result is its operand."""
    return out.copy() if out is x and isinstance(out, np.ndarray) else out


def astype(x: Any, dtype: Any) -> Array:
    """The elements in another dtype."""
    check("astype", x)
    return owned(to_typing(x, (dtypes.element(dtype), False)), x)


def element_of(x: Any) -> ScalarType:
    return typing_of(x)[0]


def sizes_of(name: str, shape: Any, least: int = 0) -> tuple[int, ...]:
    """What a user gave as a shape: one integer or several, none below `least`."""
    several = shape if isinstance(shape, (tuple, list, np.ndarray)) else (shape,)
    try:
        sizes = tuple(map(operator.index, several))
    except TraceError:
        raise
    except TypeError:
        sizes = (least - 1,)
    if any(n < least for n in sizes):
        raise here(
            ShapeError,
            f"minidl.{name} wants a shape, got {shape!r}",
            hint="a shape is an integer or a tuple of integers, none negative",
        )
    return sizes


def axis_of(name: str, axis: Any, rank: int) -> int:
    """A dimension number in 0 … rank−1."""
    if not isinstance(axis, (int, np.integer)) or not -rank <= axis < rank:
        raise here(
            ShapeError,
            f"minidl.numpy.{name}: axis {axis} does not exist in an array of rank {rank}",
            hint=f"axes are {-rank} … {rank - 1}" if rank else "a scalar has no axes",
        )
    return int(axis) % rank


def axes_of(name: str, axis: Any, rank: int) -> tuple[int, ...]:
    """None, a number, or several: as sorted dimension numbers."""
    if axis is None:
        return tuple(range(rank))
    if not isinstance(axis, (tuple, list)):
        return (axis_of(name, axis, rank),)
    axes = sorted(axis_of(name, a, rank) for a in axis)
    if len(set(axes)) != len(axes):
        raise here(ShapeError, f"minidl.numpy.{name}: axes {tuple(axis)} name one axis twice")
    return tuple(axes)
