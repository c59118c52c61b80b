"""Windows: what stands around an array is written around it; the window then only slides.

Chapter: xla/fusion, ir/lowering.
Sources: StableHLO specification, "convolution", "reduce_window", "select_and_scatter".
Real: XLA's `ConvCanonicalization`, `BatchGroupedConvolutionConverter`, and
`SelectAndScatterExpander`, which also makes a reduce_window of (value, position) pairs and
a scatter; `stablehlo-legalize-to-linalg` pads before the window, too.

    padding, holes in the input   a pad of its own (negative padding cuts)
    batch groups                  feature groups of an input whose batch parts lie side by side
    select_and_scatter            which element each window selects, then what is put there
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from minidl.ir.dimension_numbers import ConvDims
from minidl.ir.lowering.indexing import tensor_type
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import tensor
from minidl.ir.stablehlo.convolution import conv_window
from minidl.ir.stablehlo.windows import op_window
from minidl.xla.around import constant, padded, reshape, slid
from minidl.xla.prefixes import prefix_dim, prefixes
from minidl.xla.selections import select_and_scatter

WRITTEN_OUT = ("padding", "lhs_dilation")


def slide(module: Module) -> Module:
    """The module, in place, with every window plain: strides and dilations are left."""
    for op in [op for f in module.functions.values() for op in f.body]:
        if op.name in ROWS:
            op.replace(ROWS[op.name](Builder.before_op(op), op))
    return module


def _convolution(b: Builder, op: Operation) -> list[Value]:
    dims: ConvDims = op["dimension_numbers"]
    lhs, rhs = op.operands
    zero = constant(b, 0, tensor_type(lhs).element)
    lhs = padded(b, lhs, conv_window(op), dims.input_spatial, zero)
    attributes = {k: v for k, v in op.attributes.items() if k not in WRITTEN_OUT}
    groups = op.get("batch_group_count", 1)
    if groups > 1:
        lhs, attributes["dimension_numbers"] = _batch_groups(b, lhs, dims, groups)
        attributes |= {"batch_group_count": 1, "feature_group_count": groups}
    order = _features_last(op)
    if order is None:
        return b.create("stablehlo.convolution", [lhs, rhs], attributes, [op.result.type]).results
    out, new = tensor_type(op.result), {old: at for at, old in enumerate(order)}
    attributes["dimension_numbers"] = replace(
        attributes["dimension_numbers"],
        output_batch=new[dims.output_batch],
        output_feature=new[dims.output_feature],
        output_spatial=tuple(new[d] for d in dims.output_spatial),
    )
    types = [tensor([out.dims[d] for d in order], out.element)]
    made = b.create("stablehlo.convolution", [lhs, rhs], attributes, types).result
    back = tuple(new[d] for d in range(out.rank))
    return [b.value("stablehlo.transpose", made, permutation=back)]


def _features_last(op: Operation) -> list[int] | None:
    """The output's dimensions with features last, where its last one makes poor vectors.

    It does when it is short, or when its neighbours read the input some elements apart.
    """
    dims: ConvDims = op["dimension_numbers"]
    out = tensor_type(op.result)
    last, features = out.rank - 1, dims.output_feature
    if last == features or out.dims[features] < 8:
        return None
    strides = {d: w.stride for d, w in zip(dims.output_spatial, conv_window(op), strict=True)}
    if out.dims[last] >= 8 and strides.get(last, 1) == 1 and last != dims.output_batch:
        return None
    return [*(d for d in range(out.rank) if d != features), features]


def _batch_groups(b: Builder, x: Value, dims: ConvDims, groups: int) -> tuple[Value, ConvDims]:
    """[groups · batch, …, features] as [batch, …, groups · features], features last."""
    t = tensor_type(x)
    batch, features = t.dims[dims.input_batch], t.dims[dims.input_feature]
    space = [t.dims[d] for d in dims.input_spatial]
    x = b.value("stablehlo.transpose", x, permutation=dims.input)
    split = [groups, batch // groups, *space, features]
    x = reshape(b, x, split)
    rank = len(split)
    x = b.value("stablehlo.transpose", x, permutation=(*range(1, rank - 1), 0, rank - 1))
    x = reshape(b, x, [batch // groups, *space, groups * features])
    made = replace(
        dims, input_batch=0, input_feature=rank - 2, input_spatial=tuple(range(1, rank - 2))
    )
    return x, made


def _reduce_window(b: Builder, op: Operation) -> list[Value]:
    half, window = len(op.operands) // 2, op_window(op)
    if half == 1 and (along := prefix_dim(op)) is not None:
        return [prefixes(b, op, op.operands[0], along, suffixes=window[along].low == 0)]
    elements = [tensor_type(v).element for v in op.results]
    return slid(b, op, window, op.operands[:half], elements)


ROWS: dict[str, Callable[[Builder, Operation], list[Value]]] = {
    "stablehlo.convolution": _convolution,
    "stablehlo.reduce_window": _reduce_window,
    "stablehlo.select_and_scatter": select_and_scatter,
}
