"""Text out and in: parse(print(m)) is m, and MLIR reads what we print."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir
from minidl.core.errors import MinidlError
from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.equivalence import difference
from minidl.ir.mlir.types import ELEMENTS, TensorType, element_of
from minidl.ir.text.lexer import quote, unquote
from tests.ir import jaxlib_mlir as mlir
from tests.ir import samples
from tests.xla import programs

FORMS = [(generic, locations) for generic in (False, True) for locations in (False, True)]


def drawn(count: int) -> list[ir.Module]:
    return [programs.seeded(seed) for seed in range(count)]


def check_forms(module: ir.Module) -> None:
    """Each of the four texts reads back to the same module."""
    for generic, locations in FORMS:
        text = module.text(generic=generic, locations=locations)
        again = ir.parse(text)
        assert again.text(generic=generic, locations=locations) == text
        assert str(again) == str(module)


@pytest.mark.parametrize("name", samples.SMALL)
def test_the_samples_read_back(name):
    check_forms(ir.parse(samples.SMALL[name]))


def test_drawn_programs_read_back():
    for module in drawn(100):
        check_forms(module)


def test_mlir_accepts_what_we_print():
    for module in [*drawn(80), *map(ir.parse, samples.SMALL.values())]:
        for generic, locations in FORMS:
            text = module.text(generic=generic, locations=locations)
            assert mlir.refusal(text) is None, text


def test_mlir_tells_our_text_back_word_by_word():
    """What MLIR prints after reading ours is what we print: same names, same forms."""
    mlir.context()
    for module in drawn(40):
        assert mlir.retold(str(module)).strip() == str(module).strip()


# -- numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ELEMENTS)
def test_every_bit_pattern_of_a_constant_survives(name):
    dtype = ir.mlir.types.ScalarType(name).numpy
    rng = np.random.default_rng(0)
    size = 64
    raw = rng.integers(0, 2, size) > 0 if name == "i1" else None
    if raw is None:
        raw = np.frombuffer(rng.bytes(size * dtype.itemsize), dtype)
    for array in (raw, np.resize(raw, 300), raw[:1], raw[0], raw[:0], raw.reshape(8, 8)):
        array = np.asarray(array)
        module = ir.Module()
        _, builder = ir.function(module, "main", [])
        ir.finish(builder, [builder.value("stablehlo.constant", value=Dense(array))])
        for generic in (False, True):
            text = module.text(generic=generic)
            op = next(o for o in ir.parse(text).walk() if o.name == "stablehlo.constant")
            assert op["value"] == Dense(array)
            assert mlir.refusal(text) is None


@pytest.mark.parametrize(
    "text", ["", "plain", 'a"b', "back\\slash", "tab\tnew\n", "é→", "\x00\x7f"]
)
def test_strings_read_back(text):
    assert unquote(quote(text)) == text
    assert quote(text).isascii()


def test_strings_are_written_as_mlir_writes_them():
    """A backslash is written twice; a quote, a tab, a letter beyond ASCII are two digits a byte."""
    odd = r'"x\\y", b = "\22\09\n\7F\C3\A4", "od\\d" = @"a\\b", "a\22" = "~ "'
    text = f"module attributes {{m.x = {{a = {odd}}}}} {{\n}}\n"
    assert str(ir.parse(text)) == mlir.retold(text)
    assert r'a = "x\\y", "a\22" = "~ ", b = "\22\09\0A\7F\C3\A4"' in mlir.retold(text)


SORT = """
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "stablehlo.sort"(%x) <{ATTRIBUTES}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %1 = stablehlo.subtract %a, %b : tensor<f32>
    %2 = stablehlo.is_finite %1 : (tensor<f32>) -> tensor<i1>
    stablehlo.return %2 : tensor<i1>
  }) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}"""
SOLVE = """
func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %0 = "stablehlo.cholesky"(%x) <{ATTRIBUTES}> : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}"""
CUSTOM = """
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = stablehlo.custom_call @f(%x) {ATTRIBUTES} : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}"""


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        (SORT, "dimension = 0 : i64, is_stable = false"),
        (SORT, "dimension = -1 : i64, is_stable = true"),
        (SORT, "dimension = -1 : i64"),
        (SORT, "is_stable = false"),
        (SORT, "is_stable = true"),
        (SOLVE, "lower = false"),
        (SOLVE, "lower = true"),
        (CUSTOM, "has_side_effect = false"),
        (CUSTOM, "api_version = 1 : i32, called_computations = [], note"),
    ],
)
def test_an_attribute_written_at_its_default_is_kept_as_mlir_keeps_it(text, attributes):
    text = text.replace("ATTRIBUTES", attributes)
    module = ir.parse(text)
    assert str(module).strip() == mlir.retold(text).strip()
    assert module.text(generic=True).strip() == mlir.generic(text).strip()
    assert str(ir.parse(str(module))) == str(module) == str(module.clone())
    again = ir.parse(module.text(generic=True))
    assert again.text(generic=True) == module.text(generic=True)


def test_an_attribute_without_a_name_is_refused_by_both():
    text = 'module attributes {m.x = {"" = 1 : i32}} {\n}\n'
    assert mlir.refusal(text) is not None
    with pytest.raises(MinidlError, match="an attribute has a name"):
        ir.parse(text)


def test_a_call_of_a_function_without_a_type_is_refused_by_both():
    text = """"builtin.module"() ({
      "func.func"() <{function_type = () -> (), sym_name = "main"}> ({
        "func.call"() <{callee = @f}> : () -> ()
        "func.return"() : () -> ()
      }) : () -> ()
      "func.func"() <{sym_name = "f", sym_visibility = "private"}> ({}) : () -> ()
    }) : () -> ()"""
    assert mlir.refusal(text) is not None
    with pytest.raises(MinidlError, match="needs the attribute 'function_type'"):
        ir.verify(ir.parse(text))


def test_an_attribute_at_its_default_is_the_same_program_written_or_not():
    module = ir.parse(SORT.replace("ATTRIBUTES", "is_stable = false"))
    assert difference(module, ir.parse(SORT.replace("ATTRIBUTES", ""))) is None
    other = difference(module, ir.parse(SORT.replace("ATTRIBUTES", "is_stable = true")))
    assert other is not None and "is_stable" in other


def test_i1_constants_are_read_in_both_packings():
    """One byte an element (MLIR today), one bit an element (before)."""
    head = "func.func @main() -> tensor<9xi1> { %c = stablehlo.constant dense<"
    tail = "> : tensor<9xi1> return %c : tensor<9xi1> }"
    for digits in ("010000000000000001", "0101"):
        (got,) = ir.evaluate(ir.parse(f'{head}"0x{digits}"{tail}'))
        assert got.tolist() == [True] + 7 * [False] + [True]


# -- locations --------------------------------------------------------------------------------


def test_locations_survive_in_all_their_kinds():
    module = ir.parse(samples.DOT)
    ops = {op.name: op for op in module.walk()}
    assert str(ops["stablehlo.dot_general"].location) == '"a.py":1:2'
    span = next(iter(ops["stablehlo.select"].location.spans()))
    assert (span.file, span.line, span.column, span.end_column) == ("b.py", 3, 4, 9)
    again = ir.parse(module.text(locations=True))
    places = [str(op.location) for op in module.walk()]
    assert [str(op.location) for op in again.walk()] == places


def test_each_line_knows_its_op():
    module = ir.parse(samples.CALL)
    lines = module.lines()
    assert "\n".join(line for line, _ in lines) + "\n" == str(module)
    assert [op for _, op in lines if op] == list(module.walk())
    for line, op in lines:
        short = op.name.rpartition(".")[2] if op else "}"
        assert short in line


# -- speed ------------------------------------------------------------------------------------


def long_text(n: int) -> str:
    lines = ["%0 = stablehlo.add %x, %x : tensor<8x8xf32>"]
    for i in range(1, n):
        a = f"%{i - 1}"
        lines.append(
            (
                f"%{i} = stablehlo.multiply {a}, %x : tensor<8x8xf32>",
                f"%{i} = stablehlo.exponential {a} : tensor<8x8xf32>",
                f"%{i} = stablehlo.transpose {a}, dims = [1, 0] "
                ": (tensor<8x8xf32>) -> tensor<8x8xf32>",
                f"%{i} = stablehlo.constant dense<{i}.5> : tensor<8x8xf32>",
            )[i % 4]
        )
    body = "\n".join(lines)
    return (
        "func.func @main(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {\n"
        f"{body}\nreturn %{n - 1} : tensor<8x8xf32>\n}}"
    )


def test_types_are_one_object_when_equal():
    (left, right) = (ir.parse(samples.CALL).main["function_type"] for _ in range(2))
    assert left is right
    assert TensorType((2,), element_of(np.float32)) is TensorType((2,), element_of(np.float32))


WORDS = ["true", "0", "1", "-1", "0xFF", "0x7F", "127", "128", "255", "256", "-128", "-129", "1.5"]
WORDS += ["-1.0", "1e3", "1.", "0x1", '"0x01"', "[1, 2]", "[true, false]", "[-1, 255]", "[]", "2"]
JUDGED = ["i1", "i8", "ui8", "i16", "f32", "bf16", "i4", "index", "complex<f32>"]


@pytest.mark.parametrize("element", JUDGED)
def test_a_constant_is_read_or_refused_as_mlir_does(element):
    """Numbers by their bits (255 is -1 in i8), words of truth for i1 alone."""
    unlike = []
    for word in WORDS:
        for shape in ("", "2x"):
            line = f"%0 = stablehlo.constant dense<{word}> : tensor<{shape}{element}>"
            text = f"func.func @main() {{\n  {line}\n  return\n}}"
            try:
                module = ir.parse(text)
                ir.verify(module)
                ours = str(module).strip()
            except MinidlError:
                ours = None
            theirs = None if mlir.refusal(text) is not None else mlir.retold(text).strip()
            if ours != theirs:
                unlike.append(line)
    assert unlike == []
