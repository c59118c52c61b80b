"""Pictures of dimension numbers: what they call read is what changes the result, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir, viz
from minidl.viz import check
from minidl.viz.dimension_view import case_of, dimension_numbers, picture
from minidl.viz.reads import READS

RNG = np.random.default_rng(7)


def main(body: str, types: list[str], result: str) -> ir.Module:
    args = ", ".join(f"%a{i}: tensor<{t}>" for i, t in enumerate(types))
    return ir.parse(
        f"func.func public @main({args}) -> tensor<{result}> {{\n{body}\n"
        f"return %r : tensor<{result}>\n}}"
    )


def signature(types: list[str], result: str) -> str:
    return f"({', '.join(f'tensor<{t}>' for t in types)}) -> tensor<{result}>"


ADD = """({{ ^bb0(%x: tensor<f64>, %y: tensor<f64>):
  %s = stablehlo.add %x, %y : tensor<f64>
  stablehlo.return %s : tensor<f64> }})""".replace("{{", "{").replace("}}", "}")
LAST = "({ ^bb0(%x: tensor<f64>, %y: tensor<f64>): stablehlo.return %y : tensor<f64> })"


def convolution(types, result, more: str) -> tuple[ir.Module, list[str]]:
    body = f'%r = "stablehlo.convolution"(%a0, %a1) <{{{more}}}> : {signature(types, result)}'
    return main(body, types, result), types


CONV = "dimension_numbers = #stablehlo.conv<[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]>, "
CASES = {
    "conv stride pad dilation": convolution(
        ["1x5x4x2xf64", "2x3x2x3xf64"], "1x3x5x3xf64",
        CONV + "window_strides = array<i64: 2, 1>, padding = dense<[[1, 0], [2, 0]]> : "
        "tensor<2x2xi64>, lhs_dilation = array<i64: 1, 2>, rhs_dilation = array<i64: 1, 2>, "
        "window_reversal = array<i1: true, false>, "
        "batch_group_count = 1 : i64, feature_group_count = 1 : i64",
    ),
    "conv feature groups": convolution(
        ["1x3x3x4xf64", "2x2x2x4xf64"], "1x2x2x4xf64",
        CONV + "batch_group_count = 1 : i64, feature_group_count = 2 : i64",
    ),
    "conv batch groups": convolution(
        ["4x3x3x1xf64", "2x2x1x2xf64"], "2x2x2x2xf64",
        CONV + "batch_group_count = 2 : i64, feature_group_count = 1 : i64",
    ),
    "conv features first": convolution(
        ["1x2x6xf64", "2x2x3xf64"], "1x2x4xf64",
        "dimension_numbers = #stablehlo.conv<[b, f, 0]x[o, i, 0]->[b, f, 0]>, "
        "batch_group_count = 1 : i64, feature_group_count = 1 : i64",
    ),
    "reduce_window": (main(
        '%r = "stablehlo.reduce_window"(%a0, %a1) <{window_dimensions = array<i64: 2, 2>, '
        "window_strides = array<i64: 1, 2>, base_dilations = array<i64: 2, 1>, "
        "window_dilations = array<i64: 2, 1>, padding = dense<[[1, 0], [0, 1]]> : "
        f"tensor<2x2xi64>}}> {ADD} : {signature(['3x4xf64', 'f64'], '4x2xf64')}",
        ["3x4xf64", "f64"], "4x2xf64"), ["3x4xf64", "f64"]),
    "pad": (main("%r = stablehlo.pad %a0, %a1, low = [1, -1], high = [0, 2], interior = [1, 0] : "
                 + signature(["2x3xf64", "f64"], "4x4xf64"), ["2x3xf64", "f64"], "4x4xf64"),
            ["2x3xf64", "f64"]),
    "gather": (main(
        '%r = "stablehlo.gather"(%a0, %a1) <{dimension_numbers = #stablehlo.gather<offset_dims = '
        "[1], collapsed_slice_dims = [0], start_index_map = [0, 1], index_vector_dim = 1>, "
        f"slice_sizes = array<i64: 1, 2>}}> : {signature(['4x5xf64', '3x2xi32'], '3x2xf64')}",
        ["4x5xf64", "3x2xi32"], "3x2xf64"), ["4x5xf64", "3x2xi32"]),
    "gather batching": (main(
        '%r = "stablehlo.gather"(%a0, %a1) <{dimension_numbers = #stablehlo.gather<offset_dims = '
        "[2], operand_batching_dims = [0], start_indices_batching_dims = [1], start_index_map = "
        "[1], collapsed_slice_dims = [1], index_vector_dim = 2>, slice_sizes = array<i64: 1, 1, "
        f"2>}}> : {signature(['2x3x4xf64', '3x2x1xi32'], '3x2x2xf64')}",
        ["2x3x4xf64", "3x2x1xi32"], "3x2x2xf64"), ["2x3x4xf64", "3x2x1xi32"]),
    "dynamic_slice": (main(
        "%r = stablehlo.dynamic_slice %a0, %a1, %a2, sizes = [2, 3] : "
        + signature(["4x5xf64", "i32", "i32"], "2x3xf64"), ["4x5xf64", "i32", "i32"], "2x3xf64"),
        ["4x5xf64", "i32", "i32"]),
    "slice": (main("%r = stablehlo.slice %a0 [1:4:2, 0:3] : "
                   + signature(["4x5xf64"], "2x3xf64"), ["4x5xf64"], "2x3xf64"), ["4x5xf64"]),
    "transpose": (main("%r = stablehlo.transpose %a0, dims = [2, 0, 1] : "
                       + signature(["2x3x4xf64"], "4x2x3xf64"), ["2x3x4xf64"], "4x2x3xf64"),
                  ["2x3x4xf64"]),
    "reverse": (main("%r = stablehlo.reverse %a0, dims = [1] : tensor<2x3xf64>",
                     ["2x3xf64"], "2x3xf64"), ["2x3xf64"]),
    "broadcast": (main("%r = stablehlo.broadcast_in_dim %a0, dims = [2, 0] : "
                       + signature(["3x1xf64"], "2x2x3xf64"), ["3x1xf64"], "2x2x3xf64"),
                  ["3x1xf64"]),
    "concatenate": (main("%r = stablehlo.concatenate %a0, %a1, dim = 1 : "
                         + signature(["2x2xf64", "2x3xf64"], "2x5xf64"),
                         ["2x2xf64", "2x3xf64"], "2x5xf64"), ["2x2xf64", "2x3xf64"]),
    "reduce": (main("%r = stablehlo.reduce(%a0 init: %a1) applies stablehlo.add across "
                    "dimensions = [1, 2] : " + signature(["2x3x4xf64", "f64"], "2xf64"),
                    ["2x3x4xf64", "f64"], "2xf64"), ["2x3x4xf64", "f64"]),
    "dot_general": (main(
        "%r = stablehlo.dot_general %a0, %a1, batching_dims = [1] x [0], contracting_dims = "
        "[2] x [1] : " + signature(["3x2x4xf64", "2x4x5xf64"], "2x3x5xf64"),
        ["3x2x4xf64", "2x4x5xf64"], "2x3x5xf64"), ["3x2x4xf64", "2x4x5xf64"]),
}  # fmt: skip
SCATTER = main(
    '%r = "stablehlo.scatter"(%a0, %a1, %a2) <{scatter_dimension_numbers = #stablehlo.scatter<'
    "update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0, 1], "
    f"index_vector_dim = 1>}}> {LAST} : " + signature(["4x5xf64", "3x2xi32", "3x2xf64"], "4x5xf64"),
    ["4x5xf64", "3x2xi32", "3x2xf64"],
    "4x5xf64",
)


def arrays(types: list[str]) -> list[np.ndarray]:
    """Distinct floats; start indices of which some are out of bounds."""
    out = []
    for t in types:
        *dims, kind = t.split("x")
        shape = tuple(map(int, dims))
        whole = RNG.integers(-2, 7, shape).astype(np.int32)
        out.append(whole if kind == "i32" else np.asarray(RNG.normal(size=shape)))
    return out


@pytest.mark.parametrize("module, types", CASES.values(), ids=CASES)
def test_exactly_what_is_called_read_changes_the_element(module, types):
    given = arrays(types)
    case = case_of(module, given)
    before = case.result
    claims = {at: READS[case.op.name](case, at).reads for at in np.ndindex(*before.shape)}
    for i, array in enumerate(given):
        if array.dtype != np.float64:
            continue
        for place in np.ndindex(*array.shape):
            other = [a.copy() for a in given]
            other[i][place] += 1.0
            (after,) = ir.evaluate(module, *other)
            changed = {at for at in np.ndindex(*before.shape) if after[at] != before[at]}
            claimed = {at for at, reads in claims.items() if place in reads.get(i, ())}
            assert changed == claimed, f"operand {i} at {place}"


def test_an_update_goes_where_it_is_said_to_go():
    target, updates = np.zeros((4, 5)), np.arange(1.0, 7.0).reshape(3, 2)
    starts = np.array([[0, 1], [3, 4], [2, 0]], np.int32)
    case = case_of(SCATTER, [target, starts, updates])
    want = target.copy()
    nowhere = 0
    for at in np.ndindex(3, 2):
        look = READS[case.op.name](case, at)
        if look.to is None:
            nowhere += 1
        else:
            want[look.to] = updates[at]
    assert np.array_equal(case.result, want) and nowhere == 1


@pytest.mark.parametrize("name", ["conv stride pad dilation", "gather", "pad", "reduce_window"])
def test_every_element_has_its_picture(name):
    module, types = CASES[name]
    widget = dimension_numbers(module, *arrays(types))
    frames = check.decode(widget)["frames"]
    case = case_of(module, arrays(types))
    assert len(frames) == case.result.size and len(widget.html) <= 60_000
    assert all("reads" in f["caption"] for f in frames)


def test_a_window_shows_its_padding_and_its_holes():
    module = CASES["reduce_window"][0]
    case = case_of(module, [np.ones((3, 4)), np.zeros(())])
    operand = picture(case, (0, 0)).panels[0]
    assert operand["cells"] == [
        ["·"] * 5, ["1"] * 4 + ["·"], ["·"] * 5, ["1"] * 4 + ["·"], ["·"] * 5, ["1"] * 4 + ["·"],
    ]  # fmt: skip
    assert operand["current"] == ["0,0", "0,1", "2,0", "2,1"]


def test_too_many_elements_are_refused_kindly():
    big = main("%r = stablehlo.reverse %a0, dims = [0] : tensor<600xf64>", ["600xf64"], "600xf64")
    with pytest.raises(viz.ViewError, match="an explorer turns one to three indices"):
        dimension_numbers(big, np.zeros(600))
    with pytest.raises(viz.ViewError, match="no op of @main has a picture"):
        dimension_numbers(ir.parse("func.func public @main() { return }"))
