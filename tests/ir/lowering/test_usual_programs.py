"""The usual programs, as JAX lowers them, as native code: all compile, and agree with float64.

Twenty programs lowered here, and the recorded ones of the open data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from minidl import ir
from minidl.xla.compiler import compile_module
from tests.ir import samples
from tests.ir.lowering.jaxed import jax_results, native_results, program
from tests.ir.lowering.test_other_mlir import attention, layernorm, mlp, softmax
from tests.ir.lowering.test_windows import convnet

RECORDED = sorted((samples.SHARED / "jax_programs").glob("*.mlir"))  # none: skipped
CLOSE = 1e-5  # of the largest element of a result: the bound for such programs


def cross_entropy(logits: Any, labels: Any) -> Any:
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()


def mlp_loss(x, labels, *p):
    return cross_entropy(mlp(x, *p), labels)


def sgd_step(x, labels, *p):
    grads = jax.grad(mlp_loss, argnums=(2, 3, 4))(x, labels, *p)
    return [a - 0.1 * g for a, g in zip(p, grads, strict=True)]


def adam(p, g, m, v):
    m, v = 0.9 * m + 0.1 * g, 0.999 * abs(v) + 0.001 * g * g
    return p - 1e-3 * (m / (1 - 0.9**3)) / (jnp.sqrt(v / (1 - 0.999**3)) + 1e-8), m, v


def block(x, qkv, out, up, down, scale, shift):
    """A pre-norm transformer block with one head."""
    q, k, v = jnp.split(layernorm(x, scale, shift) @ qkv, 3, axis=1)
    x = x + attention(q, k, v) @ out
    return x + jax.nn.gelu(layernorm(x, scale, shift) @ up) @ down


def lstm(xs, h, c, w):
    def step(state, x):
        h, c = state
        i, f, g, o = jnp.split(jnp.concatenate([x, h], axis=1) @ w, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    return lax.scan(step, (h, c), xs)


def batch_norm(x, scale, shift):
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - mean) * lax.rsqrt(var + 1e-5) * scale + shift


def squared(f: Callable[..., Any], *which: int) -> Callable[..., Any]:
    """The gradient of the sum of squares of what `f` gives."""
    return jax.grad(lambda *args: (f(*args) ** 2).sum(), argnums=which)


X, LABELS = (12, 16), (12,)
LAYERS = [(16, 32), (32,), (32, 10)]
BLOCK = [X, (16, 48), (16, 16), (16, 64), (64, 16), (16,), (16,)]
NET = [(4, 8, 8, 1), (3, 3, 1, 8), (3, 3, 8, 16), (64, 10)]
PROGRAMS: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "softmax": (softmax, [X]),
    "softmax gradient": (squared(softmax, 0), [X]),
    "layernorm": (layernorm, [X, (16,), (16,)]),
    "layernorm gradient": (squared(layernorm, 0, 1, 2), [X, (16,), (16,)]),
    "gelu": (lambda x: jax.nn.gelu(x), [X]),
    "gelu by erf": (lambda x: jax.nn.gelu(x, approximate=False), [X]),
    "adam": (adam, [X, X, X, X]),
    "mlp": (mlp, [X, *LAYERS]),
    "mlp loss": (mlp_loss, [X, LABELS, *LAYERS]),
    "mlp step": (sgd_step, [X, LABELS, *LAYERS]),
    "attention": (attention, [X, X, X]),
    "attention gradient": (squared(attention, 0, 1, 2), [X, X, X]),
    "transformer block": (block, BLOCK),
    "transformer block gradient": (squared(block, *range(7)), BLOCK),
    "convnet": (lambda x, *p: convnet(p, x), NET),
    "convnet gradient": (squared(lambda x, *p: convnet(p, x), 0, 1, 2, 3), NET),
    "lstm": (lstm, [(5, 3, 8), (3, 16), (3, 16), (24, 64)]),
    "batch norm": (batch_norm, [(4, 6, 6, 8), (8,), (8,)]),
    "embedding gradient": (
        squared(lambda table, i: table[i], 0),
        [(20, 16), LABELS],
    ),
    "top of sorted": (lambda x: jnp.sort(x, axis=1)[:, ::-1][:, :3], [X]),
}


def arguments(name: str) -> list[np.ndarray]:
    rng = np.random.default_rng(sum(map(ord, name)))
    return [
        rng.integers(0, 10, s).astype(np.int32)
        if s == LABELS
        else np.asarray(rng.normal(size=s) / (np.sqrt(s[-2]) if len(s) > 1 else 1), np.float32)
        for s in PROGRAMS[name][1]
    ]


def assert_close(got: np.ndarray, want: np.ndarray) -> None:
    assert got.shape == want.shape
    most = np.abs(want).max(initial=1e-30)
    assert np.abs(got.astype(np.float64) - want).max(initial=0) <= CLOSE * most


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_usual_program_agrees_with_jax_in_float64(name):
    f, args = PROGRAMS[name][0], arguments(name)
    wide = [a.astype(np.float64) if a.dtype == np.float32 else a for a in args]
    got = native_results(program(f, *args), args, in_bounds=False)
    for a, b in zip(got, jax_results(f, *wide), strict=True):
        assert_close(a, b)


@pytest.mark.parametrize("path", RECORDED, ids=lambda p: p.stem)
def test_a_recorded_program_agrees_with_jax(path):
    data = np.load(path.with_suffix(".npz"))
    exe = compile_module(ir.parse(path.read_text(), str(path)))
    count = sum(key.startswith("in") for key in data)
    got = exe.run_flat([data[f"in{i}"] for i in range(count)])
    for i, value in enumerate(got):
        assert_close(np.asarray(value), data[f"out{i}"])
