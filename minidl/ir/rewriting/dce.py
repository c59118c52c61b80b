"""Dead code elimination: ops whose results nobody uses, functions nobody names.

Chapter: ir/rewriting.
Real: MLIR's `-symbol-dce` and the driver's own dead-op check.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minidl.ir.mlir.attributes import Symbol
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.module import Module
from minidl.ir.rewriting.driver import DEAD, Reasons, forget, is_dead, is_pure
from minidl.ir.rewriting.manager import Pass
from minidl.ir.rewriting.watch import tell


def symbols_in(attribute: Any) -> Iterator[str]:
    """The names of operations that an attribute mentions, at any depth."""
    if isinstance(attribute, Symbol):
        yield attribute.name
    elif isinstance(attribute, tuple | list):
        for item in attribute:
            yield from symbols_in(item)
    elif isinstance(attribute, dict):
        for item in attribute.values():
            yield from symbols_in(item)


def _mentions(op: Operation) -> set[str]:
    """The functions that `op`, or an op inside, calls or names."""
    return {
        name for inner in op.walk() for value in inner.attributes.values()
        for name in symbols_in(value)
    }  # fmt: skip


def remove_dead_functions(module: Module, reasons: Reasons, why: str = DEAD) -> bool:
    """Erase private functions that no public one reaches."""
    functions = {op.get("sym_name"): op for op in module.body}
    todo = [n for n, op in functions.items() if op.get("sym_visibility") != "private"]
    live = set(todo)
    while todo:
        for name in _mentions(functions[todo.pop()]) & functions.keys():
            if name not in live:
                live.add(name)
                todo.append(name)
    dead = [op for name, op in functions.items() if name not in live]
    for op in dead:
        forget(op, why, reasons)
        op.erase()
        tell(module, f"dce: @{op['sym_name']} goes", op, "dce", why, [op])
    return bool(dead)


def _impure(module: Module) -> set[str]:
    """Functions that do more than compute their results, directly or by a call."""
    functions = module.functions
    impure = {n for n, f in functions.items() if not _plain(f)}
    calls = {n: _mentions(f) for n, f in functions.items()}
    while True:
        more = {n for n in functions if n not in impure and calls[n] & impure}
        if not more:
            return impure
        impure |= more


def _plain(function: Operation) -> bool:
    return all(
        is_pure(op) or op.name in ("func.call", "func.func") or op.name.endswith("return")
        for op in function.walk()
    )


def _dead_call(op: Operation, impure: set[str]) -> bool:
    unused = op.name == "func.call" and not any(v.uses for v in op.results)
    return unused and op["callee"].name not in impure


def change(module: Module, reasons: Reasons) -> bool:
    """One walk backwards: a user stands after what it uses, so it goes first."""
    ops = [op for op in module.walk() if op.results]
    impure = _impure(module) if any(op.name == "func.call" for op in ops) else set()
    changed = False
    for op in reversed(ops):
        if op.results and (is_dead(op) or _dead_call(op, impure)):
            forget(op, DEAD, reasons)
            op.erase()
            tell(module, f"dce: {op.name} goes", op, "dce", DEAD, [op])
            changed = True
    return remove_dead_functions(module, reasons) or changed


dce = Pass("dce", "a result that nobody uses needs no computing", change)
