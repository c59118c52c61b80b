"""jit: what makes it compile, what it says about it, what it refuses."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

import minidl
from minidl import numpy as mnp
from minidl.core.errors import TraceError
from minidl.xla import jit as jit_function
from minidl.xla.jitted import Jitted

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
Pair = namedtuple("Pair", "left right")


def test_the_front_door_is_the_same_function():
    assert minidl.jit is jit_function


def test_trees_go_in_and_come_out():
    f = minidl.jit(lambda t, p: {"sum": t["a"] + t["b"][0], "pair": Pair(p.right, (p.left, None))})
    out = f({"b": [X], "a": X}, Pair(X, X * 2))
    np.testing.assert_array_equal(out["sum"], X + X)
    assert isinstance(out["pair"], Pair) and out["pair"].right[1] is None
    np.testing.assert_array_equal(out["pair"].left, X * 2)


def test_it_compiles_once_for_a_kind_of_arguments():
    f = minidl.jit(lambda x: x * 2)
    for _ in range(3):
        f(X)
        f(X + 1)
    assert f.compiles == ["first call"]


def test_it_says_what_changed():
    f = minidl.jit(lambda x, params: x.sum() * params["s"])
    f(X, {"s": 2.0})
    f(X[:2], {"s": 2.0})
    f(X[:2], {"s": 2})
    f(X[:2].astype(np.float64), {"s": 2})
    f(X, {"s": 2.0, "t": 1.0})
    assert f.compiles == [
        "first call",
        "x: f32[3,4] → f32[2,4]",
        "params['s']: f32[] weak → i32[] weak",
        "x: f32[2,4] → f64[2,4]",
        "the nesting of arguments: ((*, {'s': *}), {}) → ((*, {'s': *, 't': *}), {})",
    ]


def test_explain_prints_the_reason(capsys):
    @minidl.jit(explain=True)
    def double(x):
        return x * 2

    double(X)
    double(X[0])
    assert capsys.readouterr().out == (
        "jit compiles double: first call\njit compiles double: x: f32[3,4] → f32[4]\n"
    )


@pytest.mark.parametrize("how", [{"static_argnums": 1}, {"static_argnames": "n"}])
@pytest.mark.parametrize("by_name", [False, True])
def test_static_arguments_stay_python_values(how, by_name):
    f = minidl.jit(lambda x, n: x**n if n > 2 else x, **how)
    if by_name and "static_argnums" in how:
        pytest.skip("argnums name positions")
    call = (lambda n: f(X, n=n)) if by_name else (lambda n: f(X, n))
    np.testing.assert_allclose(call(3), X**3, rtol=1e-6)
    np.testing.assert_array_equal(call(2), X)
    call(3)
    assert f.compiles == ["first call", "n: 3 → 2 (static)"]


def test_a_static_argument_that_cannot_be_hashed_is_refused():
    with pytest.raises(TraceError, match="static argument n is a list, which cannot be hashed"):
        minidl.jit(lambda x, n: x, static_argnums=1)(X, [1])


def test_static_values_of_other_classes_are_other_programs():
    """1, 1.0 and True are equal keys in Python, and other constants in a program."""
    f = minidl.jit(lambda x, n: x * n, static_argnums=1)
    x = np.ones(2, np.int32)
    assert [f(x, n).dtype for n in (1, 1.0, True)] == [np.int32, np.float32, np.int32]
    assert f.compiles[1:] == ["n: 1 → 1.0 (static)", "n: 1.0 → True (static)"]


def test_ragged_data_is_refused_by_its_path():
    f = minidl.jit(lambda batch: batch["x"])
    with pytest.raises(TraceError) as caught:
        f({"x": np.array([[1, 2], [3]], dtype=object)})
    assert caught.value.message.startswith("batch['x'] is an array of dtype object")
    assert "pad ragged data first" in caught.value.hint
    assert caught.value.span.file == __file__
    assert f.compiles == []


def test_a_big_closed_over_array_is_a_hidden_argument():
    big = np.arange(1000, dtype=np.float32)
    f = minidl.jit(lambda x: x * big + big)
    np.testing.assert_array_equal(f(np.float32(2)), big * 3)
    module = f.lower(np.float32(2))
    assert [str(a.type) for a in module.main.body.args] == ["tensor<f32>", "tensor<1000xf32>"]
    assert "dense" not in str(module)


def test_a_closed_over_array_is_read_when_it_is_traced():
    small = np.ones(3, np.float32)
    f = minidl.jit(lambda x: x + small)
    f(small)
    small = np.zeros(3, np.float32)
    np.testing.assert_array_equal(f(np.zeros(3, np.float32)), np.ones(3))


def test_results_do_not_alias_arguments_or_each_other():
    f = minidl.jit(lambda x: (x, x, x * 1))
    x = X.copy()
    outs = f(x)
    x[:] = 9
    outs[0][:] = 7
    np.testing.assert_array_equal(outs[1], X)
    np.testing.assert_array_equal(outs[2], X)


def test_python_numbers_are_weak_arguments():
    f = minidl.jit(lambda x, s: x * s)
    assert f(np.ones(2, np.float32), 2.5).dtype == np.float32
    assert f(np.ones(2, np.float32), np.ones((), np.float64)).dtype == np.float64


def test_jit_inside_jit_is_inlined():
    inner = minidl.jit(lambda x: x + 1)
    outer = minidl.jit(lambda x: inner(x) * 2)
    np.testing.assert_array_equal(outer(X), (X + 1) * 2)
    assert inner.compiles == []


def test_gradients_of_jit_and_jit_of_gradients_agree():
    f = minidl.jit(lambda x: mnp.sum(mnp.sin(x) * x))
    np.testing.assert_allclose(
        minidl.grad(f)(X), minidl.jit(minidl.grad(f))(X), rtol=2e-6, atol=1e-7
    )


def test_a_method_is_jitted_with_its_object():
    class Model:
        def __init__(self):
            self.scale = 3

        def __hash__(self):
            return self.scale

        @minidl.jit(static_argnums=0)
        def apply(self, x):
            return x * self.scale

    np.testing.assert_array_equal(Model().apply(X), X * 3)


def test_donated_leaves_are_counted_by_argument():
    f = Jitted(lambda p, s, x: x, donate_argnums=(0, 1))
    assert f._donated_leaves(({"a": 1, "b": 2}, [3], 4)) == (0, 1, 2)


def test_default_arguments_and_keywords():
    f = minidl.jit(lambda x, *, scale=2.0, shift: x * scale + shift)
    np.testing.assert_array_equal(f(X, shift=1.0), X * 2 + 1)


def test_arrays_of_other_libraries_are_read_as_numpy_reads_them():
    import jax.numpy as jnp

    f = minidl.jit(lambda x: x * 2)
    for n in (2, 3):
        np.testing.assert_array_equal(f(jnp.ones(n, jnp.int32)), np.full(n, 2, np.int32))
    assert f.compiles == ["first call", "x: i32[2] → i32[3]"]
