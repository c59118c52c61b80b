"""Ops with regions and ops that choose by data: reductions, windows, sorts, scatters, branches."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir
from minidl.ir.mlir.types import type_of
from minidl.xla.compiler import compile_module
from tests.ir.stablehlo.edges import BF16, BOTH, Case, check, parameters
from tests.ir.stablehlo.oracle import xla
from tests.ir.stablehlo.test_edges_movement import F32, op, scalar, whole

ALONE = ["reference"]


def body(lines: str, *elements: str, returns: str = "%z", types: str = "") -> str:
    """A region whose arguments are %p0, %q0, %p1, %q1 …"""
    args = ", ".join(f"%{c}{i}: tensor<{e}>" for i, e in enumerate(elements) for c in "pq")
    end = f"stablehlo.return {returns} : {types or f'tensor<{elements[0]}>'}"
    return f"({{ ^bb0({args}):\n  {lines}\n  {end} }})"


def joined(short: str, e: str) -> str:
    return body(f"%z = stablehlo.{short} %p0, %q0 : tensor<{e}>", e)


def compared(direction: str, e: str, kind: str = "", a: str = "%p0", b: str = "%q0") -> str:
    kind = kind and f", {kind}"
    types = f"(tensor<{e}>, tensor<{e}>) -> tensor<i1>"
    return f"%z = stablehlo.compare {direction}, {a}, {b}{kind} : {types}"


# -- reduce --------------------------------------------------------------------------------------


def reduced(name: str, x, init, dims: str, out: str, region: str, **more) -> Case:
    text = f'"stablehlo.reduce"(%a, %b) <{{dimensions = array<i64{dims and ": "}{dims}>}}> {region}'
    return op(f"reduce {name}", text, out, x, init, **more)


ODD = np.array([[1, np.nan, 2], [np.inf, -np.inf, 0], [-0.0, 0.0, -0.0]], F32)
BODIES = {
    "a difference": "%z = stablehlo.subtract %p0, %q0 : tensor<f32>",
    "a difference, turned": "%z = stablehlo.subtract %q0, %p0 : tensor<f32>",
    "the element twice": "%z = stablehlo.add %q0, %q0 : tensor<f32>",
    "a constant": "%z = stablehlo.constant dense<3.0> : tensor<f32>",
    "a quotient": "%z = stablehlo.divide %q0, %p0 : tensor<f32>",
}
REDUCTIONS = [
    *(reduced(f"by {name}", 2.0 ** np.arange(9, dtype=F32), scalar(1), "0", "f32",
              body(text, "f32"), by=ALONE)
      for name, text in BODIES.items()),
    reduced("one by a difference", whole(1), scalar(9), "0", "f32", joined("subtract", "f32"),
            by=ALONE),
    reduced("to the init", whole(3, 2), scalar(9), "0", "2xf32", body("", "f32", returns="%p0"),
            by=ALONE),
    reduced("to the last", whole(3, 2), scalar(9), "0", "2xf32", body("", "f32", returns="%q0"),
            by=ALONE),
    *(reduced(f"{short} of what is odd", ODD, scalar(init), "1", "3xf32", joined(short, "f32"),
              by=ALONE)
      for short, init in [("add", 0), ("multiply", 1), ("maximum", -np.inf), ("minimum", np.inf)]),
    reduced("of -0", np.full((2, 3), -0.0, F32), scalar(-0.0), "1", "2xf32", joined("add", "f32")),
    reduced("over no dimension", whole(3, 4), scalar(2), "", "3x4xf32", joined("maximum", "f32"),
            by=ALONE),
    reduced("of nothing", whole(3, 0), scalar(7), "1", "3xf32", joined("add", "f32")),
    reduced("with an init that counts", whole(3, 40), scalar(7), "1", "3xf32",
            joined("add", "f32"), by=ALONE),  # XLA counts it once for each part of a long line
    reduced("i8 wraps", whole(3, 40, dtype=np.int8) * np.int8(20), scalar(100, np.int8), "1",
            "3xi8", joined("add", "i8"), by=ALONE),
    reduced("xor", whole(3, 40, dtype=np.int16), scalar(-1, np.int16), "1, 0", "i16",
            joined("xor", "i16")),
    Case("reduce two types", '"stablehlo.reduce"(%a, %b, %c, %d) <{dimensions = array<i64: 1>}> '
         "({ ^bb0(%p: tensor<f32>, %q: tensor<i64>, %r: tensor<f32>, %s: tensor<i64>):\n"
         "%2 = stablehlo.add %p, %r : tensor<f32>\n%3 = stablehlo.maximum %q, %s : tensor<i64>\n"
         "stablehlo.return %2, %3 : tensor<f32>, tensor<i64> }) : (tensor<2x3xf32>, "
         "tensor<2x3xi64>, tensor<f32>, tensor<i64>) -> (tensor<2xf32>, tensor<2xi64>)",
         ["2xf32", "2xi64"],
         [whole(2, 3), whole(2, 3, dtype=np.int64), scalar(0), scalar(-9, np.int64)]),
]  # fmt: skip


# -- windows -------------------------------------------------------------------------------------


def numbers(**lists) -> str:
    parts = [
        f"padding = dense<{v}> : tensor<{len(v)}x2xi64>"
        if k == "padding" else f"{k} = array<i64: {', '.join(map(str, v))}>"
        for k, v in lists.items()
    ]  # fmt: skip
    return "<{" + ", ".join(parts) + "}>"


def window(name: str, x, init, out: str, short: str = "add", *, by=BOTH, **lists) -> Case:
    e = str(type_of(x).element)
    text = f'"stablehlo.reduce_window"(%a, %b) {numbers(**lists)} {joined(short, e)}'
    return op(f"reduce_window {name}", text, f"{out}x{e}", x, init, by=by)


def chosen(name: str, x, source, init, select: str = "GE", scatter: str = "add", *, by=BOTH,
           **lists) -> Case:  # fmt: skip
    e = str(type_of(x).element)
    regions = body(compared(select, e), e, types="tensor<i1>")[:-1] + ", "
    regions += joined(scatter, e)[1:]
    text = f'"stablehlo.select_and_scatter"(%a, %b, %c) {numbers(**lists)} {regions}'
    out = str(type_of(x)).removeprefix("tensor<").removesuffix(">")
    return op(f"select_and_scatter {name}", text, out, x, source, init, by=by)


WINDOWS = [
    window("dilated base", whole(5), scalar(0), "8", window_dimensions=[2], base_dilations=[2],
           padding=[[1, -1]]),
    window("dilated window", whole(7), scalar(0), "2", window_dimensions=[3], window_dilations=[2],
           window_strides=[2]),
    window("of i8", whole(7, dtype=np.int8), scalar(-128, np.int8), "7", "maximum",
           window_dimensions=[3], padding=[[1, 1]]),
    window("of products", whole(7), scalar(1), "7", "multiply", window_dimensions=[3],
           padding=[[2, 0]]),
    window("with an init that counts", whole(4), scalar(10), "4", window_dimensions=[3],
           padding=[[1, 1]], by=ALONE),
    window("by differences", whole(6), scalar(0), "4", "subtract", window_dimensions=[3], by=ALONE),
    window("too large", whole(3), scalar(5), "0", window_dimensions=[4]),
    window("cut", whole(9), scalar(0), "2", window_dimensions=[2], padding=[[-3, -3]]),
    chosen("with an init that counts", whole(6), whole(3), scalar(7), window_dimensions=[2],
           window_strides=[2], by=["xla"]),
    chosen("that overlaps", whole(6, 6), whole(5, 5), scalar(0), window_dimensions=[2, 2]),
    chosen("padded", whole(6, 6), whole(4, 4), scalar(0), window_dimensions=[3, 3],
           window_strides=[2, 2], padding=[[1, 2], [2, 1]]),
    chosen("of the least", whole(7, dtype=np.int32), whole(5, dtype=np.int32), scalar(0, np.int32),
           "LE", window_dimensions=[3]),
]  # fmt: skip


# -- sort ----------------------------------------------------------------------------------------


def ordered(name: str, lines: str, *xs, dim: int = 0, **more) -> Case:
    elements = [str(type_of(x).element) for x in xs]
    args = ", ".join("%" + c for c in "abc"[: len(xs)])
    text = f'"stablehlo.sort"({args}) <{{dimension = {dim} : i64, is_stable = true}}> '
    text += body(lines, *elements, types="tensor<i1>")
    outs = [str(type_of(x)).removeprefix("tensor<").removesuffix(">") for x in xs]
    return op(f"sort {name}", text, outs, *xs, **more)


NANS = np.array([3, np.nan, -0.0, 0.0, np.copysign(np.nan, -1), np.inf, -np.inf, 1, -1, 0.0, -0.0])
LEXICAL = "\n".join([
    "%u = stablehlo.compare LT, %p0, %q0 : (tensor<i32>, tensor<i32>) -> tensor<i1>",
    "%v = stablehlo.compare EQ, %p0, %q0 : (tensor<i32>, tensor<i32>) -> tensor<i1>",
    "%w = stablehlo.compare GT, %p1, %q1 : (tensor<f32>, tensor<f32>) -> tensor<i1>",
    "%x = stablehlo.and %v, %w : tensor<i1>", "%z = stablehlo.or %u, %x : tensor<i1>",
])  # fmt: skip
I32 = np.int32
SORTS = [
    *(ordered(f"{e} in total order {d}", compared(d, e, "TOTALORDER"), NANS.astype(t), by=["xla"])
      for e, t in [("f32", F32), ("f64", np.float64), ("f16", np.float16), ("bf16", BF16)]
      for d in ("LT", "GT")),
    *(ordered(f"equal zeros {d}", compared(d, "f32"), NANS[~np.isnan(NANS)].astype(F32))
      for d in ("LT", "GT")),
    ordered("i1", compared("LT", "i1"), whole(9) > 0),
    ordered("from the end", compared("GT", "i32"), whole(3, 4, dtype=I32), dim=-1),
    ordered("in the middle", compared("LT", "f32"), whole(2, 7, 3), dim=1),
    ordered("by the second", compared("LT", "f32", "", "%p1", "%q1"), whole(20, dtype=I32),
            whole(20)),
    ordered("by two keys", LEXICAL, whole(30, dtype=I32), whole(30), whole(30, dtype=np.int8)),
    ordered("by nothing", "%z = stablehlo.constant dense<false> : tensor<i1>", whole(5)),
    ordered("by sizes", "%u = stablehlo.abs %p0 : tensor<i32>\n"
            "%v = stablehlo.abs %q0 : tensor<i32>\n" + compared("LT", "i32", "", "%u", "%v"),
            whole(20, dtype=I32), whole(20)),
    ordered("no line", compared("LT", "i32"), np.zeros((0, 3), I32), by=["xla"]),
]  # fmt: skip


# -- gather, scatter -----------------------------------------------------------------------------


def gathered(name: str, x, at, out: str, dims: str, sizes, **more) -> Case:
    text = f'"stablehlo.gather"(%a, %b) <{{dimension_numbers = #stablehlo.gather<{dims}>, '
    text += f"indices_are_sorted = false, slice_sizes = array<i64: {', '.join(map(str, sizes))}>}}>"
    return op(f"gather {name}", text, f"{out}x{type_of(x).element}", x, at, **more)


def scattered(
    name: str, x, at, updates, dims: str, region: str = "", unique="false", **more
) -> Case:
    e = str(type_of(x).element)
    text = (
        f'"stablehlo.scatter"(%a, %b, %c) <{{scatter_dimension_numbers = #stablehlo.scatter<{dims}'
    )
    text += f">, indices_are_sorted = false, unique_indices = {unique}}}> "
    out = str(type_of(x)).removeprefix("tensor<").removesuffix(">")
    return op(f"scatter {name}", text + (region or joined("add", e)), out, x, at, updates, **more)


CUBE = whole(4, 5, 6)
PAIRS = np.array([[0, 1], [4, 2], [0, 0], [9, 0], [-1, 0], [0, 3], [0, 1]], I32)
LINE = np.array([[[0], [9]], [[3], [-1]], [[2], [2]], [[1], [4]]], I32)
ROWS = "update_window_dims = [1, 2], inserted_window_dims = [1], "
ROWS += "scatter_dims_to_operand_dims = [1, 0], index_vector_dim = 1"
POINTS = "inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1"
PLACES = np.array([[1], [2], [1]], I32)
INDEXED = [
    gathered("clamped", CUBE, np.array([[0, 9], [-3, 2], [3, 3]], I32), "3x2x2", "offset_dims = "
             "[1, 2], collapsed_slice_dims = [1], start_index_map = [1, 0], index_vector_dim = 1",
             [2, 1, 2]),
    gathered("starts along the first", CUBE, np.array([[0, 9, 1], [-3, 2, 7]], I32), "3x2",
             "offset_dims = [1], collapsed_slice_dims = [0, 1], start_index_map = [0, 2], "
             "index_vector_dim = 0", [1, 1, 2]),
    gathered("starts of one number", CUBE, np.array([0, 9, -1], I32), "5x6x3", "offset_dims = "
             "[0, 1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1",
             [1, 5, 6]),
    gathered("batched", CUBE, LINE, "4x2x3", "offset_dims = [2], collapsed_slice_dims = [1], "
             "operand_batching_dims = [0], start_indices_batching_dims = [0], "
             "start_index_map = [1], index_vector_dim = 2", [1, 1, 3]),
    gathered("batched twice, crossed", whole(2, 3, 4), LINE[:3], "3x2", "collapsed_slice_dims = "
             "[2], operand_batching_dims = [0, 1], start_indices_batching_dims = [1, 0], "
             "start_index_map = [2], index_vector_dim = 2", [1, 1, 1]),
    gathered("starts of no number", CUBE, np.zeros((2, 0), I32), "2x4x5x6",
             "offset_dims = [1, 2, 3], index_vector_dim = 1", [4, 5, 6], by=ALONE),
    gathered("at ui8", whole(300), np.array([[255], [127], [5]], np.uint8), "3x2",
             "offset_dims = [1], start_index_map = [0], index_vector_dim = 1", [2], by=["xla"]),
    *(scattered(f"{short} at repeated places", CUBE, PAIRS, whole(7, 2, 6), ROWS,
                joined(short, "f32"), by=ALONE)
      for short in ("add", "multiply", "maximum", "minimum", "subtract")),
    scattered("that replaces", CUBE, PAIRS, whole(7, 2, 6), ROWS, body("", "f32", returns="%q0"),
              by=ALONE),
    scattered("batched", CUBE, LINE, whole(4, 2, 6), "update_window_dims = [2], "
              "inserted_window_dims = [1], input_batching_dims = [0], scatter_indices_batching_dims"
              " = [0], scatter_dims_to_operand_dims = [1], index_vector_dim = 2"),
    scattered("at one place", CUBE, scalar(2, I32), whole(5, 6), "update_window_dims = [0, 1], "
              "inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], "
              "index_vector_dim = 0"),
    scattered("unique", CUBE, np.array([[0], [2]], I32), whole(2, 5, 6), "update_window_dims = "
              "[1, 2], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], "
              "index_vector_dim = 1", unique="true"),
    scattered("of a window partly outside", CUBE, np.array([[3], [2]], I32), whole(2, 2, 5, 6),
              "update_window_dims = [1, 2, 3], scatter_dims_to_operand_dims = [0], "
              "index_vector_dim = 1", by=ALONE),
    scattered("at ui32", whole(9), np.array([[2**32 - 1], [2], [8]], np.uint32), whole(3), POINTS,
              by=["xla"]),
    scattered("of i1", whole(9) > 0, PLACES, whole(3) > 0, POINTS, joined("or", "i1")),
    *(scattered(f"of {np.dtype(t)}", whole(9, dtype=t), PLACES, whole(3, dtype=t), POINTS)
      for t in (np.float16, BF16, np.int8, np.uint64)),
    op("torch_index_select", '"stablehlo.torch_index_select"(%a, %b) <{batch_dims = 1 : i64, dim = '
       "2 : i64}>", "2x3x5xf32", whole(2, 3, 4), abs(whole(2, 5, dtype=I32)) % I32(4), by=["xla"]),
]  # fmt: skip


# -- branches, loops -----------------------------------------------------------------------------

BRANCHES = (
    '"stablehlo.case"(%a) ({ stablehlo.return %b : tensor<3xf32> }, '
    "{ %1 = stablehlo.negate %b : tensor<3xf32>\n stablehlo.return %1 : tensor<3xf32> }, "
    "{ %1 = stablehlo.add %b, %b : tensor<3xf32>\n stablehlo.return %1 : tensor<3xf32> }) : "
    "(tensor<i32>) -> tensor<3xf32>"
)
LOOP = (
    "stablehlo.while(%i = %a, %y = %b, %z = %c) : tensor<i32>, tensor<3xf32>, tensor<3xf32>\n"
    "cond {{ %k = stablehlo.constant dense<{end}> : tensor<i32>\n"
    "%1 = stablehlo.compare GT, %i, %k : (tensor<i32>, tensor<i32>) -> tensor<i1>\n"
    "stablehlo.return %1 : tensor<i1> }} do {{ %o = stablehlo.constant dense<1> : tensor<i32>\n"
    "%1 = stablehlo.subtract %i, %o : tensor<i32>\n"
    "stablehlo.return %1, %z, %y : tensor<i32>, tensor<3xf32>, tensor<3xf32> }}"
)
STATE = ["i32", "3xf32", "3xf32"]
CONTROL = [
    *(Case(f"case {i}", BRANCHES, ["3xf32"], [scalar(i, I32), whole(3)])
      for i in (-(2**31), -1, 0, 1, 2, 3, 2**31 - 1)),
    Case("while that exchanges", LOOP.format(end=0), STATE, [scalar(5, I32), whole(3), -whole(3)]),
    Case("while that never runs", LOOP.format(end=9), STATE, [scalar(5, I32), whole(3), -whole(3)]),
    Case("tuple in a tuple", "%t = stablehlo.tuple %a, %b : tuple<tensor<3xf32>, tensor<i32>>\n"
         "%u = stablehlo.tuple %t : tuple<tuple<tensor<3xf32>, tensor<i32>>>\n"
         "%v = stablehlo.get_tuple_element %u[0] : (tuple<tuple<tensor<3xf32>, tensor<i32>>>) -> "
         "tuple<tensor<3xf32>, tensor<i32>>\n%r0 = stablehlo.get_tuple_element %v[1] : "
         "(tuple<tensor<3xf32>, tensor<i32>>) -> tensor<i32>", ["i32"], [whole(3), scalar(4, I32)]),
    Case("clamp by NaN", "stablehlo.clamp %b, %a, %c : (tensor<f32>, tensor<11xf32>, tensor<f32>) "
         "-> tensor<11xf32>", ["11xf32"], [NANS.astype(F32), scalar(0), scalar(np.nan)], by=ALONE),
    Case("clamp to less than the least", "stablehlo.clamp %b, %a, %c : (tensor<f32>, "
         "tensor<11xf32>, tensor<f32>) -> tensor<11xf32>", ["11xf32"],
         [NANS.astype(F32), scalar(3), scalar(2)], by=ALONE),
]  # fmt: skip
# -- normalisation -------------------------------------------------------------------------------

X, SCALE, OFFSET = whole(2, 3, 4), abs(whole(3)) + F32(1), whole(3, seed=1)
NORM = "<{epsilon = 1.000000e-03 : f32, feature_index = 1 : i64}>"
SMALL = ["2x3x4xf32", "3xf32", "3xf32"]
NORMS = [
    op("batch_norm_inference", f'"stablehlo.batch_norm_inference"(%a, %b, %c, %d, %e) {NORM}',
       SMALL[0], X, SCALE, OFFSET, whole(3), SCALE, by=["xla"], rtol=1e-4),
    op("batch_norm_training", f'"stablehlo.batch_norm_training"(%a, %b, %c) {NORM}', SMALL, X,
       SCALE, OFFSET, by=["xla"], rtol=1e-4),
    op("batch_norm_grad", f'"stablehlo.batch_norm_grad"(%a, %b, %c, %d, %e) {NORM}', SMALL, X,
       SCALE, OFFSET, SCALE, whole(2, 3, 4, seed=1), by=["xla"], rtol=1e-4),
]  # fmt: skip

# -- matrices ------------------------------------------------------------------------------------


def solved(left: bool, lower: bool, unit: bool, how: str) -> Case:
    """The triangle that the op does not read holds what would be seen in any sum."""
    words = [str(flag).lower() for flag in (left, lower, unit)]
    a = np.eye(4) * 4 + whole(2, 4, 4) / 4
    a[:, *((0, 3) if lower else (3, 0))] = np.nan
    b = whole(2, 4, 3, seed=1) if left else whole(2, 3, 4, seed=1)
    text = (
        f'"stablehlo.triangular_solve"(%a, %b) <{{left_side = {words[0]}, lower = {words[1]}, '
        f"transpose_a = #stablehlo<transpose {how}>, unit_diagonal = {words[2]}}}>"
    )
    name = f"triangular_solve {' '.join(words)} {how}"
    out = "x".join(map(str, b.shape)) + "xf32"
    return op(name, text, out, a.astype(F32), b, by=["xla"], rtol=1e-4)


ROOT = (np.tril(whole(2, 4, 4)) + 7 * np.eye(4)).astype(F32)
SQUARE = ROOT @ np.swapaxes(ROOT, -1, -2)
MATRICES = [
    *(solved(left, lower, unit, how)
      for left in (True, False) for lower in (True, False) for unit in (True, False)
      for how in ("NO_TRANSPOSE", "TRANSPOSE", "ADJOINT")),
    *(Case(f"cholesky {low}", f"stablehlo.cholesky %a, lower = {low} : tensor<2x4x4xf32>",
           ["2x4x4xf32"], [SQUARE], by=["xla"], rtol=1e-4)
      for low in ("true", "false")),
    Case("cholesky of nothing", "stablehlo.cholesky %a, lower = true : tensor<0x0xf32>",
         ["0x0xf32"], [np.zeros((0, 0), F32)], by=["xla"]),
]  # fmt: skip

CASES = [*REDUCTIONS, *WINDOWS, *SORTS, *INDEXED, *CONTROL, *NORMS, *MATRICES]


@pytest.mark.parametrize("case", parameters(CASES))
def test_an_op_that_applies_a_region_or_reads_its_place(case):
    check(case)


def test_a_matrix_without_a_root_has_nan_for_its_triangle():
    """XLA says NaN for the other triangle as well, which the specification leaves open."""
    no_root = np.array([[1, 2], [2, 1]], F32)
    text = "stablehlo.cholesky %a, lower = true : tensor<2x2xf32>"
    case = Case("cholesky", text, ["2x2xf32"], [no_root])
    (theirs,) = xla(case.text, no_root)
    assert np.isnan(theirs[np.tril_indices(2)]).all()
    module = ir.parse(case.text)
    for (ours,) in (ir.evaluate(module, no_root), compile_module(module)(no_root)):
        assert np.array_equal(ours, [[np.nan, 0], [np.nan, np.nan]], equal_nan=True)
