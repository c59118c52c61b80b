"""Ops at the rim: a draft of the specification, sizes that are set, composites, diagonals."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir
from minidl.core.errors import UnsupportedError, VerifyError
from minidl.xla.compiler import compile_module
from tests.ir import jaxlib_mlir as mlir

ASYNC = """module {
  func.func @main(%arg0: tensor<3x4xf32>) -> tensor<3x4xf32> {
    %0 = "stablehlo.async_start"(%arg0) ({
    ^bb0(%arg1: tensor<3x4xf32>):
      %2 = "stablehlo.all_reduce"(%arg1) <{replica_groups = dense<0> : tensor<1x1xi64>}> ({
      ^bb0(%arg2: tensor<f32>, %arg3: tensor<f32>):
        %3 = stablehlo.add %arg2, %arg3 : tensor<f32>
        stablehlo.return %3 : tensor<f32>
      }) : (tensor<3x4xf32>) -> tensor<3x4xf32>
      stablehlo.return %2 : tensor<3x4xf32>
    }) : (tensor<3x4xf32>) -> !stablehlo.future<tensor<3x4xf32>>
    %1 = "stablehlo.async_done"(%0) : (!stablehlo.future<tensor<3x4xf32>>) -> tensor<3x4xf32>
    return %1 : tensor<3x4xf32>
  }
}
"""


def test_async_ops_are_read_as_mlir_reads_them_and_refused_where_they_run():
    module = ir.parse(ASYNC)
    ir.verify(module)
    assert str(module).strip() == mlir.retold(ASYNC).strip() == ASYNC.strip()
    assert module.text(generic=True).strip() == mlir.generic(ASYNC).strip()
    x = np.ones((3, 4), np.float32)
    with pytest.raises(UnsupportedError, match=r"stablehlo\.async_start runs beside other work"):
        ir.evaluate(module, x)
    with pytest.raises(UnsupportedError, match=r"stablehlo\.async_(start|done) is not compiled"):
        compile_module(module)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("future<tensor<3x4xf32>>", "future<tensor<3x5xf32>>", "async_"),
        ('"(%arg0) ({', '"() ({', "arguments of its body"),
    ],
)
def test_async_ops_that_do_not_fit_are_refused_by_both(old, new, says):
    text = ASYNC.replace(old, new)
    if "()" in new:
        text = text.replace("}) : (tensor<3x4xf32>) -> !", "}) : () -> !")
    assert mlir.refusal(text) is not None
    with pytest.raises(VerifyError, match=says):
        ir.verify(ir.parse(text))


def test_the_body_of_an_async_op_is_one_op_of_communication():
    start = ASYNC.index('      %2 = "stablehlo.all_reduce"')
    end = ASYNC.index("      stablehlo.return %2")
    text = ASYNC[:start] + "      %2 = stablehlo.negate %arg1 : tensor<3x4xf32>\n" + ASYNC[end:]
    assert mlir.refusal(text) is not None
    with pytest.raises(VerifyError, match=r"body is stablehlo\.negate, expected one collective"):
        ir.verify(ir.parse(text))


def test_a_size_may_be_set_to_what_it_is():
    module = ir.parse("""
      func.func @main(%x: tensor<3x4xf32>, %n: tensor<i32>) -> tensor<3x4xf32> {
        %0 = stablehlo.set_dimension_size %x, %n, dim = 1
          : (tensor<3x4xf32>, tensor<i32>) -> tensor<3x4xf32>
        return %0 : tensor<3x4xf32>
      }""")
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert np.array_equal(ir.evaluate(module, x, np.int32(4))[0], x)
    with pytest.raises(UnsupportedError, match=r"set_dimension_size of tensor<3x4xf32> to 2"):
        ir.evaluate(module, x, np.int32(2))


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_a_composite_runs_natively_as_its_decomposition(visibility):
    module = ir.parse(f"""
      func.func public @main(%x: tensor<3xf32>) -> tensor<3xf32> {{
        %0 = stablehlo.composite "my.twice" %x {{decomposition = @twice}}
          : (tensor<3xf32>) -> tensor<3xf32>
        return %0 : tensor<3xf32>
      }}
      func.func {visibility} @twice(%x: tensor<3xf32>) -> tensor<3xf32> {{
        %0 = stablehlo.add %x, %x : tensor<3xf32>
        return %0 : tensor<3xf32>
      }}""")
    x = np.array([1, -2, 3], np.float32)
    for made in (ir.evaluate(module, x), compile_module(module)(x)):
        assert np.array_equal(made[0], x + x)


def test_a_diagonal_is_evaluated_and_refused_by_name_natively():
    module = ir.parse("""
      func.func @main(%x: tensor<3x3xf32>) -> tensor<3xf32> {
        %0 = stablehlo.unary_einsum %x, config = "aa->a" : (tensor<3x3xf32>) -> tensor<3xf32>
        return %0 : tensor<3xf32>
      }""")
    x = np.arange(9, dtype=np.float32).reshape(3, 3)
    assert np.array_equal(ir.evaluate(module, x)[0], [0, 4, 8])
    with pytest.raises(UnsupportedError, match=r"stablehlo\.unary_einsum is not compiled"):
        compile_module(module)


SCAN = """module {
  func.func @main(%arg0: tensor<i32>) -> (tensor<4xi32>, tensor<i32>) {
    %0:2 = chlo.scan() inits (%arg0) dimension=0  attributes {scan_dim_size = 4 : i64} {
    ^bb0(%carry: tensor<i32>):
      %1 = stablehlo.add %carry, %carry : tensor<i32>
      stablehlo.return %1, %1 : tensor<i32>, tensor<i32>
    } : (tensor<i32>) -> (tensor<4xi32>, tensor<i32>)
    return %0#0, %0#1 : tensor<4xi32>, tensor<i32>
  }
}
"""


def test_a_scan_without_inputs_is_as_long_as_it_says():
    module = ir.parse(SCAN)
    ir.verify(module)
    assert mlir.refusal(str(module)) is None
    for made in (ir.evaluate(module, np.int32(3)), compile_module(module)(np.int32(3))):
        assert np.array_equal(made[0], [6, 12, 24, 48]) and made[1] == 48
    with pytest.raises(VerifyError, match="without inputs needs scan_dim_size"):
        ir.verify(ir.parse(SCAN.replace("attributes {scan_dim_size = 4 : i64} ", "")))
