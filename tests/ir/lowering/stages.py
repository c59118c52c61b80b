"""Run the lower stages of a compiled program through `ir.evaluate`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import ir
from minidl.ir.lowering.generics import memory


def as_memory(array: Any, type_: Any) -> Any:
    """An array as the loops stage holds it: dense, signless, a byte for a truth value."""
    to = memory(type_).element.numpy
    return np.array(array, order="C", copy=True).view(to)


def run_loops(exe: Any, arrays: list[Any]) -> list[Any]:
    """The loops stage on memrefs: arguments, outputs and temporaries are NumPy arrays."""
    loops = exe.modules["loops"]
    main, source = loops.main, exe.modules["stablehlo"].main
    given = [as_memory(a, v.type) for a, v in zip(arrays, source.body.args, strict=True)]
    types = [v.type for v in source.body.terminator.operands]
    outs = [np.zeros(t.dims, memory(t).element.numpy) for t in types]
    temps = np.zeros(main.body.args[-1].type.dims, np.int8)
    ir.evaluate(loops, *given, *outs, temps)
    return [out.view(t.element.numpy) for out, t in zip(outs, types, strict=True)]


def run_linalg(exe: Any, arrays: list[Any]) -> list[Any]:
    """The linalg stage on tensors, whose integers have no sign."""
    linalg, source = exe.modules["linalg"], exe.modules["stablehlo"].main
    types = [v.type.element.numpy for v in linalg.main.body.args]
    given = [np.asarray(a).view(t) for a, t in zip(arrays, types, strict=True)]
    outs = ir.evaluate(linalg, *given)
    wanted = [v.type.element.numpy for v in source.body.terminator.operands]
    return [np.asarray(x).view(t) for x, t in zip(outs, wanted, strict=True)]
