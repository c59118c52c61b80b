"""The front door as a stranger uses it: wrong calls, odd arrays, and what must stay true.

Each case was found by trying to break the engine from outside.  Oracles: NumPy, JAX with
64-bit types on, closed forms; refusals are pinned by what they say and by their place.
"""

from __future__ import annotations

import threading
import warnings
from collections import defaultdict

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import minidl
from minidl import ir, random, viz, xla
from minidl import numpy as mnp
from minidl.core.errors import MinidlError, VerifyError

X = np.arange(6, dtype=np.float32).reshape(2, 3)
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 7.0, np.inf, -np.inf, np.nan])
RUN = {"eager": lambda f: f, "jit": minidl.jit}


# what is done to an array after a call changes nothing


@pytest.mark.parametrize("size", [3, 1000])
def test_a_closed_over_array_changed_in_place_changes_nothing(size):
    held = np.ones(size, np.float32)
    jitted = minidl.jit(lambda x: x + held)
    compiled = xla.compile(lambda x: x + held, np.float32(0))
    _, back = minidl.vjp(lambda x: (x * held).sum(), np.float32(2))
    before = jitted(np.float32(0))
    held[:] = 5
    np.testing.assert_array_equal(jitted(np.float32(0)), before)
    np.testing.assert_array_equal(compiled(np.float32(0)), before)
    assert back(np.float32(1))[0] == size


def test_a_primal_changed_in_place_does_not_change_its_derivative():
    x = np.ones(1000, np.float32)
    _, back = minidl.vjp(lambda x: (x * x).sum(), x)
    _, push = minidl.linearize(lambda x: (x * x).sum(), x)
    x[:] = 7
    np.testing.assert_array_equal(back(np.float32(1))[0], np.full(1000, 2, np.float32))
    assert push(np.ones(1000, np.float32)) == 2000


@pytest.mark.parametrize(
    "f",
    [
        lambda x: mnp.astype(x, np.float32),
        lambda x: mnp.reshape(x, (2, 3)),
        lambda x: mnp.squeeze(x),
        lambda x: mnp.transpose(x, (0, 1)),
        lambda x: mnp.swapaxes(x, 0, 0),
        lambda x: mnp.moveaxis(x, 1, 1),
        lambda x: mnp.broadcast_to(x, (2, 3)),
        lambda x: mnp.roll(x, 0),
        lambda x: mnp.concatenate([x]),
        lambda x: mnp.sum(x, axis=()),
        lambda x: mnp.clip(x),
        lambda x: mnp.power(x, 1),
        lambda x: mnp.array(x),
    ],
)
def test_an_eager_result_is_not_its_operand_even_when_nothing_changed(f):
    x = X.copy()
    out = f(x)
    np.testing.assert_array_equal(out, X)
    assert not np.shares_memory(out, x)


def test_results_kept_as_views_stay_what_they_were():
    f = minidl.jit(lambda x: x + 1)
    inputs = [np.full(1000, i, np.float32) for i in range(20)]
    views = [f(x)[::7] for x in inputs]
    buffers = [memoryview(f(x)) for x in inputs]
    turned = [f(x).reshape(10, 100).T for x in inputs]
    for i, kept in enumerate(zip(views, buffers, turned, strict=True)):
        assert all((np.asarray(k) == i + 1).all() for k in kept)


def test_a_result_whose_shape_was_changed_in_place_is_not_handed_out_again():
    f = minidl.jit(lambda x: x + 1)
    for change in ({"shape": (10, 100)}, {"dtype": np.dtype(np.int32)}):
        out = f(np.zeros(1000, np.float32))
        for name, value in change.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # newer NumPy deprecates both
                setattr(out, name, value)
        del out
        again = f(np.zeros(1000, np.float32))
        assert (again.shape, again.dtype) == ((1000,), np.float32)


def test_eight_threads_share_one_program_and_keep_their_own_results():
    f = minidl.jit(lambda a: (a * 2, a + 1, a @ a))
    fine = []

    def work(k):
        a = np.full((48, 48), k, np.float32)
        kept = [f(a) for _ in range(30)]
        fine.append(all((p == 2 * k).all() and (q == k + 1).all() and (r == 48 * k * k).all()
                        for p, q, r in kept))  # fmt: skip

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert fine == [True] * 8
    assert f.compiles == ["first call"]


# arrays as they come


@pytest.mark.parametrize("how", RUN)
def test_arrays_of_the_other_byte_order_have_their_values(how):
    swapped = X.astype(X.dtype.newbyteorder())
    got = RUN[how](lambda x: mnp.add(x, x))(swapped)
    np.testing.assert_array_equal(got, X + X)
    assert got.dtype == np.float32 and got.dtype.isnative
    np.testing.assert_array_equal(RUN[how](lambda x: mnp.multiply(x, swapped))(X), X * X)
    np.testing.assert_array_equal(minidl.grad(lambda x: (x * x).sum())(swapped), 2 * X)


def test_odd_layouts_have_their_values():
    f = minidl.jit(lambda x: x * 2)
    misaligned = np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float32)
    frozen = X.copy()
    frozen.flags.writeable = False
    for x in (X.T, X[::-1, ::-1], np.broadcast_to(np.float32(3), (2, 3)), misaligned, frozen):
        np.testing.assert_array_equal(f(x), np.asarray(x) * 2)
    assert minidl.jit(lambda x: x)(frozen).flags.writeable


def test_a_defaultdict_comes_back():
    out = minidl.jit(lambda d: d)(defaultdict(list, a=X))
    assert type(out) is defaultdict
    np.testing.assert_array_equal(out["a"], X)


# values where NumPy and JAX agree and a quick implementation does not


@pytest.mark.parametrize("how", RUN)
@pytest.mark.parametrize("name", ["floor", "ceil", "round"])
def test_whole_numbers_stay_what_they_are(name, how):
    big = np.array([2**24 + 1, -(2**24) - 1], np.int32)
    got = RUN[how](getattr(mnp, name))(big)
    np.testing.assert_array_equal(got, big, strict=True)


@pytest.mark.parametrize("how", RUN)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_an_integer_modulo_zero_is_zero(dtype, how):
    x = np.array([0, 1, 5, 100], dtype)
    got = RUN[how](mnp.remainder)(x, np.zeros(4, dtype))
    np.testing.assert_array_equal(got, np.zeros(4, dtype), strict=True)


def test_floor_divide_of_floats_is_numpy_s_at_the_edges():
    a, b = np.repeat(SPECIAL, len(SPECIAL)), np.tile(SPECIAL, len(SPECIAL))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(mnp.floor_divide(a, b), np.floor_divide(a, b))


@pytest.mark.parametrize("how", RUN)
def test_logaddexp_of_infinities_is_numpy_s(how):
    a, b = np.repeat(SPECIAL, len(SPECIAL)), np.tile(SPECIAL, len(SPECIAL))
    with np.errstate(all="ignore"):
        got, want = RUN[how](mnp.logaddexp)(a, b), np.logaddexp(a, b)
    np.testing.assert_allclose(got, want, rtol=1e-15)


@pytest.mark.parametrize("how", RUN)
@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_the_mean_of_16_bit_floats_exists_where_their_sum_does_not(dtype, how):
    x = np.full(70_000, 3, dtype)
    assert RUN[how](mnp.mean)(x) == 3 and RUN[how](mnp.var)(x) == 0
    assert RUN[how](mnp.mean)(x).dtype == dtype


def test_products_of_every_dtype_and_shape_are_numpy_s():
    rng = np.random.default_rng(0)
    shapes = [((0, 3), (3, 2)), ((2, 0), (0, 3)), ((5,), (5,)), ((2, 5), (5,)), ((1, 1), (1, 1))]
    shapes += [((4, 2, 5), (5, 3)), ((3, 1, 2, 5), (4, 5, 3)), ((5,), (4, 5, 3))]
    for a, b in shapes:
        for dtype in (bool, np.int8, np.uint32, np.float16, np.float32, np.float64):
            x = rng.integers(0, 5, a).astype(dtype)
            y = rng.integers(0, 5, b).astype(dtype)
            got = minidl.jit(mnp.matmul)(x, y)
            np.testing.assert_array_equal(got, np.matmul(x, y), strict=True)


# derivatives that would be wrong in silence


def test_linear_transpose_refuses_what_is_not_linear():
    np.testing.assert_array_equal(minidl.linear_transpose(lambda x: 2 * x, X)(X)[0], 2 * X)
    assert minidl.linear_transpose(lambda x: 2 * x, 1.0)(3.0) == (6,)
    for f, why in (
        (lambda x: x * x, "depends on its arguments"),
        (lambda x: mnp.where(x > 0, x, 2 * x), "depends on its arguments"),
        (lambda x: 2 * x + 1, "at 0 it is not 0"),
    ):
        with pytest.raises(MinidlError, match=why):
            minidl.linear_transpose(f, X)


def test_jacobians_take_several_arguments():
    m = np.array([[1.0, 2.0], [3.0, 4.0]])
    v = np.array([5.0, 6.0])
    for make in (minidl.jacfwd, minidl.jacrev):
        by_m, by_v = make(lambda m, v: m @ v, argnums=(0, 1))(m, v)
        np.testing.assert_array_equal(by_v, m)
        np.testing.assert_array_equal(by_m, np.einsum("ij,k->ijk", np.eye(2), v))
    (a, _), (_, b) = minidl.hessian(lambda x, y: (x * x + 3 * x * y).sum(), (0, 1))(v, v)
    np.testing.assert_array_equal(a, 2 * np.eye(2))
    np.testing.assert_array_equal(b, np.zeros((2, 2)))


def _scaled(n, x, p):
    """Attention, layer norm and GELU in a few lines, over `jnp` or `mnp`."""
    m = n.mean(x, axis=-1, keepdims=True)
    h = (x - m) / n.sqrt(n.var(x, axis=-1, keepdims=True) + 1e-5) * p["g"]
    q, k, v = (h @ p[w] for w in ("q", "k", "v"))
    s = q @ n.swapaxes(k, -1, -2) / np.float32(2)
    s = n.where(n.arange(s.shape[-1])[:, None] >= n.arange(s.shape[-1])[None, :], s, -1e9)
    e = n.exp(s - n.max(s, axis=-1, keepdims=True))
    y = x + (e / n.sum(e, axis=-1, keepdims=True)) @ v
    return n.mean((0.5 * y * (1 + n.tanh(0.7978845608 * (y + 0.044715 * y**3)))) ** 2)


@pytest.mark.parametrize(
    "shape, dtype, atol",
    [((2, 5, 8), np.float64, 1e-14), ((1, 1, 2), np.float32, 1e-6), ((3, 7, 6), np.float32, 1e-6)],
)
def test_a_transformer_block_has_jax_s_gradients(shape, dtype, atol):
    rng = np.random.default_rng(0)
    d = shape[-1]
    p = {w: (rng.normal(size=(d, d)) / np.sqrt(d)).astype(dtype) for w in "qkv"}
    p["g"] = np.ones(d, dtype)
    x = rng.normal(size=shape).astype(dtype)
    with jax.enable_x64(True):
        want = jax.jit(jax.grad(lambda p: _scaled(jnp, x, p)))(p)
        each = jax.jit(jax.vmap(jax.grad(lambda x, p: _scaled(jnp, x, p)), in_axes=(0, None)))(x, p)
    got = minidl.jit(minidl.grad(lambda p: _scaled(mnp, x, p)))(p)
    for k in p:
        np.testing.assert_allclose(got[k], want[k], atol=atol)
    batched = minidl.jit(minidl.vmap(minidl.grad(lambda x: _scaled(mnp, x, p))))(x)
    np.testing.assert_allclose(batched, each, atol=atol)


# wrong calls: one error that says what was expected, at the caller's own line


def jitted(f):
    return lambda: minidl.jit(f)(X)


WRONG = {
    "jvp of bare arrays": (lambda: minidl.jvp(mnp.sin, X, X), "primals as a tuple, got a ndarray"),
    "tangent of an integer": (lambda: minidl.jvp(mnp.sin, (1,), (1,)), "tensor<i32>, which has no"),
    "axis out": (lambda: minidl.vmap(lambda x: x, out_axes=4)(X), "out_axes 4 does not exist"),
    "argnums twice": (lambda: minidl.grad(mnp.sum, (0, 0))(X), "not a number or different numbers"),
    "argnums by name": (lambda: minidl.grad(mnp.sum, "x")(X), "not a number or different numbers"),
    "argnums beyond": (lambda: minidl.jacfwd(mnp.sin, 3)(X), "wants argument 3"),
    "integer jacobian": (lambda: minidl.jacrev(mnp.sin)(np.arange(3)), "needs floating-point"),
    "jit of 3": (lambda: minidl.jit(3), "jit wants a function, got 3"),
    "grad of 3": (lambda: minidl.grad(3), "grad wants a function, got 3"),
    "vmap of 3": (lambda: minidl.vmap(3), "vmap wants a function, got 3"),
    "static beyond": (lambda: minidl.jit(lambda x: x, static_argnums=4), "no argument 4 among"),
    "static name": (lambda: minidl.jit(lambda x: x, static_argnames="n"), "no argument 'n' among"),
    "donated beyond": (lambda: minidl.jit(lambda x: x, donate_argnums=9), "no argument 9 among"),
    "masked": (lambda: mnp.sin(np.ma.array(X, mask=X > 2)), "is a masked array"),
    "masked, jit": (lambda: minidl.jit(mnp.sin)(np.ma.array(X, mask=X > 2)), "is a masked array"),
    "long double": (lambda: minidl.jit(mnp.sin)(X.astype(complex)), "x is an array of dtype"),
    "dtype": (jitted(lambda x: x.astype("float99")), "'float99' names no dtype"),
    "too big an int": (jitted(lambda x: x.astype("uint8") + 300), "300 does not fit ui8"),
    "few axes": (jitted(lambda x: mnp.transpose(x, (0,))), "does not order the 2 axes"),
    "negative sizes": (jitted(lambda x: x.reshape(-2, -3)), "reshape wants a shape"),
    "sizes of 2.5": (jitted(lambda x: x.reshape(2.5, 3)), "reshape wants a shape"),
    "zeros(-1)": (lambda: mnp.zeros(-1), "zeros wants a shape, got -1"),
    "normal(-1)": (lambda: random.normal(random.key(0), (-1,)), "random wants a shape"),
    "broadcast": (jitted(lambda x: mnp.broadcast_to(x, 4)), "cannot broadcast shapes"),
    "no arrays": (jitted(lambda x: mnp.concatenate([])), "concatenate joins arrays, got none"),
    "split in 0": (jitted(lambda x: mnp.split(x, 0)), "no 0 equal parts"),
    "pad by one pair": (jitted(lambda x: mnp.pad(x, (1, 2))), "does not fit the 2 axes"),
    "tril of a row": (jitted(lambda x: mnp.tril(x[0])), "tril wants a matrix"),
    "sort beyond": (lambda: mnp.sort(X, axis=7), "axis 7 does not exist"),
    "argmax of two": (jitted(lambda x: mnp.argmax(x, (0, 1))), "axis (0, 1) does not exist"),
    "arange by 0": (lambda: mnp.arange(0, 5, 0), "step of 0"),
    "full_like": (jitted(lambda x: mnp.full_like(x, mnp.ones(2))), "full cannot broadcast shapes"),
    "slice by 0": (jitted(lambda x: x[::0]), "a step that is not 0"),
    "slice to 1.5": (jitted(lambda x: x[:1.5]), "a slice takes integers"),
    "two ellipses": (jitted(lambda x: x[..., ...]), "holds `...` once"),
    "item": (jitted(lambda x: x.item()), "no attribute 'item'"),
    "at": (jitted(lambda x: x.at[0].set(1)), "no attribute 'at'"),
    "format": (jitted(lambda x: f"{x:.2f}"), "formatting by '.2f'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_is_told_at_the_caller_s_line(name):
    call, says = WRONG[name]
    with pytest.raises(MinidlError) as e:
        call()
    assert says in str(e.value)
    assert e.value.span is not None and e.value.span.file.endswith("test_front_door.py")
    assert mnp.sin(np.float32(0)) == 0  # no trace is left open


def test_modules_that_cannot_be_compiled_are_refused():
    text = "func.func @main(%a: tensor<?xf32>) -> tensor<?xf32> { return %a : tensor<?xf32> }"
    with pytest.raises(MinidlError, match="a size that is not known"):
        xla.compile(ir.parse(text))
    with pytest.raises(VerifyError, match="verify takes a module, got str"):
        ir.verify("module {}")
    with pytest.raises(MinidlError, match="no stage 'nope'"):
        xla.compile(lambda x: x + 1, X).stages["nope"]


def test_an_exception_of_the_user_passes_and_leaves_no_trace_open():
    def f(x):
        raise LookupError("mine")

    for wrapped in (minidl.jit(f), minidl.grad(f), minidl.vmap(f), minidl.jit(minidl.grad(f))):
        with pytest.raises(LookupError, match="mine"):
            wrapped(X)
        assert mnp.sin(np.float32(0)) == 0
    loop = minidl.jit(lambda x: loop(x))
    with pytest.raises(RecursionError):
        loop(X)
    assert minidl.jit(lambda x: x + 1)(np.float32(1)) == 2


def test_hasattr_and_getattr_of_a_traced_array_work_as_python_s():
    seen = []
    minidl.trace(lambda x: seen.append((hasattr(x, "foo"), getattr(x, "foo", 3))), X)
    assert seen == [(False, 3)]


def test_the_stack_is_shown_of_a_jitted_function_and_of_a_module():
    jitted_ = viz.stack(minidl.jit(lambda x: x * 2 + 1), X)
    assert "stablehlo.multiply" in jitted_._repr_html_()
    module = viz.stack(minidl.trace(lambda x: x * 2 + 1, X))
    assert "not at hand" in module._repr_html_()
