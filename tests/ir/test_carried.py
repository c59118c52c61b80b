"""What is read and not computed: one refusal before the run, by evaluate and compiler alike."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir
from minidl.core.errors import CallError, UnsupportedError
from minidl.ir.mlir.types import f32, tensor
from minidl.ir.rewriting import canonicalize, refine
from minidl.xla.compiler import compile_module
from tests.ir import jaxlib_mlir as mlir

SMALL = (
    "i2", "i4", "ui2", "ui4", "f8E4M3FN", "f8E5M2", "f8E4M3FNUZ", "f8E8M0FNU", "f4E2M1FN",
    "complex<f32>",
)  # fmt: skip


def inside(element: str, op: str = "maximum") -> str:
    """A program that takes and returns what runs, with another type between."""
    t, one = f"tensor<2x{element}>", "1" if "i" in element[:2] else "1.0"
    one = f"({one}, 0.0)" if element.startswith("complex") else one
    back = "real" if element.startswith("complex") else "convert"
    made = f"stablehlo.{back} %2 : ({t}) -> tensor<2xf32>"
    return f"""func.func @main(%arg0: tensor<2xf32>) -> tensor<2xf32> {{
      %0 = stablehlo.convert %arg0 : (tensor<2xf32>) -> {t}
      %1 = stablehlo.constant dense<{one}> : {t}
      %2 = stablehlo.{op} %0, %1 : {t}
      %3 = {made}
      return %3 : tensor<2xf32>
    }}"""


def refusals(text: str) -> list[UnsupportedError]:
    """What evaluate and the compiler say, in this order."""
    module, said = ir.parse(text), []
    for run in (
        lambda: ir.evaluate(module, np.ones(2, np.float32)),
        lambda: compile_module(module),
    ):
        with pytest.raises(UnsupportedError) as caught:
            run()
        said.append(caught.value)
    return said


@pytest.mark.parametrize("op", ["maximum", "minimum", "multiply", "add"])
@pytest.mark.parametrize("element", SMALL)
def test_an_element_type_that_is_carried_is_refused_up_front(element, op):
    text = inside(element, op)
    assert mlir.refusal(text) is None
    for error, done in zip(refusals(text), ("computed", "compiled"), strict=True):
        assert f"stablehlo.convert makes tensor<2x{element}>" in error.message
        assert error.message.endswith(f"it is carried and not {done}")
        assert error.op == "stablehlo.convert"
        assert f"stablehlo.{op}" in error.hint
    assert "stage: stablehlo" in error.hint


@pytest.mark.parametrize("op", ["maximum", "minimum", "multiply", "add", "subtract", "divide"])
@pytest.mark.parametrize("element", SMALL)
def test_no_law_of_numbers_that_run_is_applied_to_others(element, op):
    """0 · NaN is NaN for f8 too, and a neutral -0.0 is a NaN in f8E4M3FNUZ."""
    zero = inside(element, op).replace("dense<1", "dense<0").replace("dense<(1", "dense<(0")
    if element == "f8E8M0FNU":  # has no zero
        zero = inside(element, op)
    for text in (inside(element, op), zero, zero.replace("%0, %1", "%0, %0")):
        if mlir.refusal(text) is None:
            left = [o.name for o in canonicalize(ir.parse(text)).walk()]
            assert f"stablehlo.{op}" in left


def test_a_sum_with_zero_stays_where_the_other_number_may_be_minus_zero():
    module = ir.parse("""func.func @main(%x: tensor<2xf8E5M2>) -> tensor<2xf32> {
      %0 = stablehlo.convert %x : (tensor<2xf8E5M2>) -> tensor<2xf32>
      %1 = stablehlo.constant dense<0.0> : tensor<2xf32>
      %2 = stablehlo.add %0, %1 : tensor<2xf32>
      return %2 : tensor<2xf32>
    }""")
    assert "stablehlo.add" in [op.name for op in canonicalize(module).walk()]


COMPLEX = """
  func.func @main(%a: tensor<2xf32>) -> tensor<2xf32> {
    %0 = call @f(%a) : (tensor<2xf32>) -> tensor<2xcomplex<f32>>
    %1 = stablehlo.real %0 : (tensor<2xcomplex<f32>>) -> tensor<2xf32>
    return %1 : tensor<2xf32>
  }
  func.func private @f(%a: tensor<2xf32>) -> tensor<2xcomplex<f32>> {
    %0 = stablehlo.complex %a, %a : tensor<2xcomplex<f32>>
    %1 = stablehlo.fft %0, type = FFT, length = [2]
      : (tensor<2xcomplex<f32>>) -> tensor<2xcomplex<f32>>
    return %1 : tensor<2xcomplex<f32>>
  }
"""


def test_what_makes_a_complex_number_is_named_behind_a_call():
    for error in refusals(COMPLEX):
        assert "stablehlo.complex makes tensor<2xcomplex<f32>>, of complex" in error.message
        assert "stablehlo.fft" in error.hint and "func.call" not in str(error)


def test_a_handler_may_bring_what_is_carried_behind_a_call():
    handlers = {
        "stablehlo.complex": lambda op, x, y: x + 1j * y,
        "stablehlo.fft": lambda op, z: np.fft.fft(z).astype(np.complex64),
    }
    x = np.array([1, -2], np.float32)
    real = {"stablehlo.real": lambda op, z: z.real}
    (made,) = ir.evaluate(ir.parse(COMPLEX), x, handlers={**handlers, **real})
    assert np.array_equal(made, [-1, 3])  # x0 + x1, x0 - x1
    with pytest.raises(UnsupportedError, match=r"stablehlo\.fft makes"):
        ir.evaluate(
            ir.parse(COMPLEX), x, handlers={"stablehlo.complex": handlers["stablehlo.complex"]}
        )


@pytest.mark.parametrize("type_", ["tensor<2xcomplex<f32>>", "tensor<2xf8E5M2>", "tensor<?xf32>"])
def test_an_argument_that_is_carried_is_said_by_its_number(type_):
    text = f"func.func @main(%a: tensor<2xf32>, %b: {type_}) -> {type_} {{ return %b : {type_} }}"
    for error in refusals(text):
        assert f"argument 1 of @main is {type_}" in error.message


def test_an_array_of_a_type_that_nothing_takes_is_said_by_its_number():
    t = "tensor<2xf32>"
    module = ir.parse(f"func.func @main(%a: {t}) -> {t} {{ return %a : {t} }}")
    for dtype in ("complex128", "datetime64[s]", "S3", object):
        with pytest.raises(CallError, match=r"argument 0 of @main is tensor<2xf32>, got "):
            ir.evaluate(module, np.zeros(2, dtype))


def test_the_way_out_of_an_unknown_size_is_said_and_is_one():
    text = """func.func @main(%a: tensor<?xf32>) -> tensor<?xf32> {
      %0 = stablehlo.add %a, %a : tensor<?xf32>
      return %0 : tensor<?xf32>
    }"""
    for error in refusals(text):
        assert "rewriting.refine(types of the arguments)(module)" in error.hint
    x = np.ones(2, np.float32)
    assert np.array_equal(ir.evaluate(refine([tensor((2,), f32)])(ir.parse(text)), x)[0], x + x)


def test_a_custom_call_of_unknown_size_is_refused_with_its_target():
    """What JAX writes for a window over a symbolic size, which nothing here refines."""
    for error in refusals("""func.func @main(%a: tensor<2xf32>) -> tensor<?xf32> {
      %0 = stablehlo.custom_call @stablehlo.dynamic_reduce_window(%a)
        : (tensor<2xf32>) -> tensor<?xf32>
      return %0 : tensor<?xf32>
    }"""):
        assert "custom_call @stablehlo.dynamic_reduce_window makes tensor<?xf32>" in error.message


@pytest.mark.parametrize(
    ("op", "named"),
    [
        ("custom_call @my.kernel(%a) : (tensor<f32>) -> tensor<3xf32>", "custom_call @my.kernel"),
        (
            "rng %a, %a, %s, distribution = UNIFORM"
            " : (tensor<f32>, tensor<f32>, tensor<1xi64>) -> tensor<3xf32>",
            "stablehlo.rng",
        ),
    ],
)
def test_what_only_a_handler_runs_is_not_said_to_run(op, named):
    module = ir.parse(f"""
      func.func @main(%a: tensor<f32>, %s: tensor<1xi64>) -> tensor<3xf32> {{
        %0 = stablehlo.{op}
        return %0 : tensor<3xf32>
      }}""")
    with pytest.raises(UnsupportedError, match=f"{named} is not compiled") as caught:
        compile_module(module)
    assert "runs it only by a handler of yours" in caught.value.hint
