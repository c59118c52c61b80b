"""Outline: each region of while, case and if becomes a function, so that all code is functions.

Chapter: xla/fusion.
Sources: XLA's HLO keeps `condition`, `body` and `branch_computations` as computations of
their own; StableHLO keeps regions, which may read values around them.
Real: `HloModule::MakeComputationPostOrder`; XLA's `while_loop_invariant_code_motion`,
`while_loop_constant_sinking`.

An op that is not one loop nest over its result enters the pipeline in one of three ways:

    calls           inlined; what cannot be (a public callee) stays a call of a function that is
                    compiled as @main is: its own fusions, its own buffers in its caller's scratch
    while, case, if control in the caller around calls of such functions, made here; a loop's
                    state is two sets of buffers that change places after each round
    sort, scatter … one function of its own (`lowering.kernels`), written straight as loops over
                    memory; operands and results lie in buffers, nothing is fused into it

What a region reads from around it becomes an argument; what is free to make again (constants,
iota, moves) is made inside.  A value that a loop hands on unchanged leaves the loop's state.
"""

from __future__ import annotations

from minidl.core.errors import UnsupportedError
from minidl.ir.mlir.attributes import Symbol
from minidl.ir.mlir.core import Operation, Region, Value, clone
from minidl.ir.mlir.location import place
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.mlir.spec import Builder
from minidl.xla.captures import captured
from minidl.xla.grouping import is_free

CONTROL = ("stablehlo.while", "stablehlo.case", "stablehlo.if")
ROLES = {"stablehlo.while": ("cond", "body")}


def outline(module: Module) -> Module:
    """The module with every region of control as a function, and no region reading outside."""
    out = module.clone()
    todo = _reached(out)
    for other in [f for f in out.functions.values() if f not in todo]:
        other.erase()
    out.body.insert(out.main.remove(), out.body.first)
    while todo:
        function_op = todo.pop()
        for i, op in enumerate([op for op in function_op.body if op.regions]):
            _sink(op)
            if op.name in CONTROL:
                if op.name == "stablehlo.while":
                    op = _without_unchanged(op)
                todo += _outline(out, f"{function_op['sym_name']}_{i}", op)
            elif captured(*op.regions):
                raise UnsupportedError(
                    f"{op.name} has a region that reads a value from around it",
                    op=op.name,
                    span=place(op.location),
                    hint="stage: fused; `ir.evaluate` runs it",
                )
    return out


def _reached(module: Module) -> list[Operation]:
    """@main and the functions it calls, directly or not."""
    functions, out = module.functions, [module.main]
    for f in out:
        for op in f.walk():
            if op.name == "func.call" and functions[op["callee"].name] not in out:
                out.append(functions[op["callee"].name])
    return out


def _sink(op: Operation) -> None:
    """Make again inside what is free and read from around; free ops of free ops, too."""
    for region in op.regions:
        made: dict[Value, Value] = {}
        builder = Builder(region.block, region.block.first)
        for inner in list(region.block):
            for o in inner.walk():
                for i, value in enumerate(o.operands):
                    if value.op is not None and is_free(value.op) and _outside(value, op):
                        o.set_operand(i, _again(value, op, builder, made))


def _outside(value: Value, op: Operation) -> bool:
    """Whether a value is made in the block that holds `op` or around it."""
    block, home = op.parent, value.op.parent if value.op is not None else None
    while block is not None:
        if block is home:
            return True
        around = block.parent.parent if block.parent else None
        block = around.parent if around is not None else None
    return False


def _again(value: Value, op: Operation, builder: Builder, made: dict[Value, Value]) -> Value:
    """A copy of a chain of free ops; what it begins with is read from around."""
    stack = [value]
    while stack:
        source = stack[-1].op
        assert source is not None
        missing = [
            v for v in source.operands
            if v not in made and v.op is not None and is_free(v.op) and _outside(v, op)
        ]  # fmt: skip
        if missing:
            stack += missing
            continue
        current = stack.pop()
        if current not in made:
            made[current] = builder.insert(clone(source, dict(made))).result
    return made[value]


def _without_unchanged(op: Operation) -> Operation:
    """A carried value that the body returns as it came is read from around instead."""
    cond, body = (r.block for r in op.regions)
    last = body.terminator
    same = [i for i, v in enumerate(last.operands) if v is body.args[i]]
    if len(same) == len(op.operands):
        same = same[1:]  # a loop keeps some state
    if not same:
        return op
    kept = [i for i in range(len(op.operands)) if i not in same]
    for i in same:
        for value in (cond.args[i], body.args[i], op.results[i]):
            value.replace_all_uses_with(op.operands[i])
    for block in (cond, body):
        block.args = [block.args[i] for i in kept]
        for i, value in enumerate(block.args):
            value.index = i
    last.set_operands([last.operands[i] for i in kept])
    for region in op.regions:
        region.parent = None
    fresh = Operation(
        op.name, [op.operands[i] for i in kept], [op.results[i].type for i in kept],
        dict(op.attributes), op.regions, location=op.location,
    )  # fmt: skip
    assert op.parent is not None
    op.parent.insert(fresh, op)
    for new, i in zip(fresh.results, kept, strict=True):
        op.results[i].replace_all_uses_with(new)
    op.regions = []
    op.erase()
    return fresh


def _outline(module: Module, name: str, op: Operation) -> list[Operation]:
    """The regions of one op as functions; what is left in each is a call."""
    short = op.name.partition(".")[2]
    roles = ROLES.get(op.name, tuple(f"branch_{i}" for i in range(len(op.regions))))
    made = []
    for region, role in zip(op.regions, roles, strict=True):
        made.append(_to_function(module, f"{name}_{short}_{role}", region, op))
    return made


def _to_function(module: Module, name: str, region: Region, op: Operation) -> Operation:
    """The body of a region moved into a function that takes its arguments, then captures."""
    block = region.block
    outside = captured(region)
    inputs = [*block.args, *outside]
    made, builder = function(
        module, name, [v.type for v in inputs], visibility="private", location=op.location
    )
    mapping: dict[Value, Value] = dict(zip(inputs, made.body.args, strict=True))
    for inner in block:
        if inner is not block.last:
            builder.insert(clone(inner, mapping))
    last = block.terminator
    finish(builder, [mapping.get(v, v) for v in last.operands])
    types, where = [v.type for v in last.operands], last.location
    for inner in reversed(list(block)):
        inner.erase()
    call = block.append(
        Operation("func.call", inputs, types, {"callee": Symbol(name)}, location=op.location)
    )
    block.append(Operation("stablehlo.return", call.results, location=where))
    return made
