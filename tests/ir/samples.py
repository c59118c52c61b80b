"""Modules that the tests of text and refusal start from, and the open data."""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"

DOT = """#loc1 = loc("a.py":1:2)
module @m attributes {mhlo.n = 1 : i32} {
  func.func public @main(%arg0: tensor<2x3xf32> {jax.r = "x"}, %arg1: tensor<3x4xf32>)
      -> (tensor<2x4xf32>, tensor<2xf32>) {
    %cst = stablehlo.constant dense<[1.0, 0xFF800000]> : tensor<2xf32>
    %0 = stablehlo.dot_general %arg0, %arg1, contracting_dims = [1] x [0],
      precision = [DEFAULT, DEFAULT]
      : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc(#loc1)
    %c = stablehlo.constant dense<0.0> : tensor<f32>
    %1 = stablehlo.reduce(%0 init: %c) applies stablehlo.add across dimensions = [1]
      : (tensor<2x4xf32>, tensor<f32>) -> tensor<2xf32>
    %2 = stablehlo.compare GT, %1, %cst, FLOAT : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
    %3 = stablehlo.select %2, %1, %cst : tensor<2xi1>, tensor<2xf32> loc("x"("b.py":3:4 to :9))
    return %0, %3 : tensor<2x4xf32>, tensor<2xf32>
  }
}
"""
CALL = """
  func.func public @main(%arg0: tensor<4xi32>) -> (tensor<2xi32>, tensor<i1>) {
    %0:2 = call @f(%arg0) : (tensor<4xi32>) -> (tensor<2xi32>, tensor<i1>)
    return %0#0, %0#1 : tensor<2xi32>, tensor<i1>
  }
  func.func private @f(%arg0: tensor<4xi32>) -> (tensor<2xi32>, tensor<i1>) {
    %0 = stablehlo.slice %arg0 [0:4:2] : (tensor<4xi32>) -> tensor<2xi32>
    %c = stablehlo.constant dense<true> : tensor<i1>
    return %0, %c : tensor<2xi32>, tensor<i1>
  }
"""
GENERIC = """
"builtin.module"() ({
  "func.func"() <{function_type = (tensor<2x1xbf16>) -> tensor<2x3xbf16>, sym_name = "main"}> ({
  ^bb0(%x: tensor<2x1xbf16>):
    %p = "stablehlo.transpose"(%x) <{permutation = array<i64: 1, 0>}>
      : (tensor<2x1xbf16>) -> tensor<1x2xbf16>
    %b = "stablehlo.broadcast_in_dim"(%p) <{broadcast_dimensions = array<i64: 1, 0>}>
      : (tensor<1x2xbf16>) -> tensor<2x3xbf16>
    "func.return"(%b) : (tensor<2x3xbf16>) -> ()
  }) : () -> ()
}) : () -> ()
"""
SMALL = {"dot": DOT, "call": CALL, "generic": GENERIC}


@lru_cache(maxsize=1)
def open_data() -> list[dict[str, Any]]:
    """The self-checking modules of the StableHLO project, where they are at hand."""
    path = SHARED / "stablehlo" / "open.jsonl.gz"
    if not path.exists():
        pytest.skip("the open StableHLO data is not beside this checkout")
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def jax_programs() -> list[Path]:
    folder = SHARED / "jax_programs"
    if not folder.exists():
        pytest.skip("the recorded JAX programs are not beside this checkout")
    return sorted(folder.glob("*.mlir"))
