"""Matrices, batch normalisation, reduce_precision and older ops: independent answers."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from jax import lax

from minidl import ir
from minidl.core.check import assert_ulp
from minidl.ir.mlir.types import type_of
from tests.ir.stablehlo.oracle import both, rng_of, same, xla


def run(op: str, out: str, *arrays) -> list:
    """One op in generic form on arguments; `out` are the result types."""
    ins = [type_of(a) for a in arrays]
    args = ", ".join(f"%a{i}: {t}" for i, t in enumerate(ins))
    outs = out.split("; ")
    n = len(outs)
    names = ", ".join(f"%0#{i}" for i in range(n)) if n > 1 else "%0"
    text = (
        f"module {{ func.func public @main({args}) -> ({', '.join(outs)}) {{\n"
        f"%0{f':{n}' if n > 1 else ''} = {op} : ({', '.join(map(str, ins))}) -> "
        f"({', '.join(outs)})\nreturn {names} : {', '.join(outs)} }} }}"
    )
    module = ir.parse(text)
    ir.verify(module)
    return [text, *ir.evaluate(module, *arrays)]


# -- matrices -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("left", "lower", "unit", "how"), list(itertools.product(
    [True, False], [True, False], [True, False], ["NO_TRANSPOSE", "TRANSPOSE", "ADJOINT"]
)))  # fmt: skip
def test_triangular_solve_solves_the_system(dtype, left, lower, unit, how):
    """Against LU of the triangle made whole; the other triangle holds NaN, never read."""
    rng = rng_of(left, lower, unit, how)
    a = rng.normal(size=(2, 4, 4)) + 4 * np.eye(4)
    b = rng.normal(size=(2, 4, 3) if left else (2, 3, 4))
    a, b = a.astype(dtype), b.astype(dtype)
    inside = np.tri(4, dtype=bool) if lower else np.tri(4, dtype=bool).T
    hidden = np.where(inside & ~(unit & np.eye(4, dtype=bool)), a, np.nan).astype(dtype)
    op = (
        f'"stablehlo.triangular_solve"(%a0, %a1) <{{left_side = {str(left).lower()}, '
        f"lower = {str(lower).lower()}, unit_diagonal = {str(unit).lower()}, "
        f"transpose_a = #stablehlo<transpose {how}>}}>"
    )
    _, got = run(op, str(type_of(b)), hidden, b)
    whole = np.where(inside, a, 0).astype(np.float64)
    if unit:
        whole[..., range(4), range(4)] = 1
    whole = whole if how == "NO_TRANSPOSE" else np.swapaxes(whole, -1, -2)
    wide = b.astype(np.float64)
    want = np.linalg.solve(whole, wide) if left else np.linalg.solve(
        np.swapaxes(whole, -1, -2), np.swapaxes(wide, -1, -2)).swapaxes(-1, -2)  # fmt: skip
    np.testing.assert_allclose(got, want, rtol=2e-7 if dtype == np.float32 else 1e-13, atol=0)


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_cholesky_multiplies_back(lower, n):
    rng = rng_of("cholesky", n)
    half = rng.normal(size=(3, n, n))
    a = (half @ np.swapaxes(half, -1, -2) + np.eye(n)).astype(np.float32)
    broken = np.where(np.tri(n, dtype=bool) == lower, a, np.nan) if n > 1 else a
    broken[..., range(n), range(n)] = a[..., range(n), range(n)]
    op = f'"stablehlo.cholesky"(%a0) <{{lower = {str(lower).lower()}}}>'
    _, got = run(op, str(type_of(a)), broken.astype(np.float32))
    want = np.linalg.cholesky(a.astype(np.float64)) if n else a
    want = want if lower else np.swapaxes(want, -1, -2)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)


def test_cholesky_of_what_has_no_root_is_nan():
    a = np.stack([-np.eye(2), np.eye(2)]).astype(np.float32)
    _, got = run('"stablehlo.cholesky"(%a0) <{lower = true}>', str(type_of(a)), a)
    assert np.isnan(got[0, 0, 0]) and np.array_equal(got[1], np.eye(2))


# -- batch normalisation ----------------------------------------------------------------------

EPSILON = 2.0**-10  # a float32 has it exactly


def normalised(x, scale, offset, d):
    """The definition, in JAX: mean and biased variance over the other dimensions."""
    others = tuple(i for i in range(x.ndim) if i != d)
    mean, variance = x.mean(others), x.var(others)
    shape = [-1 if i == d else 1 for i in range(x.ndim)]
    spread = [v.reshape(shape) for v in (mean, variance, scale, offset)]
    made = (x - spread[0]) / jnp.sqrt(spread[1] + EPSILON) * spread[2] + spread[3]
    return made, mean, variance


def backwards(x, scale, offset, g, d):
    """The gradients of x, scale and offset for a gradient of the result."""
    return jax.vjp(lambda *xs: normalised(*xs, d)[0], x, scale, offset)[1](g)


@pytest.mark.parametrize("d", [0, 1, 2])
def test_batch_norm_is_its_definition_and_its_gradient(d):
    """The gradient against JAX's own, of the definition in float64."""
    rng = rng_of("norm", d)
    x, g = (rng.normal(size=(3, 4, 5)) for _ in range(2))
    scale, offset = (rng.normal(size=x.shape[d]) for _ in range(2))
    t, c = str(type_of(x)), str(type_of(scale))
    attributes = f"<{{epsilon = {EPSILON} : f32, feature_index = {d} : i64}}>"
    with jax.enable_x64(True):
        want = jax.jit(normalised, static_argnums=3)(x, scale, offset, d)
        grads = jax.jit(backwards, static_argnums=4)(x, scale, offset, g, d)
    _, *got = run(f'"stablehlo.batch_norm_training"(%a0, %a1, %a2) {attributes}',
                  f"{t}; {c}; {c}", x, scale, offset)  # fmt: skip
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)
    _, *made = run(f'"stablehlo.batch_norm_grad"(%a0, %a1, %a2, %a3, %a4) {attributes}',
                   f"{t}; {c}; {c}", x, scale, got[1], got[2], g)  # fmt: skip
    for mine, theirs in zip(made, grads, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-13)
    _, inferred = run(f'"stablehlo.batch_norm_inference"(%a0, %a1, %a2, %a3, %a4) {attributes}',
                      t, x, scale, offset, got[1], got[2])  # fmt: skip
    np.testing.assert_allclose(inferred, got[0], rtol=1e-12, atol=1e-13)


# -- number formats ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
@pytest.mark.parametrize(("e", "m"), [(5, 10), (8, 7), (4, 3), (5, 2), (11, 52), (8, 23), (1, 0)])
def test_reduce_precision_has_xlas_bits(dtype, e, m):
    bits = rng_of(np.dtype(dtype).name, e, m).integers(0, 256, (500, np.dtype(dtype).itemsize))
    x = bits.astype(np.uint8).view(dtype).reshape(-1)
    attributes = f"exponent_bits = {e} : i32, mantissa_bits = {m} : i32"
    op = f'"stablehlo.reduce_precision"(%a0) <{{{attributes}}}>'
    text, got = run(op, str(type_of(x)), x)
    (want,) = xla(text, x)
    assert same(got, want)


# -- older ops --------------------------------------------------------------------------------


def test_dot_einsum_broadcast_and_index_select_are_numpys():
    rng = rng_of("older")
    x, y, v = (rng.normal(size=s).astype(np.float32) for s in ((3, 4), (4, 5), (4,)))
    for a, b in ((x, y), (x, v), (v, y), (v, v)):
        want = a.astype(np.float64) @ b
        _, got = run(
            '"stablehlo.dot"(%a0, %a1)', f"tensor<{''.join(f'{n}x' for n in want.shape)}f32>", a, b
        )
        assert_ulp(got, want, 1, name="dot")
    _, got = run(
        '"stablehlo.einsum"(%a0, %a1) <{einsum_config = "ij,jk->ki"}>', "tensor<5x3xf32>", x, y
    )
    assert_ulp(got, (x.astype(np.float64) @ y).T, 1, name="einsum")
    _, got = run('"stablehlo.unary_einsum"(%a0) <{einsum_config = "ij->j"}>', "tensor<4xf32>", x)
    assert_ulp(got, x.astype(np.float64).sum(0), 1, name="unary_einsum")
    _, got = run(
        '"stablehlo.broadcast"(%a0) <{broadcast_sizes = array<i64: 2>}>', "tensor<2x4xf32>", v
    )
    assert np.array_equal(got, np.stack([v, v]))
    at = np.array([[2, 0], [9, -1]], np.int32)
    op = '"stablehlo.torch_index_select"(%a0, %a1) <{dim = 0 : i64, batch_dims = 0 : i64}>'
    _, got = run(op, "tensor<2x2x4xf32>", x, at)
    assert np.array_equal(got, x[np.clip(at, 0, 2)])
    op = op.replace("dim = 0", "dim = 1", 1).replace("batch_dims = 0", "batch_dims = 1")
    _, got = run(op, "tensor<3x2xf32>", x, np.array([[1, 1], [0, 3], [2, 7]], np.int32))
    assert np.array_equal(got, np.take_along_axis(x, np.array([[1, 1], [0, 3], [2, 3]]), 1))


def test_linear_algebra_as_jax_writes_it():
    """Programs around the ops: JAX's own lowering for accelerators keeps them whole."""
    a = np.eye(3, dtype=np.float32) * 4 + 1
    b = np.arange(3, dtype=np.float32)[:, None]

    def f(a, b):
        half = lax.linalg.cholesky(a)
        return lax.linalg.triangular_solve(half, b, left_side=True, lower=True)

    text = jax.jit(f).trace(a, b).lower(lowering_platforms=("tpu",)).as_text()
    assert "stablehlo.cholesky" in text and "stablehlo.triangular_solve" in text
    (got,) = ir.evaluate(ir.parse(text), a, b)
    want = np.linalg.solve(np.linalg.cholesky(a.astype(np.float64)), b)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)
    assert both(lambda x: lax.reduce_precision(x, 8, 7), b)[1][0].dtype == np.float32
