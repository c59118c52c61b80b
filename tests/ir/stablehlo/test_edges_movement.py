"""Ops that move, fold and join elements, where sizes, amounts and starts are odd."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.ir.mlir.types import type_of
from tests.ir.stablehlo.edges import BF16, BOTH, INTEGERS, Case, check, dtype_of, parameters

F32 = np.float32


def whole(*shape: int, dtype=F32, seed: int = 0) -> np.ndarray:
    """Small whole numbers: sums of products of them are exact in every type."""
    low = 0 if np.dtype(dtype).kind == "u" else -5
    return np.random.default_rng([seed, *shape]).integers(low, 6, shape).astype(dtype)


def scalar(value, dtype=F32) -> np.ndarray:
    return np.array(value, dtype)


def op(name: str, text: str, out, *arrays, **more) -> Case:
    """An op whose operand types are those of the arrays: `text : (…) -> …`."""
    outs = [out] if isinstance(out, str) else out
    types = [f"tensor<{o}>" for o in outs]
    result = types[0] if len(types) == 1 else f"({', '.join(types)})"
    ins = ", ".join(str(type_of(np.asarray(a))) for a in arrays)
    return Case(name, f"{text} : ({ins}) -> {result}", outs, arrays, **more)


def dims(*sizes: int) -> str:
    return "".join(f"{n}x" for n in sizes)


# -- pad, slice, iota, bitcast ------------------------------------------------------------------

PADS = [
    ((0, 0), (0, 0), (0, 0)), ((1, 2), (0, 1), (0, 0)), ((-1, -2), (2, 1), (0, 0)),
    ((-1, 1), (-1, -3), (2, 1)), ((0, -5), (0, 0), (1, 2)), ((-2, -2), (-2, -2), (2, 2)),
    ((5, 0), (-3, -4), (0, 3)), ((-3, 0), (0, 0), (0, 0)), ((-9, 20), (9, -20), (3, 3)),
    ((2, -1), (-1, 2), (4, 0)), ((-7, 0), (7, 0), (2, 0)),
]  # fmt: skip


def pad(low, high, interior) -> Case:
    out = [n + a + b + (n - 1) * c for n, a, b, c in zip((3, 4), low, high, interior, strict=True)]
    text = f"stablehlo.pad %a, %b, low = {[*low]}, high = {[*high]}, interior = {[*interior]}"
    return op(f"pad {low} {high} {interior}", text, f"{dims(*out)}f32", whole(3, 4), scalar(9))


def dynamic_starts() -> list[Case]:
    """Moved as little as they must; an unsigned one is never below 0."""
    out, x, small = [], whole(3, 4), -whole(2, 3, seed=1)
    for s in [(0, 0), (5, 5), (-1, -7), (1, 2), (2**31 - 1, -(2**31))]:
        starts = [scalar(i, np.int32) for i in s]
        text = "stablehlo.dynamic_slice %a, %b, %c, sizes = [2, 3]"
        out.append(op(f"dynamic_slice {s}", text, "2x3xf32", x, *starts))
        text = "stablehlo.dynamic_update_slice %a, %b, %c, %d"
        out.append(op(f"dynamic_update_slice {s}", text, "3x4xf32", x, small, *starts))
    for e in INTEGERS:
        info = np.iinfo(dtype_of(e))
        for i in (info.min, info.max):
            text = "stablehlo.dynamic_slice %a, %b, sizes = [2]"
            by = BOTH if info.min else ["xla"]
            out.append(op(f"start {i} {e}", text, "2xf32", whole(5), scalar(i, info.dtype), by=by))
    return out


BITCASTS = [("f32", "ui8"), ("f64", "f32"), ("i64", "i16"), ("ui16", "i8"), ("f64", "bf16")]
BITCASTS += [("i8", "i1"), ("f32", "i1")]


def bitcasts() -> list[Case]:
    out, rng = [], np.random.default_rng(0)
    for wide, narrow in BITCASTS:
        a, b = dtype_of(wide), dtype_of(narrow)
        parts = a.itemsize * 8 if narrow == "i1" else a.itemsize // b.itemsize
        x = rng.integers(0, 250, 3 * a.itemsize).astype(np.uint8)
        y = np.unpackbits(x, bitorder="little").astype(bool) if narrow == "i1" else x.view(b)
        by = ["reference"] if narrow == "i1" else BOTH  # XLA's pred is a byte
        text = "stablehlo.bitcast_convert %a"
        shape = f"3x{parts}x{narrow}"
        out.append(op(f"bitcast {wide} to {narrow}", text, shape, x.view(a), by=by))
        back = y.reshape(3, parts)
        out.append(op(f"bitcast {narrow} to {wide}", text, f"3x{wide}", back, by=by))
    return out


MOVES = [
    *(pad(*p) for p in PADS),
    op("pad of nothing", "stablehlo.pad %a, %b, low = [2], high = [1], interior = [5]", "3xf32",
       np.zeros(0, F32), scalar(7)),
    op("pad of a scalar", "stablehlo.pad %a, %b, low = [], high = [], interior = []", "f32",
       scalar(7), scalar(8)),
    op("slice with steps", "stablehlo.slice %a [1:3:2, 1:4:3]", "1x1xf32", whole(3, 4)),
    op("slice of nothing", "stablehlo.slice %a [3:3:5, 4:4:5]", "0x0xf32", whole(3, 4)),
    op("slice past the last step", "stablehlo.slice %a [2:3:9, 0:4:2]", "1x2xf32", whole(3, 4)),
    Case("iota wraps i8", "stablehlo.iota dim = 0 : tensor<300xi8>", ["300xi8"], []),
    Case("iota wraps ui8", "stablehlo.iota dim = 0 : tensor<300x2xui8>", ["300x2xui8"], []),
    Case("iota rounds bf16", "stablehlo.iota dim = 1 : tensor<2x300xbf16>", ["2x300xbf16"], []),
    Case("iota beyond f16", "stablehlo.iota dim = 0 : tensor<70000xf16>", ["70000xf16"], [],
         by=["xla"]),
    op("broadcast turned", "stablehlo.broadcast_in_dim %a, dims = [1, 0]", "3x2xf32", whole(2, 3)),
    op("broadcast to nothing", "stablehlo.broadcast_in_dim %a, dims = [1]", "3x0xf32", whole(1)),
    op("concatenate with nothing", "stablehlo.concatenate %a, %b, %c, dim = 1", "2x3xi1",
       np.zeros((2, 0), bool), np.ones((2, 2), bool), np.zeros((2, 1), bool)),
    *dynamic_starts(),
    *bitcasts(),
]  # fmt: skip


# -- dot_general, convolution --------------------------------------------------------------------


def dot(name: str, x, y, numbers: str, out: str, **more) -> Case:
    return op(f"dot {name}", f"stablehlo.dot_general %a, %b, {numbers}", out, x, y, **more)


def conv(name: str, x, kernel, numbers: str, out: str, *, stride=(), pad=(), dilate=(), rhs=(),
         reverse=(), groups=1, batches=1, **more) -> Case:  # fmt: skip
    n = x.ndim - 2
    flags = ", ".join(str(bool(r)).lower() for r in reverse or [0] * n)
    window = f"stride = {list(stride or [1] * n)}, pad = {[list(p) for p in pad or [(0, 0)] * n]}, "
    window += f"lhs_dilate = {list(dilate or [1] * n)}, rhs_dilate = {list(rhs or [1] * n)}, "
    text = f"stablehlo.convolution(%a, %b) dim_numbers = {numbers}, window = "
    text += f"{{{window}reverse = [{flags}]}} {{batch_group_count = {batches} : i64, "
    text += f"feature_group_count = {groups} : i64}}"
    return op(f"conv {name}", text, out, x, kernel, **more)


FLAT, ONE = "[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]", "[b, 0, f]x[0, i, o]->[b, 0, f]"
AB = "contracting_dims = [1] x [0]"
I8, U8 = np.int8, np.uint8
SUMS = [
    dot("batched, of the middle", whole(2, 3, 4), whole(4, 2, 5),
        "batching_dims = [0] x [1], contracting_dims = [2] x [0]", "2x3x5xf32"),
    dot("of two dimensions, crossed", whole(2, 3, 4), whole(4, 3, 2),
        "contracting_dims = [1, 2] x [1, 0]", "2x2xf32"),
    dot("of nothing", whole(2, 0), whole(0, 3), AB, "2x3xf32", by=["xla"]),
    dot("to a scalar", whole(4), whole(4, seed=1), "contracting_dims = [0] x [0]", "f32"),
    dot("i8 wraps", whole(2, 9, dtype=I8) * I8(25), whole(9, 3, dtype=I8), AB, "2x3xi8"),
    dot("i8 into i32", whole(2, 99, dtype=I8) * I8(25), whole(99, 3, dtype=I8), AB, "2x3xi32"),
    dot("ui8 into ui32", whole(2, 99, dtype=U8) * U8(50), whole(99, 3, dtype=U8), AB, "2x3xui32"),
    dot("bf16 into f32", whole(2, 99, dtype=BF16), whole(99, 3, dtype=BF16), AB, "2x3xf32"),
    dot("f32 into f64", whole(2, 9), whole(9, 3), AB, "2x3xf64"),
    dot("i1", whole(2, 3) > 0, whole(3, 2) > 0, AB, "2x2xi1"),
    dot("ui64", whole(2, 3, dtype=np.uint64), whole(3, 2, dtype=np.uint64), AB, "2x2xui64"),
    conv("everything", whole(2, 5, 4, 4), whole(2, 3, 2, 6), FLAT, "2x8x2x6xf32", stride=(1, 2),
         pad=[(-1, 3), (2, -1)], dilate=(2, 2), rhs=(3, 2), reverse=(1, 0), groups=2),
    conv("batch groups", whole(6, 4, 5, 2), whole(2, 2, 2, 9), FLAT, "2x4x2x9xf32", stride=(1, 2),
         pad=[(1, 0), (0, 0)], batches=3),
    conv("batch groups dilated", whole(4, 3, 2), whole(2, 2, 4), ONE, "2x7x4xf32", pad=[(2, 2)],
         dilate=(2,), rhs=(2,), batches=2),
    conv("depthwise", whole(2, 5, 3), whole(2, 1, 6), ONE, "2x4x6xf32", groups=3),
    conv("nothing spatial", whole(3, 4), whole(4, 5), "[b, f]x[i, o]->[b, f]", "3x5xf32"),
    conv("strange layout", whole(3, 5, 2, 4), whole(6, 3, 2, 2),
         "[0, 1, b, f]x[o, 0, 1, i]->[f, b, 1, 0]", "6x2x4x1xf32", groups=2, by=["xla"]),
    conv("three spatial", whole(1, 2, 3, 4, 5), whole(4, 2, 2, 2, 2),
         "[b, f, 0, 1, 2]x[o, i, 0, 1, 2]->[b, f, 0, 1, 2]", "1x4x2x3x4xf32"),
    conv("kernel too large", whole(1, 2, 1), whole(3, 1, 1), ONE, "1x0x1xf32"),
    conv("no batch", whole(0, 4, 1), whole(3, 1, 1), ONE, "0x2x1xf32"),
    conv("no features", whole(2, 4, 0), whole(3, 0, 2), ONE, "2x2x2xf32", by=["xla"]),
    conv("one long stride", whole(1, 9, 1), whole(2, 1, 1), ONE, "1x1x1xf32", stride=(100,)),
    conv("padding alone", whole(1, 2, 1), whole(2, 1, 1), ONE, "1x11x1xf32", pad=[(5, 5)]),
    conv("ui8 wraps", whole(1, 5, 2, dtype=U8) * U8(40), whole(3, 2, 2, dtype=U8), ONE,
         "1x5x2xui8", pad=[(1, 1)]),
    conv("i8 into i32", whole(1, 5, 2, dtype=I8) * I8(20), whole(3, 2, 2, dtype=I8), ONE,
         "1x5x2xi32", pad=[(1, 1)], by=["xla"]),
    conv("bf16 into f32", whole(1, 5, 2, dtype=BF16), whole(3, 2, 2, dtype=BF16), ONE,
         "1x5x2xf32", pad=[(1, 1)], by=["xla"]),
    op("dot of vectors", "stablehlo.dot %a, %b", "f32", whole(4), whole(4, seed=1), by=["xla"]),
    op("dot of matrices", "stablehlo.dot %a, %b", "2x3xf32", whole(2, 4), whole(4, 3), by=["xla"]),
    *(op(f"einsum {c}", f'stablehlo.einsum %a, %b, config = "{c}"', f"{out}f32", abs(whole(*a)),
         abs(whole(*b)), by=["xla"])
      for c, a, b, out in [("ab,bc->ac", (2, 3), (3, 4), "2x4x"),
                           ("abc,acd->dba", (2, 3, 4), (2, 4, 5), "5x3x2x"),
                           ("ab,ab->", (2, 3), (2, 3), ""), ("a,b->ba", (2,), (3,), "3x2x")]),
    op("dynamic_conv", '"stablehlo.dynamic_conv"(%a, %b, %c) <{batch_group_count = 1 : i64, '
       "dimension_numbers = #stablehlo.conv<[b, 0, f, 1]x[0, i, 1, o]->[b, 1, 0, f]>, "
       "feature_group_count = 2 : i64, window_strides = array<i64: 2, 1>, lhs_dilation = "
       "array<i64: 2, 1>, rhs_dilation = array<i64: 1, 2>, window_reversal = "
       "array<i1: true, false>}>", "1x4x5x4xf32", whole(1, 5, 2, 4), whole(3, 1, 2, 4),
       np.array([[2, 1], [-1, 3]], np.int32), by=["reference"]),
]  # fmt: skip


@pytest.mark.parametrize("case", parameters([*MOVES, *SUMS]))
def test_an_op_on_odd_sizes(case):
    check(case)
