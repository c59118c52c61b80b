"""sort, scatter and dynamic_update_slice natively: against NumPy and evaluate, edges included."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minidl
from minidl import ir
from minidl import numpy as mnp
from minidl.ir.lowering.kernels import KERNELS
from minidl.xla.compiler import compile_module
from tests.ir.lowering import stages
from tests.ir.lowering.test_control import module_of
from tests.xla.guarded import run_guarded
from tests.xla.programs import same_bits


def agree(module, args, lower=True):
    """Native code, both lower stages and evaluate have one answer; it comes back."""
    exe = compile_module(module, check=True)
    got = run_guarded(exe, args)
    assert all(map(same_bits, map(np.asarray, ir.evaluate(module, *args)), got))
    for run in (stages.run_linalg, stages.run_loops) if lower else ():
        assert all(map(same_bits, got, run(exe, args)))
    return got


def sorting(compare: str, shape, element="f32", d=0, operands=1) -> ir.Module:
    """A sort of a key and of numbers that ride along."""
    types = [f"tensor<{'x'.join(map(str, (*shape, e)))}>" for e in [element, *["i32"] * operands]]
    types = types[:operands]
    args = ", ".join(f"%x{i}: {t}" for i, t in enumerate(types))
    pairs = ", ".join(
        f"%a{i}: tensor<{e}>, %b{i}: tensor<{e}>"
        for i, e in enumerate([element, *["i32"] * operands][:operands])
    )
    outs = ", ".join(f"%0#{i}" for i in range(operands)) if operands > 1 else "%0"
    listed = ", ".join(types)
    many = f"({listed})" if operands > 1 else listed
    return ir.parse(f"""
      func.func @main({args}) -> ({listed}) {{
        %0{f":{operands}" if operands > 1 else ""} = "stablehlo.sort"(
            {", ".join(f"%x{i}" for i in range(operands))}) ({{
        ^bb0({pairs}):
          {compare}
          stablehlo.return %p : tensor<i1>
        }}) {{dimension = {d} : i64, is_stable = true}} : ({listed}) -> {many}
        return {outs} : {listed}
      }}""")


LESS = "%p = stablehlo.compare LT, %a0, %b0 : (tensor<{e}>, tensor<{e}>) -> tensor<i1>"
MORE = LESS.replace("LT", "GT")


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8, 9, 31, 64, 100])
def test_a_line_of_any_length_is_sorted(n):
    x = np.random.default_rng(n).integers(-9, 9, (n, 3)).astype(np.int32)
    (got,) = agree(sorting(LESS.format(e="i32"), x.shape, "i32"), [x])
    assert np.array_equal(got, np.sort(x, axis=0))


@pytest.mark.parametrize("d", [0, 1, 2])
@pytest.mark.parametrize("compare", [LESS, MORE])
def test_a_sort_is_stable_along_every_dimension(compare, d):
    rng = np.random.default_rng(d)
    x = rng.integers(0, 3, (5, 6, 7)).astype(np.float32)
    where = np.arange(x.size, dtype=np.int32).reshape(x.shape)
    module = sorting(compare.format(e="f32"), x.shape, "f32", d, operands=2)
    keys, places = agree(module, [x, where])
    order = np.argsort(x if compare is LESS else -x, axis=d, kind="stable")
    assert np.array_equal(keys, np.take_along_axis(x, order, d))
    assert np.array_equal(places, np.take_along_axis(where, order, d))


@pytest.mark.parametrize("element", ["i1", "ui8", "ui32", "i64", "f16", "bf16", "f64"])
def test_each_element_type_is_sorted_by_its_own_order(element):
    dtype = ir.parse(f"func.func @main(%x: tensor<{element}>) {{ return }}")
    dtype = dtype.main.body.args[0].type.element.numpy
    x = np.random.default_rng(3).integers(0, 250, 67).astype(dtype)
    (got,) = agree(sorting(LESS.format(e=element), (67,), element), [x])
    assert np.array_equal(got, np.sort(x))


def test_numbers_that_are_none_go_last_in_jax_s_order():
    x = np.array([3, np.nan, -0.0, 0.0, -np.inf, np.inf, -np.nan, 1], np.float32)
    (got,) = agree(module_of(jnp.sort, x), [x])
    assert np.array_equal(got, np.sort(x), equal_nan=True)


def test_sorting_a_long_line_takes_a_scratch_of_its_size_and_no_stack():
    x = np.random.default_rng(0).normal(size=1 << 18).astype(np.float32)
    exe = compile_module(sorting(LESS.format(e="f32"), x.shape))
    assert exe.memory.temp_bytes == x.nbytes
    (got,) = exe(x)
    assert np.array_equal(got, np.sort(x))


# -- updates -----------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [(-5, 0), (0, 0), (2, 3), (99, 99), (4, 6)])
def test_an_update_s_start_is_clamped(start):
    x, u = np.zeros((6, 7), np.float32), np.ones((2, 3), np.float32)
    module = ir.parse("""
      func.func @main(%x: tensor<6x7xf32>, %u: tensor<2x3xf32>, %i: tensor<i32>, %j: tensor<i32>)
          -> tensor<6x7xf32> {
        %0 = stablehlo.dynamic_update_slice %x, %u, %i, %j : (tensor<6x7xf32>, tensor<2x3xf32>,
          tensor<i32>, tensor<i32>) -> tensor<6x7xf32>
        return %0 : tensor<6x7xf32>
      }""")
    (got,) = agree(module, [x, u, *(np.array(s, np.int32) for s in start)])
    i, j = np.clip(start, 0, (4, 4))
    x[i : i + 2, j : j + 3] = 1
    assert np.array_equal(got, x)


def test_an_unsigned_start_beyond_every_size_is_the_last():
    module = ir.parse("""
      func.func @main(%x: tensor<6xf32>, %u: tensor<2xf32>, %i: tensor<ui64>) -> tensor<6xf32> {
        %0 = stablehlo.dynamic_update_slice %x, %u, %i
          : (tensor<6xf32>, tensor<2xf32>, tensor<ui64>) -> tensor<6xf32>
        return %0 : tensor<6xf32>
      }""")
    args = [np.zeros(6, np.float32), np.ones(2, np.float32), np.array(2**64 - 1, np.uint64)]
    assert agree(module, args)[0].tolist() == [0, 0, 0, 0, 1, 1]


SCATTERS = {"add": "add", "the last wins": "set", "multiply": "multiply", "largest": "max"}


@pytest.mark.parametrize("mode", ["drop", "clip"])
@pytest.mark.parametrize("name", SCATTERS)
def test_a_scatter_takes_the_updates_in_order_and_skips_those_outside(name, mode):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(6, 4)).astype(np.float32)
    i = np.array([3, 0, 3, -1, 9, 3, 5, 6], np.int32)
    u = rng.normal(size=(8, 4)).astype(np.float32)
    at = SCATTERS[name]
    module = module_of(lambda x, i, u: getattr(x.at[i], at)(u, mode=mode), x, i, u)
    assert any(op.name == "stablehlo.scatter" for op in module.walk())
    (got,) = agree(module, [x, i, u])
    want = getattr(jnp.asarray(x).at[i], at)(u, mode=mode)
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_a_region_of_several_ops_and_of_two_operands_scatters():
    module = ir.parse("""
      func.func @main(%x: tensor<5xf32>, %y: tensor<5xi32>, %i: tensor<4x1xi32>,
          %u: tensor<4xf32>, %v: tensor<4xi32>) -> (tensor<5xf32>, tensor<5xi32>) {
        %0:2 = "stablehlo.scatter"(%x, %y, %i, %u, %v) <{scatter_dimension_numbers =
          #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0],
          index_vector_dim = 1>}> ({
        ^bb0(%a: tensor<f32>, %b: tensor<i32>, %c: tensor<f32>, %d: tensor<i32>):
          %p = stablehlo.compare GT, %c, %a : (tensor<f32>, tensor<f32>) -> tensor<i1>
          %e = stablehlo.select %p, %c, %a : tensor<i1>, tensor<f32>
          %f = stablehlo.select %p, %d, %b : tensor<i1>, tensor<i32>
          stablehlo.return %e, %f : tensor<f32>, tensor<i32>
        }) : (tensor<5xf32>, tensor<5xi32>, tensor<4x1xi32>, tensor<4xf32>, tensor<4xi32>)
          -> (tensor<5xf32>, tensor<5xi32>)
        return %0#0, %0#1 : tensor<5xf32>, tensor<5xi32>
      }""")
    x, y = np.zeros(5, np.float32), np.full(5, -1, np.int32)
    i, u = np.array([[2], [0], [2], [7]], np.int32), np.array([1, 2, 3, 4], np.float32)
    best, who = agree(module, [x, y, i, u, np.arange(4, dtype=np.int32)])
    assert best.tolist() == [2, 0, 3, 0, 0]
    assert who.tolist() == [1, -1, 2, -1, -1]


# -- on a GPU --------------------------------------------------------------------------------


def launched(module: ir.Module, args):
    """Every kernel of a program, its threads one after the other, in the order of the calls."""
    exe = compile_module(module, "ptx")
    assert ".visible .entry" in exe.stages["ptx"].text
    loops, fused = exe.modules["loops"], exe.modules["fused"].main
    values = dict(zip(fused.body.args, args, strict=True))
    for op in fused.body:
        if op.name == "stablehlo.reshape":
            values[op.result] = values[op.operands[0]].reshape(op.result.type.dims)
        if op.name != "func.call":
            continue
        name = op["callee"].name
        outs = [np.zeros(v.type.dims, v.type.element.numpy) for v in op.results]
        given = [stages.as_memory(values[v], v.type) for v in op.operands]
        rest = loops.function(name).body.args[len(given) + len(outs) :]
        spare = [np.zeros(v.type.dims, v.type.element.numpy) for v in rest]
        memory = [*given, *(stages.as_memory(o, v.type) for o, v in zip(outs, op.results)), *spare]
        for thread in reversed(range(16 * -(-max(a.size for a in memory) // 16))):
            ids = {"block_id": thread // 16, "block_dim": 16, "thread_id": thread % 16}
            handlers = {f"gpu.{k}": lambda op, v=v: np.int64(v) for k, v in ids.items()}
            ir.evaluate(loops, *memory, entry=name, handlers=handlers)
        made = memory[len(given) : len(given) + len(outs)]
        values.update(zip(op.results, [m.view(o.dtype) for m, o in zip(made, outs)], strict=True))
    return [values[v] for v in fused.body.terminator.operands]


GPU = {
    "sort": (lambda x: jnp.sort(x, axis=0), 1),
    "argsort": (lambda x: jnp.argsort(x, axis=1), 1),
    "scatter": (lambda x, u, i: x.at[i].add(u, mode="drop"), 3),
    "update": (lambda x, u: jax.lax.dynamic_update_slice(x, u, (2, 0)), 2),
    "pad": (lambda x: jnp.pad(x, ((1, 2), (0, 3))), 1),
}


@pytest.mark.parametrize("name", GPU)
def test_a_gpu_s_threads_in_any_order_get_the_same_bits(name):
    rng = np.random.default_rng(4)
    x, u = (rng.normal(size=(n, 6)).astype(np.float32) for n in (5, 4))
    f, count = GPU[name]
    args = [x, u, np.array([3, 0, 3, 9], np.int32)][:count]
    module = module_of(f, *args)
    want = ir.evaluate(module, *args)
    for a, b in zip(want, launched(module, args), strict=True):
        assert same_bits(np.asarray(a), b)


def test_a_front_end_program_sorts_natively():
    x = np.random.default_rng(2).normal(size=(4, 9)).astype(np.float32)
    assert np.array_equal(minidl.jit(lambda x: mnp.sort(x, axis=1))(x), np.sort(x, axis=1))


def test_the_kernels_are_these():
    assert sorted(KERNELS) == [
        "stablehlo.dynamic_update_slice", "stablehlo.scatter", "stablehlo.sort"
    ]  # fmt: skip
