"""LLVM IR text under construction: a module, a function, a name for every value.

Chapter: ir/llvm.
Sources: LLVM language reference; MLIR's `convert-*-to-llvm` passes.
Real: MLIR goes through its `llvm` dialect and translates that; here the text is
written at once, an op a row (`LLVM`), since LLVM's parser is quick and Python is not.

Memory is row-major without gaps, so an access is base + Σ index · stride.  A math op
is a call of our own polynomial (`core.mathfun`), inlined later.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from minidl.core.native.target import Target
from minidl.core.rules import RuleTable
from minidl.ir.dialects.loops import row_major
from minidl.ir.lowering.provenance import Provenance
from minidl.ir.mlir.core import Block, Operation, Value
from minidl.ir.mlir.location import Location
from minidl.ir.mlir.types import MemRefType, ScalarType, Type, VectorType

Row = Callable[["FunctionText", Operation], None]
LLVM: RuleTable[Row] = RuleTable("llvm", "the translation to LLVM IR")
_NAMES = {"f32": "float", "f64": "double", "index": "i64", "f16": "i16", "bf16": "i16"}


@cache
def type_text(type_: Type) -> str:
    """The LLVM type; 16-bit floats are their bits."""
    if isinstance(type_, MemRefType):
        return "ptr"
    if isinstance(type_, VectorType):
        return f"<{type_.size} x {type_text(type_.element)}>"
    assert isinstance(type_, ScalarType)
    return _NAMES.get(type_.name, type_.name)


def element_of(type_: Type) -> ScalarType:
    made = type_.element if isinstance(type_, VectorType) else type_
    assert isinstance(made, ScalarType)
    return made


def width_of(type_: Type) -> int:
    return type_.size if isinstance(type_, VectorType) else 1


class ModuleText:
    """Functions, the math they call, and the debug table, as one LLVM module."""

    def __init__(self, target: Target, provenance: Provenance) -> None:
        self.target, self.provenance = target, provenance
        self.functions: list[str] = []
        self.globals: list[str] = []
        self.math: dict[str, str] = {}
        self.metadata: list[str] = []
        self.first = 4  # !0 … !3 are the compile unit's

    def node(self, text: str) -> str:
        self.metadata.append(text)
        return f"!{self.first + len(self.metadata) - 1}"

    def text(self) -> str:
        head = [
            "!llvm.dbg.cu = !{!0}",
            "!llvm.module.flags = !{!2}",
            '!0 = distinct !DICompileUnit(language: DW_LANG_C, file: !1, producer: "minidl", '
            "emissionKind: DebugDirectivesOnly)",
            '!1 = !DIFile(filename: "provenance", directory: "")',
            '!2 = !{i32 2, !"Debug Info Version", i32 3}',
            "!3 = !DISubroutineType(types: !{null})",
        ]
        nodes = [f"!{self.first + i} = {text}" for i, text in enumerate(self.metadata)]
        return (
            "\n\n".join(
                [*self.globals, *self.functions, *self.math.values(), "\n".join(head + nodes)]
            )
            + "\n"
        )


class FunctionText:
    """One function under construction: lines, and a name for every value."""

    def __init__(self, module: ModuleText, name: str) -> None:
        self.module, self.target = module, module.target
        self.lines: list[str] = []
        self.names: dict[Value, str] = {}
        self.label = "entry"
        self.counts: dict[str, int] = {}
        self.scope = module.node(
            f'distinct !DISubprogram(name: "{name}", scope: !1, file: !1, line: 1, type: !3, '
            "spFlags: DISPFlagDefinition, unit: !0)"
        )
        self.places: dict[int, str] = {}
        self.debugs: dict[int, tuple[Location, str]] = {}
        self.products: list[dict[Any, str]] = [{}]  # index terms, one dict a block around

    # -- names and lines -------------------------------------------------------------

    def fresh(self, base: str = "") -> str:
        n = self.counts[base] = self.counts.get(base, -1) + 1
        return f"%{base or 't'}{n}"

    def __getitem__(self, value: Value) -> str:
        return self.names[value]

    def debug(self, location: Location) -> str:
        known = self.debugs.get(id(location))
        if known is None:
            known = self.debugs[id(location)] = location, self._place(location)
        return known[1]

    def _place(self, location: Location) -> str:
        line = self.module.provenance.line(location)
        if line not in self.places:
            where = f"!DILocation(line: {line}, scope: {self.scope})"
            self.places[line] = self.module.node(where)
        return f", !dbg {self.places[line]}"

    def emit(self, text: str, location: Location) -> None:
        self.lines.append(f"  {text}{self.debug(location)}")

    def define(self, value: Value, text: str, location: Location) -> None:
        name = self.names[value] = self.fresh()
        self.emit(f"{name} = {text}", location)

    def temporary(self, text: str, location: Location, base: str = "") -> str:
        name = self.fresh(base)
        self.emit(f"{name} = {text}", location)
        return name

    def start(self, label: str) -> None:
        self.lines.append(f"{label[1:]}:")
        self.label = label[1:]

    # -- blocks ---------------------------------------------------------------------

    def block(self, block: Block) -> list[Value]:
        """All ops of a block; the operands of its terminator."""
        self.products.append({})
        rows = LLVM.rows
        for op in block:
            if op is block.last:
                break
            (rows.get(op.name) or LLVM[op.name])(self, op)
        self.products.pop()
        return block.terminator.operands

    def once(self, key: Any, text: str, location: Location, base: str) -> str:
        """The name of an index computation made here or in a block around, or a new one."""
        for known in self.products:
            if key in known:
                return known[key]
        made = self.products[-1][key] = self.temporary(text, location, base)
        return made

    def address(self, memref: Value, indices: list[Value], location: Location) -> str:
        """The pointer to one element of a row-major memref."""
        type_ = memref.type
        assert isinstance(type_, MemRefType)
        const, total = 0, ""
        for value, stride in zip(indices, row_major(type_.dims), strict=True):
            op = value.op
            if op is not None and op.name == "arith.constant":
                const += op["value"].value * stride
                continue
            term = self.names[value]
            if stride != 1:
                text = f"mul nsw i64 {term}, {stride}"
                term = self.once((term, stride), text, location, "m")
            if total:
                term = self.once((total, "+", term), f"add nsw i64 {total}, {term}", location, "i")
            total = term
        if not total and not const:
            return self[memref]
        element = type_text(type_.element)
        made = self[memref]
        for offset in filter(None, (total, str(const) if const else "")):
            text = f"getelementptr inbounds {element}, {self.pointer(memref)} {made}, i64 {offset}"
            made = self.once((made, "at", offset, element), text, location, "p")
        return made

    def pointer(self, memref: Value) -> str:
        """The pointer type: device memory has an address space of its own."""
        while memref.op is not None and memref.op.name == "memref.reinterpret_cast":
            memref = memref.op.operands[0]
        outside = self.target.is_ptx and memref.op is None
        return "ptr addrspace(1)" if outside else "ptr"


@cache
def _float_literal(bits: bytes, name: str) -> str:
    """Floats by the bits of their double, which is exact; 16-bit floats by their own bits."""
    if name in ("f16", "bf16"):
        return str(struct.unpack("<h", bits)[0])
    (exact,) = struct.unpack("<d" if name == "f64" else "<f", bits)
    short = f"{exact:.6e}"
    if np.isfinite(exact) and float(short) == exact:
        return short
    return f"0x{struct.unpack('<Q', struct.pack('<d', exact))[0]:016X}"


def literal(value: Any, element: ScalarType) -> str:
    """A number in LLVM's text."""
    if element.is_float:
        return _float_literal(np.asarray(value).astype(element.numpy).tobytes(), element.name)
    if element.name == "i1":
        return "true" if value else "false"
    return str(int(value))
