"""The StableHLO project's own interpreter, through jaxlib, on programs of one op."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ir import jaxlib_mlir as mlir
from tests.ir.dimension_numbers.cases import NUMPY, Case, spell

SEEN = {"f16": "f32", "bf16": "f32", "i1": "ui8"}  # widened before NumPy looks at them


def constant(array: Any, element: str) -> str:
    """`dense<…>` in hexadecimal: every bit as it is."""
    if not array.size:
        return "dense<>"
    return f'dense<"0x{np.ascontiguousarray(array).tobytes().hex().upper()}">'


def program(case: Case, inputs: list[Any]) -> str:
    """The op on constants; results in types that NumPy can read from an attribute."""
    lines = [
        f"%a{i} = stablehlo.constant {constant(x, e)} : {spell(shape, e)}"
        for i, (x, (shape, e)) in enumerate(zip(inputs, case.args, strict=True))
    ]
    n = len(case.results)
    ins = ", ".join(spell(*t) for t in case.args)
    outs = ", ".join(spell(*t) for t in case.results)
    lines.append(f"%0{f':{n}' if n > 1 else ''} = {case.op} : ({ins}) -> ({outs})")
    names, types = [], []
    for i, (shape, e) in enumerate(case.results):
        name, wide = (f"%0#{i}" if n > 1 else "%0"), SEEN.get(e, e)
        lines.append(
            f"%r{i} = stablehlo.convert {name} : ({spell(shape, e)}) -> {spell(shape, wide)}"
        )
        names.append(f"%r{i}")
        types.append(spell(shape, wide))
    body = "\n  ".join(lines)
    what = f"({', '.join(types)})"
    end = f"return {', '.join(names)} : {', '.join(types)}"
    return f"func.func @main() -> {what} {{\n  {body}\n  {end}\n}}"


def evaluate(case: Case, inputs: list[Any]) -> list[Any]:
    """The results, in the types of the case."""
    from jaxlib.mlir import ir
    from jaxlib.mlir.dialects import stablehlo

    with mlir.context():
        made = stablehlo.eval_module(ir.Module.parse(program(case, inputs)), [])
        arrays = [np.array(x).reshape(t[0]) for x, t in zip(made, case.results, strict=True)]
    return [x.astype(NUMPY[e]) for x, (_, e) in zip(arrays, case.results, strict=True)]
