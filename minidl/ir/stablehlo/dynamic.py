"""StableHLO whose sizes are operands; the result type, as written, is static.

Chapter: ir/dimension_numbers.
Sources: StableHLO specification, the sections "dynamic_…", "get_dimension_size",
"real_dynamic_slice" of the StableHLO dialect.
Real: StableHLO refines these to their static twins (`stablehlo-canonicalize-dynamism`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import TensorType, Type, i32, tensor
from minidl.ir.stablehlo.constraints import (
    fail,
    inside,
    judged,
    operand_types,
    result_type,
    static,
    unique,
)
from minidl.ir.stablehlo.convolution import CONVOLUTION, conv_type
from minidl.ir.stablehlo.forms import OPERANDS
from minidl.ir.stablehlo.gather_rules import gather_shape, is_index
from minidl.ir.text.dimension_kinds import GATHER, PADDING
from minidl.ir.text.kinds import BOOL, I64, INTS


def _check_sizes(op: Operation, t: TensorType, count: int, label: str, what: str) -> None:
    """A 1-dimensional operand of `count` integers."""
    if t.shape != (count,) or not is_index(t):
        raise fail(op.name, label, f"{what} {t} must be {count} integers")


def _same_element(op: Operation, x: TensorType, out: TensorType, label: str) -> None:
    if x.element is not out.element:
        raise fail(op.name, label, f"{x} becomes {out}: the element changes")


@judged
def _verify_broadcast(op: Operation) -> None:
    x, sizes = operand_types(op)
    out, dims = result_type(op), op["broadcast_dimensions"]
    _same_element(op, x, out, "C1")
    if len(dims) != x.rank:
        raise fail(op.name, "C2", f"{len(dims)} dims for an operand of rank {x.rank}")
    if not inside(dims, out.rank):
        raise fail(op.name, "C3", f"dims {list(dims)} are not dimensions of {out}")
    if not unique(dims):
        raise fail(op.name, "C4", f"dims {list(dims)} must be different")
    for i, d in enumerate(dims):
        if x.dims[i] not in (1, out.dims[d]):
            raise fail(
                op.name, "C5", f"dimension {i} of {x} does not become dimension {d} of {out}"
            )
    _check_sizes(op, sizes, out.rank, "C7", "output_dimensions")
    _verify_known(op, x.rank)


def _verify_known(op: Operation, rank: int) -> None:
    known = [op.get(f"known_{word}_dimensions") or () for word in ("expanding", "nonexpanding")]
    both = (*known[0], *known[1])
    if not unique(both):
        raise fail(op.name, "C8", f"{list(both)}: a dimension expands or does not, once")
    for dims, label in zip(known, ("C9", "C10"), strict=True):
        if not inside(dims, rank):
            raise fail(op.name, label, f"{list(dims)} are not dimensions of the operand")


define(
    "stablehlo.dynamic_broadcast_in_dim",
    "operand output_dimensions",
    attributes={
        "broadcast_dimensions": INTS,
        "known_expanding_dimensions?": INTS,
        "known_nonexpanding_dimensions?": INTS,
    },
    form="%operand , %output_dimensions , dims = $broadcast_dimensions {} :fn",
    verify=_verify_broadcast,
    traits="pure",
)


@judged
def _verify_iota(op: Operation) -> None:
    (sizes,) = operand_types(op)
    out = result_type(op)
    _check_sizes(op, sizes, out.rank, "C2", "output_shape")
    if not 0 <= op["iota_dimension"] < out.rank:
        raise fail(op.name, "C1", f"dimension {op['iota_dimension']} of {out}")


define(
    "stablehlo.dynamic_iota",
    "output_shape",
    attributes={"iota_dimension": I64},
    form="%output_shape , dim = $iota_dimension {} :fn",
    verify=_verify_iota,
    traits="pure",
)


@judged
def _verify_reshape(op: Operation) -> None:
    x, sizes = operand_types(op)
    out = result_type(op)
    _same_element(op, x, out, "C1")
    if x.size != out.size:
        raise fail(op.name, "C2", f"from {x} to {out}: {x.size} elements become {out.size}")
    _check_sizes(op, sizes, out.rank, "C4", "output_shape")


define(
    "stablehlo.dynamic_reshape",
    "operand output_shape",
    form=OPERANDS,
    verify=_verify_reshape,
    traits="pure",
)


@judged
def _verify_pad(op: Operation) -> None:
    x, value, *amounts = operand_types(op)
    out = result_type(op)
    _same_element(op, x, value, "C1")
    _same_element(op, x, out, "C1")
    if value.rank:
        raise fail(op.name, "I2", f"the padding value is {value}, expected a scalar")
    for what, t in zip(
        ("edge_padding_low", "edge_padding_high", "interior_padding"), amounts, strict=True
    ):
        _check_sizes(op, t, x.rank, "C2", what)
    if out.rank != x.rank:
        raise fail(op.name, "C4", f"{x} is padded to {out}")


define(
    "stablehlo.dynamic_pad",
    "operand padding_value edge_padding_low edge_padding_high interior_padding",
    form=OPERANDS,
    verify=_verify_pad,
    traits="pure",
)


@judged
def _verify_slice(op: Operation) -> None:
    x, *bounds = operand_types(op)
    out = result_type(op)
    _same_element(op, x, out, "C1 of slice")
    for what, t in zip(("start_indices", "limit_indices", "strides"), bounds, strict=True):
        _check_sizes(op, t, x.rank, "C2 of slice", what)
    if out.rank != x.rank:
        raise fail(op.name, "C5 of slice", f"a slice of {x} is not {out}")


define(
    "stablehlo.real_dynamic_slice",
    "operand start_indices limit_indices strides",
    form=OPERANDS,
    verify=_verify_slice,
    traits="pure",
)


@judged
def _verify_gather(op: Operation) -> None:
    x, starts, sizes = operand_types(op)
    out, dims = result_type(op), op["dimension_numbers"]
    _same_element(op, x, out, "C14")
    _check_sizes(op, sizes, x.rank, "C11", "slice_sizes")
    # sizes are values: those that the result type shows, 1 where it shows none
    shown = [1] * x.rank
    for d, walk in zip(dims.window_dims(x.rank), dims.offset_dims, strict=False):
        shown[d] = out.dims[walk] if 0 <= walk < out.rank else 1
    want = gather_shape(op.name, x, starts, dims, tuple(shown))
    if want != out.dims:
        raise fail(op.name, "C13", f"the result has shape {list(want)}, but is written {out}")


define(
    "stablehlo.dynamic_gather",
    "operand start_indices slice_sizes",
    attributes={"dimension_numbers": GATHER, "indices_are_sorted?": BOOL},
    verify=_verify_gather,
    traits="pure",
)


@judged
def _verify_conv(op: Operation) -> None:
    lhs, rhs, padding = operand_types(op)
    out = result_type(op)
    space = max(0, lhs.rank - 2)
    if padding.shape != (space, 2) or not is_index(padding):
        raise fail(op.name, "C4", f"padding {padding} must be {space} pairs of integers")
    shape = conv_type(op.name, lhs, rhs, op.attributes, ((0, 0),) * space).dims
    free = op["dimension_numbers"].output_spatial  # their sizes depend on the padding
    fixed = [d for d in range(lhs.rank) if d not in free]
    if out.rank != lhs.rank:
        raise fail(op.name, "C26", f"{lhs} and {out} have different ranks")
    if any(shape[d] != out.dims[d] for d in fixed):
        raise fail(op.name, "C25", f"batch and features of {list(shape)} are written {out}")
    _same_element(op, lhs, out, "C27")


define(
    "stablehlo.dynamic_conv",
    "lhs rhs padding",
    attributes={**CONVOLUTION, "padding?": PADDING},
    verify=_verify_conv,
    traits="pure",
)


def _infer_size(types: Sequence[Type], attributes: dict[str, Any], _: Any) -> list[Type]:
    (x,) = static("stablehlo.get_dimension_size", types)
    if not 0 <= attributes["dimension"] < x.rank:
        raise fail(
            "stablehlo.get_dimension_size", "C1", f"dimension {attributes['dimension']} of {x}"
        )
    return [tensor((), i32)]


define(
    "stablehlo.get_dimension_size",
    "operand",
    attributes={"dimension": I64},
    infer=_infer_size,
    form="%operand , dim = $dimension {} :fn",
    traits="pure",
)
