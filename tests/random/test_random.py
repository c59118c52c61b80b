"""minidl.random against jax.random: the same bits, in every shape."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import minidl
from minidl import ir, random
from minidl.core.errors import ShapeError, TraceError

SHAPES = [(), (7,), (3, 5), (0,), (2, 0, 3), (33, 65)]
SEED = 1234
KEY = random.key(SEED)
THEIRS = jax.random.PRNGKey(SEED)


def same(got, want):
    want = np.asarray(want)
    assert got.dtype == want.dtype and got.shape == want.shape
    assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize("seed", [0, 1, 42, 2**31 - 1, 2**31, 2**32 - 1, -1, -7, -(2**31)])
def test_keys_are_jax_s(seed):
    if seed < 2**31:
        same(random.key(seed), jax.random.PRNGKey(seed))
    assert random.key(seed).tolist() == [0, seed % 2**32]


def test_a_wide_seed_uses_both_words():
    assert random.key(5 * 2**32 + 3).tolist() == [5, 3]


@pytest.mark.parametrize("num", [1, 2, 5, (2, 3)])
def test_split_is_jax_s(num):
    same(random.split(KEY, num), jax.random.split(THEIRS, num))


@pytest.mark.parametrize("data", [0, 1, 77, 2**31 - 1])
def test_fold_in_is_jax_s(data):
    same(random.fold_in(KEY, data), jax.random.fold_in(THEIRS, data))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("width", [8, 16, 32])
def test_bits_are_jax_s(shape, width):
    want = jax.random.bits(THEIRS, shape, jnp.dtype(f"uint{width}"))
    same(random.bits(KEY, shape, width), want)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_uniform_is_jax_s(shape, dtype):
    same(random.uniform(KEY, shape, dtype), jax.random.uniform(THEIRS, shape, dtype))


def test_uniform_between_bounds_differs_from_jax_by_its_fused_multiply_add_only():
    """JAX's CPU compiler rounds u·(b − a) + a once, here it rounds twice (DESIGN, Numbers)."""
    got = random.uniform(KEY, (1000,), minval=-2.0, maxval=3.0)
    want = np.asarray(jax.random.uniform(THEIRS, (1000,), minval=-2.0, maxval=3.0))
    unit = random.uniform(KEY, (1000,))
    twice = (unit * np.float32(5)).astype(np.float32) - np.float32(2)
    once = (unit.astype(np.float64) * 5 - 2).astype(np.float32)
    np.testing.assert_array_equal(got, np.maximum(twice, np.float32(-2)))
    np.testing.assert_array_equal(want, once)


def test_64_bits_are_jax_s():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        same(random.uniform(KEY, (7,), np.float64), jax.random.uniform(THEIRS, (7,), np.float64))
        same(random.bits(KEY, (7,), 64), jax.random.bits(THEIRS, (7,), jnp.dtype("uint64")))
    finally:
        jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_bernoulli_is_jax_s(shape):
    same(random.bernoulli(KEY, 0.3, shape), jax.random.bernoulli(THEIRS, 0.3, shape))


def test_bernoulli_takes_an_array_of_probabilities():
    p = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    same(random.bernoulli(KEY, p), jax.random.bernoulli(THEIRS, p))


RANGES = [(0, 10), (-5, 100), (0, 2**31 - 1), (3, 3), (7, 2)]


@pytest.mark.parametrize(
    "shape,bounds", [((7,), b) for b in RANGES] + [(s, (0, 10)) for s in SHAPES]
)
def test_randint_is_jax_s(shape, bounds):
    same(random.randint(KEY, shape, *bounds), jax.random.randint(THEIRS, shape, *bounds))


@pytest.mark.parametrize("n", [0, 1, 2, 10, 1437, 1797, 5000])
def test_permutation_is_jax_s(n):
    """1,625 and fewer take one round of sorting keys, more take two."""
    same(random.permutation(KEY, n), jax.random.permutation(THEIRS, n))


def test_rows_are_permuted_as_jax_does():
    rows = np.arange(60, dtype=np.float32).reshape(20, 3)
    same(random.permutation(KEY, rows), jax.random.permutation(THEIRS, rows))


def ulps(a, b):
    return np.abs(a.view(np.int32).astype(np.int64) - b.view(np.int32))


def test_normal_is_within_3_ulp_of_jax_s():
    """The bits of u and the polynomial are the same; JAX's log1p and FMAs round otherwise."""
    got, want = random.normal(KEY, (200_000,)), np.asarray(jax.random.normal(THEIRS, (200_000,)))
    distance = ulps(got, want)
    assert distance.max() <= 3
    assert (distance == 0).mean() > 0.94


def test_normal_has_the_moments_of_a_normal():
    x = random.normal(random.key(3), (100_000,)).astype(np.float64)
    four_sigma = 4 / np.sqrt(len(x))
    assert abs(x.mean()) < four_sigma
    assert abs(x.var() - 1) < four_sigma * np.sqrt(2)
    assert abs((x**3).mean()) < four_sigma * np.sqrt(15)
    assert abs((x**4).mean() - 3) < four_sigma * np.sqrt(96)


def test_erf_inv_inverts_erf():
    """Giles states 4·10⁻⁷ relative error for the centre and tail polynomials."""
    from math import erf

    from minidl.random.distributions import erf_inv

    x = np.linspace(-0.999, 0.999, 501, dtype=np.float32)
    back = np.array([erf(float(v)) for v in erf_inv(x)])
    np.testing.assert_allclose(back, x, rtol=6e-7)
    np.testing.assert_array_equal(erf_inv(np.float32([-1, 1])), [-np.inf, np.inf])


def test_random_bits_are_the_same_eager_traced_and_jitted():
    def f(key):
        a, b = random.split(key)[0], random.fold_in(key, 3)
        return random.uniform(a, (5, 3)), random.bits(b, (4,)), random.bernoulli(b, 0.5, (9,))

    eager, jitted = f(KEY), minidl.jit(f)(KEY)
    traced = ir.evaluate(minidl.trace(f, KEY), KEY)
    for a, b, c in zip(eager, traced, jitted, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_a_seed_may_be_traced():
    got = ir.evaluate(minidl.trace(random.key, np.int32(7)), np.int32(7))[0]
    same(got, jax.random.PRNGKey(7))


@pytest.mark.parametrize(
    "f,kind,what",
    [
        (lambda: random.key(0.5), TraceError, "wants an integer, got 0.5"),
        (lambda: random.uniform(3, (2,)), ShapeError, r"wants a key uint32\[2\] first, got 3"),
        (lambda: random.bits(random.split(KEY)), ShapeError, "wants a key"),
        (lambda: random.uniform(KEY, (2,), np.int32), TraceError, "makes floats, not i32"),
        (lambda: random.permutation(KEY, 0.5), TraceError, "an integer or an array of rows"),
        (lambda: random.randint(KEY, (2,), 0.5, 3), TraceError, "Python integers as bounds"),
    ],
)
def test_what_is_no_key_or_type_is_refused(f, kind, what):
    with pytest.raises(kind, match=what) as caught:
        f()
    assert caught.value.span.file == __file__
