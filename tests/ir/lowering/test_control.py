"""while, case and if natively: JAX's programs, memory, nesting, and what is refused."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from minidl import ir
from minidl.core.errors import UnsupportedError
from minidl.xla.compiler import compile_module
from tests.ir.lowering import stages
from tests.xla.guarded import run_guarded
from tests.xla.programs import same_bits

RNG = np.random.default_rng(5)
X = RNG.normal(size=(6, 5)).astype(np.float32)
W = RNG.integers(-3, 4, (5, 5)).astype(np.float32)


def module_of(f, *args):
    return ir.parse(jax.jit(f).lower(*args).as_text())


def fibonacci(n):
    """The two values of the state change places in each round."""
    return lax.fori_loop(0, n, lambda i, s: (s[1], s[0] + s[1]), (jnp.int32(0), jnp.int32(1)))


def scan(x, w):
    """Stacked outputs are written by dynamic_update_slice, w is carried unchanged."""

    def step(h, row):
        h = jnp.maximum(h @ w + row, 0) % 7
        return h, h * 2

    return lax.scan(step, jnp.zeros(5, jnp.float32), x)


def nested(x):
    def row(i, x):
        return lax.fori_loop(0, 5, lambda j, x: x.at[i, j].add(x[j, i % 5] * 0.5), x)

    return lax.fori_loop(0, 6, row, x)


def newton(x):
    """A loop whose number of rounds the data decides."""
    good = lambda s: jnp.any(jnp.abs(s * s - x) > 1e-4 * x)  # noqa: E731
    return lax.while_loop(good, lambda s: 0.5 * (s + x / s), jnp.ones_like(x))


def switch(i, x):
    return lax.switch(i, [lambda x: x, lambda x: -x, lambda x: x.T.reshape(6, 5) * 2], x)


def cond_in_loop(x):
    def body(i, x):
        return lax.cond(x[i, 0] > 0, lambda x: x * 0.5, lambda x: x.at[i].set(i), x)

    return lax.fori_loop(0, 6, body, x)


PROGRAMS = {
    "fibonacci of 11": (fibonacci, [np.int32(11)]),
    "fibonacci of 12": (fibonacci, [np.int32(12)]),
    "no round at all": (fibonacci, [np.int32(-3)]),
    "scan": (scan, [np.round(X), W]),
    "nested": (nested, [X]),
    "newton": (newton, [np.abs(X) + 1]),
    "cond in a loop": (cond_in_loop, [X]),
    **{f"switch {i}": (switch, [np.int32(i), X]) for i in (-9, 0, 1, 2, 7)},
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_control_is_what_jax_and_evaluate_say(name):
    f, args = PROGRAMS[name]
    module = module_of(f, *args)
    exe = compile_module(module, check=True)
    got = run_guarded(exe, [np.asarray(a) for a in args])
    assert all(map(same_bits, map(np.asarray, ir.evaluate(module, *args)), got))
    for a, b in zip(jax.tree.leaves(f(*map(jnp.asarray, args))), got, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6)
    for run in (stages.run_linalg, stages.run_loops):
        assert all(map(same_bits, got, run(exe, [np.asarray(a) for a in args]))), run.__name__


def test_a_loop_stays_a_loop_and_its_body_is_fused():
    exe = compile_module(module_of(scan, X, W))
    fused = exe.modules["fused"]
    (loop,) = [op for op in fused.main.body if op.name == "stablehlo.while"]
    assert all([o.name for o in r.block] == ["func.call", "stablehlo.return"] for r in loop.regions)
    assert len(loop.operands) < 5, "what is carried unchanged is no state"
    assert [op.name for op in exe.modules["loops"].main.walk()].count("scf.while") == 1


def test_no_round_copies_the_state():
    """The body fills one set of buffers from the other; they change places by name."""
    exe = compile_module(module_of(fibonacci, np.int32(3)))
    (loop,) = [op for op in exe.modules["loops"].walk() if op.name == "scf.while"]
    inside = [op.name for region in loop.regions for op in region.block]
    assert inside == ["func.call", "memref.load", "arith.trunci", "scf.condition",
                      "func.call", "scf.yield"]  # fmt: skip
    after = loop.regions[1].block
    half = len(after.args) // 2
    assert after.terminator.operands == [*after.args[half:], *after.args[:half]]


def test_a_scan_writes_its_stacked_outputs_where_they_lie():
    """Rounds that copied all of them would make a scan of n steps cost n²."""
    x = np.round(RNG.normal(size=(500, 5))).astype(np.float32)
    module = module_of(scan, x, W)
    exe = compile_module(module)
    (loop,) = [op for op in exe.modules["fused"].main.body if op.name == "stablehlo.while"]
    assert len(loop.get("~in_place")) == 1
    assert exe.memory.temp_bytes < 1.2 * x.nbytes, "the zeros it begins as, no second buffer"
    got = run_guarded(exe, [x, W])
    assert all(map(same_bits, map(np.asarray, ir.evaluate(module, x, W)), got))


@pytest.mark.parametrize("reader", ["x[4 - i]", "x[i]", "jnp.sum(x)"])
def test_an_array_that_is_read_besides_is_not_written_in_place(reader):
    def f(x):
        read = eval(f"lambda i, x: {reader}", {"jnp": jnp})
        return lax.fori_loop(0, 5, lambda i, x: x.at[i].set(2 * read(i, x) + 1), x)

    x = np.arange(5, dtype=np.float32)
    exe = compile_module(module_of(f, x))
    loops = [op for op in exe.modules["fused"].walk() if op.name == "stablehlo.while"]
    assert [op.get("~in_place") for op in loops] == [()]
    assert np.array_equal(exe(x)[0], f(x))


def test_branches_share_their_temporaries():
    """Each branch needs 4 KB for itself; they never run at once."""

    def branch(k, x):
        return jnp.sort(x * k) + jnp.sort(x - k)

    x = np.zeros(256, np.float32)
    both = compile_module(module_of(
        lambda i, x: lax.switch(i, [partial(branch, 2), partial(branch, 3)], x), np.int32(0), x
    ))  # fmt: skip
    one = compile_module(module_of(partial(branch, 2), x))
    assert one.memory.temp_bytes <= both.memory.temp_bytes <= one.memory.temp_bytes + 256


def test_concurrent_and_repeated_calls_do_not_share_state():
    exe = compile_module(module_of(scan, X, W))
    first = [a.copy() for a in exe(X, W)]
    for _ in range(3):
        assert all(map(same_bits, first, exe(X, W)))


def test_a_gpu_says_that_its_host_runs_loops():
    with pytest.raises(UnsupportedError, match=r"stablehlo\.while is not lowered for a GPU"):
        compile_module(module_of(fibonacci, np.int32(3)), "ptx")


def test_a_call_is_a_function_of_its_own_and_recursion_is_refused():
    text = """
      func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
        %0 = call @twice(%x) : (tensor<4xf32>) -> tensor<4xf32>
        %1 = call @twice(%0) : (tensor<4xf32>) -> tensor<4xf32>
        return %1 : tensor<4xf32>
      }
      func.func @twice(%x: tensor<4xf32>) -> tensor<4xf32> {
        %0 = stablehlo.add %x, %x : tensor<4xf32>
        return %0 : tensor<4xf32>
      }"""
    exe = compile_module(ir.parse(text), check=True)
    (got,) = exe(np.arange(4, dtype=np.float32))
    assert got.tolist() == [0, 4, 8, 12]
    assert [n for n in exe.modules["loops"].functions if n == "twice"]
    again = "call @twice(%x) : (tensor<4xf32>) -> tensor<4xf32>"
    loop = text.replace("stablehlo.add %x, %x : tensor<4xf32>", again)
    with pytest.raises(UnsupportedError, match="@twice calls itself"):
        compile_module(ir.parse(loop))


def test_a_round_that_makes_its_array_of_nothing_is_no_update():
    """A fusion without operands makes it; what was carried goes elsewhere."""
    module = ir.parse("""
      func.func @main(%n: tensor<i32>, %x: tensor<300xi16>) -> (tensor<300xi16>, tensor<300xi16>) {
        %0:3 = stablehlo.while(%i = %n, %y = %x, %z = %x)
          : tensor<i32>, tensor<300xi16>, tensor<300xi16>
        cond {
          %c = stablehlo.constant dense<0> : tensor<i32>
          %1 = stablehlo.compare GT, %i, %c : (tensor<i32>, tensor<i32>) -> tensor<i1>
          stablehlo.return %1 : tensor<i1>
        } do {
          %one = stablehlo.constant dense<1> : tensor<i32>
          %1 = stablehlo.subtract %i, %one : tensor<i32>
          %2 = stablehlo.iota dim = 0 : tensor<300xi16>
          %3 = stablehlo.negate %y : tensor<300xi16>
          stablehlo.return %1, %2, %3 : tensor<i32>, tensor<300xi16>, tensor<300xi16>
        }
        return %0#1, %0#2 : tensor<300xi16>, tensor<300xi16>
      }""")
    x = np.arange(300, dtype=np.int16)[::-1].copy()
    for n in (0, 1, 2):
        args = np.array(n, np.int32), x
        for got, want in zip(
            compile_module(module)(*args), ir.evaluate(module, *args), strict=True
        ):
            assert np.array_equal(got, want)
