"""evaluate on random dimension numbers: against the reference interpreter, to the bit.

Values are small whole numbers, so every order of summing gives the same bits.
"""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir
from tests.ir import jaxlib_mlir as mlir
from tests.ir.dimension_numbers import cases, reference

SEEDS = 120
NAMES = [name for name in cases.MAKERS if name != "convolution"]  # its own: test_convolution.py
RANK_0 = "0, , sizes = []"


def same(got, want) -> bool:
    floats = got.dtype.kind not in "biu"
    return got.dtype == want.dtype and bool(np.array_equal(got, want, equal_nan=floats))


@pytest.mark.parametrize("name", NAMES)
def test_evaluate_is_the_reference_interpreter_to_the_bit(name):
    seen: dict[str, int] = {}
    for seed in range(SEEDS):
        case, rng = cases.case(name, seed)
        inputs = case.inputs(rng)
        module = ir.parse(case.text)
        ir.verify(module)
        got = ir.evaluate(module, *inputs)
        for mine, want in zip(got, reference.evaluate(case, inputs), strict=True):
            assert same(mine, want), f"seed {seed}\n{case.text}\n{mine}\n{want}"
        for shape, element in case.args[:1]:
            for key in (element, f"rank {len(shape)}", "size 0" if 0 in shape else "no 0"):
                seen[key] = seen.get(key, 0) + 1
    assert set(cases.NUMPY) <= set(seen)
    assert min(seen.get(f"rank {r}", 0) for r in range(4)) >= 10
    assert seen["size 0"] >= 5


@pytest.mark.parametrize("name", cases.MAKERS)
def test_random_programs_print_and_read_back_and_mlir_accepts_them(name):
    read = 0
    for seed in range(60):
        case, _ = cases.case(name, seed)
        if mlir.refusal(case.text) is not None:
            with pytest.raises(ir_error()):
                ir.verify(ir.parse(case.text))
            continue
        read += 1
        module = ir.parse(case.text)
        ir.verify(module)
        text, generic = str(module), module.text(generic=True, locations=True)
        assert str(ir.parse(text)) == str(ir.parse(generic)) == text
        # (MLIR prints `%x, , sizes = []` for a scalar, which it does not read)
        assert mlir.retold(case.text).strip() == text.strip().replace("0, sizes = []", RANK_0)
        assert mlir.refusal(text) is None
        assert mlir.refusal(generic) is None
    assert read >= 50


def ir_error():
    from minidl.core.errors import MinidlError

    return MinidlError


def test_a_start_of_an_unsigned_type_is_never_negative():
    """255 : ui8 is far behind the end, and is clamped to the last slice."""
    text = """func.func @main(%x: tensor<5xi32>, %i: tensor<ui8>) -> tensor<2xi32> {
      %0 = stablehlo.dynamic_slice %x, %i, sizes = [2]
        : (tensor<5xi32>, tensor<ui8>) -> tensor<2xi32>
      return %0 : tensor<2xi32>
    }"""
    (got,) = ir.evaluate(ir.parse(text), np.arange(5, dtype=np.int32), np.uint8(255))
    assert got.tolist() == [3, 4]


def test_padding_that_cuts_more_than_there_is_leaves_nothing():
    """The shape rule and the values agree on an empty result; MLIR accepts the text."""
    text = """func.func @main(%x: tensor<2xf32>, %i: tensor<f32>) -> tensor<0xf32> {
      %0 = "stablehlo.reduce_window"(%x, %i) <{window_dimensions = array<i64: 1>,
        padding = dense<[[-2, -3]]> : tensor<1x2xi64>}> ({
      ^bb0(%a: tensor<f32>, %b: tensor<f32>):
        %s = stablehlo.add %a, %b : tensor<f32>
        stablehlo.return %s : tensor<f32>
      }) : (tensor<2xf32>, tensor<f32>) -> tensor<0xf32>
      return %0 : tensor<0xf32>
    }"""
    assert mlir.refusal(text) is None
    module = ir.parse(text)
    ir.verify(module)
    (got,) = ir.evaluate(module, np.ones(2, np.float32), np.float32(0))
    assert got.shape == (0,)


@pytest.mark.parametrize(("low", "high", "size"), [(-(10**12), 10**12, 2), (10**12, -(10**12), 2)])
def test_padding_that_is_cut_off_again_is_never_made(low, high, size):
    text = f"""func.func @main(%x: tensor<2xf32>, %z: tensor<f32>) -> tensor<{size}xf32> {{
      %0 = stablehlo.pad %x, %z, low = [{low}], high = [{high}], interior = [0]
        : (tensor<2xf32>, tensor<f32>) -> tensor<{size}xf32>
      return %0 : tensor<{size}xf32>
    }}"""
    (got,) = ir.evaluate(ir.parse(text), np.ones(2, np.float32), np.float32(5))
    assert got.tolist() == [5, 5]


@pytest.mark.parametrize(
    ("op", "says"),
    [("pad = 10^12", "elements of its padded operand"), ("window", "positions in its window")],
)
def test_what_would_take_all_memory_or_all_day_is_refused(op, says):
    from minidl.core.errors import UnsupportedError

    size, pad = (1, 10**12) if "pad" in op else (10**9, 10**9)
    stride = 10**13 if "pad" in op else 10**10
    text = f"""func.func @main(%x: tensor<2xf32>, %z: tensor<f32>) -> tensor<1xf32> {{
      %0 = "stablehlo.reduce_window"(%x, %z) <{{window_dimensions = array<i64: {size}>,
        window_strides = array<i64: {stride}>, padding = dense<[[{pad}, {pad}]]> : tensor<1x2xi64>
      }}> ({{
      ^bb0(%a: tensor<f32>, %b: tensor<f32>):
        %s = stablehlo.add %a, %b : tensor<f32>
        stablehlo.return %s : tensor<f32>
      }}) : (tensor<2xf32>, tensor<f32>) -> tensor<1xf32>
      return %0 : tensor<1xf32>
    }}"""
    module = ir.parse(text)
    ir.verify(module)
    with pytest.raises(UnsupportedError, match=says):
        ir.evaluate(module, np.ones(2, np.float32), np.float32(0))


@pytest.mark.parametrize("name", ["window_strides", "window_dilations"])
def test_a_step_that_is_never_taken_may_be_as_long_as_it_likes(name):
    text = f"""func.func @main(%x: tensor<1xf32>, %z: tensor<f32>) -> tensor<1xf32> {{
      %0 = "stablehlo.reduce_window"(%x, %z) <{{window_dimensions = array<i64: 1>,
        {name} = array<i64: {2**62}>}}> ({{
      ^bb0(%a: tensor<f32>, %b: tensor<f32>):
        stablehlo.return %b : tensor<f32>
      }}) : (tensor<1xf32>, tensor<f32>) -> tensor<1xf32>
      return %0 : tensor<1xf32>
    }}"""
    (got,) = ir.evaluate(ir.parse(text), np.ones(1, np.float32), np.float32(0))
    assert got.tolist() == [1]
