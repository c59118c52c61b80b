"""StableHLO that reads and writes at computed places: dynamic slices, gather, scatter.

Chapter: ir/dimension_numbers.
Sources: StableHLO specification, "dynamic_slice", "dynamic_update_slice", "gather",
"scatter"; constraints by their labels.  `GatherDims` says what the dimensions are for.
Real: `verifyGather` and `validateScatterDimensionNumbers` in TypeInference.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minidl.ir.dimension_numbers import GatherDims, Shape
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import SPECS, define
from minidl.ir.mlir.types import FunctionType, TensorType, Type, tensor
from minidl.ir.stablehlo.constraints import Row, ascending, check, fail, inside, static, unique
from minidl.ir.text.dimension_kinds import GATHER, SCATTER
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import BOOL, INTS


def operand_list(op: Operation, printer: Any) -> str:
    """`op %a, %b, %c {attributes} : (types) -> type`."""
    names = ", ".join(map(printer.name, op.operands))
    rest = printer.attr_dict(op)
    return f"{op.name} {names}{rest and ' ' + rest} : {function_of(op)}"


def function_of(op: Operation) -> FunctionType:
    return FunctionType(tuple(v.type for v in op.operands), tuple(v.type for v in op.results))


def parse_operand_list(p: Any) -> Parts:
    return parse_types(p, Parts(operands=p.value_list()))


def parse_types(p: Any, parts: Parts, name: str = "") -> Parts:
    """The end of most forms: `{attributes} : (types) -> types`; `name` knows their kinds."""
    parts.attributes.update(p.attr_dict(SPECS[name] if name else None))
    p.expect(":")
    function = p.function_type()
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
    return parts


OPERANDS = Custom(operand_list, parse_operand_list)


# -- dynamic slices --------------------------------------------------------------------


def _check_starts(name: str, starts: Sequence[TensorType], labels: tuple[str, str], n: int) -> None:
    """One scalar integer for each dimension, all of one type."""
    if len(starts) != n:
        raise fail(name, labels[0], f"{len(starts)} start indices for {n} dimensions")
    for i, t in enumerate(starts):
        if t.rank or not t.element.is_integer or t.element.name == "i1":
            raise fail(name, labels[1], f"start index {i} is {t}, expected a scalar integer")
        if t is not starts[0]:
            raise fail(name, labels[1], f"start indices of two types, {starts[0]} and {t}")


def _infer_dynamic_slice(types: Sequence[Type], attributes: dict[str, Any], _: Any) -> list[Type]:
    name = "stablehlo.dynamic_slice"
    x, *starts = static(name, types)
    sizes = attributes["slice_sizes"]
    if len(sizes) != x.rank:
        raise fail(name, "C2", f"{len(sizes)} slice sizes for {x}")
    _check_starts(name, starts, ("C2", "C3"), x.rank)
    for d, (size, n) in enumerate(zip(sizes, x.dims, strict=True)):
        if not 0 <= size <= n:
            raise fail(name, "C4", f"a slice of {size} elements does not fit dimension {d} of {x}")
    return [tensor(sizes, x.element)]


def _print_dynamic_slice(op: Operation, printer: Any) -> str:
    x, *starts = map(printer.name, op.operands)
    rest = printer.attr_dict(op, frozenset(["slice_sizes"]))
    sizes = f"sizes = {INTS.text(op['slice_sizes'], True)}{rest and ' ' + rest}"
    return f"{op.name} {x}, {', '.join(starts)}, {sizes} : {function_of(op)}"


def _parse_dynamic_slice(p: Any) -> Parts:
    parts = Parts(operands=p.value_list())
    while p.accept(","):  # two of them when there is no start index
        pass
    p.expect("sizes")
    p.expect("=")
    parts.attributes["slice_sizes"] = INTS.parse(p, True)
    return parse_types(p, parts, "stablehlo.dynamic_slice")


define(
    "stablehlo.dynamic_slice",
    "operand start_indices*",
    attributes={"slice_sizes": INTS},
    infer=_infer_dynamic_slice,
    form=Custom(_print_dynamic_slice, _parse_dynamic_slice),
    traits="pure",
)


def _infer_dynamic_update(types: Sequence[Type], _: dict[str, Any], __: Any) -> list[Type]:
    name = "stablehlo.dynamic_update_slice"
    x, update, *starts = static(name, types)
    if update.element is not x.element:
        raise fail(name, "C2", f"an update of {update.element} in an operand of {x.element}")
    if update.rank != x.rank:
        raise fail(name, "C3", f"update {update} has not the rank of {x}")
    _check_starts(name, starts, ("C4", "C5"), x.rank)
    for d, (size, n) in enumerate(zip(update.dims, x.dims, strict=True)):
        if size > n:
            raise fail(name, "C6", f"update {update} does not fit dimension {d} of {x}")
    return [x]


define(
    "stablehlo.dynamic_update_slice",
    "operand update start_indices*",
    infer=_infer_dynamic_update,
    form=OPERANDS,
    traits="pure",
)


# -- gather and scatter ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the constraints of gather and of scatter speak about, in gather's words."""

    operand: TensorType
    starts: TensorType
    dims: GatherDims
    result_rank: int  # of the result; of the updates for scatter
    sizes: Shape = ()  # gather's slice_sizes


def _paired(f: _Facts) -> bool:
    """Batching dimensions have the same size on both sides."""
    d = f.dims
    pairs = zip(d.operand_batching_dims, d.start_indices_batching_dims, strict=True)
    return all(f.operand.dims[a] == f.starts.dims[b] for a, b in pairs)


# (label in gather, label in scatter, what must hold, what to say)
_BOTH: list[tuple[str, str, Any, str]] = [
    (
        "C2", "C22",
        lambda f: 0 <= f.dims.index_vector_dim <= f.starts.rank,
        "index_vector_dim {dims.index_vector_dim} is not in 0 … rank of {starts}",
    ),
    (
        "C1", "C2",
        lambda f: f.operand.rank
        == len(f.dims.offset_dims + f.dims.collapsed_slice_dims + f.dims.operand_batching_dims),
        "each dimension of {operand} is walked, collapsed or batching, once: {dims}",
    ),
    (
        "C3", "C19",
        lambda f: len(f.dims.start_index_map) == f.dims.index_size(f.starts.dims),
        "start index map {dims.start_index_map} has not one entry for each number of a start "
        "index in {starts}",
    ),
    (
        "C4", "C7",
        lambda f: unique(f.dims.offset_dims) and ascending(f.dims.offset_dims),
        "offset (window) dims {dims.offset_dims} must be different and ascending",
    ),
    (
        "C5", "C8",
        lambda f: inside(f.dims.offset_dims, f.result_rank),
        "offset (window) dims {dims.offset_dims} are not in 0 … {result_rank}, excluded",
    ),
    (
        "C6", "C9",
        lambda f: unique(f.dims.collapsed_slice_dims + f.dims.operand_batching_dims),
        "collapsed (inserted) dims {dims.collapsed_slice_dims} and batching dims "
        "{dims.operand_batching_dims} must be different",
    ),
    (
        "C7", "C10",
        lambda f: ascending(f.dims.collapsed_slice_dims),
        "collapsed (inserted) dims {dims.collapsed_slice_dims} must ascend",
    ),
    (
        "C8", "C11",
        lambda f: inside(f.dims.collapsed_slice_dims, f.operand.rank),
        "collapsed (inserted) dims {dims.collapsed_slice_dims} are not dimensions of {operand}",
    ),
    (
        "C10", "C12",
        lambda f: ascending(f.dims.operand_batching_dims),
        "operand batching dims {dims.operand_batching_dims} must ascend",
    ),
    (
        "C11", "C13",
        lambda f: inside(f.dims.operand_batching_dims, f.operand.rank),
        "batching dims {dims.operand_batching_dims} are not dimensions of {operand}",
    ),
    (
        "C13", "C14",
        lambda f: unique(f.dims.start_indices_batching_dims),
        "batching dims of the indices {dims.start_indices_batching_dims} must be different",
    ),
    (
        "C14", "C15",
        lambda f: inside(f.dims.start_indices_batching_dims, f.starts.rank),
        "batching dims {dims.start_indices_batching_dims} are not dimensions of {starts}",
    ),
    (
        "C15", "C16",
        lambda f: f.dims.index_vector_dim not in f.dims.start_indices_batching_dims,
        "index_vector_dim {dims.index_vector_dim} cannot be a batching dimension",
    ),
    (
        "C16", "C17",
        lambda f: len(f.dims.operand_batching_dims) == len(f.dims.start_indices_batching_dims),
        "batching dims come in pairs: {dims.operand_batching_dims} with "
        "{dims.start_indices_batching_dims}",
    ),
    (
        "C17", "C18", _paired,
        "batching dims {dims.operand_batching_dims} of {operand} and "
        "{dims.start_indices_batching_dims} of {starts} must have the same sizes",
    ),
    (
        "C18", "C20",
        lambda f: unique(f.dims.start_index_map + f.dims.operand_batching_dims),
        "start index map {dims.start_index_map} and batching dims "
        "{dims.operand_batching_dims} must be different",
    ),
    (
        "C19", "C21",
        lambda f: inside(f.dims.start_index_map, f.operand.rank),
        "start index map {dims.start_index_map} names dimensions that {operand} has not",
    ),
]  # fmt: skip
_GATHER: list[Row] = [(gather, holds, says) for gather, _, holds, says in _BOTH] + [
    (
        "C20", lambda f: len(f.sizes) == f.operand.rank,
        "slice sizes {sizes} must be as many as the dimensions of {operand}",
    ),
    (
        "C9", lambda f: all(f.sizes[d] <= 1 for d in f.dims.collapsed_slice_dims),
        "slice sizes {sizes} must be 0 or 1 at the collapsed dims {dims.collapsed_slice_dims}",
    ),
    (
        "C12", lambda f: all(f.sizes[d] <= 1 for d in f.dims.operand_batching_dims),
        "slice sizes {sizes} must be 0 or 1 at the batching dims {dims.operand_batching_dims}",
    ),
    (
        "C21",
        lambda f: all(0 <= s <= n for s, n in zip(f.sizes, f.operand.dims, strict=True)),
        "slices of sizes {sizes} do not fit {operand}",
    ),
]  # fmt: skip
_SCATTER: list[Row] = [(scatter, holds, says) for _, scatter, holds, says in _BOTH]


def gather_shape(
    name: str, operand: TensorType, starts: TensorType, dims: GatherDims, sizes: Shape
) -> Shape:
    """The result's shape, after all constraints are checked."""
    if not starts.element.is_integer or starts.element.name == "i1":
        raise fail(name, "I2", f"start indices must be integers, got {starts}")
    rank = len(dims.offset_dims) + max(0, starts.rank - (dims.index_vector_dim < starts.rank))
    check(name, _GATHER, _Facts(operand, starts, dims, rank, sizes))
    return dims.result_shape(starts.dims, sizes)


def _infer_gather(types: Sequence[Type], attributes: dict[str, Any], _: Any) -> list[Type]:
    name = "stablehlo.gather"
    operand, starts = static(name, types)
    dims, sizes = attributes["dimension_numbers"], attributes["slice_sizes"]
    return [tensor(gather_shape(name, operand, starts, dims, sizes), operand.element)]


define(
    "stablehlo.gather",
    "operand start_indices",
    attributes={"dimension_numbers": GATHER, "slice_sizes": INTS, "indices_are_sorted?": BOOL},
    infer=_infer_gather,
    traits="pure",
)


def _infer_scatter(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    name = "stablehlo.scatter"
    n = len(types) // 2
    every = static(name, types)
    inputs, starts, updates = every[:n], every[n], every[n + 1 :]
    if not inputs:
        raise fail(name, "C5", "there must be at least one input")
    if any(t.shape != inputs[0].shape for t in inputs):
        raise fail(name, "C1", f"inputs differ in shape: {', '.join(map(str, inputs))}")
    if any(t.shape != updates[0].shape for t in updates):
        raise fail(name, "C3", f"updates differ in shape: {', '.join(map(str, updates))}")
    for x, u in zip(inputs, updates, strict=True):
        if u.element is not x.element:
            raise fail(name, "C6", f"updates {u} for an input {x}")
    if not starts.element.is_integer or starts.element.name == "i1":
        raise fail(name, "I2", f"scatter indices must be integers, got {starts}")
    dims = attributes["scatter_dimension_numbers"].gather
    check(name, _SCATTER, _Facts(inputs[0], starts, dims, updates[0].rank))
    _check_updates(name, inputs[0], starts, updates[0], dims)
    elements = region_elements(name, "C23", regions[0], inputs)
    return [tensor(x.dims, e) for x, e in zip(inputs, elements, strict=True)]


def _check_updates(
    name: str, x: TensorType, starts: TensorType, update: TensorType, dims: GatherDims
) -> None:
    """C4: the updates have the batch sizes, and windows that fit in the input."""
    sizes = [0] * x.rank
    for d, walk in zip(dims.window_dims(x.rank), dims.offset_dims, strict=True):
        sizes[d] = update.dims[walk]
        if sizes[d] > x.dims[d]:
            raise fail(name, "C4", f"windows of updates {update} do not fit dimension {d} of {x}")
    want = dims.result_shape(starts.dims, sizes)
    if want != update.dims:
        raise fail(name, "C4", f"updates {update} must have shape {list(want)} for {starts}")


def region_elements(name: str, label: str, region: Any, inputs: Sequence[TensorType]) -> list[Any]:
    """The elements a region works in: `(E0, E1, …, E0, E1, …) -> (E0, E1, …)`.

    They are those of `inputs`, or wider ones of the same kind (is_promotable).
    """
    block = region.blocks[0]
    n = len(inputs)
    scalars = [v.type for v in block.args]
    given = [v.type for v in block.terminator.operands] if block.last is not None else []
    ok = len(scalars) == 2 * n and scalars[:n] == scalars[n:] == given
    if not ok or not all(isinstance(t, TensorType) and t.rank == 0 for t in scalars):
        got = f"({', '.join(map(str, scalars))}) -> ({', '.join(map(str, given))})"
        raise fail(name, label, f"the region must take two scalars of each input, but is {got}")
    for x, t in zip(inputs, scalars, strict=False):
        if not promotable(x.element, t.element):
            raise fail(name, label, f"the region works on {t.element}, the input is {x}")
    return [t.element for t in scalars[:n]]


def promotable(narrow: Any, wide: Any) -> bool:
    """Whether a region may work in `wide` on elements of `narrow`: same kind, no fewer bits."""
    same_kind = narrow.is_float == wide.is_float and narrow.is_unsigned == wide.is_unsigned
    booleans = (narrow.name == "i1", wide.name == "i1")
    return same_kind and booleans[0] == booleans[1] and narrow.bits <= wide.bits


define(
    "stablehlo.scatter",
    "inputs* scatter_indices updates*",
    attributes={
        "scatter_dimension_numbers": SCATTER,
        "indices_are_sorted?": BOOL,
        "unique_indices?": BOOL,
    },
    infer=_infer_scatter,
    traits="pure",
    regions=1,
)
