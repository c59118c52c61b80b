"""Numbers on the command line, as Python writes them: `2.5`, `[[1, 2], [3, 4]]`, `[nan, -inf]`.

Chapter: none.
Sources: the Python language reference, "Expressions" (displays of lists, unary minus).
Real: `iree-run-module --input=2xf32=[1 2]`, where the text names its type.

A literal has no type of its own: it takes the element type that the argument declares, and
is refused where that type cannot hold it.  Nothing is executed: the text becomes a syntax
tree, and the tree's numbers are read.
"""

from __future__ import annotations

import ast
import math
import warnings
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from minidl.core.errors import MinidlError
from minidl.ir.mlir.types import ScalarType

Number = bool | int | float
NAMES: dict[str, Number] = {"nan": math.nan, "inf": math.inf, "true": True, "false": False}
SHORT = 40  # characters of a word that a message repeats


@dataclass(frozen=True)
class Written:
    """Numbers in row-major order, and the shape that their brackets make."""

    shape: tuple[int, ...]
    numbers: list[Number]

    @property
    def size(self) -> int:
        return len(self.numbers)

    def misfit(self, element: ScalarType) -> str | None:
        """Why a number cannot be of this type; None when all can."""
        why = _not_float if element.is_float else _not_bool if element.bits == 1 else _not_int
        reasons = (why(number, element) for number in self.numbers)
        return next(filter(None, reasons), None)

    def to(self, element: ScalarType) -> Any:
        """The array; each number is rounded to the type."""
        wide = np.float64 if element.is_float else element.numpy
        return np.array(self.numbers, wide).astype(element.numpy).reshape(self.shape)


def short(word: str) -> str:
    """The beginning of a word that may be long."""
    return word if len(word) <= SHORT else word[:SHORT] + "…"


def literal(word: str) -> Written:
    """The numbers that the word writes; MinidlError when it writes none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `1if` and the like
            tree = ast.parse(word.strip(), mode="eval")
        return Written(*_read(tree.body))
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        said = error.args[0] if isinstance(error, _Unread) else "is neither a file nor numbers"
        raise MinidlError(
            f"'{short(word)}' {said}",
            hint="give a .npy or .npz file, or numbers such as 2.5, [[1, 2], [3, 4]] or [nan, inf]",
        ) from error


class _Unread(ValueError):
    """What is wrong with a literal, as the end of a sentence."""


def _read(node: ast.expr) -> tuple[tuple[int, ...], list[Number]]:
    """The shape, and the numbers in order."""
    if not isinstance(node, ast.List | ast.Tuple):
        return (), [_number(node)]
    rows = [_read(part) for part in node.elts]
    shapes = {shape for shape, _ in rows}
    if len(shapes) > 1:
        raise _Unread("has rows of different lengths")
    within = shapes.pop() if shapes else ()
    return (len(rows), *within), [number for _, numbers in rows for number in numbers]


def _number(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=bool() | int() as value):
            return value
        case ast.Constant(value=float() as value):
            if math.isinf(value):
                raise _Unread("has a number beyond every float: infinity is written inf")
            return value
        case ast.Name(id=name) if name.lower() in NAMES:
            return NAMES[name.lower()]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _number(operand)
    raise _Unread("is neither a file nor numbers")


# -- what each kind of element refuses ---------------------------------------------------


def _not_bool(number: Number, element: ScalarType) -> str | None:
    return None if isinstance(number, bool) else f"{said(number)} is no i1: write True or False"


def _not_int(number: Number, element: ScalarType) -> str | None:
    if isinstance(number, bool):
        return f"{number} is no {element}: write {int(number)}"
    if number != number or number in (math.inf, -math.inf) or number != int(number):
        return f"{said(number)} is not whole"
    low, high = bounds(element)
    return None if low <= number <= high else f"{said(number)} is outside {low} … {high}"


def _not_float(number: Number, element: ScalarType) -> str | None:
    if isinstance(number, bool):
        return f"{number} is no {element}: write {float(number)}"
    if isinstance(number, float) and not math.isfinite(number):
        return None
    top = float(ml_dtypes.finfo(element.numpy).max)
    try:
        with np.errstate(all="ignore"):
            if np.isfinite(np.float64(float(number)).astype(element.numpy)):
                return None
    except OverflowError:  # a whole number beyond f64
        pass
    return f"{said(number)} is beyond the largest {element}, {top:.6g}"


def bounds(element: ScalarType) -> tuple[int, int]:
    """The least and the greatest whole number of a type."""
    info = np.iinfo(element.numpy)
    return int(info.min), int(info.max)


def said(number: Number) -> str:
    """A number in a message; a long one by its first digits."""
    return short(repr(number))
