"""The constraints of elementwise ops, of those that move elements, and of dot_general.

Each row breaks one constraint of the specification; ours names it by its label, and
MLIR refuses the same text, unless the row says that it does not.
"""

from __future__ import annotations

import pytest

from minidl import ir
from minidl.core.errors import VerifyError
from tests.ir import jaxlib_mlir as mlir

VALUES = {
    "f": "2x3xf32", "g": "3x2xf32", "h": "2x3xf16", "i": "2x3xi32", "u": "2x3xui32",
    "b": "2x3xi1", "s": "f32", "t": "i32", "p": "i1", "q": "3xi1", "v": "3xf32",
    "d": "2x2x3xf32", "w": "2x3xi8", "e": "3x4xf32", "k": "2x3xf64", "n": "4xi8",
}  # fmt: skip
PASSED = "MLIR's verifier passes it"
DOT = "dot_dimension_numbers = #stablehlo.dot<{}>"
PAIR = "lhs_contracting_dimensions = [{}], rhs_contracting_dimensions = [{}]"
BATCH = "lhs_batching_dimensions = [{}], rhs_batching_dimensions = [{}], "


def op(name: str, operands: str, out: str, attributes: str = "") -> str:
    """One op in generic form on arguments by their letters."""
    names = ", ".join(f"%{x}" for x in operands)
    types = ", ".join(f"tensor<{VALUES[x]}>" for x in operands)
    properties = f" <{{{attributes}}}>" if attributes else ""
    return f'%0 = "stablehlo.{name}"({names}){properties} : ({types}) -> tensor<{out}>'


def ints(**lists: str) -> str:
    """Attributes that are lists of integers."""
    arrays = {k: f"array<i64: {v}>" if v else "array<i64>" for k, v in lists.items()}
    return ", ".join(f"{k} = {v}" for k, v in arrays.items())


def compare(operands: str, out: str, kind: str = "") -> str:
    kind = kind and f"compare_type = #stablehlo<comparison_type {kind}>, "
    equal = "comparison_direction = #stablehlo<comparison_direction EQ>"
    return op("compare", operands, out, kind + equal)


def slice_(start: str, limit: str, strides: str, out: str) -> str:
    return op("slice", "f", out, ints(start_indices=start, limit_indices=limit, strides=strides))


def pad(operands: str, low: str, high: str, inner: str, out: str) -> str:
    keys = {"edge_padding_low": low, "edge_padding_high": high, "interior_padding": inner}
    return op("pad", operands, out, ints(**keys))


def dot(operands: str, out: str, dims: str, more: str = "") -> str:
    return op("dot_general", operands, out, DOT.format(dims) + more)


PRECISION = ", precision_config = [{}]"
DEFAULT = "#stablehlo<precision DEFAULT>"

ROWS: list[tuple[str, str, str, str]] = [  # op, label, text, why MLIR passes it
    ("abs", "C1", op("abs", "f", "3x2xf32"), ""),
    ("abs", "I1", op("abs", "u", "2x3xui32"), ""),
    ("add", "C1", op("add", "fg", "2x3xf32"), ""),
    ("add", "C1", op("add", "fh", "2x3xf32"), ""),
    ("add", "C1", op("add", "ff", "2x3xf16"), ""),
    ("subtract", "I1", op("subtract", "bb", "2x3xi1"), ""),
    ("and", "I1", op("and", "ff", "2x3xf32"), ""),
    ("and", "C1", op("and", "iu", "2x3xi32"), ""),
    ("atan2", "I1", op("atan2", "ii", "2x3xi32"), ""),
    ("cosine", "I1", op("cosine", "i", "2x3xi32"), ""),
    ("exponential", "C1", op("exponential", "f", "2x3xf64"), ""),
    ("not", "I1", op("not", "f", "2x3xf32"), ""),
    ("popcnt", "I1", op("popcnt", "b", "2x3xi1"), ""),
    ("count_leading_zeros", "I1", op("count_leading_zeros", "f", "2x3xf32"), ""),
    ("negate", "I1", op("negate", "b", "2x3xi1"), ""),
    ("shift_left", "I1", op("shift_left", "bb", "2x3xi1"), ""),
    ("round_nearest_even", "I1", op("round_nearest_even", "i", "2x3xi32"), ""),
    ("sign", "I1", op("sign", "u", "2x3xui32"), ""),
    ("is_finite", "I1", op("is_finite", "i", "2x3xi1"), ""),
    ("is_finite", "C1", op("is_finite", "f", "3x2xi1"), ""),
    ("compare", "C1", compare("fh", "2x3xi1"), ""),
    ("compare", "C2", compare("fg", "2x3xi1"), ""),
    ("compare", "C2", compare("ff", "3x2xi1"), ""),
    ("compare", "C3", compare("ff", "2x3xi1", "SIGNED"), PASSED),
    ("compare", "C3", compare("uu", "2x3xi1", "SIGNED"), PASSED),
    ("select", "I1", op("select", "fff", "2x3xf32"), ""),
    ("select", "C1", op("select", "qff", "2x3xf32"), ""),
    ("select", "C2", op("select", "bfh", "2x3xf32"), ""),
    ("select", "C2", op("select", "bff", "3x2xf32"), ""),
    ("clamp", "C1", op("clamp", "vfs", "2x3xf32"), ""),
    ("clamp", "C2", op("clamp", "sfv", "2x3xf32"), ""),
    ("clamp", "C3", op("clamp", "sft", "2x3xf32"), ""),
    ("clamp", "C4", op("clamp", "sfs", "3x2xf32"), ""),
    ("convert", "C1", op("convert", "f", "3x2xf16"), ""),
    ("bitcast_convert", "C1", op("bitcast_convert", "f", "2x3xi16"), ""),
    ("bitcast_convert", "C1", op("bitcast_convert", "f", "2x3x4xi32"), PASSED),
    ("bitcast_convert", "C1", op("bitcast_convert", "w", "2xi32"), ""),
    ("constant", "C1", op("constant", "", "3xi32", "value = dense<1> : tensor<2xi32>"), ""),
    ("iota", "C1", op("iota", "", "2xi32", "iota_dimension = 1 : i64"), ""),
    ("iota", "C1", op("iota", "", "i32", "iota_dimension = 0 : i64"), ""),
    ("iota", "O1", op("iota", "", "2xi1", "iota_dimension = 0 : i64"), ""),
    ("broadcast_in_dim", "C1",
     op("broadcast_in_dim", "f", "2x3xf16", ints(broadcast_dimensions="0, 1")), ""),
    ("broadcast_in_dim", "C2",
     op("broadcast_in_dim", "f", "2x3xf32", ints(broadcast_dimensions="0")), ""),
    ("broadcast_in_dim", "C3",
     op("broadcast_in_dim", "f", "2x3xf32", ints(broadcast_dimensions="0, 2")), ""),
    ("broadcast_in_dim", "C4",
     op("broadcast_in_dim", "d", "2x2x3xf32", ints(broadcast_dimensions="0, 0, 2")), ""),
    ("broadcast_in_dim", "C5",
     op("broadcast_in_dim", "f", "2x4xf32", ints(broadcast_dimensions="0, 1")), ""),
    ("reshape", "C1", op("reshape", "f", "6xf16"), ""),
    ("reshape", "C2", op("reshape", "f", "7xf32"), ""),
    ("transpose", "C1", op("transpose", "f", "3x2xf16", ints(permutation="1, 0")), ""),
    ("transpose", "C2", op("transpose", "f", "2x2xf32", ints(permutation="0, 0")), ""),
    ("transpose", "C3", op("transpose", "f", "2x3xf32", ints(permutation="1, 0")), ""),
    ("reverse", "C1", op("reverse", "f", "3x2xf32", ints(dimensions="0")), ""),
    ("reverse", "C2", op("reverse", "f", "2x3xf32", ints(dimensions="0, 0")), ""),
    ("reverse", "C3", op("reverse", "f", "2x3xf32", ints(dimensions="2")), ""),
    ("slice", "C1", op("slice", "f", "1x1xf16", ints(
        start_indices="0, 0", limit_indices="1, 1", strides="1, 1")), ""),
    ("slice", "C2", slice_("0", "1", "1", "1x3xf32"), ""),
    ("slice", "C3", slice_("0, 0", "3, 3", "1, 1", "3x3xf32"), ""),
    ("slice", "C3", slice_("-1, 0", "1, 3", "1, 1", "2x3xf32"), ""),
    ("slice", "C3", slice_("2, 0", "1, 3", "1, 1", "0x3xf32"), ""),
    ("slice", "C4", slice_("0, 0", "2, 3", "1, 0", "2x3xf32"), ""),
    ("slice", "C5", slice_("0, 0", "2, 3", "1, 2", "2x3xf32"), ""),
    ("concatenate", "C1", op("concatenate", "fh", "4x3xf32", "dimension = 0 : i64"), ""),
    ("concatenate", "C2", op("concatenate", "fg", "5x3xf32", "dimension = 0 : i64"), ""),
    ("concatenate", "C3", op("concatenate", "", "2x3xf32", "dimension = 0 : i64"), ""),
    ("concatenate", "C4", op("concatenate", "ff", "4x3xf32", "dimension = 2 : i64"), ""),
    ("concatenate", "C5", op("concatenate", "ff", "4x3xf16", "dimension = 0 : i64"), ""),
    ("concatenate", "C6", op("concatenate", "ff", "3x3xf32", "dimension = 0 : i64"), ""),
    ("pad", "I2", pad("fv", "0, 0", "0, 0", "0, 0", "2x3xf32"), ""),
    ("pad", "C1", pad("ft", "0, 0", "0, 0", "0, 0", "2x3xf32"), ""),
    ("pad", "C2", pad("fs", "0", "0", "0", "2x3xf32"), ""),
    ("pad", "C3", pad("fs", "0, 0", "0, 0", "0, -1", "2x1xf32"), ""),
    ("pad", "C4", pad("fs", "0, 0", "0, 1", "0, 0", "2x3xf32"), ""),
    ("pad", "C4", pad("fs", "-3, 0", "0, 0", "0, 0", "0x3xf32"), ""),
    ("dot_general", "C1",
     dot("fe", "2x4xf32", "lhs_batching_dimensions = [0], " + PAIR.format(1, 0)), ""),
    ("dot_general", "C2", dot("fe", "2x3x4xf32", "lhs_contracting_dimensions = [1]"), ""),
    ("dot_general", "C3", dot("ff", "2x2x3xf32", BATCH.format(0, 0) + PAIR.format(0, 1)), ""),
    ("dot_general", "C4", dot("ff", "2x3xf32", BATCH.format(0, 0) + PAIR.format(1, 0)), ""),
    ("dot_general", "C5", dot("ff", "2x2xf32", BATCH.format(2, 0) + PAIR.format(1, 1)), ""),
    ("dot_general", "C6", dot("fe", "2x4xf32", PAIR.format(2, 0)), ""),
    ("dot_general", "C7", dot("ff", "2x2xf32", BATCH.format(0, 2) + PAIR.format(1, 1)), ""),
    ("dot_general", "C8", dot("fe", "2x4xf32", PAIR.format(1, 2)), ""),
    ("dot_general", "C9", dot("fe", "2x3x4xf32", BATCH.format(0, 0) + PAIR.format(1, 1)), ""),
    ("dot_general", "C10", dot("ff", "2x3xf32", PAIR.format(1, 0)), ""),
    ("dot_general", "C11", dot("fe", "2x4xf32", PAIR.format(1, 0),
                               PRECISION.format(", ".join([DEFAULT] * 3))), ""),
    ("dot_general", "C11", dot("fe", "2x4xf32", PAIR.format(1, 0),
                               PRECISION.format(DEFAULT)), PASSED),
    ("dot_general", "C12", dot("fe", "4x2xf32", PAIR.format(1, 0)), ""),
    ("dot_general", "C13", dot("fh", "2x2xf32", PAIR.format(1, 1)), PASSED),
]  # fmt: skip


def program(line: str) -> str:
    args = ", ".join(f"%{name}: tensor<{t}>" for name, t in VALUES.items())
    return f"func.func @main({args}) {{\n  {line}\n  return\n}}\n"


@pytest.mark.parametrize(
    ("name", "label", "line", "passed"),
    ROWS,
    ids=[f"{r[0]}-{r[1]}-{i}" for i, r in enumerate(ROWS)],
)
def test_a_broken_constraint_is_refused_by_its_label(name, label, line, passed):
    with pytest.raises(VerifyError) as caught:
        ir.verify(ir.parse(program(line)))
    error = caught.value
    assert f"({label})" in error.message, error.message
    assert error.op == f"stablehlo.{name}"
    assert (error.line, "^" in str(error)) == (2, True)
    refused = mlir.refusal(program(line)) is not None
    assert refused or passed, "MLIR passes it"
    assert not (refused and passed), "MLIR refuses it too: the row's reason is out of date"


def test_every_elementwise_op_refuses_operands_of_two_types():
    """C1 of each, by its name in the table."""
    seen = 0
    for name, spec in ir.SPECS.rows.items():
        if "elementwise" not in spec.traits or spec.made != "C1" or len(spec.operands) != 2:
            continue
        letter = "f" if name.rpartition(".")[2] not in BITS else "i"
        line = op(name.rpartition(".")[2], letter + "g", VALUES[letter])
        with pytest.raises(VerifyError, match=r"\(C1\)"):
            ir.verify(ir.parse(program(line)))
        assert mlir.refusal(program(line)) is not None, name
        seen += 1
    assert seen >= 15


BITS = ("and", "or", "xor", "shift_left", "shift_right_logical", "shift_right_arithmetic")
