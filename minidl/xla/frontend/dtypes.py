"""dtypes: what type two types make, and which Python numbers are weak.

Chapter: xla/frontend.
Sources: JAX documentation, "Type promotion semantics" (the lattice figure).
Real JAX: `dtypes._type_promotion_lattice`, `dtypes.result_type`.

A *weak* type belongs to a Python number (or a 0-d NumPy scalar): it gives its kind
and leaves the width to its partner.  The result type is the least upper bound:

    bool → int* → u8 u16 u32 u64 ↘            int* float*  weak
                → i8 i16 i32 i64 → float* → bf16 ↘
                                          → f16  → f32 → f64
An unsigned type also stands below the next wider signed one (u8 below i16).
Creation functions and weak values on their own are 32 bits wide.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from minidl.core.errors import TraceError
from minidl.ir.mlir.types import ScalarType, bf16, element_of, f16, f32, f64, i1, i32
from minidl.xla.frontend.spans import here

_ABOVE: dict[str, tuple[str, ...]] = {
    "i1": ("int*",),
    "int*": ("ui8", "i8"),
    "ui8": ("ui16", "i16"),
    "ui16": ("ui32", "i32"),
    "ui32": ("ui64", "i64"),
    "ui64": ("float*",),
    "i8": ("i16",),
    "i16": ("i32",),
    "i32": ("i64",),
    "i64": ("float*",),
    "float*": ("bf16", "f16"),
    "bf16": ("f32",),
    "f16": ("f32",),
    "f32": ("f64",),
    "f64": (),
}
_DEFAULT = {"int*": i32, "float*": f32}
Typing = tuple[ScalarType, bool]  # an element type, and whether it is weak


@cache
def _at_or_above(node: str) -> frozenset[str]:
    return frozenset([node]).union(*(_at_or_above(up) for up in _ABOVE[node]))


@cache
def _join(a: str, b: str) -> str:
    """The least upper bound: the node whose own upper set is all that both reach."""
    common = _at_or_above(a) & _at_or_above(b)
    return next(n for n in common if _at_or_above(n) == common)


def node(typing: Typing) -> str:
    element, weak = typing
    if not weak or element is i1:
        return element.name
    return "float*" if element.is_float else "int*"


@cache
def promote(*typings: Typing) -> Typing:
    """The element type that operands of these types are converted to; weak if all are."""
    found = node(typings[0])
    for other in typings[1:]:
        found = _join(found, node(other))
    if found in _DEFAULT:
        return _DEFAULT[found], True
    element = ScalarType(found)
    return element, all(weak for _, weak in typings) and element is not i1


def typing_of(x: Any) -> Typing:
    """The type of a concrete value: bool, int, float, NumPy scalar or array."""
    if isinstance(x, bool):
        return i1, False
    if isinstance(x, int):
        return i32, True
    if isinstance(x, float):
        return f32, True
    element = element_of(np.asarray(x).dtype.newbyteorder("="))
    if not isinstance(x, np.generic) or element is i1:
        return element, False
    return f32 if element.is_float else i32, True


def element(dtype: Any) -> ScalarType:
    """The element type a user's `dtype=` names; `int` and `float` mean 32 bits."""
    if isinstance(dtype, ScalarType):
        return dtype
    if dtype is float:
        return f32
    if dtype is int:
        return i32
    try:
        return element_of(dtype)
    except TypeError:
        raise here(
            TraceError, f"{dtype!r} names no dtype", hint='such as "float32", or mnp.float32'
        ) from None


def as_array(x: Any, typing: Typing) -> np.ndarray[Any, Any]:
    """A concrete number or array in this type; an integer that does not fit is refused."""
    to = typing[0]
    if isinstance(x, int) and not isinstance(x, bool) and to.is_integer and to is not i1:
        info = np.iinfo(to.numpy)
        if not info.min <= x <= info.max:
            raise here(
                TraceError,
                f"the Python integer {x} does not fit {to}",
                hint="give it a wider type, such as numpy.int64(…) in an array",
            )
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(x).astype(to.numpy)


def is_float(dtype: Any) -> bool:
    """Whether a NumPy dtype is one of the float types (bfloat16 included)."""
    return element_of(dtype).is_float


__all__ = [
    "Typing", "as_array", "bf16", "element", "f16", "f32", "f64", "is_float", "promote", "typing_of"
]  # fmt: skip
