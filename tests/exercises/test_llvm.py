"""The checks of chapter `ir/llvm`: each likely mistake gets its own message."""

from __future__ import annotations

import pytest

from minidl.exercises import llvm as lab
from minidl.exercises.llvm import check_columns, check_cube
from minidl.ir.llvm.text import LLVM, type_text
from minidl.ir.llvm.watch import translate
from minidl.ir.mlir.spec import SPECS

COLUMNS = """define void @column_sums(ptr %w, ptr %r) {
entry:
  br label %column
column:
  %j = phi i64 [0, %entry], [%j1, %done]
  br label %row
row:
  %i = phi i64 [0, %column], [%i1, %row]
  %acc = phi float [0.0, %column], [%s, %row]
  %m = mul i64 %i, 128
  %k = add i64 %m, %j
  %p = getelementptr float, ptr %w, i64 %k
  %x = load float, ptr %p
  %s = fadd float %acc, %x
  %i1 = add i64 %i, 1
  %more = icmp slt i64 %i1, 64
  br i1 %more, label %row, label %done
done:
  %q = getelementptr float, ptr %r, i64 %j
  store float %s, ptr %q
  %j1 = add i64 %j, 1
  %again = icmp slt i64 %j1, 128
  br i1 %again, label %column, label %end
end:
  ret void
}"""
WIDE = """define void @column_sums(ptr %w, ptr %r) {
entry:
  br label %column
column:
  %j = phi i64 [0, %entry], [%j1, %done]
  br label %row
row:
  %i = phi i64 [0, %column], [%i1, %row]
  %acc = phi <8 x float> [zeroinitializer, %column], [%s, %row]
  %m = mul i64 %i, 128
  %k = add i64 %m, %j
  %p = getelementptr float, ptr %w, i64 %k
  %x = load <8 x float>, ptr %p, align 4
  %s = fadd <8 x float> %acc, %x
  %i1 = add i64 %i, 1
  %more = icmp slt i64 %i1, 64
  br i1 %more, label %row, label %done
done:
  %q = getelementptr float, ptr %r, i64 %j
  store <8 x float> %s, ptr %q, align 4
  %j1 = add i64 %j, 8
  %again = icmp slt i64 %j1, 128
  br i1 %again, label %column, label %end
end:
  ret void
}"""


@pytest.mark.parametrize("answer", [COLUMNS, WIDE])
def test_column_sums_pass_also_eight_at_a_time(answer):
    assert check_columns(answer)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (..., "a text was expected"),
        ("ret void", "defines no `@column_sums(`"),
        (translate(lab.ROWS).text.replace("row_sums", "column_sums"), "the sum of column 0: came"),
        (COLUMNS.replace("store float %s", "store float %acc"), "the sum of column 0"),
        (COLUMNS.replace("%r, i64 %j", "%r, i64 %i1"), "the sum of column 0"),
        (COLUMNS.replace("i64 %i, 128", "i64 %i, 64"), "the sum of column 0"),
        (COLUMNS.replace("i64 %i, 128", "i64 %i, 129"), "byte 32768 of argument 0 is outside"),
        (COLUMNS.replace("%i1, 64", "%i1, 63"), "32,256 bytes were read in 8,064 rounds"),
        (COLUMNS.replace("[%s, %row]", "[%x, %row]"), "the sum of column 0"),
        (COLUMNS.replace("[%i1, %row]", "[%i, %row]"), "more than 2,000,000 instructions"),
        (COLUMNS.replace("fadd float", "fadd i64"), "LLVM refuses it: line 14"),
        (COLUMNS.replace("[0, %entry]", "[0, %row]"), "LLVM refuses it"),
        (COLUMNS.replace("  store float %s, ptr %q\n", ""), "nothing was written"),
    ],
)
def test_each_wrong_text_hears_its_mistake(answer, message):
    said = check_columns(answer)
    assert not said and message in said.message


def cube(f, op):
    x, t = f[op.operands[0]], type_text(op.result.type)
    square = f.temporary(f"fmul {t} {x}, {x}", op.location)
    f.define(op.result, f"fmul {t} {square}, {x}", op.location)


def square(f, op):
    x, t = f[op.operands[0]], type_text(op.result.type)
    f.define(op.result, f"fmul {t} {x}, {x}", op.location)


def scalar(f, op):
    x = f[op.operands[0]]
    t = f.temporary(f"fmul float {x}, {x}", op.location)
    f.define(op.result, f"fmul float {t}, {x}", op.location)


def raises(f, op):
    raise RuntimeError("no")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (..., "expected a function"),
        (square, "for f32: [9.] came, [-27.] expected"),
        (scalar, "for vector<8xf32>: LLVM refuses it"),
        (lambda f, op: None, "for f32: a value got no name"),
        (raises, "for f32: `<lambda>` raised RuntimeError: no"),
    ],
)
def test_each_wrong_row_hears_its_mistake(answer, message):
    said = check_cube(answer)
    assert not said and message in said.message


def test_a_right_row_passes_and_nothing_stays_behind():
    assert check_cube(cube)
    assert "toy.cube" not in LLVM.rows and "toy.cube" not in SPECS
