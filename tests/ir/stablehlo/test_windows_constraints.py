"""reduce_window, select_and_scatter, convolution: each constraint, violated once."""

from __future__ import annotations

import pytest

from tests.ir.stablehlo.refused import Op, check_row, check_valid, labels, parameters, row

NARROW = "an init value may be narrower there than what the region computes in"
REDUCE = Op(
    "reduce_window",
    '"stablehlo.reduce_window"({%x}, {%i}) <{window_dimensions = array<i64: {sizes}>, '
    "window_strides = array<i64: {strides}>, base_dilations = array<i64: {base}>, "
    "window_dilations = array<i64: {dilation}>, padding = dense<{pad}>}> "
    "({\n^bb0({args}):\n  stablehlo.return {ret}\n})",
    {
        "x": "tensor<3x2xi64>", "i": "tensor<i64>", "sizes": "2, 1", "strides": "4, 1",
        "base": "2, 1", "dilation": "3, 1", "pad": "[[2, 1], [0, 0]]> : tensor<2x2xi64",
        "args": "%p: tensor<i64>, %q: tensor<i64>", "ret": "%p : tensor<i64>",
        "out": "tensor<2x2xi64>",
    },
    ("x", "i"),
)  # fmt: skip
TWO = {
    "args": "%p: tensor<i64>, %q: tensor<i64>, %r: tensor<i64>, %s: tensor<i64>",
    "ret": "%p, %q : tensor<i64>, tensor<i64>",
}
REDUCE_ROWS = [
    row("C1", x="", i="", out="", args="", ret=""),
    row(
        "C2", x="tensor<3x2xi64>, tensor<3x3xi64>", i="tensor<i64>, tensor<i64>",
        out="tensor<2x2xi64>, tensor<2x2xi64>", **TWO,
    ),
    row("C3", i="tensor<f64>"),
    row("C3", i="tensor<i32>", mlir=NARROW),
    row("I2", i="tensor<2xi64>"),
    row("C4", sizes="2"),
    row("C5", sizes="0, 1"),
    row("C5", sizes="2, -1"),
    row("C6", strides="4"),
    row("C7", strides="0, 1"),
    row("C8", base="2, 1, 1"),
    row("C9", base="0, 1"),
    row("C10", dilation="3"),
    row("C11", dilation="3, -1"),
    row("C12", pad="[[2, 1]]> : tensor<1x2xi64"),
    row("C13", args="%p: tensor<i64>, %q: tensor<i32>"),
    row("C13", ret="%p, %q : tensor<i64>, tensor<i64>"),
    row("C13", args="%p: tensor<i32>, %q: tensor<i32>", ret="%p : tensor<i32>",
        out="tensor<2x2xi32>"),
    row("C13", args="%p: tensor<f64>, %q: tensor<f64>", ret="%p : tensor<f64>",
        out="tensor<2x2xf64>"),
    row("C15", out="tensor<2x3xi64>"),
    row("C16", out="tensor<2x2xi32>"),
]  # fmt: skip

SELECT = Op(
    "select_and_scatter",
    '"stablehlo.select_and_scatter"({%x}, {%s}, {%i}) <{window_dimensions = array<i64: {sizes}>, '
    "window_strides = array<i64: {strides}>, padding = dense<{pad}>}> "
    "({\n^bb0({select}):\n  %yes = stablehlo.constant dense<true> : {flag}\n"
    "  stablehlo.return %yes : {flag}\n}, {\n^bb0({args}):\n  stablehlo.return {ret}\n})",
    {
        "x": "tensor<4x2xi64>", "s": "tensor<2x2xi64>", "i": "tensor<i64>", "sizes": "3, 1",
        "strides": "2, 1", "pad": "[[0, 1], [0, 0]]> : tensor<2x2xi64", "flag": "tensor<i1>",
        "select": "%p: tensor<i64>, %q: tensor<i64>",
        "args": "%p: tensor<i64>, %q: tensor<i64>", "ret": "%p : tensor<i64>",
        "out": "tensor<4x2xi64>",
    },
    ("x", "s", "i"),
)  # fmt: skip
SELECT_ROWS = [
    row("C1", s="tensor<2x2xi32>"),
    row("C2", s="tensor<3x2xi64>"),
    row("C3", i="tensor<f64>"),
    row("C3", i="tensor<i32>", mlir=NARROW),
    row("I3", i="tensor<2xi64>"),
    row("C4", sizes="3"),
    row("C5", sizes="0, 1"),
    row("C6", strides="2"),
    row("C7", strides="0, 1"),
    row("C8", pad="[[0, 1]]> : tensor<1x2xi64"),
    row("C9", flag="tensor<2xi1>"),
    row("C9", select="%p: tensor<i32>, %q: tensor<i32>"),
    row("C9", select="%p: tensor<i64>"),
    row("C10", args="%p: tensor<i64>, %q: tensor<i32>"),
    row("C10", args="%p: tensor<i32>, %q: tensor<i32>", ret="%p : tensor<i32>",
        out="tensor<4x2xi32>"),
    row("C11", out="tensor<4x3xi64>"),
    row("C12", out="tensor<4x2xi32>"),
]  # fmt: skip

RAW = {
    "input_batch_dimension": "0", "input_feature_dimension": "3",
    "input_spatial_dimensions": "[1, 2]", "kernel_input_feature_dimension": "2",
    "kernel_output_feature_dimension": "3", "kernel_spatial_dimensions": "[0, 1]",
    "output_batch_dimension": "0", "output_feature_dimension": "3",
    "output_spatial_dimensions": "[1, 2]",
}  # fmt: skip


def raw(**changes: str) -> str:
    return "raw " + ", ".join(f"{k} = {v}" for k, v in {**RAW, **changes}.items())


CONV = Op(
    "convolution",
    '"stablehlo.convolution"({%x}, {%k}) <{dimension_numbers = #stablehlo.conv<{dims}>, '
    "window_strides = array<i64: {strides}>, padding = dense<{pad}>, "
    "lhs_dilation = array<i64: {base}>, rhs_dilation = array<i64: {dilation}>, "
    "window_reversal = array<i1: {reverse}>, feature_group_count = {features} : i64, "
    "batch_group_count = {batches} : i64, precision_config = [{precision}]}>",
    {
        "x": "tensor<2x4x4x6xf32>", "k": "tensor<3x3x3x4xf32>", "dims": raw(),
        "strides": "4, 4", "pad": "[[1, 1], [1, 1]]> : tensor<2x2xi64", "base": "2, 2",
        "dilation": "1, 1", "reverse": "false, true", "features": "2", "batches": "1",
        "precision": "#stablehlo<precision DEFAULT>, #stablehlo<precision HIGH>",
        "out": "tensor<2x2x2x4xf32>",
    },
    ("x", "k"),
)  # fmt: skip
ALIKE = {"x": "tensor<6x6x6x6xf32>", "k": "tensor<6x6x6x6xf32>", "features": "1"}
CONV_ROWS = [
    row("C1", k="tensor<3x3x4xf32>"),
    row("C2", strides="4"),
    row("C3", strides="0, 4"),
    row("C4", pad="[[1, 1]]> : tensor<1x2xi64"),
    row("C5", base="2"),
    row("C6", base="2, 0"),
    row("C7", dilation="1, 1, 1"),
    row("C8", dilation="-1, 1"),
    row("C9", reverse="true"),
    row("C10", features="1", batches="3", k="tensor<3x3x6x6xf32>", out="tensor<0x2x2x6xf32>"),
    row("C11", features="4", k="tensor<3x3x1x4xf32>"),
    row("C12", dims=raw(input_spatial_dimensions="[1]")),
    row("C13", dims=raw(input_spatial_dimensions="[1, 1]"), **ALIKE),
    row("C13", dims=raw(input_feature_dimension="4")),
    row("C14", k="tensor<3x3x4x4xf32>"),
    row("C15", features="1", batches="2", k="tensor<3x3x6x3xf32>", out="tensor<1x2x2x3xf32>"),
    row("C16", k="tensor<3x3x3x5xf32>", out="tensor<2x2x2x5xf32>"),
    row("C17", dims=raw(kernel_spatial_dimensions="[0]")),
    row("C18", dims=raw(kernel_spatial_dimensions="[0, 0]"), **ALIKE),
    row("C18", dims=raw(kernel_output_feature_dimension="-1")),
    row("C19", dims=raw(output_spatial_dimensions="[1]")),
    row("C20", dims=raw(output_batch_dimension="3"), **ALIKE),
    row("C20", dims=raw(output_batch_dimension="4")),
    row("C21", features="0"),
    row("C22", batches="0"),
    row("C23", batches="2", k="tensor<3x3x3x4xf32>"),
    row(
        "C24", precision="#stablehlo<precision DEFAULT>",
        mlir="it takes up to two entries",
    ),
    row("C24", precision=", ".join(["#stablehlo<precision DEFAULT>"] * 3)),
    row("C25", out="tensor<2x2x3x4xf32>"),
    row("C25", out="tensor<2x2x2x5xf32>"),
    row("C25", k="tensor<0x3x3x4xf32>", out="tensor<2x3x2x4xf32>"),
    row("C26", out="tensor<2x2x2x4x1xf32>"),
    row("C27", k="tensor<3x3x3x4xf64>"),
    row(
        "C27", out="tensor<2x2x2x4xf16>",
        mlir="it does not look at the result's element",
    ),
]  # fmt: skip
TABLES = [(REDUCE, REDUCE_ROWS, 16), (SELECT, SELECT_ROWS, 12), (CONV, CONV_ROWS, 27)]
NO_ROW = {
    "reduce_window": {14},  # results of two shapes: one of them breaks C15
}


@pytest.mark.parametrize("op", [op for op, _, _ in TABLES], ids=lambda op: op.name)
def test_the_program_that_the_rows_change_is_valid(op):
    check_valid(op)


@pytest.mark.parametrize(("op", "row"), parameters(*((op, rows) for op, rows, _ in TABLES)))
def test_each_constraint_is_refused_by_its_label(op, row):
    check_row(op, row)


@pytest.mark.parametrize(("op", "rows", "count"), TABLES, ids=lambda x: getattr(x, "name", ""))
def test_every_numbered_constraint_has_a_row(op, rows, count):
    assert labels(rows) | NO_ROW.get(op.name, set()) == set(range(1, count + 1))


def test_sums_may_be_kept_in_a_wider_type():
    """As JAX writes it with `preferred_element_type`."""
    import numpy as np

    from minidl import ir
    from tests.ir import jaxlib_mlir as mlir

    text = CONV.program(
        x="tensor<1x3x3x6xi8>", k="tensor<3x3x3x2xi8>", strides="1, 1", base="1, 1",
        out="tensor<1x3x3x2xi32>",
    )  # fmt: skip
    assert mlir.refusal(text) is None
    module = ir.parse(text)
    ir.verify(module)
    x, k = np.full((1, 3, 3, 6), 100, np.int8), np.full((3, 3, 3, 2), 100, np.int8)
    (got,) = ir.evaluate(module, x, k)
    assert got[0, 1, 1].tolist() == [27 * 10_000] * 2
