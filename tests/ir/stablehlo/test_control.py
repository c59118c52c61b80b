"""while, case, if, map, reduce and sort with any body: against JAX, XLA and NumPy."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from jax import lax

from minidl import ir
from minidl.core.errors import CallError, UnsupportedError
from tests.ir.stablehlo.oracle import both, rng_of, same, xla

DTYPES = [np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64, np.float16, np.float32]
DTYPES += [np.float64, ml_dtypes.bfloat16, np.bool_]


def agrees(f, *args) -> ir.Module:
    module, got, want = both(f, *args)
    for mine, theirs in zip(got, want, strict=True):
        assert same(mine, theirs), f"{module}\n{mine}\n{theirs}"
    return module


def drawn(dtype, *shape, low=-4, high=5) -> np.ndarray:
    """Small numbers with many ties; for floats also ±0 and infinities."""
    rng = rng_of(np.dtype(dtype).name, shape)
    if np.dtype(dtype).kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    x = rng.integers(max(low, 0) if np.dtype(dtype).kind == "u" else low, high, shape)
    made = x.astype(dtype)
    if np.dtype(dtype).kind not in "iu":
        made[rng.random(shape) < 0.1] = -0.0
        made[rng.random(shape) < 0.05] = -np.inf
    return made


# -- loops and branches ---------------------------------------------------------------------


def test_a_while_loop_runs_until_its_condition_fails():
    def collatz(n):
        def step(state):
            n, count = state
            return jnp.where(n % 2 == 0, n // 2, 3 * n + 1), count + 1

        return lax.while_loop(lambda s: s[0] != 1, step, (n, 0))

    for n in (1, 2, 27):
        agrees(collatz, np.int32(n))


def test_loops_inside_loops_use_values_from_around_them():
    def f(x, n):
        def outer(i, total):
            return total + lax.fori_loop(0, i, lambda j, s: s + x[j] * i, jnp.int32(0))

        return lax.fori_loop(0, n, outer, jnp.int32(0))

    agrees(f, np.arange(6, dtype=np.int32), np.int32(5))


def test_a_scan_collects_what_each_step_gives():
    def f(x):
        return lax.scan(lambda c, v: (c + v, c * v), jnp.int32(0), x)

    agrees(f, np.arange(7, dtype=np.int32))


@pytest.mark.parametrize("index", [-3, -1, 0, 1, 2, 3, 100])
def test_case_chooses_and_clamps(index):
    """JAX clamps the index itself; the text beside it leaves that to the op."""
    branches = [lambda x: x + 1, lambda x: x * 2, lambda x: -x]
    agrees(lambda i, x: lax.switch(i, branches, x), np.int32(index), np.float32(3))
    text = """func.func public @main(%i: tensor<i32>) -> tensor<i32> {
      %a = stablehlo.constant dense<10> : tensor<i32>
      %b = stablehlo.constant dense<20> : tensor<i32>
      %0 = "stablehlo.case"(%i) ({ stablehlo.return %a : tensor<i32> },
        { stablehlo.return %b : tensor<i32> }) : (tensor<i32>) -> tensor<i32>
      return %0 : tensor<i32> }"""
    (got,) = ir.evaluate(ir.parse(text), np.int32(index))
    assert got == (10 if index == 0 else 20)


@pytest.mark.parametrize("pred", [True, False])
def test_if_runs_one_branch_only(pred):
    """The other one would not end."""
    text = """func.func public @main(%p: tensor<i1>, %x: tensor<f32>) -> tensor<f32> {
      %0 = "stablehlo.if"(%p) ({ stablehlo.return %x : tensor<f32> }, {
        %1 = stablehlo.negate %x : tensor<f32>
        stablehlo.return %1 : tensor<f32> }) : (tensor<i1>) -> tensor<f32>
      return %0 : tensor<f32> }"""
    (got,) = ir.evaluate(ir.parse(text), np.bool_(pred), np.float32(2))
    assert got == (2 if pred else -2)
    agrees(lambda p, x: lax.cond(p, jnp.sin, jnp.abs, x), np.bool_(pred), np.float32(-0.0))


LOOP = """func.func public @main(%x: tensor<i32>) -> tensor<i32> {
  %0 = stablehlo.while(%i = %x) : tensor<i32>
  cond {
    %t = stablehlo.constant dense<true> : tensor<i1>
    stablehlo.return %t : tensor<i1>
  } do {
    stablehlo.return %i : tensor<i32>
  }
  return %0 : tensor<i32>
}"""


def test_a_loop_without_end_is_stopped_by_the_budget():
    with pytest.raises(CallError, match=r"1,000 ops .* inside stablehlo.while") as caught:
        ir.evaluate(ir.parse(LOOP), np.int32(0), budget=1000)
    assert "budget=" in caught.value.hint


def test_a_function_that_calls_itself_without_end_is_stopped():
    text = """func.func public @main(%x: tensor<i32>) -> tensor<i32> {
      %0 = call @main(%x) : (tensor<i32>) -> tensor<i32>
      return %0 : tensor<i32> }"""
    with pytest.raises(CallError, match="151st call"):
        ir.evaluate(ir.parse(text), np.int32(0))


def test_a_composite_is_its_decomposition_unless_a_handler_knows_better():
    text = """func.func public @main(%x: tensor<f32>) -> tensor<f32> {
      %0 = stablehlo.composite "a.b" %x {decomposition = @f} : (tensor<f32>) -> tensor<f32>
      return %0 : tensor<f32> }
    func.func private @f(%x: tensor<f32>) -> tensor<f32> {
      %0 = stablehlo.add %x, %x : tensor<f32>
      return %0 : tensor<f32> }"""
    module = ir.parse(text)
    assert ir.evaluate(module, np.float32(3)) == (6,)
    handlers = {"stablehlo.composite": lambda op, x: x - 1}
    assert ir.evaluate(module, np.float32(3), handlers=handlers) == (2,)


# -- map and reduce -------------------------------------------------------------------------


def test_map_applies_its_body_to_each_element():
    """Also a body that is no elementwise op, run once for each element."""
    text = """func.func public @main(%x: tensor<2x3xi32>, %y: tensor<2x3xi32>) -> tensor<2x3xi32> {
      %c = stablehlo.constant dense<10> : tensor<i32>
      %0 = "stablehlo.map"(%x, %y) <{dimensions = array<i64: 0, 1>}> ({
      ^bb0(%a: tensor<i32>, %b: tensor<i32>):
        %1 = stablehlo.multiply %a, %c : tensor<i32>
        %2 = stablehlo.LAST : (tensor<i32>) -> tensor<1xi32>
        %3 = stablehlo.reshape %2 : (tensor<1xi32>) -> tensor<i32>
        %4 = stablehlo.add %3, %b : tensor<i32>
        stablehlo.return %4 : tensor<i32>
      }) : (tensor<2x3xi32>, tensor<2x3xi32>) -> tensor<2x3xi32>
      return %0 : tensor<2x3xi32> }""".replace("LAST", "reshape %1")
    x, y = np.arange(6, dtype=np.int32).reshape(2, 3), np.full((2, 3), 7, np.int32)
    (got,) = ir.evaluate(ir.parse(text), x, y)
    assert np.array_equal(got, 10 * x + y)
    plain = (
        text.replace("%2 = stablehlo.reshape %1 : (tensor<i32>) -> tensor<1xi32>", "")
        .replace("%3 = stablehlo.reshape %2 : (tensor<1xi32>) -> tensor<i32>", "")
        .replace("%3", "%1")
    )
    assert np.array_equal(ir.evaluate(ir.parse(plain), x, y)[0], got)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [0, 1])
def test_argmax_and_argmin_have_jaxs_answers(dtype, axis):
    x = drawn(dtype, 5, 8)
    for f in (lax.argmax, lax.argmin):
        agrees(lambda x, f=f: f(x, axis, np.int32), x)
    if np.dtype(dtype).kind not in "biu":
        x[1, 2] = np.nan
        agrees(lambda x: lax.argmax(x, axis, np.int64), x)


BODIES = {
    "second of two": lambda x, y: y,
    "difference": lambda x, y: x - 2 * y,
    "clipped sum": lambda x, y: jnp.clip(x + y, -7, 7),
    "gcd-like": lambda x, y: jnp.where(y == 0, x, jnp.abs(x % jnp.where(y == 0, 1, y))),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("dims", [(0,), (1,), (0, 2), (0, 1, 2), ()])
def test_reduce_with_any_body_goes_through_the_line_in_order(name, dims):
    """A body that is not associative shows the order: against a loop over the elements."""
    body = BODIES[name]
    x = drawn(np.int32, 3, 4, 2)
    f = functools.partial(lax.reduce, init_values=np.int32(1), computation=body, dimensions=dims)
    with jax.enable_x64(True):
        module = ir.parse(jax.jit(f).lower(x).as_text())
    (got,) = ir.evaluate(module, x)
    kept = [d for d in range(3) if d not in dims]
    lines = np.transpose(x, [*dims, *kept]).reshape(-1, *[x.shape[d] for d in kept])
    want = np.full(lines.shape[1:], 1, np.int32)
    for line in lines:
        want = np.asarray(body(want, line), np.int32)
    assert np.array_equal(got, want)


def test_reduce_of_several_operands_has_jaxs_answers():
    def f(x, y):
        def body(left, right):
            (a, b), (c, d) = left, right
            return a + c, jnp.maximum(b, d)

        return lax.reduce((x, y), (np.int32(0), np.float32(-np.inf)), body, (1,))

    agrees(f, drawn(np.int32, 4, 9), drawn(np.float32, 4, 9))


def test_a_sum_may_be_kept_in_a_wider_type():
    text = """func.func public @main(%x: tensor<4xi8>, %z: tensor<i8>) -> tensor<i32> {
      %0 = "stablehlo.reduce"(%x, %z) <{dimensions = array<i64: 0>}> ({
      ^bb0(%a: tensor<i32>, %b: tensor<i32>):
        %1 = stablehlo.add %a, %b : tensor<i32>
        stablehlo.return %1 : tensor<i32>
      }) : (tensor<4xi8>, tensor<i8>) -> tensor<i32>
      return %0 : tensor<i32> }"""
    module = ir.parse(text)
    ir.verify(module)
    assert ir.evaluate(module, np.full(4, 100, np.int8), np.int8(1)) == (401,)


def test_a_long_argmax_halves_its_line_until_it_is_short():
    """Half a million elements within a budget of 20,000 ops."""
    x = rng_of("large").permutation(500_000).astype(np.float32)
    module = ir.parse(jax.jit(lambda x: lax.argmax(x, 0, np.int32)).lower(x).as_text())
    (got,) = ir.evaluate(module, x, budget=20_000)
    assert got == np.argmax(x)


# -- sort -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 5), (1, 7), (3, 0), (4, 33)])
def test_sort_has_jaxs_order_along_each_dimension(dtype, shape):
    x = drawn(dtype, *shape)
    if x.size and x.dtype.kind not in "biu":
        x.reshape(-1)[::7] = np.nan
    for dim in (0, 1):
        agrees(lambda x, d=dim: lax.sort(x, dimension=d), x)


@pytest.mark.parametrize("keys", [1, 2, 3])
def test_sort_by_several_keys_carries_the_rest_along(keys):
    """Ties everywhere; more than one key has no single key, so runs are merged."""
    xs = [drawn(np.int32, 3, 40, low=0, high=3), drawn(np.float32, 3, 40, high=-1)]
    xs.append(np.tile(np.arange(40, dtype=np.int32), (3, 1)))
    agrees(lambda *xs: lax.sort(xs, dimension=1, num_keys=keys, is_stable=True), *xs)


COMPARATORS = {
    "descending": "%1 = stablehlo.compare GT, %a, %b : (tensor<i32>, tensor<i32>) -> tensor<i1>",
    "by the last digit": """
        %c = stablehlo.constant dense<3> : tensor<i32>
        %2 = stablehlo.remainder %a, %c : tensor<i32>
        %3 = stablehlo.remainder %b, %c : tensor<i32>
        %1 = stablehlo.compare LT, %2, %3 : (tensor<i32>, tensor<i32>) -> tensor<i1>""",
    "the other one first": """
        %1 = stablehlo.compare LT, %b, %a : (tensor<i32>, tensor<i32>) -> tensor<i1>""",
    "by two keys": """
        %2 = stablehlo.abs %a : tensor<i32>
        %3 = stablehlo.abs %b : tensor<i32>
        %4 = stablehlo.compare LT, %2, %3 : (tensor<i32>, tensor<i32>) -> tensor<i1>
        %5 = stablehlo.compare EQ, %2, %3 : (tensor<i32>, tensor<i32>) -> tensor<i1>
        %6 = stablehlo.compare GT, %a, %b : (tensor<i32>, tensor<i32>) -> tensor<i1>
        %7 = stablehlo.and %5, %6 : tensor<i1>
        %1 = stablehlo.or %4, %7 : tensor<i1>""",
    "not even a question": "%1 = stablehlo.constant dense<false> : tensor<i1>",
}


@pytest.mark.parametrize("name", COMPARATORS)
@pytest.mark.parametrize("n", [2, 5, 64, 101])
def test_sort_by_any_comparator_has_xlas_order(name, n):
    t = f"tensor<{n}xi32>"
    text = f"""module {{ func.func public @main(%x: {t}, %y: {t}) -> ({t}, {t}) {{
      %0:2 = "stablehlo.sort"(%x, %y) <{{dimension = 0 : i64, is_stable = true}}> ({{
      ^bb0(%a: tensor<i32>, %b: tensor<i32>, %p: tensor<i32>, %q: tensor<i32>):
        {COMPARATORS[name]}
        stablehlo.return %1 : tensor<i1>
      }}) : ({t}, {t}) -> ({t}, {t})
      return %0#0, %0#1 : {t}, {t} }} }}"""
    x, y = drawn(np.int32, n), np.arange(n, dtype=np.int32)
    got, want = ir.evaluate(ir.parse(text), x, y), xla(text, x, y)
    assert all(map(same, got, want))


def test_a_comparator_that_is_no_order_still_gives_a_permutation():
    text = """func.func public @main(%x: tensor<50xi32>) -> tensor<50xi32> {
      %0 = "stablehlo.sort"(%x) <{dimension = 0 : i64}> ({
      ^bb0(%a: tensor<i32>, %b: tensor<i32>):
        %1 = stablehlo.compare NE, %a, %b : (tensor<i32>, tensor<i32>) -> tensor<i1>
        stablehlo.return %1 : tensor<i1>
      }) : (tensor<50xi32>) -> tensor<50xi32>
      return %0 : tensor<50xi32> }"""
    x = rng_of("no order").permutation(50).astype(np.int32)
    (got,) = ir.evaluate(ir.parse(text), x)
    assert sorted(got) == list(range(50))


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.float32, ml_dtypes.bfloat16, np.float64])
@pytest.mark.parametrize("k", [0, 1, 4, 9])
def test_top_k_has_jaxs_values_and_places(dtype, k):
    x = drawn(dtype, 3, 9)
    if x.dtype.kind not in "iu":
        x[0, 3] = np.nan
    agrees(lambda x: lax.top_k(x, k), x)


# -- what one process cannot run ------------------------------------------------------------

ALONE = {
    "custom_call": "%0 = stablehlo.custom_call @magic(%x) : (tensor<4xf32>) -> tensor<4xf32>",
    "rng": """%n = stablehlo.constant dense<4> : tensor<1xi64>
      %z = stablehlo.constant dense<0.0> : tensor<f32>
      %0 = stablehlo.rng %z, %z, %n, distribution = NORMAL
        : (tensor<f32>, tensor<f32>, tensor<1xi64>) -> tensor<4xf32>""",
    "collective_permute": """%0 = "stablehlo.collective_permute"(%x)
      <{source_target_pairs = dense<[[0, 1]]> : tensor<1x2xi64>}>
      : (tensor<4xf32>) -> tensor<4xf32>""",
    "infeed": """%k = stablehlo.create_token : !stablehlo.token
      %0:2 = "stablehlo.infeed"(%k) <{infeed_config = ""}>
      : (!stablehlo.token) -> (tensor<4xf32>, !stablehlo.token)""",
    "complex": """%1 = stablehlo.complex %x, %x : tensor<4xcomplex<f32>>
      %0 = stablehlo.real %1 : (tensor<4xcomplex<f32>>) -> tensor<4xf32>""",
}


@pytest.mark.parametrize("name", ALONE)
def test_what_cannot_run_is_refused_by_name_and_a_handler_may_bring_it(name):
    value = "%0#0" if name == "infeed" else "%0"
    text = f"""func.func public @main(%x: tensor<4xf32>) -> tensor<4xf32> {{
      {ALONE[name]}
      return {value} : tensor<4xf32> }}"""
    module = ir.parse(text)
    ir.verify(module)
    x = np.arange(4, dtype=np.float32)
    with pytest.raises(UnsupportedError, match=name) as caught:
        ir.evaluate(module, x)
    assert caught.value.op == f"stablehlo.{name}" and caught.value.hint
    handlers = {
        f"stablehlo.{name}": lambda op, *xs: (x,) * len(op.results),
        "stablehlo.real": lambda op, x: x,
    }
    assert np.array_equal(ir.evaluate(module, x, handlers=handlers)[0], x)
