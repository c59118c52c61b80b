"""The programs of chapter `ir/llvm`, and the checks of its exercises.

Chapter: ir/llvm.
Sources: the engine's own translation; LLVM's parser and verifier.
Real: `opt -passes=verify` and `lli` judge texts of LLVM IR in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.core.errors import MinidlError
from minidl.exercises.mlir import added, training_step
from minidl.exercises.verdict import call, exercise, need
from minidl.ir.llvm import watch
from minidl.ir.llvm.instructions import Listing, listed
from minidl.ir.llvm.run import Run, run
from minidl.ir.llvm.text import LLVM
from minidl.ir.mlir.spec import OpSpec

ROWS = """func.func @row_sums(%w: memref<64x128xf32>, %r: memref<64xf32>) {
  %first = arith.constant 0 : index
  %one = arith.constant 1 : index
  %rows = arith.constant 64 : index
  %columns = arith.constant 128 : index
  %nothing = arith.constant 0.000000e+00 : f32
  scf.for %i = %first to %rows step %one {
    %sum = scf.for %j = %first to %columns step %one iter_args(%acc = %nothing) -> (f32) {
      %x = memref.load %w[%i, %j] : memref<64x128xf32>
      %s = arith.addf %acc, %x : f32
      scf.yield %s : f32
    }
    memref.store %sum, %r[%i] : memref<64xf32>
  }
  return
}
"""
CUBE = """func.func @cube(%x: memref<8xf32>, %y: memref<8xf32>) {{
  %at = arith.constant 0 : index
  %v = {dialect}.load %x[%at] : memref<8xf32>{vector}
  %c = toy.cube %v : {type}
  {dialect}.store %c, %y[%at] : memref<8xf32>{vector}
  return
}}
"""
FORMS = {
    "f32": CUBE.format(dialect="memref", vector="", type="f32"),
    "vector<8xf32>": CUBE.format(dialect="vector", vector=", vector<8xf32>", type="vector<8xf32>"),
}


def weights() -> np.ndarray:
    """W1 of the book's network before training, float32[64, 128]."""
    return np.array(training_step()[1][0])


def with_word(text: str, word: str) -> str:
    """The text of a float sum with another addition: `add`, `fadd`, `fadd reassoc`."""
    if word != "add":
        return text.replace("fadd float", f"{word} float")
    whole = text.replace("fadd float", "add float").replace("0.000000e+00", "0")
    return whole.replace("float", "i32")


def sums(text: str, w: np.ndarray, size: int = 64) -> tuple[np.ndarray, Run]:
    """What a function (matrix, result) of LLVM IR writes, and what was counted."""
    result = np.full(size, -1, w.dtype)
    return result, run(text, np.ascontiguousarray(w), result)


def measured(
    text: str, cpu: str = "x86-64-v3", level: str = "plain", word: str = "fadd"
) -> tuple[Listing, Run, int]:
    """What LLVM makes of a sum over W1's rows, a run of it, and the instructions executed.

    For the word `add` the weights are whole numbers: thousandths, as int32.
    """
    made = listed(with_word(text, word), cpu, level)
    w = weights()
    _, counted = sums(made.ir, w if word != "add" else (1000 * w).astype(np.int32))
    return made, counted, made.executed(counted.trips)


@exercise("Every element is read once, and the columns are summed in order.")
def check_columns(text: Any) -> None:
    """`text` is LLVM IR of @column_sums(ptr w, ptr r): r[j] = Σᵢ w[i, j], w of 64 × 128."""
    need(isinstance(text, str), f"a text was expected, came {type(text).__name__}")
    need("@column_sums(" in text, "the text defines no `@column_sums(`")
    whole = np.random.default_rng(0).integers(-50, 50, (64, 128)).astype(np.float32)
    try:
        listed(text)
        got, counted = sums(text, whole, 128)
    except MinidlError as error:
        need(False, error.message, str(error.hint or ""))
    except (KeyError, ValueError, IndexError, TypeError) as error:
        need(False, f"the check cannot execute this text ({type(error).__name__}: {error})")
    rounds = max(counted.trips.values())
    need(
        counted.read_bytes == whole.nbytes,
        f"{counted.read_bytes:,} bytes were read in {rounds:,} rounds, the matrix has "
        f"{whole.nbytes:,}",
        "64 rounds for each of 128 columns",
    )
    want = whole.sum(0)
    wrong = np.flatnonzero(got != want)
    if wrong.size:
        j = int(wrong[0])
        said = "nothing was written" if got[j] == -1 else f"came {got[j]:g}"
        need(False, f"the sum of column {j}: {said}, expected {want[j]:g}",
             "which of the two phis counts the columns, and which place is stored to?")  # fmt: skip


@contextmanager
def _toy(row: Any) -> Iterator[None]:
    """`toy.cube` with the reader's row, for a while."""
    spec = OpSpec(
        "toy.cube", ("x",), infer=lambda types, attributes, regions: [types[0]], form="%x {} :same"
    )
    with added(spec):
        LLVM.rows["toy.cube"] = row
        try:
            yield
        finally:
            del LLVM.rows["toy.cube"]


@exercise("Two lines of LLVM IR, for one number and for eight at a time.")
def check_cube(row: Any) -> None:
    """`row(f, op)` writes the LLVM IR of `toy.cube %x`: x · x · x, scalar or vector."""
    need(callable(row), f"expected a function, came {type(row).__name__}")
    x = np.arange(-3, 5, dtype=np.float32)
    with _toy(lambda f, op: call(lambda *a: (row(*a), True)[1], f, op)):
        for kind, loops in FORMS.items():
            lanes = 1 if kind == "f32" else 8
            try:
                text = watch.translate(loops).text
                listed(text)
                y = np.zeros(8, np.float32)
                run(text, x.copy(), y)
            except KeyError:
                need(False, f"for {kind}: a value got no name",
                     "f.define(op.result, …) gives the result one")  # fmt: skip
            except MinidlError as error:
                need(False, f"for {kind}: {error.message}", "`type_text` says how LLVM spells it")
            want = np.where(np.arange(8) < lanes, x**3, 0)
            need(np.array_equal(y, want), f"for {kind}: {y[:lanes]} came, {want[:lanes]} expected",
                 "x · x · x takes two multiplications")  # fmt: skip
