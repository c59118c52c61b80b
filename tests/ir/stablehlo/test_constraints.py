"""The constraints of the specification: each refused under its label, as MLIR refuses it.

Ops with regions, calls, tuples, matrices, batch normalisation, collectives, channels, rng.
"""

from __future__ import annotations

import pytest

from minidl import ir
from minidl.core.errors import MinidlError
from tests.ir import jaxlib_mlir as mlir

VALUES = {
    "a": "4xf32", "b": "5x3x3xf32", "d": "3x3xf64", "e": "6xf32", "g": "4xf16", "i": "i32",
    "l": "i64", "m": "2x4xf32", "n": "4xi32", "p": "i1", "q": "3x3xf32", "r": "2x3xf32",
    "s": "f32", "u": "2xui64", "v": "1xi64", "w": "3xui64", "k": "token", "t": "pair",
    "f": "1x1x1x2xf32",
}  # fmt: skip
SPECIAL = {"token": "!stablehlo.token", "pair": "tuple<tensor<f32>, tensor<i32>>"}
IMPL = "func.func private @impl(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }"


def type_(short: str) -> str:
    return SPECIAL.get(short, f"tensor<{short}>")


def program(body: str) -> str:
    args = ", ".join(f"%{name}: {type_(t)}" for name, t in VALUES.items())
    return f"{IMPL}\nfunc.func @main({args}) {{\n{body}\nreturn\n}}\n"


def region(args: str = "", returned: str = "", line: str = "") -> str:
    """`x:f32 y:f32` and what is returned: `x:f32`, a value with its type."""
    pairs = [word.split(":") for word in args.split()]
    label = f"^bb0({', '.join(f'%{n}: {type_(t)}' for n, t in pairs)}):\n" if pairs else ""
    outs = [word.split(":") for word in returned.split()]
    names = ", ".join(f"%{n}" for n, _ in outs)
    types = ", ".join(type_(t) for _, t in outs)
    return f"{{\n{label}{line}\nstablehlo.return {names}{types and ' : '}{types}\n}}"


def op(short: str, names: str, outs: str, attributes: str = "", *regions: str) -> str:
    """One op in generic form, on arguments by their letters, with result types in short."""
    types = ", ".join(type_(VALUES[n]) for n in names)
    results = [type_(t) for t in outs.split()]
    left = f"%0:{len(results)} = " if results else ""
    inside = f" ({', '.join(regions)})" if regions else ""
    operands = ", ".join(f"%{n}" for n in names)
    properties = f" <{{{attributes}}}>" if attributes else ""
    head = f'{left}"stablehlo.{short}"({operands}){properties}{inside}'
    return f"{head} : ({types}) -> ({', '.join(results)})"


def add(e: str = "f32") -> str:
    t = type_(e)
    return region(f"x:{e} y:{e}", f"z:{e}", f"%z = stablehlo.add %x, %y : {t}")


def less(e: str = "f32") -> str:
    t = type_(e)
    line = f"%z = stablehlo.compare LT, %x, %y : ({t}, {t}) -> tensor<i1>"
    return region(f"x:{e} y:{e}", "z:i1", line)


FIRST = region("x:f32", "x:f32")  # takes one scalar, returns it
FOUR = region("x:f32 y:f32 z:f32 o:f32", "x:f32 y:f32")
GIVE, SAME = region("", "a:4xf32"), region("x:4xf32", "x:4xf32")
TRUE = region("x:4xf32", "p:i1")
D0, NONE = "dimensions = array<i64: 0>", "dimensions = array<i64>"


def axis(d: int) -> str:
    return f"dimension = {d} : i64"


def solve(names: str, out: str, how: str = "NO_TRANSPOSE") -> str:
    attributes = (
        "left_side = true, lower = true, unit_diagonal = false, "
        f"transpose_a = #stablehlo<transpose {how}>"
    )
    return op("triangular_solve", names, out, attributes)


def norm(kind: str, names: str, outs: str, d: int = 1) -> str:
    attributes = f"epsilon = 1.0e-3 : f32, feature_index = {d} : i64"
    return op(f"batch_norm_{kind}", names, outs, attributes)


def pair(name: str, outs: str, call: str = "@impl", given: str = "a") -> str:
    return op("composite", given, outs, f'name = "{name}", decomposition = {call}')


def element(name: str, i: int, out: str = "f32") -> str:
    return op("get_tuple_element", name, out, f"index = {i} : i32")


def precision(name: str, out: str, e: int = 5, m: int = 10) -> str:
    attributes = f"exponent_bits = {e} : i32, mantissa_bits = {m} : i32"
    return op("reduce_precision", name, out, attributes)


def groups(rows: str, more: str = "") -> str:
    """`01` is one group of two processes; rows are separated by blanks, ? is -2."""
    table = [[-2 if c == "?" else int(c) for c in row] for row in rows.split()]
    return f"replica_groups = dense<{table}> : tensor<{len(table)}x{len(table[0])}xi64>{more}"


IDS = ", channel_handle = #stablehlo.channel_handle<handle = 0, type = 0>, use_global_device_ids"


def gather(g: str = groups("01"), d: int = 1, out: str = "2x8xf32") -> str:
    return op("all_gather", "m", out, f"{g}, all_gather_dim = {d} : i64")


def all_reduce(g: str = groups("01"), body: str = "", out: str = "2x4xf32") -> str:
    return op("all_reduce", "m", out, g, body or add())


def scatter(g: str = groups("01"), body: str = "", d: int = 1, out: str = "2x2xf32") -> str:
    return op("reduce_scatter", "m", out, f"{g}, scatter_dimension = {d} : i64", body or add())


def all_to_all(
    g: str = groups("01"), split: int = 1, concat: int = 0, n: int = 2, out: str = "4x2xf32"
) -> str:
    attributes = (
        f"{g}, split_dimension = {split} : i64, concat_dimension = {concat} : i64, "
        f"split_count = {n} : i64"
    )
    return op("all_to_all", "m", out, attributes)


def broadcast(g: str = groups("01"), out: str = "2x4xf32") -> str:
    return op("collective_broadcast", "m", out, g)


def permute(rows: str, out: str = "2x4xf32") -> str:
    pairs = groups(rows).replace("replica_groups", "source_target_pairs")
    return op("collective_permute", "m", out, pairs)


def channel(short: str, names: str, outs: str, kind: int, host: bool) -> str:
    handle = f"channel_handle = #stablehlo.channel_handle<handle = 1, type = {kind}>"
    return op(short, names, outs, handle + (", is_host_transfer = true" if host else ""))


def rng(names: str, out: str, how: str = "UNIFORM") -> str:
    return op("rng", names, out, f"rng_distribution = #stablehlo<rng_distribution {how}>")


def bits(name: str, outs: str) -> str:
    attributes = "rng_algorithm = #stablehlo<rng_algorithm THREE_FRY>"
    return op("rng_bit_generator", name, outs, attributes)


def fft(name: str, out: str, kind: str, *length: int) -> str:
    n = f"array<i64: {', '.join(map(str, length))}>"
    return op("fft", name, out, f"fft_type = #stablehlo<fft_type {kind}>, fft_length = {n}")


ROWS = [
    ("while", "C1", op("while", "a", "4xf32", "", SAME, SAME)),
    ("while", "C1", op("while", "a", "4xf32", "", region("", "p:i1"), SAME)),
    ("while", "C2", op("while", "a", "4xf32", "", TRUE, region("x:4xf32", "s:f32"))),
    ("while", "C2", op("while", "a", "4xf32", "", TRUE, region("x:f32", "a:4xf32"))),
    ("while", "C3", op("while", "a", "f32", "", TRUE, SAME)),
    ("case", "C1", op("case", "i", "4xf32")),
    ("case", "C2", op("case", "i", "4xf32", "", SAME)),
    ("case", "C3", op("case", "i", "4xf32", "", GIVE, region("", "s:f32"))),
    ("case", "C4", op("case", "i", "f32", "", GIVE)),
    ("case", "I1", op("case", "l", "4xf32", "", GIVE)),
    ("case", "I1", op("case", "n", "4xf32", "", GIVE)),
    ("if", "C1", op("if", "p", "4xf32", "", SAME, SAME)),
    ("if", "C2", op("if", "p", "4xf32", "", GIVE, region("", "s:f32"))),
    ("if", "C3", op("if", "p", "f32", "", GIVE, GIVE)),
    ("if", "I1", op("if", "i", "4xf32", "", GIVE, GIVE)),
    ("map", "C1", op("map", "ae", "4xf32", D0, add())),
    ("map", "C1", op("map", "aa", "6xf32", D0, add())),
    ("map", "C2", op("map", "", "4xf32", D0, region("", "s:f32"))),
    ("map", "C3", op("map", "aa", "4xf32", NONE, add())),
    ("map", "C3", op("map", "mm", "2x4xf32", "dimensions = array<i64: 1, 0>", add())),
    ("map", "C4", op("map", "aa", "4xi32", D0, add("i32"))),
    ("map", "C4", op("map", "a", "4xf32", D0, add())),
    ("sort", "C1", op("sort", "", "", axis(0), region("", "p:i1"))),
    ("sort", "C2", op("sort", "a", "4xi32", axis(0), less())),
    ("sort", "C3", op("sort", "ae", "4xf32 6xf32", axis(0), less())),
    ("sort", "C4", op("sort", "a", "4xf32", axis(1), less())),
    ("sort", "C4", op("sort", "a", "4xf32", axis(-2), less())),
    ("sort", "C5", op("sort", "a", "4xf32", axis(0), less("i32"))),
    ("sort", "C5", op("sort", "a", "4xf32", axis(0), add())),
    ("reduce", "C1", op("reduce", "aess", "f32 f32", D0, FOUR)),
    ("reduce", "C2", op("reduce", "ai", "f32", D0, add())),
    ("reduce", "C3", op("reduce", "", "", D0, region())),
    ("reduce", "C4", op("reduce", "as", "f32", "dimensions = array<i64: 1>", add())),
    ("reduce", "C4", op("reduce", "as", "f32", "dimensions = array<i64: -1>", add())),
    ("reduce", "C5", op("reduce", "ms", "f32", "dimensions = array<i64: 0, 0>", add())),
    ("reduce", "C6", op("reduce", "as", "i32", D0, add("i32"))),
    ("reduce", "C6", op("reduce", "as", "f16", D0, add("f16"))),
    ("reduce", "C6", op("reduce", "as", "f32", D0, FIRST)),
    ("reduce", "C7", op("reduce", "ms", "2xf32", D0, add())),
    ("reduce", "C8", op("reduce", "as", "f64", D0, add())),
    ("composite", "C1", pair("plain", "4xf32")),
    ("composite", "C2", pair("a.b", "4xf32", "@none")),
    ("composite", "C3", pair("a.b", "4xf32", given="s")),
    ("composite", "C4", pair("a.b", "f32")),
    ("tuple", "C1", op("tuple", "is", "pair")),
    ("get_tuple_element", "C1", element("t", 2)),
    ("get_tuple_element", "C1", element("t", -1)),
    ("get_tuple_element", "C2", element("t", 1)),
    ("get_tuple_element", "I1", element("s", 0)),
    ("optimization_barrier", "C1", op("optimization_barrier", "s", "i32")),
    ("cholesky", "C1", op("cholesky", "q", "3x3xf64")),
    ("cholesky", "C2", op("cholesky", "a", "4xf32")),
    ("cholesky", "C3", op("cholesky", "m", "2x4xf32")),
    ("cholesky", "I1", op("cholesky", "n", "4xi32")),
    ("triangular_solve", "C1", solve("qd", "3x3xf64")),
    ("triangular_solve", "C2", solve("aa", "4xf32")),
    ("triangular_solve", "C2", solve("qb", "5x3x3xf32")),
    ("triangular_solve", "C3", solve("qr", "2x3xf32")),
    ("triangular_solve", "C3", solve("rr", "2x3xf32")),
    ("triangular_solve", "C4", solve("qq", "3x3xf64")),
    ("triangular_solve", "I6", solve("qq", "3x3xf32", "TRANSPOSE_INVALID")),
    ("reduce_precision", "C1", precision("a", "4xf16")),
    ("reduce_precision", "C2", precision("a", "4xf32", e=0)),
    ("reduce_precision", "C3", precision("a", "4xf32", m=-1)),
    ("reduce_precision", "I1", precision("n", "4xi32")),
    ("batch_norm_inference", "C1", norm("inference", "maaaa", "2x4xf32", 2)),
    ("batch_norm_inference", "C1", norm("inference", "maaaa", "2x4xf32", -1)),
    ("batch_norm_inference", "C2", norm("inference", "mgaaa", "2x4xf32")),
    ("batch_norm_inference", "C3", norm("inference", "meaaa", "2x4xf32")),
    ("batch_norm_inference", "C4", norm("inference", "maeaa", "2x4xf32")),
    ("batch_norm_inference", "C5", norm("inference", "maaea", "2x4xf32")),
    ("batch_norm_inference", "C6", norm("inference", "maaae", "2x4xf32")),
    ("batch_norm_inference", "C7", norm("inference", "maaaa", "4xf32")),
    ("batch_norm_training", "C1", norm("training", "maa", "2x4xf32 4xf32 4xf32", 2)),
    ("batch_norm_training", "C2", norm("training", "mga", "2x4xf32 4xf32 4xf32")),
    ("batch_norm_training", "C3", norm("training", "mea", "2x4xf32 4xf32 4xf32")),
    ("batch_norm_training", "C4", norm("training", "mae", "2x4xf32 4xf32 4xf32")),
    ("batch_norm_training", "C5", norm("training", "maa", "2x4xf32 6xf32 4xf32")),
    ("batch_norm_training", "C6", norm("training", "maa", "2x4xf32 4xf32 6xf32")),
    ("batch_norm_training", "C7", norm("training", "maa", "4xf32 4xf32 4xf32")),
    ("batch_norm_grad", "C1", norm("grad", "maaam", "2x4xf32 4xf32 4xf32", 2)),
    ("batch_norm_grad", "C2", norm("grad", "magam", "2x4xf32 4xf32 4xf32")),
    ("batch_norm_grad", "C3", norm("grad", "maaaa", "2x4xf32 4xf32 4xf32")),
    ("batch_norm_grad", "C3", norm("grad", "maaam", "4xf32 4xf32 4xf32")),
    ("batch_norm_grad", "C4", norm("grad", "maeam", "2x4xf32 4xf32 4xf32")),
    ("batch_norm_grad", "C4", norm("grad", "maaem", "2x4xf32 4xf32 4xf32")),
    ("batch_norm_grad", "C4", norm("grad", "maaam", "2x4xf32 6xf32 4xf32")),
    ("batch_norm_grad", "C5", norm("grad", "meaam", "2x4xf32 4xf32 4xf32")),
    ("all_gather", "C1", gather(d=2)),
    ("all_gather", "C2", gather(groups("00"))),
    ("all_gather", "C4", gather(groups("02"))),
    ("all_gather", "C5", gather(groups("01", IDS))),
    ("all_gather", "C6", gather(out="2x6xf32")),
    ("all_gather", "I3", gather("replica_groups = dense<[0, 1]> : tensor<2xi64>")),
    ("all_reduce", "C1", all_reduce(groups("00"))),
    ("all_reduce", "C3", all_reduce(groups("02"))),
    ("all_reduce", "C4", all_reduce(groups("01", IDS))),
    ("all_reduce", "C5", all_reduce(body=add("i32"))),
    ("all_reduce", "C5", all_reduce(body=FIRST)),
    ("all_reduce", "C6", all_reduce(out="4xf32")),
    ("all_reduce", "C7", all_reduce(out="2x4xf64")),
    ("reduce_scatter", "C1", scatter(groups("012"))),
    ("reduce_scatter", "C2", scatter(d=2)),
    ("reduce_scatter", "C3", scatter(groups("00"))),
    ("reduce_scatter", "C5", scatter(groups("02"))),
    ("reduce_scatter", "C6", scatter(groups("01", IDS))),
    ("reduce_scatter", "C7", scatter(body=add("i32"))),
    ("reduce_scatter", "C8", scatter(out="2x3xf32")),
    ("reduce_scatter", "C9", scatter(out="2x2xf64")),
    ("all_to_all", "C1", all_to_all(split=2)),
    ("all_to_all", "C2", all_to_all(groups("012"), n=3)),
    ("all_to_all", "C3", all_to_all(concat=-1)),
    ("all_to_all", "C4", all_to_all(n=0)),
    ("all_to_all", "C5", all_to_all(groups("00"))),
    ("all_to_all", "C7", all_to_all(groups("02"))),
    ("all_to_all", "C8", all_to_all(groups("0123"))),
    ("all_to_all", "C9", all_to_all(out="2x4xf32")),
    ("collective_broadcast", "C1", broadcast(groups("00"))),
    ("collective_broadcast", "C2", broadcast(groups("0?"))),
    ("collective_broadcast", "C3", broadcast(out="4xf32")),
    ("collective_permute", "C1", permute("012")),
    ("collective_permute", "C2", permute("01 02")),
    ("collective_permute", "C3", permute("01 21")),
    ("collective_permute", "C4", permute("0?")),
    ("collective_permute", "C5", permute("01", "4xf32")),
    ("infeed", "C1", op("infeed", "k", "")),
    ("infeed", "C3", op("infeed", "k", "4xf32")),
    ("outfeed", "I2", op("outfeed", "a", "token")),
    ("send", "I2", channel("send", "a", "token", 2, True)),
    ("send", "C5", channel("send", "ak", "token", 1, True)),
    ("send", "C5", channel("send", "ak", "token", 2, False)),
    ("recv", "C5", channel("recv", "k", "4xf32 token", 1, True)),
    ("recv", "O1", channel("recv", "k", "4xf32", 3, True)),
    ("rng", "C1", rng("ssv", "2xf64")),
    ("rng", "C2", rng("iiv", "2xi32", "NORMAL")),
    ("rng", "C3", rng("ssv", "2x2xf32")),
    ("rng_bit_generator", "C1", bits("u", "3xui64 2xui32")),
    ("rng_bit_generator", "C2", bits("w", "3xui64 2xui32")),
    ("complex", "C1", op("complex", "sa", "complex<f32>")),
    ("complex", "C3", op("complex", "ss", "complex<f64>")),
    ("real", "C2", op("real", "a", "4xf64")),
    ("fft", "C1", fft("s", "complex<f32>", "RFFT", 4)),
    ("fft", "C2", fft("m", "2x4xf32", "FFT", 4)),
    ("fft", "C2", fft("n", "4xcomplex<f32>", "RFFT", 4)),
    ("fft", "C3", fft("f", "1x1x1x2xcomplex<f32>", "RFFT", 1, 1, 1, 2)),
    ("fft", "C4", fft("m", "2x2xcomplex<f32>", "RFFT", 3)),
    ("fft", "C5", fft("m", "2x4xcomplex<f32>", "RFFT", 4)),
    ("after_all", "I1", op("after_all", "s", "token")),
    ("imag", "I1", op("imag", "n", "4xi32")),
]
# jaxlib looks at the first input before it asks whether there is one, and may crash
NO_INPUT = op("reduce", "", "", D0, region())
LAX = {  # what jaxlib's verifier lets pass, and why
    op("reduce", "as", "f16", D0, add("f16")): "any float type may be the body's",
    gather(groups("01", IDS)): "its all_gather leaves the channel unread",
    scatter(groups("012")): "the sizes are divided without looking at the rest",
    bits("w", "3xui64 2xui32"): "the size of the state is left to the implementation",
}


FINE = [
    op("while", "a", "4xf32", "", TRUE, SAME), op("case", "i", "4xf32", "", GIVE, GIVE),
    op("if", "p", "4xf32", "", GIVE, GIVE), op("map", "aa", "4xf32", D0, add()),
    op("sort", "a", "4xf32", axis(-1), less()), op("reduce", "as", "f32", D0, add()),
    op("reduce", "as", "f64", D0, add("f64")), op("reduce", "aass", "f32 f32", D0, FOUR),
    pair("a.b", "4xf32"), op("tuple", "si", "pair"), element("t", 0),
    op("cholesky", "b", "5x3x3xf32"), solve("qq", "3x3xf32"), precision("a", "4xf32"),
    norm("inference", "maaaa", "2x4xf32"), norm("training", "maa", "2x4xf32 4xf32 4xf32"),
    norm("grad", "maaam", "2x4xf32 4xf32 4xf32"), gather(), all_reduce(), scatter(),
    all_to_all(), broadcast(), permute("01 10"), op("infeed", "k", "4xf32 token"),
    channel("send", "ak", "token", 2, True), channel("recv", "k", "4xf32 token", 3, True),
    rng("ssv", "2xf32"), bits("u", "2xui64 2xui32"), op("complex", "ss", "complex<f32>"),
    fft("m", "2x3xcomplex<f32>", "RFFT", 4), op("after_all", "kk", "token"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "label", "text"), ROWS, ids=lambda v: v if len(v) < 30 else "")
def test_a_broken_constraint_is_refused_under_its_label(name, label, text):
    whole = program(text)
    with pytest.raises(MinidlError, match=rf"\({label}\)") as caught:
        ir.verify(ir.parse(whole))
    assert caught.value.op == f"stablehlo.{name}"
    assert caught.value.line == 3, "the error does not show where the op stands"
    if text != NO_INPUT:
        assert (mlir.refusal(whole) is None) == (text in LAX)


def test_the_rows_stand_beside_programs_that_are_well_formed():
    """The same helpers with nothing broken: both verifiers accept."""
    for text in map(program, FINE):
        ir.verify(ir.parse(text))
        assert mlir.refusal(text) is None, text
