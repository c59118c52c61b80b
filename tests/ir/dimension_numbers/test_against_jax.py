"""evaluate on what JAX writes for its own indexed and windowed functions: equal to the bit.

JAX's text is parsed, evaluated and compared with what JAX computes on XLA's CPU back end.
Values are small whole numbers, so sums are exact in any order.
"""

from __future__ import annotations

import zlib
from typing import Any

import jax
import ml_dtypes
import numpy as np
import pytest
from jax import lax

from minidl import ir
from tests.ir.dimension_numbers import cases
from tests.ir.dimension_numbers.cases import NUMPY

Rng = np.random.Generator


@pytest.fixture(autouse=True)
def wide_types():
    with jax.enable_x64(True):
        yield


def rng_of(*what: Any) -> Rng:
    return np.random.default_rng(zlib.crc32(repr(what).encode()))


def check(f: Any, *args: Any) -> ir.Module:
    """The text of `f` means what JAX computes."""
    lowered = jax.jit(f).lower(*args)
    want = jax.tree.leaves(lowered.compile()(*args))
    module = ir.parse(lowered.as_text())
    ir.verify(module)
    got = ir.evaluate(module, *jax.tree.leaves(args))
    for mine, theirs in zip(got, map(np.asarray, want), strict=True):
        assert mine.dtype == theirs.dtype
        floats = mine.dtype.kind not in "biu"
        assert np.array_equal(mine, theirs, equal_nan=floats), f"{module}\n{mine}\n{theirs}"
    return module


def holds(module: ir.Module, name: str) -> bool:
    return any(op.name == f"stablehlo.{name}" for op in module.walk())


# -- gather and scatter ------------------------------------------------------------------


def gather_dims(p: dict[str, Any]) -> lax.GatherDimensionNumbers:
    return lax.GatherDimensionNumbers(
        offset_dims=tuple(p["offset"]),
        collapsed_slice_dims=tuple(p["collapsed"]),
        start_index_map=tuple(p["mapped"]),
        operand_batching_dims=tuple(p["batching"]),
        start_indices_batching_dims=tuple(p["start_batching"]),
    )


@pytest.mark.parametrize("seed", range(24))
def test_gather(seed):
    rng = rng_of("gather", seed)
    case = cases.gather(rng, last=True)
    x, starts = case.inputs(rng)
    mode = ["clip", "fill"][seed % 2]
    if x.dtype == bool and mode == "fill":
        x = x.astype(np.int8)
    dims, sizes = gather_dims(case.facts), tuple(case.facts["window"])
    check(lambda x, i: lax.gather(x, i, dims, sizes, mode=mode, fill_value=7), x, starts)


SCATTERS = {
    "add": lax.scatter_add,
    "multiply": lax.scatter_mul,
    "minimum": lax.scatter_min,
    "maximum": lax.scatter_max,
    "last": lax.scatter,
}


@pytest.mark.parametrize("kind", SCATTERS)
@pytest.mark.parametrize("seed", range(6))
def test_scatter(kind, seed):
    """Starts are clamped by JAX's own program ("clip"), so that whole windows are inside.

    (XLA's CPU back end drops an update window that is partly outside; the specification
    drops its elements that are; and XLA drops all updates when the indices have no element,
    though a start index of no numbers is a start at 0.  The reference interpreter, which
    does as the specification says, is asked about both.)
    """
    rng = rng_of("scatter", kind, seed)
    case = cases.scatter(rng, last=True, kind=kind)
    while not case.facts["mapped"] or case.args[0][1] == "i1":  # (JAX adds no booleans)
        case = cases.scatter(rng, last=True, kind=kind)
    x, starts, update = case.inputs(rng)
    if kind == "last":  # which of two updates of one place wins is XLA's choice
        update = np.full_like(update, 2)
    p = case.facts
    dims = lax.ScatterDimensionNumbers(
        update_window_dims=tuple(p["offset"]),
        inserted_window_dims=tuple(p["collapsed"]),
        scatter_dims_to_operand_dims=tuple(p["mapped"]),
        operand_batching_dims=tuple(p["batching"]),
        scatter_indices_batching_dims=tuple(p["start_batching"]),
    )
    f = SCATTERS[kind]
    check(lambda x, i, u: f(x, i, u, dims, mode="clip"), x, starts, update)


@pytest.mark.parametrize("element", ["f32", "bf16", "i32", "ui8"])
def test_indexed_updates_of_whole_rows_and_points(element):
    """`x.at[i].add(u)`: indices out of bounds are dropped, repeated ones add up."""
    rng = rng_of("at", element)
    x = cases.values(rng, (5, 4), element)
    index = np.array([0, 3, 3, -1, 9, 3], np.int32)
    rows = cases.values(rng, (6, 4), element)
    points = cases.values(rng, (6,), element)
    assert holds(check(lambda x, i, u: x.at[i].add(u), x, index, rows), "scatter")
    check(lambda x, i, u: x.at[i, i].max(u, mode="drop"), x, index, points)
    check(lambda x, i: x.at[i].get(mode="fill", fill_value=3), x, index)


# -- dynamic slices ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_dynamic_slices(seed):
    rng = rng_of("dynamic", seed)
    case = cases.dynamic_slice(rng)
    x, *starts = case.inputs(rng)
    sizes = case.facts["window"]
    update = cases.values(rng, sizes, case.args[0][1])
    check(lambda x, *i: lax.dynamic_slice(x, i, sizes), x, *starts)
    check(lambda x, u, *i: lax.dynamic_update_slice(x, u, i), x, update, *starts)


@pytest.mark.parametrize("index", [255, 128, 127, 0])
def test_an_unsigned_start_is_read_as_unsigned(index):
    x = np.arange(6, dtype=np.int32)
    check(lambda x, i: lax.dynamic_slice(x, (i,), (2,)), x, np.uint8(index))


# -- windows -----------------------------------------------------------------------------

MONOIDS = {
    "add": (lax.add, 0),
    "mul": (lax.mul, 1),
    "max": (lax.max, -8),
    "min": (lax.min, 8),
    "or": (lax.bitwise_or, 0),
    "own": (lambda a, b: lax.max(a, lax.add(b, b)), -16),
}
REDUCED = ["f32", "bf16", "f16", "f64", "i8", "i32", "i64"]


@pytest.mark.parametrize("name", MONOIDS)
@pytest.mark.parametrize("seed", range(5))
def test_reduce_window(name, seed):
    rng = rng_of("window", name, seed)
    shape = cases.sizes(rng, int(rng.integers(1, 4)), 5)
    w = cases.window(rng, shape)
    element = "i32" if name == "or" else str(rng.choice(REDUCED))
    x = cases.values(rng, shape, element)
    f, identity = MONOIDS[name]
    init = np.asarray(identity).astype(NUMPY[element])
    if name == "own":  # XLA skips padding where the specification folds the init value in
        w.padding = [(min(lo, 0), min(hi, 0)) for lo, hi in w.padding]
        w.base = [1] * len(w.base)
    check(
        lambda x: lax.reduce_window(
            x, init, f, tuple(w.sizes), tuple(w.strides), tuple(w.padding),
            base_dilation=tuple(w.base), window_dilation=tuple(w.window),
        ),
        x,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_select_and_scatter_is_the_gradient_of_max_pooling(seed):
    """All elements differ, so that there is one maximum in each window."""
    rng = rng_of("pool", seed)
    shape = tuple(int(n) for n in rng.integers(1, 6, int(rng.integers(1, 4))))
    w = cases.window(rng, shape, base=False, dilate=False)
    w.sizes = [min(n, s) for n, s in zip(shape, w.sizes, strict=True)]
    w.padding = [(int(lo), int(hi)) for lo, hi in rng.integers(0, 2, (len(shape), 2))]
    w.padding = [
        (min(lo, s - 1), min(hi, s - 1)) for (lo, hi), s in zip(w.padding, w.sizes, strict=True)
    ]
    x = rng.permutation(np.prod(shape, dtype=int)).reshape(shape).astype(np.float32)
    cotangent = cases.values(rng, w.outputs(shape), "f32")

    def gradient(x, ct):
        def pool(x):
            return lax.reduce_window(
                x, -np.inf, lax.max, tuple(w.sizes), tuple(w.strides), tuple(w.padding)
            )

        return jax.vjp(pool, x)[1](ct)[0]

    assert holds(check(gradient, x, cotangent), "select_and_scatter")


# -- convolution -------------------------------------------------------------------------


def _compiled(f: Any, *args: Any) -> Any:
    """`f` on XLA without its algebraic simplifier, which aborts on some of these layouts."""
    lowered = jax.jit(f).lower(*args)
    return lowered.compile(compiler_options={"xla_disable_hlo_passes": "algsimp"})(*args)


@pytest.mark.parametrize("seed", range(40))
def test_convolution(seed):
    """All layouts, dilations, groups; reversal is a kernel that JAX reverses first."""
    rng = rng_of("conv", seed)
    case = cases.convolution(rng)
    elements = ["f32", "f32", "bf16", "f16", "f64", "i32", "i8"]
    element = str(rng.choice(elements))
    case.args = [(shape, element) for shape, _ in case.args]
    case.results = [(case.results[0][0], element)]
    x, kernel = case.inputs(rng)
    w, p = case.facts["window"], case.facts
    space = "".join(map(str, range(len(w.sizes))))
    places = zip(p["letters"], ("bf", "oi", "bf"), strict=True)
    specs = [tuple(text.index(c) for c in letters + space) for text, letters in places]
    flip = [d for d, r in zip(specs[1][2:], p["reverse"], strict=True) if r]
    want = _compiled(
        lambda x, k: lax.conv_general_dilated(
            x, k, w.strides, w.padding, lhs_dilation=w.base, rhs_dilation=w.window,
            dimension_numbers=lax.ConvDimensionNumbers(*specs),
            feature_group_count=p["features"], batch_group_count=p["batches"],
        ),
        x, np.flip(kernel, flip),
    )  # fmt: skip
    module = ir.parse(case.text)
    ir.verify(module)
    (got,) = ir.evaluate(module, x, kernel)
    assert got.dtype == want.dtype
    assert np.array_equal(got, np.asarray(want)), case.text


def test_convolution_texts_of_jax_and_its_gradients():
    rng = rng_of("net")
    x = cases.values(rng, (2, 6, 6, 3), "f32")
    k = cases.values(rng, (3, 3, 3, 4), "f32")

    def f(x, k):
        y = lax.conv_general_dilated(
            x, k, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return (y * y).sum()

    module = check(jax.value_and_grad(f, (0, 1)), x, k)
    assert sum(op.name == "stablehlo.convolution" for op in module.walk()) == 3


def test_half_precision_sums_round_once():
    """bf16: 256 + 1 + 1 is 258, though 256 + 1 rounds to 256."""
    x = np.array([256, 1, 1], ml_dtypes.bfloat16)
    got = check(
        lambda x: lax.conv_general_dilated(
            x.reshape(1, 1, 3), np.ones((1, 1, 3), ml_dtypes.bfloat16), (1,), "VALID"
        ),
        x,
    )
    assert float(ir.evaluate(got, x)[0].item()) == 258
