"""Ops whose sizes are operands: each constraint of the specification, violated once.

(`real_dynamic_slice` has no section in the specification; it follows slice's.)
"""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir
from minidl.core.errors import ShapeError
from tests.ir.stablehlo.refused import Op, Row, check_row, check_valid, labels, parameters, row
from tests.ir.stablehlo.test_windows_constraints import CONV, CONV_ROWS

COUNT = "it does not compare the number of sizes with the rank"
BROADCAST = Op(
    "dynamic_broadcast_in_dim",
    '"stablehlo.dynamic_broadcast_in_dim"({%x}, {%n}) <{broadcast_dimensions = array<i64: {dims}>, '
    "known_expanding_dimensions = array<i64: {grow}>, "
    "known_nonexpanding_dimensions = array<i64: {stay}>}>",
    {
        "x": "tensor<1x3xi64>", "n": "tensor<3xi64>", "dims": "2, 1", "grow": "0", "stay": "1",
        "out": "tensor<2x3x2xi64>",
    },
    ("x", "n"),
)  # fmt: skip
BROADCAST_ROWS = [
    row("C1", out="tensor<2x3x2xi32>"),
    row("C2", dims="2"),
    row("C3", dims="2, 3"),
    row("C3", dims="-1, 1"),
    row("C4", dims="1, 1"),
    row("C5", x="tensor<1x4xi64>"),
    row("C7", n="tensor<2xi64>", mlir=COUNT),
    row("C8", grow="1"),
    row("C9", grow="2"),
    row("C10", stay="-1"),
]
IOTA = Op(
    "dynamic_iota",
    '"stablehlo.dynamic_iota"({%n}) <{iota_dimension = {d} : i64}>',
    {"n": "tensor<2xi64>", "d": "1", "out": "tensor<4x5xi64>"},
    ("n",),
)
IOTA_ROWS = [row("C1", d="2"), row("C1", d="-1"), row("C2", n="tensor<3xi64>", mlir=COUNT)]
RESHAPE = Op(
    "dynamic_reshape",
    '"stablehlo.dynamic_reshape"({%x}, {%n})',
    {"x": "tensor<2x3xi64>", "n": "tensor<2xi64>", "out": "tensor<3x2xi64>"},
    ("x", "n"),
)
RESHAPE_ROWS = [
    row("C1", out="tensor<3x2xi32>"),
    row("C2", out="tensor<3x3xi64>"),
    row("C4", n="tensor<3xi64>"),
]
PAD = Op(
    "dynamic_pad",
    '"stablehlo.dynamic_pad"({%x}, {%v}, {%n})',
    {
        "x": "tensor<2x3xi64>", "v": "tensor<i64>", "out": "tensor<5x9xi64>",
        "n": "tensor<2xi64>, tensor<2xi64>, tensor<2xi64>",
    },
    ("x", "v", "n"),
)  # fmt: skip
PAD_ROWS = [
    row("C1", v="tensor<i32>"),
    row("C1", out="tensor<5x9xi32>"),
    row("I2", v="tensor<1xi64>"),
    row("C2", n="tensor<2xi64>, tensor<2xi64>, tensor<3xi64>"),
    row("C4", out="tensor<5x9x1xi64>"),
]
SLICE = Op(
    "real_dynamic_slice",
    '"stablehlo.real_dynamic_slice"({%x}, {%n})',
    {
        "x": "tensor<4x4xi64>", "n": "tensor<2xi64>, tensor<2xi64>, tensor<2xi64>",
        "out": "tensor<1x2xi64>",
    },
    ("x", "n"),
)  # fmt: skip
SLICE_ROWS = [
    row("C1 of slice", out="tensor<1x2xi32>"),
    row("C2 of slice", n="tensor<2xi64>, tensor<2xi64>, tensor<1xi64>"),
    row("C5 of slice", out="tensor<2xi64>", mlir="it does not compare the ranks"),
]
GATHER = Op(
    "dynamic_gather",
    '"stablehlo.dynamic_gather"({%x}, {%i}, {%n}) <{dimension_numbers = '
    "#stablehlo.gather<{dims}>}>",
    {
        "x": "tensor<3x4x2xi64>", "i": "tensor<2x3x2xi64>", "n": "tensor<3xi64>",
        "dims": "offset_dims = [2, 3], collapsed_slice_dims = [0], start_index_map = [1, 0], "
        "index_vector_dim = 2",
        "out": "tensor<2x3x2x2xi64>",
    },
    ("x", "i", "n"),
)  # fmt: skip


def gd(
    offset: str = "[2, 3]", collapsed: str = "[0]", mapped: str = "[1, 0]", vector: str = "2"
) -> str:
    return (
        f"offset_dims = {offset}, collapsed_slice_dims = {collapsed}, "
        f"start_index_map = {mapped}, index_vector_dim = {vector}"
    )


GATHER_ROWS = [
    row("C1", dims=gd(collapsed="[]")),
    row("C2", dims=gd(vector="4")),
    row("C3", dims=gd(mapped="[1]")),
    row("C4", dims=gd(offset="[3, 2]")),
    row("C5", dims=gd(offset="[2, 4]")),
    row("C6", dims=gd(offset="[2]", collapsed="[1, 1]")),
    row("C7", dims=gd(collapsed="[3]")),
    row("C9", dims=gd(mapped="[1, 1]")),
    row("C10", dims=gd(mapped="[1, 3]")),
    row("C11", n="tensor<2xi64>"),
    row("C12", out="tensor<2x3x5x2xi64>", mlir="it does not compare a result with the operand"),
    row("C13", out="tensor<2x4x2x2xi64>"),
    row("C14", out="tensor<2x3x2x2xi32>"),
]
DCONV = Op(
    "dynamic_conv",
    CONV.text.replace("convolution", "dynamic_conv")
    .replace("{%k})", "{%k}, {%p})")
    .replace(" padding = dense<{pad}>,", ""),
    {**{k: v for k, v in CONV.fields.items() if k != "pad"}, "p": "tensor<2x2xi64>"},
    ("x", "k", "p"),
)
WINDOW = {"C2", "C3", "C5", "C6", "C7", "C8", "C9"}
NO_WINDOW = "it checks no window whose padding it does not know"
NO_RESULT = "it does not compare the result"
DCONV_ROWS = [
    *(
        Row(r.label, r.changes, NO_WINDOW if r.label in WINDOW else r.mlir)
        for r in CONV_ROWS
        if "pad" not in r.changes and r.label not in ("C25", "C26", "C27")
    ),
    row("C4", p="tensor<2x3xi64>"),
    row("C4", p="tensor<4xi64>"),
    row("C4", p="tensor<2x2xf32>"),
    row("C25", out="tensor<2x2x2x5xf32>", mlir=NO_RESULT),
    row("C25", out="tensor<3x2x2x4xf32>", mlir=NO_RESULT),
    row("C26", out="tensor<2x2x2x4x1xf32>", mlir=NO_RESULT),
    row("C27", k="tensor<3x3x3x4xf64>"),
    row("C27", out="tensor<2x2x2x4xi32>", mlir="it does not look at the result's element"),
]
SIZE = Op(
    "get_dimension_size",
    '"stablehlo.get_dimension_size"({%x}) <{dimension = {d} : i64}>',
    {"x": "tensor<2x3xf32>", "d": "1", "out": "tensor<i32>"},
    ("x",),
)
SIZE_ROWS = [row("C1", d="2"), row("C1", d="-1")]
TABLES = [
    (BROADCAST, BROADCAST_ROWS, {*range(1, 11)} - {6}),  # C6: quantized
    (IOTA, IOTA_ROWS, {1, 2}),
    (RESHAPE, RESHAPE_ROWS, {1, 2, 4}),  # C3: quantized
    (PAD, PAD_ROWS, {1, 2, 4}),  # C3 is about values: below
    (SLICE, SLICE_ROWS, {1, 2, 5}),
    (GATHER, GATHER_ROWS, {*range(1, 15)} - {8}),  # C8 is about values: below
    (DCONV, DCONV_ROWS, {*range(1, 28)}),
    (SIZE, SIZE_ROWS, {1}),
]


@pytest.mark.parametrize("op", [op for op, _, _ in TABLES], ids=lambda op: op.name)
def test_the_program_that_the_rows_change_is_valid(op):
    check_valid(op)


@pytest.mark.parametrize(("op", "row"), parameters(*((op, rows) for op, rows, _ in TABLES)))
def test_each_constraint_is_refused_by_its_label(op, row):
    check_row(op, row)


@pytest.mark.parametrize(("op", "rows", "numbers"), TABLES, ids=lambda x: getattr(x, "name", ""))
def test_every_numbered_constraint_has_a_row(op, rows, numbers):
    assert labels(rows) == numbers


# -- what only the values can break ------------------------------------------------------


def ints(*xs):
    return np.array(xs, np.int64)


X = np.arange(6).reshape(2, 3)
STARTS = np.zeros((2, 3, 2), np.int64)
VALUES = [
    (BROADCAST, [np.ones((1, 3), np.int64), ints(2, 3, 3)], r"asked for shape \[2, 3, 3\]"),
    (IOTA, [ints(4, 6)], r"asked for shape \[4, 6\]"),
    (RESHAPE, [X, ints(2, 3)], r"asked for shape \[2, 3\]"),
    (PAD, [X, np.int64(0), ints(0, 1), ints(2, 1), ints(1, 3)], r"asked for shape \[5, 11\]"),
    (PAD, [X, np.int64(0), ints(3, 4), ints(1, 2), ints(-1, 0)], r"interior padding .*\(C3\)"),
    (SLICE, [np.ones((4, 4), np.int64), ints(0, 0), ints(2, 2), ints(1, 1)], "asked for"),
    (SLICE, [np.ones((4, 4), np.int64), ints(0, 3), ints(1, 5), ints(1, 1)], "does not fit size 4"),
    (SLICE, [np.ones((4, 4), np.int64), ints(0, 0), ints(1, 4), ints(1, 0)], "0:4:0"),
    (GATHER, [np.ones((3, 4, 2), np.int64), STARTS, ints(1, 3, 2)], "asked for"),
    (GATHER, [np.ones((3, 4, 2), np.int64), STARTS, ints(2, 2, 2)], "C8"),
    (DCONV, [np.ones((2, 4, 4, 6), np.float32), np.ones((3, 3, 3, 4), np.float32),
             np.array([[9, 1], [1, 1]])], "asked for"),
]  # fmt: skip


@pytest.mark.parametrize(("op", "inputs", "says"), VALUES, ids=[v[0].name for v in VALUES])
def test_operands_that_ask_for_another_shape_are_refused(op, inputs, says):
    module = ir.parse(op.program())
    ir.verify(module)
    with pytest.raises(ShapeError, match=says):
        ir.evaluate(module, *inputs)
