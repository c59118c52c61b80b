"""evaluate: the reference interpreter; slow, obvious, and what every op means.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "Execution".
Real: `stablehlo.eval_module` (`stablehlo-translate --interpret`).

One loop: look up the operands, run the op's value row, bind the results.
`handlers` replaces rows by name (collectives are handed in this way).  A program with a
loop may run for ever: `budget` bounds the ops that one evaluation executes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from minidl.core import step
from minidl.core.errors import CallError, MinidlError
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.types import MemRefType, TensorType, tensor, type_of
from minidl.ir.values import VALUES
from minidl.ir.values.carried import refuse_carried
from minidl.ir.values.control_flow import BRANCHES

Array = Any
BUDGET = 20_000_000  # ops: a minute or two of scalars
MAX_CALLS = 150  # calls inside calls
CALLEE = {"func.call": "callee", "stablehlo.composite": "decomposition"}


class Interpreter:
    """Environment of one run.

    left    ops that may still be executed
    calls   how many calls are open
    """

    def __init__(
        self,
        module: Module,
        handlers: dict[str, Callable[..., Any]] | None = None,
        budget: int = BUDGET,
    ) -> None:
        self.module, self.handlers, self.budget = module, handlers or {}, budget
        self.left, self.calls = budget, 0

    def call(self, name: str, args: Sequence[Array]) -> tuple[Array, ...]:
        if self.calls == MAX_CALLS:
            raise CallError(
                f"@{name} is the {MAX_CALLS + 1}st call inside calls", op="func.call",
                hint="does a function call itself without end?",
            )  # fmt: skip
        self.calls += 1
        results = self.region(self.module.defined(name).region, args, {})
        self.calls -= 1
        return results

    def region(
        self, region: Region, args: Sequence[Array], env: dict[Value, Array]
    ) -> tuple[Array, ...]:
        """Run from the first block until a terminator leads nowhere."""
        block = region.blocks[0]
        while True:
            values = self.block(block, args, env)
            end = block.terminator
            if not end.successors:
                return values
            block, args = BRANCHES[end.name](end, *values)

    def block(
        self, block: Block, args: Sequence[Array], env: dict[Value, Array]
    ) -> tuple[Array, ...]:
        """Run to the terminator; its operands are the result."""
        env.update(zip(block.args, args, strict=True))
        for op in block:
            self.left -= 1
            if self.left < 0:
                raise self._spent(op)
            values = [env[v] for v in op.operands]
            if op is block.last:
                return tuple(values)
            made = self.op(op, values, env)
            outs = made if isinstance(made, tuple) else (made,)
            env.update(zip(op.results, outs, strict=True))
            if step.listening():
                step.emit(f"{op.name} computes its value", op, partial(tuple, outs))
        return ()

    def op(self, op: Operation, values: list[Array], env: dict[Value, Array]) -> Any:
        handler = self.handlers.get(op.name)
        if handler is not None:
            return handler(op, *values)
        callee = CALLEE.get(op.name)
        if callee is not None:
            return self.call(op[callee].name, values)
        row = VALUES[op.name]
        if getattr(row, "needs_interpreter", False):
            return row(op, *values, run=lambda region, args: self.region(region, args, env))
        return row(op, *values)

    def _spent(self, op: Operation) -> CallError:
        around = op.parent_op
        loop = f" inside {around.name}" if around is not None else ""
        return CallError(
            f"{self.budget:,} ops were executed and no end: stopped at {op.name}{loop}",
            op=op.name,
            hint="does a loop's condition ever become false? `budget=` or --budget allows more",
        )


def evaluate(
    module: Module,
    *arrays: Any,
    entry: str = "main",
    handlers: dict[str, Callable[..., Any]] | None = None,
    budget: int = BUDGET,
) -> tuple[Array, ...]:
    """The results of `entry` on NumPy arrays, as a tuple of arrays.

    A memref argument is an array that is updated in place (as the loops stage does).
    Errors: CallError for a wrong count, shape or dtype, and for a program that executes
    more than `budget` ops; UnsupportedError for an op without a value row.
    """
    function = module.defined(entry)
    refuse_carried(module, function, "computed", "evaluate runs", handlers or {})
    args = check_arguments(entry, [v.type for v in function.region.blocks[0].args], arrays)
    results = Interpreter(module, handlers, budget).call(entry, args)
    return tuple(np.array(r, copy=True, order="C") for r in results)


def check_arguments(entry: str, types: Sequence[Any], arrays: Sequence[Any]) -> list[Array]:
    """The arrays, each of exactly the declared shape and dtype."""
    if len(arrays) != len(types):
        raise CallError(
            f"@{entry} takes {len(types)} arrays, got {len(arrays)}",
            hint="one array for each argument, in order",
        )
    out = []
    for i, (array, type_) in enumerate(zip(arrays, types, strict=True)):
        array = np.asarray(array)
        if isinstance(type_, MemRefType):
            type_ = _in_place(array, type_, f"argument {i} of @{entry}")
        if not isinstance(type_, TensorType) or not type_.is_static:
            raise CallError(f"argument {i} of @{entry} has type {type_}: only static tensors run")
        if not _is(array, type_):
            got = f"{array.dtype}{list(array.shape)}"
            raise CallError(f"argument {i} of @{entry} is {type_}, got {got}")
        out.append(array)
    return out


def _is(array: Array, type_: TensorType) -> bool:
    try:
        return type_of(array) is type_
    except MinidlError:  # a dtype that no element type has
        return False


def _in_place(array: Array, type_: MemRefType, name: str) -> TensorType:
    """What an array must be to stand for a memref: that type, dense, writeable."""
    if not array.flags.c_contiguous or not array.flags.writeable:
        raise CallError(
            f"{name} is {type_}: it must be a writeable array in row-major order",
            hint="np.ascontiguousarray(x).copy() is one",
        )
    return tensor(type_.shape, type_.element)
