"""grad, vjp, jvp, Jacobians: against JAX, closed forms, and the classic traps."""

from __future__ import annotations

from collections import namedtuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minidl
from minidl import ir
from minidl import numpy as mnp
from minidl.core.errors import ShapeError, TraceError, UnsupportedError
from minidl.xla.frontend import lax

X = np.linspace(-1, 1, 6).reshape(2, 3)
Net = namedtuple("Net", "w b")


def test_gradient_of_a_polynomial_in_closed_form():
    assert minidl.grad(lambda x: x**3 + 2 * x)(3.0) == 29.0
    assert minidl.grad(minidl.grad(lambda x: x**3))(2.0) == 12.0
    assert minidl.grad(minidl.grad(minidl.grad(lambda x: x**3)))(2.0) == 6.0


def test_hessian_of_a_quadratic_is_its_matrix():
    m = np.arange(9.0).reshape(3, 3)
    f = lambda x: x @ m @ x  # noqa: E731
    np.testing.assert_array_equal(minidl.hessian(f)(np.ones(3)), m + m.T)


def test_hessian_of_a_polynomial_in_closed_form():
    """f = x²y + sin(y)z: second derivatives by hand."""
    x, y, z = point = np.array([0.5, -1.2, 2.0])
    want = [[2 * y, 2 * x, 0], [2 * x, -np.sin(y) * z, np.cos(y)], [0, np.cos(y), 0]]
    got = minidl.hessian(lambda p: p[0] ** 2 * p[1] + mnp.sin(p[1]) * p[2])(point)
    np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-14)


def test_perturbations_are_not_confused():
    """d/dx [x · d/dy (x + y)] = 1; a tape that mixes the two levels says 2."""
    inner = lambda x: minidl.grad(lambda y: x + y)(1.0)  # noqa: E731
    assert minidl.grad(lambda x: x * inner(x))(1.0) == 1.0
    by_jvp = lambda x: minidl.jvp(lambda y: x + y, (1.0,), (1.0,))[1]  # noqa: E731
    assert minidl.jvp(lambda x: x * by_jvp(x), (1.0,), (1.0,))[1] == 1.0


def test_ties_of_maximum_share_the_derivative():
    relu = lambda x: mnp.maximum(x, 0.0)  # noqa: E731
    for x, want in ((-1.0, 0.0), (0.0, 0.5), (1.0, 1.0)):
        assert minidl.grad(relu)(x) == want == jax.grad(lambda x: jnp.maximum(x, 0.0))(x)
    tied = np.array([1.0, 3.0, 3.0])
    np.testing.assert_array_equal(minidl.grad(mnp.max)(tied), [0, 0.5, 0.5])


def test_power_has_its_derivative_at_zero_too():
    """∂xⁿ/∂x = n·xⁿ⁻¹ and ∂xⁿ/∂n = xⁿ·log x, with x⁰ flat and 0ⁿ·log 0 = 0."""
    for x, n, want in ((0, 2, (0, 0)), (0, 1, (1, 0)), (2, 0, (0, np.log(2))), (0, 0, (0, 0))):
        got = minidl.grad(mnp.power, argnums=(0, 1))(np.array(float(x)), np.array(float(n)))
        np.testing.assert_allclose(got, want, rtol=1e-15)


PROGRAMS = {
    "softmax": (
        lambda m: (
            lambda x: m.sum(m.exp(x - x.max(axis=-1, keepdims=True)) / m.sum(m.exp(x)) * m.cos(x))
        ),
        (2, 3),
    ),
    "normalise": (
        lambda m: lambda x: m.sum(((x - x.mean(1, keepdims=True)) / (m.std(x) + 0.1)) ** 4),
        (3, 4),
    ),
    "gates": (lambda m: lambda x: m.mean(m.tanh(x[:2]) * m.where(x[1:] > 0, x[1:], x[:2])), (3,)),
    "matrix": (lambda m: lambda x: m.sum(m.tanh(x @ x.T) @ x[:, ::-1]), (3, 4)),
    "joined": (
        lambda m: lambda x: m.sum(m.concatenate([x, x[:1] ** 2]) * m.stack([x[0]] * 4)),
        (3, 2),
    ),
    "powers": (lambda m: lambda x: m.sum(m.abs(x) ** 1.7 + x**3 - 1 / (x**2 + 1)), (5,)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_jax_s_in_float64(name):
    program, shape = PROGRAMS[name]
    x = np.random.default_rng(1).normal(size=shape)
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        value, want = jax.value_and_grad(program(jnp))(x)
        second = jax.hessian(program(jnp))(x)
    finally:
        jax.config.update("jax_enable_x64", before)
    got_value, got = minidl.value_and_grad(program(mnp))(x)
    np.testing.assert_allclose(got_value, value, rtol=1e-13)
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(minidl.hessian(program(mnp))(x), second, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_slopes_of_finite_differences(name):
    program, shape = PROGRAMS[name]
    f, x = program(mnp), np.random.default_rng(2).normal(size=shape)
    got, h = minidl.grad(f)(x), 1e-6
    for i in np.ndindex(shape):
        step = np.zeros(shape)
        step[i] = h
        slope = (f(x + step) - f(x - step)) / (2 * h)
        assert abs(slope - got[i]) < 1e-6 * max(1, abs(slope))


@pytest.mark.parametrize("name", PROGRAMS)
def test_jacfwd_and_jacrev_agree(name):
    program, shape = PROGRAMS[name]
    x = np.random.default_rng(3).normal(size=shape)
    f = minidl.grad(program(mnp))
    forward, reverse = minidl.jacfwd(f)(x), minidl.jacrev(f)(x)
    assert forward.shape == shape + shape
    np.testing.assert_allclose(forward, reverse, rtol=1e-10, atol=1e-12)


def test_jacobians_of_trees_nest_output_over_input():
    f = lambda t: {"p": t["a"] * t["b"], "q": t["a"] @ t["a"]}  # noqa: E731
    t = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}
    for jacobian in (minidl.jacfwd(f)(t), minidl.jacrev(f)(t)):
        np.testing.assert_array_equal(jacobian["p"]["a"], np.diag(t["b"]))
        np.testing.assert_array_equal(jacobian["p"]["b"], np.diag(t["a"]))
        np.testing.assert_array_equal(jacobian["q"]["a"], 2 * t["a"])
        np.testing.assert_array_equal(jacobian["q"]["b"], [0, 0])


def test_trees_argnums_and_aux():
    f = lambda net, x, n: (mnp.sum(net.w * x**n + net.b), {"n": x.sum()})  # noqa: E731
    net = Net(np.array([1.0, 2.0]), np.array(3.0))
    x = np.array([4.0, 5.0])
    (value, aux), (gnet, gx) = minidl.value_and_grad(f, argnums=(0, 1), has_aux=True)(net, x, 2)
    assert value == 16 + 50 + 6 and aux["n"] == 9
    assert isinstance(gnet, Net) and gnet.b == 2
    np.testing.assert_array_equal(gnet.w, [16, 25])
    np.testing.assert_array_equal(gx, [8, 20])
    grads, aux = minidl.grad(f, has_aux=True)(net, x, 2)
    assert aux["n"] == 9 and grads.b == 2


def test_arguments_not_differentiated_keep_their_python_values():
    f = lambda x, how, n: x**n if how == "power" and n > 1 else x  # noqa: E731
    assert minidl.grad(f)(3.0, "power", 2) == 6.0
    assert minidl.grad(lambda x, *, n: x**n)(3.0, n=3) == 27.0


def test_vjp_returns_one_cotangent_an_input_and_none_for_integers():
    y, back = minidl.vjp(lambda x, i: x * i, X, np.int32(3))
    np.testing.assert_array_equal(y, X * 3)
    gx, gi = back(np.ones_like(y))
    np.testing.assert_array_equal(gx, np.full_like(X, 3))
    assert gi is None
    y, back, aux = minidl.vjp(lambda x: (x * 2, x.sum()), X, has_aux=True)
    assert aux == X.sum() and (back(np.ones_like(y))[0] == 2).all()


def test_residuals_are_kept_once_and_used_many_times():
    """vjp runs f once; pulling back does not trace f again."""
    calls = []
    _, back = minidl.vjp(lambda x: calls.append(1) or mnp.exp(x), X)
    for scale in (1.0, 2.0):
        np.testing.assert_allclose(back(np.full_like(X, scale))[0], scale * np.exp(X), rtol=1e-15)
    assert calls == [1]


def test_an_unused_input_has_a_zero_cotangent():
    assert minidl.grad(lambda x, y: x * 2, argnums=1)(1.0, 5.0) == 0.0
    assert minidl.jvp(lambda x: mnp.zeros(3), (1.0,), (1.0,))[1].tolist() == [0, 0, 0]


def test_linear_transpose_of_a_matrix_product():
    m = np.arange(6.0).reshape(2, 3)
    back = minidl.linear_transpose(lambda v: m @ v, np.ones(3))
    np.testing.assert_array_equal(back(np.array([1.0, -1.0]))[0], m.T @ [1, -1])


def test_stop_gradient_stops_it():
    assert minidl.grad(lambda x: x * lax.stop_gradient(x))(3.0) == 3.0


def test_vmap_axes_and_trees():
    f = lambda p, x: {"y": p["w"] @ x}  # noqa: E731
    w, x = np.random.default_rng(0).normal(size=(5, 2, 3)), np.ones((3, 5))
    got = minidl.vmap(f, in_axes=(0, 1), out_axes=1)({"w": w}, x)["y"]
    np.testing.assert_allclose(got, np.stack([w[i] @ x[:, i] for i in range(5)], 1))
    got = minidl.vmap(f, in_axes=({"w": None}, 1))({"w": w[0]}, x)["y"]
    np.testing.assert_allclose(got, (w[0] @ x).T)


def test_vmap_of_grad_gives_a_gradient_an_example():
    w, xs = np.array([1.0, -2.0, 0.5]), np.random.default_rng(0).normal(size=(4, 3))
    loss = lambda w, x: mnp.tanh(w @ x)  # noqa: E731
    got = minidl.vmap(minidl.grad(loss), (None, 0))(w, xs)
    np.testing.assert_allclose(got, [minidl.grad(loss)(w, x) for x in xs], rtol=1e-13)


def test_nested_vmap_is_an_outer_product():
    a, b = np.arange(3.0), np.arange(4.0)
    outer = minidl.vmap(lambda x: minidl.vmap(lambda y: x * y)(b))(a)
    np.testing.assert_array_equal(outer, np.outer(a, b))


def test_derived_ops_say_where_they_come_from():
    def loss(x):
        return mnp.sum(mnp.sin(x))

    text = minidl.trace(minidl.grad(loss), X).text(locations=True)
    assert '"transpose(jvp(loss))"(' in text and '"jvp(loss)"(' in text
    line = loss.__code__.co_firstlineno + 1
    spans = {s for op in minidl.trace(minidl.grad(loss), X).main.body for s in op.location.spans()}
    assert {s.line for s in spans if s.file == __file__} >= {line}


def test_a_gradient_leaves_no_dead_ops():
    module = minidl.trace(minidl.grad(lambda x: mnp.sum(mnp.log(x) ** 2 + x)), np.abs(X))
    dead = [op.name for op in list(module.main.body)[:-1] if not any(v.uses for v in op.results)]
    assert dead == []


def test_gradients_of_traced_modules_are_the_same_numbers():
    f = minidl.grad(PROGRAMS["matrix"][0](mnp))
    x = np.random.default_rng(0).normal(size=(3, 4))
    np.testing.assert_array_equal(ir.evaluate(minidl.trace(f, x), x)[0], f(x))


@pytest.mark.parametrize(
    "f,kind,what",
    [
        (lambda: minidl.grad(lambda x: x)(X), TraceError, r"returned tensor<2x3xf64>"),
        (lambda: minidl.grad(lambda x: (x, x))(1.0), TraceError, "one scalar float output"),
        (lambda: minidl.grad(lambda x: x)(3), TraceError, "argument 0 of <lambda> has type"),
        (lambda: minidl.grad(lambda x: x > 0)(3.0), TraceError, r"returned tensor<i1>"),
        (lambda: minidl.grad(lambda x: x, argnums=1)(3.0), TraceError, "wants argument 1"),
        (lambda: minidl.grad(lambda x: x, has_aux=True)(3.0), TraceError, "must return a pair"),
        (lambda: minidl.grad(lambda p: p["a"])({"a": "b"}), TraceError, r"\['a'\] is a str"),
        (lambda: minidl.jvp(lambda x: x, (X,), (X[0],)), ShapeError, r"tangents\[0\] has type"),
        (lambda: minidl.jvp(lambda x: x, (X,), ()), TraceError, "tangents nest as"),
        (lambda: minidl.vjp(lambda x: x, X)[1](X[0]), ShapeError, "cotangent has type"),
        (lambda: minidl.vmap(lambda x, y: x)(X, X[0]), ShapeError, "needs one batch size, got"),
        (lambda: minidl.vmap(lambda x: x, 2)(X), ShapeError, "which has no axis 2"),
        (lambda: minidl.vmap(lambda x: x, (0, 0))(X), TraceError, "2 in_axes for 1 arguments"),
        (lambda: minidl.vmap(lambda x: x, 0, None)(X), TraceError, "out_axes None varies"),
        (lambda: minidl.checkpoint(lambda x: x), UnsupportedError, "minidl.checkpoint"),
    ],
)
def test_what_cannot_be_transformed_is_refused(f, kind, what):
    with pytest.raises(kind, match=what):
        f()
