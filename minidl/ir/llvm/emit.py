"""Loops → LLVM IR text.

Chapter: ir/llvm.
Sources: LLVM language reference; MLIR's `convert-*-to-llvm` passes.
Real: MLIR goes through its `llvm` dialect and translates that; here the text is
written at once, an op a row, since LLVM's parser is quick and Python is not.

    text     a module, a function, names, debug places; the table `LLVM`
    arith    rows of arith and math
    loops    those among them that need a loop
    memory   rows of memref, vector, gpu
    control  rows of scf
"""

from __future__ import annotations

from collections.abc import Callable

from minidl.ir.llvm import arith as llvm_arith
from minidl.ir.llvm import control as llvm_control
from minidl.ir.llvm import loops as llvm_loops
from minidl.ir.llvm import memory as llvm_memory
from minidl.ir.llvm.text import LLVM, FunctionText, ModuleText
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.types import MemRefType

__all__ = [
    "LLVM",
    "FunctionText",
    "ModuleText",
    "function_text",
    "global_text",
    "llvm_arith",
    "llvm_control",
    "llvm_loops",
    "llvm_memory",
]


def global_text(module: ModuleText, op: Operation) -> None:
    """Add a constant array, as its bytes."""
    data = op["initial_value"].array.tobytes()
    text = "".join(f"\\{byte:02X}" for byte in data)
    module.globals.append(
        f'@{op["sym_name"]} = internal constant [{len(data)} x i8] c"{text}", align 64'
    )


def function_text(
    module: ModuleText,
    op: Operation,
    public: bool = False,
    make: Callable[[ModuleText, str], FunctionText] = FunctionText,
) -> None:
    """Add a function of loops (no result) to the LLVM module; `make` may bring one that watches."""
    f = make(module, op["sym_name"])
    params = []
    for i, value in enumerate(op.body.args):
        memory = isinstance(value.type, MemRefType)
        f.names[value] = f"%a{i}"
        params.append(f"{f.pointer(value)} noalias %a{i}" if memory else f"i64 %a{i}")
    f.block(op.body)
    kind = "internal void"
    if module.target.is_ptx:
        kind = "ptx_kernel void"
    elif public:
        kind = "void"
    head = f"define {kind} @{op['sym_name']}({', '.join(params)}) nounwind !dbg {f.scope} {{"
    lines = [head, "entry:", *f.lines, f"  ret void{f.debug(op.body.terminator.location)}", "}"]
    module.functions.append("\n".join(lines))
