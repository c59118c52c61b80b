"""StableHLO that reads and writes at computed places: dynamic slices, gather, scatter.

Chapter: ir/dimension_numbers.
Sources: StableHLO specification, "dynamic_slice", "dynamic_update_slice", "gather",
"scatter"; constraints by their labels.  `GatherDims` says what the dimensions are for.
Real: `verifyGather` and `validateScatterDimensionNumbers` in TypeInference.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.ir.dimension_numbers import GatherDims
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import TensorType, Type, tensor
from minidl.ir.stablehlo.constraints import fail, results, static
from minidl.ir.stablehlo.forms import OPERANDS, function_of, parse_types
from minidl.ir.stablehlo.gather_rules import check_scatter, gather_shape, is_index
from minidl.ir.stablehlo.regions import element_types, promotes
from minidl.ir.text.dimension_kinds import GATHER, SCATTER
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import BOOL, INTS

# -- dynamic slices --------------------------------------------------------------------


def _check_starts(name: str, starts: Sequence[TensorType], labels: tuple[str, str], n: int) -> None:
    """One scalar integer for each dimension, all of one type."""
    if len(starts) != n:
        raise fail(name, labels[0], f"{len(starts)} start indices for {n} dimensions")
    for i, t in enumerate(starts):
        if t.rank or not is_index(t):
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
    names = ", ".join(map(printer.name, op.operands))
    rest = printer.attr_dict(op, frozenset(["slice_sizes"]))
    sizes = f"sizes = {INTS.text(op['slice_sizes'], True)}{rest and ' ' + rest}"
    return f"{op.name} {names}, {sizes} : {function_of(op)}"


def _parse_dynamic_slice(p: Any) -> Parts:
    parts = Parts(operands=p.value_list())
    p.expect(",")
    p.accept(",")  # MLIR prints two where there is no start index, and cannot read them itself
    p.expect("sizes")
    p.expect("=")
    parts.attributes["slice_sizes"] = INTS.parse(p, True)
    return parse_types(p, parts, "stablehlo.dynamic_slice")


define(
    "stablehlo.dynamic_slice",
    "operand start_indices*",
    attributes={"slice_sizes": INTS},
    infer=_infer_dynamic_slice,
    verify=results("C5", "C1"),
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
    verify=results("C1", "C1"),
    form=OPERANDS,
    traits="pure",
)


# -- gather and scatter ----------------------------------------------------------------


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
    verify=results("C22", "C23"),
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
    if not is_index(starts):
        raise fail(name, "I2", f"scatter indices must be integers, got {starts}")
    dims = attributes["scatter_dimension_numbers"].gather
    check_scatter(name, inputs[0], starts, updates[0], dims)
    _check_updates(name, inputs[0], starts, updates[0], dims)
    elements = region_elements(name, "C23", regions[0], inputs)
    return [tensor(x.dims, e) for x, e in zip(inputs, elements, strict=True)]


def _check_updates(
    name: str, x: TensorType, starts: TensorType, update: TensorType, dims: GatherDims
) -> None:
    """C4: the updates have the batch sizes, and windows that fit in the input."""
    if update.rank != len(dims.offset_dims) + len(dims.batch_sizes(starts.dims)):
        raise fail(name, "C4", f"updates {update} have not the rank that {starts} asks for")
    sizes = [0] * x.rank
    for d, walk in zip(dims.window_dims(x.rank), dims.offset_dims, strict=True):
        sizes[d] = update.dims[walk]
        if sizes[d] > x.dims[d]:
            raise fail(name, "C4", f"windows of updates {update} do not fit dimension {d} of {x}")
    want = dims.result_shape(starts.dims, sizes)
    if want != update.dims:
        raise fail(name, "C4", f"updates {update} must have shape {list(want)} for {starts}")


def region_elements(name: str, label: str, region: Any, inputs: Sequence[TensorType]) -> list[Any]:
    """The elements a region works in: those of `inputs`, or wider ones (is_promotable)."""
    elements = element_types(name, region, 2, "region", label)
    if len(elements) != len(inputs):
        raise fail(name, label, f"the region returns {len(elements)} for {len(inputs)} inputs")
    for x, e in zip(inputs, elements, strict=True):
        if not promotes(x.element, e):
            raise fail(name, label, f"the region works on {e}, the input is {x}")
    return elements


define(
    "stablehlo.scatter",
    "inputs* scatter_indices updates*",
    attributes={
        "scatter_dimension_numbers": SCATTER,
        "indices_are_sorted?": BOOL,
        "unique_indices?": BOOL,
    },
    infer=_infer_scatter,
    verify=results("C24", "C25"),
    traits="pure",
    regions=1,
)
