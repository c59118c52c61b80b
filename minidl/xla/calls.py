"""@main in the linalg stage: calls on tensors, and control around them.

Chapter: ir/lowering.
Sources: MLIR, "'func' Dialect", "'scf' Dialect", "'tensor' Dialect" (reshape, extract).
Real: `stablehlo-legalize-to-linalg` with `stablehlo-convert-to-signless` before it, and
`StablehloToScf` for while, case and if.

Below StableHLO integers have no sign, so @main takes and returns signless tensors.  A kernel
(sort, scatter …) is still a StableHLO op, which wants to know the sign: casts stand around its
call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from minidl.core.rules import RuleTable
from minidl.ir.lowering.indexing import lowered, tensor_type
from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import Type, index, tensor

ROWS: RuleTable[Callable[[_Function, Builder, Operation], list[Value]]] = RuleTable(
    "call", "the linalg stage"
)


def sequence_to_linalg(source: Operation, into: Module) -> None:
    """The function `source` of @main's kind, on signless tensors."""
    is_main = source["sym_name"] == "main"
    made, builder = function(
        into, source["sym_name"], [lowered(tensor_type(v)) for v in source.body.args],
        visibility="public" if is_main else "private", location=source.location,
        before=into.body.first if is_main else None,
    )  # fmt: skip
    f = _Function(into, dict(zip(source.body.args, made.body.args, strict=True)))
    f.block(builder, source.body)
    finish(builder, [f.env[v] for v in source.body.terminator.operands])


class _Function:
    """env: for each value of the fused function the tensor it is here."""

    def __init__(self, into: Module, env: dict[Value, Value]) -> None:
        self.functions, self.env = into.functions, env

    def block(self, b: Builder, block: Block) -> None:
        for op in block:
            if op is not block.last:
                b.location = op.location
                self.env.update(zip(op.results, ROWS[op.name](self, b, op), strict=True))

    def types(self, values: Sequence[Value]) -> list[Type]:
        return [lowered(tensor_type(v)) for v in values]

    def cast(self, b: Builder, x: Value, to: Type) -> Value:
        if x.type is to:
            return x
        name = "builtin.unrealized_conversion_cast"
        return b.create(name, [x], result_types=[to]).result

    def scalar(self, b: Builder, value: Value) -> Value:
        x = self.env[value]
        return b.create("tensor.extract", [x], None, [tensor_type(x).element]).result

    def region(self, region: Region, args: Sequence[Type], end: str) -> Region:
        """A region of calls with the terminator `end`; a condition's first operand is a scalar."""
        block = Block(args)
        self.env.update(zip(region.block.args, block.args, strict=False))
        b = Builder(block, location=region.block.terminator.location)
        self.block(b, region.block)
        results = [self.env[v] for v in region.block.terminator.operands]
        if end == "scf.condition":
            first = tensor_type(results[0]).element
            truth = b.create("tensor.extract", [results[0]], None, [first]).result
            results = [truth, *block.args]
        b.create(end, results)
        return Region([block])


@ROWS.rule("func.call")
def _call(f: _Function, b: Builder, op: Operation) -> list[Value]:
    """A kernel keeps its own types; all others are signless."""
    callee = f.functions.get(op["callee"].name)
    wanted, made = f.types(op.operands), f.types(op.results)
    if callee is not None and callee.get("minidl.fusion") == "kernel":
        wanted, made = [v.type for v in op.operands], [v.type for v in op.results]
    given = [f.cast(b, f.env[v], t) for v, t in zip(op.operands, wanted, strict=True)]
    call = b.create("func.call", given, {"callee": op["callee"]}, made)
    rows = zip(call.results, f.types(op.results), strict=True)
    return [f.cast(b, x, t) for x, t in rows]


@ROWS.rule("stablehlo.constant")
def _constant(f: _Function, b: Builder, op: Operation) -> list[Value]:
    (type_,) = f.types(op.results)
    array = np.ascontiguousarray(op["value"].array)
    value = Dense(array.view(type_.element.numpy), type_)  # type: ignore[attr-defined, arg-type]
    return [b.create("arith.constant", (), {"value": value}, [type_]).result]


@ROWS.rule("stablehlo.reshape")
def _reshape(f: _Function, b: Builder, op: Operation) -> list[Value]:
    (type_,), out = f.types(op.results), tensor_type(op.result)
    sizes = Dense(np.array(out.dims, np.int64), tensor([out.rank], index))
    shape = b.create("arith.constant", (), {"value": sizes}, [sizes.type]).result
    return [b.create("tensor.reshape", [f.env[op.operands[0]], shape], None, [type_]).result]


@ROWS.rule("stablehlo.optimization_barrier")
def _barrier(f: _Function, b: Builder, op: Operation) -> list[Value]:
    return [f.env[v] for v in op.operands]


@ROWS.rule("stablehlo.while")
def _while(f: _Function, b: Builder, op: Operation) -> list[Value]:
    inits, types = [f.env[v] for v in op.operands], f.types(op.operands)
    before = f.region(op.regions[0], types, "scf.condition")
    after = f.region(op.regions[1], types, "scf.yield")
    return list(b.create("scf.while", inits, None, types, [before, after]).results)


@ROWS.rule("stablehlo.if")
def _if(f: _Function, b: Builder, op: Operation) -> list[Value]:
    truth = f.scalar(b, op.operands[0])
    regions = [f.region(region, [], "scf.yield") for region in op.regions]
    return list(b.create("scf.if", [truth], None, f.types(op.results), regions).results)


@ROWS.rule("stablehlo.case")
def _case(f: _Function, b: Builder, op: Operation) -> list[Value]:
    """Out of range is the last branch, which is the switch's default."""
    number = f.scalar(b, op.operands[0])
    at = b.create("arith.index_cast", [number], result_types=[index]).result
    *cases, default = [f.region(region, [], "scf.yield") for region in op.regions]
    attributes = {"cases": tuple(range(len(cases)))}
    types = f.types(op.results)
    made = b.create("scf.index_switch", [at], attributes, types, [default, *cases])
    return list(made.results)
