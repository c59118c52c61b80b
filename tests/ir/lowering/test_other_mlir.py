"""What other MLIR tools make of our linalg: MLIR itself verifies it, xdsl reads and runs it.

jaxlib's MLIR has no linalg of its own registered; its pass to linalg loads it
(`jaxlib_mlir.context`).  xdsl is an MLIR written in Python, with an interpreter; its parser
does not know a `linalg.generic` of several results, which MLIR's does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from minidl import ir
from minidl.ir.mlir.equivalence import difference
from minidl.xla.compiler import compile_module
from tests.ir import jaxlib_mlir as mlir
from tests.ir.lowering.jaxed import program, whole_numbers
from tests.ir.lowering.test_windows import convnet


def ones(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    return [np.ones(s, np.float32) for s in shapes]


def softmax(x):
    return jax.nn.softmax(x, axis=1)


def layernorm(x, scale, shift):
    centred = x - x.mean(1, keepdims=True)
    return centred * lax.rsqrt((centred**2).mean(1, keepdims=True) + 1e-5) * scale + shift


def mlp(x, w, b, v):
    return jax.nn.relu(x @ w + b) @ v


def attention(q, k, v):
    mask = jnp.tril(jnp.ones((q.shape[0], k.shape[0]), bool))
    return softmax(jnp.where(mask, q @ k.T / 3, -1e9)) @ v


def small_convnet(x, *params):
    return convnet(params, x).sum()


LAYER = ones((6, 8), (8, 16), (16,), (16, 4))
NET = ones((2, 8, 8, 1), (3, 3, 1, 8), (3, 3, 8, 16), (64, 10))
TABLE, WORDS = np.ones((9, 16), np.float32), np.zeros(5, np.int32)
PROGRAMS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "softmax": (softmax, ones((4, 10))),
    "layernorm": (layernorm, ones((4, 12), (12,), (12,))),
    "gelu": (lambda x: jax.nn.gelu(x), ones((5, 7))),
    "mlp": (mlp, LAYER),
    "mlp step": (
        lambda x, *p: [
            a - 0.1 * g
            for a, g in zip(p, jax.grad(lambda p: (mlp(x, *p) ** 2).sum())(p), strict=True)
        ],
        LAYER,
    ),
    "attention": (attention, ones((6, 8), (6, 8), (6, 8))),
    "convnet": (small_convnet, NET),
    "convnet gradient": (jax.grad(small_convnet, argnums=(1, 2)), NET),
    "embedding": (lambda x, i: x.at[i].get(mode="clip") * 2, [TABLE, WORDS]),
    "dynamic slice": (lambda x, i: lax.dynamic_slice(x, (i[0], i[1]), (3, 4)), [TABLE, WORDS]),
    "argmax": (lambda x: jnp.argmax(x, axis=1), [TABLE]),
    "cumulative sum": (lambda x: jnp.cumsum(x, axis=0), [TABLE]),
    "pad and concatenate": (lambda x: jnp.concatenate([jnp.pad(x, 2)[:, 4:], x]), [TABLE]),
    "nothing at all": (lambda x: (x + 1, x.sum(0)), ones((0, 16))),
    "16-bit floats": (lambda x: softmax(x.astype(jnp.bfloat16) @ x.T.astype("bfloat16")), [TABLE]),
    "whole numbers": (lambda i: (i * 3 // 2).astype(jnp.uint8).sum(), [WORDS]),
}  # fmt: skip
SEVERAL = {"argmax", "mlp step", "convnet gradient"}  # generics of several results


@cache
def stage(name: str) -> str:
    f, args = PROGRAMS[name]
    return str(compile_module(program(f, *args), stop="linalg").modules["linalg"])


@pytest.mark.parametrize("name", PROGRAMS)
def test_mlir_parses_and_verifies_our_linalg(name):
    text = stage(name)
    assert "linalg.generic" in text
    assert mlir.refusal(text) is None
    assert str(ir.parse(text)) == text


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("(d0, d1) -> (d0)>", "(d0, d1) -> (d1)>", "inferred"),
        ('"parallel", "reduction"', '"parallel"', "iterator"),
        ("tensor<4xf32>\n", "tensor<5xf32>\n", "tensor<5xf32>"),
    ],
)
def test_mlir_refuses_what_is_wrong_in_it(old, new, says):
    """The check above can fail."""
    wrong = stage("softmax").replace(old, new, 1)
    assert says in (mlir.refusal(wrong) or "")


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_mlir_prints_of_our_stages_is_our_module(name):
    """With aliases and names of its own."""
    f, args = PROGRAMS[name]
    modules = compile_module(program(f, *args)).modules
    for stage_name in ("linalg", "loops"):
        text = str(modules[stage_name])
        ours = ir.parse(text)  # without the notes that a compilation leaves
        assert difference(ir.parse(mlir.retold(text)), ours) is None


def test_no_private_note_is_printed():
    for name in PROGRAMS:
        assert "_lanes" not in stage(name) and "_locations" not in stage(name)


# -- xdsl --------------------------------------------------------------------------------------


def parsed(text: str) -> Any:
    from xdsl.context import Context
    from xdsl.dialects import arith, builtin, func, linalg, math, tensor
    from xdsl.parser import Parser

    context = Context()
    for module in (arith, builtin, func, linalg, math, tensor):
        dialect = getattr(module, module.__name__.rpartition(".")[2].capitalize())
        context.load_dialect(dialect)
    return Parser(context, text).parse_module()


@pytest.mark.parametrize("name", sorted(set(PROGRAMS) - SEVERAL))
def test_xdsl_parses_and_verifies_our_linalg(name):
    parsed(stage(name)).verify()


@pytest.mark.parametrize("name", sorted(SEVERAL))
def test_several_results_are_what_xdsl_does_not_parse(name):
    from xdsl.utils.exceptions import ParseError

    assert "} -> (" in stage(name)
    with pytest.raises(ParseError, match="Expected '->'"):
        parsed(stage(name))


@lru_cache(maxsize=1)
def functions() -> Any:
    """What xdsl's interpreter lacks: a fill by a scalar, and five scalar functions."""
    from xdsl.dialects import arith, linalg, math
    from xdsl.interpreter import InterpreterFunctions, impl, register_impls
    from xdsl.interpreters.shaped_array import ShapedArray
    from xdsl.interpreters.utils.ptr import TypedPtr

    @register_impls
    class More(InterpreterFunctions):
        @impl(linalg.ops.FillOp)
        def fill(self, interpreter, op, args):
            value, out = args
            filled = TypedPtr[Any].new([value] * out.size, xtype=out.element_type)
            return (ShapedArray(filled, list(out.shape)),)

        @impl(math.FmaOp)
        def fma(self, interpreter, op, args):
            return (args[0] * args[1] + args[2],)

        @impl(math.TanhOp)
        def tanh(self, interpreter, op, args):
            return (float(np.tanh(args[0])),)

        @impl(math.RsqrtOp)
        def rsqrt(self, interpreter, op, args):
            return (args[0] ** -0.5,)

        @impl(arith.DivfOp)
        def divf(self, interpreter, op, args):
            return (args[0] / args[1],)

        @impl(arith.NegfOp)
        def negf(self, interpreter, op, args):
            return (-args[0],)

    return More()


def run_in_xdsl(f: Callable[..., Any], *args: np.ndarray) -> np.ndarray:
    """The one fusion of `f`, run by xdsl's interpreter."""
    from xdsl.dialects.builtin import f32
    from xdsl.interpreter import Interpreter
    from xdsl.interpreters import arith, func, linalg, math, tensor
    from xdsl.interpreters.shaped_array import ShapedArray
    from xdsl.interpreters.utils.ptr import TypedPtr

    modules = compile_module(program(f, *args), stop="linalg").modules
    (call,) = [op for op in modules["fused"].main.body if op.name == "func.call"]
    interpreter = Interpreter(parsed(str(modules["linalg"])))
    for made in (arith.ArithFunctions, func.FuncFunctions, linalg.LinalgFunctions,
                 math.MathFunctions, tensor.TensorFunctions):  # fmt: skip
        interpreter.register_implementations(made())
    interpreter.register_implementations(functions(), override=True)
    given = [args[v.index] for v in call.operands]
    arrays = [
        ShapedArray(TypedPtr[Any].new(a.reshape(-1).tolist(), xtype=f32), list(a.shape))
        for a in given
    ]
    (out,) = interpreter.call_op(call["callee"].name, tuple(arrays))
    return np.array(out.data, np.float32).reshape(out.shape)


def pool(x):
    return lax.reduce_window(x, -np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def conv(x, w):
    return jax.nn.relu(
        lax.conv_general_dilated(
            x, w, (2, 1), "VALID", rhs_dilation=(1, 2), dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
    )


EXACT = {
    "elementwise": (lambda x, y: (x * y.T - 2)[::-1, 1:] / 4, [(4, 4), (4, 4)]),
    "dot": (lambda x, y: jax.nn.relu(x @ y), [(5, 7), (7, 9)]),
    "convolution": (conv, [(1, 6, 7, 3), (3, 2, 3, 9)]),
    "pooling": (pool, [(1, 5, 6, 3)]),
    "sum of columns": (lambda x: x.sum(0), [(6, 9)]),
}


@pytest.mark.parametrize("name", EXACT)
def test_xdsl_gets_the_numbers_of_jax_on_whole_numbers(name):
    f, shapes = EXACT[name]
    rng = np.random.default_rng(len(name))
    args = [whole_numbers(rng, s, np.float32) for s in shapes]
    np.testing.assert_array_equal(run_in_xdsl(f, *args), f(*map(jnp.asarray, args)))


def test_xdsl_gets_the_softmax_of_numpy_in_float64():
    """Each exponential is rounded once to float32, the sum of ten positive ones ten times."""
    x = np.random.default_rng(0).normal(size=(4, 10)).astype(np.float32)
    e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    want, u = e / e.sum(1, keepdims=True), 2.0**-24
    shifted = 2 * abs(x).max() * u  # x - max is rounded, too, before the exponential
    assert (abs(run_in_xdsl(softmax, x) - want) <= (10 + 4) * u * want + 2 * shifted * want).all()
