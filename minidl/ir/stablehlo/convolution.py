"""StableHLO's convolution.

Chapter: ir/dimension_numbers.
Sources: StableHLO specification, "convolution"; constraints by their labels.
Real: `inferConvolutionOp` in TypeInference.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minidl.ir.dimension_numbers import ConvDims, Shape, Window, window_of
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import TensorType, Type, tensor
from minidl.ir.stablehlo.constraints import (
    Row,
    check,
    fail,
    inside,
    judged,
    operand_types,
    result_type,
    results,
    static,
    unique,
)
from minidl.ir.stablehlo.forms import function_of, parse_types
from minidl.ir.stablehlo.regions import promotes
from minidl.ir.stablehlo.windows import WindowFacts, window_rows
from minidl.ir.text.dimension_kinds import CONV, FLAGS, PADDING
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import BOOLS, I64, INTS, PRECISION, Kind


def conv_window(op: Operation, padding: Sequence[Sequence[int]] | None = None) -> Window:
    """The window of a convolution: the kernel over the input's spatial dimensions.

    `padding` is that of the attribute unless it is given (dynamic_conv).
    """
    kernel = op.operands[1].type
    assert isinstance(kernel, TensorType)
    padding = op.get("padding") if padding is None else padding
    return _window({**op.attributes, "padding": padding}, kernel.dims)


def _window(attributes: dict[str, Any], kernel: Shape) -> Window:
    get = attributes.get
    return window_of(
        [kernel[d] for d in attributes["dimension_numbers"].kernel_spatial],
        get("window_strides"),
        get("padding"),
        get("lhs_dilation"),
        get("rhs_dilation"),
        get("window_reversal"),
    )


# -- text ------------------------------------------------------------------------------

_WINDOW: dict[str, tuple[str, Kind]] = {
    "stride": ("window_strides", INTS),
    "pad": ("padding", PADDING),
    "lhs_dilate": ("lhs_dilation", INTS),
    "rhs_dilate": ("rhs_dilation", INTS),
    "reverse": ("window_reversal", FLAGS),
}
_SKIP = frozenset(["dimension_numbers", *(attribute for attribute, _ in _WINDOW.values())])


def _print_convolution(op: Operation, printer: Any) -> str:
    names = ", ".join(map(printer.name, op.operands))
    dims = CONV.text(op["dimension_numbers"], True)
    window = ", ".join(
        f"{word} = {kind.text(op[attribute], True)}"
        for word, (attribute, kind) in _WINDOW.items()
        if attribute in op.attributes
    )
    rest = printer.attr_dict(op, _SKIP)
    text = f"{op.name}({names}) dim_numbers = {dims}, window = {{{window}}}"
    return f"{text}{rest and ' ' + rest} : {function_of(op)}"


def _parse_convolution(p: Any) -> Parts:
    p.expect("(")
    parts = Parts(operands=p.value_list())
    for word in (")", "dim_numbers", "="):
        p.expect(word)
    parts.attributes["dimension_numbers"] = CONV.parse(p, True)
    for word in (",", "window", "=", "{"):
        p.expect(word)

    def entry() -> None:
        at = p.at_
        attribute, kind = _WINDOW.get(p.word(), ("", INTS))
        if not attribute or attribute in parts.attributes:
            raise p.error(f"a window has {', '.join(_WINDOW)}, each once", at)
        p.expect("=")
        parts.attributes[attribute] = kind.parse(p, True)

    p.comma_list(entry, "}")
    return parse_types(p, parts, "stablehlo.convolution")


# -- constraints -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Facts:
    lhs: TensorType
    rhs: TensorType
    dims: ConvDims
    features: int  # feature_group_count
    batches: int  # batch_group_count
    reversal: Sequence[bool] | None
    precision: Sequence[str] | None


def _space(which: str) -> Any:
    return lambda f: len(getattr(f.dims, f"{which}_spatial")) == f.lhs.rank - 2


def _covers(which: str) -> Any:
    def holds(f: _Facts) -> bool:
        dims = getattr(f.dims, which)
        return unique(dims) and inside(dims, f.lhs.rank)

    return holds


_NUMBERS: list[Row] = [
    (
        "C1", lambda f: f.lhs.rank == f.rhs.rank and f.lhs.rank >= 2,
        "input {lhs} and kernel {rhs} must have one rank, at least 2",
    ),
    ("C12", _space("input"), "input_spatial {dims.input_spatial} for {lhs}"),
    ("C13", _covers("input"), "input dims {dims.input} must be different dimensions of {lhs}"),
    ("C17", _space("kernel"), "kernel_spatial {dims.kernel_spatial} for {rhs}"),
    ("C18", _covers("kernel"), "kernel dims {dims.kernel} must be different dimensions of {rhs}"),
    ("C19", _space("output"), "output_spatial {dims.output_spatial} for a result as {lhs}"),
    ("C20", _covers("output"), "output dims {dims.output} must be different"),
    ("C21", lambda f: f.features > 0, "feature_group_count {features} must be positive"),
    ("C22", lambda f: f.batches > 0, "batch_group_count {batches} must be positive"),
    (
        "C23", lambda f: 1 in (f.features, f.batches),
        "feature_group_count {features} and batch_group_count {batches}: one of them must be 1",
    ),
    (
        "C10", lambda f: f.lhs.dims[f.dims.input_batch] % f.batches == 0,
        "batch_group_count {batches} does not divide the batch of {lhs}",
    ),
    (
        "C11", lambda f: f.lhs.dims[f.dims.input_feature] % f.features == 0,
        "feature_group_count {features} does not divide the features of {lhs}",
    ),
    (
        "C14",
        lambda f: f.rhs.dims[f.dims.kernel_input_feature] * f.features
        == f.lhs.dims[f.dims.input_feature],
        "kernel {rhs} has not the input features of {lhs} / feature_group_count {features}",
    ),
    (
        "C15", lambda f: f.rhs.dims[f.dims.kernel_output_feature] % f.batches == 0,
        "batch_group_count {batches} does not divide the output features of {rhs}",
    ),
    (
        "C16", lambda f: f.rhs.dims[f.dims.kernel_output_feature] % f.features == 0,
        "feature_group_count {features} does not divide the output features of {rhs}",
    ),
    (
        "C24", lambda f: not f.precision or len(f.precision) == 2,
        "precision_config {precision} must have an entry for each of two operands",
    ),
    (
        "C9", lambda f: not f.reversal or len(f.reversal) == f.lhs.rank - 2,
        "window_reversal {reversal} for {lhs}",
    ),
]  # fmt: skip
_WINDOW_ROWS = window_rows("C17", "C25", "C2", "C3", "C5", "C6", "C7", "C8", "C4")


def _infer_convolution(types: Sequence[Type], attributes: dict[str, Any], _: Any) -> list[Type]:
    name = "stablehlo.convolution"
    lhs, rhs = static(name, types)
    return [conv_type(name, lhs, rhs, attributes, attributes.get("padding"))]


def conv_type(
    name: str, lhs: TensorType, rhs: TensorType, attributes: dict[str, Any], padding: Any
) -> TensorType:
    """The result of a convolution, after all constraints are checked."""
    if lhs.element is not rhs.element:
        raise fail(name, "C27", f"input {lhs} and kernel {rhs} have different elements")
    get, dims = attributes.get, attributes["dimension_numbers"]
    groups = get("feature_group_count", 1), get("batch_group_count", 1)
    facts = _Facts(lhs, rhs, dims, *groups, get("window_reversal"), get("precision_config"))
    check(name, _NUMBERS, facts)
    sizes = [rhs.dims[d] for d in dims.kernel_spatial]
    strides, base, dilation = get("window_strides"), get("lhs_dilation"), get("rhs_dilation")
    check(name, _WINDOW_ROWS, WindowFacts(lhs.rank - 2, sizes, strides, padding, base, dilation))
    window = _window({**attributes, "padding": padding}, rhs.dims)
    return tensor(dims.output_shape(lhs.dims, rhs.dims, window, groups[1]), lhs.element)


@judged
def _verify_convolution(op: Operation) -> None:
    lhs, out = operand_types(op)[0], result_type(op)
    if out.rank != lhs.rank:
        raise fail(op.name, "C26", f"{lhs} and {out} have different ranks")
    if not promotes(lhs.element, out.element):
        raise fail(op.name, "C27", f"{lhs} makes {out}", "sums may be kept in a wider type only")
    results("C25", "C27")(op)


CONVOLUTION: dict[str, Any] = {
    "dimension_numbers": CONV,
    "window_strides?": INTS,
    "lhs_dilation?": INTS,
    "rhs_dilation?": INTS,
    "window_reversal?": BOOLS,
    "feature_group_count": I64,
    "batch_group_count": I64,
    "precision_config?": PRECISION,
}
define(
    "stablehlo.convolution",
    "lhs rhs",
    attributes={**CONVOLUTION, "padding?": PADDING},
    infer=_infer_convolution,
    verify=_verify_convolution,
    form=Custom(_print_convolution, _parse_convolution),
    traits="pure",
)
