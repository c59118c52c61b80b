"""Checks of chapter `ir/dimension_numbers`: a lookup's numbers, and a slice sent back.

Chapter: ir/dimension_numbers.
Sources: the engine itself: its verifier and `evaluate` judge the reader's numbers.
Real: JAX writes these numbers in `jnp.ndarray.__getitem__` and in the transposes of `lax`.

`gather`, `scatter`, `convolution`, `padded` make programs of one operation; arrays stand
for their types.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import ir
from minidl.core.errors import MinidlError
from minidl.exercises.verdict import call, exercise, need
from minidl.ir.dimension_numbers import ConvDims, GatherDims, ScatterDims
from minidl.ir.mlir.types import TensorType, tensor, type_of

TABLE = (10 * np.arange(5)[:, None] + np.arange(3)).astype(np.int32)
IMAGE_FIRST = ConvDims(0, 3, (1, 2), 2, 3, (0, 1), 0, 3, (1, 2))


def single(
    name: str,
    arrays: Sequence[Any],
    attributes: dict[str, Any],
    regions: Sequence[ir.Region] = (),
) -> ir.Module:
    """@main with this one operation on arguments of the arrays' types, verified."""
    module = ir.Module()
    _, build = ir.function(module, "main", [type_of(np.asarray(a)) for a in arrays])
    made = build.create(name, build.block.args, attributes, regions=regions)
    ir.finish(build, made.results)
    ir.verify(module)
    return module


def gather(dims: GatherDims, sizes: Sequence[int], operand: Any, starts: Any) -> ir.Module:
    """A gather of slices of those sizes."""
    numbers = {"dimension_numbers": dims, "slice_sizes": tuple(sizes)}
    return single("stablehlo.gather", (operand, starts), numbers)


def scatter(
    dims: ScatterDims, into: Any, starts: Any, updates: Any, join: str = "add"
) -> ir.Module:
    """A scatter that joins old and update by `add`, `maximum` …; "replace" keeps the update."""
    element = type_of(np.asarray(into)).element
    block = ir.Block([tensor((), element)] * 2)
    build = ir.Builder(block)
    old, new = block.args
    made = new if join == "replace" else build.value(f"stablehlo.{join}", old, new)
    build.create("stablehlo.return", [made])
    numbers = {"scatter_dimension_numbers": dims}
    return single("stablehlo.scatter", (into, starts, updates), numbers, [ir.Region([block])])


def convolution(
    x: Any,
    w: Any,
    stride: int = 1,
    pad: tuple[int, int] = (0, 0),
    dilation: int = 1,
    dims: ConvDims = IMAGE_FIRST,
) -> ir.Module:
    """A convolution with the same window along each spatial dimension."""
    space = len(dims.input_spatial)
    window: dict[str, Any] = {"window_strides": (stride,) * space, "padding": (pad,) * space}
    window |= {"rhs_dilation": (dilation,) * space}
    groups = {"feature_group_count": 1, "batch_group_count": 1}
    numbers = {"dimension_numbers": dims, **window, **groups}
    return single("stablehlo.convolution", (x, w), numbers)


def padded(x: Any, low: int, high: int, interior: int) -> ir.Module:
    """x, of one axis, with zeros before it, behind it and between its elements."""
    module = ir.Module()
    _, build = ir.function(module, "main", [type_of(x)])
    zero = build.value("stablehlo.constant", value=ir.Dense(np.zeros((), x.dtype)))
    amounts = {"edge_padding_low": (low,), "edge_padding_high": (high,)}
    amounts |= {"interior_padding": (interior,)}
    made = build.value("stablehlo.pad", build.block.args[0], zero, **amounts)
    ir.finish(build, [made])
    ir.verify(module)
    return module


def typed(module: ir.Module, lists: Sequence[Any]) -> list[Any]:
    """Nested lists as the arrays that @main takes."""
    types = [v.type for v in module.main.body.args]
    pairs = [(x, t) for x, t in zip(lists, types, strict=True) if isinstance(t, TensorType)]
    return [np.array(x, t.element.numpy) for x, t in pairs]


def _located(module: ir.Module) -> tuple[list[ir.Operation], ir.Operation]:
    """The operations of @main that are no constants, and the one that has dimension numbers."""
    ops = [op for op in module.main.body if not op.name.endswith((".constant", ".return"))]
    return ops, next(op for op in ops if any("dimension_numbers" in n for n in op.attributes))


def others(module: ir.Module) -> int:
    """How many operations @main has besides constants, and besides that one."""
    return len(_located(module)[0]) - 1


def numbers(module: ir.Module) -> list[tuple[str, str]]:
    """The dimension numbers and sizes of that operation, by name; what is empty is left out."""
    op = _located(module)[1]
    rows = [("operation", op.name)]
    for name, value in op.attributes.items():
        if isinstance(value, (GatherDims, ScatterDims)):
            each = {f: getattr(value, f) for f in value.__dataclass_fields__}
            rows += [
                (f, str(v if isinstance(v, int) else [*v])) for f, v in each.items() if v != ()
            ]
        elif isinstance(value, ConvDims):
            x, w, y = (f"[{', '.join(part)}]" for part in value.letters())
            rows.append(("dim_numbers", f"{x}x{w}->{y}"))
        elif name in _SIZES:
            rows.append((_SIZES[name], str([*value]).replace("(", "[").replace(")", "]")))
    for region in op.regions:
        adds = any(one.name == "stablehlo.add" for one in region.block)
        rows.append(("the region returns", "old + update" if adds else "the update"))
    return rows


_SIZES = {
    "slice_sizes": "slice_sizes",
    "window_strides": "stride",
    "padding": "pad",
    "rhs_dilation": "rhs_dilate",
}


@exercise("The same rows as NumPy's table[at], for `at` of no dimension, one, two and three.")
def check_lookup(lookup: Any) -> None:
    """`lookup(table, at)`, of two shapes, is (GatherDims, slice sizes)."""
    for n, d, shape in ((5, 3, (2,)), (4, 6, (2, 3)), (7, 2, (2, 1, 3)), (3, 4, ())):
        at = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(np.int32) % n
        table = np.arange(n * d, dtype=np.int32).reshape(n, d)
        got = call(lookup, table.shape, at.shape)
        pair = isinstance(got, tuple) and len(got) == 2 and isinstance(got[0], GatherDims)
        need(pair, f"(GatherDims, sizes) was expected, came {got!r}")
        _judge_lookup(got[0], got[1], table, at)


def _judge_lookup(dims: GatherDims, sizes: Any, table: Any, at: Any) -> None:
    where = f"for `at` of shape {list(at.shape)}"
    try:
        (made,) = ir.evaluate(gather(dims, sizes, table, at), table, at)
    except MinidlError as error:
        need(False, f"{where} the engine refuses: {error.message}", _READ)
    want = table[at]
    shapes = f"{where} the result has shape {list(made.shape)}, expected {list(want.shape)}"
    need(made.shape == want.shape, shapes, _LAST)
    need(np.array_equal(made, want), f"{where} other rows came than table[at]", _LAST)


_READ = "how many dimensions has `at`? The result has these, and one more for the row's elements"
_LAST = "the row's elements lie along the last dimension of the result"


@exercise("Each element went back to where the slice had taken it, and zeros elsewhere.")
def check_send_back(send_back: Any) -> None:
    """`send_back(n, start, stop, step)` is (low, high, interior) of the pad."""
    for n, start, stop, step in ((8, 2, 6, 1), (8, 1, 7, 2), (9, 0, 8, 3), (5, 4, 5, 2)):
        got = call(send_back, n, start, stop, step)
        need(isinstance(got, tuple) and len(got) == 3, f"three numbers were expected, came {got!r}")
        _judge_back([int(g) for g in got], n, slice(start, stop, step))


def _judge_back(amounts: list[int], n: int, cut: slice) -> None:
    sent = np.arange(n, dtype=np.int32)[cut] + 1
    where = f"x of {n} elements, x[{cut.start}:{cut.stop}:{cut.step}]:"
    try:
        (made,) = ir.evaluate(padded(sent, *amounts), sent)
    except MinidlError as error:
        need(False, f"{where} the engine refuses: {error.message}")
    need(made.size == n, f"{where} {made.size} elements come back, x has {n}", _BEHIND)
    want = np.zeros(n, np.int32)
    want[cut] = sent
    need(np.array_equal(made, want), f"{where} {made} came back, expected {want}", _BETWEEN)


_BEHIND = "the last element taken need not stand at stop − 1: where does it stand?"
_BETWEEN = "interior is how many zeros stand between two neighbours"
