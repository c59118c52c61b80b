"""Convolution, reduce_window and select_and_scatter as native code, against JAX."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from jax import lax

from minidl import ir
from minidl.core.errors import UnsupportedError
from minidl.ir.lowering import schedule
from minidl.ir.lowering.to_linalg import fusion_to_linalg
from minidl.ir.mlir.module import Module
from minidl.xla import compiler
from minidl.xla.compiler import compile_module
from tests.ir.lowering.jaxed import (
    agree,
    jax_results,
    native_results,
    program,
    whole_numbers,
)

DTYPES = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16, np.int32, np.int8, np.uint8]
SPACE = "DHW"


def drawn(seed: int) -> tuple[Any, list[tuple[int, ...]]]:
    """A convolution with random everything: the function and the shapes of its operands."""
    rng = np.random.default_rng(seed)
    pick = lambda *options: options[rng.integers(len(options))]  # noqa: E731
    n = pick(1, 2, 2, 2, 3)
    window, dilation, holes = (rng.integers(1, most, n) for most in (4, 3, 3))
    strides = rng.integers(1, 4, n)
    padding = [tuple(rng.integers(-1, 4, 2)) for _ in range(n)]
    sizes = rng.integers(5, 10, n)
    groups, each_in, each_out = pick(1, 1, 1, 2, 3), pick(1, 2, 5, 9), pick(1, 2, 8, 11)
    batch_groups = pick(1, 1, 2) if groups == 1 else 1
    orders = ["".join(rng.permutation(list(letters + SPACE[:n]))) for letters in ("NC", "IO", "NC")]
    shapes = [
        dict(zip("NC" + SPACE, (2 * batch_groups, groups * each_in, *sizes))),
        dict(zip("IO" + SPACE, (each_in, groups * batch_groups * each_out, *window))),
    ]

    def f(x: Any, w: Any) -> Any:
        return lax.conv_general_dilated(
            x, w, strides, padding, holes, dilation, tuple(orders),
            feature_group_count=groups, batch_group_count=batch_groups,
        )  # fmt: skip

    return f, [tuple(s[c] for c in order) for s, order in zip(shapes, orders)]


@pytest.mark.parametrize("seed", range(40))
def test_any_convolution_of_whole_numbers_is_exact(seed):
    f, shapes = drawn(seed)
    rng = np.random.default_rng(seed)
    agree(f, *(whole_numbers(rng, s, DTYPES[seed % len(DTYPES)]) for s in shapes))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ml_dtypes.bfloat16], ids=str)
def test_a_convolution_is_within_the_bound_of_its_sums(dtype):
    """|error| ≤ √K · u · Σ|terms|, and one rounding of the result."""
    rng = np.random.default_rng(3)
    x, w = rng.normal(size=(2, 9, 8, 5)), rng.normal(size=(3, 3, 5, 17))
    x, w = x.astype(dtype), w.astype(dtype)

    def f(x, w):
        return lax.conv_general_dilated(
            x, w, (2, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    (got,) = native_results(program(f, x, w), [x, w])
    with jax.enable_x64(True):
        exact, terms = (
            np.asarray(f(a.astype(np.float64), b.astype(np.float64)))
            for a, b in ((x, w), (abs(x), abs(w)))
        )
    u = ml_dtypes.finfo(dtype).eps / 2
    summed = u if dtype in (np.float32, np.float64) else 2.0**-24
    bound = np.sqrt(45) * summed * terms + (u * abs(exact) if summed != u else 0)
    assert (abs(got.astype(np.float64) - exact) <= bound).all()


def test_the_reversed_window_of_the_text_is_the_flipped_kernel():
    """JAX never writes `reverse`; the open data do."""
    text = """
    func.func @main(%x: tensor<1x6x5x2xf32>, %w: tensor<3x2x2x9xf32>) -> tensor<1x4x4x9xf32> {
      %0 = stablehlo.convolution(%x, %w)
        dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f], window = {reverse = [REVERSE]}
        {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
        : (tensor<1x6x5x2xf32>, tensor<3x2x2x9xf32>) -> tensor<1x4x4x9xf32>
      return %0 : tensor<1x4x4x9xf32>
    }"""
    rng = np.random.default_rng(0)
    x, w = (whole_numbers(rng, s, np.float32) for s in ((1, 6, 5, 2), (3, 2, 2, 9)))
    for flags, flipped in (("false, true", w[:, ::-1]), ("true, true", w[::-1, ::-1])):
        (got,) = native_results(ir.parse(text.replace("REVERSE", flags)), [x, w])
        want = lax.conv_general_dilated(
            x, flipped, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        np.testing.assert_array_equal(got, want)


def test_padding_that_was_not_written_out_is_refused_by_name():
    def f(x, w):
        return lax.conv_general_dilated(x, w, (1,), [(1, 1)])

    module = program(f, np.ones((1, 2, 5), np.float32), np.ones((3, 2, 3), np.float32))
    source = module.main
    source.attributes["minidl.fusion"] = "hero"
    with pytest.raises(UnsupportedError, match="padding or holes") as caught:
        fusion_to_linalg(source, Module())
    assert caught.value.op == "stablehlo.convolution"


# -- how it is lowered -------------------------------------------------------------------------

LAYOUTS = {"NHWC": ("NHWC", "HWIO", "NHWC"), "NCHW": ("NCHW", "OIHW", "NCHW")}


def layer(layout: str, features: int = 32) -> Module:
    def f(x, w):
        return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=LAYOUTS[layout])

    sizes = {"N": 2, "C": 4, "H": 8, "W": 8, "I": 4, "O": features}
    x, w = (
        [sizes[c] if c not in "HW" or i == 0 else 3 for c in LAYOUTS[layout][i]] for i in (0, 1)
    )
    return program(f, np.ones(x, np.float32), np.ones(w, np.float32))


def test_a_strided_convolution_makes_its_features_last():
    """Neighbours along a strided dimension are no vector; the result is transposed back."""

    def f(x, w):
        return lax.conv_general_dilated(x, w, (2, 2), "SAME", dimension_numbers=LAYOUTS["NCHW"])

    rng = np.random.default_rng(0)
    x, w = (whole_numbers(rng, s, np.float32) for s in ((2, 3, 9, 8), (16, 3, 3, 3)))
    agree(f, x, w)
    fused = compile_module(program(f, x, w), stop="fused").modules["fused"]
    (conv,) = [op for op in fused.walk() if op.name == "stablehlo.convolution"]
    assert conv.result.type.dims == (2, 5, 4, 16)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_convolution_multiplies_vectors_and_gathers_nothing(layout):
    names = [op.name for op in compile_module(layer(layout)).modules["loops"].walk()]
    assert names.count("math.fma") >= 8
    assert "vector.from_elements" not in names


def test_a_depthwise_convolution_runs_along_its_features():
    def f(x, w):
        return lax.conv_general_dilated(
            x, w, (1, 1), "SAME", dimension_numbers=LAYOUTS["NHWC"], feature_group_count=16
        )

    module = program(f, np.ones((1, 6, 6, 16), np.float32), np.ones((3, 3, 1, 16), np.float32))
    text = str(compile_module(module).modules["loops"])
    assert "math.fma" in text and "vector.from_elements" not in text


def test_the_bits_of_a_convolution_do_not_depend_on_the_schedule(monkeypatch):
    rng = np.random.default_rng(5)
    x, w = (rng.normal(size=s).astype(np.float32) for s in ((2, 8, 8, 4), (3, 3, 4, 32)))
    seen, module = set(), layer("NHWC")
    for lanes, rows, vectors in [(4, 2, 1), (8, 4, 2), (16, 8, 2), (2, 5, 3)]:
        made = dataclasses.replace(
            schedule.HOST_256, lanes=lanes, dot_rows=rows, dot_vectors=vectors
        )
        monkeypatch.setattr(schedule, "for_vector_bits", lambda bits, s=made: s)
        seen.add(compile_module(module).run_flat([x, w])[0].tobytes())
    assert len(seen) == 1


# -- windows -----------------------------------------------------------------------------------

REDUCERS = {"add": (lax.add, 0), "max": (lax.max, -100), "min": (lax.min, 100)}


@pytest.mark.parametrize("seed", range(24))
def test_any_reduce_window_of_whole_numbers_is_exact(seed):
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 5))
    sizes = rng.integers(1 if seed % 4 == 0 else 4, 9, rank)
    window, strides, base, dilation = (rng.integers(1, 4, rank) for _ in range(4))
    padding = [tuple(map(int, rng.integers(0, 3, 2))) for _ in range(rank)]
    reducer, init = REDUCERS[list(REDUCERS)[seed % 3]]
    dtype = DTYPES[seed % len(DTYPES)]
    init = np.asarray(abs(init) if np.issubdtype(dtype, np.unsignedinteger) else init).astype(dtype)
    x = whole_numbers(rng, sizes, dtype)

    def f(x):
        return lax.reduce_window(x, init, reducer, window, strides, padding, base, dilation)

    agree(f, x)


def test_a_window_of_pairs_finds_where_the_largest_is():
    x = np.random.default_rng(1).permutation(2 * 9 * 16).reshape(2, 9, 16).astype(np.float32)

    def f(x):
        at = lax.broadcasted_iota(jnp.int32, x.shape, 1)

        def larger(a, b):
            keep = a[0] >= b[0]
            return jnp.where(keep, a[0], b[0]), jnp.where(keep, a[1], b[1])

        init = (np.float32(-1), np.int32(-1))
        return lax.reduce_window((x, at), init, larger, (1, 3, 1), (1, 2, 1), "VALID")

    agree(f, x)


def test_negative_padding_cuts_before_the_window_slides():
    text = """func.func @main(%x: tensor<8xi32>) -> tensor<4xi32> {
      %c = stablehlo.constant dense<0> : tensor<i32>
      %0 = "stablehlo.reduce_window"(%x, %c) <{padding = dense<[[-2, -1]]> : tensor<1x2xi64>,
        window_dimensions = array<i64: 2>}> ({
      ^bb0(%a: tensor<i32>, %b: tensor<i32>):
        %1 = stablehlo.add %a, %b : tensor<i32>
        stablehlo.return %1 : tensor<i32>
      }) : (tensor<8xi32>, tensor<i32>) -> tensor<4xi32>
      return %0 : tensor<4xi32>
    }"""
    (got,) = native_results(ir.parse(text), [np.arange(8, dtype=np.int32)])
    assert got.tolist() == [2 + 3, 3 + 4, 4 + 5, 5 + 6]


SCANS = {"sum": lax.cumsum, "product": lax.cumprod, "largest": lax.cummax, "least": lax.cummin}


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize(
    ("shape", "axis", "reverse"),
    [((65,), 0, False), ((3, 100), 1, True), ((2100,), 0, False), ((70, 5), 0, True)],
)
def test_prefixes_are_made_of_runs_and_exact_on_whole_numbers(scan, shape, axis, reverse):
    x = whole_numbers(np.random.default_rng(0), shape, np.int32)
    x = x.astype(np.float32) if scan != "product" else x | 1
    agree(lambda x: SCANS[scan](x, axis, reverse), x)


def test_a_long_sum_of_prefixes_is_not_a_window_over_everything():
    module = program(lambda x: jnp.cumsum(x), np.ones(4096, np.float32))
    windows = [
        op["window_dimensions"]
        for op in compile_module(module, stop="fused").modules["fused"].walk()
        if op.name == "stablehlo.reduce_window"
    ]
    assert windows and max(max(sizes) for sizes in windows) <= 64


@pytest.mark.parametrize("dtype", [np.float32, np.float16], ids=str)
def test_prefixes_from_an_initial_value_that_counts_stay_windows(dtype):
    """Each padded place adds 1 (specification; XLA's own rewriting into runs forgets them)."""
    x = whole_numbers(np.random.default_rng(0), (100,), dtype, 1)

    def f(x):
        return lax.reduce_window(x, np.asarray(1, dtype), lax.add, (100,), (1,), [(99, 0)])

    (got,) = native_results(program(f, x), [x])
    assert np.array_equal(got, 1 + np.arange(99, -1, -1) + np.cumsum(x))


POOLS = {
    "side by side": ((1, 2, 2, 1), (1, 2, 2, 1), "VALID"),
    "overlapping": ((1, 3, 3, 1), (1, 2, 2, 1), "SAME"),
    "apart": ((1, 2, 1, 1), (1, 3, 2, 1), "VALID"),
}


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=str)
def test_the_gradient_of_max_pooling_goes_to_the_largest(pool, dtype):
    """7 × 5 leaves a rest that no window side by side covers."""
    window, strides, padding = POOLS[pool]
    rng = np.random.default_rng(2)
    x = rng.permutation(2 * 7 * 5 * 3).reshape(2, 7, 5, 3).astype(dtype)

    def loss(x):
        init = np.asarray(-np.inf, dtype)
        y = lax.reduce_window(x, init, lax.max, window, strides, padding)
        return (y * y).sum()

    agree(jax.grad(loss), x, in_bounds=pool == "side by side")


def test_equal_elements_give_the_first_of_them():
    window, strides, padding = POOLS["side by side"]
    x = np.ones((1, 4, 4, 1), np.float32)

    def loss(x):
        return lax.reduce_window(x, -np.inf, lax.max, window, strides, padding).sum()

    agree(jax.grad(loss), x)


# -- whole programs ----------------------------------------------------------------------------


def convnet(params, x):
    """Two convolutions with pooling, and a dense layer: ten numbers an image."""
    for w in params[:2]:
        x = lax.conv_general_dilated(
            x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = lax.reduce_window(jax.nn.relu(x), -np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return x.reshape(x.shape[0], -1) @ params[2]


def test_a_convnet_and_its_gradient_are_those_of_jax():
    rng = np.random.default_rng(8)
    shapes = [(3, 3, 1, 8), (3, 3, 8, 16), (2 * 2 * 16, 10)]
    params = [(rng.normal(size=s) / np.sqrt(np.prod(s[:-1]))).astype(np.float32) for s in shapes]
    x = rng.normal(size=(4, 8, 8, 1)).astype(np.float32)

    def loss(x, *params):
        return (jax.nn.log_softmax(convnet(params, x))[:, 3]).sum()

    f = jax.value_and_grad(loss, argnums=(1, 2, 3))
    module = program(f, x, *params)
    exact = jax_results(f, x.astype(np.float64), *(p.astype(np.float64) for p in params))
    for got, want in zip(native_results(module, [x, *params]), exact, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * abs(np.asarray(want)).max())


@pytest.mark.parametrize("interior", [0, 2])
@pytest.mark.parametrize("low", [-5, -1, 0, 2])
def test_a_pad_that_asks_for_each_element_pads_alike(low, interior, monkeypatch):
    """The pad of a GPU's threads, which share nothing, run on the host: in bounds and exact."""
    x = np.arange(1, 21, dtype=np.float32).reshape(4, 5)
    amounts = [(low, 6, interior), (1, low, 0)]

    def f(x):
        return lax.pad(x * 2, np.float32(-1), amounts) + 1

    monkeypatch.setattr(
        compiler, "fusion_to_linalg", lambda op, out, alone: fusion_to_linalg(op, out, alone=True)
    )
    module = program(f, x)
    text = str(compile_module(module, stop="linalg").modules["linalg"])
    assert "tensor.insert_slice" not in text
    agree(f, x)
