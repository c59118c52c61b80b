"""Which element types an op takes: ours and MLIR's verifiers say the same, type by type."""

from __future__ import annotations

import pytest

from minidl import ir
from minidl.core.errors import MinidlError, UnsupportedError
from minidl.ir.mlir.types import CARRIED, ELEMENTS
from tests.ir import jaxlib_mlir as mlir

UNARY = """abs cbrt ceil cosine count_leading_zeros exponential exponential_minus_one floor log
log_plus_one logistic negate not popcnt round_nearest_afz round_nearest_even rsqrt sign sine sqrt
tan tanh""".split()  # noqa: SIM905
BINARY = """add and atan2 divide maximum minimum multiply or power remainder shift_left
shift_right_arithmetic shift_right_logical subtract xor""".split()  # noqa: SIM905


def programs(e: str) -> list[str]:
    """One op each, on three elements."""
    t = f"tensor<3x{e}>"
    bits = "tensor<3xi1>"
    lines = [(f"stablehlo.{o} %a : {t}", t) for o in UNARY]
    lines += [(f"stablehlo.{o} %a, %b : {t}", t) for o in BINARY]
    lines += [
        (f"stablehlo.is_finite %a : ({t}) -> {bits}", bits),
        (f"stablehlo.compare EQ, %a, %b : ({t}, {t}) -> {bits}", bits),
        (f"stablehlo.iota dim = 0 : {t}", t),
        (f"stablehlo.clamp %a, %b, %a : {t}", t),
        (f"stablehlo.reduce_precision %a, format = e5m2 : {t}", t),
        (f"stablehlo.abs %a : ({t}) -> tensor<3xf32>", "tensor<3xf32>"),
        (f"stablehlo.real %a : ({t}) -> tensor<3xf32>", "tensor<3xf32>"),
        (f"stablehlo.complex %a, %b : tensor<3xcomplex<{e}>>", f"tensor<3xcomplex<{e}>>"),
    ]
    return [
        f"func.func @main(%a: {t}, %b: {t}) -> {out} {{\n  %0 = {line}\n  return %0 : {out}\n}}"
        for line, out in lines
    ]


@pytest.mark.parametrize("element", [*ELEMENTS, *CARRIED])
def test_every_elementwise_op_takes_the_elements_that_mlir_says(element):
    unlike = []
    for text in programs(element):
        try:
            module = ir.parse(text)
            ir.verify(module)
        except MinidlError:
            ours = False
        else:
            ours = True
            assert str(module).strip() == mlir.retold(text).strip()
        if ours != (mlir.refusal(text) is None):
            unlike.append((text.splitlines()[1], "we accept" if ours else "we refuse"))
    assert unlike == []


@pytest.mark.parametrize("element", CARRIED)
def test_what_is_carried_is_refused_by_name_where_it_would_run(element):
    t = f"tensor<3x{element}>"
    text = (
        f"func.func @main(%a: {t}) -> {t} {{ %0 = stablehlo.add %a, %a : {t}\n return %0 : {t} }}"
    )
    with pytest.raises(UnsupportedError, match="is carried and not computed") as caught:
        ir.evaluate(ir.parse(text), None)
    assert caught.value.op == "stablehlo.add"
