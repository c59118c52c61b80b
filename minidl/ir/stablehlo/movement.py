"""StableHLO that moves elements and computes none: broadcast, transpose, slice …

Chapter: ir/stablehlo.
Sources: StableHLO specification, one section an op; constraints by their labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import TensorType, Type, tensor
from minidl.ir.stablehlo.elementwise import tensors
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import I64, INTS


def check_dims(
    name: str, dims: Sequence[int], rank: int, what: str, inside: str = "", once: str = ""
) -> None:
    """Dimension numbers are in range and different; the labels of the two constraints."""
    if not all(0 <= d < rank for d in dims):
        _fail(name, f"{what} {list(dims)} must be in 0 … {rank - 1}", inside)
    if len(set(dims)) != len(dims):
        _fail(name, f"{what} {list(dims)} must be different", once)


def _fail(name: str, message: str, label: str) -> None:
    raise ShapeError(f"{name}: {message}{label and f' ({label})'}", op=name)


def _verify_broadcast(op: Operation) -> None:
    name = op.name
    x, out = tensors(name, [op.operands[0].type, op.result.type])
    dims = op["broadcast_dimensions"]
    if x.element is not out.element:
        raise ShapeError(f"{name} changes {x.element} to {out.element} (C1)", op=name)
    if len(dims) != x.rank:
        raise ShapeError(
            f"{name} has {len(dims)} dims for an operand of rank {x.rank} (C2)", op=name
        )
    check_dims(name, dims, out.rank, "dims", "C3", "C4")
    for i, d in enumerate(dims):
        if x.shape[i] not in (1, out.shape[d]) and None not in (x.shape[i], out.shape[d]):
            raise ShapeError(
                f"{name}: operand dimension {i} has size {x.shape[i]}, "
                f"result dimension {d} has size {out.shape[d]} (C5)",
                op=name,
                hint="a broadcast dimension has size 1 or the result's size",
            )


define(
    "stablehlo.broadcast_in_dim",
    "operand",
    attributes={"broadcast_dimensions": INTS},
    form="%operand , dims = $broadcast_dimensions {} :fn",
    verify=_verify_broadcast,
    traits="pure",
)


def _verify_reshape(op: Operation) -> None:
    name = "stablehlo.reshape"
    x, out = tensors(name, [op.operands[0].type, op.result.type])
    if x.element is not out.element:
        _fail(name, f"{x.element} becomes {out.element}", "C1")
    if x.is_static and out.is_static and x.size != out.size:
        _fail(name, f"from {x} to {out}: {x.size} elements become {out.size}", "C2")


define(
    "stablehlo.reshape", "operand", form="%operand {} :fn", verify=_verify_reshape, traits="pure"
)


def _infer_transpose(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    (x,) = tensors("stablehlo.transpose", types)
    order = attributes["permutation"]
    if sorted(order) != list(range(x.rank)):
        raise ShapeError(
            f"stablehlo.transpose: {list(order)} is not a permutation of rank {x.rank} (C2)",
            op="stablehlo.transpose",
        )
    return [tensor([x.dims[d] for d in order], x.element)]


define(
    "stablehlo.transpose",
    "operand",
    attributes={"permutation": INTS},
    infer=_infer_transpose,
    form="%operand , dims = $permutation {} :fn",
    made="C1 C3",
    traits="pure",
)


def _infer_reverse(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    (x,) = tensors("stablehlo.reverse", types)
    check_dims("stablehlo.reverse", attributes["dimensions"], x.rank, "dims", "C3", "C2")
    return [x]


define(
    "stablehlo.reverse",
    "operand",
    attributes={"dimensions": INTS},
    infer=_infer_reverse,
    form="%operand , dims = $dimensions {} :same",
    made="C1",
    traits="pure",
)


def _infer_slice(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    name = "stablehlo.slice"
    (x,) = tensors(name, types)
    start, limit, strides = (attributes[k] for k in ("start_indices", "limit_indices", "strides"))
    if not len(start) == len(limit) == len(strides) == x.rank:
        _fail(name, f"{len(start)} ranges for {x}", "C2")
    for d, (a, b, s) in enumerate(zip(start, limit, strides, strict=True)):
        if not 0 <= a <= b <= x.dims[d]:
            _fail(name, f"range {a}:{b}:{s} does not fit dimension {d} of {x}", "C3")
        if s <= 0:
            _fail(name, f"range {a}:{b}:{s} has a stride that is not positive", "C4")
    sizes = [-(-(b - a) // s) for a, b, s in zip(start, limit, strides, strict=True)]
    return [tensor(sizes, x.element)]


def _print_slice(op: Operation, printer: Any) -> str:
    ranges = [
        f"{a}:{b}" + (f":{s}" if s != 1 else "")
        for a, b, s in zip(op["start_indices"], op["limit_indices"], op["strides"], strict=True)
    ]
    skip = frozenset(["start_indices", "limit_indices", "strides"])
    rest = printer.attr_dict(op, skip)
    head = f"stablehlo.slice {printer.name(op.operands[0])} [{', '.join(ranges)}]"
    return f"{head}{rest and ' ' + rest} : ({op.operands[0].type}) -> {op.result.type}"


def _parse_slice(p: Any) -> Parts:
    parts = Parts(operands=[p.value_name()])
    p.expect("[")

    def item() -> tuple[int, int, int]:
        a = p.integer()
        p.expect(":")
        b = p.integer()
        return a, b, p.integer() if p.accept(":") else 1

    ranges = p.comma_list(item, "]")
    for key, i in (("start_indices", 0), ("limit_indices", 1), ("strides", 2)):
        parts.attributes[key] = tuple(r[i] for r in ranges)
    parts.attributes.update(p.attr_dict())
    p.expect(":")
    function = p.function_type()
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
    return parts


define(
    "stablehlo.slice",
    "operand",
    attributes={"start_indices": INTS, "limit_indices": INTS, "strides": INTS},
    infer=_infer_slice,
    form=Custom(_print_slice, _parse_slice),
    made="C1 C5",
    traits="pure",
)


def _infer_concatenate(
    types: Sequence[Type], attributes: dict[str, Any], regions: Any
) -> list[Type]:
    name = "stablehlo.concatenate"
    xs = tensors(name, types)
    d = attributes["dimension"]
    if not xs:
        _fail(name, "there is nothing to concatenate", "C3")
    if not 0 <= d < xs[0].rank:
        _fail(name, f"dimension {d} of {xs[0]} is not in range", "C4")
    for x in xs[1:]:
        if x.element is not xs[0].element:
            _fail(name, f"{x} and {xs[0]} have two element types", "C1")
        if _without(x, d) != _without(xs[0], d):
            _fail(name, f"{x} does not fit {xs[0]} along dimension {d}", "C2")
    shape = list(xs[0].dims)
    shape[d] = sum(x.dims[d] for x in xs)
    return [tensor(shape, xs[0].element)]


def _without(x: TensorType, d: int) -> tuple[int | None, ...]:
    return x.shape[:d] + x.shape[d + 1 :]


define(
    "stablehlo.concatenate",
    "inputs*",
    attributes={"dimension": I64},
    infer=_infer_concatenate,
    form="%inputs* , dim = $dimension {} :fn",
    made="C5 C6",
    traits="pure",
)


def _infer_pad(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    name = "stablehlo.pad"
    x, value = tensors(name, types)
    low, high, inner = (
        attributes[k] for k in ("edge_padding_low", "edge_padding_high", "interior_padding")
    )
    if value.rank:
        _fail(name, f"the padding value is {value}, not a scalar", "I2")
    if x.element is not value.element:
        _fail(name, f"{x} is padded with {value.element}", "C1")
    if not len(low) == len(high) == len(inner) == x.rank:
        _fail(name, f"{len(low)}, {len(high)}, {len(inner)} paddings for {x}", "C2")
    if any(i < 0 for i in inner):
        _fail(name, f"interior padding {list(inner)} is negative", "C3")
    shape = [
        lo + n + max(n - 1, 0) * i + hi
        for n, lo, hi, i in zip(x.dims, low, high, inner, strict=True)
    ]
    if any(n < 0 for n in shape):
        _fail(name, f"of {x} leaves sizes {shape}", "C4")
    return [tensor(shape, x.element)]


define(
    "stablehlo.pad",
    "operand padding_value",
    attributes={"edge_padding_low": INTS, "edge_padding_high": INTS, "interior_padding": INTS},
    infer=_infer_pad,
    form="%operand , %padding_value , low = $edge_padding_low , high = $edge_padding_high , "
    "interior = $interior_padding {} :fn",
    made="C1 C4",
    traits="pure",
)
