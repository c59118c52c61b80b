"""Shardy in JAX's text: read, verified and printed as jaxlib's MLIR does it; refused where it runs.

The oracle of each form and of each refusal is jaxlib's own parser and verifier.
"""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir
from minidl.core.errors import ParseError, UnsupportedError, VerifyError
from minidl.xla.compiler import compile_module
from tests.ir import jaxlib_mlir as mlir

MESHES = """module {
  sdy.mesh @m = <["x"=2, "y"=4, "z"=8]> {stablehlo.mesh = {axes = [{name = "x", size = 2 : i64}]}}
  sdy.mesh @n = <["x"=2]>
  sdy.mesh @"one device" = <[], device_ids=[3]>
"""
CONSTRAINT = (
    MESHES
    + """  func.func public @main(%arg0: tensor<8x4xf32>) -> tensor<8x4xf32> {
    %0 = sdy.sharding_constraint %arg0 SHARDING : tensor<8x4xf32>
    return %0 : tensor<8x4xf32>
  }
}
"""
)
MANUAL = (
    MESHES
    + """  func.func public @main(%arg0: tensor<8x4xf32>) -> tensor<4x4xf32> {
    %0 = sdy.manual_computation(%arg0) in_shardings=[INPUT] out_shardings=[<@m, [{}, {}]>]
      manual_axes={AXES} (%arg1: LOCAL) {
BODY
    } {note = 1 : i32} : (tensor<8x4xf32>) -> tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
}
"""
)
PLAIN = "      sdy.return %arg1 : tensor<4x4xf32>"


def manual(source='<@m, [{"x"}, {}]>', axes='"x"', local="tensor<4x4xf32>", body=PLAIN) -> str:
    words = {"INPUT": source, "AXES": axes, "LOCAL": local, "BODY": body}
    text = MANUAL
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def nested(axis: str) -> str:
    size = {"x": 2, "y": 1}[axis]
    return f"""      %1 = sdy.manual_computation(%arg1) in_shardings=[<@m, [{{"{axis}"}}, {{}}]>]
        out_shardings=[<@m, [{{}}, {{}}]>] manual_axes={{"{axis}"}} (%arg2: tensor<{size}x4xf32>) {{
        sdy.return %arg2 : tensor<{size}x4xf32>
      }} : (tensor<4x4xf32>) -> tensor<{size}x4xf32>
{PLAIN}"""


def both_read(text: str) -> None:
    """We read what MLIR reads, and print it letter by letter alike, in both forms."""
    module = ir.parse(text)
    ir.verify(module)
    assert str(module).strip() == mlir.retold(text).strip()
    assert module.text(generic=True).strip() == mlir.generic(text).strip()
    assert str(ir.parse(module.text(generic=True))) == str(module) == str(module.clone())


def both_refuse(text: str, says: str) -> None:
    assert mlir.refusal(text) is not None
    with pytest.raises((ParseError, VerifyError), match=says) as caught:
        ir.verify(ir.parse(text))
    assert caught.value.line


@pytest.mark.parametrize(
    "sharding",
    [
        '<@m, [{"x"}, {"y"}]>',
        '<@m, [{"x", ?}p2, {?}p0], replicated={"y"}>',
        '<@m, [{"x"}, {}], unreduced={"y", "z"}>',
        '<@m, [{}, {}], unreduced={"x"}, replicated={"y"}>',
        '<@m, [{"y":(1)2}, {"y":(2)2}]>',
        '<@m, [{"z":(4)2, "z":(1)2}, {}]>',
        '<mesh<["a"=2]>, [{"a"}, {}]>',
        '<mesh<["a"=2], device_ids=[1, 0]>, [{"a"}, {}]>',
        "<mesh<[]>, [{}, {}]>",
        '<@"one device", []>',
    ],
)
def test_a_sharding_is_read_and_printed_as_mlir_does(sharding):
    both_read(CONSTRAINT.replace("SHARDING", sharding))


@pytest.mark.parametrize(
    ("sharding", "says"),
    [
        ('<@m, [{"x"}]>', "1 dimensions, tensor<8x4xf32> 2"),
        ("<@q, [{}, {}]>", "unknown mesh @q"),
        ("<@main, [{}, {}]>", "unknown mesh @main"),
        ('<@m, [{"q"}, {}]>', 'unknown axis "q"'),
        ('<@m, [{"x"}, {"x"}]>', 'uses "x" twice'),
        ('<@m, [{"x"}, {}], replicated={"x"}>', 'uses "x" twice'),
        ('<@m, [{"z":(1)4}, {"z":(2)2}]>', "twice"),
        ('<@m, [{"z":(2)2}, {"z"}]>', 'uses "z" twice'),
        ('<@m, [{"y":(1)3}, {}]>', "does not divide its axis of size 4"),
        ('<@m, [{"y":(1)4}, {}]>', "the full axis"),
        ('<@m, [{"y":(1)1}, {}]>', "or nothing"),
        ('<@m, [{"z":(0)2}, {}]>', "of at least 1"),
        ('<@m, [{"y":(1)2, "y":(2)2}, {}]>', "merge them"),
        ("<@m, [{}p1, {}]>", "empty and closed"),
        ('<@m, [{?, "x"}, {}]>', "stands last"),
        ('<@m, [{"x"}q, {}]>', "expected ']'"),
        ('<@m, [{}, {}], unreduced={"y", "x"}>', "not in mesh order"),
        ("<@m, [{}, {}], unreduced={}>", "left out when it is empty"),
        ('<@m, [{}, {}], replicated={"x"}, replicated={"y"}>', "each once"),
        ('<@"one device", [{}, {}]>', "one device has all"),
        ('<mesh<["a"=0]>, [{}, {}]>', "size below 1"),
    ],
)
def test_a_sharding_that_does_not_fit_is_refused_by_both(sharding, says):
    both_refuse(CONSTRAINT.replace("SHARDING", sharding), says)


@pytest.mark.parametrize(
    "mesh",
    [
        '<["x"=2], device_ids=[0, 1]>',
        '<["x"=2, "y"=2], device_ids=[3, 1, 2, 0]>',
        "<[], device_ids=[0]>",
        "<[]>",
        r'<["x\"\\y"=2]> {note}',
        '<["x"=4611686018427387904, "y"=4611686018427387904]>',
    ],
)
def test_a_mesh_is_read_and_printed_as_mlir_does(mesh):
    both_read(f"module {{\n  sdy.mesh @mesh = {mesh}\n}}\n")


@pytest.mark.parametrize(
    ("mesh", "says"),
    [
        ('<["x"=2, "x"=2]>', "two axes of one name"),
        ('<["x"=-1]>', "size below 1"),
        ('<["x"=2], device_ids=[0]>', "not 0 … 1"),
        ('<["x"=2], device_ids=[0, 0]>', "not 0 … 1"),
        ('<["x"=2], device_ids=[-1, 0]>', "device below 0"),
        ("<[], device_ids=[0, 1]>", "more than one device"),
        ('<["x"=2], device_ids=[]>', "left out when it is empty"),
        ('<["x"=2], axes=[]>', "expected 'device_ids'"),
    ],
)
def test_a_mesh_of_no_devices_is_refused_by_both(mesh, says):
    both_refuse(f"module {{\n  sdy.mesh @mesh = {mesh}\n}}\n", says)


def test_a_mesh_stands_in_a_module_and_has_one_name():
    both_refuse('func.func @f() { sdy.mesh @q = <["x"=2]>\n return }', "stands in func.func")
    both_refuse("sdy.mesh @q = <[]>\nsdy.mesh @q = <[]>", "two operations are called @q")


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"source": '<@m, [{"x", "y"}, {}]>'},
        {"source": '<@m, [{"x", ?}p1, {?}]>'},
        {"source": '<@m, [{"y":(1)2}, {}]>', "axes": '"y"'},
        {"source": '<mesh<["x"=2, "y"=4, "z"=8]>, [{"x"}, {}]>'},
        {"body": nested("y")},
    ],
)
def test_a_manual_computation_is_read_and_printed_as_mlir_does(words):
    both_read(manual(**words))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"source": ""}, "1 operands, 0 shardings"),
        ({"source": '<@m, [{"y", "x"}, {}]>'}, "behind a free one"),
        ({"source": '<@n, [{"x"}, {}]>'}, "of 2 meshes"),
        ({"source": "<@m, [{}, {}]>"}, "is tensor<8x4xf32>, not tensor<4x4xf32>"),
        ({"source": '<@m, [{}, {"z"}]>', "axes": '"z"'}, "not divided by 8 devices"),
        ({"axes": '"q"'}, "is tensor<8x4xf32>, not tensor<4x4xf32>"),
        ({"axes": ""}, "is tensor<8x4xf32>, not tensor<4x4xf32>"),
        ({"local": "tensor<4x4xf64>"}, "written tensor<4x4xf32>, its value has tensor<4x4xf64>"),
        ({"body": nested("x")}, "bound by a sdy.manual_computation around it"),
        ({"body": "      sdy.return %arg0 : tensor<8x4xf32>"}, "made outside the isolated"),
        ({"body": "      stablehlo.return %arg1 : tensor<4x4xf32>"}, "ends with stablehlo.return"),
    ],
)
def test_a_manual_computation_that_does_not_fit_is_refused_by_both(words, says):
    both_refuse(manual(**words), says)


def test_a_constraint_inside_does_not_speak_of_the_manual_axes():
    for axis, fits in (("x", False), ("y", True)):
        inner = f'      %1 = sdy.sharding_constraint %arg1 <@m, [{{"{axis}"}}, {{}}]> : '
        text = manual(body=f"{inner}tensor<4x4xf32>\n{PLAIN}")
        if fits:
            both_read(text)
        else:
            both_refuse(text, 'axis "x", which is bound')


# -- what JAX writes ---------------------------------------------------------------------


def jax_texts():
    """Programs over a mesh of two devices that need not be here: an abstract mesh."""
    jax = pytest.importorskip("jax")
    from jax.sharding import AxisType, PartitionSpec

    mesh = jax.sharding.AbstractMesh((2,), ("x",), axis_types=(AxisType.Auto,))
    rows, whole = PartitionSpec("x"), PartitionSpec()
    sharding = jax.sharding.NamedSharding(mesh, rows)
    x = np.ones((4, 2), np.float32)

    def lowered(f, **options):
        return jax.jit(f, **options).trace(x).lower(lowering_platforms=("cpu",))

    def constrained(a):
        return jax.lax.with_sharding_constraint(a * 2, sharding) + 1

    def summed(a):
        return jax.shard_map(
            lambda b: jax.lax.psum(b, "x"), mesh=mesh, in_specs=rows, out_specs=whole
        )(a)

    def printed(a):
        jax.debug.print("{}", a)
        return a

    yield "constraint", lowered(constrained)
    yield "shard_map", lowered(summed)
    yield "gradient", lowered(jax.grad(lambda a: summed(a).sum()))
    yield "print", lowered(printed)


def test_what_jax_writes_by_default_is_read_verified_and_printed():
    seen = set()
    for name, program in jax_texts():
        text = program.as_text()
        both_read(text)
        assert str(ir.parse(text)) == text, name
        located = ir.parse(program.as_text(debug_info=True)).text(locations=True)
        assert mlir.refusal(located) is None, name
        seen |= {op.name for op in ir.parse(text).walk() if op.name.startswith("sdy.")}
    assert seen == {
        "sdy.mesh", "sdy.manual_computation", "sdy.return", "sdy.sharding_constraint",
    }  # fmt: skip


# -- where it would run --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "op"),
    [
        (manual(), "sdy.manual_computation"),
        (CONSTRAINT.replace("SHARDING", '<@m, [{"x"}, {}]>'), "sdy.sharding_constraint"),
    ],
)
def test_a_program_for_a_mesh_is_refused_by_name_where_it_runs(text, op):
    module, x = ir.parse(text), np.ones((8, 4), np.float32)
    with pytest.raises(UnsupportedError, match=f"{op} says where .* one process") as caught:
        ir.evaluate(module, x)
    assert "without the mesh" in caught.value.hint
    with pytest.raises(UnsupportedError, match=f"{op} is not compiled"):
        compile_module(module)


def test_a_mesh_that_nothing_uses_stops_no_run():
    module = ir.parse(
        MESHES
        + """  func.func @main(%arg0: tensor<3xf32>) -> tensor<3xf32> {
    %0 = stablehlo.add %arg0, %arg0 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}"""
    )
    x = np.array([1, -2, 3], np.float32)
    for made in (ir.evaluate(module, x), compile_module(module)(x)):
        assert np.array_equal(made[0], x + x)


def test_a_mesh_called_main_is_no_function():
    for run in (ir.evaluate, compile_module):
        with pytest.raises(Exception, match="the module has no function @main"):
            run(ir.parse("sdy.mesh @main = <[]>"))
