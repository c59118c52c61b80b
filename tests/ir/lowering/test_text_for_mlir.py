"""MLIR reads what the lowering writes, in both forms, and we read MLIR's generic form of it."""

from __future__ import annotations

import pytest

from minidl import ir, xla
from minidl.core.errors import ParseError, VerifyError
from tests.ir import jaxlib_mlir, samples
from tests.xla import computed

SEEDS = [*range(30), 84, 113]  # 84: a window without elements; 113: a switch without results
BODY = """"builtin.module"() ({{
  "func.func"() <{{function_type = {signature}, sym_name = "main"}}> ({{
  ^bb0({args}):
    {line}
    "func.return"() : () -> ()
  }}) : () -> ()
}}) : () -> ()"""


def check(source: ir.Module) -> None:
    exe = xla.compile(source)
    for module in (exe.modules["linalg"], exe.modules["loops"]):
        text = str(module)
        assert jaxlib_mlir.refusal(text) is None
        assert jaxlib_mlir.refusal(module.text(generic=True)) is None
        assert str(ir.parse(jaxlib_mlir.generic(text))) == text
        assert str(ir.parse(module.text(generic=True))) == text


@pytest.mark.parametrize("seed", SEEDS)
def test_random_programs_are_accepted_and_read_back(seed):
    check(computed.seeded(seed))


@pytest.mark.parametrize("seed", SEEDS[:12])
def test_an_attribute_of_nobody_s_is_kept_on_every_op(seed):
    exe = xla.compile(computed.seeded(seed))
    for module in (exe.modules["linalg"].clone(), exe.modules["loops"].clone()):
        for op in module.walk():
            op.attributes["my.note"] = 7
        for generic in (False, True):
            text = module.text(generic=generic)
            assert jaxlib_mlir.refusal(text) is None
            assert text.count("my.note") == len(list(module.walk()))
            assert all("my.note" in op.attributes for op in ir.parse(text).walk())


@pytest.mark.parametrize("part", range(8))
def test_open_programs_are_accepted_and_read_back(part):
    rows = samples.open_data()[part::8]
    assert len(rows) > 100
    for row in rows:
        check(ir.parse(row["text"]))


WINDOW = (
    "<{{operandSegmentSizes = array<i32: 1, {0}, 0, 0>, static_offsets = array<i64: {1}>, "
    "static_sizes = array<i64: {2}>, static_strides = array<i64: {3}>}}>"
)
SLICE = '%0 = "tensor.extract_slice"(%a) {} : (tensor<8xf32>) -> tensor<4xf32>'
CAST = '%0 = "memref.reinterpret_cast"(%m) {} : (memref<2x4xf32>) -> memref<8xf32>'
FILL = (
    '%0 = "linalg.fill"(%s, %a) <{{operandSegmentSizes = array<i32: {}>}}> ({{\n'
    '^bb0(%x: f32, %y: f32):\n "linalg.yield"({}) : (f32) -> ()\n}}) '
    ": (f32, tensor<8xf32>) -> tensor<8xf32>"
)
LINES = [
    (SLICE.format(WINDOW.format(0, 2, 4, 1) + ' ({ "func.return"() : () -> () })'), "regions"),
    (
        FILL.format("1, 1", "").replace("%x: f32, %y: f32", "").replace("(f32) -> ()", "() -> ()"),
        "its first argument",
    ),
    (SLICE.format(WINDOW.format(0, 2, 4, 1)), None),
    (SLICE.format(WINDOW.format(1, 2, 4, 1)), "known only at run time"),
    (SLICE.format("<{static_offsets = array<i64: 2>}>"), "static_sizes is missing"),
    (CAST.format(WINDOW.format(0, 0, 8, 1)), None),
    (CAST.format(WINDOW.format(0, 0, 4, 2)), r"sizes \[4\] are written"),
    (CAST.format(WINDOW.format(0, 0, 8, 2)), r"strides \[2\] are written"),
    (CAST.format(WINDOW.format(0, 1, 8, 1)), r"offsets \[1\] are written"),
    (FILL.format("1, 1", "%x"), None),
    (FILL.format("1, 1", "%y"), "return its first argument"),
    (FILL.format("2, 0", "%x"), "one value and one output"),
    (
        '%0 = "vector.extract"(%v) <{static_position = array<i64: 1>}> : (vector<4xf32>) -> f32',
        None,
    ),
    (
        '%0 = "vector.extract"(%v) <{static_position = array<i64: 1, 2>}> : (vector<4xf32>) -> f32',
        "must hold one number",
    ),
    (
        '%0 = "memref.alloca"() <{operandSegmentSizes = array<i32: 0, 0>}> : () -> memref<4xf32>',
        None,
    ),
    ('%0 = "memref.alloca"() : () -> memref<4xf32>', "operandSegmentSizes is missing"),
]


@pytest.mark.parametrize(("line", "says"), LINES)
def test_what_a_row_does_not_keep_is_refused(line, says):
    types = {"a": "tensor<8xf32>", "m": "memref<2x4xf32>", "s": "f32", "v": "vector<4xf32>"}
    text = BODY.format(
        signature=f"({', '.join(types.values())}) -> ()",
        args=", ".join(f"%{name}: {type_}" for name, type_ in types.items()),
        line=line,
    )
    if says is None:
        module = ir.parse(text)
        ir.verify(module)
        assert jaxlib_mlir.refusal(text) is None
        return
    with pytest.raises((ParseError, VerifyError), match=says) as caught:
        ir.verify(ir.parse(text))
    assert caught.value.line == 4


def test_a_global_is_private_and_constant():
    text = """"builtin.module"() ({{
      "memref.global"() <{{{}initial_value = dense<[1, -1]> : tensor<2xi16>, sym_name = "w",
        sym_visibility = "{}", type = memref<2xi16>}}> : () -> () }}) : () -> ()"""
    module = ir.parse(text.format("constant, ", "private"))
    assert 'memref.global "private" constant @w : memref<2xi16> = dense<[1, -1]>' in str(module)
    wrong = [("", "private", "constant is missing")]
    wrong += [("constant, ", "nested", 'sym_visibility must be "private"')]
    for unit, visible, says in wrong:
        with pytest.raises(ParseError, match=says):
            ir.parse(text.format(unit, visible))


def test_a_cast_written_against_its_type_is_refused():
    text = """func.func @f(%m: memref<2x4xf32>) {{
      %0 = memref.reinterpret_cast %m to offset: [0], sizes: [8], strides: [{}] :
        memref<2x4xf32> to memref<8xf32>
      return
    }}"""
    ir.verify(ir.parse(text.format(1)))
    with pytest.raises(ParseError, match=r"strides \[2\] are written") as caught:
        ir.parse(text.format(2))
    assert caught.value.line == 2
    assert jaxlib_mlir.refusal(text.format(2))
