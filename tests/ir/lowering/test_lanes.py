"""The association of reductions, written out in NumPy, gives the compiled bits."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import numpy as mnp
from minidl.ir.lowering.lanes import accumulators
from minidl.xla.compiler import compile_module

SIZES = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 31, 33, 64, 65, 71, 127, 128, 200, 640, 777]


def folded(lanes: np.ndarray) -> np.ndarray:
    """Halves are added until one is left."""
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = lanes[:half] + lanes[half:]
    return lanes[0]


def by_lanes(row: np.ndarray) -> np.float32:
    """Σ as the module docstring of `lanes` says: element k in lane k mod 8 of accumulator …"""
    total, full = np.float32(0), len(row) - len(row) % 8
    if full:
        u = accumulators(full)
        accs = np.zeros((u, 8), np.float32)
        vectors = row[:full].reshape(-1, 8)
        accs[:] = vectors[:u]
        for k, vector in enumerate(vectors[u:]):
            accs[k % u] = accs[k % u] + vector
        total = total + folded(folded(accs))
    at = full
    for width in (4, 2, 1):
        if len(row) - at >= width:
            total = total + folded(row[at : at + width])
            at += width
    return total


@pytest.mark.parametrize("size", SIZES)
def test_a_sum_along_rows_has_the_lanes_of_the_docstring(size):
    rng = np.random.default_rng(size)
    x = (rng.normal(size=(3, size)) * 10.0 ** rng.integers(-3, 4, (3, size))).astype(np.float32)
    (got,) = compile_module(minidl.trace(lambda x: mnp.sum(x, axis=1), x)).run_flat([x])
    want = np.array([by_lanes(row) for row in x], np.float32)
    assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize("size", SIZES)
def test_a_sum_over_columns_is_in_order(size):
    x = np.random.default_rng(size).normal(size=(size, 11)).astype(np.float32)
    (got,) = compile_module(minidl.trace(lambda x: mnp.sum(x, axis=0), x)).run_flat([x])
    want = np.zeros(11, np.float32)
    for row in x:
        want = want + row
    assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize("k", [1, 2, 17, 64, 300])
def test_a_dot_accumulates_over_k_in_order_with_one_rounding_a_step(k):
    """Numbers of 12 bits: a product and a sum are exact in float64, so the cast rounds once."""
    rng = np.random.default_rng(k)
    x, y = (rng.integers(-2048, 2048, s).astype(np.float32) for s in ((5, k), (k, 9)))
    scale = 2.0 ** rng.integers(-12, 12, k)
    x = (x * scale).astype(np.float32)
    (got,) = compile_module(minidl.trace(lambda x, y: x @ y, x, y)).run_flat([x, y])
    want = np.zeros((5, 9), np.float32)
    for i in range(k):
        product = x[:, i, None].astype(np.float64) * y[i].astype(np.float64)
        want = (want.astype(np.float64) + product).astype(np.float32)
    assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize(("size", "count"), [(8, 1), (16, 2), (31, 2), (32, 4), (64, 8), (999, 8)])
def test_rows_use_at_most_eight_accumulators(size, count):
    assert accumulators(size) == count
