"""Print attributes: constant data in MLIR's syntax.

Chapter: ir/mlir.
Sources: MLIR, "Builtin Dialect": attributes; `AsmPrinter.cpp` (`printAttribute`).
Real: the same choices: a splat once, long arrays as hexadecimal, dictionaries sorted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.ir.mlir.attributes import AffineMap, Array, Dense, Raw, Symbol, Typed
from minidl.ir.mlir.location import Location
from minidl.ir.mlir.types import ScalarType, Type
from minidl.ir.text.decimals import number_text
from minidl.ir.text.lexer import quote

LONG = 100  # elements of an array that is written as hexadecimal
NOTE = "~"  # begins the name of a note between two stages, which is no part of the program


def entry(name: str, text: str) -> str:
    """`name = text` of an attribute dictionary; a unit attribute is its name."""
    plain = name.isascii() and name.replace(".", "_").replace("$", "_").isidentifier()
    key = name if plain else quote(name)
    return key if text == "unit" else f"{key} = {text}"


def attribute_text(value: Any) -> str:
    """An attribute without a Kind, in generic syntax."""
    write = _WRITE.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, Location):
        return f"loc({value})"
    if isinstance(value, Type):
        return str(value)
    raise TypeError(f"no text for an attribute of {type(value).__name__}")


def dictionary_text(entries: dict[str, Any]) -> str:
    """`{a = 1 : i64, b}`, sorted by name."""
    return "{" + ", ".join(entry(k, attribute_text(v)) for k, v in sorted(entries.items())) + "}"


def _typed(value: Typed) -> str:
    if value.type.name == "i1":
        return "true" if value.value else "false"
    return f"{number_text(value.value, value.type)} : {value.type}"


def _array(value: Array) -> str:
    numbers = ", ".join(number_text(v, value.element) for v in value.values)
    return f"array<{value.element}{numbers and ': '}{numbers}>"


def _element(value: Any) -> str:
    """In a list the types that a number has by default are left out."""
    plain = isinstance(value, Typed) and value.type.name in ("i64", "f64")
    return attribute_text(value).partition(" : ")[0] if plain else attribute_text(value)


_WRITE: dict[type, Any] = {
    bool: lambda v: "true" if v else "false",
    type(None): lambda v: "unit",
    str: quote,
    int: lambda v: f"{v} : i64",
    Typed: _typed,
    Dense: lambda v: f"{dense_text(v)} : {v.type}",
    Array: _array,
    Raw: lambda v: v.text,
    Symbol: str,
    AffineMap: str,
    tuple: lambda v: "[" + ", ".join(map(_element, v)) + "]",
    dict: dictionary_text,
}


def dense_text(value: Dense) -> str:
    """`dense<…>`: a splat, nested lists, or hexadecimal bytes when it is long."""
    element = value.type.element
    if value.array.size == 0:
        return "dense<>"
    if value.is_splat:
        return f"dense<{number_text(value.item, element)}>"
    if value.array.size > LONG:
        raw = np.ascontiguousarray(value.array).tobytes().hex().upper()
        return f'dense<"0x{raw}">'
    return f"dense<{_nested(value.array, element)}>"


def _nested(array: Any, element: ScalarType) -> str:
    if array.ndim == 0:
        return number_text(array[()], element)
    return "[" + ", ".join(_nested(row, element) for row in array) + "]"


__all__ = ["NOTE", "attribute_text", "dense_text", "dictionary_text", "entry", "number_text"]
