"""LLVM rows of memref, vector and gpu.

Chapter: ir/llvm.
Sources: LLVM language reference, "Memory Access and Addressing Operations", "Vector Operations".
Real: MLIR's `finalize-memref-to-llvm`, `convert-vector-to-llvm`.
"""

from __future__ import annotations

from minidl.ir.llvm.text import LLVM, FunctionText, element_of, type_text, width_of
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.types import MemRefType

# -- rows: memory and vectors -------------------------------------------------------------


@LLVM.rule("memref.load", "vector.load")
def _load(f: FunctionText, op: Operation) -> None:
    memref, *indices = op.operands
    p = f.address(memref, indices, op.location)
    t = type_text(op.result.type)
    align = element_of(op.result.type).bytes
    f.define(op.result, f"load {t}, {f.pointer(memref)} {p}, align {align}", op.location)


@LLVM.rule("memref.store", "vector.store")
def _store(f: FunctionText, op: Operation) -> None:
    value, memref, *indices = op.operands
    p = f.address(memref, indices, op.location)
    align = element_of(value.type).bytes
    pointer = f"{f.pointer(memref)} {p}"
    f.emit(f"store {type_text(value.type)} {f[value]}, {pointer}, align {align}", op.location)


@LLVM.rule("memref.reinterpret_cast")
def _reinterpret(f: FunctionText, op: Operation) -> None:
    f.names[op.result] = f[op.operands[0]]


@LLVM.rule("memref.get_global")
def _get_global(f: FunctionText, op: Operation) -> None:
    f.names[op.result] = f"@{op['name'].name}"


@LLVM.rule("memref.alloca")
def _alloca(f: FunctionText, op: Operation) -> None:
    type_ = op.result.type
    assert isinstance(type_, MemRefType)
    text = f"alloca [{type_.size} x {type_text(type_.element)}], align 64"
    f.define(op.result, text, op.location)


@LLVM.rule("vector.broadcast")
def _broadcast(f: FunctionText, op: Operation) -> None:
    (x,) = op.operands
    to, t = type_text(op.result.type), type_text(x.type)
    one = f.temporary(f"insertelement {to} poison, {t} {f[x]}, i64 0", op.location, "s")
    zeros = f"<{width_of(op.result.type)} x i32> zeroinitializer"
    f.define(op.result, f"shufflevector {to} {one}, {to} poison, {zeros}", op.location)


@LLVM.rule("vector.from_elements")
def _from_elements(f: FunctionText, op: Operation) -> None:
    to = type_text(op.result.type)
    made = "poison"
    for i, x in enumerate(op.operands):
        text = f"insertelement {to} {made}, {type_text(x.type)} {f[x]}, i64 {i}"
        made = f.temporary(text, op.location, "s")
    f.names[op.result] = made


@LLVM.rule("vector.extract")
def _extract(f: FunctionText, op: Operation) -> None:
    (x,) = op.operands
    text = f"extractelement {type_text(x.type)} {f[x]}, i64 {op['position']}"
    f.define(op.result, text, op.location)


@LLVM.rule("vector.shuffle")
def _shuffle(f: FunctionText, op: Operation) -> None:
    x, y = op.operands
    mask = ", ".join(f"i32 {i}" for i in op["mask"])
    t = type_text(x.type)
    text = f"shufflevector {t} {f[x]}, {t} {f[y]}, <{len(op['mask'])} x i32> <{mask}>"
    f.define(op.result, text, op.location)


_SREG = {"gpu.thread_id": "tid", "gpu.block_id": "ctaid", "gpu.block_dim": "ntid"}


@LLVM.rule(*_SREG)
def _special(f: FunctionText, op: Operation) -> None:
    name = f"@llvm.nvvm.read.ptx.sreg.{_SREG[op.name]}.{op['dimension']}"
    narrow = f.temporary(f"call i32 {name}()", op.location)
    f.define(op.result, f"zext i32 {narrow} to i64", op.location)
