"""verify: a module is well formed, or one error says where it is not.

Chapter: ir/mlir ("Break it").
Sources: MLIR language reference ("Regions", dominance); each op's constraints in its row.
Real: MLIR's `OperationVerifier`; dominance there is by a dominator tree, and so it is
here for regions of several blocks (`_dominators`); in one block it is the order.
"""

from __future__ import annotations

from functools import partial

from minidl.core.errors import MinidlError, VerifyError
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.location import place
from minidl.ir.mlir.spec import ANY, SPECS, OpSpec, infer_types
from minidl.ir.mlir.types import TensorType, Type


def verify(module: Operation) -> None:
    """None, or raises VerifyError naming the op and what it broke."""
    if not isinstance(module, Operation):
        raise VerifyError(
            f"verify takes a module, got {type(module).__name__}", hint="ir.parse(text) makes one"
        )
    seen: set[Value] = set()
    _verify_op(module, seen)
    _verify_calls(module)


def _fail(op: Operation, message: str, hint: str | None = None) -> VerifyError:
    return VerifyError(message, op=op.name, hint=hint, span=place(op.location))


def _verify_op(op: Operation, seen: set[Value]) -> None:
    spec = SPECS.rows.get(op.name)
    if spec is None:
        raise _fail(op, f"{op.name} is not an operation we know")
    for i, value in enumerate(op.operands):
        if value not in seen:
            raise _fail(
                op,
                f"operand {i} of {op.name} is not defined before its use",
                "a value must dominate its uses: be made above, in this region or around it",
            )
        if (op, i) not in value.uses:
            raise _fail(op, f"operand {i} of {op.name} does not list this use")
    _verify_row(op, spec)
    inner = set() if "isolated" in spec.traits else seen
    for region in op.regions:
        _verify_region(op, region, inner)
    seen.update(op.results)


def _verify_row(op: Operation, spec: OpSpec) -> None:
    if not spec.accepts(len(op.operands)):
        raise _fail(
            op,
            f"{op.name} takes {len(spec.operands)} operands ({', '.join(spec.operands)}), "
            f"got {len(op.operands)}",
        )
    for name in spec.attributes:
        if not name.endswith("?") and name not in op.attributes:
            raise _fail(op, f"{op.name} needs the attribute {name!r}")
    if spec.regions not in (ANY, len(op.regions)):
        raise _fail(op, f"{op.name} has {spec.regions} regions, got {len(op.regions)}")
    try:
        if spec.verify is not None:
            spec.verify(op)
        if spec.infer is not None and op.results:
            _verify_types(op)
    except VerifyError:
        raise
    except MinidlError as error:
        raise _fail(op, error.message, error.hint) from error


def _verify_types(op: Operation) -> None:
    attributes = dict(op.attributes)
    if op.name in ("stablehlo.convert", "stablehlo.bitcast_convert"):
        attributes["to"] = op.results[0].type.element  # type: ignore[attr-defined]
    types = infer_types(op.name, op.operands, attributes, op.regions)
    got = [v.type for v in op.results]
    free = op.name == "stablehlo.dot_general"  # its sums may be kept in a wider type
    if len(types) != len(got) or not all(map(partial(_agree, free), types, got)):
        want = ", ".join(map(str, types))
        raise _fail(op, f"{op.name} makes {want}, but is written {', '.join(map(str, got))}")


def _agree(free: bool, want: Type, got: Type) -> bool:
    """Whether a written type is the inferred one (its element may be free)."""
    if not isinstance(want, TensorType) or want is got:
        return True
    return free and isinstance(got, TensorType) and want.shape == got.shape


def _verify_region(op: Operation, region: Region, seen: set[Value]) -> None:
    for block in region.blocks:
        seen.update(block.args)
        if block.parent is not region:
            raise _fail(op, f"a block of {op.name} does not know its region")
        for inner in block:
            if inner.parent is not block:
                raise _fail(inner, f"{inner.name} does not know its block")
            _verify_op(inner, seen)
        _verify_terminator(op, block)
    for block in region.blocks:
        seen.difference_update(block.args)
        for inner in block:
            seen.difference_update(inner.results)


def _verify_terminator(op: Operation, block: Block) -> None:
    if op.name == "builtin.module":
        return
    for inner in block:
        ends = "terminator" in SPECS[inner.name].traits
        if ends != (inner is block.last):
            what = "stands before the end of its block" if ends else "ends its block"
            raise _fail(inner, f"{inner.name} {what}", "a block ends with one terminator")
    if block.last is None:
        raise _fail(op, f"a block of {op.name} is empty", "a block ends with one terminator")


def _verify_calls(module: Operation) -> None:
    """Each call names a function of fitting type."""
    if module.name != "builtin.module":
        return
    functions: dict[str, Operation] = {}
    for op in module.body:
        name = op.get("sym_name")
        if name in functions:
            raise _fail(op, f"two operations are called @{name}")
        functions[name] = op
    for op in module.walk():
        if op.name != "func.call":
            continue
        callee = functions.get(op["callee"].name)
        if callee is None:
            known = ", ".join(f"@{n}" for n in functions)
            raise _fail(op, f"call of {op['callee']}, which is not here", f"there are {known}")
        want = callee["function_type"]
        got = (tuple(v.type for v in op.operands), tuple(v.type for v in op.results))
        if got != (want.inputs, want.outputs):
            raise _fail(op, f"call of {op['callee']} with types that are not its own: {want}")
