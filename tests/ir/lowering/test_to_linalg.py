"""linalg: one generic for each value that must exist; indices instead of moves."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import ir
from minidl import numpy as mnp
from minidl.core.errors import UnsupportedError
from minidl.xla.compiler import compile_module

X = np.ones((8, 12), np.float32)


def linalg_of(f, *args):
    return compile_module(minidl.trace(f, *args), stop="linalg").modules["linalg"]


def count(module, name):
    return sum(op.name == name for op in module.walk())


def maps(module):
    (generic,) = [op for op in module.walk() if op.name == "linalg.generic"]
    return [str(m) for m in generic["indexing_maps"]]


def test_moves_are_indexing_maps_and_no_ops():
    module = linalg_of(lambda x: x.T[1:, ::2] * 2, X)
    assert maps(module)[0] == "affine_map<(d0, d1) -> (d1 * 2, d0 + 1)>"
    assert [op.name for op in module.walk() if op.name.startswith("arith.")] == [
        "arith.constant",
        "arith.mulf",
    ]


def test_reading_the_front_of_a_tensor_is_an_extract_slice():
    """A plain dimension must have the operand's size, else MLIR refuses the generic."""
    module = linalg_of(lambda x: x[:3] + 1, X)
    (cut,) = [op for op in module.walk() if op.name == "tensor.extract_slice"]
    assert cut.result.type.dims == (3, 12)
    assert maps(module)[0] == "affine_map<(d0, d1) -> (d0, d1)>"


def test_an_expensive_value_read_twice_is_made_once():
    module = linalg_of(lambda x: (mnp.exp(x) + 1, mnp.exp(x) * 2), X)
    assert count(module, "math.exp") == 1


def test_a_concatenation_is_windows_of_one_tensor():
    module = linalg_of(lambda x, y: mnp.concatenate([x * 2, y]), X, X)
    windows = [op["offsets"] for op in module.walk() if op.name == "tensor.insert_slice"]
    assert windows == [(0, 0), (8, 0)]
    assert count(module, "arith.mulf") == 1


def test_16_bit_floats_are_computed_in_float32_and_rounded_once():
    module = linalg_of(lambda x: x * x + x, X.astype(np.float16))
    casts = [op.name for op in module.walk() if op.name in ("arith.extf", "arith.truncf")]
    assert casts.count("arith.truncf") == 2, "once for each op"


def test_what_has_no_lowering_is_refused_by_name():
    text = """func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
      %0 = stablehlo.custom_call @mine(%x) : (tensor<2x2xf32>) -> tensor<2x2xf32>
      return %0 : tensor<2x2xf32>
    }"""
    with pytest.raises(UnsupportedError) as caught:
        compile_module(ir.parse(text), stop="linalg")
    assert caught.value.op == "stablehlo.custom_call"
    assert "stage:" in str(caught.value)
