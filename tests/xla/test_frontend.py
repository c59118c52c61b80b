"""Tracing: the text it makes, its places, and what it refuses."""

from __future__ import annotations

import threading
import timeit
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src.interpreters import mlir
from jaxlib.mlir import ir as jaxlib_ir

import minidl
from minidl import ir
from minidl import numpy as mnp
from minidl.core.errors import MinidlError, ShapeError, TraceError
from minidl.xla.frontend import lax

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
LINE = np.ones(1024, np.float32)


def thin(x, w, b):
    return mnp.maximum(x * w + b, 0)


def names(module):
    return [op.name.removeprefix("stablehlo.") for op in module.main.body][:-1]


def test_the_thin_path_is_five_ops():
    module = minidl.trace(thin, LINE, LINE, LINE)
    assert names(module) == ["multiply", "add", "constant", "broadcast_in_dim", "maximum"]


def test_the_text_is_golden():
    assert (
        str(minidl.trace(thin, LINE, LINE, LINE))
        == """\
module @thin {
  func.func public @main(%arg0: tensor<1024xf32>, %arg1: tensor<1024xf32>, \
%arg2: tensor<1024xf32>) -> tensor<1024xf32> {
    %0 = stablehlo.multiply %arg0, %arg1 : tensor<1024xf32>
    %1 = stablehlo.add %0, %arg2 : tensor<1024xf32>
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %2 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f32>) -> tensor<1024xf32>
    %3 = stablehlo.maximum %1, %2 : tensor<1024xf32>
    return %3 : tensor<1024xf32>
  }
}
"""
    )


def test_ops_are_jax_s_ops():
    """The same StableHLO ops, in the same order, as JAX makes of the same program."""
    lowered = jax.jit(lambda x, w, b: jnp.maximum(x * w + b, 0)).lower(LINE, LINE, LINE)
    theirs = ir.parse(lowered.as_text())
    assert sorted(names(minidl.trace(thin, LINE, LINE, LINE))) == sorted(names(theirs))


def mlp(params, x):
    (w, b), (v, c) = params
    return mnp.maximum(x @ w + b, 0) @ v + c


PARAMS = [(np.ones((4, 5), "f"), np.ones(5, "f")), (np.ones((5, 2), "f"), np.ones(2, "f"))]


@pytest.mark.parametrize(
    "module",
    [
        minidl.trace(mlp, PARAMS, X),
        minidl.trace(minidl.grad(lambda p, x: mnp.sum(mlp(p, x))), PARAMS, X),
        minidl.trace(minidl.jacrev(lambda x: x[0] * x[..., ::-1]), X),
        minidl.trace(lambda x: (mnp.argmax(x, 1), mnp.sort(x), x.std(), mnp.tril(x), x % 2), X),
    ],
    ids=["forward", "gradient", "jacobian", "others"],
)
@pytest.mark.parametrize("locations", [False, True])
def test_mlir_parses_and_verifies_the_text(module, locations):
    with mlir.make_ir_context():
        parsed = jaxlib_ir.Module.parse(module.text(locations=locations))
        assert parsed.operation.verify()
    assert str(ir.parse(str(module))) == str(module)


def test_every_op_knows_its_expression():
    module = minidl.trace(thin, LINE, LINE, LINE)
    source = Path(__file__).read_text(encoding="utf-8").split("\n")
    found = []
    for op in list(module.main.body)[:-1]:
        (span,) = op.location.spans()
        found.append(source[span.line - 1][span.column - 1 : span.end_column - 1])
    assert found == ["x * w", "x * w + b", *["mnp.maximum(x * w + b, 0)"] * 3]


def test_a_helper_of_the_user_is_the_place():
    def helper(x):
        return mnp.exp(x)

    module = minidl.trace(lambda x: helper(x) + 1, X)
    (span,) = module.main.body.first.location.spans()
    assert span.line == helper.__code__.co_firstlineno + 1


def test_locations_are_cached():
    """Finding the place of an op costs microseconds once, far below one afterwards."""
    from minidl.xla.frontend.spans import user_location

    each = min(timeit.repeat(user_location, number=10_000, repeat=5)) / 10_000
    assert each < 5e-6  # measured 0.3 µs; the bound leaves room for a loaded machine


# what a trace refuses; the message and the place are pinned


def refusal(f, *args):
    with pytest.raises(MinidlError) as caught:
        minidl.trace(f, *args)
    return caught.value


@pytest.mark.parametrize(
    "f,what,hint",
    [
        (lambda x: x if x[0, 0] > 0 else -x, "a truth test", "mnp.where"),
        (lambda x: float(x[0, 0]), "float()", "astype"),
        (lambda x: int(x[0, 0]), "int()", "static argument"),
        (lambda x: range(x[0, 0]), "range()", "static argument"),
        (lambda x: len(x), "len()", "x.shape[0]"),
        (lambda x: [2 * row for row in x], "iterating", "x[i] for i in range"),
        (lambda x: {x: 1}, "hashing", "as a key"),
        (lambda x: np.exp(x), "numpy.exp", "use minidl.numpy.exp"),
        (lambda x: np.sum(x), "numpy.sum", "use minidl.numpy.sum"),
        (lambda x: np.linalg.svd(x), "numpy.svd", "use minidl.numpy"),
        (lambda x: np.asarray(x), "NumPy", "minidl.numpy"),
    ],
    ids=["if", "float", "int", "range", "len", "iter", "hash", "exp", "sum", "svd", "asarray"],
)
@pytest.mark.parametrize("under_grad", [False, True])
def test_python_that_needs_a_value_is_refused(f, what, hint, under_grad):
    error = refusal(minidl.grad(lambda x: f(x)) if under_grad else f, X)
    assert isinstance(error, TraceError)
    assert what in error.message and "needs the value of a traced " in error.message
    assert hint in error.hint
    assert error.span.file == __file__ and error.span.line == f.__code__.co_firstlineno


def test_a_refusal_shows_the_line_and_a_caret():
    text = str(refusal(lambda x: float(x.sum()), X)).split("\n")
    assert "float() needs the value of a traced f32[] (made by stablehlo.reduce)" in text[0]
    assert text[1].strip().startswith("text = str(refusal(lambda x: float(x.sum())")
    assert text[2].index("^") == text[1].index("float(x.sum())")
    assert text[2].count("^") == len("float(x.sum())")
    assert text[3] == "hint: use x.astype('float32'), or call float on the result"


def test_assigning_to_a_traced_array_is_refused():
    def f(x):
        x[0] = 1
        return x

    assert "cannot be assigned to" in refusal(f, X).message


def test_shapes_that_do_not_fit_name_op_and_place():
    error = refusal(lambda x: x @ x, X)
    assert isinstance(error, ShapeError)
    assert error.op == "stablehlo.dot_general"
    assert "[3, 4] and [3, 4]" in error.message and "inner sizes 4 and 3" in error.message
    error = refusal(lambda x: x + np.ones((2, 4), "f"), X)
    assert "cannot broadcast shapes [3, 4] and [2, 4]: dimension -2" in error.message


def test_an_op_on_the_wrong_elements_is_refused_at_the_user_s_line():
    error = refusal(lambda x: -(x > 0), X)
    assert "stablehlo.negate is not defined on i1" in error.message
    assert error.span.file == __file__


def test_a_bad_argument_is_named_by_its_path():
    f = lambda params, x: x  # noqa: E731
    for bad, what in (
        (np.array(["a"]), "an array of dtype <U1"),
        (np.array([None]), "an array of dtype object"),
        (np.ones(2, complex), "an array of dtype complex128"),
        ("text", "a str"),
    ):
        error = refusal(f, {"w": [1.0, bad]}, X)
        assert error.message.startswith(f"params['w'][1] is {what}")


def test_a_bad_result_is_named_by_its_path():
    error = refusal(lambda x: {"a": x, "b": "text"}, X)
    assert error.message.startswith("the result of <lambda>['b'] is a str")


def test_a_leaked_tracer_is_refused():
    kept = []
    minidl.trace(lambda x: kept.append(x) or x, X)
    for use in (
        lambda: mnp.exp(kept[0]),
        lambda: minidl.trace(lambda x: x + kept[0], X),
        lambda: minidl.grad(lambda x: mnp.sum(x * kept[0]))(X),
    ):
        with pytest.raises(TraceError, match="outside the trace that made it"):
            use()


def test_a_tracer_of_another_thread_is_refused():
    caught = []

    def f(x):
        def other():
            try:
                mnp.exp(x)
            except TraceError as error:
                caught.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return x

    minidl.trace(f, X)
    assert len(caught) == 1


def test_ragged_lists_are_refused():
    with pytest.raises(TraceError, match="ragged"):
        mnp.array([[1, 2], [3]])
    with pytest.raises(TraceError, match=r"minidl.numpy.add got a list"):
        mnp.add([1, 2], 3)


def test_array_and_tracer_meet_in_either_order():
    module = minidl.trace(lambda x: (X + x, X @ x.T, x <= X, np.float32(2) * x), X)
    outs = ir.evaluate(module, X)
    for got, want in zip(outs, (X + X, X @ X.T, X >= X, 2 * X), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6)


def test_stop_gradient_is_a_barrier():
    module = minidl.trace(lambda x: lax.stop_gradient(x), X)
    assert names(module) == ["optimization_barrier"]
    assert "minidl.stop_gradient" in str(module)


def test_an_array_used_twice_is_one_constant():
    module = minidl.trace(lambda x: x * X + X, X)
    assert names(module).count("constant") == 1


def test_inner_traces_use_outer_values():
    def f(x):
        return minidl.vmap(lambda row: row * x.sum())(x)

    np.testing.assert_allclose(ir.evaluate(minidl.trace(f, X), X)[0], X * X.sum(), rtol=1e-6)


def test_shape_and_dtype_are_enough_to_trace():
    struct = jax.ShapeDtypeStruct((3, 4), np.float32)
    assert str(minidl.trace(mlp, PARAMS, struct)) == str(minidl.trace(mlp, PARAMS, X))


def test_a_temporary_trace_leaves_no_users_behind():
    def f(x):
        y, _ = minidl.vjp(lambda z: mnp.sin(z) * x, x)
        return minidl.grad(lambda z: mnp.sum(z * y))(x)

    block = minidl.trace(f, X).main.body
    inside = set(block)
    values = [*block.args, *(v for op in block for v in op.results)]
    assert all(user in inside for v in values for user in v.users)
