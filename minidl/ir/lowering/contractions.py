"""Contractions: dot_general and convolution as a generic that multiplies and adds.

Chapter: ir/lowering; xla/microkernel.
Sources: StableHLO specification, "dot_general", "convolution"; house rule (Numbers).
Real: `linalg.matmul`, `linalg.conv_2d_nhwc_hwcf`: names for such generics.

    sizes   those of the result, then of what is summed over: contracted dimensions of a
            dot; the kernel's spatial dimensions and the input features of a convolution
    lhs     o · stride + k · dilation along a spatial dimension: the padding and the holes
            of the input were written around it before (`xla.windows`)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minidl.core.errors import UnsupportedError
from minidl.ir.dimension_numbers import ConvDims, Window
from minidl.ir.lowering.body import Body
from minidl.ir.lowering.indexing import Index, dot_index, here, tensor_type, uses_lanes
from minidl.ir.lowering.scalars import constant, convert, is_16, signless
from minidl.ir.mlir.attributes import Affine, DotDims
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.location import place
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import ScalarType, f32, index, tensor
from minidl.ir.stablehlo.convolution import conv_window

CONTRACTIONS = ("stablehlo.dot_general", "stablehlo.convolution")


@dataclass(frozen=True, slots=True)
class Contraction:
    """Loop sizes, and where both operands are read; `group` is a symbol still to be made."""

    sizes: Sequence[int]
    lhs: Index
    rhs: Index
    lanes: bool


def contraction(op: Operation, group: Affine | None = None) -> Contraction:
    """The loops of a dot or a convolution."""
    out = tensor_type(op.result)
    if op.name == "stablehlo.convolution":
        return _convolution(op, conv_group(op) if group is None else group)
    dims: DotDims = op["dot_dimension_numbers"]
    x = tensor_type(op.operands[0])
    sizes = [*out.dims, *(x.dims[d] for d in dims.lhs_contracting)]
    return Contraction(sizes, *dot_index(op), uses_lanes(op))


def _convolution(op: Operation, group: Affine) -> Contraction:
    """Rows of `ConvDims` read side by side: out, lhs, rhs.

    What is summed over is walked in the order in which the input lies in memory.
    """
    dims: ConvDims = op["dimension_numbers"]
    out, kernel = tensor_type(op.result), tensor_type(op.operands[1]).dims
    window, at, rank = _plain_window(op), here(out.rank), out.rank
    pairs = [*zip(dims.input_spatial, dims.kernel_spatial, strict=True)]
    summed = sorted([*pairs, (dims.input_feature, dims.kernel_input_feature)])
    k = {d: Affine.dim(rank + i) for i, (d, _) in enumerate(summed)}
    lhs, rhs = [Affine()] * rank, [Affine()] * rank
    for w, (x, y), o in zip(window, pairs, dims.output_spatial, strict=True):
        lhs[x] = at[o].scaled(w.stride, 0) + k[x].scaled(w.window_dilation, 0)
        rhs[y] = k[x].scaled(-1, w.size - 1) if w.reversed else k[x]
    feature = k[dims.input_feature]
    lhs[dims.input_batch] = at[dims.output_batch]
    lhs[dims.input_feature] = feature + group.scaled(kernel[dims.kernel_input_feature], 0)
    rhs[dims.kernel_input_feature] = feature
    rhs[dims.kernel_output_feature] = at[dims.output_feature]
    sizes = [*out.dims, *(kernel[d] for _, d in summed)]
    return Contraction(sizes, tuple(lhs), tuple(rhs), out.dims[-1] < 8)


def _plain_window(op: Operation) -> Window:
    window = conv_window(op)
    if any(w.low or w.high or w.base_dilation != 1 for w in window):
        raise UnsupportedError(
            f"{op.name} with padding or holes in its input is not lowered as it is",
            op=op.name,
            span=place(op.location),
            hint="stage: linalg; pad the input before, as `xla.compile` does",
        )
    return window


def outputs_a_group(op: Operation) -> int:
    """Output features of one feature group."""
    dims: ConvDims = op["dimension_numbers"]
    groups = int(op.get("feature_group_count", 1))
    return tensor_type(op.result).dims[dims.output_feature] // max(1, groups)


def has_affine_groups(op: Operation) -> bool:
    """Whether the group of an output feature is an affine expression of it."""
    return op.get("feature_group_count", 1) == 1 or outputs_a_group(op) == 1


def conv_group(op: Operation) -> Affine:
    """The group of the output feature: 0, or the feature itself (affine groups only)."""
    dims: ConvDims = op["dimension_numbers"]
    alone = op.get("feature_group_count", 1) == 1
    return Affine() if alone else Affine.dim(dims.output_feature)


def _group_symbol(body: Body, op: Operation) -> Affine:
    """feature div (outputs a group), computed in the region."""
    dims: ConvDims = op["dimension_numbers"]
    b = body.builder
    each = constant(b, outputs_a_group(op), index)
    return body.symbol(b.value("arith.divui", body.affine(Affine.dim(dims.output_feature)), each))


def contract(group: Any, op: Operation) -> list[Value]:
    """The generic of a dot or convolution, within the lowering of its group."""
    x, y = tensor_type(op.operands[0]), tensor_type(op.operands[1])
    out = tensor_type(op.result)
    body: Body = group.body(contraction(op, Affine()).sizes)
    body.builder.location = op.location
    known = op.name != "stablehlo.convolution" or has_affine_groups(op)
    made = contraction(op, None if known else _group_symbol(body, op))
    a, c = body.at(op.operands[0], made.lhs), body.at(op.operands[1], made.rhs)
    body.show_sizes(range(out.rank, len(body.sizes)), signless(x.element))
    narrow = is_16(out.element)
    wide, works = f32 if narrow else signless(out.element), f32 if narrow else out.element
    b = group.builder
    b.location = op.location
    filled = group.filled(tensor(out.shape, wide), constant(b, 0, wide), op.location)
    accumulator = body.block.add_arg(wide)
    body.builder.location = op.location
    a, c = (convert(body.builder, v, t.element, works) for v, t in ((a, x), (c, y)))
    sums = [_multiply_add(body.builder, wide, a, c, accumulator)]
    at = [here(out.rank)]
    (total,) = group.generic(body, sums, [filled], at, out.rank, op.location, made.lanes)
    return [group.narrow(total, op.result, wide)]


def _multiply_add(b: Builder, element: ScalarType, x: Value, y: Value, acc: Value) -> Value:
    if element.is_float:
        return b.value("math.fma", x, y, acc)
    if element.name == "i1":
        return b.value("arith.ori", acc, b.value("arith.andi", x, y))
    return b.value("arith.addi", acc, b.value("arith.muli", x, y))
