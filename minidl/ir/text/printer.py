"""Print: an operation as MLIR text, pretty or generic.

Chapter: ir/mlir.
Sources: MLIR language reference, "Operations"; the forms stand in each op's row.
Real: `AsmPrinter`; names of values (`text.naming`) and of locations (`text.places`)
are found first, then the text is written in one walk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.ir.mlir.attributes import WRITTEN
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.spec import SPECS, OpSpec
from minidl.ir.mlir.types import FunctionType
from minidl.ir.text.attrprinter import NOTE, attribute_text, dense_text, entry, number_text
from minidl.ir.text.form import Custom, print_form
from minidl.ir.text.naming import Names
from minidl.ir.text.places import Places

DEFAULT_DIALECT = {"builtin.module": "builtin", "func.func": "func"}  # ops whose bodies omit it


class Printer:
    """Writes one operation and all it holds."""

    def __init__(self, generic: bool = False, locations: bool = False) -> None:
        self.generic, self.locations = generic, locations
        self.names: dict[Value, str] = {}
        self.blocks: dict[Block, str] = {}
        self.places: Places | None = None
        self.indent = 0
        self._marks: list[Operation] = []

    def module(self, op: Operation) -> str:
        return "\n".join(line for line, _ in self.module_lines(op)) + "\n"

    def module_lines(self, op: Operation) -> list[tuple[str, Operation | None]]:
        """(line, the op that begins on it) in order."""
        self.name_all(op)
        if self.locations:
            self.places = Places()
            self.op(op)
            self.places.number()
            self._marks = []
        lines = self._definitions(early=True)
        for line in self.op(op).split("\n"):
            text, _, mark = line.partition("\x00")
            lines.append((text, self._marks[int(mark)] if mark else None))
        return lines + self._definitions(early=False)

    def name_all(self, op: Operation) -> None:
        """Names every value and block below `op`."""
        named = Names(op, words=not self.generic)
        self.names, self.blocks = named.values, named.blocks

    def _definitions(self, early: bool) -> list[tuple[str, Operation | None]]:
        lines = self.places.definitions(early) if self.places else []
        return [(line, None) for line in lines]

    # -- operations ------------------------------------------------------------

    def name(self, value: Value) -> str:
        """The name of a value in use: `%0`, or `%0#1` of several results."""
        name = self.names.get(value)
        return name if name is not None else f"%<free {value.type}>"

    def name_results(self, op: Operation) -> str:
        """`%0 = `, `%0:2 = `, or nothing."""
        if not op.results:
            return ""
        name, several, _ = self.name(op.results[0]).partition("#")
        if len(op.results) > 1 and not several:
            return f"{', '.join(map(self.name, op.results))} = "
        return f"{name}:{len(op.results)} = " if several else f"{name} = "

    def op(self, op: Operation) -> str:
        """One operation, its regions indented; the line carries a mark for `module_lines`."""
        self._marks.append(op)
        mark = f"\x00{len(self._marks) - 1}"
        place = f" loc({self.places.inside(op.location)})" if self.places else ""
        head = self.name_results(op)
        spec = SPECS.rows.get(op.name)
        if self.generic or spec is None or _has_no_form(op, spec):
            body = self._generic(op)
        elif isinstance(spec.form, Custom):
            body = spec.form.print(op, self)
        else:
            body = self.op_name(op) + print_form(op, spec, spec.form, self)
        body += place
        first, newline, rest = body.partition("\n")
        return head + first + mark + newline + rest

    def op_name(self, op: Operation) -> str:
        """The name, without its dialect where the op around it implies that."""
        dialect, _, short = op.name.partition(".")
        around = op.parent_op
        implied = DEFAULT_DIALECT.get(around.name, "") if around else "builtin"
        return short if dialect == implied else op.name

    def _generic(self, op: Operation) -> str:
        text = f'"{op.name}"({", ".join(map(self.name, op.operands))})'
        if op.successors:
            text += f"[{', '.join(self.blocks[b] for b in op.successors)}]"
        spec = SPECS.rows.get(op.name)
        known = spec.defaults if spec else {}
        written = op.attributes.get(WRITTEN)
        kept = {
            k: v
            for k, v in op.attributes.items()
            if k not in known or known[k] != v or (isinstance(written, tuple) and k in written)
        }
        own = {k: v for k, v in kept.items() if spec and spec.kind(k)}
        rest = {k: v for k, v in kept.items() if k not in own}
        form = spec.generic if spec else None
        if form is not None:
            own = {k: v for k, v in own.items() if k not in form.hides} | form.write(op)
        if own:
            text += f" <{{{self._entries(op, own)}}}>"
        if op.regions:
            text += f" ({', '.join(self.region(r, entry=True) for r in op.regions)})"
        if form is not None and form.region:
            text += f" ({form.region(op, self)})"
        if inner := self._entries(op, rest):
            text += f" {{{inner}}}"
        types = FunctionType(tuple(v.type for v in op.operands), tuple(v.type for v in op.results))
        return f"{text} : {types}"

    def attr_dict(self, op: Operation, skip: frozenset[str] = frozenset()) -> str:
        """`{a = 1}` of what the form left over, or nothing."""
        rest = {k: v for k, v in op.attributes.items() if k not in skip}
        spec = SPECS.rows.get(op.name)
        if spec is not None and spec.defaults:
            known = spec.defaults
            rest = {k: v for k, v in rest.items() if k not in known or known[k] != v}
        inner = self._entries(op, rest)
        return f"{{{inner}}}" if inner else ""

    def _entries(self, op: Operation, attributes: dict[str, Any]) -> str:
        spec = SPECS.rows.get(op.name)
        out = []
        for name, value in sorted(attributes.items()):
            if name[0] == NOTE:
                continue
            kind = spec.kind(name) if spec else None
            out.append(entry(name, kind.text(value, False) if kind else attribute_text(value)))
        return ", ".join(out)

    # -- regions ---------------------------------------------------------------

    def arg_list(self, block: Block, extra: Sequence[str] = ()) -> list[str]:
        """The arguments of a block, with `extra` after each type."""
        return [self.arg(v, extra[i] if extra else "") for i, v in enumerate(block.args)]

    def arg(self, value: Value, extra: str = "") -> str:
        """`%arg0: type` and a location; locations are numbered in the order of these calls."""
        return f"{self.names[value]}: {value.type}{extra}{self._place(value)}"

    def _place(self, value: Any) -> str:
        return f" loc({self.places.inline(value.location)})" if self.places else ""

    def region(self, region: Region, entry: bool = False, terminator: bool = True) -> str:
        """`{ … }`; `entry` writes the entry block's arguments as a label."""
        pad = "  " * self.indent
        self.indent += 1
        coming = _predecessors(region) if len(region.blocks) > 1 else {}
        lines: list[str] = []
        for i, block in enumerate(region.blocks):
            if i or (entry and (block.args or block.first is None)):
                args = ", ".join(self.arg_list(block))
                label = f"{pad}{self.blocks[block]}{f'({args})' if args else ''}:"
                lines.append(label + (self._comes_from(coming.get(block, [])) if i else ""))
            lines.extend(self.block_lines(block, terminator))
        self.indent -= 1
        return "{\n" + "\n".join(lines) + ("\n" if lines else "") + pad + "}"

    def _comes_from(self, blocks: list[Block]) -> str:
        """A comment: who jumps here."""
        if not blocks:
            return "  // no predecessors"
        names = ", ".join(self.blocks[b] for b in blocks)
        if len(blocks) == 1:
            return f"  // pred: {self.blocks[blocks[0]]}"
        return f"  // {len(blocks)} preds: {names}"

    def block_lines(self, block: Block, terminator: bool = True) -> list[str]:
        """The operations of a block; a bare terminator is left out where the form allows."""
        pad = "  " * self.indent
        ops = list(block)
        if not terminator and ops and not ops[-1].operands and not _unknown(ops[-1]):
            ops = ops[:-1]
        return [pad + self.op(op) for op in ops]


def _has_no_form(op: Operation, spec: OpSpec) -> bool:
    """Whether only the generic form can say all of it."""
    return spec.form is None or (getattr(spec.form, "bare", False) and _unknown(op, spec))


def _unknown(op: Operation, spec: OpSpec | None = None) -> bool:
    """Whether it has an attribute of nobody's."""
    return any(k[0] != NOTE and k != WRITTEN and not (spec and spec.kind(k)) for k in op.attributes)


def _predecessors(region: Region) -> dict[Block, list[Block]]:
    coming: dict[Block, list[Block]] = {}
    for block in region.blocks:
        for successor in block.last.successors if block.last else ():
            coming.setdefault(successor, []).append(block)
    return coming


__all__ = ["Printer", "attribute_text", "dense_text", "entry", "number_text"]
