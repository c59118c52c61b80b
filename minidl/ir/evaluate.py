"""evaluate: the reference interpreter; slow, obvious, and what every op means.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "Execution".
Real: `stablehlo.eval_module` (`stablehlo-translate --interpret`).

One loop: look up the operands, run the op's value row, bind the results.
`handlers` replaces rows by name (collectives are handed in this way).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from minidl.core import step
from minidl.core.errors import CallError
from minidl.ir.mlir.core import Block, Operation, Value
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.types import TensorType, type_of
from minidl.ir.values import VALUES

Array = Any


class Interpreter:
    """Environment of one run; `budget` bounds the ops executed (loops of strangers)."""

    def __init__(
        self,
        module: Module,
        handlers: dict[str, Callable[..., Any]] | None = None,
        budget: int | None = None,
    ) -> None:
        self.module, self.handlers, self.budget = module, handlers or {}, budget

    def call(self, name: str, args: Sequence[Array]) -> tuple[Array, ...]:
        return self.block(self.module.function(name).body, args, {})

    def block(
        self, block: Block, args: Sequence[Array], env: dict[Value, Array]
    ) -> tuple[Array, ...]:
        """Run to the terminator; its operands are the result."""
        env.update(zip(block.args, args, strict=True))
        for op in block:
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
        if op.name == "func.call":
            return self.call(op["callee"].name, values)
        row = VALUES[op.name]
        if op.regions and getattr(row, "needs_interpreter", False):
            return row(op, *values, run=lambda r, a: self.block(r.block, a, dict(env)))
        return row(op, *values)


def evaluate(
    module: Module,
    *arrays: Any,
    entry: str = "main",
    handlers: dict[str, Callable[..., Any]] | None = None,
) -> tuple[Array, ...]:
    """The results of `entry` on NumPy arrays, as a tuple of arrays.

    Errors: CallError for a wrong count, shape or dtype; UnsupportedError for an op
    without a value row.
    """
    function = module.function(entry)
    args = check_arguments(entry, [v.type for v in function.body.args], arrays)
    results = Interpreter(module, handlers).call(entry, args)
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
        if not isinstance(type_, TensorType) or not type_.is_static:
            raise CallError(f"argument {i} of @{entry} has type {type_}: only static tensors run")
        if array.dtype.kind in "OUS" or type_of(array) is not type_:
            got = f"{array.dtype}{list(array.shape)}"
            raise CallError(f"argument {i} of @{entry} is {type_}, got {got}")
        out.append(array)
    return out
