"""What to do to an array that is not of the declared type: advice that loses nothing unsaid.

Chapter: none.
Real: NumPy's `can_cast(…, "same_kind")` refuses by type alone; here the values are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from minidl.commands.literal import bounds
from minidl.ir.mlir.types import ScalarType


def reshaped(shape: tuple[int, ...], dims: tuple[int, ...]) -> str:
    """How an array of one shape can take another, or why it cannot."""
    if (have := math.prod(shape)) != (want := math.prod(dims)):
        return f"its {have} elements do not fill {want} places"
    return f"save array.reshape({dims})"


def converted(array: Any, element: ScalarType) -> str:
    """How an array's values can be of the element type, or why they cannot."""
    row = KINDS.get(array.dtype.kind)
    if row is not None:
        return row(array, element)
    to = "bool" if element.bits == 1 else "float" if element.is_float else "int"
    return INTO[to](array, element)


def _astype(element: ScalarType) -> str:
    return f'save array.astype("{element.numpy.name}")'


# -- what is no real number --------------------------------------------------------------


def _complex(array: Any, element: ScalarType) -> str:
    return "it has two parts: save array.real or array.imag, whichever is meant"


def _time(array: Any, element: ScalarType) -> str:
    whole = "array - array[0]" if array.dtype.kind == "M" and array.ndim else "array"
    return f"a time is no number: save a count of its units, such as ({whole}).astype('int64')"


def _text(array: Any, element: ScalarType) -> str:
    return "it holds text: save an array of numbers"


def _bytes(array: Any, element: ScalarType) -> str:
    if names := array.dtype.names:
        return f"it has the fields {', '.join(names)}: save one of them, array[{names[0]!r}]"
    return f"it holds raw bytes: say what they are, as array.view({element.numpy.name!r}) does"


Row = Callable[[Any, ScalarType], str]
KINDS: dict[str, Row] = {
    "c": _complex, "M": _time, "m": _time, "U": _text, "S": _text, "V": _bytes,
}  # fmt: skip

# -- numbers: what they become -----------------------------------------------------------


def _bool(array: Any, element: ScalarType) -> str:
    return "save array != 0"


def _float(array: Any, element: ScalarType) -> str:
    with np.errstate(all="ignore"):
        made = array.astype(element.numpy).astype(np.float64)
    if np.any(np.isinf(made) & np.isfinite(array)):
        top = float(ml_dtypes.finfo(element.numpy).max)
        return f"{_reach(array)}, and the largest {element} is {top:.6g}"
    return _astype(element)


def _int(array: Any, element: ScalarType) -> str:
    if array.dtype.kind == "f":
        if not np.all(np.isfinite(array)):
            return f"some of its values are not finite, and {element} holds whole numbers"
        rounded = np.rint(array)
        if np.any(rounded != array):
            return f"its values are not whole: round them, as in {_rounded(element)}"
        array = rounded
    low, high = bounds(element)
    if array.size and not (low <= int(array.min()) and int(array.max()) <= high):
        return f"{_reach(array)}, and {element} holds {low} to {high}"
    return _astype(element)


def _rounded(element: ScalarType) -> str:
    return f'numpy.rint(array).astype("{element.numpy.name}")'


def _reach(array: Any) -> str:
    return f"its values reach from {np.nanmin(array)} to {np.nanmax(array)}"


INTO: dict[str, Row] = {"bool": _bool, "int": _int, "float": _float}
