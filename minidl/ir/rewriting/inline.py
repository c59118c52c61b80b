"""Inline: a call of a private function becomes the function's body.

Chapter: ir/rewriting.
Real: MLIR's `-inline` asks a cost model; XLA's `CallInliner` inlines all, as here.

A composite is inlined as a call of its decomposition.  Not inlined: fusions, public
functions, functions of several blocks, and functions that call themselves.
"""

from __future__ import annotations

from minidl.ir.mlir.core import Operation, Value, clone
from minidl.ir.mlir.location import fuse
from minidl.ir.mlir.module import Module
from minidl.ir.rewriting.dce import remove_dead_functions
from minidl.ir.rewriting.driver import Reasons, forget
from minidl.ir.rewriting.manager import Pass
from minidl.ir.rewriting.watch import tell

MAX_OPS = 30_000


def callee_name(op: Operation) -> str | None:
    """The function a call or a composite stands for."""
    if op.name == "func.call":
        return str(op["callee"].name)
    if op.name == "stablehlo.composite":
        return str(op["decomposition"].name)
    return None


def _candidates(module: Module) -> dict[str, Operation]:
    """Private functions of one block that do not reach themselves."""
    bodies = {
        name: f
        for name, f in module.functions.items()
        if f.get("sym_visibility") == "private"
        and len(f.region.blocks) == 1
        and "minidl.fusion" not in f.attributes
    }
    calls = {n: {callee_name(op) for op in f.walk()} & bodies.keys() for n, f in bodies.items()}
    settled: set[str] = set()
    while True:  # what calls only settled functions is settled: cycles never are
        more = {n for n in bodies if n not in settled and calls[n] <= settled}
        if not more:
            return {n: f for n, f in bodies.items() if n in settled}
        settled |= more


def change(module: Module, reasons: Reasons) -> bool:
    bodies = _candidates(module)
    if not bodies:
        return False
    budget, changed = MAX_OPS, False
    for function in list(module.functions.values()):
        todo = [op for op in function.walk() if callee_name(op) in bodies]
        while todo and budget > 0:
            call = todo.pop()
            made = _expand(call, bodies, reasons)
            name = callee_name(call)
            tell(module, f"inline: the call of @{name} became its body", call, "inline",
                 inline.why, [call], made)  # fmt: skip
            todo.extend(op for op in made if callee_name(op) in bodies)
            budget -= len(made)
            changed = True
    return remove_dead_functions(module, reasons, "inlined") or changed


def _expand(call: Operation, bodies: dict[str, Operation], reasons: Reasons) -> list[Operation]:
    """Copy the body before the call, located at body and call; all ops made."""
    body = bodies[str(callee_name(call))].body
    block = call.parent
    assert block is not None
    mapping: dict[Value, Value] = dict(zip(body.args, call.operands, strict=True))
    made: list[Operation] = []
    for op in body:
        if op is body.last:
            break
        copy = block.insert(clone(op, mapping), call)
        for inner in copy.walk():
            inner.location = fuse(inner.location, call.location)
            made.append(inner)
    forget(call, "inlined", reasons)
    call.replace([mapping.get(v, v) for v in body.terminator.operands])
    return made


inline = Pass("inline", "a call means its function's body", change)
