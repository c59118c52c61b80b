"""StableHLO that slides a window: reduce_window, select_and_scatter.

Chapter: ir/dimension_numbers.
Sources: StableHLO specification, "reduce_window", "select_and_scatter".
Real: `verifyWindowAttributesAndInferWindowDimensions` in TypeInference.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minidl.ir.dimension_numbers import Window, output_sizes, window_of
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import Type, i1, tensor
from minidl.ir.stablehlo.constraints import Row, check, fail, results, static
from minidl.ir.stablehlo.indexing import region_elements
from minidl.ir.stablehlo.regions import check_region, scalar
from minidl.ir.text.dimension_kinds import PADDING
from minidl.ir.text.kinds import INTS


def op_window(op: Operation) -> Window:
    """The window of a reduce_window or select_and_scatter."""
    return _window(op.attributes)


def _window(attributes: dict[str, Any]) -> Window:
    get = attributes.get
    return window_of(
        get("window_dimensions", ()),
        get("window_strides"),
        get("padding"),
        get("base_dilations"),
        get("window_dilations"),
    )


@dataclass(frozen=True, slots=True)
class WindowFacts:
    """What the constraints of a window speak about; an absent attribute is None."""

    rank: int  # of the dimensions that the window slides over
    sizes: Sequence[int]
    strides: Sequence[int] | None
    padding: Sequence[Sequence[int]] | None
    base: Sequence[int] | None
    dilation: Sequence[int] | None


def _fits(values: Sequence[Any] | None, rank: int) -> bool:
    return not values or len(values) == rank  # an empty list is an absent one


def _positive(values: Sequence[int] | None) -> bool:
    return values is None or all(v > 0 for v in values)


def window_rows(*labels: str) -> list[Row]:
    """The constraints of a window, under the labels that an op's section gives them.

    sizes: count, sign; strides: count, sign; base dilations: …; window dilations: …; padding
    """
    rows: list[tuple[Any, str]] = [
        (lambda f: len(f.sizes) == f.rank, "{sizes} are not {rank} window dimensions"),
        (lambda f: _positive(f.sizes), "window dimensions {sizes} must be positive"),
        (lambda f: _fits(f.strides, f.rank), "{strides} are not {rank} window strides"),
        (lambda f: _positive(f.strides), "window strides {strides} must be positive"),
        (lambda f: _fits(f.base, f.rank), "{base} are not {rank} base (lhs) dilations"),
        (lambda f: _positive(f.base), "base (lhs) dilations {base} must be positive"),
        (lambda f: _fits(f.dilation, f.rank), "{dilation} are not {rank} window (rhs) dilations"),
        (lambda f: _positive(f.dilation), "window (rhs) dilations {dilation} must be positive"),
        (lambda f: _fits(f.padding, f.rank), "{padding} are not {rank} pairs of padding"),
    ]
    pairs = zip(labels, rows, strict=True)
    return [(label, holds, says) for label, (holds, says) in pairs if label]


_REDUCE = window_rows("C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12")
_SELECT = window_rows("C4", "C5", "C6", "C7", "", "", "", "", "C8")


def _check_window(name: str, rows: list[Row], rank: int, attributes: dict[str, Any]) -> Window:
    get = attributes.get
    sizes = get("window_dimensions", (1,) * rank)
    check(
        name,
        rows,
        WindowFacts(
            rank,
            sizes,
            get("window_strides"),
            get("padding"),
            get("base_dilations"),
            get("window_dilations"),
        ),
    )
    return _window({**attributes, "window_dimensions": sizes})


def _infer_reduce_window(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> Any:
    name = "stablehlo.reduce_window"
    every = static(name, types)
    half = len(every) // 2
    inputs, inits = every[:half], every[half:]
    if not inputs:
        raise fail(name, "C1", "there must be at least one input")
    for x, init in zip(inputs, inits, strict=True):
        if x.shape != inputs[0].shape:
            raise fail(name, "C2", f"inputs differ in shape: {inputs[0]} and {x}")
        if init.rank:
            raise fail(name, "I2", f"the init value is {init}, expected a scalar")
        if init.element is not x.element:
            raise fail(name, "C3", f"input {x} with init value {init}")
    window = _check_window(name, _REDUCE, inputs[0].rank, attributes)
    elements = region_elements(name, "C13", regions[0], inputs)
    shape = output_sizes(window, inputs[0].dims)
    return [tensor(shape, e) for e in elements]


define(
    "stablehlo.reduce_window",
    "inputs* init_values*",
    attributes={
        "window_dimensions": INTS,
        "window_strides?": INTS,
        "base_dilations?": INTS,
        "window_dilations?": INTS,
        "padding?": PADDING,
    },
    infer=_infer_reduce_window,
    verify=results("C15", "C16"),
    traits="pure",
    regions=1,
)


def _infer_select(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    name = "stablehlo.select_and_scatter"
    x, source, init = static(name, types)
    if source.element is not x.element:
        raise fail(name, "C1", f"source {source} for an operand {x}")
    window = _check_window(name, _SELECT, x.rank, attributes)
    want = output_sizes(window, x.dims)
    if source.dims != want:
        raise fail(name, "C2", f"source {source} must have shape {list(want)}, one for each window")
    if init.rank:
        raise fail(name, "I3", f"the init value is {init}, expected a scalar")
    if init.element is not x.element:
        raise fail(name, "C3", f"operand {x} with init value {init}")
    check_region(name, regions[0], [scalar(x.element)] * 2, [scalar(i1)], "select region", "C9")
    (element,) = region_elements(name, "C10", regions[1], [x])
    return [tensor(x.dims, element)]


define(
    "stablehlo.select_and_scatter",
    "operand source init_value",
    attributes={"window_dimensions?": INTS, "window_strides?": INTS, "padding?": PADDING},
    infer=_infer_select,
    verify=results("C11", "C12"),
    traits="pure",
    regions=2,
)
