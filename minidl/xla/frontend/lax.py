"""lax: one thin function for each StableHLO op; nothing is broadcast or promoted.

Chapter: xla/frontend.
Sources: StableHLO specification.
Real JAX: `jax.lax`, the layer between `jax.numpy` and StableHLO.

Rules of autodiff and vmap are written with these; users write `minidl.numpy`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.ir.mlir.attributes import DotDims
from minidl.ir.mlir.core import Block, Region
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import ScalarType, TensorType, i1, tensor
from minidl.ir.stablehlo.reduction import reducer
from minidl.xla.frontend.bind import bind, constant, tracing, type_


def _op(short: str) -> Callable[..., Any]:
    name = f"stablehlo.{short}"

    def function(*operands: Any) -> Any:
        return bind(name, *operands)

    function.__name__ = function.__qualname__ = short
    return function


exponential, exponential_minus_one = _op("exponential"), _op("exponential_minus_one")
log, log_plus_one, logistic, tanh = _op("log"), _op("log_plus_one"), _op("logistic"), _op("tanh")
sine, cosine, tan = _op("sine"), _op("cosine"), _op("tan")
sqrt, rsqrt, cbrt = _op("sqrt"), _op("rsqrt"), _op("cbrt")
ceil, floor, round_nearest_even = _op("ceil"), _op("floor"), _op("round_nearest_even")
absolute, sign, negate, not_ = _op("abs"), _op("sign"), _op("negate"), _op("not")
add, subtract, multiply, divide = _op("add"), _op("subtract"), _op("multiply"), _op("divide")
maximum, minimum, power, remainder = _op("maximum"), _op("minimum"), _op("power"), _op("remainder")
atan2, and_, or_, xor = _op("atan2"), _op("and"), _op("or"), _op("xor")
shift_left, shift_right_logical = _op("shift_left"), _op("shift_right_logical")
shift_right_arithmetic, is_finite = _op("shift_right_arithmetic"), _op("is_finite")
select, clamp = _op("select"), _op("clamp")


def compare(direction: str, x: Any, y: Any) -> Any:
    """EQ, NE, LT, LE, GT or GE; the compare type follows the element type."""
    element = type_(x).element
    kind = "FLOAT" if element.is_float else "UNSIGNED" if element.is_unsigned else "SIGNED"
    return bind(
        "stablehlo.compare", x, y, comparison_direction=direction, compare_type=kind, weak=False
    )


def convert(x: Any, to: ScalarType, weak: bool = False) -> Any:
    """The elements in another type; nothing is emitted when they have it already."""
    if type_(x).element is to and getattr(x, "weak", False) == weak:
        return x
    return bind("stablehlo.convert", x, to=to, weak=weak)


def bitcast_convert(x: Any, to: ScalarType) -> Any:
    """The same bits as another type of the same width."""
    out = tensor(type_(x).shape, to)
    return bind("stablehlo.bitcast_convert", x, result_types=[out], weak=False)


def scalar(value: Any, element: ScalarType, weak: bool = False) -> Any:
    """A constant of rank 0."""
    array = np.asarray(value).astype(element.numpy)
    return constant(array, weak) if tracing() else array


def full(shape: Sequence[int], value: Any, element: ScalarType, weak: bool = False) -> Any:
    """A constant everywhere: a scalar, broadcast."""
    return broadcast_in_dim(scalar(value, element, weak), shape, ())


def full_like(x: Any, value: Any) -> Any:
    """The constant of the type of `x`."""
    t = type_(x)
    return full(t.dims, value, t.element)


def broadcast_in_dim(x: Any, shape: Sequence[int], dims: Sequence[int]) -> Any:
    """Dimension i of x becomes dimension dims[i] of the result; size 1 is repeated."""
    t = type_(x)
    if t.dims == tuple(shape):
        return x
    out = tensor(shape, t.element)
    return bind(
        "stablehlo.broadcast_in_dim", x, result_types=[out], broadcast_dimensions=tuple(dims)
    )


def reshape(x: Any, shape: Sequence[int]) -> Any:
    t = type_(x)
    if t.dims == tuple(shape):
        return x
    return bind("stablehlo.reshape", x, result_types=[tensor(shape, t.element)])


def transpose(x: Any, order: Sequence[int]) -> Any:
    if tuple(order) == tuple(range(len(order))):
        return x
    return bind("stablehlo.transpose", x, permutation=tuple(int(d) for d in order))


def reverse(x: Any, dims: Sequence[int]) -> Any:
    return bind("stablehlo.reverse", x, dimensions=tuple(dims))


def slice_(x: Any, start: Sequence[int], limit: Sequence[int], strides: Sequence[int] = ()) -> Any:
    return bind(
        "stablehlo.slice",
        x,
        start_indices=tuple(start),
        limit_indices=tuple(limit),
        strides=tuple(strides) or (1,) * len(start),
    )


def concatenate(xs: Sequence[Any], dim: int) -> Any:
    return xs[0] if len(xs) == 1 else bind("stablehlo.concatenate", *xs, dimension=dim)


def pad(x: Any, value: Any, low: Sequence[int], high: Sequence[int], inner: Sequence[int]) -> Any:
    return bind(
        "stablehlo.pad",
        x,
        value,
        edge_padding_low=tuple(low),
        edge_padding_high=tuple(high),
        interior_padding=tuple(inner),
    )


def iota(element: ScalarType, shape: Sequence[int], dim: int) -> Any:
    """0, 1, 2 … along one dimension."""
    return bind("stablehlo.iota", result_types=[tensor(shape, element)], iota_dimension=dim)


def dot_general(x: Any, y: Any, dims: DotDims) -> Any:
    return bind("stablehlo.dot_general", x, y, dot_dimension_numbers=dims)


def identity_of(op: str, element: ScalarType) -> Any:
    """The neutral element of a reduction."""
    if op in ("stablehlo.add", "stablehlo.or", "stablehlo.xor"):
        return 0
    if op == "stablehlo.multiply":
        return 1
    if op == "stablehlo.and":
        return True if element is i1 else -1
    low = op == "stablehlo.maximum"
    if element is i1:
        return not low
    if element.is_float:
        return -np.inf if low else np.inf
    info = np.iinfo(element.numpy)
    return info.min if low else info.max


def reduce(short: str, x: Any, axes: Sequence[int]) -> Any:
    """Combine all elements along `axes` by a binary op: add, maximum, minimum, and, or …"""
    t, name = type_(x), f"stablehlo.{short}"
    weak = getattr(x, "weak", False)
    init = scalar(identity_of(name, t.element), t.element)
    region = reducer(name, t.element)
    return bind("stablehlo.reduce", x, init, regions=[region], dimensions=tuple(axes), weak=weak)


def sort(keys: Any, *values: Any, dim: int = -1) -> Any:
    """Stable ascending sort by `keys`; the values are carried along."""
    operands = (keys, *values)
    rank = len(type_(keys).shape)
    return bind(
        "stablehlo.sort",
        *operands,
        regions=[_less_than([type_(x).element for x in operands])],
        dimension=dim % rank,
        is_stable=True,
        weak=False,
    )


def _less_than(elements: Sequence[ScalarType]) -> Region:
    """The comparator of a sort: the first pair, ascending."""
    block = Block([TensorType((), e) for e in elements for _ in range(2)])
    builder = Builder(block)
    first = elements[0]
    kind = "TOTALORDER" if first.is_float else "UNSIGNED" if first.is_unsigned else "SIGNED"
    less = builder.value(
        "stablehlo.compare", *block.args[:2], comparison_direction="LT", compare_type=kind
    )
    builder.create("stablehlo.return", [less])
    return Region([block])


def stop_gradient(x: Any) -> Any:
    """The value, through which no tangent passes."""
    attributes: dict[str, Any] = {"minidl.stop_gradient": True}
    return bind("stablehlo.optimization_barrier", x, **attributes)
