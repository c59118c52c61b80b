"""Every stage runs: linalg on tensors and loops on memory, with the bits of the machine.

A quarter of the open data goes through both; the rest of it ran natively already.
"""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir
from minidl.core.errors import CallError
from minidl.xla.compiler import compile_module
from tests.ir import jaxlib_mlir as mlir
from tests.ir.lowering import open_native as native
from tests.ir.lowering import stages
from tests.xla.programs import same_bits

PARTS = 8


@pytest.mark.parametrize("chunk", range(2))
def test_the_lower_stages_of_the_open_data_have_the_bits_of_the_machine(chunk):
    rows = [row for row in native.rows() if native.chunk_of(row, PARTS) == chunk]
    assert len(rows) > 60
    for row in rows:
        made = native.case(row)
        want = made.exe(*made.arrays)
        for run in (stages.run_linalg, stages.run_loops):
            got = run(made.exe, made.arrays)
            assert all(map(same_bits, want, got)), f"{row['id']}: {run.__name__}"


@pytest.mark.parametrize("chunk", range(2))
def test_mlir_reads_the_loops_of_the_open_data_and_so_do_we(chunk):
    for row in native.rows():
        if native.chunk_of(row, PARTS) == chunk:
            modules = native.case(row).exe.modules
            assert mlir.refusal(str(modules["loops"])) is None, row["id"]
            for stage in ("fused", "linalg", "loops"):
                text = str(modules[stage])
                assert str(ir.parse(text)) == text, (row["id"], stage)


def test_a_memref_is_an_array_written_in_place():
    module = ir.parse("""
      func.func @main(%x: memref<4xf32>, %y: memref<2x4xf32>) {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c4 = arith.constant 4 : index
        scf.for %i = %c0 to %c4 step %c1 {
          %v = memref.load %x[%i] : memref<4xf32>
          %w = arith.addf %v, %v : f32
          memref.store %w, %y[%c1, %i] : memref<2x4xf32>
        }
        return
      }""")
    x, y = np.arange(4, dtype=np.float32), np.zeros((2, 4), np.float32)
    assert ir.evaluate(module, x, y) == ()
    assert y.tolist() == [[0, 0, 0, 0], [0, 2, 4, 6]]
    with pytest.raises(CallError, match="row-major"):
        ir.evaluate(module, x, np.zeros((4, 2), np.float32).T)
    with pytest.raises(CallError, match=r"memref|tensor<2x4xf32>"):
        ir.evaluate(module, x, np.zeros((2, 4)))


def test_a_lane_sum_is_not_a_sum_in_order():
    """The check of bits above can fail: the two associations differ."""
    text = """
      func.func @main(%x: tensor<1x300xf32>) -> tensor<1xf32> {
        %c = stablehlo.constant dense<0.0> : tensor<f32>
        %0 = stablehlo.reduce(%x init: %c) applies stablehlo.add across dimensions = [1]
          : (tensor<1x300xf32>, tensor<f32>) -> tensor<1xf32>
        return %0 : tensor<1xf32>
      }"""
    exe = compile_module(ir.parse(text))
    x = np.random.default_rng(0).normal(size=(1, 300)).astype(np.float32)
    (want,), (got,) = exe(x), stages.run_linalg(exe, [x])
    (ordered,) = ir.evaluate(ir.parse(str(exe.modules["linalg"])), x)
    assert want.tobytes() == got.tobytes() != ordered.tobytes()
