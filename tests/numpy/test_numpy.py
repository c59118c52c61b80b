"""minidl.numpy against NumPy (float64, exact shapes) and JAX (dtypes), eager and traced."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minidl
from minidl import ir
from minidl import numpy as mnp
from minidl.core.errors import MinidlError, ShapeError, TraceError

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 4))
B = RNG.normal(size=(4,))
P = np.abs(A) + 0.5
I = RNG.integers(-9, 10, size=(3, 4)).astype(np.int32)
J = RNG.integers(1, 5, size=(4,)).astype(np.int32)
U = RNG.integers(0, 99, size=(3, 4)).astype(np.uint32)
T = A > 0
C = RNG.normal(size=(2, 3, 4))


def words(text):
    return text.split()


# name, arguments: the same call in NumPy is the oracle
CALLS = [
    *[(n, (A,)) for n in words("exp expm1 sin cos tan tanh cbrt floor ceil abs sign square")],
    ("negative", (A,)),
    *[(n, (P,)) for n in words("log log1p sqrt reciprocal rint")],
    *[(n, (A, B)) for n in words("add subtract multiply divide maximum minimum arctan2")],
    *[(n, (A, B)) for n in words("remainder floor_divide less less_equal greater equal")],
    *[(n, (I, J)) for n in words("add subtract multiply remainder floor_divide maximum power")],
    *[(n, (I, J)) for n in words("bitwise_and bitwise_or bitwise_xor left_shift right_shift")],
    *[(n, (U, np.uint32(3))) for n in words("right_shift remainder floor_divide add")],
    *[(n, (T, ~T)) for n in words("logical_and logical_or logical_xor maximum")],
    ("power", (P, A)),
    ("power", (A, 3)),
    ("power", (A, -2)),
    ("power", (A, 0)),
    ("invert", (I,)),
    ("invert", (T,)),
    ("logical_not", (I,)),
    ("isfinite", (np.array([1.0, np.inf, np.nan]),)),
    ("isnan", (np.array([1.0, np.inf, np.nan]),)),
    ("logaddexp", (A, B)),
    ("where", (T, A, 0.0)),
    ("where", (B > 0, A, C)),
    ("clip", (A, -0.5, 0.5)),
    *[(n, (A,)) for n in words("sum mean max min prod var std any all argmax argmin")],
    *[(n, (C, 1)) for n in words("sum mean max min prod var std any all argmax argmin")],
    *[(n, (C, (0, -1))) for n in words("sum mean max min prod var std any all")],
    ("sum", (T,)),
    ("argmax", (np.array([1.0, 3.0, 3.0]),)),
    ("argmax", (np.array([1.0, np.nan, 3.0]),)),
    ("reshape", (C, (4, -1))),
    ("ravel", (C,)),
    ("transpose", (C,)),
    ("transpose", (C, (1, 2, 0))),
    ("swapaxes", (C, 0, -1)),
    ("moveaxis", (C, 0, 2)),
    ("expand_dims", (A, 1)),
    ("expand_dims", (A, (0, -1))),
    ("squeeze", (A[:, :1],)),
    ("squeeze", (A[None, :, :1], -1)),
    ("broadcast_to", (B, (2, 3, 4))),
    ("concatenate", ([A, A * 2],)),
    ("concatenate", ([A, A[:, :2]], 1)),
    ("stack", ([A, A],)),
    ("stack", ([A, A], -1)),
    ("split", (C, 2, 2)),
    ("flip", (C,)),
    ("flip", (C, 1)),
    ("roll", (B, 1)),
    ("roll", (A, -3, 1)),
    ("pad", (A, ((1, 0), (2, 3)))),
    ("tril", (A,)),
    ("tril", (A, -1)),
    ("sort", (A,)),
    ("sort", (C, 0)),
    ("argsort", (A,)),
    ("matmul", (A, A.T)),
    ("matmul", (A, B)),
    ("matmul", (B, A.T)),
    ("matmul", (C, A.T)),
    ("matmul", (A, np.swapaxes(C, 1, 2))),
    ("matmul", (B, np.swapaxes(C, 1, 2))),
    ("matmul", (B, B)),
    ("dot", (A, B)),
    ("dot", (2.0, A)),
    ("dot", (C, np.swapaxes(C, 1, 2))),
    ("tensordot", (C, C.transpose(1, 2, 0), 2)),
    ("tensordot", (C, A, ([1, 2], [0, 1]))),
    ("outer", (B, B)),
    ("einsum", ("bqd,bkd->bqk", C, C)),
    ("einsum", ("ij,jk->ki", A, A.T)),
    ("einsum", ("bij,k->jk", C, B)),
]  # fmt: skip


def spell(a):
    if isinstance(a, np.ndarray):
        return f"{a.dtype}{list(a.shape)}".replace(" ", "")
    return "list" if isinstance(a, list) else str(a)


def identify(call):
    return "-".join([call[0], *map(spell, call[1])])


def close(got, want):
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    np.testing.assert_allclose(got.astype(np.float64), want.astype(np.float64), rtol=1e-12)


@pytest.mark.parametrize("call", CALLS, ids=identify)
def test_values_are_numpy_s_eager_and_traced(call):
    name, args = call
    with np.errstate(all="ignore"):
        want = getattr(np, name)(*args)
    eager = getattr(mnp, name)(*args)
    moving = [i for i, a in enumerate(args) if isinstance(a, np.ndarray)]

    def f(*arrays):
        full = list(args)
        for i, a in zip(moving, arrays, strict=True):
            full[i] = a
        return getattr(mnp, name)(*full)

    traced = ir.evaluate(minidl.trace(f, *[args[i] for i in moving]), *[args[i] for i in moving])
    wants = want if isinstance(want, list) else [want]
    for got, again, oracle in zip(
        eager if isinstance(eager, list) else [eager], traced, wants, strict=True
    ):
        assert isinstance(got, np.ndarray)
        close(got, oracle)
        assert got.dtype == again.dtype and np.array_equal(got, again, equal_nan=True)


def narrow(a):
    return a.astype(np.float32) if isinstance(a, np.ndarray) and a.dtype == np.float64 else a


NARROW = [
    (name, tuple(map(narrow, args)))
    for name, args in CALLS
    if isinstance(args[0], np.ndarray) and name not in ("split", "power")
]


@pytest.mark.parametrize("call", NARROW, ids=identify)
def test_dtypes_are_jax_s(call):
    name, args = call
    arrays = [i for i, a in enumerate(args) if isinstance(a, np.ndarray)]

    def theirs(*xs):
        full = list(args)
        for i, x in zip(arrays, xs, strict=True):
            full[i] = x
        return getattr(jnp, name)(*full)

    want = jax.eval_shape(theirs, *(args[i] for i in arrays))
    assert getattr(mnp, name)(*args).dtype == want.dtype


@pytest.mark.parametrize(
    "index",
    [
        0,
        -1,
        (1, 2),
        slice(1, None),
        slice(None, None, 2),
        slice(None, None, -1),
        slice(10, 2, -3),
        slice(3, 1),
        (slice(None), 0),
        (..., 0),
        (0, ..., slice(None, -1)),
        None,
        (slice(None), None, 1),
        (None, ..., None),
        (...,),
    ],
    ids=str,
)
def test_static_indices_are_numpy_s(index):
    got = ir.evaluate(minidl.trace(lambda x: x[index], C), C)[0]
    np.testing.assert_array_equal(got, C[index])


@pytest.mark.parametrize(
    "f,what",
    [
        (lambda: mnp.take_index(A, 3), "index 3 is out of range for dimension 0 of size 3"),
        (lambda: mnp.take_index(A, (0, 0, 0)), "3 indices for an array of rank 2"),
        (lambda: mnp.reshape(A, (5, -1)), r"cannot turn \[3, 4\] \(12 elements\) into \[5, -1\]"),
        (lambda: mnp.sum(A, 2), "axis 2 does not exist in an array of rank 2"),
        (lambda: mnp.sum(A, (0, 0)), "name one axis twice"),
        (lambda: mnp.max(A[:0]), "of no elements has no value"),
        (lambda: mnp.split(A, 3, 1), "size 4 has no 3 equal parts"),
        (lambda: mnp.einsum("ii,ij->j", A, A), "cannot read 'ii,ij->j'"),
        (lambda: mnp.broadcast_to(A, (4,)), "does not fit"),
        (lambda: mnp.matmul(A, 2.0), "a scalar is no matrix"),
        (lambda: mnp.concatenate([A, B]), "stablehlo.concatenate"),
    ],
)
def test_what_does_not_fit_is_refused(f, what):
    with pytest.raises(ShapeError, match=what) as caught:
        f()
    assert caught.value.span.file == __file__


def test_masks_and_positions_are_refused_with_a_way_out():
    for index, what in ((T, "ndarray"), ([0, 1], "list"), (True, "bool")):
        with pytest.raises(TraceError, match=f"index of type {what}") as caught:
            minidl.trace(lambda x, index=index: x[index], A)
        assert "mnp.where(mask, a, b)" in caught.value.hint


def test_arange_and_linspace_match_numpy():
    for args in ((5,), (2, 9), (2, 9, 3), (9, 2, -2), (0.0, 1.0, 0.25), (3, 3)):
        np.testing.assert_array_equal(mnp.arange(*args), np.arange(*args))
    np.testing.assert_allclose(mnp.linspace(-1, 1, 7), np.linspace(-1, 1, 7), rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(mnp.eye(3, 4), np.eye(3, 4))
    with pytest.raises(TraceError, match="needs its bounds while tracing"):
        minidl.trace(lambda n: mnp.arange(n), 3)


def test_arrays_of_traced_values_are_stacked():
    got = ir.evaluate(minidl.trace(lambda x: mnp.array([[x[0], 1.0], [2.0, x[1]]]), B), B)[0]
    np.testing.assert_array_equal(got, [[B[0], 1], [2, B[1]]])


def test_integer_powers_are_multiplications():
    ops = [op.name for op in minidl.trace(lambda x: x**10, A).main.body][:-1]
    assert ops == ["stablehlo.multiply"] * 4


def test_eager_results_own_their_memory():
    x = A.copy()
    for y in (mnp.reshape(x, (4, 3)), mnp.transpose(x), mnp.take_index(x, 0), mnp.array(x)):
        y[...] = 0
    np.testing.assert_array_equal(x, A)


@pytest.mark.parametrize("name", ["fft", "random", "loadtxt"])
def test_other_names_are_not_there(name):
    with pytest.raises((AttributeError, MinidlError)):
        getattr(mnp, name)
