"""chlo.scan: a body run along one dimension, with a carry from slice to slice.

Chapter: ir/stablehlo.
Sources: StableHLO, "'chlo' Dialect", ScanOp.
Real: the pass `chlo-legalize-to-stablehlo` makes the same `while`; XLA may run an
associative body as a tree.

    inputs   n tensors of one size along `dimension`; the body takes a slice of each
    inits    m tensors; the body takes and returns a carry for each
    outputs  what the body returns before the carries, laid side by side along `dimension`
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.chlo.formula import Expr, Kit
from minidl.ir.chlo.table import exactly
from minidl.ir.mlir.core import Block, Operation, Region, Value, clone
from minidl.ir.mlir.spec import Builder, define
from minidl.ir.mlir.types import FunctionType, TensorType, Type, i64, tensor
from minidl.ir.stablehlo.elementwise import tensors
from minidl.ir.stablehlo.regions import makes, returned, spell, taken
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import BOOL, I64, SEGMENTS

_NAME = "chlo.scan"


def cut(type_: TensorType, d: int) -> TensorType:
    """The type of one slice: without dimension d."""
    return tensor(type_.shape[:d] + type_.shape[d + 1 :], type_.element)


def parts(op: Operation) -> tuple[list[Value], list[Value]]:
    """The inputs and the inits."""
    n = op["operandSegmentSizes"][0]
    return op.operands[:n], op.operands[n:]


def _infer(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    d, segments = attributes["dimension"], attributes["operandSegmentSizes"]
    if len(segments) != 2 or min(segments) < 0 or sum(segments) != len(types):
        raise ShapeError(f"{_NAME} has {len(types)} operands, segments {segments}", op=_NAME)
    xs, inits = tensors(_NAME, types)[: segments[0]], list(types)[segments[0] :]
    if not all(0 <= d < x.rank and x.shape[d] == xs[0].shape[d] for x in xs) or d < 0:
        raise ShapeError(f"{_NAME} along dimension {d} of {spell(xs)}", op=_NAME)
    size = xs[0].shape[d] if xs else attributes.get("scan_dim_size")
    if size is None:
        raise ShapeError(f"{_NAME} without inputs needs scan_dim_size", op=_NAME)
    outs = returned(_NAME, regions[0])
    want = [cut(x, d) for x in xs] + inits
    split = len(outs) - len(inits)
    if taken(regions[0]) != want or split < 0 or outs[split:] != inits:
        got = f"{spell(taken(regions[0]))} -> {spell(outs)}"
        raise ShapeError(
            f"the body of {_NAME} is {got}: it must take {spell(want)} and return the carries "
            f"{spell(inits)} last",
            op=_NAME,
        )
    slices = tensors(_NAME, outs[:split])
    if any(t.rank < d for t in slices):
        raise ShapeError(f"{_NAME}: {spell(slices)} cannot be laid along dimension {d}", op=_NAME)
    made: list[Type] = [tensor((*t.shape[:d], size, *t.shape[d:]), t.element) for t in slices]
    return made + inits


def _print(op: Operation, printer: Any) -> str:
    xs, inits = (", ".join(map(printer.name, values)) for values in parts(op))
    written = ("dimension", "operandSegmentSizes", "resultSegmentSizes")
    rest = printer.attr_dict(op, frozenset(written))
    types = FunctionType(tuple(v.type for v in op.operands), tuple(v.type for v in op.results))
    head = f"{_NAME}({xs}) inits ({inits}) dimension={op['dimension']} "
    return (
        f"{head}{rest and ' attributes '}{rest} {printer.region(op.region, entry=True)} : {types}"
    )


def _parse(p: Any) -> Parts:
    def values() -> list[Any]:
        p.expect("(")
        got = p.value_list()
        p.expect(")")
        return list(got)

    xs = values()
    p.expect("inits")
    inits = values()
    for word in ("dimension", "="):
        p.expect(word)
    made = Parts(operands=xs + inits, attributes={"dimension": p.integer()})
    if p.accept("attributes"):
        made.attributes.update(p.attr_dict(SCAN))
    made.regions = [p.region()]
    p.expect(":")
    function = p.function_type()
    made.operand_types, made.result_types = list(function.inputs), list(function.outputs)
    made.attributes["operandSegmentSizes"] = (len(xs), len(inits))
    made.attributes["resultSegmentSizes"] = (len(function.outputs) - len(inits), len(inits))
    return made


SCAN = define(
    _NAME,
    "operands*",
    attributes={
        "dimension": I64,
        "is_reverse?": BOOL,
        "is_associative?": BOOL,
        "scan_dim_size?": I64,
        "operandSegmentSizes": SEGMENTS,
        "resultSegmentSizes": SEGMENTS,
    },
    infer=_infer,
    form=Custom(_print, _parse),
    verify=makes("results"),
    traits="pure",
    regions=1,
)


@exactly(_NAME)
def scan(k: Kit, op: Operation, *xs: Expr) -> tuple[Expr, ...]:
    """A while over the place, the outputs so far, and the carries."""
    inputs, inits = parts(op)
    outs = [v.type for v in op.results[: len(op.results) - len(inits)]]
    zeros = [k.constant(0, t) for t in outs if isinstance(t, TensorType)]
    start = [k.constant(0, tensor((), i64)), *zeros, *xs[len(inputs) :]]
    types = [x.type for x in start]
    regions = [_condition(types, op), _body(types, op, xs[: len(inputs)])]
    loop = k.builder.create("stablehlo.while", [x.value for x in start], {}, None, regions)
    return tuple(Expr(k, v) for v in loop.results[1:])


def _size(op: Operation) -> int:
    inputs, _ = parts(op)
    if not inputs:
        return int(op["scan_dim_size"])
    type_ = inputs[0].type
    assert isinstance(type_, TensorType)
    return type_.dims[op["dimension"]]


def _condition(types: Sequence[TensorType], op: Operation) -> Region:
    block = Block(types)
    k = Kit(Builder(block), types[0])
    test = Expr(k, block.args[0]) < _size(op)
    k.builder.create("stablehlo.return", [test.value])
    return Region([block])


def _body(types: Sequence[TensorType], op: Operation, inputs: Sequence[Expr]) -> Region:
    block, d, inner = Block(types), op["dimension"], op.body
    k = Kit(Builder(block), types[0])
    place, *state = (Expr(k, v) for v in block.args)
    at = (_size(op) - 1) - place if op.get("is_reverse") else place
    split = len(op.results) - op["operandSegmentSizes"][1]
    given = [slice_at(k, x, d, at) for x in inputs] + state[split:]
    mapping = dict(zip(inner.args, (x.value for x in given), strict=True))
    for one in inner:
        if one is not inner.last:
            block.append(clone(one, mapping))
    ends = [Expr(k, mapping.get(v, v)) for v in inner.terminator.operands]
    outs = [put_at(k, state[i], ends[i], d, at) for i in range(split)]
    made = [place + 1, *outs, *ends[split:]]
    k.builder.create("stablehlo.return", [x.value for x in made])
    return Region([block])


def _starts(k: Kit, rank: int, d: int, at: Expr) -> list[Expr]:
    return [at if i == d else k.constant(0) for i in range(rank)]


def slice_at(k: Kit, x: Expr, d: int, at: Expr) -> Expr:
    sizes = tuple(1 if i == d else n for i, n in enumerate(x.type.dims))
    x = Expr(k, x.value)
    one = k.op("dynamic_slice", x, *_starts(k, x.type.rank, d, at), slice_sizes=sizes)
    return k.to("reshape", one, cut(x.type, d))


def put_at(k: Kit, whole: Expr, part: Expr, d: int, at: Expr) -> Expr:
    dims = part.type.dims
    one = k.to("reshape", part, tensor((*dims[:d], 1, *dims[d:]), part.element))
    return k.op("dynamic_update_slice", whole, one, *_starts(k, whole.type.rank, d, at))
