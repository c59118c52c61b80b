"""gather, scatter, dynamic slices: each constraint of the specification, violated once."""

from __future__ import annotations

import pytest

from tests.ir.stablehlo.refused import Op, check_row, check_valid, labels, parameters, row

GATHER = Op(
    "gather",
    '"stablehlo.gather"({%x}, {%i}) <{dimension_numbers = #stablehlo.gather<{dims}>, '
    "slice_sizes = array<i64: {sizes}>}>",
    {
        "x": "tensor<5x3x4x2xi64>", "i": "tensor<2x5x3x2xi64>", "sizes": "1, 1, 2, 2",
        "dims": "offset_dims = [3, 4], collapsed_slice_dims = [1], operand_batching_dims = [0], "
        "start_indices_batching_dims = [1], start_index_map = [2, 1], index_vector_dim = 3",
        "out": "tensor<2x5x3x2x2xi64>",
    },
    ("x", "i"),
)  # fmt: skip


def dims(base: str, **changes: str) -> str:
    """`base` with some of its lists changed, or added; "" takes one away."""
    fields = dict(part.split(" = ") for part in base.replace("], ", "]; ").split("; "))
    fields.update(changes)
    return ", ".join(f"{k} = {v}" for k, v in fields.items() if v)


def gd(**changes: str) -> str:
    return dims(GATHER.fields["dims"], **changes)


GATHER_ROWS = [
    row("I2", i="tensor<2x5x3x2xf32>"),
    row("C1", dims=gd(collapsed_slice_dims="")),
    row("C1", x="tensor<5x3x4xi64>", sizes="1, 1, 2"),
    row("C2", dims=gd(index_vector_dim="5")),
    row("C2", dims=gd(index_vector_dim="-1")),
    row("C3", dims=gd(start_index_map="[2]")),
    row("C3", i="tensor<2x5x3x1xi64>"),
    row("C4", dims=gd(offset_dims="[4, 3]")),
    row("C4", dims=gd(offset_dims="[3, 3]")),
    row("C5", dims=gd(offset_dims="[3, 5]")),
    row("C5", dims=gd(offset_dims="[-1, 4]")),
    row("C6", dims=gd(collapsed_slice_dims="[0]")),
    row(
        "C7",
        dims=gd(offset_dims="[3]", collapsed_slice_dims="[2, 1]"),
        sizes="1, 1, 1, 2", out="tensor<2x5x3x2xi64>",
    ),
    row("C8", dims=gd(collapsed_slice_dims="[4]")),
    row("C9", sizes="1, 2, 2, 2"),
    row(
        "C10",
        x="tensor<5x3x4x2xi64>", i="tensor<3x5x3x1xi64>",
        dims=gd(
            collapsed_slice_dims="", operand_batching_dims="[1, 0]",
            start_indices_batching_dims="[0, 1]", start_index_map="[2]",
        ),
        out="tensor<3x5x3x2x2xi64>",
    ),
    row("C11", dims=gd(operand_batching_dims="[4]")),
    row("C12", sizes="2, 1, 2, 2"),
    row(
        "C13",
        x="tensor<5x5x4x2xi64>", i="tensor<2x5x3x1xi64>",
        dims=gd(
            collapsed_slice_dims="", operand_batching_dims="[0, 1]",
            start_indices_batching_dims="[1, 1]", start_index_map="[2]",
        ),
    ),
    row("C14", dims=gd(start_indices_batching_dims="[4]")),
    row("C15", dims=gd(start_indices_batching_dims="[3]")),
    row("C16", dims=gd(start_indices_batching_dims="[1, 0]")),
    row("C17", x="tensor<6x3x4x2xi64>"),
    row("C18", dims=gd(start_index_map="[1, 1]")),
    row("C18", dims=gd(start_index_map="[0, 1]")),
    row("C19", dims=gd(start_index_map="[2, 4]")),
    row("C19", dims=gd(start_index_map="[-1, 2]")),
    row("C20", sizes="1, 1, 2"),
    row("C21", sizes="1, 1, 5, 2"),
    row("C21", sizes="1, 1, -1, 2"),
    row("C22", out="tensor<2x5x3x2x3xi64>"),
    row("C23", out="tensor<2x5x3x2x2xi32>"),
]  # fmt: skip

BODY = "({^bb0({args}):\n stablehlo.return {ret}\n})"
SCATTER = Op(
    "scatter",
    '"stablehlo.scatter"({%x}, {%i}, {%u}) <{scatter_dimension_numbers = '
    "#stablehlo.scatter<{dims}>}> ({\n^bb0({args}):\n  stablehlo.return {ret}\n})",
    {
        "x": "tensor<5x3x4x2xi64>", "i": "tensor<2x5x3x2xi64>", "u": "tensor<2x5x3x2x2xi64>",
        "dims": "update_window_dims = [3, 4], inserted_window_dims = [1], "
        "input_batching_dims = [0], scatter_indices_batching_dims = [1], "
        "scatter_dims_to_operand_dims = [2, 1], index_vector_dim = 3",
        "args": "%p: tensor<i64>, %q: tensor<i64>", "ret": "%q : tensor<i64>",
        "out": "tensor<5x3x4x2xi64>",
    },
    ("x", "i", "u"),
)  # fmt: skip


def sd(**changes: str) -> str:
    return dims(SCATTER.fields["dims"], **changes)


TWO = {
    "args": "%p: tensor<i64>, %q: tensor<i64>, %r: tensor<i64>, %s: tensor<i64>",
    "ret": "%r, %s : tensor<i64>, tensor<i64>",
}
SCATTER_ROWS = [
    row(
        "C1", x="tensor<5x3x4x2xi64>, tensor<5x3x4x3xi64>",
        u="tensor<2x5x3x2x2xi64>, tensor<2x5x3x2x2xi64>",
        out="tensor<5x3x4x2xi64>, tensor<5x3x4x3xi64>", **TWO,
    ),
    row("C2", dims=sd(inserted_window_dims="")),
    row(
        "C3", x="tensor<5x3x4x2xi64>, tensor<5x3x4x2xi64>",
        u="tensor<2x5x3x2x2xi64>, tensor<2x5x3x2x1xi64>",
        out="tensor<5x3x4x2xi64>, tensor<5x3x4x2xi64>", **TWO,
    ),
    row("C4", u="tensor<2x5x4x2x2xi64>"),
    row("C4", u="tensor<2x5x3x2x3xi64>"),
    row("C5", x="", u="", out="", args="", ret=""),
    row("C6", u="tensor<2x5x3x2x2xf32>"),
    row("C7", dims=sd(update_window_dims="[4, 3]")),
    row("C8", dims=sd(update_window_dims="[3, 5]")),
    row("C9", dims=sd(inserted_window_dims="[0]")),
    row(
        "C10", dims=sd(update_window_dims="[3]", inserted_window_dims="[2, 1]"),
        u="tensor<2x5x3x2xi64>",
    ),
    row("C11", dims=sd(inserted_window_dims="[4]")),
    row(
        "C12", i="tensor<3x5x3x1xi64>", u="tensor<3x5x3x2x2xi64>",
        dims=sd(
            inserted_window_dims="", input_batching_dims="[1, 0]",
            scatter_indices_batching_dims="[0, 1]", scatter_dims_to_operand_dims="[2]",
        ),
    ),
    row("C13", dims=sd(input_batching_dims="[4]")),
    row(
        "C14", x="tensor<5x5x4x2xi64>", i="tensor<2x5x3x1xi64>", out="tensor<5x5x4x2xi64>",
        dims=sd(
            inserted_window_dims="", input_batching_dims="[0, 1]",
            scatter_indices_batching_dims="[1, 1]", scatter_dims_to_operand_dims="[2]",
        ),
    ),
    row("C15", dims=sd(scatter_indices_batching_dims="[4]")),
    row("C16", dims=sd(scatter_indices_batching_dims="[3]")),
    row("C17", dims=sd(scatter_indices_batching_dims="[1, 0]")),
    row("C18", x="tensor<6x3x4x2xi64>", out="tensor<6x3x4x2xi64>"),
    row("C19", dims=sd(scatter_dims_to_operand_dims="[2]")),
    row("C20", dims=sd(scatter_dims_to_operand_dims="[1, 1]")),
    row("C21", dims=sd(scatter_dims_to_operand_dims="[2, 4]")),
    row("C22", dims=sd(index_vector_dim="5")),
    row("C23", args="%p: tensor<i64>, %q: tensor<i32>", ret="%p : tensor<i64>"),
    row("C23", args="%p: tensor<i64>"  ", %q: tensor<i64>, %r: tensor<i64>"),
    row("C23", args="%p: tensor<i32>, %q: tensor<i32>", ret="%q : tensor<i32>",
        out="tensor<5x3x4x2xi32>"),
    row("C23", args="%p: tensor<f64>, %q: tensor<f64>", ret="%q : tensor<f64>",
        out="tensor<5x3x4x2xf64>"),
    row("C24", out="tensor<5x3x4x3xi64>"),
    row("C25", out="tensor<5x3x4x2xi32>"),
]  # fmt: skip

SLICE = Op(
    "dynamic_slice",
    '"stablehlo.dynamic_slice"({%x}, {%i}) <{slice_sizes = array<i64: {sizes}>}>',
    {"x": "tensor<4x4xi32>", "i": "tensor<i64>, tensor<i64>", "sizes": "2, 3",
     "out": "tensor<2x3xi32>"},
    ("x", "i"),
)  # fmt: skip
SLICE_ROWS = [
    row("C1", out="tensor<2x3xi64>"),
    row("C2", i="tensor<i64>"),
    row("C2", sizes="2"),
    row("C3", i="tensor<i64>, tensor<i32>"),
    row("C3", i="tensor<f32>, tensor<f32>"),
    row("C3", i="tensor<1xi64>, tensor<1xi64>"),
    row("C4", sizes="2, 5", out="tensor<2x5xi32>"),
    row("C4", sizes="2, -1"),
    row("C5", out="tensor<2x2xi32>"),
]
UPDATE = Op(
    "dynamic_update_slice",
    '"stablehlo.dynamic_update_slice"({%x}, {%u}, {%i})',
    {"x": "tensor<4x4xi32>", "u": "tensor<2x3xi32>", "i": "tensor<i64>, tensor<i64>",
     "out": "tensor<4x4xi32>"},
    ("x", "u", "i"),
)  # fmt: skip
UPDATE_ROWS = [
    row("C1", out="tensor<4x5xi32>"),
    row("C1", out="tensor<4x4xi64>"),
    row("C2", u="tensor<2x3xi64>"),
    row("C3", u="tensor<2xi32>"),
    row("C4", i="tensor<i64>"),
    row("C5", i="tensor<i64>, tensor<i32>"),
    row("C6", u="tensor<2x5xi32>"),
]
TABLES = [
    (GATHER, GATHER_ROWS, 23),
    (SCATTER, SCATTER_ROWS, 25),
    (SLICE, SLICE_ROWS, 5),
    (UPDATE, UPDATE_ROWS, 6),
]


@pytest.mark.parametrize("op", [op for op, _, _ in TABLES], ids=lambda op: op.name)
def test_the_program_that_the_rows_change_is_valid(op):
    check_valid(op)


@pytest.mark.parametrize(("op", "row"), parameters(*((op, rows) for op, rows, _ in TABLES)))
def test_each_constraint_is_refused_by_its_label(op, row):
    check_row(op, row)


@pytest.mark.parametrize(("op", "rows", "count"), TABLES, ids=lambda x: getattr(x, "name", ""))
def test_every_numbered_constraint_has_a_row(op, rows, count):
    assert labels(rows) == set(range(1, count + 1))
