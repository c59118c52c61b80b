"""Gather and dynamic slices as native code: JAX's elements, nothing read outside."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from jax import lax

from minidl import ir
from minidl.xla.compiler import compile_module
from tests.ir.lowering.jaxed import agree, native_results, program

DTYPES = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16, np.int32, np.int8, bool]
INDICES = [np.int32, np.int64, np.int8, np.uint8, np.uint32, np.int16, np.uint64]


def numbered(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Elements that differ from their neighbours."""
    return (np.arange(np.prod(shape)) * 7 % 101).reshape(shape).astype(dtype)


def wild(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Start indices inside, a little outside, and at the ends of their type."""
    info = np.iinfo(dtype)
    some = rng.integers(max(info.min, -3), 12, shape).astype(dtype)
    ends = rng.choice(np.array([info.min, info.max], dtype), shape)
    return np.where(rng.random(shape) < 0.2, ends, some).astype(dtype)


def drawn(rng: np.random.Generator) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    """Random dimension numbers, batching dimensions included: function, operand, starts."""
    rank = int(rng.integers(1, 5))
    dims = list(map(int, rng.permutation(rank)))
    sizes = [int(n) for n in rng.integers(1, 7, rank)]
    batching = dims[: rng.integers(0, min(2, rank))]
    rest = dims[len(batching) :]
    mapped = rest[: rng.integers(0, len(rest) + 1)]
    collapsed = [d for d in rest if rng.random() < 0.4]
    slices = [1 if d in (*batching, *collapsed) else int(rng.integers(1, n + 1))
              for d, n in enumerate(sizes)]  # fmt: skip
    batch = [int(n) for n in rng.integers(1, 5, rng.integers(0, 3))]
    at = sorted(rng.permutation(len(batch) + len(batching))[: len(batching)].tolist())
    pairs = dict(zip(at, sorted(batching), strict=True))
    free = iter(batch)
    starts = [sizes[pairs[i]] if i in pairs else next(free)
              for i in range(len(batch) + len(batching))]  # fmt: skip
    walked = rank - len(batching) - len(collapsed)
    result = len(starts) + walked
    offsets = tuple(sorted(rng.permutation(result)[:walked].tolist()))
    numbers = lax.GatherDimensionNumbers(
        offsets, tuple(sorted(collapsed)), tuple(mapped), tuple(sorted(batching)), tuple(at)
    )

    def f(x: Any, starts: Any) -> Any:
        return lax.gather(x, starts, numbers, slices, mode=lax.GatherScatterMode.CLIP)

    return f, tuple(sizes), (*starts, len(mapped))


@pytest.mark.parametrize("seed", range(50))
def test_a_gather_with_any_dimension_numbers_is_that_of_jax(seed):
    rng = np.random.default_rng(seed)
    f, shape, starts = drawn(rng)
    dtype, kind = DTYPES[seed % len(DTYPES)], INDICES[seed % len(INDICES)]
    if kind == np.uint64:  # JAX clamps through a signed type; `evaluate` and we do not
        kind = np.int32
    agree(f, numbered(shape, dtype), wild(rng, starts, kind))


@pytest.mark.parametrize("seed", range(12))
def test_a_dynamic_slice_starts_where_it_fits(seed):
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    shape = tuple(map(int, rng.integers(1, 9, rank)))
    sizes = tuple(int(rng.integers(1, n + 1)) for n in shape)
    starts = wild(rng, (rank,), INDICES[seed % 6])

    def f(x, *starts):
        return lax.dynamic_slice(x, starts, sizes)

    agree(f, numbered(shape, DTYPES[seed % len(DTYPES)]), *(np.asarray(s) for s in starts))


def test_an_unsigned_start_beyond_every_signed_number_is_the_last():
    text = """func.func @main(%x: tensor<5xi32>, %i: tensor<ui64>) -> tensor<2xi32> {
      %0 = stablehlo.dynamic_slice %x, %i, sizes = [2] : (tensor<5xi32>, tensor<ui64>) -> tensor<2xi32>
      return %0 : tensor<2xi32>
    }"""  # noqa: E501
    x, i = np.arange(5, dtype=np.int32), np.array(2**64 - 1, np.uint64)
    (got,) = native_results(ir.parse(text), [x, i])
    assert got.tolist() == [3, 4]


def test_reads_of_an_empty_array_are_none():
    def f(x, i):
        return x[i]

    agree(f, np.ones((4, 0), np.float32), np.array([1, 9, -1], np.int32), in_bounds=False)


# -- fused with what is around -------------------------------------------------------------------

X, ROWS = numbered((12, 20), np.float32), np.array([3, 0, 11, 40, -3, 7, 2], np.int32)
FUSED = {
    "elementwise after": lambda x, i: jnp.exp2(x[i]) - x[i] * 2,
    "elementwise before": lambda x, i: (x * 2 + 1)[i],
    "indices computed": lambda x, i: x[(i * 3 + 1) % 12, (i * i) % 20],
    "a sum of rows": lambda x, i: x[i].sum(0),
    "a sum along rows": lambda x, i: x[i].sum(1),
    "moves on both sides": lambda x, i: x.T[::2, i][::-1],
    "a product of rows": lambda x, i: x[i] @ x[i].T,
    "gathers of gathers": lambda x, i: x[i[i % 7]],
    "a slice in two directions": lambda x, i: lax.dynamic_slice(x, (i[0], i[1]), (5, 8)) + 1,
    "where the largest is": lambda x, i: x[jnp.argmax(x[i], axis=0) % 12],
    "a row of its own array": lambda x, i: (x + 1) * (x + 1)[i[0]],
    "read by two": lambda x, i: (x[i], x[i].max(1)),
}


@pytest.mark.parametrize("name", FUSED)
def test_a_gather_goes_with_its_neighbours(name):
    agree(FUSED[name], X, ROWS)


def loops_of(f, *args):
    module = compile_module(program(f, *args), stop="loops").modules["loops"]
    return [op.name for op in module.walk()], len(module.functions) - 1


def test_taking_rows_is_one_loop_that_loads_vectors():
    names, functions = loops_of(lambda x, i: x.at[i].get(mode="clip") * 2, X, ROWS)
    assert functions == 1
    assert "vector.load" in names and "vector.from_elements" not in names


def test_taking_columns_gathers_lane_by_lane():
    names, functions = loops_of(
        lambda x, i: x.at[:, i].get(mode="clip") * 2, X, np.zeros(16, np.int32)
    )
    assert functions == 1
    assert "vector.from_elements" in names and "vector.store" in names


def test_the_linalg_of_a_gather_clamps_and_extracts():
    module = compile_module(
        program(lambda x, i: x.at[i].get(mode="clip"), X, ROWS), stop="linalg"
    ).modules["linalg"]
    names = [op.name for op in module.walk()]
    for name in ("linalg.index", "arith.minsi", "arith.maxsi", "tensor.extract"):
        assert names.count(name) == 1


# -- amounts that are data ---------------------------------------------------------------------


def dynamic(text: str, *args: Any) -> np.ndarray:
    (got,) = native_results(ir.parse(text), list(args))
    return got


@pytest.mark.parametrize("low", [-2, 0, 3])
@pytest.mark.parametrize("interior", [0, 2])
def test_a_pad_whose_amounts_are_data_is_that_of_jax(low, interior):
    x, high = np.arange(1, 6, dtype=np.float32), 9 - low - 5 - 4 * interior
    text = """func.func @main(%x: tensor<5xf32>, %v: tensor<f32>, %lo: tensor<1xi32>,
        %hi: tensor<1xi32>, %in: tensor<1xi32>) -> tensor<9xf32> {
      %0 = stablehlo.dynamic_pad %x, %v, %lo, %hi, %in : (tensor<5xf32>, tensor<f32>,
        tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<9xf32>
      return %0 : tensor<9xf32>
    }"""
    amounts = [np.array([n], np.int32) for n in (low, high, interior)]
    got = dynamic(text, x, np.array(-1, np.float32), *amounts)
    assert np.array_equal(got, lax.pad(x, np.float32(-1), [(low, high, interior)]))


def test_a_slice_whose_bounds_are_data_is_numpys():
    x = numbered((8, 5), np.int32)
    text = """func.func @main(%x: tensor<8x5xi32>, %a: tensor<2xi64>, %b: tensor<2xi64>,
        %s: tensor<2xi64>) -> tensor<3x2xi32> {
      %0 = stablehlo.real_dynamic_slice %x, %a, %b, %s : (tensor<8x5xi32>, tensor<2xi64>,
        tensor<2xi64>, tensor<2xi64>) -> tensor<3x2xi32>
      return %0 : tensor<3x2xi32>
    }"""
    bounds = [np.array(n, np.int64) for n in ([1, 0], [7, 4], [2, 2])]
    assert np.array_equal(dynamic(text, x, *bounds), x[1:7:2, 0:4:2])


# -- a whole program -----------------------------------------------------------------------------


def test_an_embedding_with_its_gradient_of_the_scale():
    """Rows of a table, scaled and summed: an embedding bag, exact on whole numbers."""

    def loss(scale, table, words):
        return (table[words] * scale).sum()

    table = numbered((50, 16), np.float32)
    words = np.random.default_rng(0).integers(0, 50, (6, 9)).astype(np.int32)
    agree(jax.value_and_grad(loss), np.full(16, 2, np.float32), table, words)


@pytest.mark.parametrize("cut", ["gather", "slice"])
def test_a_dimension_left_out_at_its_end_keeps_the_strides(cut):
    """The loops may not run over memory as if each element followed the last (a random program)."""
    if cut == "gather":
        body = """%6 = "stablehlo.gather"(%a, %i) <{dimension_numbers = #stablehlo.gather<
          offset_dims = [0, 1], collapsed_slice_dims = [2]>, slice_sizes = array<i64: 2, 3, 1>}>
          : (tensor<2x3x2xf64>, tensor<0xui8>) -> tensor<2x3xf64>"""
    else:
        body = """%5 = stablehlo.slice %a [0:2, 0:3, 0:1]
          : (tensor<2x3x2xf64>) -> tensor<2x3x1xf64>
          %6 = stablehlo.reshape %5 : (tensor<2x3x1xf64>) -> tensor<2x3xf64>"""
    module = ir.parse(f"""func.func @main(%a: tensor<2x3x2xf64>, %i: tensor<0xui8>)
        -> tensor<2x3xf64> {{
      {body}
      %7 = stablehlo.negate %6 : tensor<2x3xf64>
      return %7 : tensor<2x3xf64> }}""")
    x = np.arange(12.0).reshape(2, 3, 2)
    (got,) = compile_module(module)(x, np.zeros(0, np.uint8))
    assert np.array_equal(got, -x[:, :, 0])
