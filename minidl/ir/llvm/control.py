"""LLVM rows of scf: loops and choices as basic blocks, carried values as phis.

Chapter: ir/llvm.
Sources: LLVM language reference, "Terminator Instructions", "'phi' Instruction".
Real: MLIR's `convert-scf-to-cf`.
"""

from __future__ import annotations

from collections.abc import Sequence

from minidl.ir.llvm.text import LLVM, FunctionText, type_text
from minidl.ir.mlir.core import Operation, Region, Value
from minidl.ir.mlir.types import MemRefType


def _number(value: Value) -> int | None:
    op = value.op
    return int(op["value"].value) if op is not None and op.name == "arith.constant" else None


def _type(f: FunctionText, value: Value) -> str:
    """Of a carried value: a memref is a pointer, on a GPU into device memory."""
    return f.pointer(value) if isinstance(value.type, MemRefType) else type_text(value.type)


@LLVM.rule("scf.for")
def _for(f: FunctionText, op: Operation) -> None:
    """Test at the end; a guard before it where the first round is not certain."""
    low, high, step, *inits = op.operands
    here = op.location
    body, done = f.fresh("loop"), f.fresh("done")
    sure = (a := _number(low)) is not None and (b := _number(high)) is not None and a < b
    before = f.label
    if sure:
        f.emit(f"br label {body}", here)
    else:
        some = f.temporary(f"icmp slt i64 {f[low]}, {f[high]}", here, "c")
        f.emit(f"br i1 {some}, label {body}, label {done}", here)
    f.start(body)
    phis = len(f.lines)
    i, *carried = op.body.args
    f.names[i] = f.fresh("i")
    for arg in carried:
        f.names[arg] = f.fresh("acc")
    results = f.block(op.body)
    following = f.temporary(f"add nuw nsw i64 {f[i]}, {f[step]}", here, "n")
    more = f.temporary(f"icmp slt i64 {following}, {f[high]}", here, "c")
    f.emit(f"br i1 {more}, label {body}, label {done}", here)
    latch = f.label
    starts = [f"{f[i]} = phi i64 [{f[low]}, %{before}], [{following}, %{latch}]"]
    for arg, first, last in zip(carried, inits, results, strict=True):
        t = _type(f, arg)
        starts.append(f"{f[arg]} = phi {t} [{f[first]}, %{before}], [{f[last]}, %{latch}]")
    f.lines[phis:phis] = [f"  {text}{f.debug(here)}" for text in starts]
    f.start(done)
    for value, first, last in zip(op.results, inits, results, strict=True):
        if sure:
            f.names[value] = f[last]
        else:
            t = _type(f, value)
            f.define(value, f"phi {t} [{f[first]}, %{before}], [{f[last]}, %{latch}]", here)


@LLVM.rule("scf.while")
def _while(f: FunctionText, op: Operation) -> None:
    """The condition's block, then the body's; what the condition passes on is the result."""
    before, after = (region.block for region in op.regions)
    head, body, done = f.fresh("head"), f.fresh("body"), f.fresh("done")
    here, start = op.location, f.label
    f.emit(f"br label {head}", here)
    f.start(head)
    phis = len(f.lines)
    for arg in before.args:
        f.names[arg] = f.fresh("carried")
    condition, *passed = f.block(before)
    f.emit(f"br i1 {f[condition]}, label {body}, label {done}", here)
    f.start(body)
    for arg, given in zip(after.args, passed, strict=True):
        f.names[arg] = f[given]
    results = f.block(after)
    latch = f.label
    f.emit(f"br label {head}", here)
    rows = zip(before.args, op.operands, results, strict=True)
    f.lines[phis:phis] = [
        f"  {f[v]} = phi {_type(f, v)} [{f[first]}, %{start}], [{f[last]}, %{latch}]{f.debug(here)}"
        for v, first, last in rows
    ]
    f.start(done)
    for value, given in zip(op.results, passed, strict=True):
        f.names[value] = f[given]


def _choose(f: FunctionText, op: Operation, regions: Sequence[Region], labels: list[str]) -> None:
    """Each region at its label, then on to one place; results by phi."""
    done = f.fresh("endif")
    ends: list[tuple[list[Value], str]] = []
    for region, label in zip(regions, labels, strict=True):
        f.start(label)
        results = f.block(region.block) if region.blocks else []
        ends.append((results, f.label))
        f.emit(f"br label {done}", op.location)
    f.start(done)
    for i, value in enumerate(op.results):
        ways = ", ".join(f"[{f[results[i]]}, %{label}]" for results, label in ends)
        f.define(value, f"phi {type_text(value.type)} {ways}", op.location)


@LLVM.rule("scf.if")
def _if(f: FunctionText, op: Operation) -> None:
    condition, at, then = f[op.operands[0]], op.location, f.fresh("then")
    if op.regions[1].blocks:
        other = f.fresh("else")
        f.emit(f"br i1 {condition}, label {then}, label {other}", at)
        return _choose(f, op, op.regions, [then, other])
    done = f.fresh("endif")
    f.emit(f"br i1 {condition}, label {then}, label {done}", at)
    f.start(then)
    f.block(op.regions[0].block)
    f.emit(f"br label {done}", at)
    f.start(done)
    return None


@LLVM.rule("scf.index_switch")
def _switch(f: FunctionText, op: Operation) -> None:
    default, *cases = [f.fresh("case") for _ in op.regions]
    rows = " ".join(f"i64 {n}, label {label}" for n, label in zip(op["cases"], cases, strict=True))
    text = f"switch i64 {f[op.operands[0]]}, label {default} [{rows}]"
    f.emit(text, op.location)
    _choose(f, op, op.regions, [default, *cases])
