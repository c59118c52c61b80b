"""Programs at the edges of the specification, and who says what they mean.

Each runs through `evaluate`, through native code, and through one or both of the others:

reference   the StableHLO project's own interpreter; it divides no integer by zero, holds no
            empty tensor in a dot, reads unsigned starts as signed, adds the initial value of a
            select_and_scatter twice: such rows name XLA alone
xla         XLA on the CPU; it flushes subnormal floats to zero, lets a NaN through a clamp, drops
            a whole window of which a part lies outside: such rows name the reference alone
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from minidl import ir
from minidl.ir.mlir.types import ELEMENTS, ScalarType, type_of
from minidl.xla.compiler import compile_module
from tests.ir import jaxlib_mlir as mlir
from tests.ir.dimension_numbers.reference import constant
from tests.ir.stablehlo.oracle import same, xla

BOTH = ("reference", "xla")
SIGNED, UNSIGNED = ELEMENTS[1:5], ELEMENTS[5:9]
INTEGERS, FLOATS = (*SIGNED, *UNSIGNED), ELEMENTS[9:]
BF16 = ml_dtypes.bfloat16


def dtype_of(element: str) -> Any:
    return ScalarType(element).numpy


@dataclass
class Case:
    """`body` is one op's text, or lines that end in %r0, %r1 …; arguments are %a, %b, …"""

    name: str
    body: str
    outs: Sequence[str]
    arrays: Sequence[Any] = field(repr=False)
    by: Sequence[str] = BOTH
    rtol: float = 0  # of what is computed by functions
    native: bool = True

    @property
    def text(self) -> str:
        args = ", ".join(f"%{c}: {type_of(a)}" for c, a in zip("abcdefgh", self.arrays))
        outs = [o if o.startswith("tensor") else f"tensor<{o}>" for o in self.outs]
        n, body = len(outs), self.body
        if body.startswith("%"):
            names = [f"%r{i}" for i in range(n)]
        else:
            names = ["%r"] if n == 1 else [f"%r#{i}" for i in range(n)]
            body = f"%r{f':{n}' if n > 1 else ''} = {body}"
        types = ", ".join(outs)
        end = f"return {', '.join(names)} : {types}"
        return f"func.func @main({args}) -> ({types}) {{\n{body}\n{end}\n}}"


def reference(text: str, *arrays: Any) -> list[Any]:
    """The project's interpreter, on any of our types: its results are read as text."""
    from jaxlib.mlir import ir as theirs
    from jaxlib.mlir.dialects import stablehlo

    with mlir.context():
        given = [theirs.Attribute.parse(_dense(a)) for a in arrays]
        made = stablehlo.eval_module(theirs.Module.parse(text), given)
        outs = [str(x) for x in made]
    return [_read(out) for out in outs]


def _dense(a: Any) -> str:
    if a.dtype == bool:
        words = str(a.tolist()).lower() if a.ndim else str(bool(a)).lower()
        return f"dense<{words}> : {type_of(a)}"
    return f"{constant(a, str(type_of(a).element))} : {type_of(a)}"


def _read(attribute: str) -> Any:
    """An attribute as MLIR prints it, through our parser of constants."""
    type_ = attribute.rpartition(" : ")[2]
    body = f"%0 = stablehlo.constant {attribute}\nreturn %0 : {type_}"
    return ir.parse(f"func.func @main() -> {type_} {{\n{body}\n}}").main.body.first["value"].array


ORACLES = {"reference": reference, "xla": xla}


def differing(got: Sequence[Any], want: Sequence[Any], rtol: float) -> list[str]:
    """Where results are not the same; one NaN is as good as another, -0 is not 0."""
    out = []
    for i, (a, b) in enumerate(zip(got, want, strict=True)):
        a, b = np.asarray(a), np.asarray(b)
        near = False
        if rtol and a.dtype == b.dtype and a.shape == b.shape:
            wide = [x.astype(np.float64) for x in (a, b)]
            near = np.allclose(*wide, rtol=rtol, atol=rtol * 1e-3, equal_nan=True)
        if not near and not same(a, b):
            out.append(f"result {i}: {a} is not {b}")
    return out


def check(case: Case) -> None:
    text, arrays = case.text, [np.asarray(a) for a in case.arrays]
    assert mlir.refusal(text) is None
    module = ir.parse(text)
    ir.verify(module)
    got = ir.evaluate(module, *arrays)
    assert case.by
    for name in case.by:
        found = differing(got, ORACLES[name](text, *arrays), case.rtol)
        assert not found, f"{name}: {found}"
    if case.native:
        made = compile_module(ir.parse(text), check=True)(*arrays)
        found = differing(got, made, case.rtol)
        assert not found, f"native code: {found}"


def parameters(cases: Sequence[Case]) -> list[Any]:
    assert len({c.name for c in cases}) == len(cases)
    return [pytest.param(c, id=c.name.replace(" ", "-")) for c in cases]
