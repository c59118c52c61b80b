"""Print: an operation as MLIR text, pretty or generic.

Chapter: ir/mlir.
Sources: MLIR language reference, "Operations"; the forms stand in each op's row.
Real: `AsmPrinter`; names of values follow its rules (%cst, %c, %arg0, %0).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.ir.mlir.attributes import AffineMap, Dense, DotDims, Raw, Symbol, Typed
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.location import UNKNOWN
from minidl.ir.mlir.spec import SPECS
from minidl.ir.mlir.types import FunctionType, ScalarType, Type
from minidl.ir.text.decimals import number_text
from minidl.ir.text.form import Custom, print_form
from minidl.ir.text.lexer import quote


class Printer:
    """Names values in order of appearance, scope by function."""

    def __init__(self, generic: bool = False, locations: bool = False) -> None:
        self.generic, self.locations = generic, locations
        self.names: dict[Value, str] = {}
        self.blocks: dict[Block, str] = {}
        self.used: set[str] = set()
        self.counter = self.conflicts = self.arguments = 0
        self.indent = 0
        self.lines: list[tuple[str, Operation | None]] = []

    def module(self, op: Operation) -> str:
        return "\n".join(line for line, _ in self.module_lines(op)) + "\n"

    def module_lines(self, op: Operation) -> list[tuple[str, Operation | None]]:
        """(line, the op that begins on it) in order."""
        self._collect(self.op(op), op)
        return self.lines

    def _collect(self, text: str, op: Operation) -> None:
        """Marks left by `op` tell which line begins which operation."""
        for line in text.split("\n"):
            plain, _, mark = line.partition("\x00")
            self.lines.append((plain, self._marks[int(mark)] if mark else None))

    _marks: list[Operation]

    def name(self, value: Value) -> str:
        """The name of a value in use: `%0`, or `%0#1` of several results."""
        name = self.names.get(value)
        if name is not None:
            return name
        return "%" + f"<free {value.type}>"

    def fresh(self, base: str) -> str:
        """`%base`, or `%base_n` when taken; as in MLIR one n counts for all bases."""
        name = f"%{base}"
        while name in self.used:
            name, self.conflicts = f"%{base}_{self.conflicts}", self.conflicts + 1
        self.used.add(name)
        return name

    def name_results(self, op: Operation) -> str:
        if not op.results:
            return ""
        base = _suggest(op)
        if base:
            name = self.fresh(base)
        else:
            name, self.counter = f"%{self.counter}", self.counter + 1
        if len(op.results) == 1:
            self.names[op.results[0]] = name
            return f"{name} = "
        for i, value in enumerate(op.results):
            self.names[value] = f"{name}#{i}"
        return f"{name}:{len(op.results)} = "

    def op(self, op: Operation) -> str:
        """One operation, its regions indented; the line carries a mark for `lines`."""
        if not hasattr(self, "_marks"):
            self._marks = []
        self._marks.append(op)
        mark = f"\x00{len(self._marks) - 1}"
        head = self.name_results(op)
        spec = SPECS.rows.get(op.name)
        if self.generic or spec is None or spec.form is None:
            body = self._generic(op)
        elif isinstance(spec.form, Custom):
            body = spec.form.print(op, self)
        else:
            body = f"{_short(op.name)} {print_form(op, spec, spec.form, self)}".rstrip()
        if self.locations:
            body += f" loc({op.location})"
        text = head + body
        first, newline, rest = text.partition("\n")
        return first + mark + newline + rest

    def _generic(self, op: Operation) -> str:
        operands = ", ".join(map(self.name, op.operands))
        text = f'"{op.name}"({operands})'
        if op.successors:
            text += f"[{', '.join(self.blocks[b] for b in op.successors)}]"
        if op.attributes:
            text += f" <{{{self._entries(op, op.attributes, False)}}}>"
        if op.regions:
            text += f" ({', '.join(self.region(r, entry=True) for r in op.regions)})"
        types = FunctionType(tuple(v.type for v in op.operands), tuple(v.type for v in op.results))
        return f"{text} : {types}"

    def attr_dict(self, op: Operation, skip: frozenset[str] = frozenset()) -> str:
        """` {a = 1}` of what the form left over, or nothing."""
        rest = {k: v for k, v in op.attributes.items() if k not in skip and k[0] != "_"}
        spec = SPECS.rows.get(op.name)
        if spec is not None and spec.defaults:
            rest = {k: v for k, v in rest.items() if spec.defaults.get(k) != v}
        return f"{{{self._entries(op, rest, False)}}}" if rest else ""

    def _entries(self, op: Operation, attributes: dict[str, Any], pretty: bool) -> str:
        spec = SPECS.rows.get(op.name)
        out = []
        for name, value in sorted(attributes.items()):
            if name[0] == "_":  # notes between two stages, no part of the program
                continue
            kind = spec.kind(name) if spec else None
            out.append(entry(name, kind.text(value, pretty) if kind else attribute_text(value)))
        return ", ".join(out)

    def block_args(self, block: Block, prefix: str = "arg") -> str:
        """Names a block's arguments: `%arg0: type, …`."""
        return ", ".join(self.arg_list(block, prefix))

    def arg_list(self, block: Block, prefix: str = "arg", extra: Sequence[str] = ()) -> list[str]:
        """`%arg0: type`, with `extra` after each type, and a location."""
        where = f" loc({UNKNOWN})" if self.locations else ""
        parts = []
        for i, value in enumerate(block.args):
            name = self.names[value] = self.fresh(f"{prefix}{self.arguments}")
            self.arguments += 1
            parts.append(f"{name}: {value.type}{extra[i] if extra else ''}{where}")
        return parts

    def region(self, region: Region, entry: bool = False, terminator: bool = True) -> str:
        """`{ … }`; `entry` writes the entry block's arguments as a label."""
        pad = "  " * self.indent
        self.indent += 1
        for i, block in enumerate(region.blocks):
            self.blocks[block] = f"^bb{i}"
        lines: list[str] = []
        for i, block in enumerate(region.blocks):
            if i or (entry and (block.args or (self.generic and block.first is None))):
                args = self.block_args(block)
                lines.append(f"{pad}{self.blocks[block]}{f'({args})' if args else ''}:")
            lines.extend(self.block_lines(block, terminator))
        self.indent -= 1
        return "{\n" + "\n".join(lines) + ("\n" if lines else "") + pad + "}"

    def block_lines(self, block: Block, terminator: bool = True) -> list[str]:
        pad = "  " * self.indent
        ops = list(block)
        if not terminator and ops and not ops[-1].operands:
            ops = ops[:-1]
        return [pad + self.op(op) for op in ops]

    def isolated(self) -> _Scope:
        """Within: value names begin again, as in a function."""
        return _Scope(self)


class _Scope:
    def __init__(self, printer: Printer) -> None:
        self.printer = printer

    def __enter__(self) -> None:
        p = self.printer
        self.saved = (p.names, p.used, p.counter, p.conflicts, p.arguments)
        p.names, p.used, p.counter, p.conflicts, p.arguments = {}, set(), 0, 0, 0

    def __exit__(self, *exc: object) -> None:
        p = self.printer
        p.names, p.used, p.counter, p.conflicts, p.arguments = self.saved


def _short(name: str) -> str:
    """`func.return` and `func.call` drop their dialect, as MLIR prints them in a func."""
    return {"func.return": "return", "func.call": "call"}.get(name, name)


def _suggest(op: Operation) -> str:
    """The base name MLIR gives a constant's result: cst for floats, c otherwise."""
    if not op.name.endswith(".constant"):
        return ""
    value = op.attributes.get("value")
    if isinstance(value, Dense):
        return "cst" if value.type.element.is_float else "c"
    if isinstance(value, Typed) and op.name == "arith.constant":
        if value.type.is_float:
            return "cst"
        if value.type.name == "i1":
            return "true" if value.value else "false"
        return f"c{value.value}" + ("" if value.type.name == "index" else f"_{value.type}")
    return "cst"


def entry(name: str, text: str) -> str:
    """`name = text` of an attribute dictionary; a unit attribute is its name."""
    plain = name.isascii() and name.replace(".", "_").replace("$", "_").isidentifier()
    key = name if plain else quote(name)
    return key if text == "unit" else f"{key} = {text}"


def attribute_text(value: Any) -> str:
    """An attribute without a Kind, in generic syntax."""
    if value is True or value is False:
        return "true" if value else "false"
    if value is None:
        return "unit"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, Typed):
        return f"{number_text(value.value, value.type)} : {value.type}"
    if isinstance(value, Dense):
        return f"{dense_text(value)} : {value.type}"
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, tuple):
        return "[" + ", ".join(map(attribute_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(entry(k, attribute_text(v)) for k, v in value.items()) + "}"
    if isinstance(value, Type | Symbol | AffineMap):
        return str(value)
    if isinstance(value, int):
        return f"{value} : i64"
    raise TypeError(f"no text for an attribute of {type(value).__name__}")


def dense_text(value: Dense) -> str:
    """`dense<…>`: a splat, nested lists, or hexadecimal bytes when it is long."""
    element = value.type.element
    if value.array.size == 0:
        return "dense<>"
    if value.is_splat:
        return f"dense<{number_text(value.item, element)}>"
    if value.array.size > 100:
        raw = np.ascontiguousarray(value.array).tobytes().hex().upper()
        return f'dense<"0x{raw}">'
    return f"dense<{_nested(value.array, element)}>"


def _nested(array: Any, element: ScalarType) -> str:
    if array.ndim == 0:
        return number_text(array[()], element)
    return "[" + ", ".join(_nested(row, element) for row in array) + "]"


__all__ = ["DotDims", "Printer", "attribute_text", "dense_text", "number_text"]
